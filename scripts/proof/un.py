"""The page on the United Nations' projections."""

import pandas as pd

from popsim.proof.un import COMPARED_2019, Comparison, compare
from popsim.proof.wpp_2019 import PATTERNS
from popsim.proof.wpp_2024 import VARIANTS
from scripts.baselines.validation import table
from scripts.proof import sources

PAGE = "docs/proof-un.md"
NAMES = {
    "CAN": "Canada",
    "CHN": "China",
    "TWN": "Taiwan Province of China",
    "FRA": "France",
    "DEU": "Germany",
    "HUN": "Hungary",
    "JPN": "Japan",
    "KOR": "Republic of Korea",
    "POL": "Poland",
    "RUS": "Russian Federation",
    "SGP": "Singapore",
    "SWE": "Sweden",
}


def files() -> dict[str, str]:
    return {PAGE: page(compare(sources.wpp()))}


def percent(value: float, digits: int = 2) -> str:
    # "+ 0.0" turns a rounded -0.0 into 0.0.
    return f"{round(value, digits) + 0.0:+.{digits}f}"


def page(result: Comparison) -> str:
    parts = [
        "# Beside the United Nations' projections",
        "This page is written by `python -m scripts.proof un` from the tables of World Population "
        "Prospects 2019 and 2024 in `scripts/sources`, and compared with them by "
        "`python -m scripts.proof un --check`. The same numbers come from one call on the files "
        "themselves: `popsim.proof.un.un(folder)`. The United Nations' inputs are projected with "
        "popsim's own step and set beside their medium variant for twelve countries. Differences "
        "are per cent of the United Nations' figure; those by age are the sum of absolute "
        "differences over sexes and ages, per cent of the population.",
        "## Revision of 2019: five-year ages, 1 July 2020 to 1 July 2100",
        _method_2019(),
        _table_2019(result),
        "Where the difference is more than rounding:",
        _reasons(result, 2019),
        "### Other age patterns of migration",
        _choice_2019(),
        _alternatives_2019(result),
        "## Revision of 2024: single ages, 2025 to 2100",
        _method_2024(),
        _table_2024(result),
        _why_2024(),
        "### One thing done otherwise",
        _alternatives_2024(result),
        "Data: United Nations, Department of Economic and Social Affairs, Population Division, "
        "World Population Prospects 2019 and 2024, CC BY 3.0 IGO.",
    ]
    return "\n\n".join(parts) + "\n"


def _method_2019() -> str:
    return "\n".join(
        [
            "- Survival from the published death rates (0, 1–4, 5–9, …, 100 and over): life table "
            "with a0 of Andreev & Kingkade, ratios of person-years; the open group by T.",
            "- Births: published rates by five-year age on the mean of the women at the start and "
            "at the end of the five years, migrants included; published sex ratio at birth.",
            "- Net migration: the published total of each five years, people at their age at the "
            "end. The residual of 2015–2020 counted this way adds up to the published migration of "
            "that period, which neither migrants spread over the step nor migrants without births "
            "do.",
            "- **Age pattern of migration: assumed, since it is not published.** The pattern of "
            "2015–2020 (residual by cohort) passes in a straight line over 30 years into the "
            "mixture of the United Nations' model schedules (families, labour of men, labour of "
            "women) that is nearest to it; the family schedule where no mixture explains half of "
            "it.",
        ]
    )


def _of(frame: pd.DataFrame, revision: int) -> pd.DataFrame:
    return frame[frame["revision"] == revision]


def _table_2019(result: Comparison) -> str:
    rows = []
    for row in _of(result.summary, 2019).to_dict("records"):
        cells = [
            percent(row[f"{kind}_{year}"])
            if kind == "difference"
            else f"{row[f'{kind}_{year}']:.2f}"
            for year in COMPARED_2019
            for kind in ("difference", "by_age")
        ]
        largest = f"{percent(row['largest'])} ({int(row['largest_year'])})"
        rows.append([NAMES[row["country"]], *cells, largest])
    head = ["%", *(h for y in COMPARED_2019 for h in (f"{y}, total", f"{y}, by age"))]
    return table([*head, "largest of any year"], rows)


def _reasons(result: Comparison, revision: int) -> str:
    return "\n".join(
        f"- {NAMES[row.country]}: {row.reason}."
        for row in _of(result.reasons, revision).itertuples()
        if "to rounding" not in row.reason
    )


