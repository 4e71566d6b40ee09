"""Meet a path of fertility exactly while parity detail follows, and keep the calibration.

:func:`align_path` finds the factors on conditional birth rates with which a projection gives a
stated total fertility rate, or stated births, in every year. The factors are then part of the
baseline: in a counterfactual they stay as they are, so that what a policy adds is not taken away.
For one year and arrays, see :func:`popsim.demography.fertility.align`.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from popsim.dataset import label, stamp
from popsim.demography.projection import INPUTS, project
from popsim.errors import DataError, Problems

__all__ = ["align_path", "aligned_factors"]

Array = NDArray[np.float64]
_TARGETS = {
    "total_fertility_rate": "births per woman",
    "births": "births",
}
_ROUNDS = 200


def align_path(
    baseline: xr.Dataset,
    *,
    total_fertility_rate: ArrayLike | xr.DataArray | None = None,
    births: ArrayLike | xr.DataArray | None = None,
    tolerance: float = 1e-9,
) -> xr.Dataset:
    """Return a baseline whose central projection meets a path of fertility.

    Parameters
    ----------
    baseline : xarray.Dataset
        As for :func:`popsim.project`, with ``region``.
    total_fertility_rate : DataArray (year), (region, year) or (..., birth_order), or dict
        Total fertility rate of the years that are to meet one [births per woman]; a dict is
        ``{year: value}``. With ``birth_order`` each order is met by its own factor, else one
        factor moves all orders. Years that are not named keep their rates.
    births : same, optional
        Births to meet, in place of the total fertility rate [births].
    tolerance : float
        Largest relative difference that is left.

    Returns
    -------
    xarray.Dataset
        The baseline with ``fertility_factor`` (region, year, birth_order) replaced in the named
        years. Run scenarios on it as on any baseline: the calibration is frozen.

    Raises
    ------
    DataError
        When not exactly one target is given, it names years, regions or orders that the baseline
        lacks, holds values that are not positive numbers, or cannot be met.

    Notes
    -----
    Every round projects the whole path and multiplies the factors by wanted over projected. A year
    depends on the years before it only, so that the rounds settle from the first year on.

    Examples
    --------
    >>> from popsim import load_baseline, project
    >>> base = load_baseline("zhejiang-2020").sel(year=slice(2021, 2027))
    >>> rising = align_path(base, total_fertility_rate={2026: 1.0, 2027: 1.1})
    >>> inputs = rising[[name for name in rising if name in set(INPUTS)]]
    >>> inputs = inputs.sel(mortality_level="central", drop=True)
    >>> project(inputs)["total_fertility_rate_by_order"].sum("birth_order").values.round(6)[0, 4:]
    array([0.873435, 1.      , 1.1     ])
    """
    name, target = _target(baseline, total_fertility_rate, births)
    factor = _meet(baseline, name, target, None, tolerance)
    had = _factor_of(baseline)
    aligned = baseline.assign(
        fertility_factor=(had * factor.transpose("region", "year", "birth_order"))
    )
    aligned["fertility_factor"].attrs = {
        **had.attrs,
        "source": f"{had.attrs.get('source', '')}; aligned to a given path of {name}".lstrip("; "),
    }
    years = target["year"].values
    return stamp(
        label(aligned), f"aligned {name} of {len(years)} years from {years[0]} to {years[-1]}"
    )


def aligned_factors(
    baseline: xr.Dataset,
    *,
    total_fertility_rate: xr.DataArray | None = None,
    births: xr.DataArray | None = None,
    factors: xr.Dataset | None = None,
    tolerance: float = 1e-9,
) -> xr.DataArray:
    """Return factors with which every draw meets its own path of fertility.

    Parameters
    ----------
    baseline : xarray.Dataset
        As for :func:`align_path`.
    total_fertility_rate, births : DataArray (..., draw, year)
        As in :func:`align_path`, a path for each draw.
    factors : xarray.Dataset, optional
        Other factors of the draws (mortality, migration) under which the path is met.
    tolerance : float
        Largest relative difference that is left.

    Returns
    -------
    xarray.DataArray (region, draw, year, birth_order)
        ``fertility_factor``, on top of the baseline's; 1 in years without a target.

    Raises
    ------
    DataError
        As in :func:`align_path`.

    Examples
    --------
    >>> from popsim import load_baseline
    >>> base = load_baseline("zhejiang-2020").sel(year=slice(2021, 2024))
    >>> path = xr.DataArray([[0.8], [1.2]], {"draw": [0, 1], "year": [2024]})
    >>> aligned_factors(base, total_fertility_rate=path).sel(year=2024, birth_order=1).round(2).values
    array([[0.92, 1.38]])
    """  # noqa: E501 - one line of an example
    name, target = _target(baseline, total_fertility_rate, births)
    if "draw" not in target.dims:
        raise DataError("the path has no dimension draw; use align_path for a path without draws")
    dims = ("region", "draw", "year", "birth_order")
    return _meet(baseline, name, target, factors, tolerance).transpose(*dims)


def _target(baseline: xr.Dataset, rate: Any, births: Any) -> tuple[str, xr.DataArray]:
    """Return the name of the target and its values, checked against the baseline."""
    if (rate is None) == (births is None):
        raise DataError("give either total_fertility_rate or births to meet, and not both")
    name, given = ("births", births) if rate is None else ("total_fertility_rate", rate)
    if isinstance(given, dict):
        given = xr.DataArray(
            np.array(list(given.values()), dtype=float), {"year": list(given)}, dims="year"
        ).sortby("year")
    if not isinstance(given, xr.DataArray):
        raise DataError(
            f"the {name} to meet is a {type(given).__name__}; write a dict such as "
            "{2030: 1.1} or a DataArray with the dimension year"
        )
    problems = Problems()
    known = {"region", "draw", "year", "birth_order"}
    strange = sorted({str(d) for d in given.dims} - known)
    if strange:
        problems.add(f"the {name} to meet must not have dimension {', '.join(strange)}")
    if "year" not in given.dims:
        problems.add(f"the {name} to meet has no dimension year")
    for dim in ("region", "year", "birth_order"):
        if dim not in given.dims:
            continue
        have = set(baseline[dim].values.tolist())
        missing = [str(v) for v in given[dim].values.tolist() if v not in have]
        if missing:
            problems.add(f"the {name} to meet names {dim} {', '.join(missing)}, not in the data")
    values = np.asarray(given.values, dtype=float)
    wrong = ~(np.isfinite(values) & (values > 0))
    if wrong.any():
        problems.add(
            f"{int(wrong.sum())} values of the {name} to meet are not positive numbers of "
            f"{_TARGETS[name]}"
        )
    if "birth_order" in given.dims and not problems:
        left_out = set(baseline["birth_order"].values.tolist()) - set(given["birth_order"].values)
        if left_out:
            problems.add(
                f"the {name} to meet lacks birth_order {', '.join(map(str, sorted(left_out)))}"
            )
    problems.raise_if_any(DataError)
    return name, given


def _factor_of(baseline: xr.Dataset) -> xr.DataArray:
    """Return the baseline's factor with all its dimensions."""
    full = xr.DataArray(
        np.ones([baseline.sizes[d] for d in ("region", "year", "birth_order")]),
        {d: baseline[d].values for d in ("region", "year", "birth_order")},
    )
    if "fertility_factor" not in baseline:
        return full
    had = baseline["fertility_factor"]
    return (had * full).transpose("region", "year", "birth_order").assign_attrs(had.attrs)


