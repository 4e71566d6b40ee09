"""One's own tables: as a bureau sends them, every mistake with its cell, and back again."""

import datetime
import re

import numpy as np
import openpyxl
import pandas as pd
import pytest
import xarray as xr

import popsim as ps
from popsim.errors import DataError, Problems
from popsim.tables.about import read_about
from popsim.tables.gather import gather
from popsim.tables.grids import Grid, _rectangle
from popsim.tables.regions import Regions
from popsim.tables.sheets import read_sheet

QINGYUAN = Regions({"331126": "庆元县"}, {}, {}, True)
BROAD = ["0-14岁", "15-59岁", "60岁及以上"]


def grid(rows, sheet="Sheet1", file="人口.xlsx", merged=()):
    cells = {}
    for top, left, bottom, right in merged:
        for r in range(top, bottom + 1):
            for c in range(left, right + 1):
                cells[r, c] = (top, left)
    return Grid(file, sheet, _rectangle([list(row) for row in rows]), cells)


def read(rows, table="population", regions=QINGYUAN, **options):
    problems = Problems()
    sheet = read_sheet(grid(rows, **options), table, regions, problems)
    given = gather([sheet], problems) if sheet is not None else None
    return given, [str(p) for p in problems.found]


def numbers(rows, table="population", **options):
    given, problems = read(rows, table, **options)
    assert problems == []
    return given.array


# ---- layouts ----------------------------------------------------------------------------------


EXPECTED = [[5000.0, 6000.0, 7000.0], [5500.0, 6600.0, 7700.0]]


@pytest.mark.parametrize(
    "rows",
    [
        # ages as rows, sexes as columns, title above, 万人, total column and row
        [
            ["庆元县２０２２年末常住人口", None, None, None],
            [None, None, None, "单位：万人"],
            ["年 龄", "合 计", "男", "女"],
            ["总 计", "3.78", "1.98", "1.80"],
            ["０—１４岁", "1.05", ".55", "0.5"],
            ["15～59岁", "1.26", "０．６６", "0.6"],
            ["60岁及以上", "1.47", "0.77", "0.7"],
        ],
        # sexes as rows, ages as columns
        [
            ["2022年底人口（人）"],
            ["性别", *BROAD],
            ["女", "5,000", "6,000", "7,000"],
            ["男", "5，500", 6600, 7700.0],
        ],
        # long
        [
            ["时点", "性别", "年龄", "人口数（千人）"],
            *(
                ["2022年末", s, a, v]
                for s, a, v in zip("女女女男男男", BROAD * 2, [5, 6, 7, 5.5, 6.6, 7.7], strict=True)
            ),
        ],
        # two heading rows, sex ratio and note columns, a footnote, a blank row, headings repeated
        [
            ["表1 2022年末分年龄人口"],
            ["年龄", "人口数（人）", None, None, "性别比（女=100）", "备注"],
            [None, "小计", "男", "女", None, None],
            [None] * 6,
            ["0-14", 10500, 5500, 5000, 110, None],
            ["15-59", 12600, 6600, 6000, "110.00", "含流动"],
            ["年龄", "小计", "男", "女", None, None],
            ["60+", 14700, 7700, 7000, 110, None],
            ["资料来源：庆元县公安局"],
        ],
        # English, no heading over the ages
        [
            ["Population, 1 January 2023 (persons)"],
            [None, "Male", "Female", "Total"],
            ["0-14", 5500, 5000, 10500],
            ["15-59", 6600, 6000, 12600],
            ["60 and over", 7700, 7000, 14700],
        ],
        # subtotals of ages beside the narrower ones
        [
            ["2022年末人口，单位：人"],
            ["年龄", "男", "女"],
            ["0-14岁", 5500, 5000],
            ["15-59岁", 6600, 6000],
            ["60岁及以上", 7700, 7000],
            ["0-59岁", 12100, 11000],
            ["15岁及以上", 14300, 13000],
        ],
    ],
    ids=["sexes-as-columns", "ages-as-columns", "long", "two-heads", "english", "subtotals"],
)
def test_one_population_in_many_layouts(rows):
    array = numbers(rows)
    assert array.dims == ("region", "time", "sex", "age")
    assert array["time"].values.tolist() == [2023]
    assert array["region"].values.tolist() == ["331126"]
    assert array["age"].values.tolist() == [0, 15, 60]
    np.testing.assert_allclose(array.values[0, 0], EXPECTED, rtol=1e-12)


