"""The registry: every variable and dimension that popsim reads or reports.

One row per variable: dimensions, unit, allowed range, definition, and labels in
English and Chinese. Datasets are built, validated, labelled and plotted from
this table, and the schema page of the documentation is generated from it.

Examples
--------
>>> VARIABLES["total_fertility_rate"].units
'births per woman'
>>> VARIABLES["total_fertility_rate"].long_name_zh
'总和生育率'
"""

from __future__ import annotations

from dataclasses import dataclass

from popsim.units import UNITS

__all__ = ["DIMENSIONS", "VARIABLES", "Dimension", "Variable"]


@dataclass(frozen=True)
class Dimension:
    """A dimension: what it counts, in two languages."""

    name: str
    long_name: str
    long_name_zh: str
    definition: str


DIMENSIONS: dict[str, Dimension] = {
    dimension.name: dimension
    for dimension in (
        Dimension("region", "region", "地区", "GB/T 2260 code as text"),
        Dimension("scenario", "scenario", "方案", "identifier of the scenario file"),
        Dimension("draw", "draw", "抽样", "number of the joint random draw"),
        Dimension("quantile", "quantile", "分位数", "quantile over draws"),
        Dimension("time", "1 January", "1月1日", "stocks: 1 January; year-end 2022 is time 2023"),
        Dimension("year", "year", "年份", "flows and rates: the calendar year"),
        Dimension("sex", "sex", "性别", "female, male"),
        Dimension("age", "age", "年龄", "completed years; the last age is open"),
        Dimension("age_group", "age group", "年龄组", "completed years, both limits included"),
        Dimension("parity", "parity", "已生育子女数", "children born; the last state is open"),
        Dimension("birth_order", "birth order", "孩次", "order of the birth; the last one is open"),
        Dimension("birth_month", "birth month", "出生月", "month of birth, 1 to 12"),
        Dimension("mortality_level", "mortality level", "死亡水平", "low, central, high survival"),
        Dimension(
            "fertility_schedule", "fertility schedule", "生育模式", "schedules that are mixed"
        ),
        Dimension(
            "fertility_path",
            "fertility held",
            "保持不变的生育指标",
            "what is held after the last observed year",
        ),
        Dimension("window", "years of birth counted", "统计窗口", "period (5 years), lasting (30)"),
        Dimension("channel", "channel of the response", "响应渠道", "cash, childcare, package"),
        Dimension("policy", "policy instrument", "政策工具", "key of the instrument in its file"),
    )
}


@dataclass(frozen=True)
class Variable:
    """A variable: dimensions, unit, range, definition and labels.

    Parameters
    ----------
    name : str
        Name in a Dataset.
    dims : tuple of str
        Dimensions it may have, in the order that popsim writes.
    units : str
        A unit of :data:`popsim.units.UNITS`.
    long_name, long_name_zh : str
        Labels.
    definition : str
        What it is, with the formula where there is one.
    minimum, maximum : float
        Allowed range; a value outside is refused.
    display : str
        Unit in which tables and plots show it; empty shows ``units``.
    """

    name: str
    dims: tuple[str, ...]
    units: str
    long_name: str
    long_name_zh: str
    definition: str
    minimum: float = float("-inf")
    maximum: float = float("inf")
    display: str = ""

    def __post_init__(self) -> None:
        """Refuse a registry row that names an unknown unit or dimension."""
        unknown = [d for d in self.dims if d not in DIMENSIONS]
        if unknown or self.units not in UNITS or (self.display and self.display not in UNITS):
            raise ValueError(f"variable {self.name}: unknown unit or dimension {unknown}")


