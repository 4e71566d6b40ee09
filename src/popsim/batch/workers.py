"""Doing tasks side by side: in threads, in processes of this machine, or on a dask cluster.

Each is a generator that takes tasks and yields outcomes as they come, in any order. Results do not
depend on which one is chosen. A closed generator stops its workers.
"""

from __future__ import annotations

import itertools
import os
import pickle
import signal
import sys
import time
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from popsim.batch.extras import loaded
from popsim.batch.work import Job, Outcome, Task, do
from popsim.errors import PopsimError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["by_processes", "by_threads", "nothing", "on_cluster", "rehearse"]

_BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
_SECONDS_TO_STOP = 5.0
#: How a worker process ends that has not the memory to take a task.
_NO_MEMORY = 12
_SECONDS_FOR_WORKERS = 60
#: Tasks sent ahead for each place of a cluster, so that none waits and results do not pile up.
_AHEAD = 2


def nothing() -> Generator[Outcome]:
    """Do no task."""
    yield from ()


def by_threads(job: Job, tasks: Sequence[Task], workers: int) -> Generator[Outcome]:
    """Do tasks in threads of this process."""
    shared, waiting = job.without_data(), iter(tasks)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="popsim-batch")
    try:
        running = {
            pool.submit(do, shared, task, job.inputs.region(task.region))
            for task in itertools.islice(waiting, workers)
        }
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                yield future.result()
            for task in itertools.islice(waiting, len(ended)):
                running.add(pool.submit(do, shared, task, job.inputs.region(task.region)))
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _one_thread_each() -> Generator[None]:
    """Let processes that start do linear algebra in one thread: there are workers enough.

    Threads of a library that wait for small products took a tenth of the time of a batch.
    """
    unset = [name for name in _BLAS_THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, "1"))
    try:
        yield
    finally:
        for name in unset:
            del os.environ[name]


