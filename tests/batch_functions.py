"""Work of a task that goes wrong on purpose; worker processes import it by name."""

import os
import signal
import time

import numpy as np

from popsim.batch.task import compute


def region_of(data):
    return str(data["region"].values[0])


def raising_in_second(data, scenarios, **options):
    if region_of(data) == "339002":
        raise ValueError("something odd")
    return compute(data, scenarios, **options)


def greedy_then_killed(data, scenarios, **options):
    """Ask for 80 GB in the first region, be killed in the second, work in the others."""
    if region_of(data) == "339001":
        np.ones(10_000_000_000)
    if region_of(data) == "339002":
        os.kill(os.getpid(), signal.SIGKILL)
    return compute(data, scenarios, **options)


def unable_to_start(pipe, memory):
    raise SystemExit(1)


def slow(data, scenarios, **options):
    time.sleep(0.3)
    return compute(data, scenarios, **options)