_BASELINE = (
    Variable(
        "population",
        ("region", "scenario", "time", "sex", "age", "draw"),
        "person",
        "population",
        "人口数",
        "Resident population on 1 January, by sex and age in completed years.",
        minimum=0,
        display="10^4 persons",
    ),
    Variable(
        "women_by_parity",
        ("region", "scenario", "time", "parity", "age", "draw"),
        "person",
        "women by parity",
        "按已生育子女数分的妇女人数",
        "Women on 1 January by number of children born; sums over parity to the female population.",
        minimum=0,
        display="10^4 persons",
    ),
    Variable(
        "parity_reconstructed",
        ("region", "age"),
        "1",
        "parity is reconstructed from fertility rates",
        "已生育子女数结构为重建值",
        "1 where the parity distribution of an age follows from past order-specific rates, "
        "0 where it is carried over from the oldest cohort that could be followed.",
        minimum=0,
        maximum=1,
    ),
    Variable(
        "conditional_fertility_rate",
        ("region", "year", "fertility_schedule", "birth_order", "age"),
        "year-1",
        "conditional birth rate by order",
        "年龄别孩次递进生育率",
        "Births of order k per woman-year of parity k-1; the last order per woman-year of the "
        "open parity.",
        minimum=0,
    ),
    Variable(
        "fertility_factor",
        ("region", "fertility_path", "scenario", "year", "birth_order", "draw"),
        "1",
        "factor on conditional birth rates",
        "孩次递进生育率系数",
        "Multiplies the conditional birth rate of each order.",
        minimum=0,
    ),
    Variable(
        "survival_ratio",
        ("region", "year", "mortality_level", "sex", "age"),
        "1",
        "survival ratio into the age",
        "存活比",
        "Share of the cohort that survives the year into the age; age 0: from birth; "
        "open age: from the last two ages together.",
        minimum=0,
        maximum=1,
    ),
    Variable(
        "death_rate",
        ("region", "year", "sex", "age"),
        "year-1",
        "death rate",
        "死亡率（mx）",
        "Deaths per person-year at the age, mx.",
        minimum=0,
    ),
    Variable(
        "mortality_weight",
        ("region", "scenario", "year", "draw"),
        "1",
        "place between the survival levels",
        "死亡水平位置",
        "-1 takes the low survival ratios, 0 the central, 1 the high; linear between.",
        minimum=-1,
        maximum=1,
    ),
    Variable(
        "migration_factor",
        ("region", "scenario", "year", "draw"),
        "1",
        "factor on net migration",
        "净迁移系数",
        "Multiplies net migration of every age.",
    ),
    Variable(
        "life_expectancy_at_birth",
        ("region", "scenario", "year", "sex", "draw"),
        "year",
        "life expectancy at birth",
        "出生时平均预期寿命",
        "Life expectancy at birth of the period life table.",
        minimum=0,
        maximum=130,
    ),
    Variable(
        "sex_ratio_at_birth",
        ("region", "year", "birth_order"),
        "men per woman",
        "sex ratio at birth",
        "出生人口性别比",
        "Male births per female birth, by birth order.",
        minimum=0.5,
        maximum=3,
    ),
    Variable(
        "net_migration",
        ("region", "scenario", "year", "sex", "age", "draw"),
        "person",
        "net migrants",
        "净迁移人数",
        "Arrivals less departures during the year, by sex and age.",
        display="10^4 persons",
    ),
    Variable(
        "fertility_innovation",
        ("region",),
        "1",
        "standard deviation of the yearly change of log fertility",
        "对数生育水平年变动标准差",
        "Standard deviation of the random walk of the logarithm of fertility, per year.",
        minimum=0,
    ),
    Variable(
        "migration_innovation",
        ("region",),
        "1",
        "relative standard deviation of yearly net migration",
        "净迁移年度相对标准差",
        "Standard deviation of yearly net migration relative to its expected total.",
        minimum=0,
    ),
    Variable(
        "gdp_per_head",
        ("region",),
        "CNY",
        "gross domestic product per head",
        "人均地区生产总值",
        "Gross domestic product per resident, in prices of the stated year.",
        minimum=0,
    ),
    Variable(
        "childcare_places",
        ("region", "year"),
        "places/1000 residents",
        "childcare places per 1,000 residents",
        "每千人口3岁以下婴幼儿托位数",
        "Places for children under 3 per 1,000 residents, without any new policy.",
        minimum=0,
    ),
)

