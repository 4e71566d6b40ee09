"""What one scenario says differently from another, in words and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from popsim.errors import PopsimError
from popsim.policy.changes import dotted_keys
from popsim.policy.fields import ORDERS, orders_of
from popsim.policy.model import Scenario
from popsim.policy.words import key_label, kind_label
from popsim.units import UNITS, UnitError, parse

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Change", "Difference", "diff"]

#: What a file says of itself; two files may say the same under two names.
_OWN = ("schema", "id", "label", "extends")
#: Longer text, such as notes, is cut in sentences; the table has all of it.
_LONGEST = 60


@dataclass(frozen=True)
class Change:
    """One value, or one policy, that differs.

    Parameters
    ----------
    key : str
        Dotted key; a birth order that stands for later ones too is written ``3+``.
    what : {"added", "removed", "changed"}
        Whether only the second scenario says it, only the first, or both, differently.
    old, new : str
        The values with their units, ``""`` where there is none; of a policy its kind.
    old_place, new_place : str
        ``file:line``, ``default``, or who set it (``sweep``, ``--set``, ``override``).
    """

    key: str
    what: Literal["added", "removed", "changed"]
    old: str = ""
    new: str = ""
    old_place: str = ""
    new_place: str = ""

    @property
    def policy(self) -> bool:
        """Whether this is a whole policy."""
        return self.key.startswith("policies.") and self.key.count(".") == 1

    def text(self, locale: Literal["en", "zh"] = "en") -> str:
        """Say the change in one line.

        Examples
        --------
        >>> Change("policies.a.take_up", "changed", "100 %", "80 %", "default", "a.yaml:9").text()
        'policies.a.take_up: 100 % (default) → 80 % (a.yaml:9)'
        """
        zh = locale == "zh"
        if self.policy:
            kind = kind_label(self.old or self.new)[zh]
            place = _bracket(self.old_place or self.new_place, zh)
            verb = {"added": ("added", "新增"), "removed": ("removed", "取消")}[self.what][zh]
            if zh:
                return f"{verb}政策 {self.key.removeprefix('policies.')}（{kind}）{place}"
            return f"{self.key} ({kind}) {verb}{place}"
        nothing = "未规定" if zh else "not said"
        old, new = (
            (_shown(text, zh) + _bracket(place, zh)) if text else nothing
            for text, place in ((self.old, self.old_place), (self.new, self.new_place))
        )
        label = f"（{_name(self.key, True)}）：" if zh else ": "
        return f"{self.key}{label}{old} → {new}"


@dataclass(frozen=True)
class Difference:
    """All differences between two scenarios.

    Parameters
    ----------
    first, second : str
        Their ids.
    changes : tuple of Change
        Of the scenario as a whole first, then policy by policy in the order of the files.
    """

    first: str
    second: str
    changes: tuple[Change, ...]

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.changes)

    def text(self, locale: Literal["en", "zh"] = "en") -> str:
        """Say all differences, one a line under a sentence that counts them.

        Parameters
        ----------
        locale : {"en", "zh"}

        Raises
        ------
        PopsimError
            When there are no words of a language.
        """
        if locale not in ("en", "zh"):
            raise PopsimError(f"there is no language {locale!r}; write: en or zh")
        zh = locale == "zh"
        if not self.changes:
            if zh:
                return f"{self.first} 与 {self.second} 规定相同。"
            return f"{self.first} and {self.second} say the same."
        policies = [change for change in self.changes if change.policy]
        counts = {
            "added": sum(change.what == "added" for change in policies),
            "removed": sum(change.what == "removed" for change in policies),
            "values": len(self.changes) - len(policies),
        }
        if zh:
            parts = [
                f"{counts[key]} {words}" * bool(counts[key])
                for key, words in (
                    ("added", "项政策新增"),
                    ("removed", "项政策取消"),
                    ("values", "处数值不同"),
                )
            ]
            head = f"{self.second} 与 {self.first} 相比：{'，'.join(p for p in parts if p)}。"
        else:
            parts = [
                _count(counts["added"], "policy added", "policies added"),
                _count(counts["removed"], "policy removed", "policies removed"),
                _count(counts["values"], "value differs", "values differ"),
            ]
            head = f"{self.second} against {self.first}: {', '.join(p for p in parts if p)}."
        return "\n".join([head, *(f"- {change.text(locale)}" for change in self.changes)])

    @property
    def table(self) -> pd.DataFrame:
        """One row for each change, with the fields of :class:`Change` and names of the keys."""
        import pandas as pd

        columns = ["key", "what", "old", "new", "old_place", "new_place"]
        rows = [[getattr(change, column) for column in columns] for change in self.changes]
        table = pd.DataFrame(rows, columns=columns, dtype=object)
        table.insert(1, "label", [_name(key, False) for key in table["key"]])
        table.insert(2, "label_zh", [_name(key, True) for key in table["key"]])
        return table


def diff(first: Scenario, second: Scenario) -> Difference:
    """Compare what two scenarios say, wherever they say it.

    Names, labels and what the files extend are not compared. Orders are compared one by one:
    ``{2: 500 CNY, 3+: 500 CNY}`` and ``{2+: 500 CNY}`` say the same, and so does a default that
    is written out.

    Parameters
    ----------
    first, second : Scenario

    Returns
    -------
    Difference
        Told from the first to the second.

    Examples
    --------
    >>> grant = {"kind": "cash_transfer", "announced": "2023-01-01",
    ...          "amount": {"2": "500 CNY"}, "births": {"from": "2023-01-01"}}
    >>> scenario = Scenario.model_validate({
    ...     "schema": "popsim.scenario/1", "id": "grant", "regions": "all",
    ...     "label": {"en": "A grant", "zh": "补助"}, "policies": {"grant": grant}})
    >>> more = scenario.override({"policies.grant.amount.2": 900})
    >>> print(diff(scenario, more).text())
    grant against grant: 1 value differs.
    - policies.grant.amount.2: 500 CNY → 900 CNY (override)
    >>> print(diff(scenario, scenario).text("zh"))
    grant 与 grant 规定相同。
    """
    before, after = _said(first), _said(second)
    here, there = _policies(first), _policies(second)
    changes: list[Change] = []
    for name in (*here, *(name for name in there if name not in here)):
        key = f"policies.{name}"
        if name not in there:
            changes.append(Change(key, "removed", old=here[name], old_place=_place(first, key)))
        elif name not in here:
            changes.append(Change(key, "added", new=there[name], new_place=_place(second, key)))
    single = [key for key in (*before, *(k for k in after if k not in before))]
    whole = {change.key for change in changes}
    found: list[Change] = []
    for key in single:
        if ".".join(key.split(".")[:2]) in whole or before.get(key) == after.get(key):
            continue
        old, new = before.get(key, ""), after.get(key, "")
        what: Literal["added", "removed", "changed"] = "changed"
        if not old or not new:
            what = "removed" if old else "added"
        places = (_place(s, key) if text else "" for s, text in ((first, old), (second, new)))
        found.append(Change(key, what, old, new, *places))
    order = [f"policies.{name}" for name in (*here, *there)]

    def rank(change: Change) -> int:
        policy = ".".join(change.key.split(".")[:2])
        return order.index(policy) if policy in order else -1

    changes += _joined(found)
    return Difference(first.id, second.id, tuple(sorted(changes, key=rank)))


def _policies(scenario: Scenario) -> dict[str, str]:
    return {name: str(policy.kind) for name, policy in scenario.policies.items()}


def _said(scenario: Scenario) -> dict[str, str]:
    """Return every single value by dotted key, birth orders one by one."""
    return dict(_leaves({k: v for k, v in dotted_keys(scenario).items() if "." not in k}, ""))


def _leaves(here: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    for key, value in here.items():
        if not above and key in _OWN:
            continue
        dotted = f"{above}{key}"
        if isinstance(value, dict):
            yield from _leaves(_by_order(value), f"{dotted}.")
        else:
            yield dotted, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _by_order(values: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        orders = {key: orders_of(key) for key in values}
    except ValueError:
        return values
    return {str(order): values[key] for key in values for order in orders[key]}


def _joined(changes: list[Change]) -> list[Change]:
    """Write the same change of an order and all later ones as one."""
    kept: list[Change] = []
    last = str(ORDERS[-1])
    for change in changes:
        above, _, order = change.key.rpartition(".")
        if order == last:
            run = [change]
            while kept and _same_change(kept[-1], change, above, int(last) - len(run)):
                run.insert(0, kept.pop())
            first = run[0].key.rpartition(".")[2]
            change = Change(f"{above}.{first}+", *_content(change))
        kept.append(change)
    return kept


def _same_change(one: Change, other: Change, above: str, order: int) -> bool:
    return one.key == f"{above}.{order}" and _content(one) == _content(other)


def _content(change: Change) -> tuple[Any, ...]:
    return change.what, change.old, change.new, change.old_place, change.new_place


def _place(scenario: Scenario, key: str) -> str:
    """Return ``file:line``, who set the value, or ``default``; ``""`` without any file."""
    steps = tuple(key.split("."))
    mark = scenario._values.get(steps) or scenario._covering_order(steps)
    if mark is not None:
        return f"{mark.file}:{mark.line}" if mark.line else mark.file
    # What was read from no file has no places at all.
    read = any(mark.line for mark in scenario._values.values())
    return "default" if read else ""


def _name(key: str, zh: bool) -> str:
    """Return a dotted key in words, without the word policies."""
    steps = key.split(".")
    if steps[0] != "policies":
        return " ".join(key_label(step)[zh] for step in steps)
    words = [key_label(step)[zh] for step in steps[2:]]
    return (" " if zh else ", ").join([*steps[1:2], *words])


def _shown(text: str, zh: bool) -> str:
    if len(text) > _LONGEST:
        return f"{text[:_LONGEST].rstrip()} …"
    if not zh:
        return text
    try:
        quantity = parse(text)
    except UnitError:
        return text
    return f"{quantity.value:.15g} {UNITS[quantity.unit].name_zh}".rstrip()


def _bracket(place: str, zh: bool) -> str:
    if not place:
        return ""
    word = {"default": "默认值"}.get(place, place) if zh else place
    return f"（{word}）" if zh else f" ({word})"


def _count(number: int, one: str, several: str) -> str:
    if not number:
        return ""
    return f"{number} {one if number == 1 else several}"
