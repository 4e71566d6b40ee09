"""Turn trajectories made elsewhere into factors of the projection.

Paths of the total fertility rate are met exactly, draw by draw, with parity detail following; paths
of life expectancy become a place between the survival tables, paths of net migration a factor. The
paths come from :mod:`popsim.demography.outside` or are any arrays by draw and year; the result is
what ``popsim.run(..., demography=...)`` takes.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from popsim.dataset import label
from popsim.demography.alignment import align_path, aligned_factors
from popsim.demography.projection import INPUTS, project
from popsim.errors import DataError, Problems

__all__ = [
    "life_expectancy_of_survival",
    "replace_factors",
    "trajectory_factors",
    "variant_baselines",
]

Array = NDArray[np.float64]
_WEIGHTS = np.linspace(-1.0, 1.0, 81)
_MOST_ROUNDING = 1e-9


def life_expectancy_of_survival(survival: ArrayLike) -> Array:
    """Return life expectancy at birth from survival ratios by single year of age.

    ``L(0) = S(0)``, ``L(x) = L(x-1) S(x)``, and for the open group, whose ratio is that of the two
    last groups together, ``T(A) = L(A-1) S(A) / (1 - S(A))``.

    Parameters
    ----------
    survival : array-like (..., age)
        Survival ratio into each age [1].

    Returns
    -------
    numpy.ndarray (...)
        Years.

    Examples
    --------
    >>> life_expectancy_of_survival([1.0, 1.0, 0.5])
    array(3.)
    """
    S = np.asarray(survival, dtype=float)
    L = np.cumprod(S[..., :-1], axis=-1)
    return np.asarray(L.sum(axis=-1) + L[..., -1] * S[..., -1] / (1 - S[..., -1]))


def trajectory_factors(
    baseline: xr.Dataset,
    *,
    total_fertility_rate: xr.DataArray | None = None,
    life_expectancy: xr.DataArray | None = None,
    net_migration: xr.DataArray | None = None,
    how: Literal["level", "deviation"] = "level",
    sex: Literal["female", "male", "both"] = "both",
    outside: Literal["raise", "hold"] = "raise",
) -> xr.Dataset:
    """Return the factors with which each draw follows given paths.

    Parameters
    ----------
    baseline : xarray.Dataset
        With ``region`` and the attribute ``first_projected_year``; earlier years stay as they are.
    total_fertility_rate : DataArray (draw, year), optional
        [births per woman]; ``region`` and ``birth_order`` are possible too.
    life_expectancy : DataArray (draw, year), optional
        Life expectancy at birth of ``sex`` [years].
    net_migration : DataArray (draw, year), optional
        Net migrants, all ages and both sexes [persons].
    how : {"level", "deviation"}
        ``level``: the path itself is met. ``deviation``: the baseline stays the centre, and what is
        met is its own path times (life expectancy, migration: plus) the deviation of a draw from
        the median of the draws; for a province with trajectories of the nation.
    sex : {"female", "male", "both"}
        Whose life expectancy; ``both`` is the plain mean of the sexes.
    outside : {"raise", "hold"}
        When a life expectancy lies beyond the low or the high survival table: an error, or the
        table, counted in the attribute ``notices``.

    Returns
    -------
    xarray.Dataset
        ``fertility_factor`` (region, draw, year, birth_order), ``mortality_weight`` and
        ``migration_factor`` (region, draw, year), as far as paths are given, from the baseline's
        first year to the last year of the paths.

    Raises
    ------
    DataError
        When no path is given, paths have different draws, a year between first and last projected
        is missing, or a path cannot be met.

    Notes
    -----
    Fertility is met under the mortality and migration of the paths given here, else those of the
    baseline; where a run draws these besides, the rate differs from the path by what they change
    in the parity structure of women of childbearing age.

    Examples
    --------
    >>> from popsim import load_baseline
    >>> base = load_baseline("zhejiang-2020")
    >>> paths = xr.DataArray([[0.9, 1.0], [0.8, 0.7]], {"draw": [0, 1], "year": [2024, 2025]})
    >>> given = trajectory_factors(base, total_fertility_rate=paths)
    >>> given["fertility_factor"].sel(year=2023).max().item()
    1.0
    """
    given = {
        "total_fertility_rate": total_fertility_rate,
        "life_expectancy": life_expectancy,
        "net_migration": net_migration,
    }
    paths = {name: path for name, path in given.items() if path is not None}
    if not paths:
        raise DataError("no path is given; write: total_fertility_rate=...")
    first = int(baseline.attrs["first_projected_year"])
    paths = _checked(paths, baseline, first)
    last = min(int(path["year"].values[-1]) for path in paths.values())
    base = baseline.sel(year=slice(None, last))
    inputs = base[[name for name in INPUTS if name in base]]
    paths = {name: path.sel(year=slice(first, last)) for name, path in paths.items()}
    result = xr.Dataset(attrs={"notices": ""})
    if "life_expectancy" in paths:
        weight, told = _weights(inputs, paths["life_expectancy"], how, sex, outside)
        result["mortality_weight"] = weight
        result.attrs["notices"] = told
    if "net_migration" in paths:
        result["migration_factor"] = _migration(inputs, paths["net_migration"], how)
    if "total_fertility_rate" in paths:
        path = paths["total_fertility_rate"]
        if how == "deviation":
            years = [int(y) for y in base["year"].values]
            centre = project(inputs, years=years, on_negative="cut")
            own = centre["total_fertility_rate_by_order"]
            if "birth_order" not in path.dims:
                own = own.sum("birth_order")
            path = own.sel(year=path["year"].values) * (path / path.median("draw"))
        result["fertility_factor"] = aligned_factors(
            base,
            total_fertility_rate=path,
            factors=result if len(result.data_vars) else None,
        )
    return label(
        result, source="; ".join(str(p.attrs.get("source", "given")) for p in paths.values())
    )


def _checked(
    paths: dict[str, xr.DataArray], baseline: xr.Dataset, first: int
) -> dict[str, xr.DataArray]:
    problems = Problems()
    end = int(baseline["year"].values[-1])
    ordered = {}
    numbers = None
    for name, path in paths.items():
        missing = [d for d in ("draw", "year") if d not in path.dims]
        if missing:
            problems.add(f"the path of {name} has no dimension {', '.join(missing)}")
            continue
        path = path.sortby("year").sel(year=slice(None, end))
        years = path["year"].values
        if not len(years) or years[-1] < first:
            problems.add(f"the path of {name} has no year from {first} to {end}")
        elif (np.diff(years) != 1).any():
            gap = int(years[:-1][np.diff(years) != 1][0]) + 1
            problems.add(f"the path of {name} lacks the year {gap}")
        if not np.isfinite(path.values).all():
            problems.add(f"the path of {name} holds values that are not numbers")
        numbers = path["draw"].values if numbers is None else numbers
        if not np.array_equal(path["draw"].values, numbers):
            problems.add("the paths have different draws; give all the same number of them")
        ordered[name] = path
    problems.raise_if_any(DataError)
    return ordered


def _full(values: xr.DataArray, inputs: xr.Dataset, neutral: float) -> xr.DataArray:
    """Return the values for every year and region of the inputs, neutral where there is no path."""
    if "region" not in values.dims:
        values = values.expand_dims(region=inputs["region"].values)
    filled = values.reindex(year=inputs["year"].values, fill_value=neutral)
    return filled.transpose("region", "draw", "year")


def _weights(
    inputs: xr.Dataset, path: xr.DataArray, how: str, sex: str, outside: str
) -> tuple[xr.DataArray, str]:
    """Return the place between the survival tables that gives the life expectancies."""
    if "mortality_level" not in inputs["survival_ratio"].dims:
        raise DataError("survival_ratio has no mortality_level; give low, central and high tables")
    if sex not in ("female", "male", "both"):
        raise DataError(f"sex {sex!r} is unknown; write: female, male or both")
    tables = inputs["survival_ratio"].sel(year=path["year"].values)
    if "region" not in tables.dims:
        tables = tables.expand_dims(region=inputs["region"].values)
    S = tables.transpose("region", "year", "mortality_level", "sex", "age").values
    low, middle, high = (S[:, :, n] for n in range(3))
    at = np.stack(
        [middle + (w * (high - middle) if w >= 0 else -w * (low - middle)) for w in _WEIGHTS],
        axis=2,
    )
    e0 = life_expectancy_of_survival(at)
    e0 = e0.mean(axis=-1) if sex == "both" else e0[..., ("female", "male").index(sex)]
    wanted = _full(path, inputs, np.nan).sel(year=path["year"].values)
    if how == "deviation":
        centre = xr.DataArray(e0[:, :, len(_WEIGHTS) // 2], dims=("region", "year"))
        wanted = wanted - wanted.median("draw") + centre.values[:, None, :]
        wanted = wanted.transpose("region", "draw", "year")
    weight = np.empty(wanted.shape)
    beyond = np.zeros(wanted.shape, dtype=bool)
    for i, y in np.ndindex(e0.shape[:2]):
        line, w = e0[i, y], wanted.values[i, :, y]
        room = _MOST_ROUNDING * line[-1]
        weight[i, :, y] = np.interp(w, line, _WEIGHTS)
        beyond[i, :, y] = (w < line[0] - room) | (w > line[-1] + room)
    told = ""
    if beyond.any():
        i, d, y = (int(n) for n in np.argwhere(beyond)[0])
        where = (
            f"{inputs['region'].values[i]}, {path['year'].values[y]}, draw {path['draw'].values[d]}"
        )
        text = (
            f"in {int(beyond.sum())} of {beyond.size:,} regions, years and draws the life "
            f"expectancy lies beyond the survival tables, first in {where}: "
            f"{wanted.values[i, d, y]:.2f} years, "
            f"the tables reach from {e0[i, y, 0]:.2f} to {e0[i, y, -1]:.2f}"
        )
        if outside == "raise":
            raise DataError(f"{text}; write: how='deviation', outside='hold', or give wider tables")
        told = f"{text}; the table is taken"
    array = xr.DataArray(weight, wanted.coords, wanted.dims)
    return _full(array, inputs, 0.0), told


def _migration(inputs: xr.Dataset, path: xr.DataArray, how: str) -> xr.DataArray:
    if "net_migration" not in inputs:
        raise DataError("the baseline has no net_migration that a path could be met with")
    total = inputs["net_migration"].sum(["sex", "age"])
    if "year" in total.dims:
        total = total.sel(year=path["year"].values)
    if (total == 0).any():
        raise DataError(
            "net migration of the baseline is 0 in a year of the path, and no factor can change "
            "that; give it a total in the baseline"
        )
    if how == "deviation":
        return _full(1 + (path - path.median("draw")) / total, inputs, 1.0)
    return _full(path / total, inputs, 1.0)


def variant_baselines(baseline: xr.Dataset, variants: xr.DataArray) -> dict[str, xr.Dataset]:
    """Return one baseline for each variant of the total fertility rate.

    Parameters
    ----------
    baseline : xarray.Dataset
    variants : DataArray (variant, year)
        Total fertility rate [births per woman], from
        :func:`popsim.demography.outside.read_variants`.

    Returns
    -------
    dict of str to xarray.Dataset
        Each meets its path exactly, see :func:`popsim.demography.alignment.align_path`; years from
        the first projected one on.

    Examples
    --------
    >>> from popsim import load_baseline
    >>> base = load_baseline("zhejiang-2020")
    >>> given = xr.DataArray([[0.8]], {"variant": ["low"], "year": [2024]}, ("variant", "year"))
    >>> list(variant_baselines(base, given))
    ['low']
    """
    first = int(baseline.attrs["first_projected_year"])
    end = int(baseline["year"].values[-1])
    kept = variants.sel(year=slice(first, end))
    return {
        str(name): align_path(
            baseline, total_fertility_rate=kept.sel(variant=name, drop=True)
        ).assign_attrs(variant=str(name))
        for name in variants["variant"].values
    }


def replace_factors(
    factors: xr.Dataset, central: xr.Dataset, given: xr.Dataset
) -> tuple[xr.Dataset, xr.Dataset]:
    """Put given factors in the place of drawn ones, for the draws and years of a run.

    Parameters
    ----------
    factors : xarray.Dataset
        Drawn factors (region, draw, year, ...).
    central : xarray.Dataset
        Factors of the central path.
    given : xarray.Dataset
        From :func:`trajectory_factors`. Its central path is the median over all its draws.

    Returns
    -------
    tuple of two xarray.Dataset
        Factors and central factors.

    Raises
    ------
    DataError
        When the given factors lack a draw, year or region of the run, or have unknown names.

    Examples
    --------
    >>> one = xr.Dataset({"migration_factor": (("region", "draw", "year"), [[[1.0]]])},
    ...                  {"region": ["330000"], "draw": [0], "year": [2024]})
    >>> new, _ = replace_factors(one, one.isel(draw=0, drop=True), one * 2)
    >>> float(new["migration_factor"].max())
    2.0
    """
    problems = Problems()
    known = ("fertility_factor", "fertility_weight", "mortality_weight", "migration_factor")
    for name in given.data_vars:
        if name not in known:
            problems.add(f"demography holds {name!r}", instead=" or ".join(known))
    wanted: dict[str, Any] = {}
    for dim in ("region", "draw", "year"):
        if dim not in given.dims:
            continue
        wanted[dim] = factors[dim].values
        have = given[dim].values
        missing = [v for v in wanted[dim].tolist() if v not in set(have.tolist())]
        if missing:
            write = f"draws={len(have)}" if dim == "draw" else ""
            problems.add(
                f"demography has no {dim} {missing[0]} ({len(missing)} missing; it has {have[0]} "
                f"to {have[-1]})",
                instead=write,
            )
    problems.raise_if_any(DataError)
    chosen = given.sel(wanted)
    middle = given.sel({d: v for d, v in wanted.items() if d != "draw"})
    middle = middle.median("draw") if "draw" in middle.dims else middle
    told = "\n".join(
        line for line in (factors.attrs.get("notices", ""), given.attrs.get("notices", "")) if line
    )
    # A part replaced in fertility replaces timing too: the path given is the whole of fertility.
    new, centre = factors, central
    if "fertility_factor" in given and "fertility_weight" in factors:
        new = new.assign(fertility_weight=xr.full_like(new["fertility_weight"], 0.5))
    new = new.assign({n: chosen[n] for n in chosen.data_vars}).assign_attrs(notices=told)
    return new, centre.assign({n: middle[n] for n in middle.data_vars})