_FLOWS = (
    Variable(
        "births",
        ("region", "scenario", "year", "draw"),
        "birth",
        "births",
        "出生人数",
        "Live births during the year.",
        minimum=0,
        display="10^4 persons",
    ),
    Variable(
        "births_by_order",
        ("region", "scenario", "year", "birth_order", "draw"),
        "birth",
        "births by order",
        "分孩次出生人数",
        "Live births during the year by birth order.",
        minimum=0,
        display="10^4 persons",
    ),
    Variable(
        "births_by_order_cash_alone",
        ("region", "scenario", "year", "birth_order", "draw"),
        "birth",
        "births by order under the cash instruments alone",
        "仅有现金补贴时的分孩次出生人数",
        "Births with the scenario's cash transfers on and its other instruments off; those of the "
        "reference where it has none.",
        minimum=0,
    ),
    Variable(
        "births_by_age",
        ("region", "scenario", "year", "birth_order", "age", "draw"),
        "birth",
        "births by order and age of mother",
        "分孩次、母亲年龄的出生人数",
        "Live births during the year by birth order and mother's age in completed years.",
        minimum=0,
    ),
    Variable(
        "cohort_deaths",
        ("region", "scenario", "year", "sex", "age", "draw"),
        "death",
        "deaths by cohort",
        "按队列的死亡人数",
        "Deaths of the year by the age that the cohort reaches at its end.",
        minimum=0,
    ),
    Variable(
        "deaths",
        ("region", "scenario", "year", "draw"),
        "death",
        "deaths",
        "死亡人数",
        "Deaths during the year.",
        minimum=0,
        display="10^4 persons",
    ),
    Variable(
        "deaths_by_sex",
        ("region", "scenario", "year", "sex", "draw"),
        "death",
        "deaths by sex",
        "分性别死亡人数",
        "Deaths during the year by sex.",
        minimum=0,
    ),
    Variable(
        "net_migration_by_sex",
        ("region", "scenario", "year", "sex", "draw"),
        "person",
        "net migrants by sex",
        "分性别净迁移人数",
        "Arrivals less departures during the year by sex.",
    ),
    Variable(
        "net_migration_total",
        ("region", "scenario", "year", "draw"),
        "person",
        "net migrants, total",
        "净迁移总人数",
        "Arrivals less departures during the year.",
        display="10^4 persons",
    ),
)


def _ratio(name: str, label: str, label_zh: str, definition: str, on: str = "time") -> Variable:
    dims = ("region", "scenario", on, "draw")
    return Variable(name, dims, "1", label, label_zh, definition, minimum=0, display="%")


_STOCKS = (
    Variable(
        "population_by_age_group",
        ("region", "scenario", "time", "sex", "age_group", "draw"),
        "person",
        "population by age group",
        "分年龄组人口数",
        "Resident population on 1 January by sex and age group.",
        minimum=0,
        display="10^4 persons",
    ),
    Variable(
        "population_total",
        ("region", "scenario", "time", "draw"),
        "person",
        "total population",
        "总人口",
        "Resident population on 1 January, both sexes.",
        minimum=0,
        display="10^4 persons",
    ),
    Variable(
        "outflow_cut",
        ("region", "scenario", "draw"),
        "person",
        "net departures that were cut",
        "被截去的净迁出人数",
        "Persons whom drawn net migration would have taken from cells that did not hold them, over "
        "all years; they stay.",
        minimum=0,
    ),
    Variable(
        "cells_cut",
        ("region", "scenario", "draw"),
        "1",
        "times that net departures were cut",
        "净迁出被截去的次数",
        "Cells by sex, age and year in which net departures were cut to what was there.",
        minimum=0,
    ),
    Variable(
        "women_15_49",
        ("region", "scenario", "time", "draw"),
        "person",
        "women aged 15-49",
        "15—49岁育龄妇女",
        "Women aged 15 to 49 on 1 January.",
        minimum=0,
        display="10^4 persons",
    ),
    Variable(
        "women_20_34",
        ("region", "scenario", "time", "draw"),
        "person",
        "women aged 20-34",
        "20—34岁妇女",
        "Women aged 20 to 34 on 1 January.",
        minimum=0,
        display="10^4 persons",
    ),
    Variable(
        "children_under_3",
        ("region", "scenario", "time", "draw"),
        "person",
        "children under 3",
        "3岁以下婴幼儿",
        "Population aged 0 to 2 on 1 January.",
        minimum=0,
        display="10^4 persons",
    ),
)

