"""The validation page: what the baselines give beside what was published."""

from pathlib import Path

import numpy as np

from scripts.baselines import fertility, mortality, population, sources
from scripts.baselines.build import HELD, Built

PAGE = Path(__file__).parents[2] / "docs/validation.md"
WAN = 1e4


def page(built: dict[str, Built], alternative: Built, unmet: Built) -> str:
    """Return the page; two variants of Zhejiang 2020 are told beside it.

    ``alternative`` has the other history of births, ``unmet`` holds the fertility of 2020 from 2021
    on and meets no later figure.
    """
    zhejiang, back, china = (built[n] for n in ("zhejiang-2020", "zhejiang-2010", "china-2020"))
    parts = [
        "# Validation of the embedded baselines",
        "This page is written by `python -m scripts.baselines` from the cited tables in "
        "`scripts/sources` and is compared with them by `python -m scripts.baselines --check`. "
        "Numbers of people are in 10⁴ (万人).",
        "## Zhejiang, census of 2020 (`zhejiang-2020`)",
        base_year(zhejiang),
        fertility_2020(zhejiang),
        stocks(zhejiang),
        flows(zhejiang),
        life_expectancy(zhejiang),
        held(zhejiang, unmet),
        parity(zhejiang),
        other_history(zhejiang, alternative),
        "## The nation (`china-2020`)",
        nation(china),
        parity(china),
        "## Looking back from 2010 (`zhejiang-2010`)",
        looking_back(back),
    ]
    return "\n\n".join(parts) + "\n"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def compared(name: str, ours: float, published: float, digits: int = 1) -> list[str]:
    miss = (ours / published - 1) * 100
    # "+ 0.0" turns a rounded -0.0 into 0.0.
    return [
        name,
        f"{ours:,.{digits}f}",
        f"{published:,.{digits}f}",
        f"{round(miss, 2) + 0.0:+.2f} %",
    ]


HEAD = ["", "popsim", "published", "difference"]


def base_year(built: Built) -> str:
    people = built.base.population / WAN
    census = {
        age: sources.published(f"population_age_{age}", 2020) / WAN
        for age in ("0_14", "15_59", "60plus", "65plus")
    }
    rows = [
        compared("resident population, year-end 2020", people.sum(), 6468, 1),
        compared("aged 0-14 (census: 1 November)", people[:, :15].sum(), census["0_14"]),
        compared("aged 15-59 (census)", people[:, 15:60].sum(), census["15_59"]),
        compared("aged 60+ (census)", people[:, 60:].sum(), census["60plus"]),
        compared("aged 65+ (census)", people[:, 65:].sum(), census["65plus"]),
        compared(
            "women 15-49 (census)",
            people[0, 15:50].sum(),
            sources.published("women_15_49", 2020) / WAN,
        ),
    ]
    steps = "; ".join(
        f"{name} {value / WAN:+,.2f}"
        for name, value in built.adjustments.items()
        if name not in ("census", "birthdays")
    )
    return (
        "### Base population, 1 January 2021\n\n"
        + table(HEAD, rows)
        + f"\n\nThe census counted {built.adjustments['census'] / WAN:,.2f} on 1 November; on the "
        f"way to 1 January (10⁴): {steps}. Ages move because two months pass, and the scaling to "
        "the year-end figure adds what came in by migration or was revised."
    )


def fertility_2020(built: Built) -> str:
    rates = fertility.census_rates(2020, sources.ZHEJIANG, 1.0)
    women = fertility.mean_women(2020, sources.ZHEJIANG)
    per_unit = float((rates * women).sum())
    published = sources.published("tfr", 2020)
    bulletin = built.plan.births_of_census_year
    infants = float(population.single_ages(2020, sources.ZHEJIANG)[:, 0].sum())
    implied = published * per_unit
    rows = [
        ["births that TFR 1.04 needs with the census's women", f"{implied / WAN:.1f}", "1.04"],
        [
            "births of 2020 by the bulletin (7.13 per 1,000 of the year-end population)",
            f"{bulletin / WAN:.1f}",
            f"{bulletin / per_unit:.3f}",
        ],
        [
            "children aged 0 in the census (survivors)",
            f"{infants / WAN:.1f}",
            f"{infants / per_unit:.3f}",
        ],
    ]
    first = built.paths["incidence"].years[0].total_fertility_rate.sum()
    return (
        "### Total fertility rate of 2020: 1.04 and what contradicts it\n\n"
        + table(["", "10⁴", "total fertility rate"], rows)
        + "\n\nThe bureau's 1.04 rests on births reported in the long form, which are "
        f"{(implied / infants - 1) * 100:.1f} % more than the children aged 0 and "
        f"{(implied / bulletin - 1) * 100:.1f} % more than the bulletin's births. The baseline "
        "takes age patterns and orders from the long form (level 1.04) and meets the bulletins' "
        f"births from 2021 on, so its total fertility rate of 2021 is {first:.3f}: nearly all "
        "of the fall from 1.04 is the difference between the two sources."
    )


