"""Write tables: a Dataset back to Excel or CSV, and templates to fill in."""

from __future__ import annotations

import csv
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from popsim.errors import DataError, Problems
from popsim.tables.about import ITEMS
from popsim.tables.forms import FORMS, HEADINGS, Form
from popsim.variables import VARIABLES

__all__ = ["write_tables", "write_template"]

Rows = list[list[Any]]
#: Spelling of the registry's unit of each kind: numbers are written unchanged.
_REGISTRY_UNITS = {
    "count": "人",
    "rate": "/年",
    "sex ratio": "女=1",
    "years": "岁",
    "money": "元",
    "places": "个/千人",
    "fraction": "1",
}
_ABOUT_ZH, _REGIONS_ZH, _EXPLANATION_ZH = "说明与来源", "地区", "填表说明"
#: Tables of a template, in the order of the sheets; the rest is for round trips.
_TEMPLATES = (
    "population",
    "women_by_parity",
    "births_by_age",
    "births_by_order",
    "births",
    "incidence_fertility_rate",
    "deaths_by_age",
    "deaths",
    "death_rate",
    "life_expectancy_at_birth",
    "net_migration",
    "net_migration_total",
    "sex_ratio_at_birth",
    "childcare_places",
    "gdp_per_head",
)
_COLUMNS = ("sex", "birth_order", "parity")
_FERTILE = range(15, 50)


def write_tables(data: xr.Dataset, path: str | Path) -> Path:
    """Write a baseline as tables that :func:`popsim.read_tables` reads back unchanged.

    Parameters
    ----------
    data : xarray.Dataset
        A baseline: from :func:`popsim.load_baseline` or :func:`popsim.read_tables`.
    path : str or pathlib.Path
        A name that ends in ``.xlsx`` for a workbook, else the folder of CSV files.

    Returns
    -------
    pathlib.Path
        What was written.

    Raises
    ------
    DataError
        When the Dataset is no baseline, or there is something at ``path`` already.

    Examples
    --------
    >>> import tempfile
    >>> from popsim.data.samples import load_baseline
    >>> base = load_baseline("china-2020")[["population"]]
    >>> folder = write_tables(base, Path(tempfile.mkdtemp()) / "china")
    >>> (folder / "人口.csv").read_text(encoding="utf-8-sig").splitlines()[:2]
    ['人口 population 2021年1月1日（单位：人）,,,', '地区代码 region,年龄 age,男 male,女 female']
    """
    problems = Problems()
    for name in map(str, data.data_vars):
        extra = set(map(str, data[name].dims)) - set(FORMS[name].dims if name in FORMS else ())
        if name not in FORMS:
            problems.add(f"{name} is not a table", instead=f"data.drop_vars({name!r})")
        elif extra:
            problems.add(f"{name} has dimension {', '.join(sorted(extra))}, a table of it has none")
    if "base_time" not in data.coords or "population" not in data:
        problems.add("the Dataset is no baseline: it has no base_time or no population")
    problems.raise_if_any(DataError)
    base = int(data["base_time"])
    tables: dict[str, Rows] = {_REGIONS_ZH: _region_rows(data), _ABOUT_ZH: _about_rows(data)}
    for name, form in FORMS.items():
        if name in data:
            tables[form.name_zh] = _table_rows(form, data[name], base)
    return _write(tables, Path(path))


def write_template(
    path: str | Path, *, year: int, ages: Literal["single", "five"] = "single"
) -> Path:
    """Write empty tables to fill in, with headings in Chinese and English and an explanation.

    Parameters
    ----------
    path : str or pathlib.Path
        A name that ends in ``.xlsx`` for a workbook, else the folder of CSV files.
    year : int
        Year of the flows, at whose end (年末) the population is counted.
    ages : {"single", "five"}
        Single ages to 100 and over, or groups of five years to 85 and over.

    Returns
    -------
    pathlib.Path
        What was written. A table that is left empty counts as not given.

    Raises
    ------
    DataError
        When there is something at ``path`` already.

    Examples
    --------
    >>> import tempfile
    >>> folder = write_template(Path(tempfile.mkdtemp()) / "my-county", year=2023, ages="five")
    >>> (folder / "人口.csv").read_text(encoding="utf-8-sig").splitlines()[:3]
    ['2023年末人口 population（单位：人）,,', '年龄 age,男 male,女 female', '0-4岁,,']
    """
    if ages not in ("single", "five"):
        raise DataError(f"ages {ages!r} is unknown; write: single or five")
    tables: dict[str, Rows] = {
        _EXPLANATION_ZH: _explanation(),
        _REGIONS_ZH: [_region_heads(), [None] * 4],
        _ABOUT_ZH: [
            ["项目 item", "内容 content"],
            [f"{ITEMS['title']} title", None],
            [f"{ITEMS['population_basis']} population_basis", "常住人口"],
            [f"{ITEMS['price_year']} price_year", None],
        ],
    }
    for name in _TEMPLATES:
        tables[FORMS[name].name_zh] = _empty_rows(FORMS[name], year, ages == "five")
    return _write(tables, Path(path))


