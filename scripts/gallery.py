"""Write the gallery of the shipped scenarios: ``python -m scripts.gallery [--check]``.

Every scenario is read for its rules and run on Zhejiang, so that packages of different places stand
beside each other on one population.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import xarray as xr

import popsim as ps
from popsim.policy.files import read_scenario, scenario_names
from popsim.policy.instruments import month_of, payments
from popsim.policy.model import Scenario
from popsim.units import Quantity

ROOT = Path(__file__).parents[1]
PAGE = "docs/scenario-gallery.md"
BASELINE = "zhejiang-2020"
REGION = "330000"
#: GDP per head of Zhejiang in 2023, the same for all scenarios.
GDP_PER_HEAD = Quantity(125043.0, "CNY")
YEAR = 2030
DRAWS = 500
#: The births of 30 years from 2025, the latest first year of a scheme.
YEARS = range(2021, 2055)
WAN = 1e4
PLACES = {
    "330000": "Zhejiang 浙江省",
    "330100": "Hangzhou 杭州市",
    "330500": "Huzhou 湖州市",
    "331126": "Qingyuan 庆元县",
    "141100": "Luliang 吕梁市",
    "150100": "Hohhot 呼和浩特市",
    "429006": "Tianmen 天门市",
    "510400": "Panzhihua 攀枝花市",
    "530900": "a county of Lincang 临沧市",
}


def shipped() -> list[Scenario]:
    names = scenario_names(ROOT / "scenarios")
    read = [read_scenario(ROOT / "scenarios" / f"{name}.yaml") for name in names]
    return [scenario for scenario in read if scenario.policies]


def on_zhejiang(scenario: Scenario) -> Scenario:
    """Return the rules of a scenario for every region, against the GDP per head of Zhejiang."""
    return scenario.model_copy(update={"regions": "all", "gdp_per_head": GDP_PER_HEAD})


def different(scenarios: list[Scenario]) -> dict[str, list[Scenario]]:
    """Return the scenarios by the first of those with the same policies."""
    groups: dict[str, list[Scenario]] = {}
    for scenario in scenarios:
        same = [g for g, (first, *_) in groups.items() if first.policies == scenario.policies]
        groups.setdefault(same[0] if same else scenario.id, []).append(scenario)
    return groups


def promised(scenario: Scenario, order: int) -> tuple[float, float]:
    """Return what a child gets who is entitled to everything, and the mean child [CNY].

    The child is born in the month after the last window of births or payments has opened.
    """
    rules = [rule for policy in scenario.policies.values() for rule in policy.transfers()]
    if not rules:
        return 0.0, 0.0
    opened = [w.from_ for rule in rules for w in (rule.births, rule.payments) if w is not None]
    birth = max(month_of(day) for day in opened) + 1
    money = np.array([payments(rule, order, birth).amounts.sum() for rule in rules])
    return float(money.sum()), float(money @ [rule.reached for rule in rules])


def place(scenario: Scenario) -> str:
    if scenario.regions == "all":
        return "every region"
    return ", ".join(PLACES[code] for code in scenario.regions)


def kinds(scenario: Scenario) -> str:
    counted = Counter(policy.kind for policy in scenario.policies.values())
    return ", ".join(f"{kind} × {n}" if n > 1 else kind for kind, n in counted.items())


def markdown(heads: list[str], rows: list[list[str]], numbers: int) -> str:
    """Return a table whose last columns are numbers."""
    rule = "|---" * (len(heads) - numbers) + "|---:" * numbers + "|"
    return "\n".join([f"| {' | '.join(heads)} |", rule, *(f"| {' | '.join(r)} |" for r in rows)])


def rules(scenarios: list[Scenario]) -> str:
    rows = []
    for scenario in scenarios:
        money = [
            f"{whole:,.0f} ({mean:,.0f})" if whole else "–"
            for whole, mean in (promised(scenario, order) for order in (2, 3))
        ]
        label = f"{scenario.label.en} {scenario.label.zh}"
        rows.append([f"`{scenario.id}`", label, place(scenario), kinds(scenario), *money])
    heads = ["scenario", "label", "place", "instruments"]
    return markdown([*heads, "second child, CNY", "third child, CNY"], rows, 2)


def run(scenarios: list[Scenario], years: range = YEARS, draws: int = DRAWS) -> xr.Dataset:
    return ps.run(BASELINE, [on_zhejiang(s) for s in scenarios], years=years, draws=draws, seed=1)


def effects(groups: dict[str, list[Scenario]], result: xr.Dataset) -> str:
    effect = ps.compare(result)
    change = effect.difference.sel(region=REGION)
    cost = effect.cost("all")
    rows = []
    for name, group in groups.items():
        here = change.sel(scenario=name)
        first = int(result["package_announced"].sel(scenario=name))
        births = here["births"].sel(year=slice(first, first + 29)).sum("year").values
        rows.append(
            [
                ", ".join(f"`{scenario.id}`" for scenario in group),
                interval(here["total_fertility_rate"].sel(year=YEAR).values, "+.3f"),
                interval(100 * here["second_and_third_child_share"].sel(year=YEAR).values, "+.2f"),
                interval(births / WAN, "+.1f"),
                f"{100 * float((births <= 0).mean()):.0f} %",
                *prices(cost, group[0]),
            ]
        )
    heads = [
        "scenario",
        f"TFR in {YEAR}",
        f"second and third births in {YEAR}, points of all births",
        "births in 30 years, 10,000",
        "chance of no birth more",
        "cost in 30 years, 100 million CNY",
        "cost per additional birth, 10,000 CNY",
    ]
    return markdown(heads, rows, len(heads) - 1)


def interval(values: np.ndarray, form: str) -> str:
    low, high = np.quantile(values, [0.1, 0.9])
    # "+ 0.0" turns a rounded -0.0 into 0.0.
    digits = int(form[-2])
    mean, low, high = (round(float(v), digits) + 0.0 for v in (values.mean(), low, high))
    return f"{mean:{form}} ({low:{form}} to {high:{form}})"


def prices(cost: xr.Dataset, scenario: Scenario) -> list[str]:
    """Return the bill, and the price of a birth with its interval over draws."""
    if scenario.id not in cost["scenario"].values:
        return ["0", "–"]
    here = cost.sel(scenario=scenario.id, region=REGION, window="lasting")
    bill = float(here["package_cost"])
    if not bill > 0:
        return ["0", "–"]
    low, high = (
        float(here["cost_per_additional_birth_quantile"].sel(quantile=q)) for q in (0.1, 0.9)
    )
    mean = float(here["cost_per_additional_birth"])
    named = {policy.kind for policy in scenario.policies.values()}
    short = "†" * ("childcare_capacity" in named and "childcare_operation" not in named)
    return [f"{bill / 1e8:,.1f}{short}", f"{wan(mean)} ({wan(low)} to {wan(high)}){short}"]


def wan(money: float) -> str:
    return f"{money / WAN:,.0f}" if np.isfinite(money) else "∞"


def page() -> str:
    scenarios = shipped()
    groups = different(scenarios)
    result = run([group[0] for group in groups.values()])
    parts = [
        "# The shipped scenarios on one population",
        "This page is written by `python -m scripts.gallery` from the files in `scenarios/` "
        "(`--check` compares). Each file names its source, its clauses and what in it is "
        "illustrative. Beside it lies `<id>.expected.yaml`, worked out by hand from the text and "
        "checked by a test: `cases` for a birth of an order in a month (months and money that a "
        "family weighs, `paid` by the payers, `offers` by channel), `sums` over all policies, "
        "`dose` by channel, `places` by year.",
        "## What the rules promise",
        "Money is what a child of the order gets that is entitled to every part (in brackets: the "
        "mean child, after take-up and registration), all years together and undiscounted, born "
        "in the month after the last window has opened. It holds everything that families weigh "
        "like cash: grants, tax saved, interest and rent saved. Places, fees, leave and the "
        "marriage bonus are not in it.",
        rules(scenarios),
        "## What they would do on Zhejiang",
        f"**No forecast of these places.** Each package is put on the population of Zhejiang "
        f"(`{BASELINE}`) with the default response, its own dates and a GDP per head of "
        f"{GDP_PER_HEAD.value:,.0f} CNY, as if the province had decided it and nothing else. "
        "Where incomes are half as high the same money weighs twice as much. Registration shares, "
        "take-up, rates, rents and wages are illustrative in most files, and the response comes "
        "from countries that are richer and have more births: what is compared are levels, not "
        "successes. Several packages act together in truth; their effects may not be added.",
        effects(groups, result),
        f"Means over {DRAWS} draws (seed 1) of the difference from the same future without the "
        "package, 80 % intervals in brackets. Births and cost are those of 30 years from the first "
        "announcement, cut at the end of 2054. Cost is all that payers spend, employers and funds "
        "included, discounted at 4 % a year to that first year, without what is paid for children "
        "born before it; the cost of a birth is mean cost "
        "over mean births, and its interval reaches ∞ where a draw in ten has no birth more. A "
        "package with an end may have fewer births in 2030 than without it, because births were "
        "brought forward. † Places that the file sets as a target without saying what it costs to "
        "run them: the bill is short and the births look cheap; `huzhou-2025` names no cost at "
        "all. Files with the same policies share a row.",
        "## What the files leave out",
        "Clauses without a number (`适当提高`) are in no file until they are issued: local "
        "allowances, housing-fund limits and public rents in Huzhou, insurance for flexible "
        "workers and social insurance during leave. Developers pay part of Tianmen's home grants "
        "and are no payer of the format, so that part stands as `unstated`. Files of places "
        "outside the data hold no GDP per head: a run on data of one's own takes it from there, or "
        "a file that extends them says `gdp_per_head`.",
    ]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args()
    text = page()
    if not options.check:
        (ROOT / PAGE).write_text(text, encoding="utf-8")
        return 0
    if (ROOT / PAGE).is_file() and (ROOT / PAGE).read_text(encoding="utf-8") == text:
        return 0
    print(f"differs from what the scenarios give: {PAGE}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