def _choice_2019() -> str:
    described = "; ".join(f"*{name}*: {text}" for name, text in PATTERNS.items())
    return (
        f"{described}. The first is used. It was settled on after several of these had been set "
        "beside the United Nations' result, so all are printed: the table says how much the "
        "assumption matters, and that no single one is right everywhere. Canada, Sweden and "
        "(nearly) Hungary have the family schedule already in 2015–2020; Taiwan, Korea, Singapore "
        "and China keep their own pattern; Germany, Poland and Russia turn to the family schedule "
        "at once; Japan changes in mid-century; France has a pattern of its own with large losses "
        "at 20–29."
    )


def _alternatives_2019(result: Comparison) -> str:
    at = _of(result.alternatives, 2019)
    at = at[at["year"] == 2100].set_index(["country", "assumption"])
    rows = [
        [
            NAMES[country],
            *(
                f"{percent(at.loc[(country, name), 'difference'])} / "
                f"{at.loc[(country, name), 'by_age']:.2f}"
                for name in PATTERNS
            ),
        ]
        for country in at.index.unique("country")
    ]
    return table(["2100: total / by age, %", *PATTERNS], rows)


def _method_2024() -> str:
    return "\n".join(
        [
            "- Base, 1 January 2025: the United Nations' population of 1 July is the mean of the "
            "two of 1 January beside it, so the mean of July 2024 and July 2025 is centred on the "
            "January between. Its five-year groups are graduated with the survivors of each year's "
            "births since 1950 (and of the graduated population of 1950) as the standard, and "
            "each sex is scaled to the published stock of 31 December 2024 (by 0.12 % at most).",
            "- Mortality: the five-year rates, brought to single ages with every survivor kept. "
            "For each year and sex, the moment on the path of the projected periods whose schedule "
            "has the published life expectancy of the year.",
            "- Fertility: age patterns of the periods, graduated and interpolated, at the annual "
            "total fertility rate; annual sex ratio at birth.",
            "- Migration: net migrants by single age, sex and year as published, at the end of the "
            "year: the timing of the published runs of the United Nations' own code.",
            "- Compared: births and deaths of calendar years, population of 31 December. The "
            "projected population by age of this revision is not in the tables, nor any population "
            "by age of Taiwan, which is therefore not projected.",
        ]
    )


def _table_2024(result: Comparison) -> str:
    rows = []
    summary = _of(result.summary, 2024).set_index(["country", "measure"])
    for country in summary.index.unique("country"):
        people = summary.loc[(country, "population")]
        cells = [percent(people[f"difference_{year}"]) for year in (2030, 2050, 2075, 2100)]
        for measure in ("births", "deaths"):
            row = summary.loc[(country, measure)]
            cells.append(f"{percent(row['largest'])} ({int(row['largest_year'])})")
            cells.append(percent(row["difference_2100"]))
        rows.append([NAMES[country], *cells])
    head = ["%", *(f"population {y}" for y in (2030, 2050, 2075, 2100))]
    for measure in ("births", "deaths"):
        head += [f"{measure}, largest", f"{measure} 2100"]
    return table(head, rows)


def _why_2024() -> str:
    return (
        "What is left are single ages. Births differ by the single ages of fertility and of the "
        "women in the base (Singapore most, whose cohorts come largely from migration that the "
        "births do not know); deaths by the age pattern inside five-year groups and between "
        "periods. China's deaths of 2025 differ most: the published life expectancy leaps by half "
        "a year from 2025 to 2026, as the excess of the years before ends, and five-year rates "
        "cannot tell the age pattern of a single such year."
    )


def _alternatives_2024(result: Comparison) -> str:
    at = _of(result.alternatives, 2024).set_index(["country", "measure", "assumption"])
    shown = [
        ("population", "full"),
        ("population", "even"),
        ("births", "full"),
        ("births", "even"),
        ("births", "spline"),
        ("deaths", "full"),
        ("deaths", "periods"),
    ]
    rows = [
        [
            NAMES[country],
            *(f"{at.loc[(country, *column), 'largest']:.2f}" for column in shown),
        ]
        for country in at.index.unique("country")
    ]
    described = "; ".join(f"*{name}*: {text}" for name, text in VARIANTS.items())
    largest = table(["largest of any year, ± %", *(f"{m}, {v}" for m, v in shown)], rows)
    return (
        f"{described}. Migrants spread evenly would give more births, because the step then counts "
        "them for three quarters of the year; both timings were run before one was kept.\n\n"
        f"{largest}"
    )
