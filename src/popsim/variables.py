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
        Dimension("budget", "budget", "预算", "greatest sum of money, CNY"),
        Dimension("lever", "lever", "政策力度", "dotted key of what may be moved in a scenario"),
        Dimension("input", "uncertain input", "不确定因素", "parameter or course that is drawn"),
        Dimension(
            "source", "source of uncertainty", "不确定性来源", "response, demography, chance"
        ),
        Dimension("census", "census", "普查年份", "year of the census, reference 1 November"),
        Dimension("window", "years of birth counted", "统计窗口", "period (5 years), lasting (30)"),
        Dimension("channel", "channel of the response", "响应渠道", "cash, childcare, package"),
        Dimension("origin", "region left", "迁出地", "GB/T 2260 code as text"),
        Dimension("destination", "region entered", "迁入地", "GB/T 2260 code as text"),
        Dimension("direction", "direction of migration", "迁移方向", "in, out"),
        Dimension("half_year", "half of the year", "半年", "1, 2"),
        Dimension("account", "account compared", "核对项目", "flows and stocks of the accounts"),
        Dimension("payer", "payer", "出资方", "centre, province, city, county, …, unstated"),
        Dimension("policy", "policy instrument", "政策工具", "key of the instrument in its file"),
        Dimension(
            "component",
            "part of a change",
            "变动的组成部分",
            "women, age_structure, parity_structure, rates (or rates_1, rates_2 … by birth order)",
        ),
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
        ("region", "scenario", "year", "birth_order", "draw"),
        "men per woman",
        "sex ratio at birth",
        "出生人口性别比",
        "Male births per female birth; by birth order as an input, of all births as an indicator.",
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
    # A share is part of a whole; a ratio may be more than 1.
    most = 1.0 if name.endswith("_share") else float("inf")
    return Variable(
        name, dims, "1", label, label_zh, definition, minimum=0, maximum=most, display="%"
    )


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
        "Value on 1 January of the year of birth of what the instruments that act through money "
        "alone promise to a child born in it, take-up included, discounted at 4 % a year.",
        minimum=0,
    ),
    Variable(
        "promised_per_birth_package",
        ("region", "scenario", "year", "birth_order"),
        "CNY",
        "money promised per birth, all instruments",
        "每名出生子女的承诺额（全部措施）",
        "As promised_per_birth, of all instruments that spend money per child.",
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
        "money paid",
        "资金支出",
        "Money paid during the year by instrument, not discounted, with the births and childcare "
        "places of the whole package; to children born since the first year.",
        minimum=0,
        display="10^4 CNY",
    ),
    Variable(
        "payments_anyway",
        ("region", "scenario", "policy", "year", "draw"),
        "CNY",
        "money paid for what would have happened anyway (deadweight)",
        "无政策也会发生的支出",
        "Part of the payments for births and places of the reference.",
        minimum=0,
        display="10^4 CNY",
    ),
    Variable(
        "first_year",
        ("region", "scenario", "window"),
        "calendar year",
        "first year of birth counted",
        "统计的首个出生年份",
        "First calendar year whose births are counted.",
    ),
    Variable(
        "last_year",
        ("region", "scenario", "window"),
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
        "无政策也会发生的支出占比",
        "Share of the cost that is paid for births that would have happened anyway.",
        display="%",
    ),
    Variable(
        "payer_share",
        ("scenario", "policy", "payer"),
        "1",
        "share of the payer",
        "各级分担比例",
        "Share of the money of an instrument that each payer bears.",
        minimum=0,
        maximum=1,
        display="%",
    ),
    Variable(
        "service_payments",
        ("region", "scenario", "year", "draw"),
        "CNY",
        "money paid for places, care and other measures",
        "托育服务及其他措施支出",
        "Construction grants, operating subsidies, fees taken over and other measures of the year.",
        minimum=0,
        display="10^4 CNY",
    ),
    Variable(
        "service_payments_anyway",
        ("region", "scenario", "year", "draw"),
        "CNY",
        "money paid for childcare places that come anyway",
        "对本来就有的托位的支出",
        "Part of the money for childcare places paid for those of the reference.",
        minimum=0,
        display="10^4 CNY",
    ),
    Variable(
        "package_announced",
        ("scenario",),
        "calendar year",
        "year of the first announcement",
        "政策首次公布年份",
        "Calendar year in which the first instrument of the scenario was announced.",
    ),
    Variable(
        "package_cost",
        ("region", "scenario", "window"),
        "CNY",
        "cost of all instruments",
        "全部措施成本",
        "Mean over draws of the value of all money promised to the births of the window and paid "
        "for childcare places in it, less the reference's, discounted at 4 % a year to its start.",
        display="10^4 CNY",
    ),
    Variable(
        "childcare_places_total",
        ("region", "scenario", "year"),
        "place",
        "childcare places, number",
        "托位数",
        "Places for children under 3, the mean over draws.",
        minimum=0,
    ),
    Variable(
        "construction_payments",
        ("region", "scenario", "year"),
        "CNY",
        "grants for places built",
        "托位建设补助",
        "Grants of all instruments for places built in the year, the mean over draws.",
        minimum=0,
        display="10^4 CNY",
    ),
    Variable(
        "childcare_places_built",
        ("region", "scenario", "year"),
        "place",
        "childcare places to build",
        "新增托位数",
        "Places of the year above the most of all years before, the mean over draws.",
        minimum=0,
    ),
    Variable(
        "children_in_care",
        ("region", "scenario", "year"),
        "person",
        "children under 3 in childcare",
        "在托婴幼儿数",
        "Childcare places in use, the mean over draws.",
        minimum=0,
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

_ALL = ("region", "scenario", "year", "draw")
_BY_ORDER = ("region", "scenario", "year", "birth_order", "draw")

#: Indicators beyond those of every run; most need a projection that keeps every age.
_FURTHER_INDICATORS = (
    Variable(
        "births_by_sex",
        ("region", "scenario", "year", "sex", "draw"),
        "birth",
        "births by sex",
        "分性别出生人数",
        "Live births during the year by sex of the child.",
        minimum=0,
    ),
    _ratio(
        "first_child_share",
        "first births, share of all births",
        "一孩出生占比",
        "Births of order 1 over all births.",
        "year",
    ),
    Variable(
        "mean_age_at_birth",
        _ALL,
        "year",
        "mean age at birth",
        "平均生育年龄",
        "Mean age of mothers over all birth orders, rates by age as weights. It moves with the mix "
        "of orders too: take the mean ages by order for timing.",
        minimum=0,
    ),
    Variable(
        "general_fertility_rate",
        _ALL,
        "year-1",
        "general fertility rate",
        "一般生育率",
        "Births of the year over the mean of the women aged 15-49 at its start and end.",
        minimum=0,
        display="per mille",
    ),
    Variable(
        "incidence_fertility_rate",
        ("region", "scenario", "year", "birth_order", "age", "draw"),
        "year-1",
        "birth rate by order and age",
        "年龄别孩次生育率",
        "Births of the order per woman-year of all women of the age; the sum over ages is the "
        "total fertility rate of the order.",
        minimum=0,
        display="per mille",
    ),
    Variable(
        "progression_fertility_rate",
        ("region", "scenario", "year", "birth_order", "age", "draw"),
        "year-1",
        "conditional birth rate by order and age",
        "年龄别孩次递进生育率",
        "Births of order k per woman-year of parity k-1, read back from the projection; not a "
        "number where no woman of the age has that parity.",
        minimum=0,
    ),
    Variable(
        "parity_progression_ratio",
        _BY_ORDER,
        "1",
        "period parity progression ratio",
        "时期孩次递进比",
        "Share of those who reach the parity below who go on to the order, in the period fertility "
        "table of the year; for the open order births per mother of the order below.",
        minimum=0,
        display="%",
    ),
    Variable(
        "parity_adjusted_total_fertility_rate",
        _ALL,
        "births per woman",
        "age- and parity-adjusted total fertility rate (PATFR)",
        "递进总和生育率",
        "Births per woman of a cohort that passes childless at first through the conditional rates "
        "of the year; sum of all orders.",
        minimum=0,
    ),
    Variable(
        "parity_adjusted_total_fertility_rate_by_order",
        _BY_ORDER,
        "births per woman",
        "age- and parity-adjusted total fertility rate by order",
        "分孩次递进总和生育率",
        "Births of the order per woman of a cohort that passes childless at first through the "
        "conditional rates of the year, hazards constant within a year of age.",
        minimum=0,
    ),
    Variable(
        "tempo_adjusted_total_fertility_rate",
        _ALL,
        "births per woman",
        "tempo-adjusted total fertility rate (Bongaarts-Feeney)",
        "去进度效应总和生育率",
        "Sum over orders of the total fertility rate of the order over 1 - r, r the change of its "
        "mean age at birth in years a year. Not a number where r of an order is beyond 0.5. In the "
        "first and last year r is a one-sided difference: see tempo_edge.",
        minimum=0,
    ),
    Variable(
        "tempo_adjusted_total_fertility_rate_by_order",
        _BY_ORDER,
        "births per woman",
        "tempo-adjusted total fertility rate by order",
        "分孩次去进度效应总和生育率",
        "Total fertility rate of the order over 1 - r, r = [MAB(t+1) - MAB(t-1)] / 2, MAB the mean "
        "age at birth of the order. Not a number where r is beyond 0.5.",
        minimum=0,
    ),
    Variable(
        "tempo_edge",
        ("year",),
        "1",
        "year at the edge of the tempo adjustment",
        "进度调整的边界年份",
        "1 in the first and last year, where the change of the mean age leans on one side only.",
        minimum=0,
        maximum=1,
    ),
    Variable(
        "net_reproduction_rate",
        _ALL,
        "1",
        "net reproduction rate",
        "净再生产率",
        "Daughters per woman under the rates and the life table of the year, sum of L(x) m(x).",
        minimum=0,
    ),
    Variable(
        "intrinsic_growth_rate",
        _ALL,
        "year-1",
        "intrinsic rate of growth",
        "内在增长率",
        "Growth rate r of the stable population of the year's rates without migration: sum of "
        "exp(-r (x + 1/2)) L(x) m(x) is 1. Not a number without births.",
        display="per mille",
    ),
    Variable(
        "population_momentum",
        _ALL,
        "1",
        "momentum of the number of women",
        "人口惯性",
        "Women in the end over women on 1 January of the year, if births went at once to "
        "replacement at the year's age pattern and mortality, without migration.",
        minimum=0,
    ),
    Variable(
        "children_under_3_by_order",
        ("region", "scenario", "time", "birth_order", "draw"),
        "person",
        "children under 3 by birth order",
        "分孩次3岁以下婴幼儿",
        "Population aged 0 to 2 on 1 January by birth order: at each age in the shares of the "
        "births of its year. Not a number where the births of a year are not known by order.",
        minimum=0,
        display="10^4 persons",
    ),
    Variable(
        "children_under_18",
        ("region", "scenario", "time", "draw"),
        "person",
        "children under 18",
        "18岁以下儿童",
        "Population aged 0 to 17 on 1 January.",
        minimum=0,
        display="10^4 persons",
    ),
    Variable(
        "children_under_18_by_order",
        ("region", "scenario", "time", "birth_order", "draw"),
        "person",
        "children under 18 by birth order",
        "分孩次18岁以下儿童",
        "Population aged 0 to 17 on 1 January by birth order: at each age in the shares of the "
        "births of its year. Not a number where the births of a year are not known by order.",
        minimum=0,
        display="10^4 persons",
    ),
    _ratio(
        "child_woman_ratio",
        "child-woman ratio",
        "妇孺比",
        "Population aged 0-4 over women aged 15-49.",
    ),
    Variable(
        "sex_ratio",
        ("region", "scenario", "time", "draw"),
        "men per woman",
        "sex ratio of the population",
        "人口性别比",
        "Men per woman on 1 January, all ages.",
        minimum=0,
    ),
    _ratio(
        "share_80_and_over",
        "share of population aged 80 and over",
        "80岁及以上人口占比",
        "Population aged 80 and over, over total population.",
    ),
    _ratio(
        "ageing_index",
        "ageing index, 65+ over 0-14",
        "老少比（65岁及以上/0—14岁）",
        "Population aged 65 and over, over population aged 0-14.",
    ),
    Variable(
        "potential_support_ratio",
        ("region", "scenario", "time", "draw"),
        "1",
        "potential support ratio, 15-64 over 65+",
        "潜在支持比（15—64岁/65岁及以上）",
        "Population aged 15-64 per person aged 65 and over.",
        minimum=0,
    ),
    Variable(
        "median_age",
        ("region", "scenario", "time", "draw"),
        "year",
        "median age",
        "年龄中位数",
        "Age that half of the population has not reached on 1 January, linear inside the single "
        "year of age that holds it. Five-year groups, as the United Nations uses, give a little "
        "less or more.",
        minimum=0,
    ),
    Variable(
        "prospective_old_age_threshold",
        ("region", "scenario", "year", "sex", "draw"),
        "year",
        "age with 15 years of life left",
        "剩余预期寿命为15年的年龄",
        "Age at which the life table of the year has a remaining life expectancy of 15 years, "
        "linear between single years.",
        minimum=0,
    ),
    _ratio(
        "prospective_old_age_dependency_ratio",
        "prospective old-age dependency ratio",
        "前瞻老年抚养比",
        "Mean population of the year above the age with 15 years of life left, over that from 20 "
        "to this age; the age is that of each sex.",
        "year",
    ),
)

#: Change of births by cause, see :mod:`popsim.demography.births_decomposition`.
_DECOMPOSITION = (
    Variable(
        "change_in_births_by_order",
        ("region", "scenario", "year", "component", "birth_order", "draw"),
        "birth",
        "part of the change in births by order",
        "对分孩次出生人数变动的贡献",
        "Part of the change in the births of an order that a component makes; the parts add up to "
        "the change.",
    ),
    Variable(
        "change_in_births",
        ("region", "scenario", "year", "component", "draw"),
        "birth",
        "part of the change in births",
        "对出生人数变动的贡献",
        "Part of the change in all births that a component makes; the sum over orders.",
    ),
    Variable(
        "change_in_share_of_births",
        ("region", "scenario", "year", "component", "birth_order", "draw"),
        "1",
        "part of the change in share of births",
        "对孩次占比变动的贡献",
        "Part of the change in the share of an order in all births that a component makes.",
        display="%",
    ),
    Variable(
        "births_by_order_from",
        _BY_ORDER,
        "birth",
        "births by order, where the comparison starts",
        "比较起点的分孩次出生人数",
        "Births by order of the year or scenario that is compared with.",
        minimum=0,
    ),
    Variable(
        "births_by_order_to",
        _BY_ORDER,
        "birth",
        "births by order, where the comparison ends",
        "比较终点的分孩次出生人数",
        "Births by order of the year or scenario that is compared.",
        minimum=0,
    ),
)

_UNCERTAINTY = (
    Variable(
        "fertility_weight",
        ("region", "scenario", "year", "draw"),
        "1",
        "weight of the late schedule",
        "晚育模式权重",
        "0 takes the early schedule of conditional birth rates, 1 the late one; linear between.",
        minimum=0,
        maximum=1,
    ),
    Variable(
        "timing_reach",
        ("region",),
        "year",
        "reach of the early and the late schedule",
        "早育、晚育模式的年龄幅度",
        "Years by which the mean age of the rates of every order lies below the central one in the "
        "early schedule and above it in the late one.",
        minimum=0,
    ),
)

_TABLES = (
    Variable(
        "mid_year_population",
        ("region", "year", "sex", "age"),
        "person",
        "mid-year population",
        "年中人口数",
        "Population on 1 July of the year, by sex and age in completed years.",
        minimum=0,
        display="10^4 persons",
    ),
    Variable(
        "person_years",
        ("region", "year", "sex", "age"),
        "person",
        "person-years of exposure",
        "暴露人年数",
        "Person-years lived during the year at the age, the denominator of its rates.",
        minimum=0,
    ),
    Variable(
        "deaths_by_age",
        ("region", "scenario", "year", "sex", "age", "draw"),
        "death",
        "deaths by sex and age",
        "分性别年龄死亡人数",
        "Deaths during the year by sex and age in completed years at death.",
        minimum=0,
    ),
)

_TWO_CENSUSES = (
    Variable(
        "census_population",
        ("region", "census", "sex", "age_group"),
        "person",
        "population counted by the census",
        "普查登记人口数",
        "Resident population as counted on the day of the census, by sex and age group.",
        minimum=0,
        display="10^4 persons",
    ),
    Variable(
        "census_deaths",
        ("region", "census", "sex", "age_group"),
        "death",
        "deaths reported to the census",
        "普查登记死亡人数",
        "Deaths of the twelve months before the census as reported to it, unadjusted.",
        minimum=0,
    ),
    Variable(
        "standard_person_years",
        ("census", "sex", "age"),
        "person",
        "mean population of the census year, nation",
        "全国普查年度平均人口",
        "Mean population of the twelve months before the census by single age, the standard by "
        "which groups of the regions are graduated.",
        minimum=0,
    ),
    Variable(
        "standard_deaths",
        ("census", "sex", "age"),
        "death",
        "deaths reported to the census, nation",
        "全国普查登记死亡人数",
        "Deaths of the twelve months before the census by single age, unadjusted.",
        minimum=0,
    ),
    Variable(
        "sample_births",
        ("region", "sex", "birth_order"),
        "birth",
        "births of the long form",
        "长表调查出生人数",
        "Births of the twelve months before the later census in the long-form sample, by sex of "
        "the child and birth order; the sampling fraction is not exact.",
        minimum=0,
    ),
    Variable(
        "sample_births_by_age",
        ("birth_order", "age"),
        "birth",
        "births of the long form by age of mother, nation",
        "全国长表调查分孩次、母亲年龄的出生人数",
        "Births of the twelve months before the later census in the nation's long-form sample, by "
        "birth order and mother's age.",
        minimum=0,
    ),
    Variable(
        "census_correction",
        ("region", "sex", "age_group"),
        "1",
        "factor on the later census",
        "后一次普查人口的修正系数",
        "Factor on the counts of the later census that takes the nation's errors of coverage out.",
        minimum=0,
    ),
    Variable(
        "death_registration",
        ("sex", "age"),
        "1",
        "factor on census death rates",
        "普查死亡率的修正系数",
        "Factor on death rates by which the nation's cohorts of 60 and over lose what they lost "
        "between the two censuses; held below those ages.",
        minimum=0,
    ),
    Variable(
        "net_migration_between_censuses",
        ("region", "sex", "age_group"),
        "person",
        "net migrants between the censuses",
        "两次普查之间的净迁移人数",
        "What deaths and errors of coverage leave unexplained in a cohort between the two "
        "censuses, by age at the later one; from 70 on mostly differences in the registration of "
        "deaths.",
        display="10^4 persons",
    ),
)

_LOOKING_BACK = tuple(
    Variable(
        f"population_{name}",
        ("region", "sex", "age_group"),
        "person",
        long_name,
        long_name_zh,
        definition,
        minimum=0,
        display="10^4 persons",
    )
    for name, long_name, long_name_zh, definition in (
        (
            "projected",
            "projected population",
            "预测人口数",
            "Population on the day of a census, projected from the two censuses before it.",
        ),
        (
            "lower",
            "lower bound of the 80 % interval",
            "80%区间下限",
            "Lower bound of the 80 % interval of the projected population.",
        ),
        (
            "upper",
            "upper bound of the 80 % interval",
            "80%区间上限",
            "Upper bound of the 80 % interval of the projected population.",
        ),
        (
            "hamilton_perry",
            "population by cohort change ratios (Hamilton-Perry)",
            "队列变化率法（Hamilton–Perry）预测人口数",
            "Population on the day of a census by the ratios with which cohorts changed between "
            "the two censuses before it.",
        ),
        (
            "counted",
            "counted population",
            "普查登记人口数",
            "Population as counted by the census that the projection is compared with.",
        ),
    )
)

# Regions tied together.
_BETWEEN_REGIONS = (
    Variable(
        "out_migration_rate",
        ("region", "year", "sex", "age"),
        "year-1",
        "rate of out-migration",
        "迁出率",
        "Departures to other regions during the year per person of 1 January.",
        minimum=0,
    ),
    Variable(
        "destination_share",
        ("region", "year", "sex", "age"),
        "1",
        "share of the migrant pool received",
        "迁移池分配比例",
        "Share of all who leave a region of the pool that arrives in this one.",
        minimum=0,
        maximum=1,
        display="%",
    ),
    *(
        Variable(
            name,
            ("region", "scenario", "year", "sex", *(("age",) if by_age else ()), "draw"),
            "person",
            en + (" by sex and age" if by_age else " by sex"),
            zh + ("（分性别、年龄）" if by_age else "（分性别）"),
            definition,
            minimum=0,
            display="10^4 persons",
        )
        for name, by_age, en, zh, definition in (
            (
                "internal_arrivals",
                True,
                "arrivals from other regions",
                "区域间迁入人数",
                "People who arrive during the year from other regions of the projection.",
            ),
            (
                "internal_arrivals_by_sex",
                False,
                "arrivals from other regions",
                "区域间迁入人数",
                "People who arrive during the year from other regions of the projection.",
            ),
            (
                "internal_departures",
                True,
                "departures to other regions",
                "区域间迁出人数",
                "People who leave during the year for other regions of the projection.",
            ),
            (
                "internal_departures_by_sex",
                False,
                "departures to other regions",
                "区域间迁出人数",
                "People who leave during the year for other regions of the projection.",
            ),
        )
    ),
    Variable(
        "origin_destination_flow",
        ("origin", "destination", "scenario", "year", "sex", "draw"),
        "person",
        "migrants by region left and entered",
        "分迁出地、迁入地的迁移人数",
        "People who move during the year from one region of the projection to another.",
        minimum=0,
    ),
    Variable(
        "births_raking_factor",
        ("scenario", "year", "half_year", "birth_order", "age", "draw"),
        "1",
        "raking factor of births",
        "出生人数控制系数",
        "Multiplies, in every region, the chance of a birth in the half-year (at most to 1), so "
        "that the regions add up to the parent.",
        minimum=0,
    ),
    Variable(
        "girls_raking_factor",
        ("scenario", "year", "draw"),
        "1",
        "raking factor of girls",
        "女婴比例控制系数",
        "Multiplies, in every region, the share of girls among births.",
        minimum=0,
    ),
    Variable(
        "deaths_raking_factor",
        ("scenario", "year", "sex", "age", "draw"),
        "1",
        "raking factor of deaths",
        "死亡人数控制系数",
        "Multiplies, in every region, the chance of dying on the way to the age (at most to 1).",
        minimum=0,
    ),
    Variable(
        "migration_raking_factor",
        ("scenario", "year", "direction", "sex", "age", "draw"),
        "1",
        "raking factor of net migrants",
        "净迁移人数控制系数",
        "Multiplies positive (in) and negative (out) net migration of every region.",
        minimum=0,
    ),
    Variable(
        "migration_raking_rate",
        ("scenario", "year", "sex", "age", "draw"),
        "year-1",
        "net migrants added by raking",
        "净迁移控制附加率",
        "Net migrants added in every region per resident of 1 January.",
    ),
    Variable(
        "parity_raking_factor",
        ("scenario", "year", "half_year", "parity", "age", "draw"),
        "1",
        "raking factor of shares by parity",
        "已生育子女数结构控制系数",
        "Multiplies, in every region, the shares of women by parity, which are then made to add "
        "up to 1; at the two moments of the year after deaths or migration.",
        minimum=0,
    ),
    Variable(
        "control_residual",
        ("scenario", "account", "year", "draw"),
        "person",
        "largest miss of the parent",
        "与上级总量的最大偏差",
        "Largest difference, over all cells of the account, between the sum of the regions and "
        "the parent; population and women by parity at the end of the year.",
        minimum=0,
    ),
    Variable(
        "base_adjustment",
        ("region", "sex", "age"),
        "person",
        "adjustment of the base population",
        "基期人口调整量",
        "What was added to the base population, so that the regions add up to the parent.",
    ),
)

_ALLOCATION = (
    Variable(
        "births_gained",
        ("budget", "region", "draw"),
        "birth",
        "additional births for a budget",
        "预算内新增出生人数",
        "Births of the window at the best levels that the budget allows, less the reference's.",
    ),
    Variable(
        "money_promised",
        ("budget", "region", "draw"),
        "CNY",
        "money of all instruments",
        "全部措施资金",
        "Value of all money promised to the births of the window, and spent on places, care and "
        "measures in it, at the best levels, discounted at 4 % a year to its start.",
        minimum=0,
        display="10^4 CNY",
    ),
    Variable(
        "lever_position",
        ("budget", "region", "lever"),
        "1",
        "position of the lever within its bounds",
        "政策力度在上下限之间的位置",
        "0 at the lowest level allowed, 1 at the highest.",
        minimum=0,
        maximum=1,
    ),
)

_BILL = (
    *(
        Variable(
            name,
            ("region", "scenario", "policy", "payer", "year"),
            "CNY",
            long_name,
            long_name_zh,
            definition,
            minimum=0,
            display="10^4 CNY",
        )
        for name, long_name, long_name_zh, definition in (
            (
                "bill",
                "bill",
                "资金支出",
                "Mean over draws of what a payer spends on an instrument.",
            ),
            (
                "bill_discounted",
                "bill, discounted",
                "资金支出现值",
                "The bill at 4 % a year to 1 January of the year in the attribute discounted_to.",
            ),
            (
                "bill_anyway",
                "bill for what would have happened anyway (deadweight)",
                "无政策也会发生的支出",
                "Part of the bill for births and places of the reference.",
            ),
        )
    ),
    Variable(
        "bill_quantile",
        ("quantile", "region", "scenario", "payer", "year"),
        "CNY",
        "bill of a payer, quantiles",
        "各出资方支出分位数",
        "Quantiles over draws of what a payer spends on all instruments.",
        minimum=0,
        display="10^4 CNY",
    ),
    Variable(
        "bill_total_quantile",
        ("quantile", "region", "scenario", "year"),
        "CNY",
        "bill of all payers, quantiles",
        "支出合计分位数",
        "Quantiles over draws of what all payers spend on all instruments.",
        minimum=0,
        display="10^4 CNY",
    ),
    Variable(
        "budget_share",
        ("region", "scenario", "year"),
        "1",
        "share of the public budget",
        "占财政预算比重",
        "The bill of all payers over the public budget of the year.",
        minimum=0,
        display="%",
    ),
)


_ATTRIBUTION = tuple(
    Variable(
        name,
        ("region", "policy", "birth_order", "draw"),
        "birth",
        long_name,
        long_name_zh,
        definition,
    )
    for name, long_name, long_name_zh, definition in (
        (
            "attributed_births",
            "additional births by instrument",
            "各政策工具新增出生人数",
            "Shapley value of the instrument in the additional births of the window.",
        ),
        (
            "attributed_quantum_births",
            "lasting additional births by instrument (quantum)",
            "各政策工具新增出生人数：数量效应",
            "Shapley value in the additional births of a projection with the lasting part of the "
            "response alone.",
        ),
        (
            "attributed_tempo_births",
            "births brought forward by instrument (tempo)",
            "各政策工具新增出生人数：进度效应",
            "Additional births less the lasting ones: births brought forward, less those missing "
            "later in the window.",
        ),
        (
            "package_births",
            "additional births of the package",
            "一揽子政策新增出生人数",
            "Births of the window with all instruments less those of the reference.",
        ),
        (
            "attributed_births_standard_error",
            "standard error of sampling orders of joining",
            "抽样标准误",
            "Standard error of the mean over draws of the additional births by instrument, all "
            "orders together, from sampled orders of joining; 0 when all sets were run.",
        ),
    )
)

_SENSITIVITY = tuple(
    Variable(
        f"{kind}_index{of}{part}",
        ("source" if of else "input",),
        "1",
        f"{long_name} index{' of a source' if of else ''}{', quantile' if part else ''}",
        f"{long_name_zh}{'（按来源）' if of else ''}{'分位数' if part else ''}",
        definition + (" Quantile over bootstrap samples." if part else ""),
    )
    for kind, long_name, long_name_zh, definition in (
        (
            "first_order",
            "first-order Sobol",
            "一阶索博尔指数",
            "Share of the variance of the outcome that goes when the input is known.",
        ),
        (
            "total",
            "total Sobol",
            "总效应索博尔指数",
            "Share of the variance that remains when everything but the input is known.",
        ),
    )
    for of in ("", "_of_source")
    for part in ("", "_quantile")
)


def _by_name(rows: tuple[Variable, ...]) -> dict[str, Variable]:
    """Return rows by name; a name that stands twice would hide the first."""
    by_name = {row.name: row for row in rows}
    if len(by_name) < len(rows):
        twice = sorted(
            {row.name for row in rows if rows.count(row) > 1 or by_name[row.name] != row}
        )
        raise ValueError(f"variables stand twice in the registry: {', '.join(twice)}")
    return by_name


VARIABLES: dict[str, Variable] = _by_name(
    (
        *_BASELINE,
        *_FLOWS,
        *_STOCKS,
        *_INDICATORS,
        *_FURTHER_INDICATORS,
        *_DECOMPOSITION,
        *_POLICY,
        *_UNCERTAINTY,
        *_BETWEEN_REGIONS,
        *_TWO_CENSUSES,
        *_LOOKING_BACK,
        *_TABLES,
        *_BILL,
        *_ATTRIBUTION,
        *_ALLOCATION,
        *_SENSITIVITY,
    )
)
