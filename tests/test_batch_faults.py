"""What goes wrong in a batch is noticed, told, and mended by --resume, to the bit.

Processes are really killed, disks really full. ``POPSIM_KILLS=50`` kills a run fifty times.
"""

import errno
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import batch_functions
import numpy as np
import pytest
from batch_example import BATCH, ENVIRONMENT, SCENARIO, bits, write_batch
from click.testing import CliRunner

import popsim as ps
from popsim.batch import disk, workers
from popsim.batch.manifest import read_records
from popsim.batch.plan import Plan
from popsim.batch.results import check_store
from popsim.cli import main

KILLS = int(os.environ.get("POPSIM_KILLS", "2"))
RUN = "import sys; from popsim.cli import main; main(['run', 'small.batch.yaml', *sys.argv[1:]])"
#: Every fourth run that is killed has worker processes.
WAYS = [("--workers", "1", "--threads")] * 3 + [("--workers", "2")]


@pytest.fixture
def copied(whole, tmp_path):
    """The finished small batch in a folder of its own, to be damaged."""
    for file in whole.store.parent.glob("*.yaml"):
        shutil.copy(file, tmp_path)
    shutil.copytree(whole.store, tmp_path / "store")
    return ps.plan(tmp_path / "small.batch.yaml", out=tmp_path / "store")


def resumed(planned):
    return planned.run(workers=1, threads=True, resume=True, progress=False)


def with_function(planned, function):
    planned.job = replace(planned.job, function=function)
    return planned


def started(folder, *words, session=False):
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *words],
        start_new_session=session,
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_work(process):
    """Wait until a run holds its store, or has ended."""
    files = Path(f"/proc/{process.pid}/fd")
    while process.poll() is None:
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if any(str(file.readlink()).endswith("small/lock") for file in files.iterdir()):
                return
        time.sleep(0.005)


def test_killed_at_random_moments_it_ends_with_the_same_bits(whole, tmp_path):
    write_batch(tmp_path)
    chance = random.Random()
    waits = []
    for number in range(KILLS):
        process = started(tmp_path, "--resume", *WAYS[number % 4])
        wait_for_work(process)
        waits.append(chance.uniform(0, 1.5))
        time.sleep(waits[-1])
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if not (tmp_path / "results/small/manifest.json").exists():
            continue
        if len(read_records(tmp_path / "results/small")) == 4:
            shutil.rmtree(tmp_path / "results")
    process = started(tmp_path, "--resume", *WAYS[0])
    output, _ = process.communicate()
    assert process.returncode == 0, (waits, output)
    store = tmp_path / "results/small"
    assert bits(store) == bits(whole.store), waits
    assert not list(store.rglob("*.unfinished"))
    assert check_store(store) == []


