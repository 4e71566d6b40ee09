"""The page on looking back, and the errors that popsim keeps for intervals."""

from functools import cache
from pathlib import Path

import numpy as np
import xarray as xr

from popsim.data.censuses import read_census_population, read_censuses
from popsim.demography.two_censuses import PERSISTENCE, RETURN, baseline_from_two_censuses
from popsim.proof.looking_back import (
    AGE_GROUPS,
    AGES,
    KNOWN,
    MET,
    LookingBack,
    error_model,
    looking_back,
)

SOURCES = Path(__file__).parents[1] / "sources"
#: The tables under the names that they have in ``scripts/sources``.
FILES = {
    "population": "census_population.csv",
    "deaths": "census_deaths.csv",
    "births": "census_births_by_order.csv",
    "single_ages": "census_deaths_exposure_single_age.csv",
    "births_by_age": "census_births_by_mother_age.csv",
}
PAGE = "docs/proof-looking-back.md"
KEPT = "src/popsim/proof/looking_back_errors.csv"
#: Pairs of persistence and return for the table of what they change.
PERSISTENCES = (0.5, 2 / 3, 0.75, 1.0)
RETURNS = (0.0, 0.1, 0.25, 1 / 3, 0.5)
#: Provinces in the table of the largest misses.
LARGEST = 6


@cache
def tables() -> tuple[xr.Dataset, xr.DataArray]:
    return (
        read_censuses(SOURCES, KNOWN, files=FILES),
        read_census_population(SOURCES, MET, files=FILES),
    )


def run(**options: float) -> LookingBack:
    return looking_back(tables(), **options)


def files() -> dict[str, str]:
    result = run()
    return {PAGE: page(result), KEPT: kept(result)}


def log_errors(result: LookingBack) -> np.ndarray:
    """Return logarithms of counted over projected (province, sex, age group)."""
    data = result.data
    return np.log((data["population_counted"] / data["population_projected"]).values)


def kept(result: LookingBack) -> str:
    lines = ["region,sex,age,log_error"]
    errors = log_errors(result)
    for i, region in enumerate(result.data["region"].values):
        for j, sex in enumerate(result.data["sex"].values):
            lines += [
                f"{region},{sex},{age},{error:.10g}"
                for age, error in zip(AGES, errors[i, j], strict=True)
            ]
    return "\n".join(lines) + "\n"


def page(result: LookingBack) -> str:
    parts = [
        "# Looking back: from 2000 and 2010 to the census of 2020",
        "This page is written by `python -m scripts.proof looking-back` from the census tables in "
        "`scripts/sources` (`--check` compares). One call gives the same for any folder of such "
        "tables:",
        '```python\nfrom popsim.proof.looking_back import looking_back\n\nresult = looking_back("'
        'folder")\nresult.table, result.data, result.summary\n```',
        how(),
        "## Result",
        outcome(result),
        table(result),
        "## Where it misses, and why",
        by_age(result),
        largest(result),
        "## Intervals",
        intervals(result),
        "## What was tried",
        tried(result),
        limits(),
    ]
    return "\n\n".join(parts) + "\n"


def how() -> str:
    return (
        "Every province is fitted on the censuses of 2000 and 2010 (population and deaths by sex "
        "and age, births by order; the nation's single ages as standard) and projected from "
        "1 November 2010 to 1 November 2020 in ten one-year steps of `popsim.project`. The method "
        "is on the page [from two censuses](two-censuses.md). **No number of 2020 is used in a "
        "projection**, neither the province's own nor another's nor the nation's; deaths, "
        "migration and the errors of the counts are carried on from 2000-2010. What could not be "
        "measured in two censuses is a rule that was stated for all provinces alike: half of an "
        "error of coverage on each census, children under 5 missed by both alike, "
        f"{PERSISTENCE:g} of a flow of net migration made again, {RETURN:g} of what a cohort "
        "gained going back.\n\n"
        "The error is the weighted absolute percentage error of ages 10 and over, "
        r"$100\,\sum|\hat P-P|/\sum P$ over 19 age groups and two sexes: those who were alive in "
        "2010. Beside it stands the method of Hamilton and Perry {cite:p}`hamilton1962` on the "
        "same data and cells: the ratios with which cohorts changed from 2000 to 2010, applied "
        "once more."
    )