def test_merged_years_over_sexes_are_dates_of_stocks():
    rows = [
        ["人口（年末，万人）"],
        ["年龄", "2021年", None, "2022年", None],
        [None, "男", "女", "男", "女"],
        ["0-59岁", 1.0, 2.0, 3.0, 4.0],
        ["60+", 5.0, 6.0, 7.0, 8.0],
    ]
    for merged in ((), [(1, 0, 2, 0), (1, 1, 1, 2), (1, 3, 1, 4)]):
        array = numbers(rows, merged=merged)
        assert array["time"].values.tolist() == [2022, 2023]
        assert array.sel(time=2023, sex="male", age=60).item() == 70000


def test_merged_regions_down_the_rows():
    regions = Regions({"331126": "庆元县", "331127": "景宁县"}, {}, {}, True)
    rows = [
        ["2022年末人口（人）"],
        ["地区", "年龄", "男", "女"],
        ["庆元县", "0-59岁", 1, 2],
        [None, "60+", 3, 4],
        [331127, "0-59岁", 5, 6],
        [None, "60+", 7, 8],
        ["合计", "0-59岁", 6, 8],
    ]
    array = numbers(rows, regions=regions, merged=[(2, 0, 3, 0), (4, 0, 5, 0)])
    assert array.sel(region="331127", age=60).values.tolist() == [[8.0, 7.0]]
    _, problems = read(rows, regions=regions)
    assert problems == [
        "人口.xlsx!Sheet1!A4: the region is empty (and in 1 more rows); write: its label in "
        "every row"
    ]


def test_births_by_age_and_order():
    rows = [
        ["2022年分母亲年龄、孩次的出生人数（人）"],
        ["母亲年龄", "合计", "一孩", "二孩", "三孩及以上"],
        ["合计", 12, 6, 4, 2],
        ["15-29岁", 6, 4, 2, 0],
        ["30-49岁", 6, 2, 2, 2],
    ]
    given, problems = read(rows, "births_by_age")
    assert problems == []
    assert given.open_order
    assert given.last_age == 50
    assert given.array.sel(birth_order=3, age=30, year=2022).item() == 2


@pytest.mark.parametrize(
    ("unit", "value", "table", "expected"),
    [
        ("‰", "85.2", "incidence_fertility_rate", 0.0852),
        ("%", "8.52", "incidence_fertility_rate", 0.0852),
        ("‰", "8.52%", "incidence_fertility_rate", 0.0852),
        ("/年", 0.0852, "incidence_fertility_rate", 0.0852),
    ],
)
def test_rates_are_read_in_their_unit(unit, value, table, expected):
    rows = [[f"2022年生育率（单位：{unit}）"], ["年龄", "生育率"], ["20岁", value], ["21岁", value]]
    array = numbers(rows, table)
    np.testing.assert_allclose(array.values, expected, rtol=1e-12)


def test_a_sex_ratio_at_birth_in_girls_as_hundred():
    rows = [["出生人口性别比（女=100）"], ["一孩", "二孩", "三孩及以上"], [108, 112, "120"]]
    array = numbers(rows, "sex_ratio_at_birth")
    np.testing.assert_allclose(array.values.ravel(), [1.08, 1.12, 1.2])


def test_totals_of_rates_are_no_sums():
    rows = [["出生人口性别比（女=100）"], ["合计", "一孩", "二孩及以上"], [110, 108, 112]]
    assert numbers(rows, "sex_ratio_at_birth").values.ravel().tolist() == [1.08, 1.12]
    rows = [["出生人口性别比（女=100）"], ["年份", "合计"], [2021, 110], [2022, 111]]
    array = numbers(rows, "sex_ratio_at_birth")
    assert array.dims == ("region", "year")
    rows = [
        ["2022年生育率（‰）"],
        ["年龄", "合计", "一孩", "二孩及以上"],
        ["合计", 30, 20, 10],
        ["20岁", 50, 40, 10],
        ["21岁", 60, 40, 20],
    ]
    assert numbers(rows, "incidence_fertility_rate").sizes["age"] == 2
    rows[3][1] = 55
    _, problems = read(rows, "incidence_fertility_rate")
    assert [p.split(": ")[0] for p in problems] == ["人口.xlsx!Sheet1!B4"]


def test_a_census_is_not_taken_for_a_year_end():
    rows = [["2020年人口普查（人）"], ["年龄", "男", "女"], ["0+", 1, 2]]
    _, problems = read(rows)
    assert problems[0].startswith(
        "人口.xlsx!Sheet1: a census counts on 1 November; move it to 1 January first"
    )


def test_a_unit_beside_the_title_is_no_heading():
    rows = [["出生人数", "（单位：人）"], ["地区", "2021年", "2022年"], ["庆元县", 800, 780]]
    array = numbers(rows, "births")
    assert array.sel(region="331126", year=2022).item() == 780


# ---- mistakes ---------------------------------------------------------------------------------


