"""Which assumption an outcome depends on: Sobol indices and one-at-a-time changes.

The inputs are the parameters of the response (the multipliers of the birth orders of a channel
count as one) and the courses of fertility, mortality and migration. They are independent of each
other, so the variance can be shared out. See :mod:`popsim.evaluation.sobol` for the indices and
:mod:`popsim.evaluation.sample_plan` for the samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from popsim.data.samples import load_baseline
from popsim.dataset import label, stamp
from popsim.demography.uncertainty import Uncertainty, uncertainty_named
from popsim.errors import DataError, Problems
from popsim.evaluation.compare import PAIRED_DIFFERENCE
from popsim.evaluation.goals import value_by_draw
from popsim.evaluation.sample_plan import (
    CHANCE,
    DEMOGRAPHY,
    Block,
    PlannedResponse,
    planned_factors,
    response_inputs,
)
from popsim.evaluation.sobol import bootstrapped_indices, sobol_indices
from popsim.policy.files import read_response, read_scenario
from popsim.policy.model import Scenario
from popsim.policy.response import Response, ResponseModel
from popsim.simulation import Repeated, covered_regions

__all__ = ["Sensitivity", "input_name", "sensitivity"]

INTERVAL = (0.1, 0.9)
_NAMES = {
    "cash": ("cash", "现金"),
    "childcare": ("childcare", "托育"),
    "childcare_fee": ("childcare fees", "托育费用"),
    "leave": ("leave", "假期"),
    "housing": ("housing", "住房"),
    "marriage": ("marriage", "婚姻"),
    "interaction": ("interaction", "政策互动"),
    "intention_discount": ("what is said is done", "意愿兑现率"),
    "pass_through": ("subsidy passed on in fees", "补贴转嫁率"),
    "removal_multiplier": ("stronger removal", "取消效应倍数"),
    "rush": ("rush before an end", "截止前抢生"),
    "beta": ("effect of a small dose", "小剂量效应"),
    "Ds": ("saturation", "饱和剂量"),
    "D0": ("threshold", "起效剂量"),
    "effect": ("effect", "效应"),
    "at_10": ("effect at a dose of 10", "剂量10时的效应"),
    "exponent": ("exponent", "指数"),
    "order_multiplier": ("birth order", "孩次差异"),
    "quantum_share": ("lasting share", "持久部分占比"),
    "utilisation": ("places in use", "托位使用率"),
    "fertility": ("fertility without policy", "无政策生育水平"),
    "mortality": ("mortality", "死亡水平"),
    "migration": ("migration", "迁移"),
    "response": ("response to policy", "政策响应"),
    "demography": ("demography", "人口因素"),
    CHANCE: ("chance of single events", "个体随机性"),
}
_COLUMNS = {
    "input": "不确定因素",
    "first_order": "一阶指数",
    "first_order_lower": "一阶指数下限",
    "first_order_upper": "一阶指数上限",
    "total": "总效应指数",
    "total_lower": "总效应指数下限",
    "total_upper": "总效应指数上限",
    "at_low": "取低值时",
    "at_high": "取高值时",
}


def input_name(name: str, locale: str = "en") -> str:
    """Name an input for a reader.

    Examples
    --------
    >>> input_name("cash/quantum_share"), input_name("migration", "zh")
    ('cash: lasting share', '迁移')
    """
    words = [_NAMES.get(part, (part, part)) for part in name.split("/")]
    return ": ".join(en for en, _ in words) if locale == "en" else "：".join(zh for _, zh in words)


@dataclass(frozen=True)
class Sensitivity:
    """What an outcome depends on.

    Attributes
    ----------
    data : xarray.Dataset
        ``first_order_index`` and ``total_index`` (input), the same of whole sources
        (``first_order_index_of_source``, ``total_index_of_source`` (source): response, demography,
        chance), and their 80 % bootstrap intervals (``…_quantile``, first dimension quantile).
    tornado : xarray.DataArray
        Mean outcome with one input held at a quantile of its distribution and the others drawn
        (input, quantile), in the outcome's unit; ``attrs["centre"]`` is the mean with all drawn.
    """

    data: xr.Dataset
    tornado: xr.DataArray

    def table(self, locale: str = "en") -> pd.DataFrame:
        """Return one row an input, the greatest total index first.

        Parameters
        ----------
        locale : {"en", "zh"}

        Raises
        ------
        DataError
            When the language is not one of these.
        """
        if locale not in ("en", "zh"):
            raise DataError(f"no table in {locale!r}; write: en or zh")
        data = self.data
        low, high = INTERVAL
        table = pd.DataFrame(
            {
                "input": [input_name(str(name), locale) for name in data["input"].values],
                "first_order": data["first_order_index"].values,
                "first_order_lower": data["first_order_index_quantile"].sel(quantile=low).values,
                "first_order_upper": data["first_order_index_quantile"].sel(quantile=high).values,
                "total": data["total_index"].values,
                "total_lower": data["total_index_quantile"].sel(quantile=low).values,
                "total_upper": data["total_index_quantile"].sel(quantile=high).values,
                "at_low": self.tornado.sel(quantile=low).values,
                "at_high": self.tornado.sel(quantile=high).values,
            }
        ).sort_values("total", ascending=False, ignore_index=True, kind="stable")
        return table if locale == "en" else table.rename(columns=_COLUMNS)

    def sources(self, locale: str = "en") -> pd.Series:
        """Return the share of the variance that each source brings with all it has a part in.

        Parameters
        ----------
        locale : {"en", "zh"}
        """
        index = self.data["total_index_of_source"]
        names = [input_name(str(name), locale) for name in index["source"].values]
        return pd.Series(index.values, names, name="total_index_of_source")


def sensitivity(
    baseline: xr.Dataset | str,
    scenario: Scenario | str | Path,
    outcome: str,
    year: int,
    *,
    of: Literal["effect", "level"] = "effect",
    region: str | None = None,
    response: ResponseModel | str | Path = "default",
    uncertainty: str | Uncertainty = "default",
    demographic_noise: bool = False,
    samples: int = 512,
    seed: int = 1,
    threads: int | None = None,
) -> Sensitivity:
    """Share the variance of an outcome out over the assumptions behind it.

    Parameters
    ----------
    baseline, response, uncertainty, demographic_noise, seed, threads
        As in :func:`popsim.run`; the response must have parameters, as that of a file has.
    scenario : Scenario, str or path
    outcome : str
        An indicator of :func:`popsim.run` with one value a region and year.
    year : int
        Of a flow; a stock is taken at the end of the year.
    of : {"effect", "level"}
        The outcome with the policy less that without it, or the outcome with the policy.
    region : str, optional
        Needed when the baseline has several regions.
    samples : int
        Draws in each of the two samples, 8 at least; an index is uncertain by about the inverse of
        the root of this number.

    Returns
    -------
    Sensitivity

    Raises
    ------
    ScenarioError
        When the scenario cannot be read or does not apply in the region.
    DataError
        When an argument does not fit, the response has no parameters, or the outcome does not vary.

    Notes
    -----
    ``(inputs + sources + 2) × samples`` projections for the indices, twice ``inputs × samples`` for
    the one-at-a-time changes, all on the same two samples.

    Examples
    --------
    >>> grant = {"kind": "cash_transfer", "announced": "2023-01-01", "amount": {"2": "9000 CNY"},
    ...          "births": {"from": "2023-01-01"}}
    >>> scenario = Scenario.model_validate({
    ...     "schema": "popsim.scenario/1", "id": "grant", "regions": "all",
    ...     "gdp_per_head": "125043 CNY", "label": {"en": "A grant", "zh": "补助"},
    ...     "policies": {"grant": grant}})
    >>> found = sensitivity("zhejiang-2020", scenario, "births", 2025, samples=64)
    >>> found.table()["input"][0]
    'cash: effect of a small dose'
    """
    data = load_baseline(baseline) if isinstance(baseline, str) else baseline
    package = scenario if isinstance(scenario, Scenario) else read_scenario(scenario)
    doubt = uncertainty_named(uncertainty)
    regions = [str(code) for code in data["region"].values]
    there = [int(y) for y in data["year"].values]
    problems = Problems()
    if year not in there:
        problems.add(f"year {year} is not in the baseline ({there[0]} to {there[-1]})")
    if region is None and len(regions) > 1:
        problems.add(f"the baseline has {len(regions)} regions", instead=f"region={regions[0]!r}")
    if region is not None and region not in regions:
        problems.add(f"region {region!r} is not in the baseline ({', '.join(regions)})")
    if of not in ("effect", "level"):
        problems.add(f"of={of!r} is unknown", instead="effect or level")
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 8:
        problems.add(f"samples={samples!r} are too few", instead="samples=512")
    model = Response(read_response(response)) if isinstance(response, str | Path) else response
    if not isinstance(model, Response):
        problems.add(
            f"{type(model).__name__} has no parameters that could be varied",
            instead="response='default', a response file or a popsim.Response",
        )
    problems.raise_if_any(DataError)
    assert isinstance(model, Response)
    here = region or regions[0]
    if here not in covered_regions(package, data):
        raise DataError(f"scenario {package.id!r} does not apply in {here}")
    data = data.sel(region=[here])
    package = package.model_copy(update={"regions": (here,)})
    years = range(there[0], year + 1)
    sources = _sources(model, package, doubt, seed, demographic_noise)
    inputs = [name for members in sources.values() for name in members]
    low, high = INTERVAL
    blocks: list[Block] = [{}, dict.fromkeys(inputs, "b")]
    blocks += [{name: "b"} for name in inputs]
    blocks += [dict.fromkeys(members, "b") for members in sources.values()]
    held = [name for name in inputs if name != CHANCE]
    blocks += [{name: level} for name in held for level in (low, high)]
    repeated = Repeated(
        data,
        response=PlannedResponse(model, blocks, samples),
        uncertainty=doubt,
        demography=planned_factors(
            data, years, blocks, samples, seed, doubt, chance=demographic_noise
        ),
        years=years,
        draws=len(blocks) * samples,
        seed=seed,
        threads=threads,
    )
    without = value_by_draw(repeated.reference, outcome, here, year)
    values = value_by_draw(repeated.indicators(repeated.factor(package)), outcome, here, year)
    values = (values - without if of == "effect" else values).reshape(len(blocks), samples)
    d = len(inputs)
    result = xr.Dataset(coords={"input": inputs, "source": list(sources), "quantile": [low, high]})
    for suffix, dim, ab in (
        ("", "input", values[2 : 2 + d]),
        ("_of_source", "source", values[2 + d : 2 + d + len(sources)]),
    ):
        again = bootstrapped_indices(values[0], values[1], ab, seed=seed)
        found = sobol_indices(values[0], values[1], ab)
        for name, index, drawn in zip(("first_order", "total"), found, again, strict=True):
            result[f"{name}_index{suffix}"] = (dim, index)
            bounds = np.quantile(drawn, [low, high], axis=0)
            result[f"{name}_index{suffix}_quantile"] = (("quantile", dim), bounds)
    means = values[2 + d + len(sources) :].mean(axis=-1).reshape(len(held), 2)
    tornado = xr.DataArray(
        means,
        {"input": held, "quantile": [low, high]},
        ("input", "quantile"),
        name=outcome,
        attrs={
            "source": PAIRED_DIFFERENCE if of == "effect" else "projected",
            "centre": float(values[0].mean()),
        },
    )
    if CHANCE in inputs:
        # Chance has no low or high course; its bar has no length.
        tornado = tornado.reindex(input=inputs, fill_value=float(values[0].mean()))
    return Sensitivity(
        stamp(
            label(result, source="sensitivity"),
            f"sensitivity of {of} on {outcome} of {here} in {year} under {package.id}",
            outcome=outcome,
            of=of,
            year=year,
            region=here,
            samples=samples,
            seed=seed,
        ),
        tornado,
    )


def _sources(
    response: Response, package: Scenario, uncertainty: Uncertainty, seed: int, chance: bool
) -> dict[str, list[str]]:
    """Return the inputs that vary, by source."""
    varied = [name for name in DEMOGRAPHY if getattr(uncertainty, name) != "none"]
    sources = {"response": response_inputs(response, package, seed), "demography": varied}
    if chance:
        sources[CHANCE] = [CHANCE]
    return {source: members for source, members in sources.items() if members}
