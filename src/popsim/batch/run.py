"""Running a plan: begin or continue a store, do what is missing, write whole, note every end."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from popsim.batch import workers as ways
from popsim.batch.disk import DISK_FULL, clear_unfinished, digest, locked, write_whole
from popsim.batch.failures import Reason, reasons
from popsim.batch.manifest import (
    ARRAYS,
    MANIFEST,
    Manifest,
    Record,
    append_record,
    now,
    read_manifest,
    read_records,
    verify,
    versions,
)
from popsim.batch.progress import Progress
from popsim.batch.work import Job, Outcome, Task
from popsim.errors import DataError, PopsimError, Problems

if TYPE_CHECKING:
    from popsim.batch.plan import Plan

__all__ = ["Report", "run_plan"]

_WRITERS = 8


@dataclass
class _Tally:
    """How many tasks ended, and what went wrong in which."""

    ended: int = 0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What came of a run.

    Attributes
    ----------
    store : pathlib.Path
    done, before : int
        Tasks done now, and those that were there.
    missing : int
        Tasks of the store that are still to be done, those that failed among them.
    failed : pandas.DataFrame
        Columns task, region, region_name_zh, error.
    reasons : tuple of Reason
        Why tasks failed: each reason once, with its regions counted.
    messages : tuple of str
        What was found and mended.
    interrupted : bool
    """

    store: Path
    done: int
    before: int
    missing: int
    failed: pd.DataFrame
    reasons: tuple[Reason, ...]
    messages: tuple[str, ...]
    interrupted: bool = False


def run_plan(
    plan: Plan,
    *,
    workers: int,
    threads: bool,
    memory: int | None,
    resume: bool,
    dask: str | None,
    part: tuple[int, int] | None,
    progress: bool,
) -> Report:
    """Run a plan; see :meth:`popsim.batch.plan.Plan.run`."""
    store = plan.store
    name = "" if part is None else f"{part[0]}-of-{part[1]}"
    mine = list(plan.tasks if part is None else plan.tasks[part[0] - 1 :: part[1]])
    begun = (store / MANIFEST).is_file()
    if begun and not resume and part is None:
        raise PopsimError(
            f"{store} holds a batch already; write: --resume to go on with it, or --out FOLDER for "
            "a new one"
        )
    _folder(store)
    messages: list[str] = []
    tally, todo, interrupted = _Tally(), mine, False
    try:
        with locked(store, name):
            if not name and clear_unfinished(store):
                messages.append("unfinished files of a run that was killed were removed")
            done, found = _begin(plan, plan.job.template.files())
            messages += found
            todo = [task for task in mine if task.id not in done]
            outcomes = _way(plan.job, todo, workers, threads, memory, dask)
            _collect(plan, outcomes, tally, Progress(len(todo), progress and bool(todo)), name)
    except KeyboardInterrupt:
        interrupted = True
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise PopsimError(
            f"nothing more can be written to {store} ({error.strerror}); what is finished is "
            "safe: free some space, then run again with --resume"
        ) from error
    missing = len(plan.tasks) - len(read_records_done(store))
    names = plan.region_names
    rows = [
        {"task": task.id, "region": task.region, "region_name_zh": names[task.region], "error": e}
        for task in mine
        if (e := tally.failed.get(task.id)) is not None
    ]
    return Report(
        store=store,
        done=tally.ended - len(tally.failed),
        before=len(mine) - len(todo),
        missing=missing,
        failed=pd.DataFrame(rows, columns=["task", "region", "region_name_zh", "error"]),
        reasons=tuple(reasons(tally.failed, [task.id for task in plan.tasks], names)),
        messages=tuple(messages),
        interrupted=interrupted,
    )


def read_records_done(store: Path) -> dict[str, Record]:
    """Return the records of the tasks that are done."""
    return {name: one for name, one in read_records(store).items() if one.status == "done"}


