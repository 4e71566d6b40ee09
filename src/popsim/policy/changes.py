"""Other values in some places of a scenario, by dotted key: what ``--set`` and sweeps do.

A change says what a file would say there. Every key and every value is checked before anything
is returned, and all problems are told at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from popsim.errors import Problem, Problems, ScenarioError, nearest
from popsim.policy.fields import covering_keys
from popsim.policy.marks import Mark, Steps, read_value
from popsim.policy.model import Scenario

__all__ = ["change", "change_all", "dotted_keys", "read_settings"]


def dotted_keys(scenario: Scenario) -> dict[str, Any]:
    """Return every dotted key of a scenario and what stands there, defaults included.

    Parameters
    ----------
    scenario : Scenario

    Returns
    -------
    dict of str to object
        Text, numbers, lists and, for a group of keys, mappings; a key without a value is left
        out.

    Examples
    --------
    >>> from popsim.policy.files import baseline
    >>> dotted_keys(baseline())["label.en"]
    'No new policy'
    """
    data = scenario.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dict(_walk(data, ()))


def _walk(here: Mapping[str, Any], above: Steps) -> Iterator[tuple[str, Any]]:
    for key, value in here.items():
        steps = (*above, str(key))
        yield ".".join(steps), value
        if isinstance(value, dict):
            yield from _walk(value, steps)


def change(scenario: Scenario, changes: Mapping[str, object], *, by: str) -> Scenario:
    """Return the scenario with other values, and remember who said so.

    Parameters
    ----------
    scenario : Scenario
    changes : mapping of str to object
        Dotted keys, see :meth:`Scenario.override <popsim.policy.model.Scenario.override>`.
    by : str
        What :meth:`Scenario.explain <popsim.policy.model.Scenario.explain>` names instead of a
        file.

    Returns
    -------
    Scenario

    Raises
    ------
    ScenarioError
        When there is no such key, or the new value does not fit; all problems at once.

    Examples
    --------
    >>> from popsim.policy.files import baseline
    >>> change(baseline(), {"status": "draft"}, by="--set").explain("status")
    'draft, --set'
    >>> change(baseline(), {"label.eng": "Nothing"}, by="--set")
    Traceback (most recent call last):
    ...
    popsim.errors.ScenarioError: --set: scenario 'baseline' has no value 'label.eng'; write: ...
    """
    there = dotted_keys(scenario)
    unknown = [
        key
        for key, value in changes.items()
        if key not in there and (value is None or not scenario.could_say(key))
    ]
    if unknown:
        raise ScenarioError([_unknown(key, [scenario], there, by) for key in unknown])
    try:
        changed = scenario.override(changes)
    except ScenarioError as error:
        raise ScenarioError([_placed(problem, there, by) for problem in error.problems]) from None
    now = dotted_keys(changed)
    for key in changes:
        for part, value in now.items():
            if part == key or part.startswith(f"{key}."):
                text = "" if isinstance(value, dict) else _text(value)
                changed._values[tuple(part.split("."))] = Mark(by, 0, 0, "", text)
    return changed


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def change_all(
    scenarios: Sequence[Scenario], changes: Mapping[str, object], *, by: str
) -> list[Scenario]:
    """Return scenarios with other values, each key in every scenario that has it.

    A key that none has a value for is set in those that could have one.

    Parameters
    ----------
    scenarios : sequence of Scenario
    changes : mapping of str to object
        Dotted keys and values, as for :func:`change`.
    by : str
        What :meth:`Scenario.explain <popsim.policy.model.Scenario.explain>` names.

    Raises
    ------
    ScenarioError
        When no scenario has a key, or a value does not fit; all problems at once.

    Examples
    --------
    >>> from popsim.policy.files import baseline
    >>> change_all([baseline()], {"satus": "draft"}, by="--set")
    Traceback (most recent call last):
    ...
    popsim.errors.ScenarioError: --set: scenario 'baseline' has no value 'satus'; write: status
    """
    if not scenarios:
        return []
    known = [dotted_keys(scenario) for scenario in scenarios]
    everywhere = {key: value for keys in known for key, value in keys.items()}
    for key, value in changes.items():
        if key not in everywhere and value is not None:
            for scenario, keys in zip(scenarios, known, strict=True):
                if scenario.could_say(key):
                    keys[key] = everywhere[key] = value
    problems = [_unknown(k, scenarios, everywhere, by) for k in changes if k not in everywhere]
    changed = []
    for scenario, keys in zip(scenarios, known, strict=True):
        own = {key: value for key, value in changes.items() if key in keys}
        try:
            changed.append(change(scenario, own, by=by) if own else scenario)
        except ScenarioError as error:
            problems += [p for p in error.problems if p not in problems]
    if problems:
        raise ScenarioError(problems)
    return changed


def read_settings(settings: Iterable[str], *, by: str = "--set") -> dict[str, object]:
    """Read settings such as ``policies.grant.amount.3=900 CNY/month`` of a command line.

    Parameters
    ----------
    settings : iterable of str
        ``KEY=VALUE``, the value as in a file.
    by : str
        What problems name as the place.

    Returns
    -------
    dict of str to object
        Values by dotted key.

    Raises
    ------
    ScenarioError
        When there is no ``=``, a key is given twice, or a value cannot be read; all problems.

    Examples
    --------
    >>> read_settings(["policies.grant.amount.3=900", "status=draft"])
    {'policies.grant.amount.3': 900, 'status': 'draft'}
    >>> read_settings(["policies.grant.amount.3: 900"])
    Traceback (most recent call last):
    ...
    popsim.errors.ScenarioError: --set: 'policies.grant.amount.3: 900' has no =; write: ...
    """
    problems = Problems()
    changes: dict[str, object] = {}
    for setting in settings:
        key, equals, text = (part.strip() for part in setting.partition("="))
        if not equals or not key:
            example = "policies.grant.amount.3=900 CNY/month"
            missing = "no =" if not equals else "no key before ="
            problems.add(f"{setting!r} has {missing}", where=by, instead=example)
        elif key in changes:
            problems.add(f"the key {key!r} is given twice", where=by, instead="each key once")
        else:
            changes[key] = read_value(text, by, problems)
    problems.raise_if_any(ScenarioError)
    return changes


def _unknown(key: str, scenarios: Sequence[Scenario], there: Mapping[str, Any], by: str) -> Problem:
    names = ", ".join(repr(scenario.id) for scenario in scenarios)
    if len(scenarios) == 1:
        message = f"scenario {names} has no value {key!r}"
    else:
        message = f"none of the scenarios {names} has a value {key!r}"
    return Problem(message, where=by, instead=_covering(key, there) or nearest_key(key, there))


def _covering(key: str, there: Iterable[str]) -> str:
    """Return the key under which a birth order stands: ``…amount.3+`` for ``…amount.3``."""
    above, _, last = key.rpartition(".")
    found = (f"{above}.{name}" for name in covering_keys(last))
    return next((name for name in found if name in there), "")


def nearest_key(key: str, there: Iterable[str]) -> str:
    """Return the dotted key nearest to a mistyped one, a key of the same depth if there is one.

    Examples
    --------
    >>> nearest_key("policies.grnat.amount", ["policies.grant", "policies.grant.amount"])
    'policies.grant.amount'
    """
    depth = key.count(".")
    return nearest(key, [k for k in there if k.count(".") == depth]) or nearest(key, there)


def _placed(problem: Problem, there: Mapping[str, Any], by: str) -> Problem:
    """Name the place by the key of a file: pydantic's also holds the kind and other words."""
    steps: list[str] = []
    for step in problem.where.split(".") if problem.where else ():
        if ".".join((*steps, step)) in there:
            steps.append(step)
    where = f"{by} {'.'.join(steps)}" if steps else by
    return Problem(problem.message, where=where, instead=problem.instead)
