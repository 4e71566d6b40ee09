"""The revision of 2024: single ages and calendar years, from 1 January 2025 to 2101.

Net migration by single age is published. Populations are published by five-year age, death rates
and age patterns of fertility by five-year period; they are brought to single ages and years here.
The annual life expectancies, total fertility and sex ratios are met exactly.
"""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from popsim.demography.graduation import graduate, graduate_rates, scale_within_groups
from popsim.demography.life_expectancy import bisect, life_expectancy_of
from popsim.demography.lifetable import graduate_mortality, life_table, survival_ratios
from popsim.errors import DataError
from popsim.proof.wpp_tables import ABRIDGED, FIVES, SEXES, Tables, rows

__all__ = ["VARIANTS", "Country2024"]

Array = NDArray[np.float64]
Variant = Literal["full", "even", "spline", "periods"]
VARIANTS: dict[Variant, str] = {
    "full": "as described",
    "even": "half of the migrants before and half after ageing",
    "spline": "single ages by the spline alone, without the births of the cohorts",
    "periods": "death rates interpolated between periods, annual life expectancy not met",
}
START, END = 2025, 2100
_YEARS = list(range(START, END + 1))
_EARLIEST = 1950


def _at(moments: Array, logs: Array, when: Array) -> Array:
    """Interpolate logarithms in time, in a straight line beyond the ends."""
    i = np.clip(np.searchsorted(moments, when) - 1, 0, moments.size - 2)
    weight = ((when - moments[i]) / (moments[i + 1] - moments[i]))[:, None]
    return np.asarray((1 - weight) * logs[i] + weight * logs[i + 1])


def _annual_death_rates(
    moments: Array, mx: Array, years: list[int], e0: Array | None = None
) -> Array:
    """Rates (year, sex, age) at mid-year, or where the projected path has the life expectancy e0.

    With e0 (year, sex), the moment on the path of the projected periods is found whose schedule
    gives it: the level is the year's own, the age pattern that of the path at this level.
    """
    result = np.empty((len(years), 2, mx.shape[-1]))
    for s, sex in enumerate(SEXES):
        if e0 is None:
            result[:, s] = np.exp(_at(moments, np.log(mx[:, s]), np.array(years) + 0.5))
            continue
        ahead = moments >= 2020
        path, logs = moments[ahead], np.log(mx[ahead, s])

        def life(earlier: Array, path: Array = path, logs: Array = logs, sex: str = sex) -> Array:
            rates = np.exp(_at(path, logs, -earlier))
            return life_expectancy_of(rates, np.arange(rates.shape[-1]), sex, "andreev-kingkade")

        missing = "no moment of the projected death rates has a life expectancy of {:g} years"
        when = -bisect(life, e0[:, s], -2150.0, -2000.0, 1e-6, missing, widen=False)
        result[:, s] = np.exp(_at(path, logs, when))
    return result


def _survival(mx: Array) -> Array:
    return np.asarray(survival_ratios(life_table(mx, sex=SEXES)).values)


def _girls_and_boys(sex_ratio: Array) -> Array:
    """Return the shares of girls and boys among births (year, sex)."""
    return np.stack([1 / (1 + sex_ratio), sex_ratio / (1 + sex_ratio)], axis=-1)