def test_a_workbook_with_six_mistakes_gives_six_messages_with_their_cells(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    groups = [*(f"{a}-{a + 4}岁" for a in range(0, 85, 5)), "85岁及以上"]
    sheet.append(["庆元县（331126）2020年末常住人口（单位：人）"])
    sheet.merge_cells("A1:D1")
    sheet.append(["年龄", "合计", "男", "女"])
    for place, group in enumerate(groups):
        sheet.append([group, 2000 + 20 * place, 1020 + 10 * place, 980 + 10 * place])
    sheet["C5"] = "1O40"  # a letter for a zero
    sheet["D7"] = -1020
    sheet["B9"] = 2999  # does not add up
    sheet.insert_rows(13)
    for column, value in enumerate(["45-49岁", 2180, 1110, 1070], start=1):
        sheet.cell(row=13, column=column, value=value)  # a second time
    sheet["A15"] = "五十五岁上下"
    sheet.delete_rows(17)  # 65-69
    book.save(tmp_path / "人口.xlsx")
    with pytest.raises(DataError) as caught:
        ps.read_tables(tmp_path / "人口.xlsx", like="zhejiang-2020")
    assert str(caught.value).splitlines() == [
        "6 problems",
        "人口.xlsx!Sheet1!C5: '1O40' is not a number; write: a number, 0 where there is none",
        "人口.xlsx!Sheet1!D7: -1020 is negative; write: a number that is not negative",
        "人口.xlsx!Sheet1!B9: the total for region 331126, time 2021, sex total, age 30-34 is "
        "2,999, its parts sum to 2,120; write: the sum, or correct the parts",
        "人口.xlsx!Sheet1!B13: region 331126, time 2021, sex total, age 45-49 is given twice, "
        "first in B12; write: one row for it",
        "人口.xlsx!Sheet1!A15: age '五十五岁上下' is not understood; write: 0岁, 0-4岁 or "
        "100岁及以上",
        "人口.xlsx!Sheet1!A17: age 65-69 is missing after age 60-64",
    ]


HEAD = [["2022年末人口（人）"], ["年龄", "男", "女"]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [*HEAD, ["0-4岁", 1, 2], ["10-14岁", 1, 2], ["15+", 1, 2]],
            "A4: age 5-9 is missing after age 0-4",
        ),
        (
            [*HEAD, ["0", 1, 2], ["5", 1, 2], ["10+", 1, 2]],
            "A4: age 1-4 is missing after age 0 (and 1 more gaps); write: 0-4岁",
        ),
        ([*HEAD, ["5-9岁", 1, 2], ["10+", 1, 2]], "A3: age 0-4 is missing before age 5-9"),
        (
            [*HEAD, ["0-4岁", 1, 2], ["5-9岁", 1, 2]],
            "A4: the last age group, age 5-9, is closed; everybody older is missing; "
            "write: 5岁及以上, or one more row 10岁及以上",
        ),
        (
            [*HEAD, ["0-4岁", 1, 2], ["3-9岁", 1, 2], ["10+", 1, 2]],
            "A4: age 3-9 overlaps with age 0-4 and neither is the sum of narrower groups; "
            "write: age groups that follow each other",
        ),
        (
            [*HEAD, ["0-4岁", 1, None], ["5+", 1, 2]],
            "C3: the cell is empty; write: a number, 0 where there is none",
        ),
        (
            [*HEAD, ["0-4岁", 1, "…"], ["5+", 1, 2]],
            "C3: '...' is not a number; write: a number, 0 where there is none",
        ),
        (
            [*HEAD, ["0-4岁", 1, 2], [datetime.datetime(2022, 5, 9), 1, 2], ["10+", 1, 2]],
            "A4: the spreadsheet has turned an age group into the date 2022-05-09; write: 5-9岁",
        ),
        (
            [*HEAD, ["0-4岁", 1, 2], ["未知的一行"], ["5+", 1, 2]],
            "A4: age '未知的一行' is not understood; write: 0岁, 0-4岁 or 100岁及以上",
        ),
        (
            [HEAD[0], ["年龄", "男", "女", "外来"], ["0+", 1, 2, 3]],
            "D2: the heading '外来' is not understood in a table of population; "
            "write: 地区 or 时点 or 性别 or 年龄, or move the column to another sheet",
        ),
        (
            [["2022年末人口"], ["年龄", "男", "女"], ["0+", 1, 2]],
            "B2: the unit is not stated; write: 单位：人 above the table, or 人口数(人) as the "
            "heading",
        ),
        (
            [["2022年末人口（单位：打）"], ["年龄", "男", "女"], ["0+", 1, 2]],
            "B2: the unit '打' is not known for population; write: 人, 个, person, persons, "
            "people, birth",
        ),
        (
            [["2022年人口（人）"], ["年龄", "男", "女"], ["0+", 1, 2]],
            ": 2022 does not say on which day the population was counted; "
            "write: 2022年末 or 2023年1月1日 in the title, or a column 时点",
        ),
        (
            [["人口（人）"], ["年龄", "男", "女"], ["0+", 1, 2]],
            ": the date of the population is not stated; "
            "write: 2022年末 or 2023年1月1日 in the title, or a column 时点",
        ),
        ([HEAD[0], ["年龄", "男"], ["0+", 1]], ": there are no numbers of sex female"),
        (
            [["2022年末人口（人）"], ["性别", "人口数"], ["男", 1], ["女", 1]],
            ": there is no column 年龄 (age) and no column for each of it; write: 年龄",
        ),
        (
            [
                HEAD[0],
                ["性别", "年龄", "人口数"],
                ["男", "0+", 1],
                ["女", "0+", 1],
                ["不详", "0+", 1],
            ],
            "A5: sex '不详' is not understood; write: 男, 女 or 合计",
        ),
        (
            [HEAD[0], ["地区", "年龄", "男", "女"], ["991126", "0+", 1, 2]],
            "A3: region '991126' is neither a GB/T 2260 code nor in the table of regions; "
            "write: 331126",
        ),
        (
            [HEAD[0], ["地区", "年龄", "男", "女"], ["331127", "0+", 1, 2]],
            "A3: region 331127 is not in the table of regions; write: 331126",
        ),
        (
            [HEAD[0], ["地区", "年龄", "男", "女"], ["331126000000", "0+", 1, 2]],
            "A3: region 331126000000 is longer than a GB/T 2260 code; write: 331126",
        ),
        (
            [
                HEAD[0],
                ["年龄", "男", "女", "性别比"],
                ["0-59", 100, 200, 200],
                ["60+", 300, 600, 200],
            ],
            "D3: the sex ratio fits only if the columns of men and women are exchanged "
            "(and 1 more rows); write: 男 over the men and 女 over the women",
        ),
        (
            [HEAD[0], ["年龄", "男", "女", "性别比"], ["0+", 100, 200, 77]],
            "D3: the sex ratio is 77, but the numbers beside it give 50.00; "
            "write: 50.00, or correct the numbers",
        ),
        (
            [HEAD[0], ["时点", "年龄", "男", "女"], ["2022年末", "0+", 1, 2], ["2022", "0+", 1, 2]],
            "C4: region 331126, time 2023, sex male, age 0+ is given twice, first in C3; "
            "write: one row for it",
        ),
        (
            [["表"], ["甲", "乙"], ["丙", "丁"]],
            ": no row of headings is found; write: 地区, 时点, 性别, 年龄, 人口数",
        ),
        (
            [HEAD[0], ["孩次", "年龄", "男", "女"], ["1", "0+", 1, 2]],
            "A2: a table of population has no dimension birth_order; delete the column, or keep "
            "the rows of one label and move its label to the title",
        ),
        (
            [*HEAD, ["合计", 5, 4], ["0-4岁", 1, 2], ["5+", 3, 2]],
            "B3: the total for region 331126, time 2023, sex male, age total is 5, its parts sum "
            "to 4; write: the sum, or correct the parts",
        ),
    ],
)
def test_a_mistake_is_told_with_its_cell(rows, message):
    _, problems = read(rows)
    where, _, text = message.partition(": ")
    place = f"人口.xlsx!Sheet1!{where}" if where else "人口.xlsx!Sheet1"
    assert problems == [f"{place}: {text}"]


