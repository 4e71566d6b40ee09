"""Reading batch files strictly, with the scenarios that they name; nothing numerical is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from popsim.batch.model import Batch, SweptScenario
from popsim.errors import Problems, ScenarioError, nearest
from popsim.policy.files import baseline, read_response, read_scenario, scenario_names
from popsim.policy.marks import Marked, Steps, load
from popsim.policy.model import Scenario
from popsim.policy.reading import BATCH_SCHEMA, add_at, raise_in_order, validated
from popsim.policy.response_file import ResponseFile
from popsim.policy.sweep import sweep

__all__ = ["BatchFile", "is_batch", "read_batch"]

SUFFIX = ".batch.yaml"


@dataclass(frozen=True)
class BatchFile:
    """A batch file with everything that it names among policies.

    Parameters
    ----------
    path : pathlib.Path
    batch : Batch
    scenarios : tuple of Scenario
        The reference first, then those named, then those of sweeps.
    response : ResponseFile
    marked : Marked
        Places of the values in the file.
    places : dict of str to tuple of str
        Where a scenario is named in the file, by its identifier.
    """

    path: Path
    batch: Batch
    scenarios: tuple[Scenario, ...]
    response: ResponseFile
    marked: Marked
    places: dict[str, Steps]

    def beside(self, name: str) -> Path:
        """Return the path of a file named in the batch file."""
        return self.path.parent / name


def is_batch(path: str | Path) -> bool:
    """Say whether a file says that it is a batch.

    Examples
    --------
    >>> is_batch("there-is-no-such-file.yaml")
    False
    """
    from popsim.policy.files import schema_of

    return schema_of(path) == BATCH_SCHEMA


def read_batch(path: str | Path) -> BatchFile:
    """Read a batch file, and the scenario and response files that it names.

    Parameters
    ----------
    path : str or pathlib.Path
        File of schema ``popsim.batch/1``, named ``<id>.batch.yaml``.

    Returns
    -------
    BatchFile

    Raises
    ------
    ScenarioError
        With all problems of all files.

    Examples
    --------
    >>> read_batch("there-is-no-such-file.batch.yaml")
    Traceback (most recent call last):
    ...
    popsim.errors.ScenarioError: there is no file there-is-no-such-file.batch.yaml
    """
    path = Path(path)
    problems = Problems()
    if not path.is_file():
        there = sorted(file.name for file in path.parent.glob(f"*{SUFFIX}"))
        guess = nearest(path.name, there)
        raise ScenarioError(f"there is no file {path}" + (f"; write: {guess}" if guess else ""))
    marked = load(path, problems)
    batch = None if marked is None else validated(Batch, marked, BATCH_SCHEMA, problems)
    if batch is None or marked is None:
        raise_in_order(problems)
        raise AssertionError("a file without a problem has a batch")
    if path.name != f"{batch.id}{SUFFIX}":
        stem = path.name.removesuffix(".yaml").removesuffix(".batch")
        message = f"the id {batch.id!r} is not the name of the file {path.name}"
        instead = f"id: {stem}" if path.name.endswith(SUFFIX) else f"the name {batch.id}{SUFFIX}"
        add_at(problems, marked.values.get(("id",)), message, instead)
    scenarios = [baseline()]
    places: dict[str, Steps] = {}
    for place, name in enumerate(batch.scenarios):
        steps = ("scenarios", str(place))
        scenario = _scenario(path, name, marked, steps, problems)
        if scenario is None or not (scenario.policies or scenario.id != scenarios[0].id):
            continue
        _append(scenarios, [scenario], marked, steps, problems)
        places[scenario.id] = steps
    for place, wanted in enumerate(batch.sweep):
        steps = ("sweep", str(place))
        scenario = _scenario(path, wanted.scenario, marked, (*steps, "scenario"), problems)
        if scenario is not None:
            swept = _swept(scenario, wanted, marked, steps, problems)
            _append(scenarios, swept, marked, steps, problems)
            places |= {one.id: (*steps, "scenario") for one in swept}
    response = _response(path, batch.response, marked, problems)
    raise_in_order(problems)
    assert response is not None
    return BatchFile(path, batch, tuple(scenarios), response, marked, places)


def _append(
    scenarios: list[Scenario],
    new: list[Scenario],
    marked: Marked,
    steps: Steps,
    problems: Problems,
) -> None:
    known = {scenario.id for scenario in scenarios}
    for scenario in new:
        if scenario.id in known:
            message = f"two scenarios have the id {scenario.id!r}"
            add_at(problems, marked.mark(steps), message, "each scenario once")
        known.add(scenario.id)
        scenarios.append(scenario)


def _scenario(
    batch: Path, name: str, marked: Marked, steps: Steps, problems: Problems
) -> Scenario | None:
    """Read a scenario by the name or path that a batch gives."""
    is_path = name.endswith((".yaml", ".yml"))
    file = batch.parent / (name if is_path else f"{name}.yaml")
    if not file.is_file():
        if name == baseline().id:
            return baseline()
        known = scenario_names(file.parent) if file.parent.is_dir() else []
        guess = nearest(file.stem, known)
        there = f"; scenarios there: {', '.join(known)}" if known else ""
        message = f"there is no scenario {name!r}: looked for {file.name}{there}"
        add_at(problems, marked.mark(steps), message, guess)
        return None
    try:
        return read_scenario(file)
    except ScenarioError as error:
        problems.found += error.problems
        return None


def _swept(
    scenario: Scenario, wanted: SweptScenario, marked: Marked, steps: Steps, problems: Problems
) -> list[Scenario]:
    """Return a scenario for every combination of values."""
    try:
        return sweep(scenario, wanted)
    except ScenarioError as error:
        for problem in error.problems:
            named = [key for key in wanted.keys if repr(key) in problem.message]
            part = "grid" if not named or named[0] in wanted.grid else "list"
            mark = marked.mark((*steps, part, *named[:1]), of_key=bool(named))
            add_at(problems, mark, problem.message, problem.instead)
        return []


def _response(batch: Path, name: str, marked: Marked, problems: Problems) -> ResponseFile | None:
    if name == "default":
        return read_response()
    file = batch.parent / name
    if not file.is_file():
        message = f"there is no response file {name!r} beside the batch file"
        add_at(problems, marked.mark(("response",)), message, "default, or the name of a file")
        return None
    try:
        return read_response(file)
    except ScenarioError as error:
        problems.found += error.problems
        return None
