"""The file format ``popsim.scenario/1``: what government does, as a frozen class.

A scenario says what government does; a response (:mod:`popsim.policy.response_file`) says how
families answer. The two are kept apart so that an evaluation never mixes a rule with an
assumption about behaviour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, PrivateAttr, ValidationError

from popsim.errors import Problems, ScenarioError, nearest
from popsim.policy.base import Label, Source, Strict
from popsim.policy.fields import MoneyOnce, Name, Regions, covering_keys, fail
from popsim.policy.kinds import AnyKind, Instrument, on_new_kind
from popsim.policy.kinds.childcare import ChildcareCapacity
from popsim.policy.marks import Mark, Steps
from popsim.units import UnitError, parse

__all__ = ["Scenario"]


def _one_capacity(policies: dict[str, Instrument]) -> dict[str, Instrument]:
    # A target is a level, not an addition: two of them in a region would contradict each other.
    found = [(n, p.regions) for n, p in policies.items() if isinstance(p, ChildcareCapacity)]
    for (name, ours), (other, theirs) in combinations(found, 2):
        if ours is None or theirs is None or _overlap(ours, theirs):
            fail(
                f"two levels of childcare places: {name} and {other}",
                "one childcare_capacity with several target years, or regions of their own",
            )
    return policies


class Scenario(Strict):
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
        dict[Name, Annotated[Instrument, AnyKind()]], AfterValidator(_one_capacity)
    ] = Field(default_factory=dict)
    gdp_per_head: MoneyOnce | None = None
    household_income: MoneyOnce | None = None
    child_cost: MoneyOnce | None = None
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
        return self.regions == "all" or _covers(self.regions, region)

    def within(self, region: str) -> Self:
        """Return the scenario with the policies that apply in a region.

        Parameters
        ----------
        region : str
            GB/T 2260 code, as in :meth:`covers`.
        """
        apply = {
            name: policy
            for name, policy in self.policies.items()
            if policy.regions is None or _covers(policy.regions, region)
        }
        if len(apply) == len(self.policies):
            return self
        return self.model_copy(update={"policies": apply})

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
            Dotted keys as in :meth:`explain`, or of something that the file could say and does
            not, and what a file would say there; a number alone is taken in the unit that stands
            there, ``None`` removes.

        Raises
        ------
        ScenarioError
            When there is no such key, or the new value does not fit; all problems at once.

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
            if key is None and (value is None or not self.could_say(dotted)):
                known = [".".join((*above, str(k))) for k in here] if isinstance(here, dict) else []
                problems.add(
                    f"scenario {self.id!r} has no value {dotted!r}",
                    instead=nearest(dotted, known) or " or ".join(known),
                )
                continue
            for known_steps in [s for s in marks if s[: len(steps)] == steps]:
                del marks[known_steps]
            if value is None:
                del here[key]
                continue
            if isinstance(value, int | float) and not isinstance(value, bool):
                value = _in_unit_of(old, value)
            here[last if key is None else key] = value
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

    def could_say(self, dotted: str) -> bool:
        """Say whether a file of this scenario could hold a value there, whether it does or not.

        Parameters
        ----------
        dotted : str
            Keys joined by dots; what stands above the last one must be there.

        Examples
        --------
        >>> from popsim.policy.files import baseline
        >>> baseline().could_say("gdp_per_head"), baseline().could_say("gdp_per_haed")
        (True, False)
        """
        *above, last = dotted.split(".")
        here: Any = self
        for step in above:
            if isinstance(here, BaseModel):
                fields = {f.alias or n: n for n, f in type(here).model_fields.items()}
                here = getattr(here, fields[step]) if step in fields else None
            else:
                here = _under(here, step)[1]
        if isinstance(here, BaseModel):
            return last in {f.alias or n for n, f in type(here).model_fields.items()}
        # Amounts by order, targets by year: which keys fit is checked with the values. An order
        # that stands under another key, 3 under 2+, would be given twice.
        return isinstance(here, dict) and not any(key in here for key in covering_keys(last))

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
        # One quantity for all orders is kept under 1+.
        if len(steps) != 4 or not (steps[3] == "1+" or covering_keys(steps[3])):
            return None
        if not isinstance(getattr(self.policies.get(steps[1]), steps[2], None), dict):
            return None
        amount = self._values.get(steps[:3])
        if amount is not None and amount.text:
            return amount
        marks = (self._values.get((*steps[:3], key)) for key in covering_keys(steps[3]))
        return next((mark for mark in marks if mark is not None), None)

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


def _overlap(ours: Iterable[str], theirs: Iterable[str]) -> bool:
    return any(_covers(ours, code) for code in theirs) or any(_covers(theirs, c) for c in ours)


def _covers(codes: Iterable[str], region: str) -> bool:
    for code in codes:
        trunk = code
        while len(code) == 6 and len(trunk) > 2 and trunk.endswith("00"):
            trunk = trunk[:-2]
        if region == code or (trunk != code and region.startswith(trunk)):
            return True
    return False


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
    return f"{f'{number:.12f}'.rstrip('0').rstrip('.')} {unit}"


# A kind that is registered later must be known to files from then on.
on_new_kind(lambda: Scenario.model_rebuild(force=True))