def test_totals_may_differ_by_rounding_and_by_nothing_else():
    rows = [["2022年末人口（万人）"], ["年龄", "合计", "男", "女"], ["0+", "3.4", "1.7", "1.6"]]
    assert numbers(rows).sum().item() == pytest.approx(33000)
    rows[2][1] = "3.5"
    _, problems = read(rows)
    assert len(problems) == 1
    assert "is 35,000, its parts sum to 33,000" in problems[0]


def test_two_tables_of_the_same_rows_are_told():
    problems = Problems()
    rows = [*HEAD, ["0+", 1, 2]]
    sheets = [read_sheet(grid(rows, sheet=s), "population", QINGYUAN, problems) for s in "ab"]
    gather(sheets, problems)
    assert [str(p) for p in problems.found] == [
        "人口.xlsx!b!B3: region 331126, time 2023, sex male, age 0+ is given twice, first in B3; "
        "write: one row for it"
    ]


def test_items_of_the_table_about_are_checked():
    problems = Problems()
    rows = [
        ["项目", "内容"],
        ["人口口径", "全部"],
        ["基期（1月1日）", "2022年末"],
        ["首个预测年份", "soon"],
        ["颜色", "红"],
        ["来源 source popolation", "x"],
    ]
    found = read_about(grid(rows, sheet="about"), problems)
    assert found.items == {"base_time": 2023}
    assert [str(p) for p in problems.found] == [
        "人口.xlsx!about!B2: the basis '全部' is not known; "
        "write: 常住人口 (resident) or 户籍人口 (registered)",
        "人口.xlsx!about!B4: 'soon' is not a number; write: a year such as 2023",
        "人口.xlsx!about!A5: the item '颜色' is not known; write: "
        + ", ".join(
            (
                "name",
                "title",
                "population_basis",
                "base_time",
                "first_projected_year",
                "fertility_held",
                "licence",
                "price_year",
            )
        ),
        "人口.xlsx!about!A6: 'popolation' is not a table; write: population",
    ]


