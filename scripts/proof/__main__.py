"""Write the pages of the proof: ``python -m scripts.proof [NAME ...] [--check]``.

A page is a module with a function ``files()`` that returns the text of every file it writes.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from scripts.baselines.write import same
from scripts.proof import evidence, fertility_measures, looking_back, un

ROOT = Path(__file__).parents[2]
PAGES = {
    "looking-back": looking_back.files,
    "un": un.files,
    "fertility-measures": fertility_measures.files,
    "evidence": evidence.files,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all, or: {', '.join(PAGES)}")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in PAGES]
    if unknown:
        parser.error(f"no page {', '.join(unknown)}; there are {', '.join(PAGES)}")
    different = []
    for name in options.names or PAGES:
        for path, text in PAGES[name]().items():
            if not options.check:
                (ROOT / path).write_text(text, encoding="utf-8")
            elif not agrees(text, ROOT / path):
                different.append(path)
    for path in different:
        print(f"differs from what the sources give: {path}", file=sys.stderr)
    return 1 if different else 0


def agrees(text: str, path: Path) -> bool:
    """Return whether a file says the text, numbers of tables to rounding."""
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / path.name
        made.write_text(text, encoding="utf-8")
        return same(made, path)


if __name__ == "__main__":
    sys.exit(main())
