"""What the command ``popsim`` prints of batches and their stores."""

from __future__ import annotations

import math
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from popsim.errors import PopsimError

if TYPE_CHECKING:
    from popsim.batch.model import Keep

__all__ = [
    "check_batch",
    "check_whole",
    "describe_batch",
    "describe_store",
    "is_store",
    "part_of",
    "print_plan",
    "run_batch",
    "write_export",
]

INTERRUPTED = 130


def is_store(name: str) -> bool:
    """Say whether a folder is a store of a batch."""
    return (Path(name) / "manifest.json").is_file()


def part_of(text: str | None) -> tuple[int, int] | None:
    """Read ``--task i/n``.

    Examples
    --------
    >>> part_of("2/4")
    (2, 4)
    >>> part_of("5/4")
    Traceback (most recent call last):
    ...
    popsim.errors.PopsimError: --task 5/4 is not a part of the tasks; write: --task 1/4
    """
    if text is None:
        return None
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        whole = text.partition("/")[2]
        instead = f"1/{whole}" if whole.isdigit() and int(whole) else "1/4"
        raise PopsimError(f"--task {text} is not a part of the tasks; write: --task {instead}")
    return int(found[1]), int(found[2])


def check_batch(name: str) -> str:
    """Read a batch file and what it names, and say in one line what it is."""
    from popsim.batch.files import read_batch

    file = read_batch(name)
    # Only once the file reads, because what follows loads the numerical libraries and the data.
    from popsim.batch.inputs import load_inputs

    load_inputs(file)
    ids = ", ".join(scenario.id for scenario in file.scenarios)
    return f"batch {file.batch.id}: {file.batch.draws} draws of {ids}"


def describe_batch(name: str) -> None:
    """Print what a batch file asks for; nothing is loaded or measured."""
    from popsim.batch.files import read_batch

    file = read_batch(name)
    batch = file.batch
    click.echo(f"{batch.id}: {batch.label.en} {batch.label.zh}")
    regions = batch.regions if isinstance(batch.regions, str) else ", ".join(batch.regions)
    click.echo(f"regions: {regions}")
    noise = ", demographic noise" * batch.demographic_noise
    click.echo(f"draws: {batch.draws}, seed {batch.seed}, uncertainty {batch.uncertainty}{noise}")
    click.echo(f"response: {file.response.id}")
    click.echo(f"keeps: {kept_words(batch.keep)}")
    for scenario in file.scenarios:
        click.echo(f"{scenario.id}: {scenario.label.en} {scenario.label.zh}")


def kept_words(keep: Keep) -> str:
    """Say in words what a batch keeps of every region and scenario.

    Examples
    --------
    >>> from popsim.batch.model import Keep
    >>> kept_words(Keep(quantiles=(0.1, 0.9), differences=False))
    'headline indicators as 2 quantiles and means; costs of additional births'
    """
    several = keep.indicators
    what = "headline indicators" if isinstance(several, str) else ", ".join(several)
    forms = [f"{len(keep.quantiles)} quantiles", *["means"] * keep.means]
    parts = [f"{what} as {' and '.join(forms)}" + ", with differences" * keep.differences]
    parts += [f"every draw of {', '.join(keep.draws)}"] * bool(keep.draws)
    parts += ["population by age"] * keep.population + ["costs of additional births"] * keep.costs
    return "; ".join(parts)


def print_plan(name: str, workers: int | None, out: Path | None) -> None:
    """Print tasks, time, memory and disk of a batch."""
    from popsim.batch.files import read_batch

    # Read first: a mistake in a file is told before the numerical libraries are loaded.
    read_batch(name)
    from popsim.batch.plan import plan

    planned = plan(name, out=out)
    inputs = planned.job.inputs
    click.echo(f"{planned.batch.id}: {planned.batch.label.en} {planned.batch.label.zh}")
    click.echo(
        f"{inputs.data.sizes['region']} regions, {len(inputs.scenarios)} scenarios, "
        f"{len(inputs.draws)} draws, {inputs.years.start}-{inputs.years.stop - 1}"
    )
    for scenario in inputs.scenarios:
        click.echo(f"  {scenario.id}: {scenario.label.en}")
    click.echo(f"kept: {kept_words(planned.batch.keep)}")
    click.echo(f"\n{planned.estimate(workers)}")
    click.echo(
        "\nMeasured just now: a piece of the work, reading the inputs, and worker processes from "
        "their\nstart until they had done that piece. Nothing was written; results go to "
        f"{planned.store}."
    )


