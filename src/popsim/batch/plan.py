"""What a batch will do and what that costs, before anything runs."""

from __future__ import annotations

import math
import os
import time
import tracemalloc
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from popsim.batch.files import BatchFile, read_batch
from popsim.batch.inputs import load_inputs
from popsim.batch.model import Batch
from popsim.batch.progress import told_seconds
from popsim.batch.run import Report, run_plan
from popsim.batch.template import make_template
from popsim.batch.work import Job, Task, do
from popsim.errors import DataError, PopsimError

__all__ = ["Estimate", "Plan", "plan"]

#: Results of a task are sent whole from the worker that makes them to the process that writes.
MOST_BYTES_A_TASK = 256e6
_MEASURED_SCENARIOS = 4
_MEASURED_DRAWS = (50, 150)
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
    seconds_a_task : float
        On one processor.
    seconds : float
        Of the whole run.
    bytes_a_worker : float
        Memory of a worker process at its peak.
    disk_bytes : float
        Of the store.
    workers : int
    """

    tasks: int
    trajectory_years: int
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
                f"one task             about {told_seconds(self.seconds_a_task)} of one processor",
                f"all, {self.workers} at a time     about {told_seconds(self.seconds)}",
                f"memory of a worker   about {self.bytes_a_worker / 1e6:,.0f} MB",
                f"disk                 about {self.disk_bytes / 1e6:,.1f} MB",
            ]
        )


class Plan:
    """A batch that has been read, checked and cut into tasks.

    Attributes
    ----------
    batch : Batch
    job : Job
        What all tasks share.
    tasks : tuple of Task
        One a region, all its scenarios on the same draws; several where their results would be
        too large for one.
    store : pathlib.Path
        Folder of the results.
    """

    def __init__(self, file: BatchFile, store: Path) -> None:
        self.batch: Batch = file.batch
        self.store = store
        inputs = load_inputs(file)
        number = len(inputs.scenarios)
        template = make_template(file.batch, inputs, number)
        regions = [str(region) for region in inputs.data["region"].values]
        large = template.bytes_uncompressed / len(regions) / MOST_BYTES_A_TASK
        if large > 1:
            template = make_template(file.batch, inputs, max(1, int(number / large)))
        self.job = Job(inputs, file.batch.keep, template)
        block = template.block
        self.tasks = tuple(
            Task(
                id=region if block >= number else f"{region}-{first // block + 1}",
                region=region,
                place=place,
                first=first,
                last=min(first + block, number),
            )
            for place, region in enumerate(regions)
            for first in range(0, number, block)
        )

    def __repr__(self) -> str:
        return f"<Plan {self.batch.id}: {len(self.tasks)} tasks, results in {self.store}>"

    @property
    def region_names(self) -> dict[str, str]:
        """Chinese names of the regions by code, codes where there is none."""
        data = self.job.inputs.data
        codes = [str(region) for region in data["region"].values]
        names = data["region_name_zh"].values if "region_name_zh" in data.coords else codes
        return {code: str(name) for code, name in zip(codes, names, strict=True)}

    def estimate(self, workers: int | None = None) -> Estimate:
        """Measure a small piece of the work and say what the whole costs; nothing is written.

        Parameters
        ----------
        workers : int, optional
            Worker processes; the processors of the machine by default.

        Raises
        ------
        PopsimError
            When the piece that is measured fails.
        """
        workers = workers or processors()
        task, inputs = self.tasks[0], self.job.inputs
        measured = range(task.first, min(task.last, task.first + _MEASURED_SCENARIOS))
        piece = replace(task, last=measured.stop)
        data = inputs.region(task.region)
        draws = len(inputs.draws)
        numbers = sorted({min(number, draws) for number in _MEASURED_DRAWS})
        seconds, peaks, size = [], [], 0
        self._measured(piece, numbers[0], data)
        for number in numbers:
            start = time.perf_counter()
            size = self._measured(piece, number, data)
            seconds.append(time.perf_counter() - start)
            tracemalloc.start()
            self._measured(piece, number, data)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        scenarios = task.last - task.first
        more = scenarios / len(measured)
        one = _extended(numbers, seconds, draws) * more
        full = self.job.template.bytes_uncompressed / len(self.tasks)
        rounds = -(-len(self.tasks) // workers)
        # Single draws hardly get smaller by compression.
        kept = sum(
            math.prod(spec.shape) * np.dtype(self.job.template.dtype).itemsize
            for spec in self.job.template.arrays.values()
            if "draw" in spec.dims
        )
        return Estimate(
            tasks=len(self.tasks),
            trajectory_years=inputs.data.sizes["region"]
            * len(inputs.scenarios)
            * draws
            * len(inputs.years),
            seconds_a_task=one,
            seconds=one * rounds,
            bytes_a_worker=_PROCESS_BYTES + _extended(numbers, peaks, draws) + 2 * full,
            disk_bytes=size * more * len(self.tasks) + kept,
            workers=workers,
        )

    def _measured(self, task: Task, draws: int, data: object) -> int:
        """Do a piece with fewer draws; return the bytes that would be written."""
        few = replace(self.job.inputs, draws=range(draws))
        job = replace(self.job, inputs=few, keep=self.batch.keep.model_copy(update={"draws": ()}))
        arrays = {n: a for n, a in job.template.arrays.items() if "draw" not in a.dims}
        job = replace(job, template=replace(job.template, arrays=arrays))
        outcome = do(job, task, data)  # type: ignore[arg-type]
        if outcome.error:
            raise PopsimError(f"the piece that is measured failed: {outcome.error}")
        return sum(len(content) for content in outcome.files.values())

    def run(
        self,
        workers: int | None = None,
        *,
        threads: bool = False,
        memory: int | None = None,
        resume: bool = False,
        dask: str | None = None,
        part: tuple[int, int] | None = None,
        progress: bool = True,
    ) -> Report:
        """Run the batch; results do not depend on how.

        Parameters
        ----------
        workers : int, optional
            Tasks at a time; the processors of the machine by default.
        threads : bool
            Threads of this process instead of processes of their own. Processes import the
            script that starts them, which therefore needs ``if __name__ == "__main__":``.
        memory : int, optional
            Most address space of a worker process [bytes].
        resume : bool
            Go on with a store that is there: what is whole is kept, the rest is done.
        dask : str, optional
            Address or scheduler file of an existing dask cluster that does the tasks.
        part : tuple of int, optional
            (i, n): only the i-th of n parts, which may run at the same time on the same store.
        progress : bool

        Returns
        -------
        Report
            With a table of the tasks that failed.

        Raises
        ------
        DataError
            When the store was begun with other inputs or versions.
        PopsimError
            When the store is in use, holds a batch already, or the disk is full.
        """
        if workers is not None and workers < 1:
            raise DataError(f"workers={workers} is not a number of workers; write: workers=2")
        if part is not None and not 1 <= part[0] <= part[1]:
            raise DataError(f"there is no part {part[0]} of {part[1]}; write: part=(1, {part[1]})")
        return run_plan(
            self,
            workers=workers or processors(),
            threads=threads,
            memory=memory,
            resume=resume,
            dask=dask,
            part=part,
            progress=progress,
        )


def plan(path: str | Path, *, out: str | Path | None = None) -> Plan:
    """Read a batch file and cut its work into tasks; nothing runs.

    Parameters
    ----------
    path : str or pathlib.Path
        File of schema ``popsim.batch/1``.
    out : str or pathlib.Path, optional
        Folder of the results; ``results/<id>`` by default.

    Returns
    -------
    Plan
        With :meth:`Plan.estimate` and :meth:`Plan.run`.

    Raises
    ------
    ScenarioError, DataError
        With all problems of the files; see :func:`popsim.batch.files.read_batch`.

    Examples
    --------
    >>> plan("scenarios/no-such.batch.yaml")
    Traceback (most recent call last):
    ...
    popsim.errors.ScenarioError: there is no file scenarios/no-such.batch.yaml...
    """
    file = read_batch(path)
    return Plan(file, Path("results") / file.batch.id if out is None else Path(out))


def processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _extended(numbers: list[int], measured: list[float] | list[int], draws: int) -> float:
    """Carry a straight line through two measurements to the number of draws."""
    if len(numbers) == 1:
        return float(measured[0])
    slope = max(0.0, (measured[1] - measured[0]) / (numbers[1] - numbers[0]))
    return float(measured[1] + slope * (draws - numbers[1]))