@contextmanager
def _deaf_to_interrupts() -> Generator[None]:
    """Let processes that start not see Ctrl-C, which reaches every process of a terminal.

    What they load takes seconds, in which each would end with a traceback of its own. It is held
    back, not ignored: it reaches this process at the end.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    # Starts when it is first needed, and then lets interrupts through.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Process:
    """A worker process and the pipe to it; at most one task is with it."""

    def __init__(self, memory: int | None) -> None:
        import multiprocessing

        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, memory), daemon=True)
        with _one_thread_each(), _deaf_to_interrupts():
            self.process.start()
        theirs.close()
        self.task: Task | None = None
        self.ready = False

    def give(self, task: Task, data: Any, job: bytes | None = None) -> None:
        """Send a task; the first one with the job of all, pickled."""
        self.task = task
        with suppress(OSError):
            # A process that is gone is noticed when its answer is awaited.
            if job is not None:
                self.pipe.send_bytes(job)
            self.pipe.send((task, data))

    def answer(self) -> Outcome | None:
        """Return the outcome that is there, or that the process died of its task.

        None says that the process has started.
        """
        assert self.task is not None
        try:
            outcome = self.pipe.recv()
            if outcome is None:
                self.ready = True
                return None
            assert isinstance(outcome, Outcome)
        except (EOFError, OSError):
            self.process.join(_SECONDS_TO_STOP)
            code = self.process.exitcode
            if code == _NO_MEMORY:
                raise PopsimError(
                    "a worker process has not the memory to take a task; write: more with "
                    "--memory, or no limit"
                ) from None
            if not self.ready and (code is None or code >= 0):
                raise PopsimError(
                    "worker processes cannot start; in a script of your own write: "
                    'if __name__ == "__main__": above the run, or threads=True'
                ) from None
            outcome = Outcome(self.task.id, _death(code))
        self.task = None
        return outcome

    @property
    def lost(self) -> bool:
        return not self.process.is_alive()

    def leave(self) -> None:
        """Let the process end, without waiting for it."""
        # An idle one ends by itself when the pipe is closed.
        self.pipe.close()
        if self.task is not None:
            self.process.terminate()

    def stop(self) -> None:
        self.leave()
        self.process.join(_SECONDS_TO_STOP)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def by_processes(
    job: Job, tasks: Sequence[Task], workers: int, memory: int | None = None
) -> Generator[Outcome]:
    """Do tasks in worker processes; one that dies is told and replaced, the others go on.

    Parameters
    ----------
    job : Job
    tasks : sequence of Task
    workers : int
    memory : int, optional
        Most address space of a worker [bytes]; a task that needs more fails with a sentence.
    """
    from multiprocessing.connection import wait as wait_for

    shared, waiting = pickle.dumps(job.without_data()), list(reversed(tasks))
    team: list[_Process] = []
    try:
        # All begin to start before the first is waited for: it reads the job when it has started.
        while len(team) < min(workers, len(tasks)):
            team.append(_Process(memory))
        for process in team:
            task = waiting.pop()
            process.give(task, job.inputs.region(task.region), shared)
        while any(process.task for process in team):
            busy: dict[Any, _Process] = {p.pipe: p for p in team if p.task}
            for pipe in wait_for(list(busy)):
                process = busy[pipe]
                outcome = process.answer()
                if outcome is None:
                    continue
                if waiting:
                    first = None
                    if process.lost:
                        team.remove(process)
                        process.stop()
                        process, first = _Process(memory), shared
                        team.append(process)
                    task = waiting.pop()
                    process.give(task, job.inputs.region(task.region), first)
                yield outcome
    finally:
        _stop(team)


def _stop(team: Sequence[_Process]) -> None:
    """End processes, all at the same time."""
    for process in team:
        process.leave()
    for process in team:
        process.stop()


def rehearse(job: Job, task: Task, workers: int) -> tuple[float, float, float]:
    """Start worker processes, let each do the same task twice, and say what that took.

    Parameters
    ----------
    job : Job
    task : Task
    workers : int

    Returns
    -------
    first, again, ending : float
        Seconds from the start of the processes until all had done the task, for all to do it once
        more, and for them to end.

    Raises
    ------
    PopsimError
        When they cannot start, or the task fails.
    """
    data = job.inputs.region(task.region)
    shared: bytes | None = pickle.dumps(job.without_data())
    spent = []
    start = time.perf_counter()
    team = [_Process(None) for _ in range(workers)]
    try:
        for _ in range(2):
            for process in team:
                process.give(task, data, shared)
            for process in team:
                # The first answer of a new process is that it is there.
                outcome = process.answer() or process.answer()
                if outcome is None or outcome.error:
                    told = outcome.error if outcome else "no answer"
                    raise PopsimError(f"the piece that is measured failed: {told}")
            shared = None
            spent.append(time.perf_counter() - start)
            start = time.perf_counter()
    finally:
        _stop(team)
    return spent[0], spent[1], time.perf_counter() - start


def _serve(pipe: Connection, memory: int | None) -> None:
    """Do tasks until the other end of the pipe is closed: the loop of a worker process."""
    # Ctrl-C reaches every process of a terminal; the one that writes decides what happens.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Leave in order when told to stop: what the libraries hold is given back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if memory is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    try:
        job = pickle.loads(pipe.recv_bytes())
        pipe.send(None)
        while True:
            task, data = pipe.recv()
            pipe.send(do(job, task, data))
    except (EOFError, OSError):
        pass
    except MemoryError:
        sys.exit(_NO_MEMORY)


def _death(code: int | None) -> str:
    if code is None or code >= 0:
        return f"the worker process ended by itself (exit code {code})"
    name = signal.Signals(-code).name
    guess = ", probably for lack of memory" if -code == signal.SIGKILL else ""
    return f"the worker process was killed ({name}{guess}); --resume does the task again"


def on_cluster(job: Job, tasks: Sequence[Task], address: str) -> Generator[Outcome]:
    """Do tasks on an existing dask cluster; what a lost worker had is done by another.

    Parameters
    ----------
    job : Job
    tasks : sequence of Task
    address : str
        Of the scheduler (``tcp://host:8786``), or the path of its scheduler file.

    Raises
    ------
    PopsimError
        When there is no scheduler, or the connection to it is lost.
    """
    distributed = loaded("distributed")
    if address.endswith(".json") and not Path(address).is_file():
        # dask would wait for it without end.
        raise PopsimError(
            f"there is no scheduler file {address}; write: dask scheduler --scheduler-file "
            f"{address}"
        )
    options = {"scheduler_file": address} if address.endswith(".json") else {"address": address}
    try:
        client = distributed.Client(**options, set_as_default=False, timeout="15s")
    except (OSError, ValueError, TimeoutError) as error:
        raise PopsimError(
            f"no dask scheduler answers at {address} ({error}); write: dask scheduler, and the "
            "address that it prints"
        ) from error
    try:
        client.wait_for_workers(1, timeout=_SECONDS_FOR_WORKERS)
    except TimeoutError as error:
        client.close()
        raise PopsimError(
            f"the dask scheduler at {address} has no workers; write: dask worker {address}"
        ) from error
    try:
        # With every task: what is scattered once is lost with the worker that holds it.
        shared = job.without_data()
        places = max(1, sum(client.nthreads().values()))
        waiting, names = iter(tasks), {}

        def send(number: int) -> list[Any]:
            futures = []
            for task in itertools.islice(waiting, number):
                data = job.inputs.region(task.region)
                # The same task may run twice in one session, so dask must not take the old result.
                future = client.submit(do, shared, task, data, pure=False)
                names[future.key] = task.id
                futures.append(future)
            return futures

        ended = distributed.as_completed(send(_AHEAD * places), loop=client.loop)
        for future in ended:
            if future.status == "finished":
                yield future.result()
            elif future.status == "cancelled":
                raise PopsimError(f"the connection to the dask scheduler at {address} was lost")
            else:
                wrong = future.exception()
                yield Outcome(names[future.key], f"{type(wrong).__name__}: {wrong}")
            future.release()
            ended.update(send(1))
    finally:
        client.close()