_INDICATORS = (
    Variable(
        "mean_age_at_birth_by_order",
        ("region", "scenario", "year", "birth_order", "draw"),
        "year",
        "mean age at birth by order",
        "分孩次平均生育年龄",
        "Mean age of mothers by birth order, rates by age as weights; half a year is added to "
        "completed years.",
        minimum=0,
    ),
    Variable(
        "total_fertility_rate",
        ("region", "scenario", "year", "draw"),
        "births per woman",
        "total fertility rate",
        "总和生育率",
        "Sum over ages of births per woman-year, all orders; exposure is the mean of the women "
        "at the two moments at which births are counted.",
        minimum=0,
        maximum=20,
    ),
    Variable(
        "total_fertility_rate_by_order",
        ("region", "scenario", "year", "birth_order", "draw"),
        "births per woman",
        "total fertility rate by order",
        "分孩次总和生育率",
        "Sum over ages of births of the order per woman-year of all women.",
        minimum=0,
        maximum=20,
    ),
    _ratio(
        "second_child_share",
        "second births, share of all births",
        "二孩出生占比",
        "Births of order 2 over all births.",
        "year",
    ),
    _ratio(
        "third_child_share",
        "third births, share of all births",
        "三孩出生占比",
        "Births of order 3 over all births.",
        "year",
    ),
    _ratio(
        "third_and_higher_share",
        "third and later births, share of all births",
        "三孩及以上出生占比",
        "Births of order 3 and over, over all births.",
        "year",
    ),
    _ratio(
        "second_and_third_child_share",
        "second and third births, share of all births",
        "二孩、三孩出生占比",
        "Births of orders 2 and 3 over all births.",
        "year",
    ),
    _ratio(
        "dependency_ratio_15_59",
        "total dependency ratio, 0-14 and 60+ over 15-59",
        "总抚养比（0—14岁和60岁及以上/15—59岁）",
        "Population aged 0-14 and 60 and over, over population aged 15-59.",
    ),
    _ratio(
        "child_dependency_ratio_15_59",
        "child dependency ratio, 0-14 over 15-59",
        "少儿抚养比（0—14岁/15—59岁）",
        "Population aged 0-14 over population aged 15-59.",
    ),
    _ratio(
        "old_age_dependency_ratio_15_59",
        "old-age dependency ratio, 60+ over 15-59",
        "老年抚养比（60岁及以上/15—59岁）",
        "Population aged 60 and over, over population aged 15-59.",
    ),
    _ratio(
        "dependency_ratio_15_64",
        "total dependency ratio, 0-14 and 65+ over 15-64",
        "总抚养比（0—14岁和65岁及以上/15—64岁）",
        "Population aged 0-14 and 65 and over, over population aged 15-64.",
    ),
    _ratio(
        "child_dependency_ratio_15_64",
        "child dependency ratio, 0-14 over 15-64",
        "少年儿童抚养比（0—14岁/15—64岁）",
        "Population aged 0-14 over population aged 15-64.",
    ),
    _ratio(
        "old_age_dependency_ratio_15_64",
        "old-age dependency ratio, 65+ over 15-64",
        "老年人口抚养比（65岁及以上/15—64岁）",
        "Population aged 65 and over, over population aged 15-64.",
    ),
    _ratio(
        "share_60_and_over",
        "share of population aged 60 and over",
        "60岁及以上人口占比",
        "Population aged 60 and over, over total population.",
    ),
    _ratio(
        "share_65_and_over",
        "share of population aged 65 and over",
        "65岁及以上人口占比",
        "Population aged 65 and over, over total population.",
    ),
    Variable(
        "crude_birth_rate",
        ("region", "scenario", "year", "draw"),
        "year-1",
        "crude birth rate",
        "出生率",
        "Births of the year over the mean of the populations at its start and end.",
        minimum=0,
        maximum=1,
        display="per mille",
    ),
    Variable(
        "crude_death_rate",
        ("region", "scenario", "year", "draw"),
        "year-1",
        "crude death rate",
        "死亡率",
        "Deaths of the year over the mean of the populations at its start and end.",
        minimum=0,
        display="per mille",
    ),
    Variable(
        "natural_increase_rate",
        ("region", "scenario", "year", "draw"),
        "year-1",
        "rate of natural increase",
        "人口自然增长率",
        "Births less deaths of the year over the mean of the populations at its start and end.",
        display="per mille",
    ),
)

