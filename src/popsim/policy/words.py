"""What the keys of policy files are called and mean: for editors, reference pages and diffs.

A class of one's own says the same beside its fields: ``Field(description="...",
json_schema_extra={"label": {"en": "...", "zh": "..."}})``.
"""

from __future__ import annotations

import re

from pydantic import BaseModel
from pydantic.fields import FieldInfo

__all__ = ["key_label", "kind_label", "meaning", "text_of"]

#: Names of kinds of instrument, English and Chinese.
KINDS: dict[str, tuple[str, str]] = {
    "cash_transfer": ("cash transfer", "现金补助"),
    "childcare_capacity": ("childcare places", "托位建设"),
    "childcare_construction": ("childcare construction grant", "托位建设补助"),
    "childcare_fee": ("childcare fee relief", "托育费用减免"),
    "childcare_operation": ("childcare operating subsidy", "托育运营补助"),
    "housing_fund": ("housing provident fund", "住房公积金"),
    "housing_grant": ("housing grant", "购房补贴"),
    "insurance_benefit": ("insurance benefit", "保险待遇"),
    "marriage_bonus": ("marriage bonus", "婚姻奖励"),
    "measure": ("other measure", "其他措施"),
    "paid_leave": ("paid leave", "带薪假期"),
    "rental_housing": ("rental housing", "租赁住房"),
    "tax_deduction": ("tax deduction", "个税专项附加扣除"),
}

