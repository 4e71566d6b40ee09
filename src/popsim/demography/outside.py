"""Read trajectories, intervals and variants that were made elsewhere.

Three forms are read: trajectories of bayesTFR, bayesLife or bayesMig (``ascii_trajectories.csv``),
intervals by year like those of the United Nations, and a sheet of variants (low, medium, high) by
year. Intervals and variants become draws with stated quantiles. What the projection makes of them
is in :mod:`popsim.demography.trajectories`.

Examples
--------
>>> table = pd.DataFrame({"year": [2030, 2040], "low": [0.8, 0.7], "medium": [1.0, 1.1],
...                       "high": [1.2, 1.5]})
>>> given = read_variants(table)
>>> as_quantiles = quantiles_of_variants(given, {"low": 0.1, "medium": 0.5, "high": 0.9})
>>> drawn = draws_from_quantiles(as_quantiles, range(4000), seed=1, component="example")
>>> drawn.quantile([0.1, 0.5, 0.9], "draw").sel(year=2040).values.round(1)
array([0.7, 1.1, 1.5])
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtri

from popsim.demography.draws import normal
from popsim.errors import DataError, Problems, nearest

__all__ = [
    "draws_from_quantiles",
    "quantiles_of_variants",
    "read_intervals",
    "read_trajectories",
    "read_variants",
]

Array = NDArray[np.float64]
Table = str | Path | pd.DataFrame

#: Columns with values of the trajectory files of the bayes packages, and what they are here.
_VALUES = {
    "TF": ("total_fertility_rate", "births per woman"),
    "e0": ("life_expectancy_at_birth", "year"),
    "Mig": ("net_migration_total", "as in the file"),
}
_PLACES = ("LocID", "country_code", "iso3", "location", "region")
_BOUNDS = {
    "lower95": 0.025,
    "lower80": 0.1,
    "median": 0.5,
    "upper80": 0.9,
    "upper95": 0.975,
}


def _table(given: Table) -> tuple[pd.DataFrame, str]:
    """Return a table and its name for messages."""
    if isinstance(given, pd.DataFrame):
        return given, "table"
    path = Path(given)
    if not path.is_file():
        raise DataError(f"there is no file {path.name}")
    if path.suffix.lower() in (".xlsx", ".xls"):
        return pd.read_excel(path), path.name
    return pd.read_csv(path), path.name


def _of_place(table: pd.DataFrame, name: str, location: str | int | None) -> pd.DataFrame:
    """Return the rows of one place."""
    columns = [c for c in _PLACES if c in table.columns]
    if not columns:
        return table
    for column in columns:
        chosen = table[column].astype(str) == str(location)
        if chosen.any():
            return table[chosen]
    there = sorted(table[columns[0]].astype(str).unique())
    if location is not None:
        named = " or ".join(columns)
        raise DataError(
            f"{name}: no rows of {location} in column {named}; there are {', '.join(there[:10])}"
        )
    if len(there) > 1:
        raise DataError(
            f"{name}: column {columns[0]} holds {len(there)} places ({', '.join(there[:5])}, ...); "
            f"write: location={there[0]!r}"
        )
    return table


def _check_columns(table: pd.DataFrame, columns: list[str], name: str, problems: Problems) -> None:
    for column in columns:
        if column not in table.columns:
            guess = nearest(column, [str(c) for c in table.columns])
            problems.add(
                f"column {column} is missing",
                where=name,
                instead=f"{column} for {guess}" * bool(guess),
            )


def _numbers(
    table: pd.DataFrame, columns: list[str], name: str, problems: Problems
) -> pd.DataFrame:
    """Return the columns as numbers; note every cell that is none, by its row in the file."""
    out = {}
    for column in columns:
        values = pd.to_numeric(table[column], errors="coerce")
        for row in np.flatnonzero(~np.isfinite(values.to_numpy(dtype=float))):
            problems.add(
                f"{table[column].iloc[row]!r} is not a number",
                where=f"{name}, row {int(table.index.to_numpy()[row]) + 2}, column {column}",
            )
        out[column] = values
    return pd.DataFrame(out)


def _whole_years(years: pd.Series, name: str, problems: Problems) -> None:
    wrong = years[(years % 1 != 0) | (years < 1800) | (years > 2300)]
    if len(wrong):
        problems.add(f"{wrong.iloc[0]:g} is not a calendar year", where=f"{name}, column year")


def _yearly(values: Array, at: Array) -> tuple[Array, NDArray[np.int64]]:
    """Interpolate the last axis to every year between the first and the last."""
    years = np.arange(int(at[0]), int(at[-1]) + 1, dtype=np.int64)
    flat = values.reshape(-1, values.shape[-1])
    filled = np.stack([np.interp(years, at, row) for row in flat])
    return filled.reshape(*values.shape[:-1], len(years)), years


def read_trajectories(given: Table, *, location: str | int | None = None) -> xr.DataArray:
    """Read trajectories of bayesTFR, bayesLife or bayesMig.

    The file is ``ascii_trajectories.csv``: LocID, Period, Year, Trajectory, and TF (total
    fertility rate), e0 (life expectancy) or Mig (net migration). Five-year files carry the middle
    year of each period; years between are linear.

    Parameters
    ----------
    given : path or DataFrame
        CSV or Excel file.
    location : str or int, optional
        Code in the column LocID; needed when there are several places.

    Returns
    -------
    xarray.DataArray (draw, year)
        ``total_fertility_rate`` [births per woman], ``life_expectancy_at_birth`` [years] or
        ``net_migration_total`` (unit as in the file). Draws are numbered from 0 in the order of
        the trajectories' numbers.

    Raises
    ------
    DataError
        When columns are missing, a cell is not a number, a trajectory lacks a year or has one
        twice; everything found is listed.

    References
    ----------
    Ševčíková, Alkema & Raftery 2011, Journal of Statistical Software 43(1) (bayesTFR).

    Examples
    --------
    >>> table = pd.DataFrame({"LocID": 156, "Period": ["2025-2030", "2030-2035"] * 2,
    ...     "Year": [2028, 2033] * 2, "Trajectory": [1, 1, 2, 2], "TF": [1.0, 1.5, 0.9, 0.8]})
    >>> read_trajectories(table).sel(year=[2028, 2029, 2033]).values
    array([[1.  , 1.1 , 1.5 ],
           [0.9 , 0.88, 0.8 ]])
    """
    table, name = _table(given)
    problems = Problems()
    column = next((c for c in _VALUES if c in table.columns), None)
    if column is None:
        problems.add(f"no column of values; one of {', '.join(_VALUES)} is needed", where=name)
    _check_columns(table, ["Year", "Trajectory"], name, problems)
    problems.raise_if_any(DataError)
    assert column is not None
    table = _of_place(table, name, location)
    rows = _numbers(table, ["Year", "Trajectory", column], name, problems)
    _whole_years(rows["Year"], name, problems)
    problems.raise_if_any(DataError)
    doubled = rows.duplicated(["Trajectory", "Year"])
    if doubled.any():
        first = rows[doubled].iloc[0]
        problems.add(
            f"trajectory {first['Trajectory']:g} has the year {first['Year']:g} twice "
            f"({int(doubled.sum())} such rows)",
            where=name,
        )
        problems.raise_if_any(DataError)
    wide = rows.pivot_table(index="Trajectory", columns="Year", values=column)
    gaps = np.argwhere(wide.isna().to_numpy())
    if len(gaps):
        t, y = gaps[0]
        raise DataError(
            f"{name}: trajectory {wide.index[t]:g} has no value of {wide.columns[y]:g} "
            f"({len(gaps)} such gaps)"
        )
    values, years = _yearly(wide.to_numpy(dtype=float), wide.columns.to_numpy(dtype=float))
    what, unit = _VALUES[column]
    return xr.DataArray(
        values,
        {"draw": np.arange(len(values)), "year": years},
        ("draw", "year"),
        name=what,
        attrs={"units": unit, "source": f"{name}, {len(values)} trajectories"},
    )


def read_intervals(
    given: Table, *, location: str | int | None = None, indicator: str | None = None
) -> xr.DataArray:
    """Read a median with bounds by year, like the United Nations' prediction intervals.

    Parameters
    ----------
    given : path or DataFrame
        Columns ``year``, ``median`` and at least one pair of ``lower80``, ``upper80`` and
        ``lower95``, ``upper95``; columns ``indicator`` and of a place (``LocID``,
        ``country_code``, ``iso3``, ``location`` or ``region``) if there are several.
    location : str or int, optional
        Which place.
    indicator : str, optional
        Which indicator.

    Returns
    -------
    xarray.DataArray (quantile, year)
        Quantiles, years between given ones linear; the unit is that of the table.

    Raises
    ------
    DataError
        When columns are missing, a cell is not a number, a year stands twice or bounds cross.

    Examples
    --------
    >>> table = pd.DataFrame({"year": [2030], "median": [1.0], "lower80": [0.8], "upper80": [1.3]})
    >>> read_intervals(table).sel(year=2030).values
    array([0.8, 1. , 1.3])
    """
    table, name = _table(given)
    problems = Problems()
    _check_columns(table, ["year", "median"], name, problems)
    pairs = [p for p in ("80", "95") if {f"lower{p}", f"upper{p}"} <= set(table.columns)]
    if not pairs:
        problems.add("no bounds", where=name, instead="columns lower80 and upper80")
    problems.raise_if_any(DataError)
    table = _of_place(table, name, location)
    if "indicator" in table.columns:
        there = sorted(table["indicator"].astype(str).unique())
        if indicator is None and len(there) > 1:
            raise DataError(f"{name}: several indicators; write: indicator={there[0]!r}")
        if indicator is not None and indicator not in there:
            raise DataError(f"{name}: no indicator {indicator!r}; there are {', '.join(there)}")
        if indicator is not None:
            table = table[table["indicator"].astype(str) == indicator]
    columns = [c for c in _BOUNDS if c == "median" or c[-2:] in pairs]
    return _by_year(table, columns, name, [_BOUNDS[c] for c in columns], "quantile")


def read_variants(given: Table, *, location: str | int | None = None) -> xr.DataArray:
    """Read a sheet of variants by year.

    Parameters
    ----------
    given : path or DataFrame
        A column ``year`` and one for each variant, for example low, medium and high.
    location : str or int, optional
        Which place, if a column tells it.

    Returns
    -------
    xarray.DataArray (variant, year)
        The unit is that of the table; years between given ones are linear.

    Raises
    ------
    DataError
        When there is no year or no variant, a cell is not a number or a year stands twice.

    Examples
    --------
    >>> read_variants(pd.DataFrame({"year": [2030, 2032], "low": [1.0, 0.8]})).values
    array([[1. , 0.9, 0.8]])
    """
    table, name = _table(given)
    problems = Problems()
    _check_columns(table, ["year"], name, problems)
    variants = [str(c) for c in table.columns if c != "year" and c not in _PLACES]
    if not variants:
        problems.add("no variant", where=name, instead="columns low, medium and high")
    problems.raise_if_any(DataError)
    return _by_year(_of_place(table, name, location), variants, name, variants, "variant")


def _by_year(
    table: pd.DataFrame, columns: list[str], name: str, labels: list[float] | list[str], dim: str
) -> xr.DataArray:
    problems = Problems()
    rows = _numbers(table, ["year", *columns], name, problems)
    problems.raise_if_any(DataError)
    _whole_years(rows["year"], name, problems)
    doubled = rows["year"].duplicated()
    if doubled.any():
        problems.add(f"the year {rows['year'][doubled].iloc[0]:g} stands twice", where=name)
    problems.raise_if_any(DataError)
    rows = rows.sort_values("year")
    array = rows[columns].to_numpy(dtype=float).T
    if dim == "quantile" and (np.diff(array, axis=0) < 0).any():
        q, y = (int(i) for i in np.argwhere(np.diff(array, axis=0) < 0)[0])
        raise DataError(
            f"{name}: {columns[q]} of {rows['year'].iloc[y]:g} is above {columns[q + 1]}"
        )
    values, years = _yearly(array, rows["year"].to_numpy(dtype=float))
    return xr.DataArray(values, {dim: labels, "year": years}, (dim, "year"), attrs={"source": name})


def quantiles_of_variants(variants: xr.DataArray, levels: Mapping[str, float]) -> xr.DataArray:
    """Say which quantile each variant is taken for.

    Variants have no probability; this is the user's statement, kept in ``attrs``.

    Parameters
    ----------
    variants : DataArray (variant, year)
        From :func:`read_variants`.
    levels : mapping
        Quantile of each variant, for example ``{"low": 0.1, "medium": 0.5, "high": 0.9}`` [1].

    Returns
    -------
    xarray.DataArray (quantile, year)

    Raises
    ------
    DataError
        When a variant is not there, a quantile is not between 0 and 1, fewer than two are given or
        the values do not rise with the quantile.

    Examples
    --------
    >>> given = read_variants(pd.DataFrame({"year": [2030], "low": [1.0], "high": [2.0]}))
    >>> quantiles_of_variants(given, {"low": 0.1, "high": 0.9})["quantile"].values
    array([0.1, 0.9])
    """
    problems = Problems()
    there = [str(v) for v in variants["variant"].values]
    for name, level in levels.items():
        if name not in there:
            problems.add(f"no variant {name!r}", instead=" or ".join(there))
        if not 0 < level < 1:
            problems.add(f"the quantile of {name} is {level:g}; it must lie between 0 and 1")
    if len(set(levels.values())) < 2:
        problems.add("at least two variants with different quantiles are needed")
    problems.raise_if_any(DataError)
    names = sorted(levels, key=lambda name: levels[name])
    chosen = variants.sel(variant=names)
    if (np.diff(chosen.transpose("variant", "year").values, axis=0) < 0).any():
        raise DataError(f"the variants {', '.join(names)} do not rise with their quantiles")
    stated = chosen.rename(variant="quantile").assign_coords(quantile=[levels[n] for n in names])
    said = ", ".join(f"{name} as quantile {levels[name]:g}" for name in names)
    return stated.assign_attrs(source=f"{variants.attrs.get('source', '')}: {said}")


def draws_from_quantiles(
    quantiles: xr.DataArray,
    draws: range,
    seed: int,
    *,
    component: str,
    key: str = "",
    memory: float = 0.95,
) -> xr.DataArray:
    """Draw paths that have given quantiles in every year.

    A standard normal z is mapped to the value whose quantile is Φ(z): monotone cubic between the
    stated quantiles on the scale of z, straight beyond them with the slope of the last interval.
    Over the years z is an autoregression with variance 1, ``z(t+1) = φ z(t) + √(1 - φ²) e``.

    Parameters
    ----------
    quantiles : DataArray (quantile, year)
        At least two quantiles.
    draws : range
        Draw numbers.
    seed : int
    component : str
        Name of the stream, for example ``"fertility/intervals"``.
    key : str
        Region key.
    memory : float
        φ; published intervals do not say how years go together, so this is an assumption [1].
        1 keeps a draw at one quantile in all years.

    Returns
    -------
    xarray.DataArray (draw, year)

    Raises
    ------
    DataError
        When there are fewer than two quantiles or φ is not from 0 to 1.

    Examples
    --------
    >>> q = xr.DataArray([[1.0], [2.0]], {"quantile": [0.1, 0.9], "year": [2030]},
    ...                  ("quantile", "year"))
    >>> draws_from_quantiles(q, range(3), seed=1, component="x").dims
    ('draw', 'year')
    """
    if quantiles.sizes.get("quantile", 0) < 2:
        raise DataError("at least two quantiles are needed to draw")
    if not 0 <= memory <= 1:
        raise DataError(f"memory is {memory:g}; it must be from 0 to 1")
    ordered = quantiles.sortby("quantile").transpose("quantile", "year")
    knots = ndtri(ordered["quantile"].values.astype(float))
    z = np.zeros(len(draws))
    path = np.empty((len(draws), ordered.sizes["year"]))
    for place, year in enumerate(ordered["year"].values):
        e = normal(seed, component, draws, key=key, step=int(year))
        z = e if place == 0 else memory * z + np.sqrt(1 - memory**2) * e
        path[:, place] = _at(z, knots, ordered.values[:, place])
    return xr.DataArray(
        path,
        {"draw": list(draws), "year": ordered["year"].values},
        ("draw", "year"),
        attrs={**quantiles.attrs},
    )


def _at(z: Array, knots: Array, values: Array) -> Array:
    """Return values at z: monotone cubic inside the knots, straight outside."""
    inside = PchipInterpolator(knots, values)(np.clip(z, knots[0], knots[-1]))
    slopes = np.diff(values) / np.diff(knots)
    below, above = np.minimum(z - knots[0], 0), np.maximum(z - knots[-1], 0)
    return np.asarray(inside + below * slopes[0] + above * slopes[-1])
