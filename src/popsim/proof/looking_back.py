"""Looking back: fit on the censuses of 2000 and 2010, project to 2020, compare with the census.

``looking_back(folder)`` runs every province of a folder of census tables
(:mod:`popsim.data.censuses`) that has all three censuses. Only what was known at the census of
2010 enters a projection. The census of 2020 enters in two places: in the comparison, and, from
*other* provinces only, in the width of the intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from popsim.data.censuses import read_census_population, read_censuses
from popsim.data.provinces import NATION
from popsim.dataset import label, stamp
from popsim.demography.graduation import group_sums
from popsim.demography.hamilton_perry import hamilton_perry
from popsim.demography.projection import project
from popsim.demography.two_censuses import (
    PERSISTENCE,
    RETURN,
    baseline_from_two_censuses,
)
from popsim.errors import DataError

__all__ = [
    "ErrorModel",
    "LookingBack",
    "error_model",
    "looking_back",
    "weighted_absolute_percentage_error",
]

Array = NDArray[np.float64]

#: The two censuses that are known, and the one to meet.
KNOWN = (2000, 2010)
MET = 2020
#: Lower limits of the ages compared: those born since 2010 are left out [years].
AGES = np.arange(10, 105, 5)
AGE_GROUPS = [*(f"{a}-{a + 4}" for a in AGES[:-1]), f"{AGES[-1]}+"]
#: Share of cells that an interval is to cover.
COVERAGE = 0.8
#: With fewer other provinces in the folder, the errors kept with popsim give the width.
FEWEST_OTHERS = 10
ERRORS = "looking_back_errors.csv"

LABELS: dict[str, tuple[str, str]] = {
    "region": ("code", "代码"),
    "name": ("province", "地区"),
    "name_zh": ("province (Chinese)", "地区（中文）"),
    "wape": ("weighted absolute error, %", "加权绝对误差（%）"),
    "wape_hamilton_perry": ("the same, Hamilton-Perry, %", "Hamilton–Perry法误差（%）"),
    "better": ("better than Hamilton-Perry", "优于Hamilton–Perry法"),
    "coverage_80": ("cells inside the 80 % interval, %", "落在80%区间内的比例（%）"),
    "total_error": ("error of the total 10+, %", "10岁及以上总人口误差（%）"),
    "provinces": ("provinces", "省份数"),
    "median": ("median, %", "中位数（%）"),
    "mean": ("mean, %", "平均值（%）"),
    "median_hamilton_perry": ("median of Hamilton-Perry, %", "Hamilton–Perry法中位数（%）"),
    "mean_hamilton_perry": ("mean of Hamilton-Perry, %", "Hamilton–Perry法平均值（%）"),
    "number_better": ("provinces better than Hamilton-Perry", "优于Hamilton–Perry法的省份数"),
    "left_out": ("not run: no rows of 2020", "未计算（缺2020年数据）"),
}


class ErrorModel(NamedTuple):
    """How far projections of other provinces were from their censuses.

    Attributes
    ----------
    scale : numpy.ndarray (group)
        Root mean square of the error of a cell by age, both sexes together, of the logarithm [1].
    common : float
        Share of the variance that all ages and both sexes of a province have in common [1]; the
        rest is the cell's own.
    multiplier : float
        Number of scales that covers four fifths of the cells; 1.28 for a normal distribution.
    """

    scale: Array
    common: float
    multiplier: float

    @property
    def half_width(self) -> Array:
        """Half of the interval of the logarithm by age (group) [1]."""
        return np.asarray(self.multiplier * self.scale)


@dataclass(frozen=True)
class LookingBack:
    """Projections and counts of a census, province by province.

    Attributes
    ----------
    table : pandas.DataFrame
        A row a province: ``region``, ``name``, ``name_zh``, ``wape`` and ``wape_hamilton_perry``
        [%], ``better``, ``coverage_80`` [%], ``total_error`` [%].
    data : xarray.Dataset
        ``population_projected``, ``population_lower``, ``population_upper``,
        ``population_hamilton_perry`` and ``population_counted`` (region, sex, age_group), ages 10
        and over [person].
    summary : dict
        ``provinces``, ``median``, ``mean``, ``median_hamilton_perry``, ``mean_hamilton_perry``,
        ``number_better``, ``coverage_80``; ``left_out``, the codes that were not run.
    labels : dict of str to tuple of str
        English and Chinese label of every column and entry.
    """

    table: pd.DataFrame
    data: xr.Dataset
    summary: dict[str, object]
    labels: Mapping[str, tuple[str, str]]

    def labelled_table(self, locale: str = "en") -> pd.DataFrame:
        """Return the table with headings in one language.

        Parameters
        ----------
        locale : {"en", "zh"}
        """
        at = _language(locale)
        hidden = "name_zh" if locale == "en" else "name"
        names = {column: self.labels[str(column)][at] for column in self.table}
        return self.table.drop(columns=hidden).rename(columns=names)

    def text(self, locale: str = "en") -> str:
        """Return the summary, one entry a line.

        Parameters
        ----------
        locale : {"en", "zh"}
        """
        at = _language(locale)
        lines = []
        for key, value in self.summary.items():
            shown = ", ".join(value) if isinstance(value, tuple) else value
            shown = f"{value:.2f}" if isinstance(value, float) else shown
            if shown != "":
                lines.append(f"{self.labels[key][at]}: {shown}")
        return "\n".join(lines)


def _language(locale: str) -> int:
    if locale not in ("en", "zh"):
        raise DataError(f"no text in {locale!r}; write: en or zh")
    return ("en", "zh").index(locale)


def weighted_absolute_percentage_error(projected: ArrayLike, counted: ArrayLike) -> float:
    """Return ``100 Σ |projected - counted| / Σ counted`` over all cells.

    Parameters
    ----------
    projected, counted : array-like
        Of the same shape [persons].

    Examples
    --------
    >>> weighted_absolute_percentage_error([90.0, 120.0], [100.0, 100.0])
    15.0
    """
    P, C = np.asarray(projected, dtype=float), np.asarray(counted, dtype=float)
    return float(100 * np.abs(P - C).sum() / C.sum())


def error_model(errors: ArrayLike) -> ErrorModel:
    """Split errors of provinces into a part common to all ages and a part of the cell.

    ``e = s(x) (b + c)``: s(x) is the root mean square by age, b belongs to the province and c to
    the cell, with variances that add up to 1. The variance of b is what the means of the
    standardised errors of provinces have over what the c leave in a mean. An error that all
    provinces share is in b, since it was not known beforehand. The multiplier is the quantile of
    the standardised errors that covers four fifths of them: a few provinces miss by far more than
    the others, so that a normal distribution with this variance would be too wide for most.

    Parameters
    ----------
    errors : array-like (province, sex, group)
        Logarithms of counted over projected [1].

    Raises
    ------
    DataError
        When fewer than two provinces are given, or an age has no error at all.

    Examples
    --------
    >>> model = error_model([[[0.1, 0.3]], [[-0.1, -0.3]]])
    >>> model.scale, model.common, model.multiplier
    (array([0.1, 0.3]), 1.0, 1.0)
    """
    e = np.asarray(errors, dtype=float)
    if e.ndim != 3 or len(e) < 2:
        raise DataError("errors of at least two provinces by sex and age are needed")
    scale = np.sqrt((e**2).mean(axis=(0, 1)))
    if not np.all(scale > 0):
        raise DataError("an age has no error in any province; nothing can be said of its spread")
    z = e / scale
    cells = z[0].size
    mean_square = float((z.mean(axis=(1, 2)) ** 2).mean())
    common = max((cells * mean_square - 1) / (cells - 1), 0.0)
    return ErrorModel(scale, common, float(np.quantile(np.abs(z), COVERAGE)))


def looking_back(
    source: str | Path | tuple[xr.Dataset, xr.DataArray],
    regions: Sequence[str] | None = None,
    *,
    persistence: float = PERSISTENCE,
    returning: float = RETURN,
    children_missed: float = 1.0,
) -> LookingBack:
    """Project every province from 2000 and 2010 to the census of 2020 and compare.

    Ten one-year steps of :func:`popsim.project` from 1 November 2010 to 1 November 2020, on the
    inputs of :func:`popsim.demography.two_censuses.baseline_from_two_censuses`. No parameter is
    chosen on a count of 2020. Intervals are those of the logarithm of a cell. One interval between
    censuses has no history of errors: their width comes from the errors of the other provinces of
    the folder, the province itself left out (:func:`error_model`), or, if there are fewer than ten,
    of those kept with popsim, the province left out as well.

    Parameters
    ----------
    source : path or tuple
        A folder of tables (:mod:`popsim.data.censuses`), or what
        :func:`~popsim.data.censuses.read_censuses` and
        :func:`~popsim.data.censuses.read_census_population` returned.
    regions : sequence of str, optional
        GB/T 2260 codes of the provinces to report; default: all that have the three censuses. The
        result of a province does not depend on this choice.
    persistence, returning, children_missed : float
        As in :func:`~popsim.demography.two_censuses.baseline_from_two_censuses`.

    Returns
    -------
    LookingBack
        Table, Dataset and summary.

    Raises
    ------
    DataError
        When a table, year, age group or region is missing; everything found is listed.

    References
    ----------
    Hamilton and Perry 1962, Social Forces 41(2):163-170.
    """
    known, counts = _sources(source)
    have = [str(code) for code in known["region"].values if code != NATION]
    later = set(counts["region"].values.tolist())
    complete = [code for code in have if code in later]
    asked = complete if regions is None else [str(code) for code in regions]
    for code in asked:
        if code not in have:
            raise DataError(
                f"region {code} is not among the regions with the censuses of {KNOWN[0]} and "
                f"{KNOWN[1]}"
            )
        if code not in later:
            raise DataError(f"region {code} has no rows of {MET}, so nothing can be compared")
    if not complete:
        raise DataError(f"no region has the censuses of {KNOWN[0]}, {KNOWN[1]} and {MET}")
    base = baseline_from_two_censuses(
        known,
        complete,
        start="census",
        children_missed=children_missed,
        persistence=persistence,
        returning=returning,
    )
    result = project(base, detail="history")
    people = result["population"].sel(time=MET).transpose("region", "sex", "age").values
    projected = group_sums(people, [0, *AGES])[..., 1:]
    counted = _ten_and_over(counts.sel(region=complete).transpose("region", "sex", "age_group"))
    census = known["census_population"].sel(region=complete)
    ratios = _cohort_change(census.transpose("census", "region", "sex", "age_group").values)
    # A cell without anybody, as in a small county, counts as half a person.
    errors = np.log(np.maximum(counted, 0.5) / np.maximum(projected, 0.5))
    half = np.stack([_others(complete, errors, code).half_width for code in complete])
    values = {
        "population_projected": projected,
        "population_lower": projected * np.exp(-half[:, None]),
        "population_upper": projected * np.exp(half[:, None]),
        "population_hamilton_perry": ratios,
        "population_counted": counted,
    }
    data = xr.Dataset(
        {name: (("region", "sex", "age_group"), array) for name, array in values.items()},
        coords={
            "region": complete,
            "region_name": ("region", base["region_name"].values),
            "region_name_zh": ("region", base["region_name_zh"].values),
            "sex": base["sex"].values,
            "age_group": AGE_GROUPS,
        },
    ).sel(region=asked)
    data = label(data, source=f"censuses of {KNOWN[0]}, {KNOWN[1]} and {MET}")
    data = stamp(
        data,
        f"projected 1 November {KNOWN[1]} to 1 November {MET}",
        population_basis="resident",
        persistence=persistence,
        returning=returning,
        children_missed=children_missed,
    )
    table = _table(data)
    left = tuple(code for code in have if code not in later) if regions is None else ()
    return LookingBack(table, data, _summary(table, left), LABELS)


def _sources(
    source: str | Path | tuple[xr.Dataset, xr.DataArray],
) -> tuple[xr.Dataset, xr.DataArray]:
    if isinstance(source, tuple):
        return source
    return read_censuses(source, KNOWN), read_census_population(source, MET)


def _ten_and_over(counts: xr.DataArray) -> Array:
    # The census prints ages 0, 1-4, 5-9 before those compared.
    return np.asarray(counts.values[..., 3:])


def _cohort_change(census: Array) -> Array:
    """Return Hamilton-Perry's projection (region, sex, group) of ages 10 and over."""
    young = census[..., :1] + census[..., 1:2]
    fives = np.concatenate([young, census[..., 2:]], axis=-1)
    return hamilton_perry(fives[0], fives[1])[..., 2:]


