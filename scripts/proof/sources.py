"""The tables of ``scripts/sources`` in the shape that the proofs take."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from popsim.proof.fertility_measures import Cases, TempoCase
from popsim.proof.wpp_tables import Tables

FOLDER = Path(__file__).parents[1] / "sources"


def table(name: str, *index: str) -> pd.DataFrame:
    """Return a wide table; columns that are ages become numbers."""
    data = pd.read_csv(FOLDER / f"{name}.csv", comment="#")
    if index:
        data = data.set_index(list(index)).drop(columns="source", errors="ignore")
        data.columns = [int(c) if c.isdigit() else c for c in data.columns]
    return data


@cache
def wpp() -> Tables:
    fertility = table("wpp2019_fertility_and_migration", "iso3", "period")
    totals = ["srb", "net_migration_k"]
    patterns = table("wpp2024_countries_net_migration_patterns", "iso3", "pattern", "sex")
    weights = table("wpp2024_countries_net_migration_weights", "iso3", "year")
    net = [
        pd.DataFrame(
            np.outer(weight[f"weight_{k}"], patterns.loc[(country, k, sex)]) / 1e3,
            index=pd.MultiIndex.from_product(
                [[country], weight.index, [sex]], names=["iso3", "year", "sex"]
            ),
            columns=patterns.columns,
        )
        for country in weights.index.unique("iso3")
        for weight in (weights.loc[country],)
        for sex in ("female", "male")
        for k in (1, 2)
    ]
    return Tables(
        population_2019=table("wpp2019_population", "iso3", "year", "sex"),
        death_rate_2019=table("wpp2019_death_rates", "iso3", "period", "sex"),
        fertility_2019=fertility.drop(columns=totals),
        summary_2019=fertility[totals],
        population_2024=table("wpp2024_countries_population", "iso3", "year", "sex"),
        death_rate_2024=table("wpp2024_countries_death_rates", "iso3", "period", "sex"),
        fertility_2024=table("wpp2024_countries_fertility", "iso3", "period"),
        annual_2024=table("wpp2024_countries_annual", "iso3", "year"),
        net_migration_2024=pd.concat(net).groupby(level=[0, 1, 2]).sum(),
    )


def fertility_cases() -> Cases:
    greece = table("greece_fertility_by_order")
    wide = greece.pivot_table(
        index="birth_order", columns="year", values=["tfr", "mab", "adjusted"]
    )
    years = [int(y) for y in wide["tfr"].columns]
    adjusted = {
        int(year): [*wide["adjusted"][year].tolist(), total]
        for year, total in greece.dropna().groupby("year")["adjusted_total"].first().items()
    }
    tempo = TempoCase("Greece", years, wide["tfr"].to_numpy(), wide["mab"].to_numpy(), adjusted)
    expected = table("parity_table_expected")
    intervals = table("colombia_birth_intervals")
    cohorts = table("china_cohort_fertility")
    change = cohorts[["change_order1", "change_order2", "change_order3plus"]].dropna()
    return Cases(
        parity_rates=table("parity_table_rates"),
        parity_results=expected,
        tempo=[tempo],
        intervals=intervals,
        interval_results=table("colombia_birth_intervals_expected")
        .set_index("measure")["value"]
        .to_dict(),
        cohorts=cohorts,
        cohort_change=change.iloc[0].tolist(),
    )
