"""Write the default response from the evidence: ``python -m scripts.response [--check]``.

Derived from the table: which estimates are pooled, the fit of the dose-response map, the spread
between programmes, the effect of childcare. All else are the named judgements of
``judgements.py``. ``template.yaml`` holds the words.
"""

import argparse
import sys
from pathlib import Path
from string import Template

from popsim.data.evidence import evidence
from popsim.policy.pooling import fit_dose_response, pool_evidence
from scripts.response.judgements import JUDGEMENTS

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "src/popsim/policy/default-response.yaml"
TEMPLATE = Path(__file__).with_name("template.yaml")
#: The outer anchor is cited beside the pool and is not in it.
ANCHOR = "META-ifs-prob"
_WORDS = {9: "nine", 10: "ten", 11: "eleven", 12: "twelve"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args()
    text = response_text()
    if not options.check:
        TARGET.write_text(text, encoding="utf-8")
    elif TARGET.read_text(encoding="utf-8") != text:
        print(f"differs from what the evidence gives: {TARGET.relative_to(ROOT)}", file=sys.stderr)
        return 1
    return 0


def response_text() -> str:
    """Return the response file; a name of the template without a number is an error."""
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(numbers())


def numbers() -> dict[str, str]:
    """Return every number of the file as it is written, derived or judged."""
    chosen = {name: judgement.value for name, judgement in JUDGEMENTS.items()}
    pool, fit = pool_evidence(), fit_dose_response(Ds=[chosen["cash_scale"]])
    fitted = float(fit.maps["beta"][0])
    childcare = evidence(channel="childcare").set_index("id")
    per_ten = childcare.loc["DE-bhr-all", "effect_pct"] / (
        childcare.loc["DE-bhr-all", "coverage_points"] / 10
    )
    ids = evidence(pooled=True).groupby("programme")["id"].apply(list)
    rows = [row for name in pool.programmes["programme"] for row in ids[name]] + [ANCHOR]
    written = {name: f"{value:g}" for name, value in chosen.items()}
    return written | {
        "pooled_rows": "\n".join(f"          - {row}" for row in rows),
        "programmes": _WORDS[len(pool.programmes)].capitalize(),
        "programmes_within": _WORDS[len(pool.programmes)],
        "tau": f"{pool.tau:.2f}",
        "fit_beta": f"{fitted:.2f}",
        # Two digits would pretend to know more: the interval reaches over a factor of ten.
        "cash_beta": f"{to_nearest(fitted * chosen['shrinkage'], 0.05):.2f}",
        "cash_lasting": f"{mean_of_beta('cash_lasting'):.2f}",
        "childcare_studied": f"{per_ten:g}",
        "childcare_effect": f"{to_nearest(per_ten * chosen['childcare_shrinkage'], 0.1):.1f}",
        "childcare_lasting": f"{mean_of_beta('childcare_lasting'):.1f}",
        "leave_lasting": f"{mean_of_beta('leave_lasting'):.1f}",
        "marriage_lasting": f"{mean_of_beta('marriage_lasting'):.2f}",
        "intention": f"{mean_of_beta('intention'):.1f}",
        "payback": f"[{', '.join(f'{share:.3f}' for share in payback())}]",
    }


def to_nearest(value: float, step: float) -> float:
    return round(value / step) * step


def mean_of_beta(quantity: str) -> float:
    a, b = (JUDGEMENTS[f"{quantity}_{name}"].value for name in "ab")
    return a / (a + b)


def payback() -> list[float]:
    """Return shares of years 1 to n on a straight line with the given mean; they sum to 1.

    ``w_j = 1/n + c ((n + 1)/2 - j)`` with ``c = ((n + 1)/2 - mean) / (n (n² - 1) / 12)``.
    """
    years = int(JUDGEMENTS["payback_years"].value)
    middle = (years + 1) / 2
    tilt = (middle - JUDGEMENTS["payback_mean"].value) / (years * (years**2 - 1) / 12)
    return [1 / years + tilt * (middle - year) for year in range(1, years + 1)]


if __name__ == "__main__":
    sys.exit(main())