#: Names of keys, English and Chinese.
LABELS: dict[str, tuple[str, str]] = {
    "after": ("after", "实施后"),
    "amount": ("amount", "金额"),
    "announced": ("day of announcement", "公布日期"),
    "assumed_effect": ("assumed effect", "假定效果"),
    "before": ("before", "实施前"),
    "benefit": ("benefit", "待遇"),
    "between": ("between", "之间"),
    "birth_orders": ("birth orders", "孩次"),
    "births": ("births entitled", "适用出生日期"),
    "bride_age_max": ("age of the bride at most", "女方最高年龄"),
    "cap": ("most that one child gets", "每孩上限"),
    "cash": ("cash", "现金"),
    "ceiling": ("ceiling", "限额"),
    "channels": ("channels", "渠道"),
    "child_age": ("age of the child", "子女年龄"),
    "child_cost": ("cost of a child", "养育成本"),
    "childcare": ("childcare", "托育"),
    "children": ("children concerned", "适用儿童比例"),
    "class_mix": ("mix of class types", "班型构成"),
    "clause": ("clause", "条款"),
    "conception_lag": ("from conception to birth", "受孕至出生"),
    "construction_subsidy": ("construction grant", "建设补助"),
    "covered": ("share covered", "覆盖率"),
    "cut": ("cut of the fee", "减免金额"),
    "dated": ("date of the document", "发文日期"),
    "days": ("days", "天数"),
    "decision_lag": ("time to decide", "决策时滞"),
    "deduction": ("deduction", "扣除额"),
    "dist": ("distribution", "分布"),
    "dose_of": ("measure of the dose", "剂量基准"),
    "dual": ("ceiling for two contributors", "双缴存人额度"),
    "dual_share": ("couples with two contributors", "双缴存家庭比例"),
    "effect": ("effect", "效果"),
    "en": ("English", "英文"),
    "ends_announced": ("announcement of the end", "终止公布日期"),
    "evidence": ("evidence", "证据"),
    "exponent": ("exponent", "指数"),
    "extends": ("extends", "沿用"),
    "from": ("from", "起"),
    "fund_rate": ("rate of the fund", "公积金利率"),
    "gdp_per_head": ("GDP per head", "人均GDP"),
    "high": ("high", "上限"),
    "household_income": ("household income", "家庭收入"),
    "housing": ("housing", "住房"),
    "id": ("name of the file", "文件名"),
    "inclusive": ("inclusive places", "普惠托位"),
    "inclusive_fee": ("inclusive fee", "普惠收费"),
    "increase": ("increase", "上浮幅度"),
    "instead_of": ("days due before", "原有天数"),
    "intention_discount": ("discount of intentions", "意愿折扣"),
    "interactions": ("interactions", "交互作用"),
    "issuer": ("issuer", "发文机关"),
    "judgement": ("judgement", "判断"),
    "kind": ("kind", "类型"),
    "label": ("label", "名称"),
    "lasting": ("share that lasts", "持久比例"),
    "leave": ("leave", "假期"),
    "liquidity_value": ("worth of earlier savings", "提前支取价值"),
    "loan_ceiling": ("loan ceiling", "贷款额度"),
    "low": ("low", "下限"),
    "map": ("map", "映射"),
    "marginal_rates": ("marginal tax rates", "边际税率"),
    "market_fee": ("market fee", "市场收费"),
    "market_rate": ("market rate", "市场利率"),
    "market_rent": ("market rent", "市场租金"),
    "marriage": ("marriage", "婚姻"),
    "marriages": ("marriages entitled", "适用结婚日期"),
    "marriages_per_first_birth": ("marriages per first birth", "每例一孩出生的结婚数"),
    "mean": ("mean", "均值"),
    "median": ("median", "中位数"),
    "months": ("months", "月数"),
    "months_in_care": ("months in care", "在托月数"),
    "new_communities": ("new communities", "新建社区配建"),
    "note": ("note", "说明"),
    "notice": ("notice", "提前期"),
    "notes": ("notes", "说明"),
    "order_multiplier": ("multiplier by birth order", "孩次乘数"),
    "p_zero": ("chance of zero", "为零概率"),
    "paid": ("payment of one sum", "一次性发放时点"),
    "parent": ("parent", "父母"),
    "pass_through": ("pass-through", "传导比例"),
    "payback": ("payback", "回补"),
    "payers": ("payers", "出资方"),
    "payments": ("months of payment", "发放期间"),
    "per_dose": ("per dose", "单位剂量"),
    "persons": ("contributors", "缴存人数"),
    "places": ("places", "托位"),
    "policies": ("policies", "政策"),
    "price_rise": ("rise of prices", "物价涨幅"),
    "price_year": ("year of prices", "价格年份"),
    "quantum_share": ("share that lasts", "持久份额"),
    "ramp": ("time to the full effect", "渐进期"),
    "regions": ("regions", "适用地区"),
    "registered_share": ("share with local registration", "户籍比例"),
    "removal_multiplier": ("multiplier of removal", "取消乘数"),
    "rent_share": ("share of the rent", "租金比例"),
    "rent_withdrawal": ("rent withdrawal", "租房提取"),
    "replacement": ("pay during leave", "工资替代率"),
    "residence": ("residence", "户籍要求"),
    "residents": ("residents", "居民比例"),
    "rows": ("rows of the table of studies", "证据行"),
    "rush": ("rush", "抢生"),
    "schema": ("schema", "格式"),
    "sd": ("standard deviation", "标准差"),
    "share": ("share", "占比"),
    "single": ("ceiling for one contributor", "单缴存人额度"),
    "source": ("source", "来源"),
    "spending": ("spending by year", "年度支出"),
    "spending_a_year": ("spending a year", "每年支出"),
    "stacks": ("beside other grants", "可叠加"),
    "stated_effect": ("stated effect", "意愿效果"),
    "status": ("status", "状态"),
    "strength": ("strength", "强度"),
    "take_up": ("take-up", "领取率"),
    "target": ("target", "目标"),
    "term": ("term", "期限"),
    "title": ("title", "标题"),
    "to": ("to", "止"),
    "url": ("address", "网址"),
    "utilisation": ("utilisation", "使用率"),
    "value": ("value", "数值"),
    "wage": ("wage", "工资"),
    "what": ("what it is", "内容"),
    "zh": ("Chinese", "中文"),
}