def _region_heads() -> list[Any]:
    return ["地区代码 code", "地区名称 name_zh", "英文名称 name", "上级代码 parent"]


def _region_rows(data: xr.Dataset) -> Rows:
    keys = ("region", "region_name_zh", "region_name", "parent")
    codes = data["region"].values
    columns = [
        [str(v) for v in data[key].values] if key in data.coords else [""] * len(codes)
        for key in keys
    ]
    return [_region_heads(), *map(list, zip(*columns, strict=True))]


def _about_rows(data: xr.Dataset) -> Rows:
    attrs = {**data.attrs, "base_time": int(data["base_time"])}
    if "gdp_per_head" in data and "price_year" in data["gdp_per_head"].attrs:
        attrs["price_year"] = int(data["gdp_per_head"].attrs["price_year"])
    rows: Rows = [["项目 item", "内容 content"]]
    rows += [[f"{zh} {key}", attrs[key]] for key, zh in ITEMS.items() if key in attrs]
    for name in map(str, data.data_vars):
        if data[name].attrs.get("source"):
            rows.append([f"来源 source {name}", data[name].attrs["source"]])
    return rows


def _column_of(dims: tuple[str, ...]) -> str:
    return next((d for d in _COLUMNS if d in dims), "")


def _label(dimension: str, value: Any, last: bool) -> Any:
    """Return a row or column label as it is written."""
    if dimension == "sex":
        return {"female": "女 female", "male": "男 male"}[str(value)]
    if dimension == "age":
        return f"{value}岁及以上" if last else f"{value}岁"
    if dimension == "birth_order":
        return f"{value}孩及以上 {value}+" if last else f"{value}孩 order {value}"
    if dimension == "parity":
        return f"{value}个及以上 {value}+" if last else f"{value}个 {value}"
    return int(value) if isinstance(value, int | np.integer) else str(value)


def _heads(form: Form, rows: list[str], column: str, columns: list[Any]) -> list[Any]:
    keys = [f"{HEADINGS[d][1] if d == 'region' else HEADINGS[d][0]} {d}" for d in rows]
    if not column:
        return [*keys, f"{form.values[0]} value"]
    return [*keys, *columns]


def _table_rows(form: Form, array: xr.DataArray, base: int) -> Rows:
    dims = [d for d in form.dims if d in array.dims]
    column = _column_of(tuple(dims))
    rows = [d for d in dims if d != column]
    values = array.transpose(*rows, *([column] if column else []))
    labels = {
        d: [_label(d, v, i == array.sizes[d] - 1) for i, v in enumerate(array[d].values)]
        for d in dims
    }
    heads = list(labels.get(column, []))
    flat = np.asarray(values.values).reshape(-1, len(heads) if column else 1)
    if column == "sex":
        # Statistics in China give men first.
        heads, flat = heads[::-1], flat[:, ::-1]
    date = f" {base}年1月1日" if "time" in form.dims and "time" not in dims else ""
    title = f"{form.name_zh} {form.name}{date}（单位：{_REGISTRY_UNITS[form.kind]}）"
    body = [
        [*key, *(float(v) for v in numbers)]
        for key, numbers in zip(product(*(labels[d] for d in rows)), flat, strict=True)
    ]
    return [[title], _heads(form, rows, column, heads), *body]


