"""Build the baselines and their validation page: ``python -m scripts.baselines [--check]``."""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from scripts.baselines import validation, write
from scripts.baselines.assemble import assemble
from scripts.baselines.build import build
from scripts.baselines.plans import PLANS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="compare with the embedded tables, write nothing"
    )
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) if check else write.FOLDER
        built = {name: build(plan()) for name, plan in PLANS.items()}
        for name, baseline in built.items():
            write.write(target / name, assemble(baseline), baseline.plan)
        plan = built["zhejiang-2020"].plan
        alternative = build(plan, release=True)
        page = validation.page(built, alternative, build(replace(plan, observed={})))
        if not check:
            validation.PAGE.write_text(page, encoding="utf-8")
            return 0
        return report_differences(target, page)


def report_differences(rebuilt: Path, page: str) -> int:
    different = [
        str(path.relative_to(rebuilt))
        for path in sorted(rebuilt.rglob("*.*"))
        if not write.same(path, write.FOLDER / path.relative_to(rebuilt))
    ]
    if validation.PAGE.read_text(encoding="utf-8") != page:
        different.append(validation.PAGE.name)
    for name in different:
        print(f"differs from what the sources give: {name}", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
