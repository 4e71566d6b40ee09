"""The work of one task: one region under scenarios, reduced over draws as soon as it is there.

A task is a pure function of its arguments: nothing of it depends on which other tasks there are,
on their order, or on the process it runs in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from popsim.batch.costs import costs_of_lean, costs_of_run
from popsim.batch.lean import run_region
from popsim.batch.lean_rows import LEAN_INDICATORS, MONEY, POPULATION
from popsim.batch.lean_shared import shared_for
from popsim.demography.indicators import AGE_BREAKS, may_need_single_ages
from popsim.demography.uncertainty import Uncertainty
from popsim.errors import DataError
from popsim.policy.model import Scenario
from popsim.policy.response import ResponseModel
from popsim.simulation import Repeated

__all__ = ["DIFFERENCE", "DRAWS", "MEAN", "MONEY", "POPULATION", "compute", "layout"]

Array = NDArray[np.float64]

#: What is added to the name of an indicator for what else is kept of it.
MEAN, DIFFERENCE, DRAWS = "_mean", "_difference", "_draws"
#: Draws that are projected together where single ages are needed: 80 years take 50 MB.
_BLOCK = 50
#: What migration could not take is among the notices; windows have the names of the registry.
_NOT_KEPT = ("outflow_cut", "draws_cut", "window_first_year", "window_last_year")


def compute(
    data: xr.Dataset,
    scenarios: Sequence[Scenario],
    *,
    response: ResponseModel,
    uncertainty: str | Uncertainty,
    years: range,
    draws: range,
    seed: int,
    indicators: Sequence[str],
    probabilities: Sequence[float],
    keep_draws: Sequence[str] = (),
    keep_population: bool = False,
    keep_costs: bool = False,
    demographic_noise: bool = False,
    threads: int = 1,
    tell: Callable[[str], None] | None = None,
) -> dict[str, Array]:
    """Project one region under scenarios and reduce every indicator over draws.

    The reference, the future without new policy, is projected on the same random numbers. A
    scenario that does not apply in the region is the reference there, to the bit.

    Parameters
    ----------
    data : xarray.Dataset
        A baseline with one region.
    scenarios : sequence of Scenario
    response : object with a method ``log_effect``
    uncertainty : str or Uncertainty
    years : range
        Consecutive calendar years from the first of the baseline.
    draws : range
        Draw numbers.
    seed : int
    indicators : sequence of str
        Names of indicators, and :data:`MONEY`, the payments of all instruments together [CNY].
    probabilities : sequence of float
        Of the quantiles, each from 0 to 1.
    keep_draws : sequence of str
        Indicators of which every draw is returned.
    keep_population : bool
        Whether the population by sex and age of the central trajectory is returned.
    keep_costs : bool
        Whether the costs of additional births are returned.
    demographic_noise : bool
        As in :func:`popsim.run`.
    threads : int
        Results do not depend on it.
    tell : callable, optional
        Called with every notice of the run, one sentence each.

    Returns
    -------
    dict of str to numpy.ndarray
        For every indicator NAME in its own unit, ``...`` being its own dimensions (year, or time
        for stocks; then birth_order and the like, in the order of the registry):

        - ``NAME`` (scenario, quantile, ...): quantiles over draws, exact (linear between order
          statistics);
        - ``NAME_mean`` (scenario, ...): mean over draws;
        - ``NAME_difference`` (scenario, quantile, ...): quantiles of the paired difference, scenario
          minus reference draw by draw; 0 for the reference;
        - ``NAME_difference_mean`` (scenario, ...);
        - ``NAME_draws`` (scenario, ..., draw), where asked for;

        and, where asked for, ``population`` (scenario, time, sex, age) [person] and the costs of
        :data:`popsim.batch.costs.COSTS`, of all instruments together: ``package_cost`` [CNY],
        ``additional_births``, ``cost_per_additional_birth`` [CNY/birth], ``deadweight_share``,
        ``chance_of_no_gain``, ``first_year`` and ``last_year`` (scenario, window), and
        ``cost_per_additional_birth_quantile`` (scenario, quantile, window). Where nothing is paid
        ``package_cost`` is 0 and the others are not numbers; the cost per birth is infinite where
        births do not rise.

    Raises
    ------
    DataError
        When the data hold several regions, or do not give what an indicator needs.
    ProjectionError
        When inputs are impossible.

    Examples
    --------
    >>> from popsim import Response, load_baseline
    >>> from popsim.policy.files import baseline
    >>> found = compute(load_baseline("zhejiang-2020"), [baseline()], response=Response(),
    ...     uncertainty="default", years=range(2021, 2024), draws=range(4), seed=1,
    ...     indicators=["births"], probabilities=[0.1, 0.5, 0.9])
    >>> {name: array.shape for name, array in found.items()}
    {'births': (1, 3, 3), 'births_mean': (1, 3), 'births_difference': (1, 3, 3), 'births_difference_mean': (1, 3)}
    """  # noqa: E501 - one line of output
    if _lean(data, indicators) and not demographic_noise:
        reduced = run_region(
            data,
            scenarios,
            response=response,
            uncertainty=uncertainty,
            years=years,
            draws=draws,
            seed=seed,
            indicators=indicators,
            probabilities=probabilities,
            costs=keep_costs,
            keep_draws=keep_draws,
            keep_population=keep_population,
            tell=tell,
            shared=shared_for(response),
        )
        if keep_costs:
            reduced |= costs_of_lean(reduced)
        return {name: array for name, array in reduced.items() if name not in _NOT_KEPT}
    noise = demographic_noise
    repeated = _repeated(data, response, uncertainty, years, draws, seed, threads, noise)
    (region,) = repeated.regions
    told: list[str] = []
    reference = _reported(repeated, None, repeated.reference, indicators, told)
    found: dict[str, list[Array]] = {}
    for scenario in scenarios:
        applies = bool(scenario.policies) and scenario.covers(region)
        result = repeated.run(scenario) if applies else repeated.reference
        values = _reported(repeated, scenario, result, indicators, told) if applies else reference
        for name in indicators:
            own, base = values[name].values, reference[name].values
            for suffix, array in (("", own), (DIFFERENCE, own - base)):
                quantiles = np.quantile(array, np.asarray(probabilities), axis=-1)
                found.setdefault(name + suffix, []).append(quantiles)
                found.setdefault(name + suffix + MEAN, []).append(array.mean(axis=-1))
            if name in keep_draws:
                found.setdefault(name + DRAWS, []).append(own)
        if keep_population:
            found.setdefault(POPULATION, []).append(values[POPULATION].values)
        if keep_costs:
            costs = costs_of_run(result, repeated.reference, probabilities)
            for name, array in costs.items():
                found.setdefault(name, []).append(array)
    if tell is not None:
        for notice in dict.fromkeys([*repeated.notices, *told]):
            tell(notice)
    return {name: np.stack(arrays) for name, arrays in found.items()}


def _lean(data: xr.Dataset, indicators: Sequence[str]) -> bool:
    """Say whether all indicators can be reduced without labels, as usual ones can."""
    known = all(name in LEAN_INDICATORS or name == MONEY for name in indicators)
    return known and data.sizes.get("region") == 1 and int(data["age"].values[-1]) >= AGE_BREAKS[-1]


def layout(
    data: xr.Dataset,
    *,
    response: ResponseModel,
    uncertainty: str | Uncertainty,
    years: range,
    seed: int,
    indicators: Sequence[str],
) -> dict[str, dict[str, list[int | str]]]:
    """Return the own dimensions of every indicator and of the population, with their labels.

    Parameters
    ----------
    data, response, uncertainty, years, seed, indicators
        As in :func:`compute`.

    Returns
    -------
    dict of str to dict of str to list
        Name, then dimension, then labels; without region, scenario, quantile and draw.

    Raises
    ------
    DataError
        When the data do not give what an indicator needs.
    """
    repeated = _repeated(data, response, uncertainty, years, range(1), seed, 1)
    found = _reported(repeated, None, repeated.reference, indicators, [])
    return {
        str(name): {
            str(dim): array[dim].values.tolist() for dim in array.dims if str(dim) != "draw"
        }
        for name, array in found.items()
    }


def _repeated(
    data: xr.Dataset,
    response: ResponseModel,
    uncertainty: str | Uncertainty,
    years: range,
    draws: range,
    seed: int,
    threads: int,
    demographic_noise: bool = False,
) -> Repeated:
    if data.sizes.get("region") != 1:
        raise DataError(f"a task has one region, not {data.sizes.get('region', 0)}")
    return Repeated(
        data,
        response=response,
        uncertainty=uncertainty,
        demographic_noise=demographic_noise,
        years=years,
        draws=draws,
        seed=seed,
        threads=threads,
    )


def _reported(
    repeated: Repeated,
    scenario: Scenario | None,
    result: xr.Dataset,
    indicators: Sequence[str],
    told: list[str],
) -> dict[str, xr.DataArray]:
    """Return indicators (own dimensions, draw) and the central population of the one region.

    What a reader must know of an indicator is added to ``told``.
    """
    found = {}
    further = [name for name in indicators if name not in result and name != MONEY]
    if further:
        factor = (
            xr.ones_like(repeated.reference["births_by_order"])
            if scenario is None
            else repeated.factor(scenario)
        )
        block = _BLOCK if any(map(may_need_single_ages, further)) else None
        besides = repeated.indicators(factor, further, block=block)
        told += [line for line in besides.attrs.get("notices", "").split("\n") if line]
        result = result.merge(besides[further])
    for name in indicators:
        if name != MONEY:
            found[name] = result[name]
        elif MONEY in result:
            found[name] = result[MONEY].sum("policy")
        else:
            found[name] = xr.zeros_like(result["births"])
    found[POPULATION] = result[POPULATION]
    return {name: _in_order(array.isel(region=0)) for name, array in found.items()}


def _in_order(array: xr.DataArray) -> xr.DataArray:
    """Move the draws last; the other dimensions stand as the registry has them."""
    known = ("time", "year", "sex", "age", "age_group", "parity", "birth_order")
    first = [dim for dim in known if dim in array.dims]
    rest = [dim for dim in array.dims if dim not in known and dim != "draw"]
    last = ["draw"] if "draw" in array.dims else []
    return array.transpose(*first, *rest, *last)