class Country2024:
    """A country of the revision of 2024: its base, its rates by single age and year, its run.

    Parameters
    ----------
    tables : Tables
        From :func:`popsim.proof.wpp_tables.read_wpp`.
    name : str
        ISO 3166 code of three letters.

    Raises
    ------
    DataError
        When the tables lack something of the country.
    """

    def __init__(self, tables: Tables, name: str) -> None:
        self.name = name
        self.annual = tables.annual_2024.loc[name]
        periods = [int(p) for p in tables.death_rate_2024.loc[name].index.unique("period")]
        # Periods run from 1 July to 1 July: the middle of 1950-1955 is 1 January 1953.
        self._moments = np.array(periods) + 3.0
        abridged = rows(tables.death_rate_2024, name, periods)
        self._mx = graduate_mortality(abridged, ABRIDGED, sex=SEXES)
        self._july = rows(tables.population_2024, name, [START - 1, START]).mean(axis=0)
        self._first = rows(tables.population_2024, name, [_EARLIEST])[0]
        self._tables = tables

    @cached_property
    def fertility(self) -> Array:
        """Interpolated age patterns at the annual level (year, age) [births per woman-year]."""
        table = self._tables.fertility_2024
        periods = [int(p) for p in table.loc[self.name].index]
        groups = table.columns.to_numpy(dtype=int)
        shares = rows(table, self.name, periods) / 500.0
        single = graduate_rates(shares, [*groups, int(groups[-1]) + 5])
        moments, when = np.array(periods) + 3.0, np.array(_YEARS) + 0.5
        pattern = np.stack([np.interp(when, moments, column) for column in single.T], axis=1)
        level = self.annual.loc[_YEARS, "tfr"].to_numpy(dtype=float)
        rates = np.zeros((len(_YEARS), 101))
        rates[:, groups[0] : groups[-1] + 5] = (
            pattern / pattern.sum(axis=1, keepdims=True) * level[:, None]
        )
        return rates

    @cached_property
    def survival(self) -> Array:
        """Survival ratios (year, sex, age) that meet each year's life expectancy [1]."""
        e0 = self.annual.loc[_YEARS, ["e0F", "e0M"]].to_numpy(dtype=float)
        return _survival(_annual_death_rates(self._moments, self._mx, _YEARS, e0))

    @cached_property
    def survival_between_periods(self) -> Array:
        """Survival ratios (year, sex, age) of interpolated death rates alone [1]."""
        return _survival(_annual_death_rates(self._moments, self._mx, _YEARS))

    @cached_property
    def net_migration(self) -> Array:
        """Net migrants (year, sex, age) [10^3 persons]."""
        return rows(self._tables.net_migration_2024, self.name, _YEARS)

    def base(self, *, cohorts: bool = True) -> Array:
        """Single ages on 1 January 2025 from the five-year populations of 1 July 2024 and 2025.

        The population of 1 July is the mean of the two of 1 January around it, so the mean of two
        Julys is centred on the 1 January between them, with weights ¼, ½, ¼. Single ages follow
        the births of each calendar year since 1950 and, for those born earlier, the spline of
        1950, all survived without migration; the ratio to the five-year groups is smooth
        (:func:`popsim.demography.graduation.scale_within_groups`). Last, each sex is scaled to the
        published stock of 31 December 2024.

        Parameters
        ----------
        cohorts : bool
            If not, the spline of the two Julys alone.

        Returns
        -------
        numpy.ndarray (sex, age)
            Population [10^3 persons].
        """
        single = graduate(self._july, FIVES)
        if cohorts:
            past = list(range(_EARLIEST, START + 1))
            survival = _survival(_annual_death_rates(self._moments, self._mx, past))
            births = self.annual.loc[past, "births_k"].to_numpy(dtype=float)[:, None]
            births = births * _girls_and_boys(self.annual.loc[past, "srb"].to_numpy(dtype=float))
            stocks = [graduate(self._first, FIVES)]
            for born, S in zip(births, survival, strict=True):
                older = np.concatenate([born[:, None], stocks[-1][:, :-1]], axis=1)
                older[:, -1] += stocks[-1][:, -1]
                stocks.append(older * S)
            around = (stocks[-3] + 2 * stocks[-2] + stocks[-1])[:, :-1] / 4
            ratio = scale_within_groups(around, FIVES, self._july[:, :-1]) / around
            single[:, :-1] = stocks[-2][:, :-1] * ratio
        end = self.annual.loc[START - 1, ["pop_female_dec31_k", "pop_male_dec31_k"]]
        return np.asarray(single * (end.to_numpy(dtype=float) / single.sum(axis=1))[:, None])

    def project(self, variant: Variant = "full") -> pd.DataFrame:
        """Project from 1 January 2025 and set the result beside the medium variant, by year.

        Migrants are added at the end of the year, as in the published runs of the United Nations'
        own code (``ccmppWPP``): births and deaths are those of the residents of its start.

        Parameters
        ----------
        variant : str
            ``full`` or one thing done otherwise, see ``VARIANTS``.

        Returns
        -------
        pandas.DataFrame
            Columns ``year``, ``measure``, ``sex``, ``popsim``, ``united_nations`` [10^3]:
            ``births`` and ``deaths`` of the year, ``population`` on 31 December.

        Raises
        ------
        DataError
            When the variant is unknown.
        """
        from popsim.kernels.projection import project_history

        if variant not in VARIANTS:
            raise DataError(f"variant {variant!r} is unknown; write: {', '.join(VARIANTS)}")
        base = self.base(cohorts=variant != "spline")
        survival = self.survival_between_periods if variant == "periods" else self.survival
        annual = self.annual.loc[_YEARS]
        run = project_history(
            base[:1],
            base[1],
            self.fertility[:, None, None],
            survival[:, None],
            annual["srb"].to_numpy(dtype=float)[:, None],
            migration=self.net_migration,
            timing="even" if variant == "even" else "end",
        )
        if run.indicators.diagnosis is not None:
            raise DataError(f"{self.name}: more people leave a cell than live in it")
        have = {
            ("births", "both"): run.indicators.births_by_sex[..., 0].sum(axis=1),
            ("deaths", "both"): run.cohort_deaths[..., 0].sum(axis=(1, 2)),
            ("population", "female"): run.women[1:, 0, :, 0].sum(axis=1),
            ("population", "male"): run.men[1:, :, 0].sum(axis=1),
        }
        want = {
            ("births", "both"): annual["births_k"],
            ("deaths", "both"): annual["deaths_k"],
            ("population", "female"): annual["pop_female_dec31_k"],
            ("population", "male"): annual["pop_male_dec31_k"],
        }
        for values in (have, want):
            values["population", "both"] = (
                values["population", "female"] + values["population", "male"]
            )
        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "year": _YEARS,
                        "measure": measure,
                        "sex": sex,
                        "popsim": values,
                        "united_nations": want[measure, sex].to_numpy(dtype=float),
                    }
                )
                for (measure, sex), values in have.items()
            ],
            ignore_index=True,
        )