def run_batch(
    name: str,
    *,
    out: Path | None,
    workers: int | None,
    threads: bool,
    memory: float | None,
    resume: bool,
    dask: str | None,
    part: tuple[int, int] | None,
) -> None:
    """Run a batch file, print what came of it, and exit with 1 when tasks failed."""
    from popsim.batch.files import read_batch

    read_batch(name)
    if memory is not None and not 1e-9 <= memory < math.inf:
        raise PopsimError(f"--memory {memory:g} is not a number of GB; write: --memory 4")
    from popsim.batch.plan import plan

    planned = plan(name, out=out)
    with _stopped_in_order():
        report = planned.run(
            workers,
            threads=threads,
            memory=None if memory is None else int(memory * 1e9),
            resume=resume,
            dask=dask,
            part=part,
        )
    for message in report.messages:
        click.echo(message)
    there = f", {report.before} were there" if report.before else ""
    click.echo(f"{report.done} tasks done{there}, {report.missing} missing. Store: {report.store}")
    again = f"popsim run {name} --resume"
    again += "" if out is None else f" --out {out}"
    if len(report.failed):
        click.echo(f"\n{len(report.failed)} tasks failed:")
        for reason in report.reasons:
            click.echo(f"  {reason}")
        click.echo(f"They are done again by: {again}")
    if report.interrupted:
        click.echo(f"Stopped. What is done is safe; go on with: {again}")
        raise SystemExit(INTERRUPTED)
    if len(report.failed):
        raise SystemExit(1)


@contextmanager
def _stopped_in_order() -> Iterator[None]:
    """Treat the end that a batch system announces like Ctrl-C."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before: Any = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def check_whole(name: str) -> None:
    """Compare a store with its checksums; print that it is whole, or raise what is not."""
    raise_if_damaged(name)
    click.echo(f"{name}: store of a batch, whole")


def raise_if_damaged(name: str) -> None:
    """Compare a store with its checksums and raise what is not whole."""
    from popsim.batch.results import check_store
    from popsim.errors import DataError, Problem

    wrong = check_store(name)
    if wrong:
        again = "popsim run BATCH --resume"
        raise DataError([Problem(clause, where=name, instead=again) for clause in wrong])


def describe_store(name: str) -> None:
    """Print what a store holds and how its tasks ended."""
    from popsim.batch.failures import reasons
    from popsim.batch.manifest import read_manifest, read_records
    from popsim.batch.results import open_store

    folder = Path(name)
    manifest, records = read_manifest(folder), read_records(folder)
    done = [record for record in records.values() if record.status == "done"]
    click.echo(f"{manifest.id}: {manifest.label['en']} {manifest.label['zh']}")
    click.echo(f"begun {manifest.created} with {_listed(manifest.versions)}")
    seconds = sum(record.seconds for record in done)
    click.echo(f"{len(done)} of {len(manifest.tasks)} tasks done, {seconds:,.1f} s of computing")
    store = open_store(folder, partial=True)
    label = "region_name_zh" if "region_name_zh" in store.coords else "region"
    names = dict(zip(store["region"].values, map(str, store[label].values), strict=True))
    failed = {name: one.error for name, one in records.items() if one.status != "done"}
    for reason in reasons(failed, manifest.tasks, names):
        click.echo(f"  failed {reason}")
    sizes = ", ".join(f"{dim} {size}" for dim, size in store.sizes.items())
    click.echo(f"dimensions: {sizes}")
    for key, value in store.attrs.items():
        click.echo(f"{key}: {value}")
    for variable, array in store.data_vars.items():
        dims = ", ".join(map(str, array.dims))
        click.echo(f"{variable} ({dims}) [{array.attrs['units']}]  {array.attrs['long_name_zh']}")


def _listed(pairs: dict[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in pairs.items())


def write_export(
    name: str,
    file: Path,
    *,
    indicators: tuple[str, ...],
    regions: tuple[str, ...],
    scenarios: tuple[str, ...],
    first: int | None,
    last: int | None,
) -> None:
    """Write results of a store to a table."""
    from popsim.batch.export import export_store, years_of
    from popsim.batch.results import open_store

    store = open_store(name)
    years = None
    if first is not None or last is not None:
        there = years_of(store)
        begin = min(there[0], last or there[0]) if first is None else first
        end = max(there[-1], begin) if last is None else last
        years = range(begin, end + 1)
    try:
        written = export_store(
            store,
            file,
            indicators=indicators or None,
            regions=regions or None,
            scenarios=scenarios or None,
            years=years,
        )
    except PopsimError:
        raise
    except Exception:
        # Zarr says that a checksum is wrong, and not of what.
        raise_if_damaged(name)
        raise
    click.echo(f"Written: {written}")
