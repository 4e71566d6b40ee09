"""Years of birth over which additional births are counted, and the money promised to them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from popsim.errors import DataError, ScenarioError
from popsim.policy.cost import MID_YEAR, WINDOWS, promised_per_birth
from popsim.policy.instruments import DISCOUNT_RATE
from popsim.policy.model import Scenario
from popsim.simulation import Repeated

__all__ = ["promised_money", "window_of"]


def window_of(
    window: str | tuple[int, int], scenario: Scenario, baseline: xr.Dataset
) -> tuple[int, int]:
    """Return first and last year of birth of a window.

    Parameters
    ----------
    window : {"period", "lasting"} or tuple of int
        ``period`` is 5 and ``lasting`` 30 years of birth from the year of the first announcement,
        cut at the last year of the baseline; or first and last year.
    scenario : Scenario
    baseline : xarray.Dataset
        With the coordinate ``year``.

    Raises
    ------
    ScenarioError
        When the scenario has no policy.
    DataError
        When the window is not one of these or lies outside the baseline.

    Examples
    --------
    >>> from popsim.policy.files import baseline as no_policy
    >>> years = xr.Dataset(coords={"year": [2021, 2022]})
    >>> window_of((2021, 2022), no_policy(), years)
    Traceback (most recent call last):
    ...
    popsim.errors.ScenarioError: scenario 'baseline' has no policy, so there is nothing to count
    """
    if not scenario.policies:
        raise ScenarioError(f"scenario {scenario.id!r} has no policy, so there is nothing to count")
    start, end = int(baseline["year"].values[0]), int(baseline["year"].values[-1])
    if isinstance(window, str):
        if window not in WINDOWS:
            known = " or ".join(WINDOWS)
            raise DataError(f"no window {window!r}; write: {known}, or (2024, 2028)")
        announced = min(policy.announced.year for policy in scenario.policies.values())
        first = max(announced, start)
        last = min(first + WINDOWS[window] - 1, end)
    else:
        first, last = window
    if not start <= first <= last <= end:
        raise DataError(
            f"the window {first}-{last} does not lie in the years of the baseline, {start}-{end}"
        )
    return first, last


def promised_money(
    repeated: Repeated,
    scenarios: Mapping[str, Scenario],
    births: xr.DataArray,
    window: tuple[int, int],
) -> xr.DataArray:
    """Return the money of all instruments for a window (region, draw) [CNY].

    ``Σ B v`` over years of birth and orders, ``v`` of
    :func:`popsim.policy.cost.promised_per_birth`, and what is spent on places, care and measures
    in the years of the window, all discounted at 4 % a year to 1 January of the first year.

    Parameters
    ----------
    repeated : Repeated
    scenarios : mapping of region to Scenario
    births : xarray.DataArray
        (region, draw, year, birth_order) [birth].
    window : tuple of int
    """
    first, last = window
    waiting = xr.DataArray((1 + DISCOUNT_RATE) ** -np.arange(last - first + 1.0), dims="year")
    inside = births.sel(year=slice(first, last))
    # The scenario is kept with its money: the id of one that is gone may be given to another.
    known: dict[int, tuple[Scenario, xr.DataArray]] = {}
    money = []
    for region in repeated.regions:
        own = inside.sel(region=region)
        scenario = scenarios.get(region)
        if scenario is None:
            money.append(xr.zeros_like(own.sum(["year", "birth_order"])))
            continue
        here = scenario.within(region)
        if id(here) not in known:
            promised = promised_per_birth(here, range(first, last + 1), instruments="all")
            known[id(here)] = here, repeated.by_data_order(promised)
        value = known[id(here)][1] * waiting
        total = (own * value).sum(["year", "birth_order"])
        services = repeated.service_payments(here, region).sel(year=slice(first, last))
        money.append(total + MID_YEAR * (services * waiting).sum("year"))
    result = xr.concat(money, "region").assign_coords(region=repeated.regions)
    return result.transpose("region", "draw")