def outcome(result: LookingBack) -> str:
    s = result.summary
    rows = [
        ["median over provinces", f"{s['median']:.2f} %", f"{s['median_hamilton_perry']:.2f} %"],
        ["mean", f"{s['mean']:.2f} %", f"{s['mean_hamilton_perry']:.2f} %"],
        [
            "largest",
            f"{result.table['wape'].max():.2f} %",
            f"{result.table['wape_hamilton_perry'].max():.2f} %",
        ],
        [
            "smaller error in",
            f"{s['number_better']} of {s['provinces']}",
            f"{s['provinces'] - s['number_better']} of {s['provinces']}",
        ],
    ]
    left = ", ".join(s["left_out"])
    return (
        markdown(["weighted absolute percentage error, ages 10+", "popsim", "Hamilton-Perry"], rows)
        + f"\n\nThe 80 % intervals hold {s['coverage_80']:.1f} % of the cells. Rows of 2020 are "
        f"not in `scripts/sources` for {left}: these provinces have not been seen."
    )


def table(result: LookingBack) -> str:
    rows = [
        [
            f"{row.name_zh} {row.name}",
            f"{row.wape:.2f}",
            f"{row.wape_hamilton_perry:.2f}",
            "yes" if row.better else "**no**",
            f"{row.total_error:+.1f}",
            f"{row.coverage_80:.0f}",
        ]
        for row in result.table.itertuples(index=False)
    ]
    return markdown(
        [
            "province",
            "popsim, %",
            "Hamilton-Perry, %",
            "better",
            "error of the total 10+, %",
            "cells inside the 80 % interval, %",
        ],
        rows,
    )


def by_age(result: LookingBack) -> str:
    data = result.data
    counted = data["population_counted"]
    error = {name: data[f"population_{name}"] - counted for name in ("projected", "hamilton_perry")}
    both = ("region", "sex")
    rows = []
    for age in AGE_GROUPS:
        all_here = float(counted.sel(age_group=age).sum())
        cells = [age]
        for name in error:
            here = error[name].sel(age_group=age)
            cells.append(f"{100 * float(np.abs(here).sum(both)) / all_here:.1f}")
            cells.append(f"{100 * float(here.sum(both)) / all_here:+.1f}")
        rows.append(cells)
    heads = [
        "age in 2020",
        "popsim: absolute error, %",
        "popsim: all provinces together, %",
        "Hamilton-Perry: absolute error, %",
        "Hamilton-Perry: all provinces together, %",
    ]
    return (
        "By age, over all provinces of the table. The second and fourth numbers show what an age "
        "group is off when the provinces are added up, so that most migration between them falls "
        "out: what is left are mostly errors of coverage of the censuses and of mortality.\n\n"
        + markdown(heads, rows)
        + "\n\nHamilton-Perry carries the undercount of children of 2000 on to 2010, the people "
        "counted twice at 15-24 to those ten years older, and the mortality of 2000-2010 to the "
        "old. What remains here are the ages of study and first work, where one decade's "
        "migration says least about the next."
    )


def largest(result: LookingBack) -> str:
    codes = result.table.nlargest(LARGEST, "wape")["region"].tolist()
    base = baseline_from_two_censuses(tables()[0], codes, start="census")
    ages = base["age"] >= AGES[0]
    rows = []
    for code in codes:
        here, met = base.sel(region=code), result.data.sel(region=code)
        before = float(here["net_migration_between_censuses"].sum())
        then = float(here["population"].sum())
        projected = float(met["population_projected"].sum())
        come = float(here["net_migration"].where(ages, 0.0).sum())
        unmoved = projected - come
        found = float(met["population_counted"].sum()) - unmoved
        row = result.table.set_index("region").loc[code]
        rows.append(
            [
                f"{row['name_zh']} {row['name']}",
                f"{row['wape']:.1f}",
                f"{100 * before / then:+.1f}",
                f"{100 * come / unmoved:+.1f}",
                f"{100 * found / unmoved:+.1f}",
            ]
        )
    heads = [
        "province",
        "error, %",
        "net migration 2000-2010, % of 2010",
        "projected 2010-2020, % of who stayed",
        "found 2010-2020, % of who stayed",
    ]
    return (
        "The largest misses are provinces whose net migration turned: no rule that carries one "
        "decade on to the next can know it. Net migration of those aged 10 and over at the end, "
        "as a share of the population (2000-2010) or of those who would be there without it:\n\n"
        + markdown(heads, rows)
    )


