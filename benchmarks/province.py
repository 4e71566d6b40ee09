"""A province of many counties and scenarios for the benchmarks. ILLUSTRATIVE throughout.

Nothing here describes a real county: the people of Zhejiang are split over codes that mostly do not
exist, by shares that fall like those of many size distributions, and fertility and migration are
bent a little so that no two counties are alike.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from popsim import load_baseline
from popsim.policy.files import read_scenario
from popsim.policy.model import Scenario

COUNTIES, SCENARIOS, YEARS = 90, 50, 80

#: CNY a month for a second and a third child; the prenatal grant and childcare stay as they are.
CASH = ((0, 300), (100, 300), (300, 600), (500, 1000), (1000, 2000), (0, 3000), (2000, 2000))
#: Childcare places per 1,000 residents in 2028.
PLACES = (4.0, 4.5, 5.0, 5.5, 6.0, 7.0, 8.0)


def shares(counties: int = COUNTIES) -> np.ndarray:
    """Return the part of the province in each county, ``1 / (20 + i)`` over the sum of these."""
    part = 1.0 / (20.0 + np.arange(counties))
    return np.asarray(part / part.sum())


def codes(counties: int = COUNTIES) -> list[str]:
    """Return codes under 330000, ten to a city."""
    return [f"33{1 + i // 10:02d}{1 + i % 10:02d}" for i in range(counties)]


def province(counties: int = COUNTIES, years: int = YEARS) -> xr.Dataset:
    """Return a baseline of counties for a number of years.

    The embedded baseline ends in 2060; its last year stands for all later ones. People, women by
    parity and net migration are split by :func:`shares`; the fertility factor of county i is
    ``1 + 0.1 sin i`` of the province's, its net migration ``cos i`` of its share.
    """
    whole = load_baseline("zhejiang-2020")
    first = int(whole["year"].values[0])
    data = whole.reindex(year=np.arange(first, first + years), method="ffill")
    i = xr.DataArray(np.arange(counties, dtype=float), dims="region")
    part = xr.DataArray(shares(counties), dims="region")
    split = {}
    for name, array in data.data_vars.items():
        own = array.isel(region=0, drop=True).reset_coords(drop=True).expand_dims(region=counties)
        if name in ("population", "women_by_parity", "net_migration"):
            own = own * part
        if name == "net_migration":
            own = own * np.cos(i)
        if name == "fertility_factor":
            own = own * (1 + 0.1 * np.sin(i))
        split[name] = own.transpose(*array.dims).assign_attrs(array.attrs)
    made = xr.Dataset(split, attrs=data.attrs)
    names = codes(counties)
    return made.assign_coords(
        region=names,
        region_name=("region", [f"county {code}" for code in names]),
        region_name_zh=("region", [f"县{code}" for code in names]),
        base_time=data["base_time"],
    )


def one_parity(data: xr.Dataset) -> xr.Dataset:
    """Return a province without parity: one order, of births to all women at the first rates."""
    women, rates = data["women_by_parity"], data["conditional_fertility_rate"]
    at_risk = women.rename(parity="birth_order").assign_coords(birth_order=rates["birth_order"])
    total = women.sum("parity")
    births = (at_risk * rates).sum("birth_order")
    rate = (births / total.where(total > 0)).fillna(0.0).expand_dims(birth_order=[1])
    order = {"birth_order": [0]}
    made = data.drop_dims("parity").isel(order)
    made["women_by_parity"] = total.expand_dims(parity=[0]).transpose(*women.dims)
    made["conditional_fertility_rate"] = rate.transpose(*rates.dims)
    return made


def packages(scenarios: int = SCENARIOS) -> list[Scenario]:
    """Return scenarios besides the reference: cash by childcare, each with a trial of three years.

    The first packages of a few are as unlike as those of all.
    """
    model = read_scenario("scenarios/zhejiang-as-qingyuan.yaml")
    made = []
    for j in range(scenarios - 1):
        second, third = CASH[j % len(CASH)]
        target = PLACES[(j + j // len(CASH)) % len(PLACES)]
        given = model.model_dump(by_alias=True, mode="json")
        given |= {"id": f"package-{j + 1:02d}", "extends": None}
        policies = given["policies"]
        policies["childcare_subsidy"]["amount"] = {
            "2": f"{second} CNY/month",
            "3": f"{third} CNY/month",
        }
        policies["childcare_places"]["target"] = {"2028": f"{target} places/1000 residents"}
        if j % 3 == 2:
            policies["childcare_subsidy"]["births"] = {"from": "2023-01-01", "to": "2025-12-31"}
        made.append(Scenario.model_validate(given))
    return made
