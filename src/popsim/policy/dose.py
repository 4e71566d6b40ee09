"""Doses: what a policy offers, in per cent of GDP per head or of children under 3, or in days."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np

from popsim.errors import ScenarioError
from popsim.policy.fields import ORDERS
from popsim.policy.instruments import dose_value, eligible_share, month_of
from popsim.policy.kinds.childcare import ChildcareCapacity
from popsim.policy.kinds.instrument import Instrument
from popsim.policy.model import Scenario

__all__ = [
    "CARE_ENDS",
    "NATIONAL_PLACES",
    "SHARE_WANTING_A_PLACE",
    "UTILISATION",
    "CapacityPath",
    "Doses",
    "End",
    "capacity",
    "capacity_path",
    "channel_doses",
    "childcare_dose",
    "money_basis",
    "reference_places",
    "utilisation_path",
]

NATIONAL_PLACES = {2021: 2.03, 2022: 2.5, 2023: 3.38, 2024: 4.08}
"""Childcare places per 1,000 residents in China (National Health Commission)."""

SHARE_WANTING_A_PLACE = 0.35
"""Share of children under 3 whose families want a place: about 35 %, as the National Health
Commission and the press report it."""

UTILISATION = 0.5
"""Share of places in use when the response does not say; about half of China's stand empty."""


CARE_ENDS = 36
"""Months of age at which a child leaves childcare for kindergarten."""


@dataclass(frozen=True)
class Doses:
    """What the policies of a scenario offer through one channel.

    Parameters
    ----------
    announced : numpy.ndarray
        Month since which couples answer, ascending, shape (policy,): that of the announcement, or
        of the policy that this one renews without a gap.
    dose : numpy.ndarray
        Per cent (of what money is compared with, of births) or days, dims (policy, birth_order,
        month); zero for births less than a lag after the announcement.
    passed : numpy.ndarray
        The same for what providers get and pass on in part; not in ``dose``.
    ends : list of End
        Policies whose births window ends on a day that is known before.
    """

    announced: np.ndarray
    dose: np.ndarray
    passed: np.ndarray
    ends: list[End]


@dataclass(frozen=True)
class End:
    """The known end of births windows in a month.

    Parameters
    ----------
    month, known, start : int
        Last month of births, the month in which the end became known, and the first of births.
    lost : numpy.ndarray
        Dose of that month less that of the next, of what is known to end; less what was known to
        be lost before; shape (birth_order,).
    """

    month: int
    known: int
    start: int
    lost: np.ndarray


def money_basis(scenario: Scenario, of: str, gdp_per_head: float | None) -> float:
    """Return what money is compared with [CNY].

    Parameters
    ----------
    scenario : Scenario
        Its own value goes before the region's.
    of : {"gdp_per_head", "household_income", "child_cost"}
        GDP per head and year, income of a household a year, or cost of raising a child.
    gdp_per_head : float or None
        GDP per head of the region [CNY].

    Raises
    ------
    ScenarioError
        When there is no such value.
    """
    given = getattr(scenario, of)
    value = given.value if given is not None else gdp_per_head if of == "gdp_per_head" else None
    if value is None or not value > 0:
        named = {
            "gdp_per_head": ("GDP per head", "gdp_per_head: 125043 CNY"),
            "household_income": ("household income", "household_income: 120000 CNY"),
            "child_cost": ("cost of raising a child", "child_cost: 854942 CNY"),
        }
        name, example = named[of]
        raise ScenarioError(
            f"scenario {scenario.id!r} promises money, and there is no {name} to compare "
            f"it with; write: {example}"
        )
    return float(value)


def channel_doses(
    scenario: Scenario,
    channel: str,
    months: np.ndarray,
    gdp_per_head: float | None,
    *,
    of: str = "gdp_per_head",
    lag: int = 9,
) -> Doses:
    """Return what each policy offers through a channel to births of each month.

    Money: ``D = 100 × (money promised per child × take-up) / GDP per head`` (or another basis),
    money of the first 36 months in full, later money discounted at 4 % a year to the month of
    birth. Zero for births less than ``lag`` months after the announcement. Amounts and what they
    are compared with are in constant prices of one year. The dose of the channel is the sum over
    policies.

    Parameters
    ----------
    scenario : Scenario
    channel : str
        ``cash`` for the money that families weigh, else the channel of the offers.
    months : numpy.ndarray
        Consecutive months of birth, shape (month,).
    gdp_per_head : float or None
        GDP per head of the region [CNY].
    of : str
        What money is compared with, see :func:`money_basis`.
    lag : int
        Months from conception to birth.

    Returns
    -------
    Doses

    Raises
    ------
    ScenarioError
        When money is promised and there is nothing to compare it with.
    """
    policies = sorted(scenario.policies.values(), key=lambda policy: policy.announced)
    parts = [_offered(policy, channel, months, lag) for policy in policies]
    found = [(p, part) for p, part in zip(policies, parts, strict=True) if part is not None]
    shape = (len(ORDERS), len(months))
    if not found:
        return Doses(np.zeros(0, dtype=np.int64), np.zeros((0, *shape)), np.zeros((0, *shape)), [])
    scale = 1.0
    if any(part.money for _, part in found):
        scale = 100.0 / money_basis(scenario, of, gdp_per_head)
    several = {part.money for _, part in found}
    if len(several) > 1:
        raise ScenarioError(
            f"scenario {scenario.id!r} offers money and other units through the channel "
            f"{channel!r}; their doses cannot be added"
        )
    announced = np.array([month_of(policy.announced) for policy, _ in found])
    ends = _ends(found, channel, scale, announced)
    answered = _answered_since([policy for policy, _ in found])
    order = np.argsort(answered, kind="stable")
    dose = scale * np.stack([found[place][1].direct for place in order])
    passed = scale * np.stack([found[place][1].passed for place in order])
    return Doses(answered[order], dose, passed, ends)