def stocks(built: Built) -> str:
    rows = []
    groups = (("0_15", 0, 16), ("16_59", 16, 60), ("60plus", 60, None), ("65plus", 65, None))
    for year in range(2021, 2025):
        people = built.paths["incidence"].years[year - 2021].end.population / WAN
        met = year in built.plan.observed
        note = "met" if met else "projected"
        total = sources.published("population_resident_10k", year)
        rows.append(compared(f"year-end {year}, total ({note})", people.sum(), total))
        for place, sex in enumerate(("female", "male")):
            own = sources.published(f"population_{sex}_10k", year)
            rows.append(compared(f"year-end {year}, {sex}", people[place].sum(), own))
        if year < 2024:
            for name, start, end in groups:
                label = name.replace("_", "-").replace("plus", "+")
                own = sources.published(f"population_age_{name}_10k", year)
                ours = people[:, start:end].sum()
                rows.append(compared(f"year-end {year}, aged {label}", ours, own))
    return (
        "### Resident population at year-end\n\n"
        + table(HEAD, rows)
        + "\n\nTotals of 2021-2023 are met by construction (net migration is the change of the "
        "stock less natural change); 2024, sexes and ages are not fitted. The bulletins' ages come "
        "from the yearly sample survey: from 2021 to 2023 it adds more people aged 60 and over "
        "than the census cohorts that turn 60 can give, so the baseline stays below it."
    )


def flows(built: Built) -> str:
    rows = []
    for year, known in built.plan.observed.items():
        done = built.paths["incidence"].years[year - 2021]
        rows.append(compared(f"births {year}", done.births.sum() / WAN, known.births.sum() / WAN))
        rows.append(compared(f"deaths {year}", done.deaths / WAN, known.deaths / WAN))
    shares = [
        [str(year), *(f"{100 * s:.1f}" for s in known.births / known.births.sum())]
        for year, known in built.plan.observed.items()
    ]
    return (
        "### Births and deaths (met by construction)\n\n"
        + table(HEAD, rows)
        + "\n\nShares of births by order (%), ILLUSTRATIVE: the census of 2020 moved with the "
        "registered births of Tongxiang, the only county series there is. Its third and later "
        "births are few (about 100 in 2023) and rose from 1.4 to 2.7 % of births: that raises "
        "the odds of third births here by 72 %, more than the nation's 34 % by 2022, and is frozen "
        "from 2024 on.\n\n" + table(["year", "order 1", "2", "3", "4 and over"], shares)
    )


def life_expectancy(built: Built) -> str:
    raw = mortality.single_age_rates(mortality.census_rates(2020, sources.ZHEJIANG))
    adjusted = mortality.single_age_rates(
        mortality.adjusted_rates(2020, sources.ZHEJIANG, built.plan.crude_death_rate)[0]
    )
    rows = [
        [name, *(f"{e0:.2f}" for e0 in mortality.life_expectancy(mx))]
        for name, mx in (
            ("census deaths of 2020 as reported", raw),
            ("adjusted (5.84 per 1,000)", adjusted),
            ("2021, deaths of the bulletin met", built.mx[0]),
            ("2023, deaths of the bulletin met", built.mx[2]),
            ("2024", built.mx[3]),
            ("2060", built.mx[-1]),
        )
    ]
    national = sources.published("life_expectancy", 2020, "China")
    hangzhou = sources.published("life_expectancy", 2020, "Hangzhou")
    return (
        "### Life expectancy at birth\n\n"
        + table(["", "women", "men"], rows)
        + "\n\nThe census reports 4.75 deaths per 1,000, the bulletin 5.84. Official deaths and "
        "official life expectancies disagree too: with the bulletin's deaths Zhejiang comes out "
        f"some four years above the nation's official {national} (2020), near the {hangzhou} that "
        "Hangzhou gives for its registered population alone. No figure of the province itself "
        "could be read at its source, so none is quoted or met; deaths are."
    )


def held(built: Built, unmet: Built) -> str:
    rows = []
    for year in (2023, 2024, 2030, 2040, 2050, 2060):
        cells = [str(year)]
        for path in built.paths.values():
            done = path.years[year - 2021]
            cells += [
                f"{done.total_fertility_rate.sum():.3f}",
                f"{100 * done.births[1] / done.births.sum():.1f}",
            ]
        rows.append(cells)
    head = ["year", "TFR, incidence held", "second births %", "TFR, conditional held", "second %"]
    return (
        "### What is held from 2024\n\n"
        + table(head, rows)
        + "\n\n`load_baseline(name)` holds the total fertility rate by order (incidence); "
        '`load_baseline(name, fertility="conditional")` holds the conditional rates by parity. '
        "The second lets first births catch up with the women who are still childless, and second "
        "births fall with the women who have one child. By 2030 the two differ by "
        f"{_gap(built)}. Held from 2021 on, without meeting the births of 2021-2023, they would "
        f"differ by {_gap(unmet)}: those births have lowered the rate of second births to "
        f"{built.paths[HELD[0]].fertility_factor[2][1]:.2f} of that of 2020, so part of what the "
        "two-child policy had released is spent before anything is held. Both gaps rest on the "
        "reconstructed stock of women with one child, which is the least certain part of the "
        "baseline (below)."
    )


