"""Compute indicators of a projection by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import xarray as xr

from popsim.dataset import label
from popsim.demography.indicators.definition import Indicator, asked_for
from popsim.demography.indicators.quantities import HISTORY, ONE_OF, QUANTITIES, Quantities
from popsim.demography.indicators.registry import chosen, registered_indicators
from popsim.errors import DataError, Problems
from popsim.variables import VARIABLES

__all__ = ["AGE_BREAKS", "indicators", "may_need_single_ages"]

#: First ages of the groups that every indicator of the set "monitoring" can be summed from.
AGE_BREAKS = (0, 3, 15, 20, 35, 50, 60, 65)
#: Accounts of the projection that go with whatever is computed from it.
_CARRIED = ("outflow_cut", "cells_cut")
_CUT = (
    "net migration was cut where it took more people than there were; survival read from the "
    "projection is not exact at these ages, nor is what follows from it; give survival_ratio"
)


def indicators(
    projected: xr.Dataset,
    which: str
    | Indicator
    | Callable[..., xr.DataArray]
    | Iterable[str | Indicator | Callable[..., xr.DataArray]] = "monitoring",
    *,
    past_births_by_order: xr.DataArray | None = None,
    survival_ratio: xr.DataArray | None = None,
) -> xr.Dataset:
    """Return indicators of a projection.

    Parameters
    ----------
    projected : xarray.Dataset
        From :func:`popsim.project`. The set ``"monitoring"`` needs ``births_by_order`` [birth] and
        ``total_fertility_rate_by_order`` [births per woman] on (year, birth_order, ...),
        ``deaths_by_sex`` [death] and ``net_migration_by_sex`` [person] on (year, sex, ...), and
        ``population_by_age_group`` [person] on (time, sex, age_group, ...) with
        ``age_group_start`` [years] containing every age of :data:`AGE_BREAKS`. Many others need
        every age of every year: ``project(..., detail="history")``. Further dimensions are carried
        through.
    which : str, Indicator, callable, or iterable of these
        Sets and indicators by name: ``"monitoring"``, ``"fertility"``, ``"ageing"``, ``"rates"``,
        ``"all"``, see :func:`popsim.indicator_names`. An :class:`popsim.Indicator` or a function of
        your own stands for itself, in this call only; a function asks for what it needs by the
        names of its parameters and gives the unit in ``attrs["units"]`` of its result.
    past_births_by_order : xarray.DataArray (year, birth_order), optional
        Births of the years before the projection [birth], for the children by birth order.
    survival_ratio : xarray.DataArray (year, sex, age), optional
        Survival ratios [1] for life expectancy, reproduction and what follows from them, in place
        of those read from the projection; of several mortality levels the central one is taken.

    Returns
    -------
    xarray.Dataset
        Flows and rates on ``year``, stocks on ``time``; fractions as fractions. Accounts of cut
        departures are carried over where they are there. ``attrs["notices"]``, if there, says in
        one sentence a line what could not be reported.

    Raises
    ------
    DataError
        When a name is unknown, the projection does not hold what an indicator needs (the sentence
        says what to ask for), or an age group straddles a limit.

    Examples
    --------
    >>> import numpy as np
    >>> starts = list(AGE_BREAKS)
    >>> groups = xr.DataArray(
    ...     np.ones((2, 2, 8)),
    ...     dims=("time", "sex", "age_group"),
    ...     coords={"time": [2021, 2022], "sex": ["female", "male"],
    ...             "age_group_start": ("age_group", starts)},
    ... )
    >>> orders = xr.DataArray(
    ...     [[6.0, 3.0, 0.75, 0.25]],
    ...     dims=("year", "birth_order"),
    ...     coords={"year": [2021], "birth_order": [1, 2, 3, 4]},
    ... )
    >>> sexes = xr.DataArray(
    ...     [[1.0, 1.0]], dims=("year", "sex"), coords={"year": [2021], "sex": ["female", "male"]}
    ... )
    >>> projected = xr.Dataset({
    ...     "births_by_order": orders, "total_fertility_rate_by_order": orders / 10,
    ...     "deaths_by_sex": sexes, "net_migration_by_sex": sexes,
    ...     "population_by_age_group": groups})
    >>> result = indicators(projected)
    >>> float(result.second_and_third_child_share[0]), float(result.crude_birth_rate[0])
    (0.375, 0.625)
    >>> indicators(projected, "median_age")
    Traceback (most recent call last):
    ...
    popsim.errors.DataError: median_age needs every age of every year; write: project(..., detail="history")
    """  # noqa: E501 - an error message is one line
    wanted, known = chosen(which, map(str, projected.data_vars))
    given = {"past_births_by_order": past_births_by_order, "survival_ratio": survival_ratio}
    quantities = Quantities(projected, known, {k: v for k, v in given.items() if v is not None})
    _check_there(wanted, quantities)
    computed = {}
    for name in _CARRIED:
        if name in projected:
            computed[name] = projected[name]
    attributes, notices = {}, []
    for one in wanted:
        # Attributes of what goes in, its unit first, are not those of what comes out.
        with xr.set_options(keep_attrs=False):  # type: ignore[no-untyped-call]
            array = quantities.compute(one)
        if not isinstance(array, xr.DataArray):
            raise DataError(
                f"the function of {one.name} returns {type(array).__name__}, not a DataArray"
            )
        notice = array.attrs.get("notice", "")
        if notice and notice not in notices:
            notices.append(notice)
        row = VARIABLES.get(one.name)
        order = tuple(d for d in row.dims if d in array.dims) if row is not None else array.dims
        if order != array.dims:
            array = array.transpose(*order, ...)
        attributes[one.name] = one.attributes(array.attrs)
        computed[one.name] = array
    if quantities.has_used("survival") and survival_ratio is None and _was_cut(projected):
        notices.append(_CUT)
    result = label(xr.Dataset(computed), source="projected")
    for name, texts in attributes.items():
        attrs = result.variables[name].attrs
        attrs.update(texts)
        attrs.setdefault("source", "projected")
        attrs.pop("notice", None)
    if notices:
        result.attrs["notices"] = "\n".join(notices)
    return result


def may_need_single_ages(name: str) -> bool:
    """Say whether an indicator asks for single ages, or for people of ages that it chooses itself.

    Parameters
    ----------
    name : str
        Of a registered indicator.

    Examples
    --------
    >>> may_need_single_ages("median_age"), may_need_single_ages("first_child_share")
    (True, False)
    """
    known = registered_indicators()

    def reaches(needs: Iterable[str], asked: tuple[str, ...]) -> bool:
        for need in needs:
            if need in HISTORY or need in ONE_OF:
                return True
            further: tuple[str, ...] = ()
            if need in QUANTITIES:
                further = asked_for(QUANTITIES[need])[0]
            elif need in known and need not in asked:
                further = known[need].needs
            if reaches(further, (*asked, need)):
                return True
        return False

    return reaches(known[name].needs, (name,))


def _was_cut(projected: xr.Dataset) -> bool:
    return "outflow_cut" in projected and bool((projected["outflow_cut"] > 0).any())


def _check_there(wanted: list[Indicator], quantities: Quantities) -> None:
    """Raise one sentence for all indicators that need every age, and one for each other output."""
    by_output: dict[str, list[str]] = {}
    for one in wanted:
        missing = quantities.missing_for(one)
        for output in {"history" if name in HISTORY else name for name in missing}:
            by_output.setdefault(output, []).append(one.name)
    problems = Problems()
    for output, names in sorted(by_output.items()):
        need = "needs" if len(names) == 1 else "need"
        if output == "history":
            problems.add(
                f"{', '.join(names)} {need} every age of every year",
                instead='project(..., detail="history")',
            )
        else:
            problems.add(f"{', '.join(names)} {need} {output}, which is not in the projection")
    problems.raise_if_any(DataError)