def _answered_since(policies: list[Instrument]) -> np.ndarray:
    """Return the month since which couples answer each policy, in order of announcement.

    That of its announcement; a policy whose births follow on those of an earlier one renews it,
    and is answered since that one was.
    """
    since: list[int] = []
    for place, policy in enumerate(policies):
        own = month_of(policy.announced)
        begins = getattr(getattr(policy, "births", None), "from_", None)
        for earlier, known in zip(policies[:place], since, strict=True):
            to = getattr(getattr(earlier, "births", None), "to", None)
            if begins is not None and to is not None and begins == to + dt.timedelta(days=1):
                own = min(own, known)
        since.append(own)
    return np.array(since, dtype=np.int64)


@dataclass(frozen=True)
class _Part:
    """What one policy offers through a channel, dims (birth_order, month)."""

    direct: np.ndarray
    passed: np.ndarray
    money: bool


def _offered(policy: Instrument, channel: str, months: np.ndarray, lag: int) -> _Part | None:
    direct, passed = (np.zeros((len(ORDERS), len(months))) for _ in range(2))
    if channel == "cash":
        rules = policy.transfers()
        for rule in rules:
            direct += dose_value(rule, months, lag)
        return _Part(direct, passed, True) if rules else None
    offers = [offer for offer in policy.offers() if offer.channel == channel]
    for offer in offers:
        share = eligible_share(offer.births, months)
        if offer.months_in_care:
            ages = range(max(CARE_ENDS - offer.months_in_care, 0), CARE_ENDS)
            share = np.mean([eligible_share(offer.births, months + age) for age in ages], axis=0)
        share = np.where(months - lag >= month_of(policy.announced), share, 0.0)
        (passed if offer.passed_on else direct)[:] += np.outer(offer.amount, share)
    return _Part(direct, passed, offers[0].unit == "CNY") if offers else None


def _ends(
    found: list[tuple[Instrument, _Part]], channel: str, scale: float, announced: np.ndarray
) -> list[End]:
    """Return the ends of births windows, with what is lost if nothing follows.

    Instruments that end in the same month are lost together, once.
    """
    known = {}
    for place, (policy, _) in enumerate(found):
        window = getattr(policy, "births", None)
        if window is not None and window.to is not None:
            since = getattr(policy, "ends_announced", None) or policy.announced
            known[place] = month_of(window.to), month_of(since), month_of(window.from_)
    ends = []
    for last in sorted({month for month, _, _ in known.values()}):
        around = np.array([last - 1, last, last + 1])
        before = np.zeros(len(ORDERS))
        for now in sorted({when for month, when, _ in known.values() if month == last}):
            start = min(
                first for month, when, first in known.values() if (month, when) == (last, now)
            )
            offered = np.zeros((len(ORDERS), 3))
            for place, (policy, _) in enumerate(found):
                month, when, _ = known.get(place, (last, now, 0))
                if announced[place] > last or (month == last and when > now):
                    continue
                part = _offered(policy, channel, around, 0)
                assert part is not None
                offered += scale * (part.direct + part.passed)
            # The month of the end may be covered in part only.
            lost = np.maximum(offered[:, :2].max(axis=1) - offered[:, 2], 0.0)
            ends.append(End(last, now, start, np.maximum(lost - before, 0.0)))
            before = lost
    return ends


def reference_places(years: np.ndarray, own: dict[int, float] | None = None) -> np.ndarray:
    """Return childcare places without the policy, per 1,000 residents.

    Linear between known years, flat before the first and after the last.

    Parameters
    ----------
    years : numpy.ndarray
        Shape (year,).
    own : dict of int to float, optional
        The region's own series [places/1000 residents]; the nation's when not given, which is
        illustrative only.

    Returns
    -------
    numpy.ndarray
        Shape (year,).

    Examples
    --------
    >>> reference_places(np.array([2020, 2022, 2030]))
    array([2.03, 2.5 , 4.08])
    """
    series = own or NATIONAL_PLACES
    known = sorted(series)
    places: np.ndarray = np.interp(years, known, [series[y] for y in known])
    return places


