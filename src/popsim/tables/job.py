"""What the parts of an assembly share: given tables, the standard, the frame of the result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from popsim.errors import PopsimError, Problems
from popsim.tables.about import About
from popsim.tables.gather import Given
from popsim.tables.standard import Standard

__all__ = ["Job"]

Array = NDArray[np.float64]


@dataclass
class Job:
    """Tables to be turned into a Dataset.

    Parameters
    ----------
    given : dict of str to Given
        Tables by name.
    codes : list of str
        Regions of the population.
    parents : dict of str to str
    about : About
    standard : Standard or None
        The baseline that fills what is missing.
    base_time : int
        Year of the 1 January of the population.
    years : range
        Calendar years of the result.
    last : int
        Open age.
    orders : int
        Birth orders, as many as parities.
    problems : Problems
    sources : dict of str to str
        Source of each variable of the result.
    """

    given: dict[str, Given]
    codes: list[str]
    parents: dict[str, str]
    about: About
    standard: Standard | None
    base_time: int
    years: range
    last: int
    orders: int
    problems: Problems
    sources: dict[str, str] = field(default_factory=dict)

    @property
    def standard_name(self) -> str:
        """Name of the standard in sources and messages."""
        return self.standard.name if self.standard is not None else ""

    def like(self, code: str) -> xr.Dataset | None:
        """Return the region of the standard that stands for one of the tables."""
        if self.standard is None:
            return None
        return self.standard.of(code, self.parents.get(code, ""))

    def like_values(self, code: str, name: str, *dims: str) -> Array | None:
        """Return a variable of the standard, years cut to those wanted; None if it has none."""
        own = self.like(code)
        if own is None or name not in own:
            return None
        array = own[name]
        if "year" in array.dims:
            array = array.sel(year=list(self.years))
        return np.array(array.transpose(*dims).values, dtype=float)

    def of(self, name: str, code: str, *dims: str) -> Array:
        """Return the values of a given table for one region."""
        array = self.given[name].array.sel(region=code)
        return np.asarray(array.transpose(*(d for d in dims if d in array.dims)).values)

    def coord(self, name: str, dimension: str) -> NDArray[np.int64]:
        """Return the labels of a dimension of a given table."""
        return np.asarray(self.given[name].array[dimension].values, dtype=np.int64)

    def path(self, name: str, values: Array) -> tuple[Array, str]:
        """Bring values (year, ...) of a table to the years wanted: linear between, held outside."""
        there = self.coord(name, "year")
        wanted = np.array(self.years)
        if np.isin(wanted, there).all():
            return values[np.searchsorted(there, wanted)], ""
        flat = values.reshape(there.size, -1)
        columns = [np.interp(wanted, there, column) for column in flat.T]
        said = f"given for {', '.join(map(str, _spans(there)))}; linear between, held outside"
        return np.stack(columns, axis=1).reshape(wanted.size, *values.shape[1:]), said

    def source(self, name: str, table: str, *said: str) -> None:
        """Write down where a variable of the result comes from and what was done to it."""
        given = self.given[table]
        text = self.about.sources.get(table, "")
        if not text:
            unit = f" ({given.unit})" if given.unit else ""
            text = "; ".join([f"{given.where}{unit}", *dict.fromkeys(given.notes)])
        self.sources[name] = "; ".join([text, *(s for s in dict.fromkeys(said) if s)])

    def filled(self, name: str, how: str, *, stock: bool = False) -> None:
        """Write down that a variable of the result is the standard's; a stock may be moved."""
        moved = stock and self.standard is not None and self.standard.moved
        when = f", moved to 1 January {self.base_time}" if moved else ""
        self.sources[name] = (
            f"ILLUSTRATIVE for the region: not in the tables; {how} of {self.standard_name}{when}"
        )

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Turn what goes wrong inside into problems of a table."""
        where = self.given[name].where if name in self.given else name
        try:
            yield
        except PopsimError as error:
            for problem in error.problems:
                self.problems.add(
                    problem.message,
                    where=f"{where}: {problem.where}" if problem.where else where,
                    instead=problem.instead,
                )

    def lacks(self, what: str, tables: str) -> None:
        """Note that something that a run needs is in no table and may not be filled."""
        self.problems.add(
            f"there is no {what}",
            where="tables",
            instead=f'a table {tables}, or like="zhejiang-2020" to take it from a baseline',
        )


def _spans(years: NDArray[Any]) -> list[str]:
    """Return consecutive years as spans.

    Examples
    --------
    >>> _spans(np.array([2020, 2021, 2022, 2030]))
    ['2020-2022', '2030']
    """
    breaks = np.flatnonzero(np.diff(years) > 1) + 1
    return [
        f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in np.split(years, breaks)
    ]
