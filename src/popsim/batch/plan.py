"""What a batch will do and what that costs, before anything runs."""

from __future__ import annotations

import os
from pathlib import Path

from popsim.batch.estimate import Estimate, measured
from popsim.batch.files import BatchFile, read_batch
from popsim.batch.inputs import load_inputs
from popsim.batch.model import Batch
from popsim.batch.run import Report, run_plan
from popsim.batch.template import make_template
from popsim.batch.work import Job, Task
from popsim.errors import DataError

__all__ = ["Estimate", "Plan", "plan"]

#: Results of a task are sent whole from the worker that makes them to the process that writes.
MOST_BYTES_A_TASK = 256e6


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
        self.file = file
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

    def estimate(self, workers: int | None = None, *, threads: bool = False) -> Estimate:
        """Measure a small piece of the work and say what ``popsim run`` costs; nothing is written.

        Parameters
        ----------
        workers : int, optional
            Tasks at a time; the processors of the machine by default.
        threads : bool
            As in :meth:`run`. Without it worker processes are started to see what that takes.

        Raises
        ------
        PopsimError
            When the piece that is measured fails, or worker processes cannot start.
        """
        return measured(self, workers or processors(), threads, processors())

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
        if memory is not None and memory < 1:
            raise DataError(
                f"memory={memory} is not a number of bytes; write: memory=4_000_000_000"
            )
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
