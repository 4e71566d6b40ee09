"""Read one's own tables: a folder of CSV files, an Excel workbook or pandas frames to a Dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from popsim.dataset import check_same_basis, label, stamp, validate
from popsim.errors import DataError, Problems
from popsim.tables.births import birth_rates, given_factor, held_factor, meet, sex_ratio_at_birth
from popsim.tables.collect import Tables, collect
from popsim.tables.deaths import mortality
from popsim.tables.grids import Grid, frame_grids, read_grids
from popsim.tables.job import Job
from popsim.tables.people import net_migration, population, women_by_parity
from popsim.tables.standard import Standard, standard_at

__all__ = ["from_frames", "read_tables"]

Array = NDArray[np.float64]
_DIMS = {
    "population": ("region", "sex", "age"),
    "women_by_parity": ("region", "parity", "age"),
    "parity_reconstructed": ("region", "age"),
    "conditional_fertility_rate": ("region", "birth_order", "age"),
    "fertility_factor": ("region", "year", "birth_order"),
    "death_rate": ("region", "year", "sex", "age"),
    "survival_ratio": ("region", "year", "mortality_level", "sex", "age"),
    "sex_ratio_at_birth": ("region", "birth_order"),
    "net_migration": ("region", "year", "sex", "age"),
    "fertility_innovation": ("region",),
    "migration_innovation": ("region",),
    "childcare_places": ("region", "year"),
    "gdp_per_head": ("region",),
}


def read_tables(
    path: str | Path,
    *,
    like: str | xr.Dataset | None = None,
    base_time: int | None = None,
    years: Iterable[int] | None = None,
    fertility: Literal["incidence", "conditional"] = "incidence",
    parity: Literal["like", "reconstruct"] = "like",
    population_basis: str | None = None,
) -> xr.Dataset:
    """Read one's own tables to a Dataset that :func:`popsim.run` takes.

    Parameters
    ----------
    path : str or pathlib.Path
        A folder of CSV files, an Excel workbook, or one CSV file. Names of sheets or files say
        which table it is; :func:`popsim.write_template` writes empty ones.
    like : str or xarray.Dataset, optional
        Baseline from which everything is filled that the tables do not have; its name stands in
        the ``source`` of each such variable. Without it what is missing is an error. It also
        serves as the pattern inside age groups.
    base_time : int, optional
        Year of the 1 January to start from, when the population is given for several dates; the
        latest by default.
    years : iterable of int, optional
        Consecutive calendar years of the result, from ``base_time`` on; by default those of
        ``like``, else those of the tables.
    fertility : {"incidence", "conditional"}
        What is held after the base year when the region's own rates are given: the total fertility
        rate by order, or the conditional rates; of an embedded ``like``, which path is taken.
    parity : {"like", "reconstruct"}
        Where no women by parity are given: shares of the baseline, or what follows from a table of
        order-specific rates of past years.
    population_basis : {"resident", "registered"}, optional
        常住人口 or 户籍人口, when neither titles nor the table ``about`` say so.

    Returns
    -------
    xarray.Dataset
        Variables of a baseline (see :func:`popsim.load_baseline`), every one with its ``source``;
        ``history`` tells as which table each sheet was read.

    Raises
    ------
    DataError
        Everything that is wrong at once, with file, sheet, row and column.

    Examples
    --------
    >>> import tempfile
    >>> lines = ["331126 庆元县2020年末常住人口（单位：万人）", "年龄,男,女", "0-14岁,1.2,1.1"]
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "人口.csv").write_text(chr(10).join([*lines, "15+,6.1,5.9"]), encoding="gbk")
    >>> data = read_tables(folder, like="zhejiang-2020")
    >>> float(data.population.sum().round(6))
    143000.0
    >>> print(data.population.attrs["source"][:90])
    人口.csv (万人); age groups graduated with the single ages of zhejiang-2020; ages 15 and ...
    """
    grids = read_grids(path)
    return _assemble(
        grids,
        Path(path).stem,
        like=like,
        base_time=base_time,
        years=years,
        fertility=fertility,
        parity=parity,
        population_basis=population_basis,
    )


def from_frames(frames: Mapping[str, pd.DataFrame], **options: Any) -> xr.Dataset:
    """Read tidy pandas frames to a Dataset that :func:`popsim.run` takes.

    Parameters
    ----------
    frames : mapping of str to pandas.DataFrame
        By name of the table: ``population``, ``incidence_fertility_rate``, …; a column for each
        dimension and one named ``value``, or any layout that :func:`read_tables` knows. Values are
        in the unit of the registry unless ``frame.attrs["units"]`` says otherwise.
    **options
        As in :func:`read_tables`.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    DataError
        As in :func:`read_tables`, with name of the table, row label and column.

    Examples
    --------
    >>> people = pd.DataFrame({"region": "331126", "time": 2021, "age": ["0-14", "15+"],
    ...                        "male": [12000, 61000], "female": [11000, 59000]})
    >>> data = from_frames({"population": people}, like="zhejiang-2020",
    ...                    population_basis="resident")
    >>> data.population.sum("age").values.round(6).tolist()
    [[70000.0, 73000.0]]
    """
    return _assemble(frame_grids(frames), "frames", **options)


def _assemble(
    grids: list[Grid],
    name: str,
    *,
    like: str | xr.Dataset | None = None,
    base_time: int | None = None,
    years: Iterable[int] | None = None,
    fertility: Literal["incidence", "conditional"] = "incidence",
    parity: Literal["like", "reconstruct"] = "like",
    population_basis: str | None = None,
) -> xr.Dataset:
    problems = Problems()
    if fertility not in ("incidence", "conditional"):
        raise DataError(f"fertility {fertility!r} is unknown; write: incidence or conditional")
    if parity not in ("like", "reconstruct"):
        raise DataError(f"parity {parity!r} is unknown; write: like or reconstruct")
    tables = collect(grids, problems)
    basis = population_basis or tables.about.items.get("population_basis") or tables.basis
    if not basis:
        problems.add(
            "the tables do not say whether residents or the registered are counted",
            instead='常住人口 or 户籍人口 in the title, or population_basis="resident"',
        )
    if "population" not in tables.given and not problems:
        problems.add("there is no table of population", instead="a table population (人口)")
    problems.raise_if_any(DataError)
    base = _base_time(tables, base_time)
    standard = None if like is None else standard_at(like, base, fertility)
    if standard is not None:
        check_same_basis(standard.data, xr.Dataset(attrs={"population_basis": basis}))
    job = _job(tables, standard, base, years, problems)
    problems.raise_if_any(DataError)
    return _dataset(job, tables, basis, name, fertility, parity)


def _base_time(tables: Tables, asked: int | None) -> int:
    dates = [int(t) for t in tables.given["population"].array["time"].values]
    if asked is None:
        return int(tables.about.items.get("base_time", max(dates)))
    if asked not in dates:
        there = ", ".join(map(str, dates))
        raise DataError(f"base_time={asked}: the population is given for 1 January of {there}")
    return asked


def _job(
    tables: Tables,
    standard: Standard | None,
    base: int,
    years: Iterable[int] | None,
    problems: Problems,
) -> Job:
    people = tables.given["population"]
    codes = [str(code) for code in people.array["region"].values]
    for name, given in tables.given.items():
        own = {str(code) for code in given.array["region"].values}
        missing = [code for code in codes if code not in own]
        extra = sorted(own - set(codes))
        for lacking, text in ((missing, "has no region"), (extra, "has a region without people:")):
            if lacking:
                problems.add(f"{name} {text} {', '.join(lacking)}", where=given.where)
    own_age = int(people.array["age"].values[-1])
    last = own_age if standard is None else int(standard.data["age"].values[-1])
    return Job(
        tables.given,
        codes,
        tables.regions.parents,
        tables.about,
        standard,
        base,
        _years(tables, standard, base, years, problems),
        last,
        _orders(tables, standard, problems),
        problems,
    )


def _years(
    tables: Tables,
    standard: Standard | None,
    base: int,
    asked: Iterable[int] | None,
    problems: Problems,
) -> range:
    if asked is not None:
        years = [int(year) for year in asked]
    elif standard is not None:
        years = [int(year) for year in standard.data["year"].values if year >= base]
    else:
        arrays = [given.array for given in tables.given.values()]
        ends = [int(a["year"].values.max()) for a in arrays if "year" in a.dims]
        years = list(range(base, max([base - 1, *ends]) + 1))
    span = range(base, base + len(years))
    if not years or years != list(span):
        problems.add(
            f"the years must follow each other from {base}, the date of the population",
            instead=f"years=range({base}, {base + 31})",
        )
    elif standard is not None and span[-1] > int(standard.data["year"].values[-1]):
        last = int(standard.data["year"].values[-1])
        problems.add(f"the baseline {standard.name} ends in {last}", instead=f"years up to {last}")
    return span


def _orders(tables: Tables, standard: Standard | None, problems: Problems) -> int:
    if standard is not None:
        return int(standard.data.sizes["birth_order"])
    sizes = {
        name: given.array.sizes[dimension]
        for name, given in tables.given.items()
        for dimension in ("birth_order", "parity")
        if dimension in given.array.dims and name != "sex_ratio_at_birth"
    }
    if len(set(sizes.values())) > 1:
        shown = ", ".join(f"{name} {n}" for name, n in sizes.items())
        problems.add(f"tables differ in the number of birth orders or parities: {shown}")
    return next(iter(sizes.values()), 4)


def _dataset(
    job: Job,
    tables: Tables,
    basis: str,
    name: str,
    fertility: str,
    parity: str,
) -> xr.Dataset:
    values: dict[str, Array | None] = {}
    levels = ["low", "central", "high"]
    held = fertility
    with job.part("population"):
        values["population"] = population(job)
    job.problems.raise_if_any(DataError)
    people = values["population"]
    assert people is not None
    with job.part("death_rate" if "death_rate" in job.given else "mortality"):
        values["survival_ratio"], values["death_rate"], levels = mortality(job, people)
    with job.part("women_by_parity"):
        women, values["parity_reconstructed"] = women_by_parity(job, people, parity)
        values["women_by_parity"] = women
    with job.part("sex_ratio_at_birth"):
        values["sex_ratio_at_birth"] = sex_ratio_at_birth(job)
    with job.part("net_migration"):
        values["net_migration"] = net_migration(job, people)
    for item in ("fertility_innovation", "migration_innovation", "gdp_per_head"):
        values[item] = _one_number(job, item)
    values["childcare_places"] = _places(job)
    job.problems.raise_if_any(DataError)
    survival = values["survival_ratio"]
    assert survival is not None
    with job.part("fertility"):
        first = survival[:, 0, levels.index("central"), 0]
        rates, own, target = birth_rates(job, women, first)
        values["conditional_fertility_rate"] = rates
        values["fertility_factor"] = given_factor(job, own)
    job.problems.raise_if_any(DataError)
    data = _labelled(job, values, levels)
    if target is not None:
        with job.part("fertility"):
            path = data.drop_vars("fertility_factor", errors="ignore")
            data["conditional_fertility_rate"] = (
                _DIMS["conditional_fertility_rate"],
                meet(path, target),
            )
        job.problems.raise_if_any(DataError)
    if values["fertility_factor"] is None and own and fertility == "incidence":
        with job.part("fertility"):
            factor = held_factor(data, job.years)
            data["fertility_factor"] = (_DIMS["fertility_factor"], factor)
            job.sources["fertility_factor"] = (
                "Total fertility rate by order held at the level of the first year by one factor "
                "per order and year, solved on the central run and then frozen"
            )
    elif values["fertility_factor"] is None:
        held = "conditional"
    elif not own and job.standard is not None:
        held = str(job.standard.data.attrs.get("fertility_held", fertility))
    elif "fertility_factor" in job.given:
        held = str(job.about.items.get("fertility_held", "as given"))
    job.problems.raise_if_any(DataError)
    return _finished(job, tables, data, basis, name, held)


def _one_number(job: Job, name: str) -> Array | None:
    if name in job.given:
        job.source(name, name)
        return np.array([float(job.of(name, code)) for code in job.codes])
    found = [job.like_values(code, name) for code in job.codes]
    if all(value is not None for value in found):
        job.filled(name, "figure")
        return np.array([float(v) for v in found if v is not None])
    if name != "gdp_per_head":
        what = {
            "fertility_innovation": ("spread of fertility", "fertility_innovation (生育水平波动)"),
            "migration_innovation": (
                "spread of net migration",
                "migration_innovation (净迁移波动)",
            ),
        }[name]
        job.lacks(*what)
    return None


def _places(job: Job) -> Array | None:
    name = "childcare_places"
    if name in job.given:
        paths = [job.path(name, job.of(name, code, "year")) for code in job.codes]
        job.source(name, name, *(said for _, said in paths))
        return np.stack([path for path, _ in paths])
    found = [job.like_values(code, name, "year") for code in job.codes]
    if any(value is None for value in found):
        return None
    job.filled(name, "places")
    return np.stack([value for value in found if value is not None])


def _labelled(job: Job, values: dict[str, Array | None], levels: list[str]) -> xr.Dataset:
    coords: dict[str, Any] = {
        "region": job.codes,
        "year": list(job.years),
        "sex": ["female", "male"],
        "age": np.arange(job.last + 1),
        "parity": np.arange(job.orders),
        "birth_order": np.arange(1, job.orders + 1),
        "mortality_level": levels,
    }
    arrays = {name: (_DIMS[name], values[name]) for name in _DIMS if values.get(name) is not None}
    used = {dimension for dims, _ in arrays.values() for dimension in dims}
    data = xr.Dataset(arrays, {d: c for d, c in coords.items() if d in used})
    return data.assign_coords(base_time=job.base_time)


def _finished(
    job: Job, tables: Tables, data: xr.Dataset, basis: str, name: str, held: str
) -> xr.Dataset:
    regions = tables.regions
    coords = {
        "region_name": [regions.names.get(c) or regions.names_zh.get(c) or c for c in job.codes],
        "region_name_zh": [regions.names_zh.get(c) or c for c in job.codes],
        "parent": [regions.parents.get(c, "") for c in job.codes],
    }
    data = data.assign_coords({key: ("region", value) for key, value in coords.items()})
    for variable, text in job.sources.items():
        if variable in data:
            data[variable].attrs["source"] = text
    items = dict(job.about.items)
    items.pop("base_time", None)
    if "gdp_per_head" in data and "price_year" in items:
        data["gdp_per_head"].attrs["price_year"] = items.pop("price_year")
    first = items.pop("first_projected_year", job.base_time)
    data.attrs = {
        "name": name,
        "title": f"{', '.join(coords['region_name_zh'])}, 1 January {job.base_time}",
        **items,
        "population_basis": basis,
        "first_projected_year": first,
        "fertility_held": held,
    }
    data = label(data)
    validate(data)
    said = f"read tables ({'; '.join(tables.read_as)})"
    if job.standard is not None:
        said += f", filled from {job.standard_name}"
    return stamp(data, said)