#: What each key means, by class; keys with the same meaning everywhere stand under ``*``. A class
#: inherits the meanings of its bases, and ``Field(description=...)`` comes before them.
MEANING: dict[str, dict[str, str]] = {
    "*": {
        "schema": "kind and version of the file",
        "id": "the name of the file without `.yaml`",
        "label": "name in both languages, for tables and plots",
        "announced": "day on which the rule became known; nobody answers it before",
        "payers": "who pays, shares that sum to 100 %; `unstated` when not given",
        "clause": "clause of the document",
        "note": "what a reader must know of this instrument",
        "notes": "what a reader must know of the file",
        "kind": "kind of instrument",
        "evidence": "where the number comes from",
        "dist": "form of the distribution",
        "map": "form of the map from dose to effect",
        "order_multiplier": "effect on each birth order relative to the map",
        "quantum_share": "share of the effect that lasts, 0 to 1; the rest is taken back",
        "decision_lag": "from the announcement to the first conceptions that answer it",
        "ramp": "from the first answers to the full effect",
        "utilisation": "share of childcare places in use, 0 to 1; all when not given",
        "low": "smaller values are set to this one",
        "high": "larger values are set to this one",
        "p_zero": "probability of exactly 0 (a programme that does nothing)",
        "births": "birth dates that are entitled; a child keeps all its payments",
        "child_age": "ages at which it is given; `0-36 months` is 36 months, the month of birth "
        "first",
        "payments": "months in which money is paid at all, for schemes that also reach children "
        "already born",
        "ends_announced": "day on which the end became known",
        "take_up": "share of entitled births that are reached (领取率)",
        "price_year": "year of the prices, for the record; amounts are not converted",
        "birth_orders": "birth orders that are entitled; `3+` is the third and later",
        "months_in_care": "months that a child stays in care",
    },
    "Scenario": {
        "regions": "where the rules apply; a province or city code covers its counties",
        "extends": "scenario beside this file from which everything not said here is taken",
        "status": "`final` when the document is in force, `draft` otherwise",
        "source": "the document",
        "policies": "instruments by name",
        "household_income": "income of a household in a year, for responses that compare money "
        "with it",
        "child_cost": "cost of raising a child, for responses that compare money with it",
        "gdp_per_head": "GDP per head (人均GDP) that money is compared with; needed with money "
        "when the baseline has none",
    },
    "Label": {"en": "English", "zh": "Chinese (中文)"},
    "Source": {
        "title": "title of the document",
        "issuer": "who issued it",
        "dated": "its date or year, as text",
        "url": "where it can be read",
        "clause": "clause that is used",
    },
    "Window": {
        "from": "first day, included",
        "to": "last day, included; without it the window stays open",
    },
    "CashTransfer": {
        "amount": "money per child; `CNY/month` and `CNY/year` are streams, `CNY` is paid once",
        "births": "birth dates that are entitled; a child keeps all its payments",
        "child_age": "ages at which a stream is paid; `0-36 months` is 36 payments, the month of "
        "birth first; required with a stream",
        "payments": "months in which money is paid at all, for schemes that also reach children "
        "already born",
        "paid": "when one sum is paid; for the record, both are booked in the month of birth",
        "ends_announced": "day on which the end of `payments` became known",
        "take_up": "share of entitled children who are paid (领取率)",
        "price_year": "year of the prices, for the record; amounts are not converted",
    },
    "Instrument": {
        "regions": "regions of the scenario in which it applies; all of them when not given",
    },
    "PerChild": {
        "residence": "`registered` entitles families with local registration (户籍) only",
        "registered_share": "their share of births; required with `residence: registered`",
        "price_rise": "yearly rise of prices that amounts do not follow; without it they keep "
        "their value",
        "cap": "the most that one child gets",
    },
    "TaxDeduction": {
        "deduction": "amount taken off taxable income for a child",
        "marginal_rates": "share of families by the rate on the last part of their income: "
        "`{3 %: 30 %, 10 %: 10 %}`; who pays no tax is not listed",
    },
    "InsuranceBenefit": {
        "benefit": "what full cover is worth, per birth or as a stream over `child_age`",
        "covered": "share of births insured, or of costs reimbursed, before and after",
    },
    "Change": {"before": "share before the policy", "after": "share with it"},
    "HousingFund": {
        "loan_ceiling": "higher ceiling of loans (贷款额度上浮)",
        "rent_withdrawal": "higher limit of withdrawals for rent (租房提取)",
    },
    "LoanCeiling": {
        "increase": "how far the new ceilings are above the old ones",
        "single": "new ceiling for one contributor (单缴存人)",
        "dual": "new ceiling for two contributors (双缴存人)",
        "dual_share": "share of couples with two contributors",
        "fund_rate": "interest rate of the fund",
        "market_rate": "interest rate of the loan that is replaced",
        "term": "months over which the loan is repaid",
        "take_up": "share of births whose parents borrow up to the ceiling",
    },
    "RentWithdrawal": {
        "increase": "how far the new limit is above the old one",
        "ceiling": "new limit for a person and year",
        "persons": "contributors of a family who withdraw",
        "liquidity_value": "what a yuan of one's own, had earlier, is worth",
        "take_up": "share of births in families that withdraw up to the limit",
    },
    "HousingGrant": {
        "amount": "one sum towards a home",
        "take_up": "share of entitled births in families that buy",
    },
    "RentalHousing": {
        "market_rent": "rent of the same dwelling on the market",
        "rent_share": "share of it that the family pays",
        "take_up": "share of births in such dwellings",
    },
    "PaidLeave": {
        "parent": "who takes the leave; `both` gives the days to each parent",
        "days": "days by birth order, a year of `child_age` where it is given",
        "instead_of": "days that were due before",
        "replacement": "share of the wage that is paid",
        "wage": "wage that the pay is counted from; without it the cost is not counted",
        "take_up": "share of births whose parent is entitled and takes the leave",
    },
    "ChildcareConstruction": {
        "amount": "grant for a place, once",
        "payments": "time in which places that are built get it",
        "stacks": "whether it is due beside an earlier grant for the same place",
    },
    "ChildcareFee": {
        "cut": "what a family in care pays less each month",
        "children": "share of children in care who get the cut",
        "inclusive": "a larger share of places at a regulated fee (普惠托位)",
    },
    "InclusivePlaces": {
        "share": "share of such places before and after",
        "market_fee": "fee of the other places",
        "inclusive_fee": "regulated fee",
    },
    "NewCommunities": {
        "places": "places for 1,000 residents of new housing",
        "residents": "share of residents who live in such housing, by year",
    },
    "MarriageBonus": {
        "amount": "one sum at the first marriage",
        "marriages": "dates of marriage that are entitled",
        "bride_age_max": "age of the bride at most, for the record",
        "take_up": "share of first marriages that are paid",
        "marriages_per_first_birth": "entitled marriages for each first birth that follows",
    },
    "Measure": {
        "what": "what the plan says",
        "births": "births that an effect changes",
        "assumed_effect": "change of the birth rate by order, stated by whoever writes the file",
        "stated_effect": "what families say in a survey; the response discounts it",
        "lasting": "share of the effect that is not taken back later",
        "spending": "money by year",
        "spending_a_year": "one sum a year, in `payments`",
        "payments": "time in which `spending_a_year` is spent",
    },
    "ChildcareCapacity": {
        "new_communities": "places that must be built with new housing, on top of the target",
        "utilisation": "share of all places in use; that of the response when not given",
        "target": "places for children under 3 per 1,000 residents (每千人口托位数)",
        "construction_subsidy": "grant for every place built from the announcement on, once",
    },
    "ChildcareOperation": {
        "amount": "monthly subsidy to providers per enrolled child",
        "class_mix": "children in care by class type; an assumption of the package when not given",
    },
    "ResponseFile": {
        "id": "name of the response",
        "conception_lag": "from conception to birth",
        "payback": "share of the births brought forward that is taken back in each following year; "
        "sums to 1",
        "channels": "one map for each way in which a policy can change births",
        "interactions": "channels that do more, or less, together than apart",
        "intention_discount": "part of what families say in a survey that they do",
    },
    "Interaction": {
        "between": "the two channels",
        "strength": "0 is a sum on the log scale, -1 about what the larger would do alone",
    },
    "Rush": {
        "effect": "per cent more births in these months for a dose of `per_dose` that is lost",
        "per_dose": "dose to which `effect` belongs [%]",
        "months": "last months of a scheme in which births are hurried",
        "notice": "how long before the last month the end must be known",
    },
    "_Channel": {
        "dose_of": "what money is compared with",
        "pass_through": "part of a subsidy to providers that reaches fees, 0 to 1",
        "removal_multiplier": "effect of taking a scheme away relative to introducing it",
        "rush": "births hurried in before an announced end",
    },
    "Channels": {
        "cash": "answers to `cash_transfer`; no effect when left out",
        "childcare": "answers to `childcare_capacity`; no effect when left out",
        "childcare_fee": "answers to lower fees; no effect when left out",
        "leave": "answers to `paid_leave`; no effect when left out",
        "housing": "answers to access to a home; no effect when left out",
        "marriage": "answers to `marriage_bonus`; no effect when left out",
        "other": "channels of kinds of instrument that other packages add, by name",
    },
    "OrderMultipliers": {
        "1": "first births",
        "2": "second births",
        "3": "third and later births",
    },
    "Evidence": {
        "rows": "ids of the embedded table of studies",
        "source": "studies or other source",
        "judgement": "what was judged, and how",
    },
    "SaturatingChannel": {
        "beta": "per cent more births per 1 % of GDP per head, at small doses",
        "Ds": "dose at which the effect flattens [%]",
        "D0": "dose below which nothing happens [%]",
    },
    "LinearChannel": {
        "effect": "per cent more births for a dose of `per_dose`",
        "per_dose": "dose to which `effect` belongs [%]",
    },
    "ThresholdChannel": {
        "effect": "per cent more births for a dose of `per_dose` above `D0`",
        "D0": "dose below which nothing happens [%]",
        "per_dose": "dose to which `effect` belongs [%]",
    },
    "PowerChannel": {
        "at_10": "per cent more births at a dose of 10 %",
        "exponent": "exponent of the dose",
    },
    "Lognormal": {"median": "median", "sigma": "standard deviation of the logarithm"},
    "Normal": {"mean": "mean", "sd": "standard deviation"},
    "Beta": {"a": "first shape parameter", "b": "second shape parameter; mean a / (a + b)"},
    "Uniform": {},
    "Fixed": {"value": "the value"},
}


