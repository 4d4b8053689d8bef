"""SIGTERM and SIGINT: what is complete is loaded, what is waited for is given up, and a second signal ends at once."""

import signal
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import sources
from sources.fakes.server import Answer, Request, json_answer
from tests.conftest import ServeFake
from tests.faults.conftest import StartServerTrial, StartTrial, Trial, more
from tests.support.commands.process import ENDS, Barrier, left, started
from tests.support.faults.inject import Honest, broken
from tests.support.faults.server_trial import WAITING, ServerTrial
from tests.support.warehouse.file_and_database import KINDS
from tests.support.warehouse.rows import content, rows

pytestmark = pytest.mark.slow
both = pytest.mark.parametrize("trial", KINDS, indirect=True)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


def held(trying: Trial) -> int:
    ((count,),) = rows(
        trying.place, f"select count(*) from fax_{trying.provider}.{sources.provider(trying.provider).TABLE.name}"
    )
    return int(count)


def has_asked(trying: Trial, requests: int) -> bool:
    return len(trying.served.server.requests) >= requests


def backfilling(trial: StartTrial, provider: str = "signalwire") -> Trial:
    """A warehouse without a fax, and an account whose history takes many windows."""
    trying = trial(provider, page_cap="200")
    trying.served.fake.add(*more(provider, 900, days=1_500, seed=71))
    trying.settings |= {"SOURCES__SIGNALWIRE__START_DATE": f"{datetime.now(UTC) - timedelta(1_600):%Y-%m-%d}"}
    trying.settings |= {"SOURCES__CONNECTIONS": "1"}
    trying.place.empty()
    return trying


@both
@pytest.mark.parametrize("number", ENDS)
def test_a_signal_keeps_the_windows_that_are_complete(number: signal.Signals, trial: StartTrial, scratch: Path) -> None:
    trying, barrier = backfilling(trial), Barrier(page=6)
    with broken(trying.served, barrier.fault()), started(trying.settings, scratch) as process:
        assert process.wait_for(barrier.reached.is_set)
        code, told = process.end(number)
        barrier.opened.set()
    assert process.said
    (account,) = process.said["accounts"]

    assert (ENDS[number], [], False) == (code, left(scratch), "Traceback" in told)
    assert held(trying) == account["new"] > 0
    assert f"paused by {number.name}: {account['new']:,} new" in account["error"]
    assert account["reached"] in account["error"]
    trying.told_truly(process.said)
    trying.recovers()


WAITS = {"a rate limit": json_answer({}, 429, Retry_After="50"), "back-off": Answer(503)}


@pytest.mark.parametrize("name", WAITS)
def test_a_signal_ends_a_wait_for_the_provider(name: str, trial: StartTrial, scratch: Path) -> None:
    trying, reached = backfilling(trial), Event()
    trying.settings["SOURCES__RETRY_SECONDS"] = "3000"

    def fault(request: Request, honest: Honest) -> Answer:
        if len(trying.served.server.requests) < 6:
            return honest(request)
        reached.set()
        return WAITS[name]

    with broken(trying.served, fault), started(trying.settings, scratch) as process:
        assert process.wait_for(reached.is_set)
        code, told = process.end(signal.SIGTERM)

    assert (code, left(scratch)) == (143, []), told
    assert held(trying) > 0
    trying.told_truly(process.said)
    trying.recovers()


@both
def test_runs_that_are_all_interrupted_come_to_an_end(trial: StartTrial, scratch: Path) -> None:
    trying, counts, codes = backfilling(trial), [0], list[int]()
    while not codes or codes[-1] != 0:
        asked = len(trying.served.server.requests)
        with started(trying.settings, scratch) as process:
            process.wait_for(partial(has_asked, trying, asked + 6))
            code, told = process.end(signal.SIGTERM if process.running.poll() is None else None)
        assert (code in (0, 143), left(scratch)) == (True, []), told
        codes.append(code)
        counts.append(held(trying))
        trying.told_truly(process.said)
        assert len(codes) < 30

    assert counts == sorted(counts)
    trying.holds(trying.served.fake.truth())


def test_of_several_accounts_those_not_begun_stay_so(trial: StartTrial, serve_fake: ServeFake, scratch: Path) -> None:
    trying, barrier = trial("phaxio", page_cap="200", new=230), Barrier(page=2)
    other = serve_fake("signalwire")
    with broken(trying.served, barrier.fault()), started(trying.settings, scratch) as process:
        assert process.wait_for(barrier.reached.is_set)
        code, _ = process.end(signal.SIGTERM)
        barrier.opened.set()
    errors = [account["error"] for account in process.said["accounts"]] if process.said else []

    assert (code, other.server.requests) == (143, [])
    assert [error.split(":")[0] for error in errors] == ["paused by SIGTERM"] * 2
    assert errors[1].endswith(": not started")


def test_a_signal_before_anything_is_read_changes_nothing(trial: StartTrial, scratch: Path) -> None:
    trying = trial("phaxio")
    before = content(trying.warehouse, "phaxio")
    with started(trying.settings, scratch) as process:
        process.wait_for(lambda: process.has(""))
        code, told = process.end(signal.SIGINT)

    assert (code in (130, -signal.SIGINT), "Traceback" in told, left(scratch)) == (True, False, []), told
    assert before == content(trying.warehouse, "phaxio")
    trying.recovers()


@pytest.mark.parametrize("number", ENDS)
def test_a_second_signal_ends_at_once(number: signal.Signals, server_trial: StartServerTrial, scratch: Path) -> None:
    trying = server_trial("phaxio")
    before = trying.ids()
    with trying.locked("fax_phaxio.faxes", "share row exclusive"), started(trying.settings, scratch) as process:
        assert process.wait_for(lambda: bool(trying.query(WAITING))), process.end()
        process.running.send_signal(number)
        assert process.told_on_stderr("a second signal ends at once")
        while process.running.poll() is None:
            process.running.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.running.wait(0.2)
        code, told = process.end()

        assert (ENDS[number], "Traceback" in told, left(scratch)) == (code, False, [])
    assert before == trying.ids()
    trying.recovers()


def of_the_turn(trying: ServerTrial) -> AbstractContextManager[Any]:
    return trying.holding("select pg_advisory_lock(hashtextextended('fax-sync/fax_phaxio', 0))")


def of_the_views(trying: ServerTrial) -> AbstractContextManager[Any]:
    trying.recovers()
    trying.query("comment on view fax.faxes is 'of an older version'")
    return trying.locked("fax.faxes", "share row exclusive")


def of_the_purge(trying: ServerTrial) -> AbstractContextManager[Any]:
    trying.recovers()
    trying.settings["PRIVACY__KEEP_DAYS"] = "3"
    return trying.locked("fax_phaxio.faxes", "share row exclusive")


@pytest.mark.parametrize("wait", [of_the_turn, of_the_views, of_the_purge])
def test_a_signal_ends_a_wait_for_postgres_at_once(
    wait: Callable[[ServerTrial], AbstractContextManager[Any]], server_trial: StartServerTrial, scratch: Path
) -> None:
    trying = server_trial("phaxio")
    with wait(trying), started(trying.settings, scratch) as process:
        before = trying.ids()
        assert process.wait_for(lambda: bool(trying.query(WAITING))), process.end()
        code, told = process.end(signal.SIGINT)

        assert (130, "Traceback" in told, left(scratch)) == (code, False, []), told
        assert before == trying.ids()
        trying.told_truly(process.said)
    trying.settings.pop("PRIVACY__KEEP_DAYS", None)
    trying.recovers()