_POLICY = (
    Variable(
        "promised_per_birth",
        ("region", "scenario", "year", "birth_order"),
        "CNY",
        "cash promised per birth",
        "每名出生子女的现金承诺额",
        "Value on 1 January of the year of birth of all cash promised to a child born in it, "
        "take-up included, discounted at 4 % a year.",
        minimum=0,
    ),
    Variable(
        "cash_announced",
        ("scenario",),
        "calendar year",
        "year of the first announcement of cash",
        "现金补贴首次公布年份",
        "Calendar year in which the first cash transfer of the scenario was announced.",
    ),
    Variable(
        "payments",
        ("region", "scenario", "policy", "year", "draw"),
        "CNY",
        "cash paid",
        "现金支出",
        "Cash paid during the year, nominal, to children born since the first year, with births as "
        "under the cash instruments alone.",
        minimum=0,
        display="10^4 CNY",
    ),
    Variable(
        "first_year",
        ("scenario", "window"),
        "calendar year",
        "first year of birth counted",
        "统计的首个出生年份",
        "First calendar year whose births are counted.",
    ),
    Variable(
        "last_year",
        ("scenario", "window"),
        "calendar year",
        "last year of birth counted",
        "统计的末个出生年份",
        "Last calendar year whose births are counted.",
    ),
    Variable(
        "cash_cost",
        ("region", "scenario", "window"),
        "CNY",
        "cost of the cash instruments",
        "现金补贴成本",
        "Mean over draws of the value of all cash promised to the births of the window, less the "
        "reference's, discounted at 4 % a year to its start.",
        display="10^4 CNY",
    ),
    Variable(
        "additional_births",
        ("region", "scenario", "window"),
        "birth",
        "additional births",
        "新增出生人数",
        "Mean over draws of births of the window less those of the reference.",
    ),
    Variable(
        "cost_per_additional_birth",
        ("region", "scenario", "window"),
        "CNY/birth",
        "cost per additional birth",
        "每新增一名出生的成本",
        "Mean cost over mean additional births.",
    ),
    Variable(
        "cost_per_additional_birth_quantile",
        ("quantile", "region", "scenario", "window"),
        "CNY/birth",
        "cost per additional birth, quantiles",
        "每新增一名出生的成本（分位数）",
        "Quantiles over draws; a draw without additional births counts as infinite.",
    ),
    Variable(
        "cost_per_additional_birth_discounted",
        ("region", "scenario", "window"),
        "CNY/birth",
        "cost per additional birth, births discounted",
        "每新增一名出生的成本（出生人数贴现）",
        "As the cost per additional birth, births discounted at 4 % a year like the money.",
    ),
    Variable(
        "chance_of_no_gain",
        ("region", "scenario", "window"),
        "1",
        "chance of no additional births",
        "无新增出生的概率",
        "Share of draws without additional births in the window.",
        minimum=0,
        maximum=1,
        display="%",
    ),
    Variable(
        "deadweight_share",
        ("region", "scenario", "window"),
        "1",
        "deadweight, share of the cost",
        "无谓支出占比",
        "Share of the cost that is paid for births that would have happened anyway.",
        display="%",
    ),
    Variable(
        "chance_of_no_effect",
        ("region", "scenario", "channel", "year", "birth_order"),
        "1",
        "chance of no effect",
        "无效应概率",
        "Share of draws in which the policy does not raise the birth rate.",
        minimum=0,
        maximum=1,
        display="%",
    ),
    Variable(
        "chance_of_negligible_effect",
        ("region", "scenario", "channel", "year", "birth_order"),
        "1",
        "chance of a negligible effect",
        "效应可忽略的概率",
        "Share of draws in which the policy raises the birth rate by less than 0.5 %.",
        minimum=0,
        maximum=1,
        display="%",
    ),
)

VARIABLES: dict[str, Variable] = {
    variable.name: variable for variable in (*_BASELINE, *_FLOWS, *_STOCKS, *_INDICATORS, *_POLICY)
}