def key_label(key: str, field: FieldInfo | None = None) -> tuple[str, str]:
    """Return what a key is called, in English and Chinese; the key itself when no name is known.

    Examples
    --------
    >>> key_label("take_up")
    ('take-up', '领取率')
    >>> key_label("quota")
    ('quota', 'quota')
    """
    extra = field.json_schema_extra if field is not None else None
    own = extra.get("label") if isinstance(extra, dict) else None
    if isinstance(own, dict) and "en" in own and "zh" in own:
        return str(own["en"]), str(own["zh"])
    plain = key.replace("_", " ")
    return LABELS.get(key, (plain, plain))


def kind_label(kind: str, model: type[BaseModel] | None = None) -> tuple[str, str]:
    """Return what a kind of instrument is called; its first sentence of docstring says more.

    Parameters
    ----------
    kind : str
    model : type of pydantic.BaseModel, optional
        The class of the kind; ``json_schema_extra={"label": ...}`` of its ``kind`` names it.

    Examples
    --------
    >>> kind_label("cash_transfer")
    ('cash transfer', '现金补助')
    """
    field = model.model_fields.get("kind") if model is not None else None
    if field is not None and isinstance(field.json_schema_extra, dict):
        return key_label(kind, field)
    plain = kind.replace("_", " ")
    return KINDS.get(kind, (plain, plain))


def meaning(model: type[BaseModel], name: str) -> str:
    """Return what a field of a class means, or ``""`` when nobody has said it.

    Parameters
    ----------
    model : type of pydantic.BaseModel
    name : str
        Name of the field in Python, such as ``from_``.

    Examples
    --------
    >>> from popsim.policy.base import Source
    >>> meaning(Source, "issuer")
    'who issued it'
    """
    field = model.model_fields[name]
    if field.description:
        return field.description
    key = field.alias or name
    for one in model.__mro__:
        text = MEANING.get(one.__name__, {}).get(key)
        if text is not None:
            return text
    return MEANING["*"].get(key, "")


def text_of(model: type[BaseModel]) -> str:
    """Return the docstring of a class without its sections, with single quotes around code.

    Examples
    --------
    >>> from popsim.policy.base import Label
    >>> text_of(Label)
    'A name in two languages.'
    """
    lines = (model.__doc__ or "").strip().splitlines()
    text = "\n".join(line.strip() for line in lines)
    for section in ("Parameters\n---", "Attributes\n---", "Examples\n---", "Notes\n---"):
        text = text.split(section)[0]
    return re.sub(r":\w+:`~?([^`]*)`", r"`\1`", text.replace("``", "`")).strip()
