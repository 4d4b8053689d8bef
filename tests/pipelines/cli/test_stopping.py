"""A run that is to end early, or whose output nobody reads."""

import shlex
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sources.fakes.server import Answer
from sources.http import transport
from tests.conftest import ROOT, Query, ServeFake, Settings, Sync, generated
from tests.support.environment import child_environment
from tests.support.warehouse.oracle import assert_holds

NO_TIME = ("--max-runtime", "0.00001")  # minutes


@pytest.mark.slow
def test_each_run_with_too_little_time_gets_further_and_the_last_is_exact(
    serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 30, days=80))
    settings["SOURCES__SIGNALWIRE__START_DATE"] = f"{datetime.now(UTC) - timedelta(days=300):%Y-%m-%d}"
    ends = [sync(*NO_TIME).exit_code for _ in range(4)]

    assert ends == [75, 75, 75, 0]
    assert_holds(warehouse, "signalwire", served.fake.truth())


def test_a_run_with_too_little_time_says_what_it_kept(
    serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    serve_fake("signalwire", generated("signalwire", 30, days=80))
    settings["SOURCES__SIGNALWIRE__START_DATE"] = f"{datetime.now(UTC) - timedelta(days=90):%Y-%m-%d}"
    paused = sync(*NO_TIME)
    ((kept,),) = query("select count(*) from fax_signalwire.fax_logs")

    account = paused.accounts["signalwire"]
    assert (account["status"], account["new"], "FAILED" in paused.told) == ("paused", kept, False)
    assert f"paused by --max-runtime: {kept:,} new or changed faxes were loaded" in paused.told


@pytest.mark.slow
def test_the_accounts_of_a_run_share_its_time(serve_fake: ServeFake, sync: Sync, settings: Settings) -> None:
    slow, _ = serve_fake("phaxio"), serve_fake("signalwire", generated("signalwire", 30, days=300))
    settings["SOURCES__SIGNALWIRE__START_DATE"] = f"{datetime.now(UTC) - timedelta(days=300):%Y-%m-%d}"
    honest = slow.server.answer
    slow.server.answer = lambda request: replace(honest(request), delay_seconds=1.0)
    told = sync("--max-runtime", "0.015").accounts

    assert (told["phaxio"]["status"], told["signalwire"]["status"]) == ("complete", "paused")
    assert told["signalwire"]["reached"]  # each account gets a window further


@pytest.mark.slow
def test_a_run_without_time_reads_its_look_back_to_the_end(
    serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 30, days=250))
    settings["SOURCES__SIGNALWIRE__START_DATE"] = f"{datetime.now(UTC) - timedelta(days=250):%Y-%m-%d}"
    settings["SOURCES__SIGNALWIRE__LOOKBACK_DAYS"] = "200"  # three windows
    assert sync().exit_code == 0
    served.fake.add(*generated("signalwire", 5, days=0.5, seed=7))

    assert sync(*NO_TIME).exit_code == 0
    assert_holds(warehouse, "signalwire", served.fake.truth())


def test_a_provider_that_never_answers_holds_no_run_beyond_its_time(
    serve_fake: ServeFake, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "GRACE_SECONDS", 0.1)
    served = serve_fake("phaxio")
    served.server.answer = lambda request: Answer(delay_seconds=60)
    paused = sync(*NO_TIME)

    assert (paused.exit_code, paused.accounts["phaxio"]["status"]) == (75, "paused"), paused.told
    assert "could not be reached" in paused.told


@pytest.mark.parametrize(
    ("failure", "exit_code"),
    [(Answer(503), 75), pytest.param(Answer(200, b"<html>"), 65, marks=pytest.mark.slow)],
)
def test_the_windows_before_one_that_cannot_be_read_are_loaded(
    failure: Answer, exit_code: int, serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path
) -> None:
    served = serve_fake("signalwire", generated("signalwire", 30, days=300))
    settings["SOURCES__SIGNALWIRE__START_DATE"] = f"{datetime.now(UTC) - timedelta(days=300):%Y-%m-%d}"
    honest = served.server.answer
    served.server.answer = lambda request: honest(request) if request.number < 2 else failure
    failed = sync()

    assert (failed.exit_code, 0 < failed.accounts["signalwire"]["new"] < 30) == (exit_code, True), failed.told

    served.server.answer = honest

    assert sync().exit_code == 0
    assert_holds(warehouse, "signalwire", served.fake.truth())


def test_what_a_provider_no_longer_keeps_is_not_loaded_for_itself(
    serve_fake: ServeFake, sync: Sync, query: Query
) -> None:
    served = serve_fake("sinch")  # keeps thirteen months; the time from `start_date` to then is a gap
    served.server.answer = lambda request: Answer(503)

    assert sync().exit_code == 75
    assert query("select table_name from duckdb_tables()") == [("sync_runs",)]  # the run, and nothing else


@pytest.mark.slow
def test_windows_without_a_fax_are_committed_before_the_first_fax_comes(
    serve_fake: ServeFake, sync: Sync, settings: Settings, query: Query
) -> None:
    serve_fake("signalwire")
    settings["SOURCES__SIGNALWIRE__START_DATE"] = f"{datetime.now(UTC) - timedelta(days=300):%Y-%m-%d}"
    sync(*NO_TIME)
    sync(*NO_TIME)

    assert query("select count(*) from fax_signalwire.sync_windows") == [(2,)]


@pytest.mark.slow
@pytest.mark.parametrize("typed", ["sync.py --json", "report.py"])  # rich prints the latter
def test_who_closes_the_pipe_early_sees_no_traceback(
    typed: str, settings: Settings, sync: Sync, serve_fake: ServeFake
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    sync()
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(ROOT / 'pipelines'))}/{typed} | true"
    ended = subprocess.run(
        ["bash", "-c", command + "; echo ${PIPESTATUS[0]}"],
        env=child_environment(settings),
        capture_output=True,
        text=True,
        check=True,
    )

    assert (ended.stdout.strip(), "Error" in ended.stderr) == ("141", False)
