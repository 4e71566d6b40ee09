"""Many scenarios from one: values of dotted keys, in every combination or side by side.

The section ``sweep`` of a batch file is a :class:`Sweep`. A scenario file has none: it says what
one document says. What a sweep sets comes after everything in the files and before ``--set``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from popsim.errors import Problem, ScenarioError
from popsim.policy.changes import change, dotted_keys, nearest_key
from popsim.policy.fields import fail
from popsim.policy.marks import Mark
from popsim.policy.model import Scenario
from popsim.units import UNITS, UnitError, parse

__all__ = ["Sweep", "sweep", "sweep_all"]

_BY = "sweep"
#: A longer value does not make a readable name; its place in the list stands for it.
_LONGEST = 24


def _read_values(values: object) -> object:
    if not isinstance(values, list | tuple):
        fail(f"{values!r} is not a list of values", f"[{values}]")
    if not values:
        fail("the list of values is empty", "[600 CNY/month, 900 CNY/month]")
    for i, value in enumerate(values):
        if value in values[:i]:
            fail(f"the value {value!r} is given twice", "each value once")
    return values


Values = Annotated[tuple[Any, ...], BeforeValidator(_read_values)]


def _read_row(values: object) -> object:
    # In a list of rows a value may come again beside another one.
    if isinstance(values, list | tuple) and values:
        return values
    return _read_values(values)


class Sweep(BaseModel):
    """Values to try: ``grid`` in every combination, ``list`` the first ones together, and so on.

    With both, every row of the list is combined with every point of the grid. Keys are dotted
    keys of the scenarios; values are what a file would say there, and a number alone is taken in
    the unit that stands there.

    Examples
    --------
    >>> section = Sweep.model_validate({
    ...     "grid": {"policies.grant.amount.3": ["600 CNY/month", "900 CNY/month"]},
    ...     "list": {"policies.grant.take_up": ["80 %", "100 %"],
    ...              "policies.grant.announced": ["2024-01-01", "2025-01-01"]}})
    >>> len(section.points())
    4
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    grid: dict[str, Values] = {}
    list_: dict[str, Annotated[tuple[Any, ...], BeforeValidator(_read_row)]] = Field(
        default={}, alias="list"
    )

    @property
    def keys(self) -> tuple[str, ...]:
        """Dotted keys that change, those of the grid first."""
        return (*self.grid, *self.list_)

    def points(self) -> list[dict[str, Any]]:
        """Return the combinations, the last key of the grid changing fastest."""
        rows = list(zip(*self.list_.values(), strict=True)) if self.list_ else [()]
        return [
            dict(zip(self.keys, (*point, *row), strict=True))
            for point in itertools.product(*self.grid.values())
            for row in rows
        ]

    def within(self, keys: Iterable[str]) -> Sweep:
        """Return the sweep of those of its keys that are in ``keys``."""
        known = set(keys)
        grid = {key: values for key, values in self.grid.items() if key in known}
        own = [key for key in self.list_ if key in known]
        # Without some of its keys a list may say the same twice.
        rows: list[tuple[Any, ...]] = []
        for row in zip(*(self.list_[key] for key in own), strict=True):
            if row not in rows:
                rows.append(row)
        listed = {key: tuple(row[i] for row in rows) for i, key in enumerate(own)}
        return Sweep.model_validate({"grid": grid, "list": listed})

    @model_validator(mode="after")
    def _fits(self) -> Self:
        lengths = {key: len(values) for key, values in self.list_.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{key} has {length}" for key, length in lengths.items())
            fail(f"the lists are not equally long: {told}", "as many values for every key")
        both = [key for key in self.grid if key in self.list_]
        if both:
            fail(f"{both[0]!r} is in the grid and in the list", "one of them")
        rows = list(zip(*self.list_.values(), strict=True))
        for i, row in enumerate(rows):
            if row in rows[:i]:
                fail(f"row {i + 1} of the list is the same as one above", "each row once")
        for upper, lower in itertools.permutations(self.keys, 2):
            if lower.startswith(f"{upper}."):
                fail(f"{lower!r} lies under {upper!r}, which is swept too", "one of them")
        return self


def sweep(
    scenario: Scenario,
    values: Mapping[str, Sequence[object]] | Sweep,
    *,
    how: Literal["grid", "list"] = "grid",
) -> list[Scenario]:
    """Return one scenario for every combination of values.

    Parameters
    ----------
    scenario : Scenario
    values : mapping of str to sequence, or Sweep
        Values by dotted key: what a file would say there; a number alone is taken in the unit
        that stands there.
    how : {"grid", "list"}
        Every combination, or the first values together, the second ones together, and so on. A
        ``Sweep`` says it itself.

    Returns
    -------
    list of Scenario
        Their ids tell the values (``qingyuan-2023-amount-3-900``), their labels tell them in both
        languages, and ``explain`` names the sweep.

    Raises
    ------
    ScenarioError
        When a key is not in the scenario, a value does not fit, or lists are not equally long;
        all problems at once.

    Examples
    --------
    >>> grant = {"kind": "cash_transfer", "announced": "2023-01-01",
    ...          "amount": {"2": "500 CNY", "3": "500 CNY"}, "births": {"from": "2023-01-01"}}
    >>> scenario = Scenario.model_validate({
    ...     "schema": "popsim.scenario/1", "id": "grant", "regions": "all",
    ...     "label": {"en": "A grant", "zh": "补助"}, "policies": {"grant": grant}})
    >>> more = sweep(scenario, {"policies.grant.amount.3": ["900 CNY", 1200],
    ...                         "policies.grant.take_up": ["80 %"]})
    >>> [s.id for s in more]
    ['grant-amount-3-900-take_up-80', 'grant-amount-3-1200-take_up-80']
    >>> print(more[1].label.zh)
    补助：grant.amount.3 = 1200 元，grant.take_up = 80 %
    >>> more[1].explain("policies.grant.amount.3")
    '1200 CNY, sweep'
    """
    if isinstance(values, Sweep):
        return _variants(scenario, values)
    problems: list[Problem] = []
    section = _section(values, how, problems)
    try:
        variants = _variants(scenario, section)
    except ScenarioError as error:
        problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return variants


def sweep_all(scenarios: Sequence[Scenario], section: Sweep) -> list[Scenario]:
    """Sweep each scenario over those keys that it has; one that has none stays as it is.

    Parameters
    ----------
    scenarios : sequence of Scenario
        Of a batch, say.
    section : Sweep

    Returns
    -------
    list of Scenario
        In the order of the scenarios, the combinations of each in the order of the sweep.

    Raises
    ------
    ScenarioError
        When no scenario has a key, or a value does not fit; all problems at once.

    Examples
    --------
    >>> from popsim.policy.files import baseline
    >>> sweep_all([baseline()], Sweep(grid={"policies.grant.amount": ["500 CNY"]}))
    Traceback (most recent call last):
    ...
    popsim.errors.ScenarioError: sweep: no scenario has a value 'policies.grant.amount'
    """
    known = [dotted_keys(scenario) for scenario in scenarios]
    everywhere = {key for keys in known for key in keys}
    problems = [
        Problem(f"no scenario has a value {key!r}", where=_BY, instead=nearest_key(key, everywhere))
        for key in section.keys
        if key not in everywhere
    ]
    found: list[Scenario] = []
    for scenario, keys in zip(scenarios, known, strict=True):
        own = section.within(keys)
        try:
            found += _variants(scenario, own) if own.keys else [scenario]
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    return found


def _section(values: Mapping[str, Sequence[object]], how: str, problems: list[Problem]) -> Sweep:
    """Return the section of what can be read; note what cannot."""
    if how not in ("grid", "list"):
        raise ScenarioError(f"{how!r} is no way to sweep; write: grid or list")
    if not values:
        raise ScenarioError(
            'nothing is swept; write: {"policies.grant.amount.3": ["600 CNY", "900 CNY"]}'
        )
    plain = {key: _plain(listed) for key, listed in values.items()}
    try:
        return Sweep.model_validate({how: plain})
    except ValidationError as error:
        wrong = set()
        for item in error.errors():
            context = item.get("ctx", {})
            key = str(item["loc"][1]) if len(item["loc"]) > 1 else ""
            wrong.add(key)
            problems.append(
                Problem(
                    str(context.get("message", item["msg"])),
                    where=f"{_BY} {key}".strip(),
                    instead=str(context.get("instead", "")),
                )
            )
    # Keys and values of the others are still checked, one by one.
    whole = "" not in wrong
    rest = {k: v[:1] for k, v in plain.items() if k not in wrong and isinstance(v, list)}
    return Sweep.model_validate({"grid": rest if whole else {}})


def _plain(values: object) -> Any:
    # A range or an array is a list of numbers; text is not a list of letters.
    if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
        return values
    return [v.item() if hasattr(v, "item") else v for v in values]


def _variants(scenario: Scenario, section: Sweep) -> list[Scenario]:
    keys = dotted_keys(scenario)
    problems = [
        Problem(
            f"scenario {scenario.id!r} has no value {key!r}",
            where=_BY,
            instead=nearest_key(key, keys),
        )
        for key in section.keys
        if key not in keys
    ]
    # The values of known keys are checked even if another key is not known.
    variants: list[Scenario] = []
    shown: list[dict[str, str]] = []
    for point in section.within(keys).points():
        try:
            variant = change(scenario, point, by=_BY)
        except ScenarioError as error:
            # A wrong value comes back in every combination with the others.
            problems += [p for p in error.problems if p not in problems]
            continue
        there = dotted_keys(variant)
        shown.append({key: _text(there.get(key)) for key in point})
        variants.append(variant)
    if problems:
        raise ScenarioError(problems)
    names = _names(scenario.id, section, shown)
    return [
        _named(scenario, variant, name, texts)
        for variant, name, texts in zip(variants, names, shown, strict=True)
    ]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return "null" if value is None else str(value)


def _names(first: str, section: Sweep, shown: Sequence[Mapping[str, str]]) -> list[str]:
    """Return ids that tell the values, each once."""
    short = _short(section.keys)
    words: dict[str, dict[str, str]] = {}
    for key in section.keys:
        texts = list(dict.fromkeys(point[key] for point in shown))
        words[key] = dict(zip(texts, _words(texts), strict=True))
    names = [
        "-".join([first, *(f"{_word(short[k])}-{words[k][text]}" for k, text in point.items())])
        for point in shown
    ]
    return _apart(names)


def _short(keys: Sequence[str]) -> dict[str, str]:
    """Return the shortest ends of dotted keys that tell them apart, an order with its key."""
    ends = {}
    for key in keys:
        parts = key.split(".")
        least = 2 if re.fullmatch(r"\d+\+?", parts[-1]) else 1
        for length in range(min(least, len(parts)), len(parts) + 1):
            end = ".".join(parts[-length:])
            if not any(k != key and f".{k}".endswith(f".{end}") for k in keys):
                break
        ends[key] = end
    return ends


def _words(texts: Sequence[str]) -> list[str]:
    """Return values as parts of a name: the number alone where all have the same unit."""
    quantities = []
    for text in texts:
        try:
            quantities.append(parse(text))
        except UnitError:
            break
    same = len(quantities) == len(texts) and len({q.unit for q in quantities}) == 1
    if same:
        words = [_word(f"{q.value:.15g}") for q in quantities]
    else:
        words = [_word(text) for text in texts]
    if any(not word or len(word) > _LONGEST for word in words):
        words = [str(i) for i in range(1, len(texts) + 1)]
    return _apart(words)


def _word(text: str) -> str:
    text = text.replace("%", "percent").replace("+", "plus")
    text = re.sub(r"(?<=\d)\.(?=\d)", "_", text)
    return re.sub(r"[^\w]+", "-", text).strip("-_")


def _apart(names: Sequence[str]) -> list[str]:
    """Return the names with a number behind each that is there already."""
    taken: list[str] = []
    for name in names:
        candidate, number = name, 1
        while candidate in taken:
            number += 1
            candidate = f"{name}-{number}"
        taken.append(candidate)
    return taken


def _named(scenario: Scenario, variant: Scenario, name: str, texts: Mapping[str, str]) -> Scenario:
    said = {key.removeprefix("policies."): text for key, text in texts.items()}
    english = ", ".join(f"{key} = {text}" for key, text in said.items())
    chinese = "，".join(f"{key} = {_in_chinese(text)}" for key, text in said.items())
    label = type(scenario.label)(
        en=f"{scenario.label.en}: {english}", zh=f"{scenario.label.zh}：{chinese}"
    )
    named = variant.model_copy(update={"id": name, "label": label})
    said_by_sweep = {("id",): name, ("label", "en"): label.en, ("label", "zh"): label.zh}
    named._values.update({s: Mark(_BY, 0, 0, "", text) for s, text in said_by_sweep.items()})
    return named


def _in_chinese(text: str) -> str:
    try:
        quantity = parse(text)
    except UnitError:
        return text
    return f"{quantity.value:.15g} {UNITS[quantity.unit].name_zh}"