def _empty_rows(form: Form, year: int, five: bool) -> Rows:
    column = _column_of(form.dims)
    rows = [d for d in form.dims if d not in (column, "region", "time")]
    if not rows and not column:
        rows = ["region"]
    # One year stands in the title; tables that are series have a column for it.
    series = "age" not in form.dims
    if not series:
        rows = [d for d in rows if d != "year"]
    mothers = "birth_order" in form.dims or form.name == "women_by_parity"
    heads = {
        "sex": ["男 male", "女 female"],
        "birth_order": ["1孩 order 1", "2孩 order 2", "3孩 order 3", "4孩及以上 4+"],
        "parity": ["0个 0", "1个 1", "2个 2", "3个及以上 3+"],
        "": [],
    }[column]
    when = f"{year}年末" if "time" in form.dims else "" if series else f"{year}年"
    title = f"{when}{form.name_zh} {form.name}（单位：{form.unit}）"
    if form.name == "sex_ratio_at_birth":
        rows = []
        body: Rows = [[None] * 4]
    elif "age" in form.dims:
        body = [[label, *[None] * len(heads)] for label in _age_labels(mothers, five)]
    elif series and "year" in rows:
        body = [[None] * (len(rows) + max(len(heads), 1))] * 3
    else:
        body = [[None] * (len(rows) + max(len(heads), 1))]
    return [[title], _heads(form, rows, column, heads), *body]


def _age_labels(mothers: bool, five: bool) -> list[str]:
    if mothers:
        ages = _FERTILE[::5] if five else _FERTILE
        return [f"{a}-{a + 4}岁" if five else f"{a}岁" for a in ages]
    if five:
        return [*(f"{a}-{a + 4}岁" for a in range(0, 85, 5)), "85岁及以上"]
    return [*(f"{a}岁" for a in range(100)), "100岁及以上"]


def _explanation() -> Rows:
    rows: Rows = [
        ["填表说明", "How to fill in these tables"],
        [
            "只填已有的表；整表留空表示没有该项数据，读入时由所选基准（like）补齐并注明。",
            "Fill in the tables that there are. A table left empty counts as not given and is "
            "taken from the baseline named when reading, with a note.",
        ],
        [
            "多个地区：在年龄之前加一列“地区代码”，或每个地区一张表。",
            "Several regions: add a column 地区代码 (region) before the ages.",
        ],
        [
            "标题中的年份、“年末”和“单位”可以改；单位可写 人、万人、‰、%、女=100。",
            "Year, 年末 (year-end) and 单位 (unit) in the titles may be changed.",
        ],
        [
            "年龄可为单岁（0岁）或分组（0-4岁、85岁及以上）；合计行、合计列会核对，不会重复计算。",
            "Ages may be single or groups; totals are checked and never added.",
        ],
        [None, None],
        ["表 table", "内容 content"],
    ]
    for name in _TEMPLATES:
        form = FORMS[name]
        rows.append([form.name_zh, f"{name}: {VARIABLES[name].definition}"])
    return rows


def _write(tables: dict[str, Rows], path: Path) -> Path:
    if path.exists():
        raise DataError(f"{path} is there already; choose another name")
    try:
        if path.suffix.lower() == ".xlsx":
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_workbook(tables, path)
        else:
            path.mkdir(parents=True)
            for name, rows in tables.items():
                _write_csv(rows, path / f"{name}.csv")
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error
    return path


def _width(rows: Rows) -> int:
    return max(len(row) for row in rows)


def _write_csv(rows: Rows, file: Path) -> None:
    width = _width(rows)
    # The byte-order mark makes spreadsheets read Chinese text.
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        for row in rows:
            cells = ["" if cell is None else cell for cell in row]
            writer.writerow([*cells, *[""] * (width - len(cells))])


def _write_workbook(tables: dict[str, Rows], path: Path) -> None:
    import openpyxl
    from openpyxl.styles import Font

    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in tables.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        titled = len(rows[0]) == 1
        head = 2 if titled else 1
        if titled and _width(rows) > 1:
            sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=_width(rows))
        for cell in sheet[head]:
            cell.font = Font(bold=True)
        wide = 60 if name in (_ABOUT_ZH, _EXPLANATION_ZH) else 16
        for column in range(1, _width(rows) + 1):
            sheet.column_dimensions[openpyxl.utils.get_column_letter(column)].width = wide
        sheet.freeze_panes = sheet.cell(row=head + 1, column=1)
    book.save(path)