def _meet(
    baseline: xr.Dataset,
    name: str,
    target: xr.DataArray,
    others: xr.Dataset | None,
    tolerance: float,
) -> xr.DataArray:
    """Find the factor on top of the baseline's, 1 in years without a target."""
    inputs = baseline[[v for v in INPUTS if v in baseline]]
    # Years after the last one to meet do not matter and are not projected.
    last = int(target["year"].values.max())
    years = [int(y) for y in baseline["year"].values if y <= last]
    whole = {d: baseline[d].values for d in ("region", "birth_order")}
    if "draw" in target.dims:
        whole["draw"] = target["draw"].values
    factor = xr.DataArray(
        np.ones([len(v) for v in whole.values()] + [baseline.sizes["year"]]),
        {**whole, "year": baseline["year"].values},
    )
    by_order = "birth_order" in target.dims
    measured = "births_by_order" if name == "births" else "total_fertility_rate_by_order"
    given = (
        xr.Dataset() if others is None else others.drop_vars("fertility_factor", errors="ignore")
    )
    if "fertility_schedule" in inputs.dims and "fertility_weight" not in given:
        given = given.assign(fertility_weight=xr.DataArray(0.5))
    on_negative: Literal["raise", "cut"] = "cut" if others is not None else "raise"
    for _ in range(_ROUNDS):
        result = project(
            inputs,
            years=years,
            factors=given.assign(fertility_factor=factor.sel(year=years)),
            on_negative=on_negative,
        )[measured]
        reached = result if by_order else result.sum("birth_order")
        ratio = target / reached.sel(year=target["year"].values)
        if not np.isfinite(ratio.values).all():
            raise DataError(f"no births can meet the {name}: rates or women are 0 in a year named")
        miss = float(np.abs(ratio.values - 1).max())
        if miss < tolerance:
            return factor
        step = ratio.reindex(year=factor["year"].values, fill_value=1.0)
        if not by_order:
            step = step.expand_dims(birth_order=whole["birth_order"])
        factor = (factor * step).transpose(*factor.dims)
    raise DataError(f"the {name} cannot be met: a relative difference of {miss:.2g} stays")
