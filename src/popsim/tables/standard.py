"""The named baseline that fills what tables do not give, moved to their date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from popsim.data.samples import load_baseline
from popsim.demography.draws import province
from popsim.demography.projection import project
from popsim.errors import DataError

__all__ = ["Standard", "standard_at"]


@dataclass
class Standard:
    """A baseline on the date of the tables.

    Parameters
    ----------
    name : str
        As it is told in sources.
    data : xarray.Dataset
        ``population`` and ``women_by_parity`` of 1 January ``base_time``, paths from that year on.
    moved : bool
        Whether it was projected to that date.
    """

    name: str
    data: xr.Dataset
    moved: bool

    def of(self, region: str, parent: str) -> xr.Dataset:
        """Return the region of the baseline that stands for a region of the tables.

        The region itself, else its parent, else its province, else the only region there is.

        Raises
        ------
        DataError
            When none of these is in the baseline.
        """
        there = [str(code) for code in self.data["region"].values]
        for code in (region, parent, province(region)):
            if code in there:
                return self.data.sel(region=code)
        if len(there) == 1:
            return self.data.isel(region=0)
        raise DataError(
            f"the baseline {self.name} has none of {region}, its parent and its province; it has "
            f"{', '.join(there)}"
        )


def standard_at(like: str | xr.Dataset, base_time: int, fertility: str) -> Standard:
    """Return a baseline on 1 January ``base_time``, projected from its own base date if needed.

    Parameters
    ----------
    like : str or xarray.Dataset
        Name of an embedded baseline, or a baseline.
    base_time : int
        Year of the 1 January wanted.
    fertility : {"incidence", "conditional"}
        What an embedded baseline holds.

    Returns
    -------
    Standard

    Raises
    ------
    DataError
        When the baseline starts later or ends before that date.
    """
    data = load_baseline(like, fertility=fertility) if isinstance(like, str) else like
    name = like if isinstance(like, str) else str(data.attrs.get("name", "the given baseline"))
    start = int(data["base_time"] if "base_time" in data.coords else data.attrs["base_time"])
    last = int(data["year"].values[-1])
    if not start <= base_time <= last:
        raise DataError(
            f"the baseline {name} has the years {start} to {last}; the population is of 1 January "
            f"{base_time}"
        )
    if base_time == start:
        return Standard(name, data, False)
    years = range(start, base_time)
    run = project(data, years=years, detail="history", on_negative="cut")
    now = run.sel(time=base_time, drop=True)
    moved = data.sel(year=slice(base_time, None)).assign_coords(base_time=base_time)
    moved["population"] = now["population"].transpose("region", "sex", "age")
    moved["women_by_parity"] = now["women_by_parity"].transpose("region", "parity", "age")
    if "parity_reconstructed" in moved:
        known = data["parity_reconstructed"].transpose("region", "age").values
        older = np.ones_like(known)
        older[:, len(years) :] = known[:, : -len(years)]
        moved["parity_reconstructed"] = (("region", "age"), older)
    return Standard(name, moved, True)
