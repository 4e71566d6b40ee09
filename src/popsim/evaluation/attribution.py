"""Which instrument of a package brings which births.

The value of a set of instruments is the additional births of a window with only these on:
reference, doses of the reference and random numbers stay the same. Shapley values share the
effect of the package out, draw by draw, so they add up to it in every draw. Instruments that
cost money and move nobody get exactly 0.

Tempo and quantum. A channel with log effect ``E`` and quantum share ``q`` acts through
``R[t] = E[t] - (1 - q) Σ_j w_j E[t-j]`` (:mod:`popsim.policy.response`), which is the lasting
part ``q E`` and the part brought forward and paid back, ``(1 - q)(E - Σ_j w_j E[t-j])``.
*Quantum births* are those of a projection with ``q E`` alone; *tempo births* are the rest of the
effect. In the years after an announcement tempo births are positive, after an end negative, and
under a constant dose nearly nothing once the payback years are over. Births that last are fewer
than the share q, because a woman who has had the child cannot have it again: the projection
takes that into account in both parts.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from popsim.data.samples import load_baseline
from popsim.dataset import label, stamp
from popsim.demography.uncertainty import Uncertainty
from popsim.errors import DataError
from popsim.evaluation.shapley import joining_orders, sampled_shapley_values, shapley_values
from popsim.evaluation.windows import window_of
from popsim.policy.files import read_scenario
from popsim.policy.model import Scenario
from popsim.policy.response import Response, ResponseModel
from popsim.simulation import Repeated

__all__ = ["Attribution", "attribute", "lasting_part"]

Array = NDArray[np.float64]
#: All 2ⁿ sets are run up to this many instruments.
EXACT = 8
_COLUMNS = {
    "policy": "政策工具",
    "births": "新增出生人数",
    "lower_80": "80%区间下限",
    "upper_80": "80%区间上限",
    "share": "占比",
    "first": "其中：一孩",
    "second": "二孩",
    "third_and_over": "三孩及以上",
    "quantum": "持久部分（数量效应）",
    "tempo": "提前部分（进度效应）",
    "chance_of_no_gain": "无新增的概率",
    "standard_error": "抽样标准误",
}


def lasting_part(response: Response) -> Response:
    """Return a response without what is brought forward: only its lasting part, ``q E``."""
    lasting = copy.copy(response)
    lasting.lasting_only = True
    return lasting


@dataclass(frozen=True)
class Attribution:
    """What each instrument adds to the births of a window.

    Attributes
    ----------
    data : xarray.Dataset
        ``attributed_births`` (region, policy, birth_order, draw) [birth] and, where the response
        has a quantum share, ``attributed_quantum_births`` and ``attributed_tempo_births``, which
        add up to it; ``package_births`` (region, birth_order, draw), the effect of all together;
        ``attributed_births_standard_error`` (region, policy) of the mean over draws, 0 when all
        sets of instruments were run. ``attrs``: ``first_year``, ``last_year``, ``projections``.
    """

    data: xr.Dataset

    def table(self, locale: str = "en", *, region: str | None = None) -> pd.DataFrame:
        """Return one row an instrument and one for the package.

        Parameters
        ----------
        locale : {"en", "zh"}
            Language of the columns.
        region : str, optional
            One region; all regions of the data together when it is not given.

        Returns
        -------
        pandas.DataFrame
            Mean additional births with their 80 % interval over draws, the share of the package,
            births by order, quantum and tempo, the share of draws without a gain, and the standard
            error that sampled orders leave.

        Raises
        ------
        DataError
            When the language or the region is not there.
        """
        if locale not in ("en", "zh"):
            raise DataError(f"no table in {locale!r}; write: en or zh")
        data = self.data
        if region is not None:
            there = [str(code) for code in data["region"].values]
            if region not in there:
                raise DataError(f"region {region!r} is not in the run ({', '.join(there)})")
            data = data.sel(region=[region])
        here = data.drop_vars("attributed_births_standard_error").sum("region")
        error = (data["attributed_births_standard_error"] ** 2).sum("region") ** 0.5
        total = float(here["package_births"].sum("birth_order").mean("draw"))
        names = [str(name) for name in here["policy"].values]
        rows = [
            _row(
                name,
                {
                    str(part): here[part].sel(policy=name)
                    for part in here
                    if "policy" in here[part].dims
                },
                total,
                float(error.sel(policy=name)),
            )
            for name in names
        ]
        whole = {
            str(part): here[part].sum("policy") for part in here if "policy" in here[part].dims
        }
        whole["attributed_births"] = here["package_births"]
        rows.append(_row({"en": "all together", "zh": "合计"}[locale], whole, total, 0.0))
        table = pd.DataFrame(rows)
        return table if locale == "en" else table.rename(columns=_COLUMNS)


def _row(
    name: str, parts: Mapping[str, xr.DataArray], total: float, error: float
) -> dict[str, Any]:
    births = parts["attributed_births"]
    summed = births.sum("birth_order")
    low, high = summed.quantile([0.1, 0.9], "draw").values.tolist()
    mean = births.mean("draw")
    row: dict[str, Any] = {
        "policy": name,
        "births": float(summed.mean("draw")),
        "lower_80": float(low),
        "upper_80": float(high),
        "share": float(summed.mean("draw")) / total if total else float("nan"),
        "first": float(mean.sel(birth_order=1)),
        "second": float(mean.sel(birth_order=2)),
        "third_and_over": float(mean.sel(birth_order=slice(3, None)).sum()),
    }
    for part in ("quantum", "tempo"):
        if f"attributed_{part}_births" in parts:
            row[part] = float(parts[f"attributed_{part}_births"].sum("birth_order").mean("draw"))
    row["chance_of_no_gain"] = float((summed <= 0).mean("draw"))
    row["standard_error"] = error
    return row


def attribute(
    baseline: xr.Dataset | str,
    scenario: Scenario | str | Path,
    *,
    window: str | tuple[int, int] = "period",
    response: ResponseModel | str | Path = "default",
    uncertainty: str | Uncertainty = "default",
    demography: xr.Dataset | None = None,
    draws: int | range = 500,
    seed: int = 1,
    pairs: int = 32,
    threads: int | None = None,
) -> Attribution:
    """Share the additional births of a package out over its instruments, by Shapley values.

    Parameters
    ----------
    baseline, response, uncertainty, demography, draws, seed, threads
        As in :func:`popsim.run`.
    scenario : Scenario, str or path
    window : {"period", "lasting"} or tuple of int
        Years of birth counted, see :func:`popsim.evaluation.windows.window_of`.
    pairs : int
        With more than 8 instruments, pairs of an order of joining and its reverse that are
        sampled, 2 at least; with up to 8 every set is run.

    Returns
    -------
    Attribution

    Raises
    ------
    ScenarioError
        When the scenario cannot be read, has no policy, or names a region that is not in the data.
    DataError
        When window, draws, pairs, uncertainty or trajectories do not fit.

    Notes
    -----
    ``v(S)`` is the births of the window with the instruments S minus those of the reference; sets
    that move birth rates alike are projected once.

    References
    ----------
    Shapley (1953); see :mod:`popsim.evaluation.shapley`.

    Examples
    --------
    >>> grant = {"kind": "cash_transfer", "announced": "2023-01-01", "births": {"from": "2023-01-01"}}
    >>> scenario = Scenario.model_validate({
    ...     "schema": "popsim.scenario/1", "id": "two", "regions": "all",
    ...     "gdp_per_head": "125043 CNY", "label": {"en": "Two grants", "zh": "两项补助"},
    ...     "policies": {"second": {**grant, "amount": {"2": "9000 CNY"}},
    ...                  "third": {**grant, "amount": {"3": "9000 CNY"}}}})
    >>> found = attribute("zhejiang-2020", scenario, draws=4).data
    >>> bool(np.allclose(found.attributed_births.sum("policy"), found.package_births))
    True
    """  # noqa: E501 - a line of an example
    data = load_baseline(baseline) if isinstance(baseline, str) else baseline
    package = scenario if isinstance(scenario, Scenario) else read_scenario(scenario)
    first, last = window_of(window, package, data)
    names = list(package.policies)
    if pairs < 2:
        raise DataError(f"pairs={pairs} says nothing of the error of sampling; write: pairs=32")
    repeated = Repeated(
        data,
        response=response,
        uncertainty=uncertainty,
        demography=demography,
        years=range(int(data["year"].values[0]), last + 1),
        draws=draws,
        seed=seed,
        threads=threads,
    )
    models: list[ResponseModel] = [repeated.response]
    if isinstance(repeated.response, Response):
        models.append(lasting_part(repeated.response))
    known: dict[bytes, Array] = {}

    def births(factor: xr.DataArray) -> Array:
        key = factor.values.tobytes()
        if key not in known:
            counted = repeated.births(factor).sel(year=slice(first, last)).sum("year")
            known[key] = counted.transpose("region", "birth_order", "draw").values
        return known[key]

    def value(group: frozenset[int]) -> Array:
        only = package.with_only(*(names[i] for i in sorted(group)))
        return np.stack([births(repeated.factor(only, response=model)) for model in models])

    nobody, everybody = value(frozenset()), value(frozenset(range(len(names))))
    if len(names) <= EXACT:
        shared = shapley_values(value, len(names))
        error = np.zeros((len(names), len(repeated.regions)))
    else:
        orders = joining_orders(len(names), pairs, seed)
        shared, by_pair = sampled_shapley_values(value, len(names), orders)
        mean = by_pair[:, :, 0].sum(axis=-2).mean(axis=-1)
        error = mean.std(axis=0, ddof=1) / np.sqrt(pairs)
    dims = ("policy", "region", "birth_order", "draw")
    found = xr.Dataset(
        {
            "attributed_births": (dims, shared[:, 0]),
            "package_births": (dims[1:], everybody[0] - nobody[0]),
            "attributed_births_standard_error": (dims[:2], error),
        },
        coords={
            "policy": names,
            "region": repeated.regions,
            "birth_order": repeated.reference["birth_order"].values,
            "draw": list(repeated.draws),
        },
    )
    if len(models) > 1:
        found["attributed_quantum_births"] = (dims, shared[:, 1])
        found["attributed_tempo_births"] = (dims, shared[:, 0] - shared[:, 1])
    return Attribution(
        stamp(
            label(found.transpose("region", "policy", "birth_order", "draw"), source="attributed"),
            f"attributed {package.id} to its instruments, births of {first}-{last}",
            scenario=package.id,
            first_year=first,
            last_year=last,
            projections=len(known),
            seed=seed,
        )
    )
