"""Results of a batch: a lazy Dataset, the effect in a year, rankings of regions and scenarios."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from popsim.batch.cost_tables import COST_FIGURES, cost_effects, cost_ranking, kept_costs
from popsim.batch.costs import COSTS
from popsim.batch.extras import loaded
from popsim.batch.failures import reasons
from popsim.batch.manifest import ARRAYS, gone, read_manifest, read_records, verify
from popsim.batch.task import DIFFERENCE, DRAWS, MEAN
from popsim.dataset import stamp
from popsim.errors import DataError, PopsimError, nearest
from popsim.evaluation.summary import POINTS
from popsim.units import UNITS
from popsim.variables import VARIABLES

__all__ = ["check_store", "effect_table", "kept_indicators", "open_store", "ranking", "shown_unit"]

_NAMED = 5
#: Own dimensions of indicators besides years.
_GROUPS = ("birth_order", "sex")


def open_store(path: str | Path, *, partial: bool = False) -> xr.Dataset:
    """Open the results of a batch; nothing is loaded until it is asked for.

    Parameters
    ----------
    path : str or pathlib.Path
        Folder that ``popsim run`` wrote.
    partial : bool
        Open a store of which tasks, or chunks, are missing; they are not a number.

    Returns
    -------
    xarray.Dataset
        Of dask arrays, for every indicator NAME kept, in its own unit: ``NAME`` (region, scenario,
        quantile, year or time), ``NAME_mean`` (region, scenario, ...), ``NAME_difference`` and
        ``NAME_difference_mean``, paired differences from the future without new policy, and what
        else the batch file keeps, such as costs of additional births (region, scenario, window)
        under the names of :func:`popsim.policy.cost.cost_per_additional_birth`.
        ``region_name_zh`` and ``scenario_label_zh`` hold names. What a reader must know is in
        ``attrs["notices"]``, one sentence a line.

    Raises
    ------
    DataError
        When it is no store, its arrays are not there, or tasks or chunks of it are missing and
        ``partial`` is not set.
    """
    folder = Path(path)
    manifest, records = read_manifest(folder), read_records(folder)
    missing = [t for t in manifest.tasks if t not in records or records[t].status != "done"]
    if missing and not partial:
        named = ", ".join(missing[:_NAMED]) + (", …" if len(missing) > _NAMED else "")
        raise DataError(
            f"{len(missing)} of {len(manifest.tasks)} tasks of {folder} are missing ({named}); "
            "write: popsim run with --resume, or partial=True to read what there is"
        )
    # Zarr would take an array that is gone for none, and a chunk for what is not a number.
    lost = gone(folder, manifest.template)
    chunks = gone(folder, [path for record in records.values() for path in record.files])
    if lost or (chunks and not partial):
        raise DataError(
            f"of {folder} {_counted(lost + chunks)} gone, {(lost + chunks)[0]} first; write: "
            "popsim run with --resume, which makes them anew"
        )
    loaded("zarr")
    opened = xr.open_zarr(folder / ARRAYS, consolidated=False)
    # Text of a length of its own is new to NumPy; what follows knows the older kind.
    text = {
        name: (array.dims, np.array(array.values.tolist(), dtype=str), array.attrs)
        for name, array in opened.coords.items()
        if array.dtype.kind in "TO"
    }
    opened = opened.assign_coords(text)
    told = [line for record in records.values() for line in record.notices]
    counted = {line: told.count(line) for line in dict.fromkeys(told)}
    several = [f"{line} (in {n} tasks)" if n > 1 else line for line, n in counted.items()]
    if missing:
        several.append(f"{len(missing)} of {len(manifest.tasks)} tasks are missing")
    if chunks:
        several.append(f"of tasks that were done {_counted(chunks)} gone")
    opened.attrs["notices"] = "\n".join([opened.attrs["notices"], *several])
    ordered = opened[sorted(map(str, opened.data_vars), key=_order)]
    return stamp(ordered, f"opened {folder.name}, begun {manifest.created}")


def _counted(files: list[str]) -> str:
    return "1 file is" if len(files) == 1 else f"{len(files)} files are"


def check_store(path: str | Path) -> list[str]:
    """Return what is wrong with a store, one clause each; nothing when it is whole.

    Parameters
    ----------
    path : str or pathlib.Path

    Raises
    ------
    DataError
        When it is no store.
    """
    folder = Path(path)
    manifest, records = read_manifest(folder), read_records(folder)
    wrong = verify(folder, manifest.template)
    failed = {}
    for task in manifest.tasks:
        record = records.get(task)
        if record is None:
            wrong.append(f"task {task} is missing")
        elif record.status != "done":
            failed[task] = record.error
        else:
            wrong += [f"{clause} (task {task})" for clause in verify(folder, record.files)]
    data = "data of "
    codes = [name.removeprefix(data) for name in manifest.identities if name.startswith(data)]
    for reason in reasons(failed, manifest.tasks, dict.fromkeys(codes, "")):
        count = len(reason.tasks)
        one = f"task {reason.tasks[0]} failed: {reason.message}"
        wrong.append(one if count == 1 else f"{count} tasks failed {reason}")
    return wrong


def effect_table(store: xr.Dataset, year: int, *, region: str, scenario: str) -> pd.DataFrame:
    """Return every indicator with and without a scenario in one region and year.

    Parameters
    ----------
    store : xarray.Dataset
        From :func:`open_store`.
    year : int
        Flows of this year; stocks at its end (1 January of the next).
    region, scenario : str

    Returns
    -------
    pandas.DataFrame
        Columns indicator, label, label_zh, birth_order and sex (where they apply), unit, reference,
        with_policy, difference (means over draws), difference_unit, and one column for each
        quantile of the paired difference, ``difference_q10`` and so on. Where costs of additional
        births are kept, they follow, whatever the year, with their window of births (``window``,
        ``first_year``, ``last_year``); they compare with the reference, so they stand in the
        columns of differences. ``note`` says where there is ``no cost``, because nothing is paid,
        or ``no additional births``, so that each costs infinitely much.

    Raises
    ------
    DataError
        When the store has no such region, scenario or year, or keeps no means or differences.
    """
    names = kept_indicators(store)
    for name in names:
        needed = (name + MEAN, name + DIFFERENCE, name + DIFFERENCE + MEAN)
        lacking = [one for one in needed if one not in store]
        if lacking:
            raise DataError(
                f"the store does not keep {lacking[0]}; write: keep: {{means: true, differences: "
                "true} in the batch file, and run it anew"
            )
    wanted = [name + s for name in names for s in (MEAN, DIFFERENCE, DIFFERENCE + MEAN)]
    here = _selected(store, region=region, scenario=scenario, year=year)[wanted].compute()
    base = _selected(store, region=region, scenario=_reference(store), year=year)
    base = base[[name + MEAN for name in names]].compute()
    rows = []
    for name in names:
        unit, scale = shown_unit(name)
        own = [dim for dim in _GROUPS if dim in here[name + MEAN].dims]
        for labels in itertools.product(*(here[dim].values.tolist() for dim in own)):
            at = dict(zip(own, labels, strict=True))
            cell, other = here.sel(at) * scale, base.sel(at) * scale
            spread = cell[name + DIFFERENCE]
            rows.append(
                {
                    "indicator": name,
                    "label": VARIABLES[name].long_name,
                    "label_zh": VARIABLES[name].long_name_zh,
                    "birth_order": at.get("birth_order"),
                    **({"sex": at.get("sex")} if "sex" in here.dims else {}),
                    "unit": unit,
                    "reference": float(other[name + MEAN]),
                    "with_policy": float(cell[name + MEAN]),
                    "difference": float(cell[name + DIFFERENCE + MEAN]),
                    "difference_unit": POINTS.get(unit, unit),
                    **{
                        f"difference_{_column(q)}": float(spread.sel(quantile=q))
                        for q in spread["quantile"].values.tolist()
                    },
                }
            )
    table = pd.DataFrame(rows)
    if kept_costs(store):
        costs = store[[name for name in COSTS if name in store]]
        found = pd.DataFrame(cost_effects(costs.sel(region=region, scenario=scenario)))
        table = pd.concat([table, found], ignore_index=True)
        table["note"] = table["note"].fillna("")
        for column in ("window", "first_year", "last_year"):
            place = list(table.columns).index("unit")
            values = table.pop(column)
            table.insert(place, column, values if column == "window" else values.astype("Int64"))
    return table


def ranking(
    store: xr.Dataset,
    indicator: str,
    year: int | None = None,
    *,
    of: Literal["region", "scenario"],
    at: str,
    difference: bool = True,
    birth_order: int | None = None,
    sex: str | None = None,
    window: str | None = None,
) -> pd.DataFrame:
    """Rank the regions under one scenario, or the scenarios in one region, largest first.

    By a figure of cost, the least comes first, and of additional births the most.

    Parameters
    ----------
    store : xarray.Dataset
        From :func:`open_store`.
    indicator : str
        An indicator; or ``cost_per_additional_birth``, ``package_cost``, ``additional_births``,
        ``deadweight_share`` or ``chance_of_no_gain``.
    year : int, optional
        Flows of this year; stocks at its end. Costs have none.
    of : {"region", "scenario"}
        What is ranked.
    at : str
        The scenario in which regions are ranked, or the region in which scenarios are.
    difference : bool
        By the paired difference from the future without new policy, else by the level. Costs are
        differences.
    birth_order : int, optional
        Needed where the indicator has birth orders.
    sex : {"female", "male"}, optional
        Needed where the indicator has sexes.
    window : {"period", "lasting"}, optional
        Needed for costs: five years of births, or thirty.

    Returns
    -------
    pandas.DataFrame
        Columns rank, the code, its names, ``difference_from`` where differences are ranked, mean,
        and one column for each quantile; in the unit in ``attrs["unit"]``. What a stopped batch has
        not reached is left out. Ranked by the mean; the quantiles say how far ranks can be told
        apart. For costs the column ``value`` takes the place of ``mean``, with the years of birth
        counted, and ``note`` says where there is ``no cost``, because nothing is paid (no rank, at
        the end), or ``no additional births``, so that each costs infinitely much.

    Raises
    ------
    DataError
        When the store does not hold what is asked for.
    """
    fixed = "scenario" if of == "region" else "region"
    names = ("region_name", "region_name_zh") if of == "region" else _SCENARIO_NAMES
    if indicator in COST_FIGURES:
        if indicator not in store:
            raise DataError(
                f"the store does not keep {indicator}; write: keep: {{costs: true}} in the batch "
                "file, and run it anew"
            )
        if year is not None:
            raise DataError(
                f"{indicator} is counted over a window of births, not in {year}; write: no year, "
                "and window='period'"
            )
        figures = store[[name for name in COSTS if name in store]]
        figures = _selected(figures, year=None, **{fixed: at})
        if of == "scenario":
            figures = figures.drop_sel(scenario=_reference(store))
        table = cost_ranking(figures, indicator, window, of=of, names=names)
        table.insert(list(table.columns).index("value"), "difference_from", _reference(store))
        return table
    if year is None or window is not None:
        first = store["year"].values[0] if "year" in store.dims else store["time"].values[0]
        raise DataError(f"{indicator} is by year; write: year={first}, and no window")
    name = indicator + (DIFFERENCE if difference else "")
    for wanted in (name, name + MEAN):
        if wanted not in store:
            guess = nearest(wanted, map(str, store.data_vars))
            text = f"the store holds no {wanted}"
            raise DataError(f"{text}; write: {guess}" if guess else text)
    cells = _selected(store, year=year, **{fixed: at})[[name, name + MEAN]]
    for dim, asked in (("birth_order", birth_order), ("sex", sex)):
        if dim not in cells.dims:
            continue
        known = cells[dim].values.tolist()
        if asked not in known:
            said = f"{indicator} is by {dim.replace('_', ' ')}"
            raise DataError(f"{said}; write: {dim}={known[0]!r}")
        cells = cells.sel({dim: asked})
    if of == "scenario" and difference:
        cells = cells.drop_sel(scenario=_reference(store))
    unit, scale = shown_unit(indicator)
    cells = cells.compute()
    table = pd.DataFrame({of: cells[of].values})
    for label in names:
        if label in cells.coords:
            table[label] = cells[label].values
    table["mean"] = cells[name + MEAN].values * scale
    for q in cells["quantile"].values:
        table[_column(float(q))] = cells[name].sel(quantile=q).values * scale
    # What a stopped batch has not reached has no rank.
    table = table.dropna(subset=["mean"])
    table = table.sort_values("mean", ascending=False, kind="stable", ignore_index=True)
    table.insert(0, "rank", range(1, len(table) + 1))
    if difference:
        table.insert(list(table.columns).index("mean"), "difference_from", _reference(store))
    table.attrs["unit"] = POINTS.get(unit, unit) if difference else unit
    return table


_SCENARIO_NAMES = ("scenario_label", "scenario_label_zh")


def kept_indicators(store: xr.Dataset) -> list[str]:
    """Return the names of the indicators of which quantiles are kept."""
    names = map(str, store.data_vars)
    return [
        name
        for name in names
        if name in VARIABLES and "quantile" in store[name].dims and name not in COSTS
    ]


def shown_unit(name: str) -> tuple[str, float]:
    """Return the unit in which an indicator is shown, and what its values are multiplied by.

    Counts stay in persons and births, so that small differences can be read.

    Examples
    --------
    >>> shown_unit("third_child_share"), shown_unit("births")
    (('%', 100.0), ('birth', 1.0))
    """
    row = VARIABLES[name]
    counts = row.units in ("person", "birth", "death", "CNY")
    unit = row.units if counts or not row.display else row.display
    return unit, UNITS[row.units].scale / UNITS[unit].scale


def _reference(store: xr.Dataset) -> str:
    return str(store.attrs["reference"])


def _selected(
    store: xr.Dataset,
    *,
    year: int | None,
    region: str | None = None,
    scenario: str | None = None,
) -> xr.Dataset:
    chosen: dict[str, str | int] = {}
    for dim, code in (("region", region), ("scenario", scenario)):
        if code is None:
            continue
        known = [str(label) for label in store[dim].values]
        if code not in known:
            guess = nearest(code, known) or f"one of {', '.join(known[:_NAMED])}"
            raise DataError(f"there is no {dim} {code!r} in the store; write: {guess}")
        chosen[dim] = code
    if year is None:
        return store.sel(chosen)
    years = store["year"].values if "year" in store.dims else store["time"].values - 1
    if year not in years:
        raise DataError(f"year {year} is not in the store ({years[0]} to {years[-1]})")
    chosen |= {
        dim: value for dim, value in (("year", year), ("time", year + 1)) if dim in store.dims
    }
    return store.sel(chosen)


def _column(quantile: float) -> str:
    return f"q{100 * quantile:g}"


def _order(name: str) -> tuple[int, str, int]:
    """Sort by the registry, then quantiles, means, differences, draws."""
    suffixes = ("", MEAN, DIFFERENCE, DIFFERENCE + MEAN, DRAWS)
    for place, suffix in reversed(list(enumerate(suffixes))):
        base = name.removesuffix(suffix) if suffix else name
        if base in VARIABLES and (not suffix or base != name):
            return list(VARIABLES).index(base), base, place
    raise PopsimError(f"the array {name} of the store is unknown to this version of popsim")