def capacity(scenario: Scenario) -> ChildcareCapacity | None:
    """Return the childcare level of a scenario, if it has one."""
    found = (p for p in scenario.policies.values() if isinstance(p, ChildcareCapacity))
    return next(found, None)


@dataclass(frozen=True)
class CapacityPath:
    """Childcare places with the policy, and what must be said about them.

    Parameters
    ----------
    places : numpy.ndarray
        Places per 1,000 residents, dims (year,).
    notices : list of str
        Sentences for the reader.
    """

    places: np.ndarray
    notices: list[str] = field(default_factory=list)


def capacity_path(scenario: Scenario, years: np.ndarray, places_ref: np.ndarray) -> CapacityPath:
    """Return the path of childcare places per 1,000 residents.

    Before the year of announcement the reference; then a straight line from the reference level
    of that year through the targets, flat after the last; never below the reference.

    Parameters
    ----------
    scenario : Scenario
    years : numpy.ndarray
        Consecutive years, shape (year,).
    places_ref : numpy.ndarray
        Reference [places/1000 residents], dims (year,).

    Returns
    -------
    CapacityPath
        With a notice for each target that is not above the reference.
    """
    policy = capacity(scenario)
    if policy is None:
        return CapacityPath(places_ref)
    start = policy.announced.year
    targets = {year: level.value for year, level in policy.target.items()}
    knots = {start: float(np.interp(start, years, places_ref)), **targets}
    path = np.interp(years, sorted(knots), [knots[y] for y in sorted(knots)])
    if policy.new_communities is not None:
        more = policy.new_communities
        shares = {start: 0.0, **{y: s.to("1").value for y, s in more.residents.items()}}
        path = path + more.places.value * np.interp(
            years, sorted(shares), [shares[y] for y in sorted(shares)]
        )
    path = np.where(years >= start, np.maximum(path, places_ref), places_ref)
    notices = []
    for year, level in targets.items():
        there = float(np.interp(year, years, places_ref))
        if level <= there:
            notices.append(
                f"{scenario.id}: {level:g} places per 1,000 residents in {year} are not above the "
                f"reference of {there:g} and add nothing"
            )
    return CapacityPath(path, notices)


def utilisation_path(
    scenario: Scenario, years: np.ndarray, drawn: np.ndarray | float
) -> np.ndarray | float:
    """Return the share of places in use under a scenario, dims (draw, year) or as drawn.

    From the year of the announcement on at least what the policy states: a target never takes
    away, also where the utilisation drawn is higher.

    Parameters
    ----------
    scenario : Scenario
    years : numpy.ndarray
        Shape (year,).
    drawn : numpy.ndarray or float
        Share of places in use without the policy, dims (draw, 1) or a number.
    """
    policy = capacity(scenario)
    if policy is None or policy.utilisation is None:
        return drawn
    more = np.maximum(drawn, policy.utilisation.to("1").value)
    return np.where(years >= policy.announced.year, more, drawn)


def childcare_dose(
    places: np.ndarray,
    places_ref: np.ndarray,
    population: np.ndarray,
    children_under_3: np.ndarray,
    utilisation: np.ndarray | float,
    utilisation_ref: np.ndarray | float | None = None,
) -> np.ndarray:
    """Return the dose of childcare: used places more than in the reference.

    ``100 × (c_scn u_scn − c_ref u_ref)`` with coverage ``c = places/1000 × population /
    children under 3``, at most 1, and utilisation u.

    Parameters
    ----------
    places, places_ref : numpy.ndarray
        Places per 1,000 residents, dims (year,).
    population, children_under_3 : numpy.ndarray
        Persons in the reference run, dims (draw, year) or (year,).
    utilisation : numpy.ndarray or float
        Share of places in use with the policy, dims (draw, 1) or a number.
    utilisation_ref : numpy.ndarray or float, optional
        Without the policy; the same when not given.

    Returns
    -------
    numpy.ndarray
        Percentage points of children under 3, dims (draw, year) or (year,).

    Examples
    --------
    >>> float(childcare_dose(*map(np.array, (4.5, 2.5, 1000.0, 20.0)), 0.5))
    5.0
    """
    per_place = population / 1000.0 / np.maximum(children_under_3, 1e-9)
    coverage = np.minimum(places * per_place, 1.0)
    coverage_ref = np.minimum(places_ref * per_place, 1.0)
    if utilisation_ref is None:
        return np.asarray(100.0 * (coverage - coverage_ref) * utilisation)
    return np.asarray(100.0 * (coverage * utilisation - coverage_ref * utilisation_ref))
