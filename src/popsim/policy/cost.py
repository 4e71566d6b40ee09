"""What a policy costs, and what it costs per additional birth.

Only cash transfers are costed. Construction grants and operating subsidies of childcare need
the places built and used and come later; until then a cost per additional birth is refused for
scenarios that contain them, because cost and births must refer to the same instruments.

Births are spread evenly over the months of their year. Deaths of children are ignored, less than
1 % of the payments at China's child mortality. Payments are nominal and follow the rule, times
take-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from popsim.errors import DataError, ScenarioError
from popsim.policy.fields import ORDERS
from popsim.policy.instruments import (
    DISCOUNT_RATE,
    cash_transfers,
    eligible_share,
    month,
    paid_span,
    per_month,
    present_value,
)
from popsim.policy.model import CashTransfer, Scenario

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "LASTING_YEARS",
    "PERIOD_YEARS",
    "CostPerBirth",
    "cost_per_birth",
    "payments_by_year",
    "value_per_birth",
]

PERIOD_YEARS = 5
"""Years of the window in which the births of the period are counted."""

LASTING_YEARS = 30
"""Years of the window after which what was brought forward has been paid back."""


def _payment_table(policy: CashTransfer, years: np.ndarray) -> np.ndarray:
    """Return CNY per birth, dims (year of birth, birth_order, year of payment)."""
    months = np.arange(month(years[0], 1), month(years[-1] + 1, 1))
    begin, end = paid_span(policy, months)
    share = eligible_share(policy.births, months) * policy.take_up.to("1").value / 12.0
    born = (months - months[0]) // 12
    table = np.zeros((len(years), len(years)))
    for offset in range(int(begin.min()), int(end.max())):
        paid = (months + offset - months[0]) // 12
        counts = (begin <= offset) & (offset < end) & (paid >= 0) & (paid < len(years))
        np.add.at(table, (born[counts], paid[counts]), share[counts])
    money = np.array([per_month(policy, order) for order in ORDERS])
    return np.asarray(money[None, :, None] * table[:, None, :])


def payments_by_year(scenario: Scenario, births: np.ndarray, years: np.ndarray) -> xr.DataArray:
    """Return what is paid in each year by each cash transfer.

    Parameters
    ----------
    scenario : Scenario
    births : numpy.ndarray
        Births under the scenario, dims (draw, year, birth_order).
    years : numpy.ndarray
        Consecutive years, shape (year,). Children born before the first are not in ``births``
        and what they are paid is not in the result.

    Returns
    -------
    xarray.DataArray
        Nominal CNY, dims (policy, draw, year).
    """
    import xarray as xr

    policies = cash_transfers(scenario)
    money = [np.tensordot(births, _payment_table(p, years), 2) for p in policies.values()]
    return xr.DataArray(
        np.stack(money) if money else np.zeros((0, len(births), len(years))),
        dims=("policy", "draw", "year"),
        coords={"policy": list(policies), "year": years},
        name="payments",
        attrs={"units": "CNY", "long_name": "Payments by policy", "long_name_zh": "按政策发放金额"},
    )


def value_per_birth(scenario: Scenario, window: range) -> np.ndarray:
    """Return the present value of all payments promised per birth, by year of birth.

    Payments after the window to children born in it are included; discounted at 4 % a year to
    the first January of the window.

    Parameters
    ----------
    scenario : Scenario
    window : range
        Years of birth.

    Returns
    -------
    numpy.ndarray
        CNY per birth, take-up included, dims (year, birth_order).

    Examples
    --------
    >>> policy = {"kind": "cash_transfer", "announced": "2023-01-01", "amount": "500 CNY",
    ...           "births": {"from": "2023-01-01"}, "take_up": "80 %"}
    >>> scenario = Scenario.model_validate({
    ...     "schema": "popsim.scenario/1", "id": "grant", "regions": "all",
    ...     "label": {"en": "A grant", "zh": "补助"}, "policies": {"grant": policy}})
    >>> value_per_birth(scenario, range(2023, 2025))[:, 1].round(1)
    array([392.9, 377.8])
    """
    months = np.arange(month(window.start, 1), month(window.stop, 1))
    waiting = (1 + DISCOUNT_RATE) ** (-(months - months[0]) / 12.0)
    value = np.zeros((len(ORDERS), len(months)))
    for policy in cash_transfers(scenario).values():
        value += present_value([policy], months) * policy.take_up.to("1").value
    by_year = (value * waiting).reshape(len(ORDERS), len(window), 12).mean(axis=-1)
    return np.asarray(by_year.T)


@dataclass(frozen=True)
class CostPerBirth:
    """Cost per additional birth in a window of years of birth.

    Parameters
    ----------
    window : range
        Years of birth.
    cost : float
        Mean present value of the payments, scenario minus reference [CNY].
    additional_births : float
        Mean births, scenario minus reference.
    headline : float
        ``cost / additional_births`` [CNY/birth], infinite when there are none.
    quantiles : dict of float to float
        Quantiles over draws of cost per additional birth [CNY/birth]; a draw without additional
        births counts as infinite.
    share_without_gain : float
        Share of draws without additional births.
    deadweight_share : float
        Share of the cost that goes to births that would have happened anyway.
    """

    window: range
    cost: float
    additional_births: float
    headline: float
    quantiles: dict[float, float]
    share_without_gain: float
    deadweight_share: float


def cost_per_birth(
    scenario: Scenario,
    reference: Scenario,
    births: np.ndarray,
    births_ref: np.ndarray,
    years: np.ndarray,
    window: range,
    quantiles: tuple[float, ...] = (0.1, 0.5, 0.9),
) -> CostPerBirth:
    """Return the cost per additional birth of the cash transfers of a scenario.

    ``Σ PV(payments) / Σ (B_scn − B_ref)`` over the births of the window. The headline is a ratio
    of means, because the mean of the ratio does not exist. Deadweight is
    ``Σ payment × min(B_ref, B_scn)`` by order and year.

    Parameters
    ----------
    scenario, reference : Scenario
    births, births_ref : numpy.ndarray
        Births of paired draws, dims (draw, year, birth_order).
    years : numpy.ndarray
        Shape (year,).
    window : range
        Years of birth counted, usually the first 5 (period) and the first 30 (lasting).
    quantiles : tuple of float
        Probabilities.

    Returns
    -------
    CostPerBirth

    Raises
    ------
    ScenarioError
        When the scenario has policies that differ from the reference and are not costed.
    DataError
        When the window is not inside the years, or the scenario costs no more than the reference.
    """
    uncosted = [
        name
        for name, policy in scenario.policies.items()
        if not isinstance(policy, CashTransfer) and reference.policies.get(name) != policy
    ]
    if uncosted:
        cash = ", ".join(repr(name) for name in cash_transfers(scenario))
        raise ScenarioError(
            f"{', '.join(uncosted)} of scenario {scenario.id!r} cannot be costed, so births and "
            f"cost would not belong together; write: scenario.with_only({cash})"
        )
    if window.start < years[0] or window.stop - 1 > years[-1]:
        raise DataError(
            f"the window {window.start}-{window.stop - 1} is not inside the years "
            f"{years[0]}-{years[-1]}"
        )
    inside = slice(window.start - int(years[0]), window.stop - int(years[0]))
    ours, theirs = births[:, inside], births_ref[:, inside]
    value, value_ref = value_per_birth(scenario, window), value_per_birth(reference, window)
    cost = (ours * value - theirs * value_ref).sum(axis=(1, 2))
    if not cost.mean() > 0:
        raise DataError(
            f"scenario {scenario.id!r} costs no more than {reference.id!r} in "
            f"{window.start}-{window.stop - 1}"
        )
    gained = (ours - theirs).sum(axis=(1, 2))
    ratio = np.full(len(gained), np.inf)
    np.divide(cost, gained, out=ratio, where=gained > 0)
    anyway = (np.minimum(ours, theirs) * (value - value_ref)).sum(axis=(1, 2))
    mean_gain = float(gained.mean())
    return CostPerBirth(
        window=window,
        cost=float(cost.mean()),
        additional_births=mean_gain,
        headline=float(cost.mean()) / mean_gain if mean_gain > 0 else float("inf"),
        # Quantiles are draws themselves: between a number and infinity there is no mean.
        quantiles={q: float(np.quantile(ratio, q, method="inverted_cdf")) for q in quantiles},
        share_without_gain=float((gained <= 0).mean()),
        deadweight_share=float(anyway.mean() / cost.mean()),
    )
