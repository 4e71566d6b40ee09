"""The page on measures of fertility by order."""

import pandas as pd

from popsim.proof.fertility_measures import STRENGTHS, compare_measures
from scripts.baselines.validation import table
from scripts.proof import sources

PAGE = "docs/proof-fertility.md"
PARTS = {
    "Period fertility table": ("PATFR", "mean age", "births by age"),
    "Tempo-adjusted total fertility": ("tempo-adjusted",),
    "Birth intervals": ("birth interval",),
    "Progression of cohorts": ("completed fertility", "change"),
}


def files() -> dict[str, str]:
    return {PAGE: page(compare_measures(sources.fertility_cases()))}


def page(rows: pd.DataFrame) -> str:
    missed = int((rows["verdict"] != "met").sum())
    parts = [
        "# Measures of fertility beside published figures",
        "This page is written by `python -m scripts.proof fertility-measures` from cited tables in "
        "`scripts/sources`, and compared with them by `python -m scripts.proof fertility-measures "
        "--check`. On the reference files themselves it is one call: "
        "`popsim.proof.fertility_measures.fertility_measures(folder)`.",
        f"{len(rows)} figures, {len(rows) - missed} met, {missed} missed. Strength of the source: "
        + "; ".join(f"**{key}** {text}" for key, text in STRENGTHS.items())
        + ". The tolerance is what the digits of the figure and of its inputs allow.",
    ]
    for title, starts in PARTS.items():
        chosen = rows[rows["measure"].str.startswith(starts)]
        parts += [f"## {title}", f"{'; '.join(chosen['source'].unique())}.", _table(chosen)]
    parts += [
        "## What the figures do not prove",
        "\n".join(
            [
                "- No table of Bongaarts and Feeney's paper of 1998 was at hand; the expected "
                "rates of Greece follow from the same formula, computed apart. Ages of five years "
                "make them a test of the formula, not an estimate.",
                "- TFRp* (Bongaarts & Sobotka 2012) has no published figure here. It is tested "
                "against the period fertility table, with which it agrees in first births.",
                "- China's progression ratios of 1980 and 1981 (total fertility of 2.25 beside "
                "2.70, and 2.65 beside 2.65) are published without the ratios, so nothing can be "
                "recomputed.",
                "- The log of Colombia reads its quartiles at the starts of intervals of three "
                "months; who has gone on by the end of an interval has done so by its end, so "
                "popsim reads them there unless told otherwise and comes out three months later.",
            ]
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _table(rows: pd.DataFrame) -> str:
    cells = [
        [
            str(row["measure"]),
            f"{row['popsim']:.7f}",
            f"{row['expected']:.7f}",
            # What is far below the tolerance is rounding, and not the same on every machine.
            "0" if abs(row["difference"]) < row["tolerance"] / 50 else f"{row['difference']:+.0e}",
            f"{row['tolerance']:.0e}",
            str(row["verdict"]),
            str(row["strength"]),
        ]
        for row in rows.to_dict("records")
    ]
    head = ["", "popsim", "expected", "difference", "tolerance", "", "strength"]
    return table(head, cells)
