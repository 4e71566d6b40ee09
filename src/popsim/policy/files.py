"""Reading policy files strictly: every problem at once, each with its place and a remedy.

A scenario file may extend another one beside it and then says only what differs. Reading
needs neither NumPy nor xarray, so checking a file takes a fraction of a second.
"""

from __future__ import annotations

import copy
import re
from importlib import resources
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from popsim.errors import Problems, ScenarioError, nearest
from popsim.policy.kinds import load_plugins
from popsim.policy.marks import Marked, Steps, load, reads_as_text
from popsim.policy.model import Scenario
from popsim.policy.reading import (
    RESPONSE_SCHEMA,
    SCENARIO_SCHEMA,
    add_at,
    has_schema,
    raise_in_order,
    validated,
)
from popsim.policy.response_file import ResponseFile

__all__ = [
    "baseline",
    "read_response",
    "read_scenario",
    "scenario_names",
    "schema_of",
    "write_scenario",
]

BASELINE = "baseline"

# What a file says of itself is never inherited.
_OWN = ("schema", "id", "label", "extends")
_POLICIES = ("policies",)


def baseline() -> Scenario:
    """Return the built-in scenario without any policy.

    Examples
    --------
    >>> baseline().policies
    {}
    """
    return Scenario.model_validate(
        {
            "schema": SCENARIO_SCHEMA,
            "id": BASELINE,
            "label": {"en": "No new policy", "zh": "无新增政策"},
            "regions": "all",
        }
    )


def scenario_names(folder: str | Path) -> list[str]:
    """Return the names of the scenarios in a folder, the built-in ``baseline`` among them.

    Parameters
    ----------
    folder : str or pathlib.Path
        Every ``*.yaml`` counts but ``*.expected.yaml`` and ``*.batch.yaml``.
    """
    others = (".expected", ".batch")
    files = (f.stem for f in Path(folder).glob("*.yaml") if not f.stem.endswith(others))
    return sorted({BASELINE, *files})


def schema_of(path: str | Path) -> str:
    """Return what a file says of its kind and version, empty when it cannot be read.

    Parameters
    ----------
    path : str or pathlib.Path

    Examples
    --------
    >>> schema_of("there-is-no-such-file.yaml")
    ''
    """
    path = Path(path)
    marked = load(path, Problems()) if path.is_file() else None
    return "" if marked is None else str(marked.data.get("schema", ""))


def read_scenario(path: str | Path) -> Scenario:
    """Read a scenario file and the files that it extends.

    Parameters
    ----------
    path : str or pathlib.Path
        File of schema ``popsim.scenario/1``, or the name ``baseline``.

    Returns
    -------
    Scenario
        With the place of every value, see :meth:`Scenario.explain`.

    Raises
    ------
    ScenarioError
        With all problems of all files.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name, "grant.yaml")
    >>> _ = file.write_text('''schema: popsim.scenario/1
    ... id: grant
    ... label: {en: A grant, zh: 补助}
    ... regions: [331126]
    ... policies: {}
    ... ''', encoding="utf-8")
    >>> read_scenario(file)
    Traceback (most recent call last):
    ...
    popsim.errors.ScenarioError: grant.yaml:4:11: the region code 331126 is a number; write: ...
    >>> folder.cleanup()
    """
    path = Path(path)
    if str(path) == BASELINE and not path.is_file():
        return baseline()
    load_plugins()
    problems = Problems()
    chain, whole = _chain(path, problems)
    if not chain:
        raise_in_order(problems)
    merged = Marked()
    for marked in reversed(chain):
        merged = _extend(merged, marked, problems)
    scenario = validated(Scenario, merged, SCENARIO_SCHEMA, problems, whole=whole)
    if scenario is not None and scenario.id != path.stem:
        mark = merged.values.get(("id",))
        add_at(
            problems,
            mark,
            f"the id {scenario.id!r} is not the name of the file",
            f"id: {path.stem}",
        )
    raise_in_order(problems)
    assert scenario is not None
    scenario._values.update(merged.values)
    return scenario


def write_scenario(scenario: Scenario, path: str | Path) -> Path:
    """Write a scenario whole, with what it took from the files that it extends.

    Reading the file gives the same scenario, and writing that the same file.

    Parameters
    ----------
    scenario : Scenario
    path : str or pathlib.Path
        Named after the scenario, ``<id>.yaml``.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ScenarioError
        When the file is not named after the scenario, so that it could not be read.

    Examples
    --------
    >>> write_scenario(baseline(), "other.yaml")
    Traceback (most recent call last):
    ...
    popsim.errors.ScenarioError: the file other.yaml is not named after the scenario; write: ...
    """
    path = Path(path)
    if path.name != f"{scenario.id}.yaml":
        raise ScenarioError(
            f"the file {path.name} is not named after the scenario; write: {scenario.id}.yaml"
        )
    data = scenario.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude_unset=True, exclude={"extends"}
    )
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(_quoted(data), file)
    return path