def _gap(built: Built) -> str:
    """Say by how much the two paths of fertility differ in 2030."""
    incidence, conditional = (built.paths[held].years[2030 - 2021] for held in HELD)
    rates = conditional.total_fertility_rate.sum() - incidence.total_fertility_rate.sum()
    shares = [100 * done.births[1] / done.births.sum() for done in (incidence, conditional)]
    return (
        f"{rates:+.2f} in the total fertility rate and {shares[1] - shares[0]:+.0f} points in the "
        "share of second births (conditional less incidence)"
    )


def parity(built: Built) -> str:
    text = (
        "### Women by parity, reconstructed (%)\n\n"
        + table(["", "0", "1", "2", "3 and more"], parity_rows("", built))
        + "\n\nNo count of women by children ever born is published for the region. The history "
        "follows the order shares of Fujian to 2009 and the censuses of 2010 and 2020."
    )
    if built.plan.region != sources.ZHEJIANG:
        return text + (
            f" First births are limited to {fertility.MOST_FIRST_BIRTHS} per woman a year: "
            "Fujian's shares on the UN's level would give more first births than there are women "
            "without children."
        )
    return text + (
        " The childless share is certainly too high: it is what the official total fertility rates "
        "of 0.9 to 1.0 since the 1990s add up to, and those count births less completely than "
        "later censuses count the children, and miss what women who moved in had before."
    )


def parity_rows(name: str, built: Built) -> list[list[str]]:
    rows = []
    for label, ages in (("35-39", slice(35, 40)), ("45-49", slice(45, 50))):
        weights = built.base.women.sum(axis=0)[ages]
        mean = 100 * np.average(built.parity[:, ages], axis=1, weights=weights)
        rows.append([f"women {label}{name}", *(f"{share:.1f}" for share in mean)])
    return rows


def other_history(built: Built, alternative: Built) -> str:
    """Return what another history of births by order would change."""
    rows = []
    for name, one in (("default", built), ("alternative", alternative)):
        for held in HELD:
            for year in (2023, 2030, 2040):
                done = one.paths[held].years[year - 2021]
                rates, births = done.total_fertility_rate, done.births / done.births.sum()
                rows.append(
                    [
                        f"{name}, {held} held, {year}",
                        f"{rates.sum():.3f}",
                        *(f"{100 * share:.1f}" for share in births[1:3]),
                    ]
                )
    return (
        "### One other history, and what it changes\n\nThe alternative adds the wave of second "
        "births of 2017-2018 that Fujian's surveys show after the two-child policy. It puts more "
        "women in their thirties at parity 2 and fewer at parity 1:\n\n"
        + table(["", "0", "1", "2", "3 and more"], parity_rows(", alternative", alternative))
        + "\n\n"
        + table(["", "TFR", "second births %", "third births %"], rows)
    )


def nation(built: Built) -> str:
    rows = []
    for year, known in built.plan.observed.items():
        done = built.paths["incidence"].years[year - 2021]
        rows.append(
            compared(f"births {year} (met)", done.births.sum() / WAN, known.births.sum() / WAN, 0)
        )
    done = built.paths["incidence"].years
    rows.append(
        compared(
            "births 2024 (projected; year of the dragon)",
            done[3].births.sum() / WAN,
            sources.published("births_10k", 2024, "China"),
            0,
        )
    )
    rows.append(
        compared(
            "population, year-end 2021 (met)",
            done[0].end.population.sum() / WAN,
            sources.published("population_10k", 2021, "China"),
            0,
        )
    )
    return table(HEAD, rows) + (
        "\n\nNo GDP per head is embedded for the nation, so a scenario that promises money must "
        "give one (`gdp_per_head`)."
    )


def looking_back(built: Built) -> str:
    ours = built.paths["incidence"].years[9].end.population / WAN
    census = population.single_ages(2020, sources.ZHEJIANG) / WAN
    groups = (("0-9", 0, 10), ("10-14", 10, 15), ("15-59", 15, 60), ("60-79", 60, 80))
    rows = [
        compared(f"aged {name}", ours[:, start:end].sum(), census[:, start:end].sum())
        for name, start, end in groups
    ]
    rows.append(compared("aged 80+", ours[:, 80:].sum(), census[:, 80:].sum()))
    rows.append(compared("total", ours.sum(), census.sum()))
    return (
        "Projected from the census of 2010 to the end of 2020 (fertility of 2010 held, net "
        "migration of 2000-2010 held, the UN's improvement of mortality). No later count enters, "
        "but the UN's rates are those of its 2024 revision, not of 2010. Beside it the census of "
        "1 November 2020, two months earlier:\n\n"
        + table(HEAD, rows)
        + "\n\nThe misses are the two-child policy (ages 0-9), children whom the census of 2010 "
        "did not count (ages 10-14), and migration, which was stronger than in the decade before "
        "(ages 15-59). At 80 and over the census deaths of 2010 are raised by the nation's "
        "adjustment, which is too much: Zhejiang reports its deaths better than the nation, as the "
        "official death rate of 2020 shows."
    )
