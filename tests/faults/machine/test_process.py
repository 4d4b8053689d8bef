"""Signals, other runs, odd environments, small machines: each ends with its code, and the next run makes it good."""

import re
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import sources
from pipelines.outcome import signals
from tests.conftest import ServeFake, Sync, generated
from tests.faults.conftest import StartTrial, Trial
from tests.support.commands.process import ENDS, Barrier, left, run, started
from tests.support.faults.inject import broken
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import content, rows

every_provider = pytest.mark.parametrize("provider", sources.providers())


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


@pytest.mark.parametrize(("provider", "number"), [("phaxio", signal.SIGTERM), ("signalwire", signal.SIGINT)])
def test_a_signal_while_fetching_ends_the_run_and_changes_nothing(
    provider: str, number: signal.Signals, trial: StartTrial, scratch: Path
) -> None:
    trying, barrier = trial(provider, page_cap="200", new=230), Barrier(page=2)
    before = content(trying.warehouse, provider)
    with broken(trying.served, barrier.fault()), started(trying.settings, scratch) as process:
        assert process.wait_for(barrier.reached.is_set)
        code, told = process.end(number)
        barrier.opened.set()

    assert (ENDS[number], False, True) == (code, "Traceback" in told, number.name in told)
    assert (before, []) == (content(trying.warehouse, provider), left(scratch))
    trying.recovers()


def test_a_program_may_call_the_command_in_any_thread(serve_fake: ServeFake, sync: Sync) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(sync).result().exit_code == 0


def test_a_signal_stops_no_later_command_in_a_thread(serve_fake: ServeFake, sync: Sync) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    with pytest.raises(signals.Stopped), signals.listening():
        signal.raise_signal(signal.SIGTERM)
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(sync).result().exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "point"),
    [
        (signal.SIGTERM, "*/normalize/*"),
        (signal.SIGINT, "*/load/normalized/*"),
        (signal.SIGTERM, "*/load/normalized/*/started_jobs/*"),
        (signal.SIGINT, "*/load/normalized/*/started_jobs/*"),
    ],
)
def test_a_signal_while_loading_leaves_whole_loads(
    number: signal.Signals, point: str, trial: StartTrial, scratch: Path
) -> None:
    trying = trial("phaxio", new=400)
    with started(trying.settings, scratch) as process:
        process.wait_for(lambda: process.has(point))
        code, told = process.end(number)

    assert (code in (0, ENDS[number]), "Traceback" in told) == (True, False), told
    assert left(scratch) == []
    trying.recovers()


def test_a_second_run_ends_at_once_asks_nothing_and_names_the_first(trial: StartTrial, scratch: Path) -> None:
    trying, barrier = trial("phaxio"), Barrier()
    with broken(trying.served, barrier.fault()), started(trying.settings, scratch) as one:
        assert one.wait_for(barrier.reached.is_set)
        code, told = run(trying.settings, scratch)
        barrier.opened.set()
        first_code, _ = one.end()

    assert (code, bool(re.search(rf"\b{one.running.pid}\b", told)), first_code) == (75, True, 0)
    assert_holds(trying.warehouse, "phaxio", trying.served.fake.truth())
    asked = len(trying.served.server.requests)
    trying.recovers()
    assert asked <= len(trying.served.server.requests)


def test_the_lock_of_a_stopped_run_is_not_taken_and_that_of_a_killed_one_is_free(
    trial: StartTrial, scratch: Path
) -> None:
    trying, barrier = trial("signalwire"), Barrier()
    with broken(trying.served, barrier.fault()), started(trying.settings, scratch) as one:
        assert one.wait_for(barrier.reached.is_set)
        one.running.send_signal(signal.SIGSTOP)
        asked = len(trying.served.server.requests)
        code, _ = run(trying.settings, scratch)

        assert (75, asked) == (code, len(trying.served.server.requests))
        barrier.opened.set()
        assert one.end(signal.SIGKILL)[0] == -9
    assert trying.recovers().exit_code == 0


ENVIRONMENTS: dict[str, dict[str, str]] = {
    "cron": {"LANG": "C", "TZ": "America/Chicago"},
    "no home": {"HOME": "/nonexistent", "TZ": "Asia/Kathmandu", "LC_ALL": "POSIX"},
    "a proxy and a netrc": {
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NETRC": "/etc/passwd",
    },
    "ascii only": {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C", "TERM": "dumb"},
}


@pytest.mark.slow
@pytest.mark.parametrize(("provider", "name"), list(zip(["phaxio", "signalwire"] * 2, ENVIRONMENTS, strict=True)))
def test_whatever_the_environment_the_rows_are_the_same(
    provider: str, name: str, trial: StartTrial, scratch: Path
) -> None:
    trying = trial(provider)
    code, told = run(trying.settings, scratch, **ENVIRONMENTS[name])

    assert (code, []) == (0, left(scratch)), told
    assert_holds(trying.warehouse, provider, trying.served.fake.truth())
    trying.recovers()


def leftover(scratch: Path) -> Path:
    """What a run that was killed long ago has left behind: half a package of a pipeline of our name."""
    torn = scratch / "fax-sync-999999999-torn" / "fax_phaxio_default"
    (torn / "load" / "normalized" / "1.5").mkdir(parents=True)
    (torn / "state.json").write_text('{"_state_version": 9')
    return torn.parent


def test_what_a_killed_run_left_behind_is_removed_unread(trial: StartTrial, scratch: Path) -> None:
    trying = trial("phaxio")
    torn = leftover(scratch)
    stranger = scratch / "fax-sync-notes"
    stranger.mkdir()
    code, told = run(trying.settings, scratch)

    assert (code, False, True) == (0, torn.exists(), stranger.exists()), told
    assert_holds(trying.warehouse, "phaxio", trying.served.fake.truth())


LIMITS = {
    "a file of 300 kB": "--fsize=300000",
    "12 open files": "--nofile=12",
    "20 open files": "--nofile=20",
    "900 MB": "--as=900000000",
    "4 GB": "--as=4000000000",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LIMITS)
def test_a_small_machine_ends_the_run_in_words_and_loses_nothing(name: str, trial: StartTrial, scratch: Path) -> None:
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        pytest.skip("no prlimit on this machine")
    trying = trial("phaxio", new=3_000)
    held = ids(trying)
    try:
        code, told = run(trying.settings, scratch, prlimit, LIMITS[name])
    except subprocess.TimeoutExpired:  # as a scheduler ends it: Thread.start waits for ever for a thread that found
        code, told = -signal.SIGKILL, ""  # no memory (github.com/python/cpython/issues/140746)

    native = code < 0 or "ABORT" in told  # C code that gets no memory may end the process, and nobody can catch that
    assert (native or code in (0, 74), "Traceback" in told) == (True, False), (code, told[-600:])
    assert held <= ids(trying)
    assert code or len(ids(trying)) == len(trying.served.fake.truth())
    trying.recovers()


def ids(trying: Trial) -> set[str]:
    return {id for (id,) in rows(trying.warehouse, "select id from fax_phaxio.faxes")}