# ---- files ------------------------------------------------------------------------------------

PEOPLE = """331126 庆元县2020年末常住人口（单位：人）
年龄,男,女
0-59岁,60000,55000
60岁及以上,12000,13000
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_text_files_in_every_usual_encoding(tmp_path, encoding, delimiter):
    text = PEOPLE.replace(",", delimiter)
    (tmp_path / "人口.csv").write_text(text, encoding=encoding)
    data = ps.read_tables(tmp_path, like="zhejiang-2020", years=range(2021, 2023))
    assert data.population.sum("age").values.round(6).tolist() == [[68000, 72000]]
    assert data.attrs["population_basis"] == "resident"
    assert data.attrs["first_projected_year"] == 2021


def test_a_percentage_format_of_a_workbook_is_read_as_shown(tmp_path):
    from popsim.tables.grids import read_grids

    book = openpyxl.Workbook()
    book.active.append([0.0852])
    book.active["A1"].number_format = "0.00%"
    book.save(tmp_path / "a.xlsx")
    assert read_grids(tmp_path / "a.xlsx")[0].cells == [["8.52%"]]


def test_files_that_cannot_be_read_are_told_together(tmp_path):
    (tmp_path / "人口.xls").write_bytes(b"old")
    (tmp_path / "出生.csv").write_bytes(b"\xff\x80\x81\xff\xff")
    (tmp_path / "死亡.xlsx").write_bytes(b"not a zip")
    with pytest.raises(DataError) as caught:
        ps.read_tables(tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[0] == "3 problems"
    assert (
        "人口.xls: .xls is not read here; write: 人口.xlsx or 人口.csv (save it in that form)"
        in lines
    )
    assert "出生.csv: the text is neither UTF-8 nor GBK; save it as UTF-8 CSV" in lines
    assert any(line.startswith("死亡.xlsx: cannot be opened as a workbook") for line in lines)
    with pytest.raises(DataError, match="there is no folder or file"):
        ps.read_tables(tmp_path / "nothing")


def test_a_sheet_that_is_no_table_is_told(tmp_path):
    (tmp_path / "人口.csv").write_text(PEOPLE, encoding="utf-8")
    (tmp_path / "天气.csv").write_text("晴,雨\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"天气\.csv: it is not clear which table this is"):
        ps.read_tables(tmp_path, like="zhejiang-2020")


# ---- what is missing --------------------------------------------------------------------------


def test_without_a_baseline_everything_missing_is_told_at_once(tmp_path):
    (tmp_path / "人口.csv").write_text(PEOPLE, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        ps.read_tables(tmp_path, years=range(2021, 2031))
    text = str(caught.value)
    for what in (
        "mortality",
        "women by parity",
        "sex ratio at birth",
        "spread of fertility",
        "spread of net migration",
    ):
        assert f"there is no {what}" in text or f"there is no distribution of {what}" in text
    assert "or like=" in text


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (("常住", ""), {}, "do not say whether residents or the registered are counted"),
        (("常住", "户籍"), {}, "the Datasets mix populations: resident (常住人口) and registered"),
        (
            ("2020年末", "2010年末"),
            {},
            "the baseline zhejiang-2020 has the years 2021 to 2060; the "
            "population is of 1 January 2011",
        ),
        (("", ""), {"base_time": 2023}, "base_time=2023: the population is given for 1 January of"),
        (("", ""), {"years": range(2022, 2030)}, "the years must follow each other from 2021"),
        (("", ""), {"years": range(2021, 2071)}, "the baseline zhejiang-2020 ends in 2060"),
        (("", ""), {"fertility": "none"}, "write: incidence or conditional"),
        (("", ""), {"parity": "none"}, "write: like or reconstruct"),
        (("", ""), {"parity": "reconstruct"}, "parity can be reconstructed only from a table"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, change, options, message):
    (tmp_path / "人口.csv").write_text(PEOPLE.replace(*change) if change[0] else PEOPLE, "utf-8")
    with pytest.raises(DataError, match=re.escape(message)):
        ps.read_tables(tmp_path, like="zhejiang-2020", **options)


# ---- filling and graduating -------------------------------------------------------------------


@pytest.fixture(scope="module")
def zhejiang():
    return ps.load_baseline("zhejiang-2020")


def five_year(array, top=85):
    limits = [*range(0, top, 5), top]
    groups = array.groupby_bins("age", [*limits, 200], right=False, labels=limits).sum()
    names = [*(f"{a}-{a + 4}岁" for a in limits[:-1]), f"{top}岁及以上"]
    return groups, names


def test_five_year_groups_keep_their_totals_and_say_what_was_done(zhejiang):
    people = zhejiang.population.sel(region="330000") / 100
    groups, names = five_year(people)
    frame = pd.DataFrame(groups.values.T, columns=["female", "male"]).assign(
        age=names, region="330000", time=2021
    )
    data = ps.from_frames({"population": frame}, like=zhejiang, population_basis="resident")
    again, _ = five_year(data.population.sel(region="330000"))
    np.testing.assert_allclose(again.values, groups.values, rtol=1e-9)
    # With the province as its own standard its single ages come back below the open group.
    young = data.population.sel(age=slice(0, 84)).values[0]
    np.testing.assert_allclose(young, people.sel(age=slice(0, 84)).values, rtol=1e-6)
    assert "age groups graduated with the single ages of zhejiang-2020" in data.population.source
    assert "ILLUSTRATIVE" in data.survival_ratio.source
    assert "zhejiang-2020" in data.survival_ratio.source
    mine, whole = (ps.project(d, years=range(2021, 2024)) for d in (data, zhejiang))
    # A hundredth of the province has a hundredth of its births.
    np.testing.assert_allclose(100 * mine.births_by_order, whole.births_by_order, rtol=1e-5)
    run = ps.run(data, "baseline", years=range(2021, 2023), draws=2)
    assert run.births.sizes["draw"] == 2


def test_a_baseline_is_moved_to_the_date_of_the_tables(zhejiang):
    later = ps.project(zhejiang, years=range(2021, 2023), detail="history").sel(time=2023)
    frame = later.population.sel(region="330000").to_series().rename("value").reset_index()
    frame = frame.assign(region="330000", time=2023)
    frame["age"] = frame["age"].map(lambda a: "100+" if a == 100 else str(a))
    data = ps.from_frames({"population": frame}, like=zhejiang, population_basis="resident")
    np.testing.assert_allclose(
        data.women_by_parity.values[0], later.women_by_parity.values[0], rtol=1e-9
    )
    assert int(data.base_time) == data.year.values[0] == 2023
    assert "moved to 1 January 2023" in data.women_by_parity.source
    after = ps.project(data, years=range(2023, 2026))
    whole = ps.project(zhejiang, years=range(2021, 2026)).sel(year=slice(2023, 2025))
    np.testing.assert_allclose(after.births_by_order, whole.births_by_order, rtol=1e-6)


def own(zhejiang, **frames):
    people = zhejiang.population.to_series().rename("value").reset_index().assign(time=2021)
    people["age"] = people["age"].map(lambda a: "100+" if a == 100 else str(a))
    return ps.from_frames(
        {"population": people, **frames}, like=zhejiang, population_basis="resident"
    )


def births_in_2021(data):
    return ps.project(data, years=[2021]).births_by_order.values[0, 0]


def test_births_of_the_base_year_come_out_again(zhejiang):
    births = pd.DataFrame({"region": ["330000"], "year": [2021], "value": [300000]})
    data = own(zhejiang, births=births)
    assert births_in_2021(data).sum() == pytest.approx(300000, rel=0.01)
    by_order = pd.DataFrame(
        {
            "region": "330000",
            "year": 2021,
            "birth_order": ["1", "2", "3+"],
            "value": [150000, 120000, 30000],
        }
    )
    data = own(zhejiang, births_by_order=by_order)
    made = births_in_2021(data)
    np.testing.assert_allclose([*made[:2], made[2:].sum()], by_order["value"], rtol=0.01)
    assert data.attrs["fertility_held"] == "incidence"
    rates = ps.project(data).total_fertility_rate_by_order.values[0]
    np.testing.assert_allclose(rates, np.broadcast_to(rates[0], rates.shape), rtol=1e-8)


def test_rates_by_order_and_age_group(zhejiang):
    ages = [f"{a}-{a + 4}" for a in range(15, 50, 5)]
    rates = pd.DataFrame(
        {
            "region": "330000",
            "age": ages,
            "1": [4, 50, 60, 20, 4, 1, 0],
            "2": [0, 10, 30, 25, 8, 1, 0],
            "3+": [0, 1, 3, 4, 2, 0, 0],
        }
    )
    rates.attrs["units"] = "‰"
    data = own(zhejiang, incidence_fertility_rate=rates)
    made = ps.project(data, years=[2021]).total_fertility_rate_by_order.values[0, 0]
    stated = 5 * rates[["1", "2", "3+"]].sum() / 1000
    np.testing.assert_allclose([*made[:2], made[2:].sum()], stated, rtol=1e-9)
    source = data.conditional_fertility_rate.source
    assert "graduated" in source
    assert "parted like those of zhejiang-2020" in source
    # Ages without orders: the baseline's orders at each age.
    total = rates.assign(value=rates[["1", "2", "3+"]].sum(axis=1))[["region", "age", "value"]]
    total.attrs["units"] = "‰"
    made = ps.project(own(zhejiang, incidence_fertility_rate=total), years=[2021])
    assert made.total_fertility_rate_by_order.sum().item() == pytest.approx(stated.sum(), rel=1e-9)


def test_life_expectancy_and_deaths_are_met(zhejiang):
    from popsim.demography.lifetable import life_table

    e0 = pd.DataFrame(
        {"region": "330000", "year": [2021, 2030], "male": [78.0, 80.0], "female": [83.0, 84.5]}
    )
    data = own(zhejiang, life_expectancy_at_birth=e0)
    made = life_table(data.death_rate)["ex"].sel(age=0, year=[2021, 2030], region="330000")
    np.testing.assert_allclose(made.sel(sex="male"), [78.0, 80.0], atol=1e-6)
    np.testing.assert_allclose(made.sel(sex="female"), [83.0, 84.5], atol=1e-6)
    levels = data.survival_ratio.sel(age=70)
    assert (levels.sel(mortality_level="low") <= levels.sel(mortality_level="high")).all()
    deaths = pd.DataFrame({"region": ["330000"], "year": [2021], "value": [500000]})
    made = ps.project(own(zhejiang, deaths=deaths), years=[2021]).deaths_by_sex.sum()
    assert made.item() == pytest.approx(500000, rel=0.01)


def test_deaths_by_age_group_over_people(zhejiang):
    m = zhejiang.death_rate.sel(year=2021).values[0]
    people = zhejiang.population.values[0]
    deaths = xr.DataArray(m * people, {"sex": ["female", "male"], "age": np.arange(101)})
    limits = [0, 1, *range(5, 90, 5)]
    names = ["0", "1-4", *(f"{a}-{a + 4}" for a in range(5, 85, 5)), "85+"]
    groups = deaths.groupby_bins("age", [*limits, 200], right=False, labels=limits).sum()
    frame = pd.DataFrame(groups.values.T, columns=["female", "male"]).assign(
        age=names, region="330000", year=2020
    )
    data = own(zhejiang, deaths_by_age=frame)
    made = ps.project(data, years=[2021]).deaths_by_sex.sum().item()
    assert made == pytest.approx(deaths.sum().item(), rel=0.03)
    assert "continued above 85 like zhejiang-2020" in data.death_rate.source


def test_net_migration_totals_take_the_pattern_of_the_baseline(zhejiang):
    totals = pd.DataFrame({"region": "330000", "year": [2021, 2022], "value": [-5000, 7000]})
    data = own(zhejiang, net_migration_total=totals)
    moved = data.net_migration.sum(["sex", "age"]).values[0]
    np.testing.assert_allclose(moved[[0, 1, 2, -1]], [-5000, 7000, 7000, 7000], atol=1e-6)
    assert "given for 2021-2022; linear between, held outside" in data.net_migration.source


def test_parity_from_past_rates(zhejiang):
    ages = np.arange(15, 50)
    pattern = np.exp(-(((ages - 27) / 5.0) ** 2))
    frames = [
        pd.DataFrame(
            {
                "region": "330000",
                "year": y,
                "age": ages.astype(str),
                "1": 0.9 * pattern / pattern.sum(),
                "2": 0.4 * pattern / pattern.sum(),
                "3": 0.1 * pattern / pattern.sum(),
                "4": 0.02 * pattern / pattern.sum(),
            }
        )
        for y in range(1986, 2022)
    ]
    people = zhejiang.population.to_series().rename("value").reset_index().assign(time=2021)
    people["age"] = people["age"].map(lambda a: "100+" if a == 100 else str(a))
    data = ps.from_frames(
        {"population": people, "incidence_fertility_rate": pd.concat(frames)},
        like=zhejiang,
        parity="reconstruct",
        population_basis="resident",
    )
    shares = data.women_by_parity.sel(region="330000", age=44)
    ever = 1 - (shares / shares.sum()).sel(parity=0).item()
    assert ever == pytest.approx(0.9, abs=0.0001)
    assert data.parity_reconstructed.sel(age=[49, 70]).values.tolist() == [[1.0, 0.0]]
    assert "RECONSTRUCTED" in data.women_by_parity.source


def test_women_by_parity_of_a_sample_give_shares(zhejiang):
    women = zhejiang.women_by_parity.sel(region="330000", age=slice(15, 49)) / 10
    groups = women.groupby_bins("age", range(15, 51, 5), right=False, labels=range(15, 50, 5)).sum()
    frame = pd.DataFrame(
        groups.transpose("age_bins", "parity").values, columns=["0", "1", "2", "3+"]
    ).assign(age=[f"{a}-{a + 4}" for a in range(15, 50, 5)], region="330000", time=2021)
    data = own(zhejiang, women_by_parity=frame)
    total = data.women_by_parity.sum("parity").values
    np.testing.assert_allclose(total, data.population.sel(sex="female").values, rtol=1e-12)
    mine = data.women_by_parity.sel(age=range(20, 45)).values
    np.testing.assert_allclose(
        mine,
        zhejiang.women_by_parity.sel(age=range(20, 45)).values,
        rtol=0.4,
        atol=0.05 * mine.max(),
    )
    assert "shares by parity of the table" in data.women_by_parity.source


# ---- and back ---------------------------------------------------------------------------------


PROVENANCE = ("history", "popsim_version", "inputs_sha256")


def without_provenance(data):
    """Return the Dataset without what tells when and by what it was read, which must be there."""
    assert data.attrs["history"]
    assert data.attrs["popsim_version"]
    return data.drop_attrs(deep=False).assign_attrs(
        {key: value for key, value in data.attrs.items() if key not in PROVENANCE}
    )


@pytest.mark.parametrize("name", ["zhejiang-2020", "zhejiang-2010", "china-2020"])
def test_a_baseline_comes_back_from_csv_as_it_was(tmp_path, name):
    base = ps.load_baseline(name)
    ps.write_tables(base, tmp_path / "tables")
    back = ps.read_tables(tmp_path / "tables")
    xr.testing.assert_identical(without_provenance(back), without_provenance(base))


def test_a_baseline_comes_back_from_excel_as_it_was(tmp_path, zhejiang):
    base = zhejiang.sel(year=slice(2021, 2026))
    ps.write_tables(base, tmp_path / "tables.xlsx")
    back = ps.read_tables(tmp_path / "tables.xlsx")
    xr.testing.assert_identical(without_provenance(back), without_provenance(base))
    with pytest.raises(DataError, match="is there already; choose another name"):
        ps.write_tables(base, tmp_path / "tables.xlsx")


def test_what_is_no_baseline_is_not_written(tmp_path, zhejiang):
    result = ps.run(zhejiang, "baseline", years=[2021], draws=1)
    with pytest.raises(DataError, match="births_by_order has dimension draw, scenario"):
        ps.write_tables(result, tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("ages", ["single", "five"])
@pytest.mark.parametrize("kind", ["", ".xlsx"])
def test_a_template_filled_in_is_read(tmp_path, zhejiang, ages, kind):
    path = ps.write_template(tmp_path / f"my-county{kind}", year=2020, ages=ages)
    with pytest.raises(DataError, match=re.escape("there is no table of population")):
        ps.read_tables(path, like="zhejiang-2020")
    people = zhejiang.population.sel(region="330000") / 100
    if ages == "five":
        people, _ = five_year(people)
    if kind:
        book = openpyxl.load_workbook(path)
        for row, (m, w) in enumerate(zip(*people.values[::-1], strict=True), start=3):
            book["人口"].cell(row=row, column=2, value=float(m))
            book["人口"].cell(row=row, column=3, value=float(w))
        book["地区"]["A2"], book["地区"]["B2"] = 331126, "庆元县"
        book["平均预期寿命"]["A4"] = 2020
        book["平均预期寿命"]["B4"], book["平均预期寿命"]["C4"] = 78, 83
        book.save(path)
    else:
        lines = (path / "人口.csv").read_text("utf-8-sig").splitlines()
        for row, (m, w) in enumerate(zip(*people.values[::-1], strict=True), start=2):
            lines[row] = f"{lines[row].split(',')[0]},{m!r},{w!r}".replace(
                "np.float64(", ""
            ).replace(")", "")
        (path / "人口.csv").write_text("\n".join(lines), "gbk")
        (path / "地区.csv").write_text("地区代码,地区名称\n331126,庆元县\n", "gbk")
    data = ps.read_tables(path, like="zhejiang-2020")
    assert data.region_name_zh.values.tolist() == ["庆元县"]
    assert data.population.sum().item() == pytest.approx(people.sum().item())
    assert data.attrs["population_basis"] == "resident"