def intervals(result: LookingBack) -> str:
    model = error_model(log_errors(result))
    data = result.data
    inside = (data["population_counted"] >= data["population_lower"]) & (
        data["population_counted"] <= data["population_upper"]
    )
    share = inside.mean(("region", "sex")).values
    rows = [
        [age, f"{100 * scale:.1f}", f"{100 * covered:.0f}"]
        for age, scale, covered in zip(AGE_GROUPS, model.scale, share, strict=True)
    ]
    by_province = result.table["coverage_80"]
    return (
        "One interval between censuses has no history of errors. The width for a province comes "
        "from the errors of the **other** provinces in 2020, itself left out: the logarithm of "
        "counted over projected is `s(x) (b + c)`, s(x) the root mean square by age, b common to "
        "all ages and both sexes of a province, c the cell's own, their variances adding up to 1. "
        f"The common part has {100 * model.common:.0f} % of the variance: an interval that misses "
        "one age of a province is likely to miss others, and errors do not average out over the "
        "ages of a province. The number of s(x) that makes an 80 % interval is the quantile of the "
        f"standardised errors of the other provinces, {model.multiplier:.2f} with all of them "
        "(1.28 for a normal distribution). A folder with fewer than ten other provinces is given "
        "the errors below, kept in `looking_back_errors.csv`; a province is never given its own."
        "\n\n"
        + markdown(["age in 2020", "s(x), %", "cells inside the 80 % interval, %"], rows)
        + f"\n\nOver all cells {result.summary['coverage_80']:.1f} % lie inside. By province the "
        f"share runs from {by_province.min():.0f} to {by_province.max():.0f} %, as it must when a "
        "common error is a large part: it is close to 80 % for an average province and not for "
        "each."
    )


@cache
def grid() -> dict[tuple[float, float], LookingBack]:
    return {(p, r): run(persistence=p, returning=r) for p in PERSISTENCES for r in RETURNS}


def tried(result: LookingBack) -> str:
    cells = grid()
    theirs = result.table["wape_hamilton_perry"].to_numpy()
    errors = np.stack([found.table["wape"].to_numpy() for found in cells.values()])
    # For each province the pair with the smallest mean error over the other provinces.
    others = (errors.sum(axis=1, keepdims=True) - errors) / (errors.shape[1] - 1)
    learnt = errors[others.argmin(axis=0), np.arange(errors.shape[1])]
    rows = [
        [
            f"{p:.2f}",
            *(
                f"{found.summary['median']:.2f} / {found.summary['mean']:.2f} / "
                f"{found.summary['number_better']}"
                for found in (cells[p, r] for r in RETURNS)
            ),
        ]
        for p in PERSISTENCES
    ]
    plain = [
        ("as used", result),
        ("nobody moves", run(persistence=0.0, returning=0.0)),
        ("every flow made again, nothing goes back", cells[1.0, 0.0]),
        ("children of 2010 not corrected", run(children_missed=0.0)),
    ]
    variants = [
        [
            name,
            f"{found.summary['median']:.2f}",
            f"{found.summary['mean']:.2f}",
            f"{found.summary['number_better']}",
        ]
        for name, found in plain
    ]
    variants.append(
        [
            "both shares of migration chosen leave-one-out from the other provinces' 2020",
            f"{np.median(learnt):.2f}",
            f"{learnt.mean():.2f}",
            f"{int((learnt < theirs).sum())}",
        ]
    )
    return (
        markdown(["variant", "median, %", "mean, %", "better than Hamilton-Perry"], variants)
        + "\n\nThe shares of migration that is made again (down) and that goes back (across), "
        "median / mean / number better than Hamilton-Perry:\n\n"
        + markdown(["made again", *(f"goes back {r:.2f}" for r in RETURNS)], rows)
        + "\n\nThe pair in use is the middle of two ranges (half to all is made again, none to "
        "half goes back), not the best cell, and the table was looked at: the 25 provinces have "
        "been seen by whoever chose the form of the rule. The mean error is flat around the "
        "pair; the median and the number of provinces move by a few from cell to cell, because "
        "several provinces are close to a tie with Hamilton-Perry. Learning the pair from the "
        "other provinces' 2020 does not help. Tried on five-year groups before this was written, "
        "and left because it was worse or gained nothing: net migration as counts, or as rates on "
        "the region's own people for gains too; a share for each age group, learnt leave-one-out; "
        "net migration balanced over the provinces of the nation; the nation's mortality for all."
    )


def limits() -> str:
    return (
        "## What this does not show\n\n"
        "Ages under 10 in 2020 were born in the decade and are not compared: births of 2010-2020 "
        "were moved by two changes of the birth policy that no census before them knew. The counts "
        "of 2020 are taken as they are. Ten years and one country are one experiment; the next "
        "decade may turn in other places."
    )


def markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
