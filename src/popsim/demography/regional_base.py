"""Base populations of regions under one parent: split a parent, or make regions add up to it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from popsim.dataset import label
from popsim.demography.projection import INPUTS, _laid_out
from popsim.errors import DataError, Problems

__all__ = ["rake_base", "split_region"]

_SUM = 1e-9


def split_region(inputs: xr.Dataset, shares: xr.DataArray) -> xr.Dataset:
    """Split the inputs of one region into parts by shares of its people.

    Population, women by parity and net migrants are multiplied by the shares; rates and ratios are
    those of the whole in every part, to be changed where more is known. A split by shares is an
    illustration unless the shares are counted.

    Parameters
    ----------
    inputs : xarray.Dataset
        Inputs of :func:`popsim.project` of one region, ``net_migration`` by sex and age.
    shares : xarray.DataArray
        Shares (region, sex, age) [1] that sum to 1 over the parts; sex and age may be left out.
        Coordinates along ``region``, such as its names, are kept.

    Returns
    -------
    xarray.Dataset
        Inputs with a dimension ``region``; the code of the whole is its coordinate ``parent``.

    Raises
    ------
    DataError
        When the inputs have several regions, or shares are negative, do not sum to 1 or have other
        dimensions.

    Examples
    --------
    >>> import popsim as ps
    >>> shares = xr.DataArray([0.4, 0.6], {"region": ["A", "B"]}, ("region",))
    >>> parts = split_region(ps.load_baseline("zhejiang-2020"), shares)
    >>> parts.population.sum(["sex", "age"]).round().values.tolist()
    [25872000.0, 38808000.0]
    """
    problems = Problems()
    if inputs.sizes.get("region", 1) != 1:
        problems.add(
            f"there are {inputs.sizes['region']} regions to split", instead="one: .sel(region=[…])"
        )
    extra = sorted(str(d) for d in shares.dims if d not in ("region", "sex", "age"))
    if extra:
        problems.add(f"shares must not have dimension {', '.join(extra)}")
    if "region" not in shares.dims:
        problems.add("shares have no dimension region")
    problems.raise_if_any(DataError)
    if (shares < 0).any() or not np.isfinite(shares).all():
        problems.add("shares must be numbers that are not negative")
    total = shares.sum("region").values.reshape(-1)
    worst = total[np.abs(total - 1).argmax()]
    if abs(worst - 1) > _SUM:
        problems.add(f"shares sum to {worst:.10g} over the parts, not to 1")
    problems.raise_if_any(DataError)
    whole = inputs[[name for name in INPUTS if name in inputs]]
    code = None
    if "region" in whole.dims:
        code = str(whole["region"].values[0])
        whole = whole.squeeze("region", drop=True)
        names = ("region_name", "region_name_zh", "parent")
        whole = whole.drop_vars([name for name in names if name in whole.coords])
    women = shares.sel(sex="female", drop=True) if "sex" in shares.dims else shares
    parts = whole.assign(
        population=whole["population"] * shares, women_by_parity=whole["women_by_parity"] * women
    )
    if "net_migration" in whole:
        parts["net_migration"] = whole["net_migration"] * shares
    parts = parts.transpose("region", ...)
    if code is not None:
        parts = parts.assign_coords(parent=("region", [code] * parts.sizes["region"]))
    for name in parts.data_vars:
        parts[name].attrs.update(whole[name].attrs)
    return parts


def rake_base(inputs: xr.Dataset, parent: xr.Dataset) -> xr.Dataset:
    """Make the base populations of regions add up to their parent's.

    Each sex and age is multiplied by one factor for all regions; shares by parity are then raked
    to the parent's by iterative proportional fitting.

    Parameters
    ----------
    inputs : xarray.Dataset
        Inputs of :func:`popsim.demography.regions.project_regions`.
    parent : xarray.Dataset
        Inputs or a projection of the parent, with ``population`` and ``women_by_parity``.

    Returns
    -------
    xarray.Dataset
        The inputs with the raked stock and ``base_adjustment`` (region, sex, age) [person], what
        was added.

    Raises
    ------
    DataError
        When the parent has several regions or lacks a variable, or has people where no region has.

    Examples
    --------
    >>> import popsim as ps
    >>> base = ps.load_baseline("zhejiang-2020")
    >>> shares = xr.DataArray([0.4, 0.6], {"region": ["A", "B"]}, ("region",))
    >>> parts = split_region(base, shares)
    >>> raked = rake_base(parts.assign(population=1.1 * parts.population,
    ...                                women_by_parity=1.1 * parts.women_by_parity), base)
    >>> round(float(raked.base_adjustment.sum()))
    -6468000
    """
    from popsim.kernels.raking import parity_shares, rake_shares

    problems = Problems()
    for name in ("population", "women_by_parity"):
        for what, data in (("the inputs have", inputs), ("the parent has", parent)):
            if name not in data:
                problems.add(f"{what} no {name}")
    if parent.sizes.get("region", 1) != 1:
        problems.add(
            f"the parent has {parent.sizes['region']} regions",
            instead="one of them: parent.sel(region=...)",
        )
    problems.raise_if_any(DataError)
    goal = parent[["population", "women_by_parity"]]
    if "region" in goal.dims:
        goal = goal.squeeze("region", drop=True)
    if "time" in goal.dims:
        base_time = inputs.coords.get("base_time", inputs.attrs.get("base_time"))
        goal = goal.sel(time=int(base_time), drop=True)
    goal = goal.sel(age=inputs["age"].values)
    for dim in ("scenario", "draw"):
        # The stock at the start is the same in all of them.
        goal = goal.isel({dim: 0}, drop=True) if dim in goal.dims else goal
    people = _laid_out(inputs.variables["population"], ("region", "sex", "age"))
    women = _laid_out(inputs.variables["women_by_parity"], ("region", "parity", "age"))
    want = _laid_out(goal.variables["population"], ("sex", "age"))
    mothers = _laid_out(goal.variables["women_by_parity"], ("parity", "age"))
    have = people.sum(axis=0)
    empty = (have == 0) & (want > 0)
    if empty.any():
        s, a = (int(v) for v in np.argwhere(empty)[0])
        raise DataError(
            f"the parent has {want[s, a]:g} people at sex {inputs['sex'].values[s]}, age "
            f"{inputs['age'].values[a]}, and no region has any; give the regions some"
        )
    raked = people * np.divide(want, have, out=np.ones_like(have), where=have > 0)
    shares = parity_shares(women[..., None])
    _, missed = rake_shares(raked[:, 0, :, None], shares, mothers[..., None])
    if np.abs(missed).max() > 1e-6:
        i, a, _ = (int(v) for v in np.unravel_index(np.abs(missed).argmax(), missed.shape))
        raise DataError(
            f"the parent has {mothers[i, a]:g} women of parity {inputs['parity'].values[i]} aged "
            f"{inputs['age'].values[a]}, and the regions' women cannot be made to have them; "
            "give some region a share of that parity"
        )
    stock = raked[:, :1] * shares[..., 0]
    raked[:, 0] = stock.sum(axis=1)
    result = inputs.assign(
        population=(("region", "sex", "age"), raked, inputs["population"].attrs),
        women_by_parity=(("region", "parity", "age"), stock, inputs["women_by_parity"].attrs),
        base_adjustment=(("region", "sex", "age"), raked - people),
    )
    return label(result)
