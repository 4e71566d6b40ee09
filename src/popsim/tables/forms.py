"""The tables that a folder or workbook may hold: names, dimensions, units, headings.

A table is a variable of the registry under its English or Chinese name, plus two tables that
describe the rest: ``regions`` (codes and names) and ``about`` (title, basis, sources).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from popsim.tables.text import clean
from popsim.tables.unit_words import WORDS, without_unit

__all__ = [
    "ABOUT",
    "EXPLANATION",
    "FORMS",
    "HEADINGS",
    "REGIONS",
    "Form",
    "form_of",
    "heading",
    "spellings",
    "units_of",
]

REGIONS, ABOUT, EXPLANATION = "regions", "about", "explanation"


@dataclass(frozen=True)
class Form:
    """One table: what it holds and how it may be spelled.

    Parameters
    ----------
    name : str
        Variable of the registry.
    name_zh : str
        Name of the sheet or file in Chinese.
    dims : tuple of str
        Dimensions, in the registry's order.
    optional : tuple of str
        Dimensions that may be missing.
    kind : str
        Key of :data:`popsim.tables.unit_words.WORDS`.
    unit : str
        Unit of the templates.
    values : tuple of str
        Headings of a column of values.
    title : str
        Pattern by which a table is known from its title when neither file nor sheet is named.
    assumed : str
        Unit of a table that states none; empty where the unit must be stated.
    """

    name: str
    name_zh: str
    dims: tuple[str, ...]
    optional: tuple[str, ...]
    kind: str
    unit: str
    values: tuple[str, ...]
    title: str
    assumed: str = ""


FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        Form(
            "women_by_parity",
            "妇女按子女数",
            ("region", "time", "parity", "age"),
            (),
            "count",
            "人",
            ("妇女人数", "女性人数", "women"),
            r"(活产|生育)?子女数",
        ),
        Form(
            "parity_reconstructed",
            "子女数结构是否重建",
            ("region", "age"),
            (),
            "fraction",
            "1",
            ("是否重建", "reconstructed"),
            r"是否重建",
            "1",
        ),
        Form(
            "conditional_fertility_rate",
            "孩次递进生育率",
            ("region", "year", "birth_order", "age"),
            ("year",),
            "rate",
            "/年",
            ("孩次递进生育率", "递进生育率", "conditional birth rate", "rate"),
            r"递进生育率",
        ),
        Form(
            "fertility_factor",
            "生育水平系数",
            ("region", "year", "birth_order"),
            (),
            "fraction",
            "1",
            ("系数", "factor"),
            r"生育水平系数",
            "1",
        ),
        Form(
            "incidence_fertility_rate",
            "年龄别生育率",
            ("region", "year", "birth_order", "age"),
            ("year", "birth_order"),
            "rate",
            "‰",
            ("生育率", "年龄别生育率", "孩次生育率", "asfr", "fertility rate", "rate"),
            r"生育率|asfr|fertility rate",
        ),
        Form(
            "births_by_age",
            "分母亲年龄出生人数",
            ("region", "year", "birth_order", "age"),
            ("birth_order",),
            "count",
            "人",
            ("出生人数", "出生数", "活产数", "births"),
            r"(母亲|生母|育龄妇女).*(出生|活产)|births by age",
        ),
        Form(
            "births_by_order",
            "分孩次出生人数",
            ("region", "year", "birth_order"),
            (),
            "count",
            "人",
            ("出生人数", "出生人口", "出生数", "活产数", "births"),
            r"孩次.*出生|births by order",
        ),
        Form(
            "sex_ratio_at_birth",
            "出生人口性别比",
            ("region", "year", "birth_order"),
            ("year", "birth_order"),
            "sex ratio",
            "女=100",
            ("出生人口性别比", "出生性别比", "性别比", "sex ratio at birth", "srb"),
            r"出生(人口|婴儿)?性别比|sex ratio at birth",
        ),
        Form(
            "births",
            "出生人数",
            ("region", "year"),
            (),
            "count",
            "人",
            ("出生人数", "出生人口", "出生数", "births"),
            r"出生|births",
        ),
        Form(
            "deaths_by_age",
            "分性别年龄死亡人数",
            ("region", "year", "sex", "age"),
            (),
            "count",
            "人",
            ("死亡人数", "死亡人口", "deaths"),
            r"年龄.*死亡人|deaths by age",
        ),
        Form(
            "death_rate",
            "年龄别死亡率",
            ("region", "year", "sex", "age"),
            ("year",),
            "rate",
            "/年",
            ("死亡率", "mx", "death rate", "rate"),
            r"死亡率|death rate|\bmx\b",
        ),
        Form(
            "deaths",
            "死亡人数",
            ("region", "year"),
            (),
            "count",
            "人",
            ("死亡人数", "死亡人口", "deaths"),
            r"死亡|deaths",
        ),
        Form(
            "survival_ratio",
            "存活比",
            ("region", "year", "mortality_level", "sex", "age"),
            ("mortality_level",),
            "fraction",
            "1",
            ("存活比", "存活率", "survival ratio"),
            r"存活(比|率)|survival ratio",
            "1",
        ),
        Form(
            "life_expectancy_at_birth",
            "平均预期寿命",
            ("region", "year", "sex"),
            (),
            "years",
            "岁",
            ("平均预期寿命", "预期寿命", "life expectancy", "e0"),
            r"预期寿命|life expectancy",
        ),
        Form(
            "net_migration",
            "分性别年龄净迁移人数",
            ("region", "year", "sex", "age"),
            (),
            "count",
            "人",
            ("净迁移人数", "净迁入人数", "净迁移", "净流入", "net migrants", "net migration"),
            r"年龄.*净(迁|流)|net migration by age",
        ),
        Form(
            "net_migration_total",
            "净迁移总人数",
            ("region", "year"),
            (),
            "count",
            "人",
            ("净迁移人数", "净迁入人数", "净迁移", "净流入", "net migrants", "net migration"),
            r"净(迁|流)|net migra",
        ),
        Form(
            "fertility_innovation",
            "生育水平波动",
            ("region",),
            (),
            "fraction",
            "1",
            ("标准差", "standard deviation"),
            r"生育水平波动",
            "1",
        ),
        Form(
            "migration_innovation",
            "净迁移波动",
            ("region",),
            (),
            "fraction",
            "1",
            ("相对标准差", "标准差", "standard deviation"),
            r"净迁移波动",
            "1",
        ),
        Form(
            "childcare_places",
            "每千人口托位数",
            ("region", "year"),
            (),
            "places",
            "个/千人",
            ("托位数", "每千人口托位数", "places"),
            r"托位|childcare",
        ),
        Form(
            "gdp_per_head",
            "人均地区生产总值",
            ("region",),
            (),
            "money",
            "元",
            ("人均地区生产总值", "人均gdp", "人均生产总值", "gdp per head", "gdp per capita"),
            r"人均(地区)?(生产总值|gdp)|gdp per",
        ),
        Form(
            "population",
            "人口",
            ("region", "time", "sex", "age"),
            (),
            "count",
            "人",
            (
                "人口数",
                "人口",
                "年末人口",
                "年末人口数",
                "常住人口",
                "户籍人口",
                "人数",
                "population",
            ),
            r"人口|population",
        ),
    )
}
"""In the order in which titles are compared: a special table before the general one."""

_SPECIAL = {
    REGIONS: ("regions", "region", "地区", "地区代码", "行政区划"),
    ABOUT: ("about", "说明与来源", "基本信息", "来源"),
    EXPLANATION: ("explanation", "填表说明", "说明", "readme"),
}

#: Headings of columns that hold the labels of a dimension.
HEADINGS: dict[str, tuple[str, ...]] = {
    "region": (
        "地区",
        "地区代码",
        "行政区划代码",
        "区划代码",
        "代码",
        "region",
        "region code",
        "code",
    ),
    "region_name": ("地区名称", "地区名", "名称", "region name", "name"),
    "year": ("年份", "年度", "year"),
    "time": ("时点", "日期", "统计时点", "1月1日", "time", "date", "1 january"),
    "sex": ("性别", "sex"),
    "age": ("年龄", "年龄组", "岁", "母亲年龄", "生育年龄", "age", "age group"),
    "birth_order": ("孩次", "出生孩次", "birth_order", "birth order", "order"),
    "parity": ("已生育子女数", "生育子女数", "活产子女数", "子女数", "parity", "children born"),
    "mortality_level": ("死亡水平", "mortality_level", "mortality level", "level"),
}
_NOTES = ("备注", "注", "序号", "note", "notes", "remark")
_ANY_VALUE = ("数值", "值", "合计数", "value")
_SEX_RATIO = ("性别比", "sex ratio")


def spellings(text: str) -> list[str]:
    """Return the spellings of a bilingual heading: whole, Chinese part, other part."""
    whole = text.lower().strip()
    found = re.fullmatch(r"([\u3400-\u9fff\d]+)[\s/|]*([^\u3400-\u9fff]+)", whole)
    return [whole, *(found[1].strip(), found[2].strip())] if found else [whole]


def heading(text: str, form: Form) -> tuple[str, str] | None:
    """Tell what a column is by its heading.

    Returns
    -------
    tuple of str, or None
        ``("key", dimension)``, ``("value", unit)`` with the unit in brackets if there is one,
        ``("check", "sex_ratio")`` or ``("note", "")``; ``None`` when the heading is not known.

    Examples
    --------
    >>> heading("年龄（岁） age", FORMS["population"])
    ('key', 'age')
    >>> heading("人口数（万人）", FORMS["population"])
    ('value', '万人')
    """
    bare, unit = without_unit(text)
    for word in spellings(bare):
        # 年份 over a column of stock dates is a date, and "time" a year of a flow is not.
        for dimension, words in HEADINGS.items():
            if word in words:
                return "key", dimension
        if word in _NOTES:
            return "note", ""
        if form.name == "population" and word in _SEX_RATIO:
            return "check", "sex_ratio"
        if word in form.values or word in _ANY_VALUE or word in (form.name, form.name_zh):
            return "value", unit
        # "年末人口数", "2022年末人口": the date is read from the heading by the layout.
        if form.name == "population" and re.fullmatch(
            r"(\d{4})?年?(年?末|年?底|年?初)?(总|常住|户籍)?人口(数|总数)?", word
        ):
            return "value", unit
    return None


def form_of(names: list[str], titles: str) -> str | None:
    """Tell which table a sheet is: by the name of sheet or file, else by its title and headings.

    Parameters
    ----------
    names : list of str
        Names of the sheet and, where it is the only one, of the file.
    titles : str
        Text of the first rows.

    Returns
    -------
    str or None
        Key of :data:`FORMS`, or one of :data:`REGIONS`, :data:`ABOUT`, :data:`EXPLANATION`.

    Examples
    --------
    >>> form_of(["Sheet1", "数据"], "庆元县2022年末常住人口（万人） 年龄 男 女")
    'population'
    """
    for name in names:
        for word in spellings(clean(name)):
            spaced = word.replace("_", " ")
            for special, words in _SPECIAL.items():
                if word in words:
                    return special
            for form in FORMS.values():
                if word in (form.name, form.name_zh) or spaced == form.name.replace("_", " "):
                    return form.name
    for text in [*names[:1], titles, *names[1:]]:
        for form in FORMS.values():
            if re.search(form.title, clean(text).lower()):
                return form.name
    return None


def units_of(form: Form) -> str:
    """Return the units that a table may state, for messages."""
    return ", ".join(list(WORDS[form.kind])[:6])