def _folder(store: Path) -> None:
    """Make the folder of a store; refuse one that holds something else."""
    if store.is_dir() and not (store / MANIFEST).is_file():
        # A run that was killed at once leaves arrays without a manifest.
        own = (ARRAYS, "lock", "tasks")
        strange = sorted(f.name for f in store.iterdir() if not f.name.startswith((*own, MANIFEST)))
        if strange:
            raise PopsimError(
                f"{store} holds other files ({strange[0]}); write: --out with a new folder"
            )
    try:
        store.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PopsimError(f"cannot write to {store}: {error.strerror}") from error


def _begin(plan: Plan, template: dict[str, bytes]) -> tuple[set[str], list[str]]:
    """Begin a store or check what is there; return the tasks that are done, and what was mended."""
    store, inputs = plan.store, plan.job.inputs
    wanted = Manifest(
        id=plan.batch.id,
        label={"en": plan.batch.label.en, "zh": plan.batch.label.zh},
        created=now(),
        versions=versions(),
        identities=inputs.identities,
        tasks=[task.id for task in plan.tasks],
        template={path: digest(content) for path, content in template.items()},
    )
    if not (store / MANIFEST).is_file():
        for path, content in template.items():
            write_whole(store / path, content)
        # Last, so that a store with a manifest has its arrays.
        wanted.write(store)
        return set(), []
    _same(store, read_manifest(store), wanted)
    messages = []
    for clause in verify(store, wanted.template):
        path = clause.split(" is ")[0]
        write_whole(store / path, template[path])
        messages.append(f"{clause}: written again")
    done = set()
    for name, record in read_records_done(store).items():
        wrong = verify(store, record.files)
        if wrong:
            messages.append(f"{'; '.join(wrong)}: task {name} is done again")
        elif name in wanted.tasks:
            done.add(name)
    return done, messages


def _same(store: Path, begun: Manifest, wanted: Manifest) -> None:
    """Refuse to mix results of different inputs, versions or plans, naming each difference."""
    problems = Problems()
    told = "a new folder with --out, or what it was begun with"
    for name in sorted({*begun.identities, *wanted.identities}):
        before, after = begun.identities.get(name), wanted.identities.get(name)
        if before != after:
            change = "is new" if before is None else "is gone" if after is None else "has changed"
            problems.add(f"{name} {change} since {store} was begun", instead=told)
    for name, number in wanted.versions.items():
        if begun.versions.get(name) != number:
            was = begun.versions.get(name)
            problems.add(f"{store} was begun with {name} {was}, this is {number}", instead=told)
    if not problems and (begun.tasks, begun.template) != (wanted.tasks, wanted.template):
        problems.add(f"{store} was begun with other tasks or arrays", instead=told)
    problems.raise_if_any(DataError)


def _way(
    job: Job,
    tasks: Sequence[Task],
    workers: int,
    threads: bool,
    memory: int | None,
    dask: str | None,
) -> Generator[Outcome]:
    if not tasks:
        return ways.nothing()
    if dask is not None:
        return ways.on_cluster(job, tasks, dask)
    if threads:
        return ways.by_threads(job, tasks, workers)
    return ways.by_processes(job, tasks, workers, memory)


def _collect(
    plan: Plan, outcomes: Generator[Outcome], tally: _Tally, progress: Progress, part: str
) -> None:
    """Write what comes and count it."""
    with closing(progress), closing(outcomes), ThreadPoolExecutor(_WRITERS) as writers:
        for outcome in outcomes:
            _write(plan.store, outcome, part, writers)
            tally.ended += 1
            if outcome.error:
                tally.failed[outcome.task] = outcome.error
            progress.step(bool(outcome.error))


def _write(store: Path, outcome: Outcome, part: str, writers: ThreadPoolExecutor) -> None:
    """Write the chunks of a task, then that it is done."""
    paths = [store / path for path in outcome.files]
    # Together, because each waits for the disk.
    list(writers.map(write_whole, paths, outcome.files.values()))
    record = Record(
        task=outcome.task,
        status="failed" if outcome.error else "done",
        seconds=round(outcome.seconds, 3),
        error=outcome.error,
        files={path: digest(content) for path, content in outcome.files.items()},
        notices=outcome.notices,
        host=outcome.host,
        finished=now(),
    )
    append_record(store, record, part)
