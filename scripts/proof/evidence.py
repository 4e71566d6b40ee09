"""The page on the studies entered into the default response."""

import pandas as pd

from popsim.proof.evidence_check import DRAWS, evidence_check, share_contained
from scripts.baselines.validation import table

PAGE = "docs/evidence-check.md"
#: Why the default is outside, or inside for a poor reason; a study without a word is an error.
WHY = {
    "CA-QC-ANC-avg": (
        "Quebec. The strongest finding of all, five times what the pool says. The average dose is "
        "low because third children got far more than first ones, so third births weigh in the "
        "effect and not in the dose; other authors find much of it to be timing. The default does "
        "not follow it."
    ),
    "CA-QC-ANC-max": "Quebec, third and later births at the highest grant: the same programme.",
    "ES-gt-cancel-p4plus": "Spain, fourth and later births after the withdrawal; few births.",
    "FR-ls-ucb": (
        "France, simulated with a structural model near completed fertility, so without the "
        "discount for weak designs and trials that the default takes (times 0.6)."
    ),
    "FR-elm-impl": (
        "France, the cut of 2014. Read second-hand; the richest households only, for whom the sum "
        "is a far smaller share of income."
    ),
    "DE-bhr-p3": (
        "Germany, third births per 10 points of childcare. The steep gradient by order of this one "
        "study is halved in the default."
    ),
    "DE-raute": "Germany, a leave benefit by education, not cash for everybody.",
    "RU-arch-2plus": (
        "Russia, a trend extrapolated over a recovery, without control group; another study of the "
        "same programme finds nothing."
    ),
    "AU-sinclair": (
        "Australia. A time series over years in which births rose anyway; a panel study of the "
        "same bonus finds less than a third of it for the same money."
    ),
    "AU-e61-first": "Australia, first year. The lowering of the default is what separates them.",
    "AU-e61-2022": "Australia, the same women 18 years later.",
    "KR-hong": (
        "Korea. The two other studies of the local grants find two fifths of it and a tenth of it "
        "for the same money."
    ),
    "UK-2child": (
        "United Kingdom. Inside, and that says little: at 113 % of GDP per head the interval is so "
        "wide that nearly anything is. The published article finds little to no decline, 5 % being "
        "an upper value; the median of the default is above it. If the limit did nothing, the "
        "default holds that for one case in seven."
    ),
    "EE-large": (
        "Estonia. Inside, from a before-and-after count that is no evaluation; at 266 % of GDP per "
        "head, far beyond where any other programme has been, the interval is mostly the spread "
        "of the ceiling."
    ),
}
ALWAYS = ("UK-2child", "EE-large")
MAPS = ("saturating", "linear", "power")
MEASURED = ["id", "births", "dose, %", "found, %", "median", "80 %", "95 %", "contained"]


def files() -> dict[str, str]:
    return {PAGE: page(evidence_check())}


def page(checked: pd.DataFrame) -> str:
    shares = share_contained(checked).set_index(["response", "set"])
    default = checked[checked["response"] == "saturating"]
    described = ~default["transitory"] & (default["channel"] == default["entered_as"])
    steady = default[described]
    apart = default[~described & ~default["entered_as"].isin(["childcare_fee", "rush"])]
    parts = [
        "# Studies entered into the response",
        "This page is written by `python -m scripts.proof evidence` from the evidence table and "
        "the default response, and compared with them by `--check`. One call gives the numbers:",
        "```python\nfrom popsim.proof.evidence_check import evidence_check, share_contained\n\n"
        "checked = evidence_check()\nshare_contained(checked)\n```",
        "Every study with a dose is entered: its money per child (per cent of GDP per head) into "
        "the cash map, its points of used coverage into the childcare map, times the multiplier of "
        "the births studied; all births, and second and later ones, take the map as it is. The "
        "effect is that of the period before payback, which is what nearly all of these studies "
        f"measure. {DRAWS:,} draws. How to read and challenge the table itself: "
        "[evidence](evidence.md).",
        "**This is no test on new data.** The default rests on these studies, and their GDP per "
        "head is mostly from memory. The page shows whether its spread is as wide as theirs and "
        "which of them it contradicts.",
        "## Share contained",
        _shares(shares),
        _reading(shares, steady),
        _not_new(steady),
        "## Money",
        _table(steady[steady["entered_as"] == "cash"]),
        "## Childcare",
        "The dose is points of coverage of children under 3.",
        _table(steady[steady["entered_as"] == "childcare"], "coverage_points"),
        "## Fees, and the last months before an end",
        "The Swedish cap of fees, in the fee map; births before the Spanish withdrawal, in the "
        "rush. Each rests on this one study, so neither is in a share.",
        _table(default[default["entered_as"].isin(["childcare_fee", "rush"])]),
        "## Where the default is outside, or inside for a poor reason",
        _why(steady),
        "## Not what the default describes",
        "Effects of the months around a date (abortions, an announcement) and measures that are no "
        "money, entered as if they were cash. They are in no share.",
        _table(apart),
        _apart(apart),
        "## Three maps side by side",
        "The linear map has 0.25 % births per 1 % of GDP per head at every dose (the fit is 0.30), "
        "the power map 2.4 % at 10 % (3.8) with an exponent of 0.4 (0.61, and 0.19 without the "
        "smallest dose); see `popsim.policy.alternatives`. Median and 80 % interval of the pooled "
        "estimates:",
        _side_by_side(checked),
        _maps(shares, checked),
    ]
    return "\n\n".join(parts) + "\n"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _shares(shares: pd.DataFrame) -> str:
    rows = []
    for (response, name), row in shares.iterrows():
        counted = [f"{int(row['studies'])}", _percent(row["in_80"]), _percent(row["in_95"])]
        counted += [f"{int(row['programmes'])}", _percent(row["programmes_in_80"])]
        counted += [_percent(row["programmes_in_95"]), f"{row['log_error']:.2f}"]
        rows.append([f"{response}, {name}", *counted])
    head = ["map, studies", "number", "in 80 %", "in 95 %"]
    head += ["programmes", "in 80 %", "in 95 %", "distance of medians (log)"]
    return table(head, rows)


