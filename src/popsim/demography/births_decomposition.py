"""Why births differ between two years or scenarios: women, age and parity structure, rates.

``B_k = N Σ_x c(x) w_{k-1}(x) h_k(x)``: N woman-years of childbearing age, c their distribution by
age, w the share of each age at each parity, h the births of order k per woman-year of parity k - 1.
The four are read from a projection that kept every age, so the product gives its births to
rounding, and the contributions of :func:`popsim.demography.decomposition.das_gupta` add up to the
change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from popsim.dataset import fingerprint, label, stamp
from popsim.demography.decomposition import das_gupta
from popsim.demography.indicators.quantities import HISTORY, BirthExposure, Quantities
from popsim.errors import DataError, Problems, nearest

__all__ = ["decompose_births"]

Array = NDArray[np.float64]
_NEEDED = ("population", "women_by_parity", "births_by_age", "net_migration")
_SELECTABLE = ("year", "scenario", "region")
_STRUCTURE = ("women", "age_structure", "parity_structure")


class _Factors(NamedTuple):
    """What the births of one side are made of."""

    women: Array  # (...)
    age: Array  # (..., age)
    parity: Array  # (..., parity, age)
    rates: Array  # (..., order, age)
    births: xr.DataArray  # (..., birth_order)


def decompose_births(
    history: xr.Dataset,
    *,
    from_: int | str | Mapping[str, Any],
    to: int | str | Mapping[str, Any],
    reference: xr.Dataset | None = None,
    rates: Literal["together", "by_order"] = "together",
    ages: tuple[int, int] = (15, 49),
) -> xr.Dataset:
    """Split a change in births into women, age structure, parity structure and rates.

    Parameters
    ----------
    history : xarray.Dataset
        From ``project(..., detail="history")``: ``births_by_age`` [birth], ``women_by_parity``,
        ``population`` and ``net_migration`` [person].
    from_, to : int, str or mapping
        What is compared: a year (``2025``), a scenario (``"baseline"``), or both, and a region, as
        ``{"year": 2035, "scenario": "grant"}``. What is not named stays: two scenarios are compared in
        every year and draw, draw by draw.
    reference : xarray.Dataset, optional
        Projection that ``from_`` selects from; default ``history``. An empty ``from_={}`` and
        ``to={}`` compare two projections in every year.
    rates : {"together", "by_order"}
        One component for all rates, or one for each order: ``rates_1``, ``rates_2`` … The share of an
        order changes with the rates of the others too.
    ages : tuple of int
        First and last age of the women who are counted, whom all births come from.

    Returns
    -------
    xarray.Dataset
        ``change_in_births_by_order`` (component, birth_order, ...) and ``change_in_births``
        (component, ...) [birth]; ``change_in_share_of_births`` (component, birth_order, ...) [1], of
        births of the order over all; ``births_by_order_from`` and ``births_by_order_to``
        (birth_order, ...) [birth]. Components are ``women`` (their number), ``age_structure``,
        ``parity_structure`` and ``rates``. ``attrs`` hold what was compared, the method, and
        ``largest_residual``, the largest miss of the sum relative to the births.

    Raises
    ------
    DataError
        When the projection does not hold every age, a year, scenario or region is not in it, the two
        sides have different dimensions, or births lie outside ``ages``; everything found is listed.

    Notes
    -----
    Method: Das Gupta's mean over all ways to hold the other factors, on whole schedules; exact.
    Where one side has no women of an age and parity, its rate is unknown and taken to be the other
    side's, so that what is new there counts as structure. Parity structure is itself the work of
    earlier rates: a policy moves it from the second year on.

    References
    ----------
    Das Gupta 1993, Standardization and decomposition of rates, US Bureau of the Census P23-186.

    Examples
    --------
    >>> import popsim as ps
    >>> base = ps.load_baseline("zhejiang-2020").isel(region=0, drop=True)
    >>> inputs = base[["population", "women_by_parity", "conditional_fertility_rate",
    ...     "fertility_factor", "survival_ratio", "sex_ratio_at_birth", "net_migration"]]
    >>> history = ps.project(inputs, years=range(2021, 2031), detail="history")
    >>> parts = decompose_births(history, from_=2021, to=2030)
    >>> births = history.births_by_order.sum("birth_order")
    >>> change = float(births.sel(year=2030) - births.sel(year=2021))
    >>> abs(float(parts.change_in_births.sum()) / change - 1) < 1e-12
    True
    >>> parts.component.values.tolist()
    ['women', 'age_structure', 'parity_structure', 'rates']
    """  # noqa: E501 - one line reads better in an example
    before = history if reference is None else reference
    problems = Problems()
    chosen1 = _selection(before, from_, "from_", problems)
    chosen2 = _selection(history, to, "to", problems)
    if rates not in ("together", "by_order"):
        problems.add(f"rates {rates!r} is unknown", instead="together or by_order")
    for name, data in (("history", history), ("reference", reference)):
        if data is not None:
            missing = [output for output in _NEEDED if output not in data]
            if missing:
                problems.add(
                    f"{name} has no {', '.join(missing)}", instead='project(..., detail="history")'
                )
    problems.raise_if_any(DataError)
    side1, side2 = _factors(before, chosen1, ages), _factors(history, chosen2, ages)
    births1, births2 = _alike(side1.births, side2.births)
    order = births1["birth_order"].values
    h1, h2 = _known_rates(side1, side2)
    groups = [(f"rates_{k}", [i]) for i, k in enumerate(order)]
    if rates == "together":
        groups = [("rates", list(range(order.size)))]
    names = [*_STRUCTURE, *(name for name, _ in groups)]

    def both(women: Any, age: Any, parity: Any, *by_group: Any) -> Array:
        """Births by order, and shares of orders behind them (2, ..., order)."""
        B = np.concatenate(
            [
                _births(women, age, parity[..., orders, :], h)
                for (_, orders), h in zip(groups, by_group, strict=True)
            ],
            axis=-1,
        )
        total = B.sum(axis=-1, keepdims=True)
        share = np.divide(B, total, out=np.full_like(B, np.nan), where=total > 0)
        return np.stack([B, share])

    split1, split2 = (
        [side.women, side.age, side.parity, *(h[..., orders, :] for _, orders in groups)]
        for side, h in ((side1, h1), (side2, h2))
    )
    effect = das_gupta(both, split1, split2).effect
    dims = ("component", *births1.dims)
    coords = {**births1.coords, "component": names}
    by_order = xr.DataArray(effect[:, 0], coords, dims)
    found = xr.Dataset(
        {
            "change_in_births_by_order": by_order,
            "change_in_births": by_order.sum("birth_order"),
            "change_in_share_of_births": xr.DataArray(effect[:, 1], coords, dims),
            "births_by_order_from": births1,
            "births_by_order_to": births2,
        }
    )
    change, larger = births2 - births1, np.maximum(births1.values, births2.values)
    miss = np.abs((by_order.sum("component") - change).values)
    residual = float((miss / np.where(larger > 0, larger, 1.0)).max())
    first = ("region", "scenario", "year", "component", "birth_order")
    found = found.transpose(*(d for d in first if d in found.dims), ...)
    return stamp(
        label(found, source="popsim.demography.births_decomposition.decompose_births"),
        f"decomposed births from {_told(chosen1)} to {_told(chosen2)}",
        compared_from=_told(chosen1),
        compared_to=_told(chosen2),
        method="Das Gupta 1993, mean over all ways to hold the other factors",
        largest_residual=residual,
        inputs_sha256=fingerprint(*({id(d): d for d in (before, history)}.values())),
    )


def _selection(
    data: xr.Dataset, given: int | str | Mapping[str, Any], which: str, problems: Problems
) -> dict[str, Any]:
    """Return labels by dimension; note those that are not there."""
    if isinstance(given, Mapping):
        chosen = dict(given)
    else:
        chosen = {"scenario": given} if isinstance(given, str) else {"year": given}
    for dim, value in chosen.items():
        if dim not in _SELECTABLE:
            guess = nearest(str(dim), _SELECTABLE) or "year, scenario or region"
            problems.add(f"{which} names {dim!r}, which cannot be compared", instead=guess)
        elif dim not in data.dims:
            problems.add(f"{which} names a {dim}, and the projection has only one without a name")
        elif value not in data[dim].values.tolist():
            labels = [str(one) for one in data[dim].values]
            shown = ", ".join(labels) if len(labels) < 6 else f"{labels[0]} to {labels[-1]}"
            problems.add(f"{which}: {dim} {value} is not in the projection ({shown})")
    return chosen


def _told(chosen: Mapping[str, Any]) -> str:
    return ", ".join(f"{dim} {value}" for dim, value in chosen.items()) or "all"


def _factors(data: xr.Dataset, chosen: dict[str, Any], ages: tuple[int, int]) -> _Factors:
    """Return the factors of one side, the dimensions that it names taken away."""
    outer = {dim: value for dim, value in chosen.items() if dim != "year"}
    data = data[[name for name in HISTORY if name in data]].sel(outer, drop=True)
    if "year" in chosen:
        year = int(chosen["year"])
        data = data.sel(year=[year], time=[year, year + 1])
    births = data["births_by_age"]
    inside = (births["age"] >= ages[0]) & (births["age"] <= ages[1])
    outside = births["age"].values[(births.where(~inside, 0.0) > 0).any(_not(births, "age")).values]
    if outside.size:
        wider = f"ages=({min(ages[0], outside[0])}, {max(ages[1], outside[-1])})"
        raise DataError(
            f"there are births at age {outside[0]}, and women of {ages[0]} to {ages[1]} are "
            f"counted; write: {wider}"
        )
    exposure: BirthExposure = Quantities(data, {}, {})["birth_exposure"]
    span = {"age": np.flatnonzero(inside.values)}
    lead = [d for d in ("region", "scenario", "year", "draw") if d in births.dims]
    total = exposure.total.isel(span).transpose(*lead, "age")
    parity = exposure.by_parity.isel(span).transpose(*lead, "parity", "age")
    conditional = exposure.conditional.isel(span).transpose(*lead, "birth_order", "age")
    born = births.isel(span).sum("age").transpose(*lead, "birth_order")
    if "year" in chosen:
        total, parity, conditional, born = (
            x.isel(year=0, drop=True) for x in (total, parity, conditional, born)
        )
    E = total.values
    women = E.sum(axis=-1)
    age = _share(E, women[..., None])
    return _Factors(women, age, _share(parity.values, E[..., None, :]), conditional.values, born)


def _not(array: xr.DataArray, dim: str) -> list[Any]:
    return [d for d in array.dims if d != dim]


def _share(part: Array, whole: Array) -> Array:
    whole = np.broadcast_to(whole, part.shape)
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))


def _alike(births1: xr.DataArray, births2: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Refuse two sides that cannot be set against each other cell by cell."""
    if births1.dims != births2.dims:
        raise DataError(
            f"the two sides have dimensions {births1.dims} and {births2.dims}; name the year, "
            "scenario or region that only one of them has"
        )
    for dim in map(str, births1.dims):
        if births1[dim].values.tolist() != births2[dim].values.tolist():
            raise DataError(f"the two sides have different labels of {dim}; select the same ones")
    return births1, births2


def _known_rates(side1: _Factors, side2: _Factors) -> tuple[Array, Array]:
    """Return both sides' rates; one that nobody was exposed to is the other side's, else 0."""
    h1, h2 = side1.rates, side2.rates
    known1 = np.where(np.isnan(h1), np.nan_to_num(h2), h1)
    return known1, np.where(np.isnan(h2), known1, h2)


def _births(women: Array, age: Array, parity: Array, rates: Array) -> Array:
    return np.asarray(women[..., None] * (age[..., None, :] * parity * rates).sum(axis=-1))
