"""The revision of 2019: five-year ages and periods, from 1 July 2020 to 1 July 2100.

Populations, death rates, fertility, sex ratio at birth and the total of net migration are
published, migration by age is not. What the past says of it, and how it is carried on, is stated in
:func:`migration_pattern`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls

from popsim.demography.lifetable import life_table, survival_ratios
from popsim.errors import DataError
from popsim.proof.wpp_tables import ABRIDGED, FIVES, SEXES, Tables, rows

__all__ = ["PATTERNS", "Country2019", "migration_pattern"]

Array = NDArray[np.float64]
Pattern = Literal["fading", "observed", "model", "family", "none"]
PATTERNS: dict[Pattern, str] = {
    "fading": "pattern of 2015-2020, passing over 30 years into the nearest model schedule",
    "observed": "pattern of 2015-2020 for ever",
    "model": "nearest mixture of the model schedules at once",
    "family": "model schedule of families for every country",
    "none": "nobody moves",
}
_PROJECTED = list(range(2020, 2100, 5))
# First year of the last estimated period, and years until its pattern has faded.
_OBSERVED, _FADED = 2015, 30
# Share of the observed pattern's sum of squares that a model must explain to be used.
_EXPLAINED = 0.5

# United Nations model schedules of immigration per 100 000 of both sexes, females then males, ages
# 0-4 … 80 and over: families, labour mainly of men, labour mainly of women.
_SCHEDULES = np.zeros((3, 2, FIVES.size))
_SCHEDULES[..., :17] = [
    [
        [
            *(3080.3, 1338.7, 1095.0, 5789.1, 10073.8, 9327.4, 6803.1, 4543.3, 2937.5, 1876.8),
            *(1194.0, 758.5, 481.5, 305.7, 194.0, 123.1, 78.2),
        ],
        [
            *(3082.9, 1339.8, 1027.1, 5237.0, 9426.2, 9059.2, 6861.3, 4758.8, 3195.5, 2120.5),
            *(1401.2, 924.4, 609.6, 401.9, 264.9, 174.6, 115.1),
        ],
    ],
    [
        [
            *(2124.3, 923.2, 755.2, 3992.5, 6947.4, 6432.7, 4691.8, 3133.3, 2025.8, 1294.4),
            *(823.5, 523.1, 332.1, 210.8, 133.8, 84.9, 53.9),
        ],
        [
            *(2136.3, 928.4, 1020.0, 7082.7, 12987.6, 12522.1, 9494.8, 6589.0, 4425.9, 2937.7),
            *(1941.4, 1280.9, 844.7, 556.9, 367.1, 242.0, 159.6),
        ],
    ],
    [
        [
            *(3974.5, 1727.3, 1412.9, 7469.8, 12998.4, 12035.4, 8778.2, 5862.3, 3790.3, 2421.7),
            *(1540.7, 978.7, 621.3, 394.4, 250.3, 158.9, 100.9),
        ],
        [
            *(3945.5, 1714.7, 1029.8, 3513.1, 6102.1, 5827.5, 4403.8, 3050.9, 2047.3, 1358.0),
            *(897.1, 591.7, 390.1, 257.2, 169.5, 111.8, 73.7),
        ],
    ],
]
_MODELS = _SCHEDULES / _SCHEDULES.sum(axis=(1, 2), keepdims=True)
_FAMILY = _MODELS[0]


class _Period:
    """Rates of one country and period."""

    def __init__(self, tables: Tables, country: str, period: int) -> None:
        rates = rows(tables.death_rate_2019, country, [period])[0]
        self.survival = survival_ratios(life_table(rates, ages=ABRIDGED, sex=SEXES)).values
        self.asfr = np.zeros(FIVES.size)
        given = tables.fertility_2019.columns.to_numpy(dtype=int)
        self.asfr[given // 5] = rows(tables.fertility_2019, country, [period])[0]
        summary = tables.summary_2019[["srb", "net_migration_k"]]
        self.srb, self.net_migration = (float(x) for x in rows(summary, country, [period])[0])

    def births(self, women: Array) -> Array:
        """Return births by sex of five years from the mean number of women."""
        total = 5 * float(self.asfr @ women)
        return total * np.array([1.0, self.srb]) / (1 + self.srb)


def migration_pattern(observed: Array, period: int, pattern: Pattern = "fading") -> Array:
    """Shares of net migration by sex and age in a projected period; they add up to 1.

    - ``fading``: the pattern of 2015-2020 passes in a straight line, over 30 years, into the
      mixture of the United Nations' model schedules (family, labour of men, labour of women) that
      is nearest to it by least squares. What one period holds of refugees, returns and census
      corrections is not carried through a century; what marks the country is. Where no mixture
      explains half of the pattern's sum of squares, the model is ``family``.
    - ``observed``: the pattern of 2015-2020 for ever. ``model``: the mixture at once.
    - ``family``: the family schedule for every country. ``none``: as if nobody moved.

    Parameters
    ----------
    observed : numpy.ndarray (sex, age)
        :meth:`Country2019.residual` of 2015-2020 [10^3 persons].
    period : int
        First year of the projected period.
    pattern : str
        See above.

    Returns
    -------
    numpy.ndarray (sex, age)
        Shares [1], negative at ages that lose where the country gains.

    Raises
    ------
    DataError
        When the pattern is unknown.

    Examples
    --------
    >>> migration_pattern(2 * _FAMILY, 2040)[0, :4].round(4)
    array([0.0308, 0.0134, 0.011 , 0.0579])
    """
    if pattern == "none":
        return np.zeros_like(observed)
    if pattern == "family":
        return np.asarray(_FAMILY)
    if pattern not in ("fading", "observed", "model"):
        raise DataError(f"pattern {pattern!r} is unknown; write: {', '.join(PATTERNS)}")
    share = observed / observed.sum()
    if pattern == "observed":
        return np.asarray(share)
    weights, missed = nnls(_MODELS.reshape(3, -1).T, share.ravel())
    usable = weights.sum() > 0 and missed**2 <= (1 - _EXPLAINED) * (share**2).sum()
    model = np.tensordot(weights / weights.sum(), _MODELS, 1) if usable else _FAMILY
    faded = 1.0 if pattern == "model" else min(1.0, (period - _OBSERVED) / _FADED)
    return np.asarray((1 - faded) * share + faded * model)


class Country2019:
    """A country of the revision of 2019: its rates, what its past says of migration, its run.

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
        self.periods = {p: _Period(tables, name, p) for p in [_OBSERVED, *_PROJECTED]}
        years = [*self.periods, _PROJECTED[-1] + 5]
        stocks = rows(tables.population_2019, name, years)
        self.population = dict(zip(years, stocks, strict=True))

    def residual(self, period: int) -> Array:
        """Net migrants of five years by sex and age at the end: what rates do not explain.

        ``N = P1 - S P0``; at 0-4, the births of the period on the mean of both populations,
        survived. With this count the numbers add up to the published net migration
        (:meth:`unexplained`): the United Nations put migrants at their age at the end of the
        period, and births on the mean of the two populations, migrants included.

        Parameters
        ----------
        period : int
            First year of the period.

        Returns
        -------
        numpy.ndarray (sex, age)
            Net migrants [10^3 persons].
        """
        before, after = self.population[period], self.population[period + 5]
        expected = np.empty_like(before)
        expected[:, 1:] = before[:, :-1]
        expected[:, -1] += before[:, -1]
        rates = self.periods[period]
        expected[:, 0] = rates.births((before[0] + after[0]) / 2)
        return np.asarray(after - expected * rates.survival)

    def unexplained(self) -> float:
        """Largest part of the population that residual and published migration differ by.

        Their own populations, stepped with the library's survival and births, leave a residual
        whose total should be the net migration they publish.

        Returns
        -------
        float
            ``|Σ N - published| / P`` of the worst period, 2015-2020 included [1].
        """
        return max(
            float(abs(self.residual(p).sum() - rates.net_migration) / self.population[p + 5].sum())
            for p, rates in self.periods.items()
        )

    def project(self, pattern: Pattern = "fading") -> pd.DataFrame:
        """Project from 1 July 2020 to 2100 and set the result beside the medium variant.

        Parameters
        ----------
        pattern : str
            See :func:`migration_pattern`.

        Returns
        -------
        pandas.DataFrame
            Columns ``year``, ``sex``, ``age``, ``popsim``, ``united_nations`` [10^3 persons].

        Raises
        ------
        DataError
            When the pattern is unknown or takes more people from a cell than live in it.
        """
        from popsim.kernels.projection import project_history

        now = self.population[_PROJECTED[0]]
        observed = self.residual(_OBSERVED)
        frames = []
        for period in _PROJECTED:
            rates = self.periods[period]
            movers = rates.net_migration * migration_pattern(observed, period, pattern)
            # The step's timing "end" adds migrants after the births. Those to the women who
            # arrive, half of them on average over the period, enter with their survivors at 0-4.
            movers[:, 0] += rates.births(movers[0] / 2) * rates.survival[:, 0]
            step = project_history(
                now[:1],
                now[1],
                rates.asfr[None, None, None],
                rates.survival[None, None],
                np.array([[rates.srb]]),
                migration=movers[None],
                step=5.0,
                timing="end",
            )
            if step.indicators.diagnosis is not None:
                raise DataError(
                    f"{self.name}, {period}: the pattern {pattern!r} takes more people from a "
                    "cell than live in it"
                )
            now = np.stack([step.women[1, 0, :, 0], step.men[1, :, 0]])
            frames.append(
                pd.DataFrame(
                    {
                        "year": period + 5,
                        "sex": np.repeat(SEXES, FIVES.size),
                        "age": np.tile(FIVES, 2),
                        "popsim": now.ravel(),
                        "united_nations": self.population[period + 5].ravel(),
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)
