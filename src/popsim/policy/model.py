"""The file formats ``popsim.scenario/1`` and ``popsim.response/1`` as frozen classes.

A scenario says what government does; a response says how families answer. The two are kept
apart so that an evaluation never mixes a rule with an assumption about behaviour.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from popsim.errors import Problems, ScenarioError, nearest
from popsim.policy.fields import (
    AgeSpan,
    ClassMix,
    Date,
    Duration,
    Fraction,
    GDPPerHead,
    MoneyByClass,
    MoneyByOrder,
    MoneyPerPlace,
    Name,
    Payers,
    PlacesByYear,
    Regions,
    fail,
    orders_of,
)
from popsim.policy.marks import Mark, Steps
from popsim.units import Quantity, UnitError, parse

__all__ = [
    "CashTransfer",
    "Channel",
    "ChildcareCapacity",
    "ChildcareOperation",
    "Distribution",
    "Label",
    "Policy",
    "ResponseFile",
    "Scenario",
    "Source",
    "Window",
]

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Label(_Strict):
    """A name in two languages."""

    en: str
    zh: str


class Source(_Strict):
    """The text that a scenario follows."""

    title: str
    issuer: str | None = None
    dated: str | None = None
    url: str | None = None
    clause: str | None = None


class Window(_Strict):
    """Days from the first to the last, both inclusive; without ``to`` it stays open."""

    from_: Date = Field(alias="from")
    to: Date | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.to is not None and self.to < self.from_:
            fail(f"the window ends on {self.to}, before it begins", f"a day after {self.from_}")
        return self


class _Policy(_Strict):
    announced: Date
    payers: Payers | None = None
    clause: str | None = None
    note: str | None = None


class CashTransfer(_Policy):
    """Money per child: a monthly or yearly stream over the child's age, or one sum.

    ``amount`` is by birth order (``3`` is order 3 only, ``3+`` is 3 and over) or one quantity
    for all. ``CNY/month`` and ``CNY/year`` are paid every month of ``child_age`` (``0-36
    months`` is 36 payments, the month of birth first), a yearly amount pro rata; ``CNY`` is paid
    once and booked in the month of birth, ``paid: prenatal`` too. ``births`` is the window of
    birth dates; a child born in it keeps all its payments. ``payments`` bounds the months in
    which money is paid at all, for a scheme that finds children already born.
    ``ends_announced`` is the day on which the end of ``payments`` became known. Amounts are not
    moved to other prices: a ``price_year`` that is not that of GDP per head is told by a run.
    """

    kind: Literal["cash_transfer"] = "cash_transfer"
    amount: MoneyByOrder
    births: Window
    child_age: AgeSpan | None = None
    payments: Window | None = None
    paid: Literal["birth", "prenatal"] | None = None
    ends_announced: Date | None = None
    take_up: Fraction = Quantity(100.0, "%")
    price_year: Annotated[int, Field(strict=True)] | None = None

    @property
    def one_off(self) -> bool:
        """True when the money is one sum."""
        return next(iter(self.amount.values())).unit == "CNY"

    def amount_for(self, order: int) -> Quantity | None:
        """Return the amount for a child of a birth order (4 is 4 and later), or None."""
        for key, amount in self.amount.items():
            if order in orders_of(key):
                return amount
        return None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.one_off:
            if self.child_age is not None:
                fail("one sum has no child_age", "CNY/month, or no child_age")
            if self.payments is not None:
                fail("one sum is paid at birth and has no payments window", "births alone")
        else:
            if self.child_age is None:
                fail("a stream of payments needs child_age", "child_age: 0-36 months")
            if self.paid is not None:
                fail("paid belongs to one sum, not to a stream", "CNY, or no paid")
        if self.ends_announced is not None and self.ends_announced < self.announced:
            fail("the end is announced before the scheme", f"a day after {self.announced}")
        return self


class ChildcareCapacity(_Policy):
    """Childcare places per 1,000 residents in target years, with a grant per new place.

    The level moves in a straight line from the reference level of the year of announcement
    through the targets and stays there. ``construction_subsidy`` is money of government for every
    place built from the month of the announcement on, not a dose.
    """

    kind: Literal["childcare_capacity"] = "childcare_capacity"
    target: PlacesByYear
    construction_subsidy: MoneyPerPlace | None = None

    @model_validator(mode="after")
    def _after_announcement(self) -> Self:
        first = min(self.target)
        if first < self.announced.year:
            fail(
                f"the target of {first} is older than the announcement of {self.announced}",
                f"a target year from {self.announced.year}",
            )
        return self


class ChildcareOperation(_Policy):
    """A monthly subsidy to providers per enrolled child, by class type.

    It is paid for every child in care from the month of the announcement on. ``class_mix`` is the
    share of children in care by class type; without it an assumption of the package, see
    :data:`popsim.policy.places.CLASS_MIX`. It is a cost only. Whether it lowers fees, and whether
    lower fees raise births, would be a channel of its own (``childcare_fee``), which the response
    does not have.
    """

    kind: Literal["childcare_operation"] = "childcare_operation"
    amount: MoneyByClass
    class_mix: ClassMix | None = None


Policy = CashTransfer | ChildcareCapacity | ChildcareOperation
"""The kinds of instrument there are."""


def _one_capacity(policies: dict[str, Policy]) -> dict[str, Policy]:
    # A target is a level, not an addition: two of them would contradict each other.
    names = [n for n, p in policies.items() if isinstance(p, ChildcareCapacity)]
    if len(names) > 1:
        fail(
            f"two levels of childcare places: {' and '.join(names)}",
            "one childcare_capacity with several target years",
        )
    return policies


class Scenario(_Strict):
    """What government does: dated rules in regions, each with its source.

    Examples
    --------
    >>> grant = {"kind": "cash_transfer", "announced": "2023-01-01", "amount": {"2": "500 CNY"},
    ...          "births": {"from": "2023-01-01"}}
    >>> scenario = Scenario.model_validate({
    ...     "schema": "popsim.scenario/1", "id": "grant", "regions": "all",
    ...     "label": {"en": "A grant", "zh": "补助"}, "policies": {"grant": grant}})
    >>> print(scenario.policies["grant"].amount_for(2))
    500 CNY
    """

    schema_: Literal["popsim.scenario/1"] = Field(alias="schema")
    id: Name
    label: Label
    regions: Regions
    extends: str | None = None
    status: Literal["final", "draft"] = "final"
    source: Source | None = None
    policies: Annotated[
        dict[Name, Annotated[Policy, Field(discriminator="kind")]], AfterValidator(_one_capacity)
    ] = {}
    gdp_per_head: GDPPerHead | None = None
    notes: str | None = None

    _values: dict[Steps, Mark] = PrivateAttr(default_factory=dict)

    def covers(self, region: str) -> bool:
        """Say whether the scenario applies in a region.

        Parameters
        ----------
        region : str
            GB/T 2260 code; a province ``330000`` covers ``33....``, a city ``330500`` ``3305..``.

        Examples
        --------
        >>> from popsim.policy.files import baseline
        >>> baseline().covers("331126")
        True
        """
        if self.regions == "all":
            return True
        for code in self.regions:
            trunk = code
            while len(code) == 6 and len(trunk) > 2 and trunk.endswith("00"):
                trunk = trunk[:-2]
            if region == code or (trunk != code and region.startswith(trunk)):
                return True
        return False

    def with_only(self, *names: str) -> Self:
        """Return the scenario with the named policies and no others.

        Raises
        ------
        ScenarioError
            When there is no policy of a name.
        """
        for name in names:
            if name not in self.policies:
                known = ", ".join(self.policies) or "none"
                raise ScenarioError(
                    f"scenario {self.id!r} has no policy {name!r}; policies: {known}"
                )
        return self.model_copy(update={"policies": {n: self.policies[n] for n in names}})

    def override(self, changes: Mapping[str, object]) -> Self:
        """Return the scenario with other values in some places.

        Parameters
        ----------
        changes : mapping of str to object
            Dotted keys as in :meth:`explain`, and what a file would say there; a number alone is
            taken in the unit that stands there.

        Raises
        ------
        ScenarioError
            When there is no such value, or the new one does not fit; all problems at once.

        Examples
        --------
        >>> grant = {"kind": "cash_transfer", "announced": "2023-01-01",
        ...          "amount": {"2": "500 CNY"}, "births": {"from": "2023-01-01"}}
        >>> scenario = Scenario.model_validate({
        ...     "schema": "popsim.scenario/1", "id": "grant", "regions": "all",
        ...     "label": {"en": "A grant", "zh": "补助"}, "policies": {"grant": grant}})
        >>> more = scenario.override({"policies.grant.amount.2": "900 CNY"})
        >>> print(more.policies["grant"].amount_for(2))
        900 CNY
        """
        data = self.model_dump(by_alias=True, exclude_none=True)
        marks = dict(self._values)
        problems = Problems()
        for dotted, value in changes.items():
            *above, last = steps = tuple(dotted.split("."))
            here: Any = data
            for step in above:
                here = _under(here, step)[1]
            key, old = _under(here, last)
            if key is None:
                known = [".".join((*above, str(k))) for k in here] if isinstance(here, dict) else []
                problems.add(
                    f"scenario {self.id!r} has no value {dotted!r}",
                    instead=nearest(dotted, known) or " or ".join(known),
                )
                continue
            if isinstance(value, int | float) and not isinstance(value, bool):
                value = _in_unit_of(old, value)
            here[key] = value
            for known_steps in [s for s in marks if s[: len(steps)] == steps]:
                del marks[known_steps]
            marks[steps] = Mark("override", 0, 0, "", str(value))
        problems.raise_if_any(ScenarioError)
        try:
            changed = type(self).model_validate(data)
        except ValidationError as error:
            for item in error.errors():
                context = item.get("ctx", {})
                problems.add(
                    str(context.get("message", item["msg"])),
                    where=".".join(map(str, item["loc"])),
                    instead=str(context.get("instead", "")),
                )
            raise ScenarioError(problems.found) from None
        changed._values.update(marks)
        return changed

    def explain(self, dotted: str) -> str:
        """Say what a value is, and in which line of which file it stands.

        Parameters
        ----------
        dotted : str
            Keys joined by dots, e.g. ``policies.childcare_subsidy.amount.3``. An order is found
            under the key that covers it (``3`` under ``2+``).

        Raises
        ------
        ScenarioError
            When there is no such value.
        """
        steps = tuple(dotted.split("."))
        mark = self._values.get(steps) or self._covering_order(steps)
        if mark is None:
            return self._explain_default(dotted, steps)
        place = f"{mark.file}:{mark.line}" if mark.line else mark.file
        text = f"{mark.text or 'several values'}, {place}"
        clause = self._values.get((*steps[:2], "clause"))
        if steps[0] == "policies" and clause is not None and steps[2:] != ("clause",):
            text += f", clause {clause.text}"
        return text

    def _covering_order(self, steps: Steps) -> Mark | None:
        if len(steps) != 4 or steps[2] != "amount" or steps[3] not in ("1", "2", "3", "4", "4+"):
            return None
        order = int(steps[3][0])
        amount = self._values.get(steps[:3])
        if amount is not None and amount.text:
            return amount
        for first in range(order, 0, -1):
            found = self._values.get((*steps[:3], f"{first}+"))
            if found is not None:
                return found
        return None

    def _explain_default(self, dotted: str, steps: Steps) -> str:
        here: Any = self
        for step in steps:
            if isinstance(here, BaseModel):
                keys = {f.alias or n: n for n, f in type(here).model_fields.items()}
                found = step in keys
                here = getattr(here, keys[step]) if found else None
            else:
                keys = {str(k): k for k in here} if isinstance(here, dict) else {}
                found = step in keys
                here = here[keys[step]] if found else None
            if not found:
                guess = nearest(step, keys)
                instead = ".".join(guess if s == step else s for s in steps) if guess else ""
                message = f"scenario {self.id!r} has no value {dotted!r}"
                raise ScenarioError(f"{message}; write: {instead}" if instead else message)
        return f"{here}, not in a file" if not self._values else f"{here}, default"


def _under(here: object, step: str) -> tuple[Any, Any]:
    """Return the key that is written as a step, and what stands under it; None without one."""
    for key, value in here.items() if isinstance(here, dict) else ():
        if str(key) == step:
            return key, value
    return None, None


def _in_unit_of(old: object, number: float) -> object:
    """Write a number in the unit of the quantity that stands there."""
    if not isinstance(old, str):
        return number
    try:
        unit = parse(old).unit
    except UnitError:
        return number
    return f"{f'{number:.6f}'.rstrip('0').rstrip('.')} {unit}"


class Evidence(_Strict):
    """Where a number comes from: rows of the evidence table, a source, a judgement."""

    rows: tuple[str, ...] = ()
    source: str
    judgement: str | None = None


class _Distribution(_Strict):
    """A distribution; ``low`` and ``high`` clip, ``p_zero`` is a point mass at zero."""

    low: Number | None = None
    high: Number | None = None
    p_zero: Number = Field(default=0.0, ge=0.0, lt=1.0)
    evidence: Evidence | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low is not None and self.high is not None and self.low >= self.high:
            fail(f"low {self.low} is not below high {self.high}", "low < high")
        return self


class Lognormal(_Distribution):
    """Log-normal with a median and the standard deviation of its logarithm."""

    dist: Literal["lognormal"]
    median: Number = Field(gt=0)
    sigma: Number = Field(gt=0)


class Normal(_Distribution):
    """Normal with mean and standard deviation."""

    dist: Literal["normal"]
    mean: Number
    sd: Number = Field(gt=0)


class Beta(_Distribution):
    """Beta on 0 to 1."""

    dist: Literal["beta"]
    a: Number = Field(gt=0)
    b: Number = Field(gt=0)


class Uniform(_Distribution):
    """Uniform between ``low`` and ``high``."""

    dist: Literal["uniform"]
    low: Number
    high: Number


class Fixed(_Distribution):
    """A value without spread."""

    dist: Literal["fixed"]
    value: Number


Distribution = Annotated[Lognormal | Normal | Beta | Uniform | Fixed, Field(discriminator="dist")]


class OrderMultipliers(_Strict):
    """The effect on each birth order relative to the map; order 4 and over is as order 3."""

    first: Distribution = Field(alias="1")
    second: Distribution = Field(alias="2")
    third: Distribution = Field(alias="3")


class _Channel(_Strict):
    order_multiplier: OrderMultipliers
    quantum_share: Distribution
    decision_lag: Duration
    ramp: Duration
    utilisation: Distribution | None = None
    evidence: Evidence


class SaturatingChannel(_Channel):
    """``e = beta Ds (1 - exp(-max(D - D0, 0) / Ds))``, per cent, dose D in per cent."""

    map: Literal["saturating"]
    beta: Distribution
    Ds: Distribution
    D0: Distribution = Fixed(dist="fixed", value=0.0)


class LinearChannel(_Channel):
    """``e = effect D / per_dose``, per cent, dose D in per cent."""

    map: Literal["linear"]
    effect: Distribution
    per_dose: Number = Field(default=1.0, gt=0)


class PowerChannel(_Channel):
    """``e = at_10 (D / 10) ** exponent``, per cent, dose D in per cent."""

    map: Literal["power"]
    at_10: Distribution
    exponent: Distribution


Channel = Annotated[SaturatingChannel | LinearChannel | PowerChannel, Field(discriminator="map")]


class Channels(_Strict):
    """The ways in which a policy can change births; one that is left out has no effect."""

    cash: Channel | None = None
    childcare: Channel | None = None


def _whole(shares: tuple[float, ...]) -> tuple[float, ...]:
    if not math.isclose(sum(shares), 1.0, abs_tol=1e-9) or min(shares) < 0:
        fail(f"the shares sum to {sum(shares):g}", "shares of the following years that sum to 1")
    return shares


class ResponseFile(_Strict):
    """How families answer: for each channel a map from dose to effect, with its spread.

    ``payback`` is the share of a tempo effect that is taken back in each of the following
    years; it sums to 1.
    """

    schema_: Literal["popsim.response/1"] = Field(alias="schema")
    id: Name
    label: Label
    conception_lag: Duration
    payback: Annotated[tuple[Number, ...], AfterValidator(_whole)]
    channels: Channels
    evidence: Evidence
    notes: str | None = None
