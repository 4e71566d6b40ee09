"""What a policy costs, and what it costs per additional birth.

Cash is promised to a child at birth; childcare places are paid for in the year in which they are
built and used (:mod:`popsim.policy.services`). Money and births always belong to the same
instruments: those that act through money alone with the births that they bring alone, or the
whole package with all its births.

Births are spread evenly over the months of their year. Deaths of children are ignored, less than
1 % of the payments at China's child mortality. Payments follow the rule, times take-up, and are not
discounted; an instrument that says how prices rise is in prices of its announcement.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from popsim.dataset import label
from popsim.policy.fields import ORDERS, PAYERS
from popsim.policy.instruments import (
    DISCOUNT_RATE,
    cash_policies,
    eligible_share,
    month,
    paid_per_child,
    paid_span,
    per_month,
    present_value,
    price_factor,
)
from popsim.policy.kinds.cash import CashTransfer
from popsim.policy.model import Scenario

__all__ = [
    "MID_YEAR",
    "UNSTATED",
    "WINDOWS",
    "cost_per_additional_birth",
    "payer_shares",
    "payments_by_year",
    "promised_per_birth",
]

WINDOWS = {"period": 5, "lasting": 30}
"""Years of birth counted from the year of the announcement: the births of the period, and those
that are left when what was brought forward has been paid back."""
UNSTATED = "unstated"
"""Payer of an instrument that does not say who pays."""

MID_YEAR = float(np.mean((1 + DISCOUNT_RATE) ** (-np.arange(12) / 12.0)))
"""Value on 1 January of one CNY paid evenly over the months of the year."""
_PER_COST = (
    "cost_per_additional_birth",
    "cost_per_additional_birth_discounted",
    "cost_per_additional_birth_quantile",
    "deadweight_share",
)


def _payment_table(policy: CashTransfer, years: np.ndarray) -> np.ndarray:
    """Return CNY per birth, dims (year of birth, birth_order, year of payment)."""
    months = np.arange(month(years[0], 1), month(years[-1] + 1, 1))
    begin, ends = paid_span(policy, months)
    share = eligible_share(policy.births, months) * policy.reached / 12.0
    born = (months - months[0]) // 12
    table = np.zeros((len(years), len(ORDERS), len(years)))
    for offset in range(int(begin.min()), int(np.ceil(ends.max()))):
        paid = (months + offset - months[0]) // 12
        counts = (begin <= offset) & (paid >= 0) & (paid < len(years))
        part = share * price_factor(policy, months + offset)
        for order in range(len(ORDERS)):
            # A cap may end the payments within a month.
            due = part * np.clip(ends[order] - offset, 0.0, 1.0)
            np.add.at(table[:, order], (born[counts], paid[counts]), due[counts])
    money = np.array([per_month(policy, order) for order in ORDERS])
    return np.asarray(money[None, :, None] * table)


def payments_by_year(scenario: Scenario, births: np.ndarray, years: np.ndarray) -> xr.DataArray:
    """Return what each instrument that spends money per child pays in each year.

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
        CNY, dims (policy, draw, year).
    """
    policies = paid_per_child(scenario)
    money = [
        sum(np.tensordot(births, _payment_table(rule, years), 2) for rule in rules)
        for rules in policies.values()
    ]
    return xr.DataArray(
        np.stack(money) if money else np.zeros((0, len(births), len(years))),
        dims=("policy", "draw", "year"),
        coords={"policy": list(policies), "year": years},
        name="payments",
        attrs={"units": "CNY", "long_name": "Payments by policy", "long_name_zh": "按政策发放金额"},
    )


def payer_shares(scenario: Scenario) -> xr.DataArray:
    """Return who pays what part of each instrument.

    Parameters
    ----------
    scenario : Scenario

    Returns
    -------
    xarray.DataArray
        Fractions, dims (policy, payer); ``unstated`` bears an instrument without ``payers``.
        ``payments * payer_share`` is the bill of each payer.

    Examples
    --------
    >>> from popsim.policy.files import baseline
    >>> payer_shares(baseline()).sizes["policy"]
    0
    """
    payers = [*PAYERS, UNSTATED]
    table = np.zeros((len(scenario.policies), len(payers)))
    for row, policy in zip(table, scenario.policies.values(), strict=True):
        if policy.payers is None:
            row[-1] = 1.0
        else:
            for payer, share in policy.payers.items():
                row[payers.index(payer)] = share.to("1").value
    return xr.DataArray(
        table,
        dims=("policy", "payer"),
        coords={"policy": list(scenario.policies), "payer": payers},
        name="payer_share",
    )


def promised_per_birth(
    scenario: Scenario, years: range, *, instruments: str = "cash"
) -> xr.DataArray:
    """Return what the instruments of a scenario promise to a birth of each year and order.

    All payments to the child count, also those after the last year, times take-up, discounted
    at 4 % a year to 1 January of the year of birth.

    Parameters
    ----------
    scenario : Scenario
    years : range
        Years of birth.
    instruments : {"cash", "all"}
        Those that act through money alone, or all that spend money per child.

    Returns
    -------
    xarray.DataArray
        CNY per birth, dims (year, birth_order).

    Examples
    --------
    >>> policy = {"kind": "cash_transfer", "announced": "2023-01-01", "amount": "500 CNY",
    ...           "births": {"from": "2023-01-01"}, "take_up": "80 %"}
    >>> scenario = Scenario.model_validate({
    ...     "schema": "popsim.scenario/1", "id": "grant", "regions": "all",
    ...     "label": {"en": "A grant", "zh": "补助"}, "policies": {"grant": policy}})
    >>> promised_per_birth(scenario, range(2022, 2024)).sel(birth_order=2).values.round(1)
    array([  0. , 392.9])
    """
    months = np.arange(month(years.start, 1), month(years.stop, 1))
    waiting = (1 + DISCOUNT_RATE) ** (-((months - months[0]) % 12) / 12.0)
    value = np.zeros((len(ORDERS), len(months)))
    counted = cash_policies(scenario) if instruments == "cash" else scenario.policies
    for name, rules in paid_per_child(scenario).items():
        for rule in rules if name in counted else ():
            value += present_value([rule], months) * rule.reached
    by_year = (value * waiting).reshape(len(ORDERS), len(years), 12).mean(axis=-1)
    return xr.DataArray(
        by_year.T,
        dims=("year", "birth_order"),
        coords={"year": list(years), "birth_order": list(ORDERS)},
        name="promised_per_birth",
    )


def cost_per_additional_birth(
    births: xr.DataArray,
    births_ref: xr.DataArray,
    promised: xr.DataArray,
    promised_ref: xr.DataArray | None = None,
    *,
    start: int | None = None,
    services: xr.DataArray | None = None,
    services_anyway: xr.DataArray | None = None,
    probabilities: tuple[float, ...] = (0.1, 0.5, 0.9),
) -> xr.Dataset:
    """Return what an additional birth costs, over the births of a period and for good.

    ``Σ (B v - B_ref v_ref) / Σ (B - B_ref)`` over the years of birth of a window; ``v`` is the
    money promised per birth, discounted at 4 % a year to the start of the window. The headline
    is a ratio of means over draws, because the mean of the ratio does not exist; a draw without
    additional births counts as infinite in the quantiles. Deadweight is what is paid for births
    that would have happened anyway, ``Σ v min(B, B_ref)``.

    Parameters
    ----------
    births, births_ref : xarray.DataArray
        Births of paired draws [birth], dims (year, birth_order, draw, ...).
    promised, promised_ref : xarray.DataArray
        From :func:`promised_per_birth` [CNY], dims (year, birth_order); the reference promises
        nothing when it is not given.
    start : int, optional
        First year of birth counted, usually that of the announcement: children born before are
        paid by some schemes, and cannot have been a response. The first year with a promise when
        it is not given.
    services, services_anyway : xarray.DataArray, optional
        Money for places, care and other measures less the reference's, and the part of it for
        places that come anyway [CNY], dims (year, draw, ...). It is counted in the years of the
        window, spread evenly over the months of a year.
    probabilities : tuple of float
        Quantiles over draws.

    Returns
    -------
    xarray.Dataset
        Dims (window, ...): ``first_year`` and ``last_year`` of the births counted (a window is
        cut at the last year of the run), ``cash_cost`` [CNY], or ``package_cost`` with
        ``services``, ``additional_births``,
        ``cost_per_additional_birth`` and ``cost_per_additional_birth_quantile`` [CNY/birth],
        ``cost_per_additional_birth_discounted`` [CNY/birth] with births discounted like the money,
        ``chance_of_no_gain`` and ``deadweight_share``. Not a number where nothing is paid; empty
        when nothing is promised before the run ends.

    Examples
    --------
    >>> years = {"year": [2023, 2024], "birth_order": [2], "draw": [0, 1]}
    >>> dims = ("year", "birth_order", "draw")
    >>> before = xr.DataArray(np.full((2, 1, 2), 100.0), coords=years, dims=dims)
    >>> after = before + xr.DataArray([10.0, 0.0], dims="draw")
    >>> promised = xr.DataArray([[1000.0], [0.0]], dims=("year", "birth_order"),
    ...     coords={"year": [2023, 2024], "birth_order": [2]})
    >>> cost = cost_per_additional_birth(after, before, promised).sel(window="period")
    >>> float(cost.cost_per_additional_birth), float(cost.chance_of_no_gain)
    (10500.0, 0.5)
    """
    if promised_ref is None:
        promised_ref = xr.zeros_like(promised)
    more = promised - promised_ref
    others = [dim for dim in more.dims if dim != "year"]
    paying = more["year"].values[(more != 0).any(others).values]
    name = "cash_cost" if services is None else "package_cost"
    if services is not None:
        spent = (services != 0).any([dim for dim in services.dims if dim != "year"])
        paying = np.union1d(paying, services["year"].values[spent.values])
    if start is not None:
        paying = paying[paying >= start]
    if not paying.size or births["year"].values[-1] < paying[0]:
        return xr.Dataset()
    first = int(paying[0])
    found = []
    for years in WINDOWS.values():
        last = min(first + years - 1, int(births["year"].values[-1]))
        inside = slice(first, last)
        waiting = (1 + DISCOUNT_RATE) ** -(more["year"].sel(year=inside) - first)
        ours, theirs = births.sel(year=inside), births_ref.sel(year=inside)
        over = ["year", "birth_order"]
        money = ours * promised.sel(year=inside) - theirs * promised_ref.sel(year=inside)
        cost = (money * waiting).sum(over)
        gained = (ours - theirs).sum(over)
        kept = ours.where(ours < theirs, theirs)
        anyway = (kept * more.sel(year=inside) * waiting).sum(over)
        if services is not None:
            cost = cost + (services.sel(year=inside) * waiting * MID_YEAR).sum("year")
        if services_anyway is not None:
            anyway = anyway + (services_anyway.sel(year=inside) * waiting * MID_YEAR).sum("year")
        ratio = (cost / gained.where(gained > 0)).fillna(np.inf)
        result = xr.Dataset(
            {
                "first_year": first,
                "last_year": last,
                name: cost.mean("draw"),
                "additional_births": gained.mean("draw"),
                "cost_per_additional_birth": _each(cost, gained),
                "cost_per_additional_birth_discounted": _each(
                    cost, ((ours - theirs) * waiting).sum(over)
                ),
                # Quantiles are draws themselves: between a number and infinity there is no mean.
                "cost_per_additional_birth_quantile": ratio.quantile(
                    list(probabilities), "draw", method="inverted_cdf"
                ),
                "chance_of_no_gain": (gained <= 0).mean("draw"),
                "deadweight_share": anyway.mean("draw") / cost.mean("draw"),
            }
        )
        for per_cost in _PER_COST:
            # Where nothing is paid, a cost per birth says nothing.
            result[per_cost] = result[per_cost].where(result[name] > 0)
        found.append(result)
    return label(xr.concat(found, xr.Variable("window", list(WINDOWS))), source="projected")


def _each(cost: xr.DataArray, gained: xr.DataArray) -> xr.DataArray:
    """Return mean cost over mean gain, infinite where nothing is gained."""
    gain = gained.mean("draw")
    return (cost.mean("draw") / gain).where(gain > 0, np.inf)
