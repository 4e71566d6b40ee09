"""One task as it is done by a thread, a process or a machine of a cluster: always the same."""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from popsim.batch.inputs import Inputs
from popsim.batch.manifest import versions
from popsim.batch.model import Keep
from popsim.batch.task import compute
from popsim.batch.template import Template
from popsim.errors import PopsimError

__all__ = ["Job", "Outcome", "Task", "do"]


@dataclass(frozen=True)
class Task:
    """Scenarios ``first`` to ``last`` (excluded) in one region.

    Parameters
    ----------
    id : str
        Code of the region; with a number where its scenarios are divided.
    region : str
    place : int
        Position of the region in the store.
    first, last : int
    """

    id: str
    region: str
    place: int
    first: int
    last: int


@dataclass(frozen=True)
class Job:
    """What all tasks of a batch share; it goes to a process once, to a cluster with every task.

    Parameters
    ----------
    inputs : Inputs
        Their data are left out: a task is given those of its region.
    keep : Keep
    template : Template
    versions : dict of str to str
        Of the process that writes.
    function : callable
        :func:`popsim.batch.task.compute`, or one with the same arguments and results.
    """

    inputs: Inputs
    keep: Keep
    template: Template
    versions: dict[str, str] = field(default_factory=versions)
    function: Callable[..., dict[str, NDArray[np.float64]]] = compute

    def without_data(self) -> Job:
        """Return the job as it goes to workers."""
        return replace(self, inputs=replace(self.inputs, data=xr.Dataset(), identities={}))


@dataclass(frozen=True)
class Outcome:
    """What came of a task: chunks as files by path in the store, or what went wrong."""

    task: str
    error: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    seconds: float = 0.0
    host: str = ""


def do(job: Job, task: Task, data: xr.Dataset) -> Outcome:
    """Do a task; whatever goes wrong in it is told, not raised.

    Parameters
    ----------
    job : Job
    task : Task
    data : xarray.Dataset
        Of the region.
    """
    start, host = time.perf_counter(), platform.node()
    notices: list[str] = []
    files: dict[str, bytes] = {}
    try:
        here = versions()
        if here != job.versions:
            other = ", ".join(f"{n} {v}" for n, v in here.items() if job.versions.get(n) != v)
            raise PopsimError(
                f"{host} has {other}, the run other versions; install the same on every machine"
            )
        inputs, keep = job.inputs, job.keep
        results = job.function(
            data,
            inputs.scenarios[task.first : task.last],
            response=inputs.response,
            uncertainty=inputs.uncertainty,
            years=inputs.years,
            draws=inputs.draws,
            seed=inputs.seed,
            indicators=inputs.indicators,
            probabilities=keep.quantiles,
            keep_draws=keep.draws,
            keep_population=keep.population,
            keep_costs=keep.costs,
            demographic_noise=inputs.demographic_noise,
            tell=notices.append,
        )
        files = job.template.encoded(task.place, task.first, results)
        error = ""
    except MemoryError as lack:
        error = f"out of memory: {lack}".rstrip(": ") + "; write: fewer draws, or keep less"
    except Exception as wrong:
        error = str(wrong)
        if not isinstance(wrong, PopsimError):
            # Not foreseen: say where.
            last = traceback.extract_tb(wrong.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            error = f"{type(wrong).__name__}: {wrong} ({place})"
    spent = time.perf_counter() - start
    return Outcome(task.id, error, {} if error else files, notices, spent, host)