def _others(complete: Sequence[str], errors: Array, code: str) -> ErrorModel:
    """Return the error model for a province, which never saw its own error."""
    others = np.array([other != code for other in complete])
    if others.sum() >= FEWEST_OTHERS:
        return error_model(errors[others])
    kept_codes, kept = kept_errors()
    return error_model(kept[[other != code for other in kept_codes]])


def kept_errors() -> tuple[list[str], Array]:
    """Return the errors kept with popsim: codes, and (province, sex, group) [1].

    They are those of the provinces of ``scripts/sources`` and are written by
    ``python -m scripts.proof looking-back``.

    Examples
    --------
    >>> codes, errors = kept_errors()
    >>> errors.shape == (len(codes), 2, 19)
    True
    """
    with package_files("popsim.proof").joinpath(ERRORS).open(encoding="utf-8") as file:
        frame = pd.read_csv(file, dtype={"region": str})
    codes = list(dict.fromkeys(frame["region"]))
    return codes, frame["log_error"].to_numpy(dtype=float).reshape(len(codes), 2, AGES.size)


def _table(data: xr.Dataset) -> pd.DataFrame:
    rows = []
    for code in data["region"].values:
        here = data.sel(region=code)
        counted = here["population_counted"]
        ours, theirs = (
            weighted_absolute_percentage_error(here[f"population_{name}"], counted)
            for name in ("projected", "hamilton_perry")
        )
        inside = (counted >= here["population_lower"]) & (counted <= here["population_upper"])
        total = float(here["population_projected"].sum() / counted.sum())
        rows.append(
            {
                "region": str(code),
                "name": str(here["region_name"].item()),
                "name_zh": str(here["region_name_zh"].item()),
                "wape": ours,
                "wape_hamilton_perry": theirs,
                "better": ours < theirs,
                "coverage_80": 100 * float(inside.mean()),
                "total_error": 100 * (total - 1),
            }
        )
    return pd.DataFrame(rows)


def _summary(table: pd.DataFrame, left_out: tuple[str, ...]) -> dict[str, object]:
    ours, theirs = table["wape"], table["wape_hamilton_perry"]
    return {
        "provinces": len(table),
        "median": float(ours.median()),
        "mean": float(ours.mean()),
        "median_hamilton_perry": float(theirs.median()),
        "mean_hamilton_perry": float(theirs.mean()),
        "number_better": int(table["better"].sum()),
        "coverage_80": float(table["coverage_80"].mean()),
        "left_out": left_out,
    }
