"""ILLUSTRATIVE counties made from one region, so that a batch of counties can be tried.

No data of counties are embedded. What is made here has the size of a province's batch and adds up
to the province, and says of itself that it describes no county.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import ndtri

from popsim.dataset import fingerprint, stamp
from popsim.demography.draws import province
from popsim.errors import DataError, Problems
from popsim.kernels.random import uniform
from popsim.variables import VARIABLES

__all__ = ["read_shares", "split_region", "trial_shares"]

#: Shares fall as 1 / (rank + this part of the number of counties): the first is six times the last.
_LEVELLING = 0.2
_NEEDED = ("region", "share")
_COLUMNS = (*_NEEDED, "region_name", "region_name_zh", "fertility")
_ROUNDING = 1e-6


def trial_shares(region: str, counties: int, spread: float) -> pd.DataFrame:
    """Return shares and fertility of made-up counties of a region.

    Parameters
    ----------
    region : str
        Code of the region; counties get codes ``PP9001``, ``PP9002`` …, which no county has.
    counties : int
    spread : float
        Standard deviation of the logarithm of the counties' fertility [1].

    Returns
    -------
    pandas.DataFrame
        ``region``, ``region_name``, ``region_name_zh``, ``share`` [1] and ``fertility`` [1], the
        factor on all birth rates; shares sum to 1, so does their product with ``fertility``.

    Notes
    -----
    ``share ∝ 1 / (rank + n / 5)``; ``fertility ∝ exp(spread z)`` with the normal scores
    of n counties, in an order that is fixed for a region.

    Examples
    --------
    >>> made = trial_shares("330000", 3, 0.1)
    >>> made.region.tolist(), made.share.round(3).tolist()
    (['339001', '339002', '339003'], [0.485, 0.299, 0.216])
    """
    rank = np.arange(1, counties + 1)
    share = 1 / (rank + _LEVELLING * counties)
    share /= share.sum()
    mixed = np.argsort(uniform(0, "batch/counties", range(counties), key=region))
    fertility = np.exp(spread * ndtri((mixed + 0.5) / counties))
    return pd.DataFrame(
        {
            "region": [f"{region[:2]}9{number:03d}" for number in rank],
            "region_name": [f"Made-up county {number}" for number in rank],
            "region_name_zh": [f"示例县{number}" for number in rank],
            "share": share,
            "fertility": fertility / (share * fertility).sum(),
        }
    )


def read_shares(path: Path) -> pd.DataFrame:
    """Read a table of shares of counties.

    Parameters
    ----------
    path : pathlib.Path
        CSV with ``region`` and ``share`` [1]; ``region_name``, ``region_name_zh`` and ``fertility``
        [1] if known.

    Returns
    -------
    pandas.DataFrame
        As :func:`trial_shares`; names are the codes and fertility 1 where not given.

    Raises
    ------
    DataError
        When columns or values are missing, codes are doubled, or shares do not sum to 1; all
        problems at once.
    """
    if not path.is_file():
        raise DataError(f"there is no table of shares {path}")
    try:
        table = pd.read_csv(path, dtype={"region": str}, encoding="utf-8-sig")
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path.name} is not a CSV table in UTF-8: {error}") from error
    problems = Problems()
    for name in _NEEDED:
        if name not in table:
            problems.add(f"{path.name} has no column {name}", instead=",".join(_NEEDED))
    for name in set(table.columns) - set(_COLUMNS):
        problems.add(f"{path.name}: unknown column {name}", instead=", ".join(_COLUMNS))
    problems.raise_if_any(DataError)
    for name in ("share", "fertility"):
        values = pd.to_numeric(table.get(name, pd.Series(1.0, table.index)), errors="coerce")
        for line in table.index[~(values > 0)]:
            problems.add(f"{name} is not above 0", where=f"{path.name}:{line + 2}")
        table[name] = values
    for code in table["region"][table["region"].duplicated()]:
        problems.add(f"{path.name}: region {code} stands twice")
    if not problems and abs(table["share"].sum() - 1) > _ROUNDING:
        problems.add(f"{path.name}: the shares sum to {table['share'].sum():.6f}", instead="1")
    problems.raise_if_any(DataError)
    for name in ("region_name", "region_name_zh"):
        table[name] = table.get(name, table["region"])
    return table


def split_region(data: xr.Dataset, shares: pd.DataFrame) -> xr.Dataset:
    """Return counties made from the one region of a baseline.

    Parameters
    ----------
    data : xarray.Dataset
        A baseline with one region.
    shares : pandas.DataFrame
        From :func:`trial_shares` or :func:`read_shares`.

    Returns
    -------
    xarray.Dataset
        Everything counted in persons times the share of a county, birth rates times its
        ``fertility``, the rest as it is; ``source`` of each says ILLUSTRATIVE.

    Raises
    ------
    DataError
        When the data have more than one region.

    Examples
    --------
    >>> from popsim import load_baseline
    >>> whole = load_baseline("zhejiang-2020")
    >>> parts = split_region(whole, trial_shares("330000", 5, 0.1))
    >>> bool(np.isclose(parts.population.sum(), whole.population.sum()))
    True
    """
    number = data.sizes.get("region", 0)
    if number != 1:
        raise DataError(
            f"counties are made from data with one region, and these have {number}; write: no split"
        )
    (whole,) = [str(region) for region in data["region"].values]
    parts = {}
    for name, array in data.data_vars.items():
        copied = array.isel(region=np.zeros(len(shares), int))
        copied = copied.drop_vars(["region_name", "region_name_zh", "parent"], errors="ignore")
        copied = copied.assign_coords(region=shares["region"].to_numpy(dtype=str))
        if VARIABLES[str(name)].units == "person":
            copied = copied * xr.DataArray(shares["share"].to_numpy(), dims="region")
        elif name == "conditional_fertility_rate":
            copied = copied * xr.DataArray(shares["fertility"].to_numpy(), dims="region")
        source = f"ILLUSTRATIVE: counties made from {whole}. {array.attrs.get('source', '')}"
        parts[name] = copied.transpose(*array.dims).assign_attrs({**array.attrs, "source": source})
    counties = xr.Dataset(parts, attrs=data.attrs).assign_coords(
        region_name=("region", shares["region_name"].to_numpy(dtype=str)),
        region_name_zh=("region", shares["region_name_zh"].to_numpy(dtype=str)),
        parent=("region", np.full(len(shares), province(whole))),
    )
    told = f"{len(shares)} counties made from {whole} by shares of its population (ILLUSTRATIVE)"
    return stamp(counties, told, inputs_sha256=fingerprint(counties))
