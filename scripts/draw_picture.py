"""Draw the pictures of the README and of the pages: ``python -m scripts.draw_picture``.

SVG, so that a picture is text like everything else here.
"""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

import popsim as ps

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs/images"


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    # Fixed identifiers and no date: the same picture gives the same file.
    with mpl.rc_context({"svg.hashsalt": "popsim", "svg.fonttype": "path"}):
        for name, draw in PICTURES.items():
            draw().savefig(IMAGES / name, metadata={"Date": None})


def zhejiang_as_qingyuan() -> Figure:
    base = ps.load_baseline("zhejiang-2020")
    result = ps.run(base, ROOT / "scenarios/zhejiang-as-qingyuan.yaml", draws=500, seed=1)
    effect = ps.compare(result)
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    ps.plot.fan(result.total_fertility_rate, ax=left)
    ps.plot.fan(effect.difference.total_fertility_rate, ax=right)
    return figure


def evidence_forest() -> Figure:
    figure = Figure(figsize=(8, 5), layout="constrained")
    ps.plot.forest(ps.pool_evidence(), ax=figure.subplots(), locale="both")
    return figure


PICTURES = {
    "zhejiang-as-qingyuan.svg": zhejiang_as_qingyuan,
    "evidence-forest.svg": evidence_forest,
}


if __name__ == "__main__":
    main()
