"""What a batch costs, from pieces of it that are measured before it runs."""

from __future__ import annotations

import math
import pickle
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from popsim.batch.inputs import load_inputs
from popsim.batch.progress import told_seconds
from popsim.batch.template import make_template
from popsim.batch.work import Job, Task, do
from popsim.batch.workers import rehearse
from popsim.errors import PopsimError

if TYPE_CHECKING:
    from popsim.batch.plan import Plan

__all__ = ["Estimate", "measured"]

_SCENARIOS = (2, 6)
_DRAWS = (50, 1000)
_SECONDS = 1.0
"""What a piece may take; one that needs single ages gets fewer draws."""
_WORKERS = 2
"""Most worker processes that are started to be measured."""
_PROCESS_BYTES = 250e6
"""Resident memory of a process that has loaded popsim and its kernels [bytes]."""


@dataclass(frozen=True)
class Estimate:
    """What a batch costs, from a measurement of a few seconds.

    Parameters
    ----------
    tasks : int
    trajectory_years : int
        Region × scenario × draw × year.
    seconds_to_start : float
        What does not depend on the number of tasks: the command, reading its inputs, starting
        workers, what each process loads, and ending them.
    seconds_a_task : float
        On one processor, with the other workers at work.
    seconds : float
        Of the whole run, from the command to its end.
    bytes_a_worker : float
        Memory of a worker process at its peak.
    disk_bytes : float
        Of the store.
    workers : int
    """

    tasks: int
    trajectory_years: int
    seconds_to_start: float
    seconds_a_task: float
    seconds: float
    bytes_a_worker: float
    disk_bytes: float
    workers: int

    def __str__(self) -> str:
        return "\n".join(
            [
                f"tasks                {self.tasks:,}",
                f"trajectory-years     {self.trajectory_years:,}",
                f"starting and ending  about {told_seconds(self.seconds_to_start)}",
                f"one task             about {told_seconds(self.seconds_a_task)} of one processor",
                f"all, {self.workers} at a time     about {told_seconds(self.seconds)}, "
                "all included",
                f"memory of a worker   about {self.bytes_a_worker / 1e6:,.0f} MB",
                f"disk                 about {self.disk_bytes / 1e6:,.1f} MB",
            ]
        )


def measured(plan: Plan, workers: int, threads: bool, processors: int) -> Estimate:
    """Measure pieces of a plan and say what the whole costs.

    A piece, one region under a few scenarios, is done in this process with two numbers of scenarios
    and two of draws, which gives what a region, a scenario and a draw take; then, where the run
    would have them, by worker processes that are started for it, once when they are new and once
    more, and then end. What the first time takes longer is the start of a worker. The command
    itself starts like a worker, and reads the inputs, which are read once more here.

    Parameters
    ----------
    plan : Plan
    workers : int
        Tasks at a time.
    threads : bool
        Whether they are threads of one process.
    processors : int
        Of the machine.

    Raises
    ------
    PopsimError
        When a piece fails, or worker processes cannot start.
    """
    task, inputs, template = plan.tasks[0], plan.job.inputs, plan.job.template
    scenarios = task.last - task.first
    counts = sorted({min(count, scenarios) for count in _SCENARIOS})
    pieces = [replace(task, last=task.first + count) for count in counts]
    # As workers get it: kernels are compiled anew for arrays that may be written to.
    data = pickle.loads(pickle.dumps(inputs.region(task.region)))
    draws = len(inputs.draws)
    few = min(_DRAWS[0], draws)
    # The first time kernels are loaded, or even compiled, which is done once for a machine.
    loading, _ = _timed(lambda: _done(_with_draws(plan, few), pieces[-1], data))
    warm, _ = _timed(lambda: _done(_with_draws(plan, few), pieces[-1], data))
    more = min(draws, _DRAWS[1], int(few * _SECONDS / warm))
    numbers = [few, more] if more > few else sorted({max(1, few // 5), few})
    jobs = [_with_draws(plan, number) for number in numbers]
    seconds, peaks, size = [], [], 0
    for job in jobs:
        spent = []
        for piece in pieces:
            _done(job, piece, data)
            took, size = _timed(partial(_done, job, piece, data))
            spent.append(took)
        seconds.append(_extended(counts, spent, scenarios))
        tracemalloc.start()
        _done(job, pieces[-1], data)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    piece, alone = pieces[-1], spent[-1]
    at_once = min(workers, len(plan.tasks))
    crowd = max(1.0, at_once / processors)
    reading, _ = _timed(lambda: make_template(plan.batch, load_inputs(plan.file), template.block))
    if threads:
        starting, slower = reading + max(0.0, loading - warm), 1.0
    else:
        first, again, ending = rehearse(jobs[-1], piece, min(at_once, processors, _WORKERS))
        # The command is a process that loads the same before it starts the others.
        starting = reading + (first - again) * (1 + crowd) + ending
        slower = again / alone
    times = scenarios / (piece.last - piece.first)
    one = _extended(numbers, seconds, draws) * slower
    full = template.bytes_uncompressed / len(plan.tasks)
    rounds = math.ceil(len(plan.tasks) / at_once)
    # Single draws hardly get smaller by compression.
    kept = sum(
        math.prod(spec.shape) * np.dtype(template.dtype).itemsize
        for spec in template.arrays.values()
        if "draw" in spec.dims
    )
    return Estimate(
        tasks=len(plan.tasks),
        trajectory_years=inputs.data.sizes["region"]
        * len(inputs.scenarios)
        * draws
        * len(inputs.years),
        seconds_to_start=starting,
        seconds_a_task=one,
        seconds=starting + one * rounds * crowd,
        bytes_a_worker=_PROCESS_BYTES + _extended(numbers, peaks, draws) + 2 * full,
        disk_bytes=size * times * len(plan.tasks) + kept,
        workers=workers,
    )


def _with_draws(plan: Plan, draws: int) -> Job:
    """Return the job of a plan with fewer draws, none of which is kept."""
    job = replace(
        plan.job,
        inputs=replace(plan.job.inputs, draws=range(draws)),
        keep=plan.batch.keep.model_copy(update={"draws": ()}),
    )
    arrays = {n: a for n, a in job.template.arrays.items() if "draw" not in a.dims}
    return replace(job, template=replace(job.template, arrays=arrays))


def _done(job: Job, task: Task, data: Any) -> int:
    """Do a piece; return the bytes that would be written."""
    outcome = do(job, task, data)
    if outcome.error:
        raise PopsimError(f"the piece that is measured failed: {outcome.error}")
    return sum(len(content) for content in outcome.files.values())


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that some work takes, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _extended(numbers: list[int], measured: list[float] | list[int], draws: int) -> float:
    """Carry a straight line through two measurements to the number of draws."""
    if len(numbers) == 1:
        return float(measured[0])
    slope = max(0.0, (measured[1] - measured[0]) / (numbers[1] - numbers[0]))
    return float(measured[1] + slope * (draws - numbers[1]))