def _quoted(value: Any) -> Any:
    """Mark text that would read as something else, or be refused, for quotation marks."""
    if isinstance(value, dict):
        return {_quoted_key(key): _quoted(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_quoted(part) for part in value]
    if isinstance(value, str) and not (reads_as_text(value) and value.isprintable()):
        return DoubleQuotedScalarString(value)
    return value


def _quoted_key(key: Any) -> Any:
    # Keys are always read as text: a birth order or a year needs no quotation marks.
    return int(key) if isinstance(key, str) and re.fullmatch(r"[1-9]\d*", key) else key


def read_response(path: str | Path = "default") -> ResponseFile:
    """Read a response file.

    Parameters
    ----------
    path : str or pathlib.Path
        File of schema ``popsim.response/1``, or ``"default"`` for the one shipped.

    Raises
    ------
    ScenarioError
        With all problems of the file.

    Examples
    --------
    >>> read_response().channels.cash.decision_lag
    Quantity(value=6.0, unit='month')
    """
    load_plugins()
    problems = Problems()
    if str(path) == "default":
        shipped = resources.files("popsim.policy") / "default-response.yaml"
        with resources.as_file(shipped) as file:
            marked = load(file, problems)
    else:
        path = Path(path)
        marked = _load(path, problems)
    response = None
    if marked is not None:
        response = validated(ResponseFile, marked, RESPONSE_SCHEMA, problems)
    raise_in_order(problems)
    assert response is not None
    return response


def check_file(path: str | Path) -> str:
    """Read a scenario or response file and say in one line what it is.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    str
        Kind, identifier and what it holds.

    Raises
    ------
    ScenarioError
        With all problems of the file.
    """
    if not is_scenario(path):
        return f"response {read_response(path).id}"
    scenario = read_scenario(path)
    policies = ", ".join(scenario.policies) or "no policy"
    return f"scenario {scenario.id}: {policies}"


def is_scenario(path: str | Path) -> bool:
    """Return whether a file is no response file, be it a good scenario file or not."""
    return schema_of(path) != RESPONSE_SCHEMA


def _load(path: Path, problems: Problems) -> Marked | None:
    if path.is_file():
        return load(path, problems)
    known = scenario_names(path.parent) if path.parent.is_dir() else []
    there = f"; scenarios there: {', '.join(known)}" if known else ""
    guess = nearest(path.stem, known)
    problems.add(
        f"there is no file {path}{there}",
        instead=str(path.with_name(f"{guess}.yaml")) * bool(guess),
    )
    return None


def _chain(path: Path, problems: Problems) -> tuple[list[Marked], bool]:
    """Return the file and what it extends, child first, and whether all could be read."""
    chain: list[Marked] = []
    names: list[str] = []
    while True:
        marked = _load(path, problems)
        if marked is None:
            return chain, False
        if chain and not has_schema(marked, SCENARIO_SCHEMA, problems):
            return chain, False
        names.append(path.stem)
        chain.append(marked)
        parent = marked.data.get("extends")
        if parent is None:
            return chain, True
        mark = marked.values[("extends",)]
        if not isinstance(parent, str):
            # The check of the whole file reports it.
            return chain, False
        if Path(parent).name != parent or "\\" in parent:
            message = f"{parent!r} is not the name of a scenario beside this file"
            plain = Path(parent.replace("\\", "/")).name.removesuffix(".yaml")
            add_at(problems, mark, message, f"extends: {plain}" if plain else "")
            return chain, False
        following = path.with_name(f"{parent}.yaml")
        if parent == BASELINE and not following.is_file():
            return chain, True
        if parent in names:
            circle = " → ".join([*names[names.index(parent) :], parent])
            add_at(problems, mark, f"the files extend each other in a circle: {circle}", "")
            return chain, False
        if not following.is_file():
            known = [n for n in scenario_names(path.parent) if n not in names]
            guess = nearest(parent.removesuffix(".yaml"), known)
            add_at(
                problems,
                mark,
                f"there is no scenario {parent!r} to extend: looked for {parent}.yaml beside the "
                f"file; scenarios there: {', '.join(known)}",
                f"extends: {guess}" if guess else "",
            )
            return chain, False
        path = following


def _extend(parent: Marked, child: Marked, problems: Problems) -> Marked:
    """Return the parent with everything that the child says; null removes what is there."""
    merged = Marked(copy.deepcopy(parent.data), dict(parent.keys), dict(parent.values))
    for key in _OWN:
        merged.data.pop(key, None)
        _forget(merged, (key,))
    merged.values[()] = child.values[()]

    def overlay(below: dict[str, Any], above: dict[str, Any], steps: Steps) -> None:
        for key, value in above.items():
            here = (*steps, key)
            if value is None:
                if steps[:1] == _POLICIES and key not in below:
                    # A mistyped name would leave in force what the file means to remove.
                    guess = nearest(key, below)
                    message = f"there is no {key!r} in {'.'.join(steps)} to remove"
                    add_at(problems, child.keys[here], message, f"{guess}: null" if guess else "")
                below.pop(key, None)
                _forget(merged, here)
            elif isinstance(value, dict) and isinstance(
                below.setdefault(key, {}) if here == _POLICIES else below.get(key), dict
            ):
                merged.keys[here] = child.keys[here]
                merged.values[here] = child.values[here]
                overlay(below[key], value, here)
            else:
                _forget(merged, here)
                below[key] = _without_null(value)
                for marks, own in ((merged.keys, child.keys), (merged.values, child.values)):
                    marks.update({s: m for s, m in own.items() if s[: len(here)] == here})

    overlay(merged.data, child.data, ())
    return merged


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_null(v) for k, v in value.items() if v is not None}
    return value


def _forget(marked: Marked, steps: Steps) -> None:
    for marks in (marked.keys, marked.values):
        for known in [s for s in marks if s[: len(steps)] == steps]:
            del marks[known]
