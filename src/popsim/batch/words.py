"""What the keys of batch files are called and mean: for editors and the reference page."""

from __future__ import annotations

from popsim.policy import words

__all__ = ["MEANING", "key_label"]

#: Names of keys that stand only in batch files, English and Chinese.
LABELS: dict[str, tuple[str, str]] = {
    "baseline": ("embedded baseline", "内置基准数据"),
    "costs": ("costs of additional births", "新增出生的成本"),
    "counties": ("number of counties", "县数"),
    "data": ("data", "数据"),
    "demographic_noise": ("demographic noise", "个体随机性"),
    "differences": ("differences from no new policy", "与无新增政策之差"),
    "draws": ("draws", "抽样"),
    "extend_to": ("carried on to", "延长至"),
    "fertility": ("fertility that is held", "生育水平假定"),
    "fertility_spread": ("spread of fertility", "生育水平差异"),
    "file": ("file", "数据文件"),
    "grid": ("every combination", "全部组合"),
    "indicators": ("indicators", "指标"),
    "keep": ("what is kept", "保留内容"),
    "like": ("baseline that fills gaps", "补缺基准"),
    "list": ("side by side", "逐行组合"),
    "means": ("means", "均值"),
    "population": ("population by age", "分年龄人口"),
    "precision": ("precision", "精度"),
    "quantiles": ("quantiles", "分位数"),
    "response": ("response", "响应假定"),
    "scenario": ("scenario", "方案"),
    "scenarios": ("scenarios", "方案"),
    "seed": ("seed", "随机种子"),
    "shares": ("table of shares", "人口份额表"),
    "split": ("made-up counties", "示例县"),
    "sweep": ("sweep", "参数组合"),
    "tables": ("tables", "数据表"),
    "uncertainty": ("uncertainty", "不确定性"),
    "until": ("last year", "末年"),
}

#: What each key means, by class.
MEANING: dict[str, dict[str, str]] = {
    "Batch": {
        "schema": "kind and version of the file",
        "id": "the name of the file without `.batch.yaml`",
        "label": "name in both languages",
        "data": "the population",
        "regions": "which regions of the data; a province or city code stands for its counties",
        "scenarios": "names of scenario files beside this one, or paths from it; `baseline` is "
        "always run",
        "sweep": "scenarios with other values in some places",
        "response": "`default`, or a response file beside this one",
        "uncertainty": "which demographic assumptions are drawn, as in `popsim run`",
        "demographic_noise": "whether the chance of single births and deaths is added, for small "
        "populations, as in `popsim run`; several times slower",
        "until": "last year; the last of the data by default",
        "draws": "number of random draws",
        "seed": "seed of all random numbers",
        "keep": "what is written",
        "notes": "what a reader must know of the batch",
    },
    "Data": {
        "baseline": "name of an embedded baseline",
        "tables": "folder or workbook of tables of data, beside this file",
        "like": "embedded baseline that fills what the tables do not have",
        "file": "a baseline saved as netCDF (`popsim.save_result`), beside this file",
        "fertility": "what is held after the last observed year",
        "extend_to": "year to which the data are carried on; their last year stands for later ones",
        "split": "made-up counties instead of the one region",
    },
    "Split": {
        "counties": "number of counties, 1 to 999",
        "shares": "CSV table of counties with their shares of the population",
        "fertility_spread": "standard deviation of the logarithm of the counties' fertility, 0 to "
        "0.5; not used with a table",
    },
    "SweptScenario": {
        "scenario": "name or path of the scenario file",
        "grid": "every combination of values, the last key changing fastest, e.g. "
        "`{policies.grant.amount.2: [300 CNY/month, 600 CNY/month]}`",
        "list": "the first values together, the second ones together, and so on; with a grid, each "
        "row with each of its points",
    },
    "Keep": {
        "indicators": "`headline` is births, births by order, total fertility rate, shares of "
        "second and third births, natural increase, population, dependency ratios and `payments`; "
        "others by their names in the [list of indicators](indicator-list.md), except those by "
        "single age; what the set `monitoring` does not hold is several times slower",
        "quantiles": "quantiles over draws, exact",
        "means": "means over draws",
        "differences": "the same of the paired difference from no new policy",
        "draws": "indicators of which every draw is written; large",
        "population": "population by sex and age of the central trajectory",
        "costs": "what all instruments together cost over five and thirty years of births, the "
        "additional births, the cost of each with its quantiles, the chance of none, and the share "
        "paid for births that would have come anyway",
        "precision": "`single` stores numbers with an error below 6·10⁻⁸ of their value; sums and "
        "quantiles are computed in double precision either way",
    },
    "Label": {"en": "English", "zh": "Chinese (中文)"},
}


def key_label(key: str) -> tuple[str, str]:
    """Return what a key is called, in English and Chinese.

    Examples
    --------
    >>> key_label("draws"), key_label("regions")
    (('draws', '抽样'), ('regions', '适用地区'))
    """
    return LABELS.get(key) or words.key_label(key)