def _reading(shares: pd.DataFrame, steady: pd.DataFrame) -> str:
    pooled = shares.loc[("saturating", "pooled")]
    outside = steady[~steady["in_80"]]
    stronger = int((outside["effect_pct"].abs() > outside["median"].abs()).sum())
    return (
        f"Of the {int(pooled['studies'])} pooled estimates the 80 % interval of the default "
        f"contains {_percent(pooled['in_80'])} and the 95 % interval {_percent(pooled['in_95'])}. "
        f"Of the {len(outside)} studies outside the 80 % interval, {stronger} found **more** than "
        "the default says. That is its construction: the fit is taken times 0.6, and with a chance "
        "of 15 % that a programme does nothing the lower end of the 80 % interval is zero for "
        "every sum of money, so that a weak finding can never fall below it. As a summary of what "
        "was published the default is too low and its 80 % interval too narrow; as a forecast for "
        "a place with few births and a short trial that is meant. Who does not share the judgement "
        "takes the shrinkage out ([evidence](evidence.md))."
    )


def _not_new(steady: pd.DataFrame) -> str:
    other = steady[~steady["pool"]]
    again = other["programme"].isin(steady.loc[steady["pool"], "programme"]).sum()
    childcare = (other["entered_as"] == "childcare").sum()
    rest = len(other) - again - childcare
    return (
        f"*Not pooled* is not *not used*: of these {len(other)} estimates {again} are further "
        f"figures of pooled programmes, {childcare} are of the childcare from which that channel "
        f"was set, and the other {rest} are a meta-analysis and a panel of countries."
    )


def _interval(row: pd.Series, level: str) -> str:
    return f"{_number(row[f'low_{level}'])} to {_number(row[f'high_{level}'])}"


def _number(value: float) -> str:
    # "+ 0.0" turns a rounded -0.0 into 0.0.
    return f"{round(value, 1) + 0.0:.1f}"


def _table(studies: pd.DataFrame, dose: str = "dose_pv_pct_gdppc") -> str:
    rows = []
    for _, row in studies.sort_values(dose, kind="stable").iterrows():
        cut = " (withdrawn)" if row["dose_change"] == "withdrawn" else ""
        contained = "yes" if row["in_80"] else "in 95 %" if row["in_95"] else "**no**"
        star = "*" if row["pool"] else ""
        numbers = [f"{row[dose]:g}{cut}", f"{row['effect_pct']:g}", _number(row["median"])]
        spans = [_interval(row, "80"), _interval(row, "95")]
        rows.append([f"{row['id']}{star}", row["order"], *numbers, *spans, contained])
    text = table(MEASURED, rows)
    return text + "\n\n\\* pooled" if studies["pool"].any() else text


def _why(steady: pd.DataFrame) -> str:
    told = steady[~steady["in_80"] | steady["id"].isin(ALWAYS)]
    return "\n".join(f"- `{name}`: {WHY[name]}" for name in told["id"])


def _apart(apart: pd.DataFrame) -> str:
    other = apart[~apart["transitory"] & ~apart["in_80"]]
    lines = [f"- `{name}`: {WHY[name]}" for name in other["id"]]
    return "\n".join(lines)


def _side_by_side(checked: pd.DataFrame) -> str:
    pooled = checked[checked["pool"]].set_index(["response", "id"])
    order = pooled.loc["saturating"].sort_values("dose_pv_pct_gdppc", kind="stable")
    rows = []
    for name, study in order.iterrows():
        cells = [f"{study['dose_pv_pct_gdppc']:g}", f"{study['effect_pct']:g}"]
        for each in MAPS:
            row = pooled.loc[(each, name)]
            mark = "" if row["in_80"] else " (out)"
            cells.append(f"{_number(row['median'])} ({_interval(row, '80')}){mark}")
        rows.append([str(name), *cells])
    return table(["id", "dose, %", "found, %", *MAPS], rows)


def _maps(shares: pd.DataFrame, checked: pd.DataFrame) -> str:
    widest = checked[(checked["response"] == "linear") & checked["pool"]]
    widest = widest.loc[widest["dose_pv_pct_gdppc"].idxmax()]
    linear, default = (shares.loc[(name, "pooled")] for name in ("linear", "saturating"))
    return (
        f"The linear map contains more studies ({_percent(linear['in_80'])} against "
        f"{_percent(default['in_80'])} of the pooled ones in 80 %) because it is wider, not "
        f"because it is nearer: its medians are further off (log distance "
        f"{linear['log_error']:.2f} against {default['log_error']:.2f}), and for "
        f"{widest['id']} it says {widest['median']:.0f} % with an upper end of "
        f"{widest['high_80']:.0f} %, where "
        f"{widest['effect_pct']:g} % were found."
    )
