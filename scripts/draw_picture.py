"""Draw the picture of the README: ``python -m scripts.draw_picture``.

An SVG, so that the picture is text like everything else here.
"""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

import popsim as ps

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs/images/zhejiang-as-qingyuan.svg"


def main() -> None:
    base = ps.load_baseline("zhejiang-2020")
    result = ps.run(base, ROOT / "scenarios/zhejiang-as-qingyuan.yaml", draws=500, seed=1)
    effect = ps.compare(result)
    # Fixed identifiers and no date: the same picture gives the same file.
    with mpl.rc_context({"svg.hashsalt": "popsim", "svg.fonttype": "path"}):
        figure = Figure(figsize=(11, 4), layout="constrained")
        left, right = figure.subplots(1, 2)
        ps.plot.fan(result.total_fertility_rate, ax=left)
        ps.plot.fan(effect.difference.total_fertility_rate, ax=right)
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(TARGET, metadata={"Date": None})


if __name__ == "__main__":
    main()
