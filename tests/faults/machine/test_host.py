"""A host that fails under the run: disks full, read-only or broken, and a kill at any write to the warehouse file."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.conftest import StartTrial, Trial
from tests.support.commands.process import run
from tests.support.leaks import FindLeaks
from tests.support.warehouse.file_and_database import File
from tests.support.warehouse.rows import content, rows

pytestmark = pytest.mark.slow
WRITES = "pwrite64,write,fsync,fdatasync"


class Disk:
    """A small disk of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def mount(self, options: str) -> None:
        """Mounted, or mounted anew, with these options."""
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.path)]
        if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("this machine lets nobody mount a tmpfs")

    def remount(self, options: str) -> None:
        """The same disk, with other options."""
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.path)], check=True)


@pytest.fixture
def disk(tmp_path: Path, find_leaks: FindLeaks) -> Iterator[Disk]:
    disk = Disk(tmp_path / "disk")
    yield disk
    assert find_leaks() == []  # once it is gone, nobody can look
    with suppress(subprocess.CalledProcessError):
        subprocess.run(["umount", "--lazy", str(disk.path)], check=True, capture_output=True)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


def ids(trying: Trial) -> set[str]:
    return {id for (id,) in rows(trying.warehouse, "select id from fax.faxes")}


def move(trying: Trial, disk: Disk) -> None:
    """The warehouse file to another disk."""
    there = disk.path / "warehouse.duckdb"
    shutil.copyfile(trying.warehouse, there)
    trying.place = File(there)
    trying.settings |= trying.place.settings()


@pytest.mark.parametrize("free", [64_000, 300_000, 700_000])
def test_a_full_disk_under_the_warehouse_loses_nothing_and_is_told(
    free: int, trial: StartTrial, disk: Disk, scratch: Path
) -> None:
    trying = trial("phaxio", new=6_000)
    held = ids(trying)
    disk.mount(f"size={trying.warehouse.stat().st_size + free}")
    move(trying, disk)
    code, told = run(trying.settings, scratch)

    assert (code, "Traceback" in told) == (74, False), told[-600:]
    assert held <= ids(trying)
    disk.remount("size=300m")
    trying.recovers()


@pytest.mark.parametrize("size", [16_384, 200_000, 600_000])
def test_a_full_temporary_directory_changes_nothing_and_is_told(size: int, trial: StartTrial, disk: Disk) -> None:
    trying = trial("phaxio", new=6_000)
    before = content(trying.warehouse, "phaxio")
    disk.mount(f"size={size}")
    code, told = run(trying.settings, disk.path)

    assert (code, "Traceback" in told) == (74, False), told[-600:]
    assert before == content(trying.warehouse, "phaxio")
    trying.recovers()


def test_a_read_only_disk_is_told_before_anything_is_asked(trial: StartTrial, disk: Disk, scratch: Path) -> None:
    trying = trial("phaxio")
    disk.mount("size=50m")
    move(trying, disk)
    disk.remount("ro")
    code, told = run(trying.settings, scratch)

    assert (code, "Traceback" in told, trying.served.server.requests) == (74, False, []), told[-600:]
    disk.remount("rw")
    trying.recovers()


def strace(trying: Trial, injected: str) -> list[str]:
    """The start of a command whose system calls on the warehouse file go wrong in this way."""
    tracer = shutil.which("strace")
    if tracer is None or subprocess.run([tracer, "-qq", "-o", os.devnull, "true"], check=False).returncode:
        pytest.skip("no strace on this machine, or it may not trace")
    files = [option for suffix in ("", ".wal") for option in ("-P", f"{trying.warehouse}{suffix}")]
    return [tracer, "-f", "-qq", "-o", os.devnull, *files, "-e", f"trace={WRITES}", "-e", f"inject={injected}"]


@pytest.mark.parametrize("call", [f"pwrite64:signal=KILL:when={n}" for n in (1, 2, 5, 14)])
def test_a_kill_at_any_write_to_the_file_leaves_one_that_opens(call: str, trial: StartTrial, scratch: Path) -> None:
    killed(call, trial("phaxio"), scratch)


@pytest.mark.parametrize(
    ("name", "number"), [*(("write", n) for n in (1, 2, 4)), *(("fsync,fdatasync", n) for n in (1, 3))]
)
def test_a_kill_at_any_flush_of_the_file_leaves_one_that_opens(
    name: str, number: int, trial: StartTrial, scratch: Path
) -> None:
    killed(f"{name}:signal=KILL:when={number}", trial("signalwire"), scratch)


def killed(call: str, trying: Trial, scratch: Path) -> None:
    held = ids(trying)
    code, _ = run(trying.settings, scratch, *strace(trying, call))
    assert held <= ids(trying)
    trying.recovers()
    if code == 0:
        pytest.skip("the file is not written to so often")


@pytest.mark.parametrize(("when", "error"), [("1", "EIO"), ("2+", "ENOSPC")])
@pytest.mark.parametrize("calls", ["fsync,fdatasync", "pwrite64", "write"])
def test_a_disk_that_fails_is_never_taken_for_success(
    when: str, calls: str, error: str, trial: StartTrial, scratch: Path
) -> None:
    trying = trial("phaxio")
    held = ids(trying)
    code, told = run(trying.settings, scratch, *strace(trying, f"{calls}:error={error}:when={when}"))

    assert "Traceback" not in told, (code, told[-600:])
    assert held <= ids(trying)
    assert code or ids(trying) == {fax["id"] for fax in trying.served.fake.truth()}
    trying.recovers()