def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(whole, tmp_path):
    write_batch(tmp_path, BATCH.replace("draws: 12", "draws: 2000"))
    process = started(tmp_path, *WAYS[0])
    wait_for_work(process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    assert process.returncode == 130, output
    assert "go on with: popsim run small.batch.yaml --resume" in output
    assert "Traceback" not in output


def test_ctrl_c_as_soon_as_the_store_is_held_is_one_of_the_run(tmp_path, monkeypatch):
    def interrupted(store):
        raise KeyboardInterrupt

    monkeypatch.setattr("popsim.batch.run.clear_unfinished", interrupted)
    planned = ps.plan(write_batch(tmp_path), out=tmp_path / "store")
    report = planned.run(workers=1, threads=True, progress=False)
    assert report.interrupted
    assert (report.done, report.missing) == (0, 4)


def test_ctrl_c_while_workers_start_prints_no_traceback_of_theirs(tmp_path):
    """A terminal sends it to every process, and theirs are not yet told what to do with it."""
    write_batch(tmp_path)
    process = started(tmp_path, "--workers", "2", session=True)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None:
        words = [
            Path(f"/proc/{child}/cmdline").read_bytes() for child in children.read_text().split()
        ]
        if sum(b"spawn_main" in one for one in words) == 2:
            break
        time.sleep(0.005)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate()
    assert process.returncode == 130, output
    assert "Traceback" not in output, output
    assert "0 tasks done, 4 missing" in output


def test_a_file_that_is_gone_is_not_taken_for_no_number(copied):
    chunk = copied.store / "results.zarr/births/c.1.0.0.0"
    chunk.unlink()
    told = r"of .* 1 file is gone, results.zarr/births/c.1.0.0.0 first; write: popsim run with --"
    with pytest.raises(ps.DataError, match=told):
        ps.open_store(copied.store)
    opened = ps.open_store(copied.store, partial=True)
    assert opened.births.sel(region="339002").isnull().all()
    assert "of tasks that were done 1 file is gone" in opened.attrs["notices"]
    # An array that is gone is none, also of a store that is not complete.
    (copied.store / "results.zarr/payments/zarr.json").unlink()
    for partial in (False, True):
        with pytest.raises(ps.DataError, match=r"2 files are gone, results.zarr/payments/"):
            ps.open_store(copied.store, partial=partial)
    assert resumed(copied).done == 1
    assert ps.open_store(copied.store).births.sel(region="339002").notnull().all()


def test_an_export_of_a_damaged_store_names_the_file(copied, tmp_path):
    chunk = copied.store / "results.zarr/births/c.1.0.0.0"
    chunk.write_bytes(chunk.read_bytes()[:20])
    done = CliRunner().invoke(main, ["export", str(copied.store), str(tmp_path / "out.csv")])
    assert isinstance(done.exception, SystemExit), done.exception
    assert "births/c.1.0.0.0 is not as it was written (task 339002); write: popsim" in done.output
    assert not list(tmp_path.glob("out.csv*"))


def test_a_corrupt_chunk_is_noticed_by_checksums_and_done_again(copied, whole):
    chunk = copied.store / "results.zarr/births/c.1.0.0.0"
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(content)
    (told,) = check_store(copied.store)
    assert told == "results.zarr/births/c.1.0.0.0 is not as it was written (task 339002)"
    with pytest.raises(ValueError, match="checksum"):
        ps.open_store(copied.store).births.sel(region="339002").load()
    (copied.store / "results.zarr/payments/c.2.0.0.0").unlink()
    (copied.store / "results.zarr/payments/zarr.json").write_text("{}")
    report = resumed(copied)
    assert (report.done, report.before) == (2, 2)
    assert any(
        "births/c.1.0.0.0 is not as it was written: task 339002" in m for m in report.messages
    )
    assert any(
        "payments/zarr.json is not as it was written: written again" in m for m in report.messages
    )
    assert bits(copied.store) == bits(whole.store)


def test_a_torn_line_counts_as_not_done(copied, whole):
    log = copied.store / "tasks.jsonl"
    text = log.read_bytes()
    log.write_bytes(text[: len(text) - 40])
    assert resumed(copied).done == 1
    assert log.read_bytes().count(b"\n") == 5
    assert resumed(copied).done == 0
    assert bits(copied.store) == bits(whole.store)


def test_a_changed_input_is_named_and_nothing_is_mixed(copied, tmp_path):
    before = bits(copied.store)
    text = SCENARIO.format(name="grant", regions="all").replace("30000 CNY", "40000 CNY")
    (tmp_path / "grant.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ps.DataError, match=r"^scenario grant has changed since .*; write: a new"):
        resumed(ps.plan(tmp_path / "small.batch.yaml", out=copied.store))
    write_batch(
        tmp_path, BATCH.replace("draws: 12", "draws: 13").replace("[grant, local]", "[grant]")
    )
    with pytest.raises(ps.DataError) as caught:
        resumed(ps.plan(tmp_path / "small.batch.yaml", out=copied.store))
    told = str(caught.value)
    for words in ("draws of the batch file has changed", "scenario local is gone"):
        assert words in told
    write_batch(tmp_path, BATCH.replace("counties: 4", "counties: 4, fertility_spread: 0.2"))
    with pytest.raises(ps.DataError, match="data of 339001 has changed"):
        resumed(ps.plan(tmp_path / "small.batch.yaml", out=copied.store))
    assert bits(copied.store) == before


def test_another_version_is_refused(copied, monkeypatch):
    monkeypatch.setattr("popsim.batch.manifest.__version__", "99.0")
    with pytest.raises(ps.DataError, match=r"begun with popsim 0.1.0, this is 99.0"):
        resumed(copied)


def test_a_label_is_an_input_too(copied, tmp_path):
    write_batch(tmp_path, BATCH.replace("zh: 小批", "zh: 小批次"))
    with pytest.raises(ps.DataError, match="label of the batch file has changed"):
        resumed(ps.plan(tmp_path / "small.batch.yaml", out=copied.store))


def test_two_runs_on_one_store_are_kept_apart(copied):
    code = (
        "import sys, time; from pathlib import Path; from popsim.batch.disk import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(copied.store)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(ps.PopsimError, match="another run is writing to"):
        resumed(copied)
    holder.kill()
    holder.communicate()
    assert resumed(copied).before == 4
    with disk.locked(copied.store, "1-of-2"), disk.locked(copied.store, "2-of-2"):
        with pytest.raises(ps.PopsimError, match="part 2-of-2 is locked"):
            copied.run(threads=True, part=(2, 2), progress=False)
        with pytest.raises(ps.PopsimError, match="another run is writing to"):
            resumed(copied)


@contextmanager
def small_disk(folder):
    """Mount a file system in memory of 100 kB; skip where this needs more rights."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small file system needs rights that are not there")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_the_run_and_keeps_what_is_done(whole, tmp_path):
    write_batch(tmp_path)
    store = tmp_path / "small-disk/store"
    planned = ps.plan(tmp_path / "small.batch.yaml", out=store)
    with small_disk(tmp_path / "small-disk"):
        (tmp_path / "small-disk/ballast").write_bytes(bytes(20_000))
        with pytest.raises(
            ps.PopsimError, match=r"No space left on device.*run again with --resume"
        ):
            planned.run(workers=1, threads=True, progress=False)
        assert not list(store.rglob("*.unfinished"))
        subprocess.run(
            ["mount", "-o", "remount,size=10m", str(tmp_path / "small-disk")], check=True
        )
        assert resumed(planned).missing == 0
        assert bits(store) == bits(whole.store)


def test_a_limit_on_files_is_told_like_a_full_disk(whole, tmp_path):
    """RLIMIT_FSIZE: no file may grow beyond 1 kB; needs no rights."""
    write_batch(tmp_path)
    planned = ps.plan(tmp_path / "small.batch.yaml", out=tmp_path / "store")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(ps.PopsimError, match="File too large"):
            planned.run(workers=1, threads=True, progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert resumed(planned).missing == 0
    assert bits(planned.store) == bits(whole.store)


def test_other_errors_of_the_disk_are_not_called_full(copied, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("popsim.batch.run.append_record", broken)
    (copied.store / "tasks.jsonl").unlink()
    with pytest.raises(OSError, match="Input/output error"):
        resumed(copied)


def test_a_failing_region_does_not_sink_the_others(whole, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_batch(tmp_path)
    before = Plan.__init__

    def broken(self, *given):
        before(self, *given)
        with_function(self, batch_functions.raising_in_second)

    monkeypatch.setattr(Plan, "__init__", broken)
    done = CliRunner().invoke(main, ["run", "small.batch.yaml", "--threads"])
    assert done.exit_code == 1
    assert "3 tasks done, 1 missing" in done.output
    assert "339002 示例县2: ValueError: something odd (batch_functions.py:" in done.output
    with pytest.raises(ps.DataError, match="1 of 4 tasks"):
        ps.open_store("results/small")
    (told,) = check_store("results/small")
    assert told.startswith("task 339002 failed: ValueError: something odd")
    monkeypatch.undo()
    resumed(ps.plan(tmp_path / "small.batch.yaml", out=tmp_path / "results/small"))
    assert bits(tmp_path / "results/small") == bits(whole.store)


def test_a_task_without_memory_and_a_killed_worker_are_told(whole, tmp_path):
    """Also: processes give the bits of threads."""
    write_batch(tmp_path)
    planned = ps.plan(tmp_path / "small.batch.yaml", out=tmp_path / "store")
    with_function(planned, batch_functions.greedy_then_killed)
    report = planned.run(workers=2, memory=8_000_000_000, progress=False)
    told = report.failed.set_index("region").error
    assert told["339001"].startswith("out of memory: Unable to allocate 74.5 GiB")
    assert "killed (SIGKILL, probably for lack of memory)" in told["339002"]
    assert (report.done, report.missing) == (2, 2)
    again = ps.plan(tmp_path / "small.batch.yaml", out=tmp_path / "store")
    assert resumed(again).done == 2
    assert bits(again.store) == bits(whole.store)


@pytest.mark.parametrize("memory", [-1, 0])
def test_no_memory_is_no_limit(whole, memory):
    with pytest.raises(ps.DataError, match=rf"memory={memory} is not a number of bytes; write"):
        whole.run(memory=memory, resume=True, progress=False)


def test_a_limit_below_what_a_worker_needs_to_take_a_task_is_told(whole, tmp_path, capfd):
    planned = ps.plan(write_batch(tmp_path), out=tmp_path / "store")
    inputs = planned.job.inputs
    large = replace(inputs, data=inputs.data.assign(large=("cell", np.zeros(4_000_000))))
    planned.job = replace(planned.job, inputs=large)
    with pytest.raises(ps.PopsimError, match="has not the memory to take a task; write: more"):
        planned.run(workers=1, memory=10_000_000, progress=False)
    assert "Traceback" not in capfd.readouterr().err


def test_workers_that_cannot_start_end_the_run(whole, monkeypatch):
    monkeypatch.setattr(workers, "_serve", batch_functions.unable_to_start)
    with pytest.raises(ps.PopsimError, match=r"cannot start; in a script .* if __name__ =="):
        list(workers.by_processes(whole.job, whole.tasks, 1))


def test_another_folder_is_not_taken_for_a_store(whole, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    planned = Plan.__new__(Plan)
    planned.__dict__ = {**whole.__dict__, "store": tmp_path}
    with pytest.raises(ps.PopsimError, match=r"holds other files \(thesis.txt\)"):
        planned.run(threads=True, progress=False)
    with pytest.raises(ps.DataError, match="is not a store of a batch"):
        ps.open_store(tmp_path)


@contextmanager
def cluster(folder):
    """Start a scheduler and two workers by their own commands."""
    distributed = pytest.importorskip("distributed")
    file = folder / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": ENVIRONMENT}
    begin = ["--scheduler-file", str(file), "--no-dashboard"]
    parts = [subprocess.Popen([*dask, "scheduler", "--port", "0", *begin], **quiet)]
    for _ in range(2):
        options = ["--nthreads", "1", "--no-nanny", "--local-directory", str(folder)]
        parts.append(subprocess.Popen([*dask, "worker", *begin, *options], **quiet))
    try:
        while not file.exists():
            assert parts[0].poll() is None
            time.sleep(0.05)
        with distributed.Client(scheduler_file=str(file), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield str(file), parts
    finally:
        for part in parts:
            part.kill()
            part.wait()


def test_a_cluster_that_loses_a_worker_gives_the_same_bits(whole, tmp_path):
    write_batch(tmp_path)
    planned = ps.plan(tmp_path / "small.batch.yaml", out=tmp_path / "store")
    with cluster(tmp_path) as (address, parts):
        slow = replace(planned.job, function=batch_functions.slow)
        files = {}
        with closing(workers.on_cluster(slow, planned.tasks, address)) as outcomes:
            for outcome in outcomes:
                if not files:
                    parts[1].kill()
                assert not outcome.error
                files |= outcome.files
        assert len(files) == sum("/c." in name for name in bits(whole.store))
        planned.run(dask=address, progress=False)
    assert bits(planned.store) == bits(whole.store)
    assert all(bits(whole.store)[name.partition("/")[2]] == files[name] for name in files)
    with pytest.raises(ps.PopsimError, match=r"no scheduler file none\.json; write: dask"):
        list(workers.on_cluster(planned.job, planned.tasks, "none.json"))
