"""Cases of rules: a birth of an order in a month, and what an instrument gives for it.

A case names ``order`` and ``born`` and some of ``months`` (number of payments that a family
weighs) with ``last`` (month of the last), ``total`` (their sum per child reached), ``paid`` (what
the payers spend per child reached), ``reached`` (per cent of births) and ``offers`` by channel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from popsim.policy.instruments import eligible_share, month, payments
from popsim.policy.kinds.cash import CashTransfer
from popsim.policy.kinds.instrument import Instrument
from popsim.units import parse


def born(text: str) -> int:
    year, number = text.split("-")
    return month(int(year), int(number))


def stated(case: dict[str, Any]) -> dict[str, float]:
    """Return what a case says, as numbers by name."""
    numbers: dict[str, float] = {}
    if "months" in case:
        numbers["months"] = case["months"]
        numbers["last"] = born(case["last"]) if case["months"] else 0
    for name in ("total", "paid"):
        if name in case:
            numbers[name] = parse(case[name], "CNY").value
    if "reached" in case:
        several = case["reached"] if isinstance(case["reached"], list) else [case["reached"]]
        numbers |= {f"reached {i}": share for i, share in enumerate(several)}
    return numbers | {f"offers {c}": amount for c, amount in case.get("offers", {}).items()}


def worked_out(policy: Instrument, case: dict[str, Any]) -> dict[str, float]:
    """Return what an instrument gives in a case, under the names of :func:`stated`."""
    order, birth = case["order"], born(case["born"])
    offsets = [o for t in policy.transfers() for o in payments(t, order, birth).offsets]
    numbers: dict[str, float] = {
        "months": len(offsets),
        "last": birth + max(offsets) if offsets else 0,
        "total": _total(policy.transfers(), order, birth),
        "paid": _total(policy.paid_out(), order, birth),
    }
    shares = enumerate(100 * transfer.reached for transfer in policy.transfers())
    numbers |= {f"reached {i}": share for i, share in shares}
    for channel in case.get("offers", {}):
        numbers[f"offers {channel}"] = sum(
            offer.amount[order - 1] * float(eligible_share(offer.births, np.array([birth]))[0])
            for offer in policy.offers()
            if offer.channel == channel
        )
    named = stated(case)
    # What a rule has none of, a share reached for instance, stays out and is missed.
    return {name: numbers[name] for name in numbers if name in named}


def promises_per_child(policy: Instrument) -> bool:
    """Say whether anything is given, offered or paid for a child."""
    return bool(policy.transfers() or policy.offers() or policy.paid_out())


def adds_something(policy: Instrument) -> bool:
    """Say whether that is more than before for a child of any order; unchanged leave is not."""
    money = [a.value for t in (*policy.transfers(), *policy.paid_out()) for a in t.amount.values()]
    return any(money) or any(any(offer.amount) for offer in policy.offers())


def _total(rules: tuple[CashTransfer, ...], order: int, birth: int) -> float:
    return float(sum(payments(rule, order, birth).amounts.sum() for rule in rules))
