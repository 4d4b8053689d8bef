"""Containers share a directory of temporary files: a run deletes what a dead one left there, and nothing else."""

import os
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.warehouse.working_directory import working_directory
from tests.faults.conftest import StartTrial
from tests.support.commands.process import Barrier, run, started
from tests.support.faults.inject import broken
from tests.support.warehouse.oracle import assert_holds

CONTAINER = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")  # its processes are counted from 1


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where all runs keep their working directories."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    return place


@pytest.fixture
def container() -> tuple[str, ...]:
    """What to put before a command to have it run among processes of its own."""
    if shutil.which(CONTAINER[0]) is None:
        pytest.skip("no unshare on this machine")
    tried = subprocess.run([*CONTAINER, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"unshare is not permitted here: {tried.stderr.decode().strip()}")
    return CONTAINER


def left(scratch: Path) -> list[Path]:
    return [path for pattern in ("fax-sync-*", ".fax-sync-*") for path in scratch.glob(pattern)]


@pytest.mark.parametrize("first_inside", [False, True])
def test_a_run_in_another_container_keeps_its_directory(
    first_inside: bool, container: tuple[str, ...], trial: StartTrial, scratch: Path, tmp_path: Path
) -> None:
    trying, barrier = trial("phaxio", page_cap="200", new=230), Barrier(page=2)
    other = {"DESTINATION__WAREHOUSE__CREDENTIALS": str(tmp_path / "other.duckdb")}
    before = container if first_inside else ()
    with broken(trying.served, barrier.fault()), started(trying.settings, scratch, *before) as first:
        assert first.wait_for(barrier.reached.is_set)
        (directory,) = left(scratch)
        trying.served.server.answer = trying.served.fake.answer
        code, told = run(trying.settings, scratch, *(() if first_inside else container), **other)
        is_there = (directory / "lock").exists()
        barrier.opened.set()
        first_code, first_told = first.end()

    assert (code, is_there) == (0, True), told
    assert first_code == 0, first_told
    assert left(scratch) == []
    assert_holds(trying.warehouse, "phaxio", trying.served.fake.truth())


def test_what_a_killed_container_leaves_is_removed(
    container: tuple[str, ...], trial: StartTrial, scratch: Path
) -> None:
    trying, barrier = trial("phaxio"), Barrier()
    with broken(trying.served, barrier.fault()), started(trying.settings, scratch, *container) as first:
        assert first.wait_for(barrier.reached.is_set)
        first.end(signal.SIGKILL)
        barrier.opened.set()

    assert [path.name.split("-")[2] for path in left(scratch)] == ["1"]

    code, told = run(trying.settings, scratch)

    assert (code, left(scratch)) == (0, []), told


def test_a_link_to_a_directory_is_not_followed(scratch: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "lock").touch()
    link = scratch / "fax-sync-999999999-link"
    link.symlink_to(theirs)
    with working_directory():
        pass

    assert (link.is_symlink(), (theirs / "lock").exists()) == (True, True)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory to another user")
def test_a_directory_of_another_user_is_left_alone(scratch: Path) -> None:
    theirs = scratch / "fax-sync-999999999-theirs"
    theirs.mkdir()
    (theirs / "lock").touch()
    os.chown(theirs, 65534, 65534)
    with working_directory():
        pass

    assert theirs.exists()


def test_what_process_1_of_an_earlier_version_left_is_removed_after_a_day(scratch: Path) -> None:
    names = {"fax-sync-1-old": 25, "fax-sync-1-new": 1}
    for name, hours in names.items():
        (scratch / name / "load").mkdir(parents=True)
        os.utime(scratch / name, times=(time.time() - hours * 3600,) * 2)
    with working_directory():
        remaining = {path.name for path in left(scratch)} & names.keys()

    assert remaining == {"fax-sync-1-new"}


def test_a_working_directory_is_closed_to_others_and_removed(scratch: Path) -> None:
    with working_directory() as directory, working_directory() as another:
        assert Path(directory).stat().st_mode & 0o777 == 0o700
        assert {path.name for path in left(scratch)} == {Path(directory).name, Path(another).name}

    assert left(scratch) == []


def test_a_directory_whose_run_was_killed_before_it_had_a_name_is_removed_after_a_day(scratch: Path) -> None:
    for name, hours in {".fax-sync-new-old": 25, ".fax-sync-new-young": 1}.items():
        (scratch / name).mkdir()
        os.utime(scratch / name, times=(time.time() - hours * 3600,) * 2)
    with working_directory():
        remaining = {path.name for path in scratch.glob(".fax-sync-new-*")}

    assert remaining == {".fax-sync-new-young"}


def test_runs_that_begin_and_end_at_the_same_time_do_not_disturb_each_other(scratch: Path) -> None:
    def begin_and_end(_: int) -> None:
        with working_directory() as directory:
            assert Path(directory).is_dir()

    with ThreadPoolExecutor(8) as runs:
        list(runs.map(begin_and_end, range(800)))

    assert left(scratch) == []
