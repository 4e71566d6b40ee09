"""Paths from the base year: observed years are met, later ones hold what is said to be held."""

from dataclasses import dataclass, field

import numpy as np

from popsim.kernels.projection import project_history
from scripts.baselines import mortality

_TOLERANCE = 1e-11
_ROUNDS = 200


@dataclass
class Stocks:
    """Women by parity (4, 101) and men (101,) on 1 January."""

    women: np.ndarray
    men: np.ndarray

    @property
    def population(self) -> np.ndarray:
        return np.stack([self.women.sum(axis=0), self.men])


@dataclass
class Year:
    """One projected year: the stocks at its end, births and rates by order, deaths."""

    end: Stocks
    births: np.ndarray
    total_fertility_rate: np.ndarray
    deaths: float


@dataclass
class Observed:
    """What is known of a year: births by order, deaths, net migrants in total."""

    births: np.ndarray
    deaths: float
    net_migration: float


@dataclass
class Path:
    """Factors and rates by year, gathered while projecting."""

    mx: list[np.ndarray] = field(default_factory=list)
    fertility_factor: list[np.ndarray] = field(default_factory=list)
    migration: list[np.ndarray] = field(default_factory=list)
    years: list[Year] = field(default_factory=list)


def one_year(
    start: Stocks,
    rates: np.ndarray,
    mx: np.ndarray,
    migration: np.ndarray,
    sex_ratio: np.ndarray,
    factor: np.ndarray,
) -> Year:
    """Project one year; rates (4, 101), mx and migration (2, 101), sex ratio and factor (4,)."""
    run = project_history(
        start.women,
        start.men,
        rates[None, None],
        mortality.survival(mx)[None, None],
        sex_ratio[None],
        migration=migration[None],
        fertility_factor=factor[None, :, None],
    )
    if run.indicators.diagnosis is not None:
        raise ArithmeticError(f"impossible year: {run.indicators.diagnosis}")
    return Year(
        Stocks(run.women[1, ..., 0], run.men[1, ..., 0]),
        run.indicators.births[0, :, 0],
        run.indicators.fertility[0, :, 0],
        float(run.indicators.deaths.sum()),
    )


def meet(
    start: Stocks,
    rates: np.ndarray,
    mx: np.ndarray,
    migration: np.ndarray,
    sex_ratio: np.ndarray,
    observed: Observed,
) -> tuple[Year, np.ndarray, float]:
    """Find the factors on birth rates by order and on mx that give observed births and deaths."""
    factor, scale = np.ones(len(rates)), 1.0
    for _ in range(_ROUNDS):
        year = one_year(start, rates, mx * scale, migration, sex_ratio, factor)
        miss = np.append(observed.births / year.births, observed.deaths / year.deaths)
        if np.abs(miss - 1).max() < _TOLERANCE:
            return year, factor, scale
        factor, scale = factor * miss[:-1], scale * miss[-1]
    raise ArithmeticError("observed births and deaths cannot be met")


def hold_fertility(
    start: Stocks,
    rates: np.ndarray,
    mx: np.ndarray,
    migration: np.ndarray,
    sex_ratio: np.ndarray,
    target: np.ndarray,
    factor: np.ndarray,
) -> tuple[Year, np.ndarray]:
    """Find the factors that give a total fertility rate by order, starting from last year's."""
    factor = factor.copy()
    for _ in range(_ROUNDS):
        year = one_year(start, rates, mx, migration, sex_ratio, factor)
        miss = target / year.total_fertility_rate
        if np.abs(miss - 1).max() < _TOLERANCE:
            return year, factor
        factor *= miss
    raise ArithmeticError("the total fertility rate by order cannot be held")
