"""`sync.py` into Delta tables: the rows that it loads into DuckDB, their report and check, and what is not kept."""

import fcntl
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import sources
from pipelines.cli.progress import Progress
from pipelines.config import accounts
from sources.load.run import Run
from tests.conftest import ROOT, ServeFake, Settings, Sync, SyncProcess, generated
from tests.pipelines.lake.test_accounts_run import live
from tests.support.canaries import NAME
from tests.support.commands.check_command import Check
from tests.support.commands.report_command import Reporting
from tests.support.environment import applied, child_environment
from tests.support.faults.wire import created_at, error_message
from tests.support.lake import MISSING, differences, into_delta, options, rows, versions
from tests.support.tiers import first_quick

pytest.importorskip("deltalake", reason=MISSING)
every_provider = pytest.mark.parametrize("provider", first_quick(sources.providers()))


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def started(settings: Settings) -> "subprocess.Popen[bytes]":
    """The command as a process."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "pipelines" / "sync.py")],
        env=child_environment(settings),
        stderr=subprocess.DEVNULL,
    )


def status(settings: Settings, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What `status.py --json` prints."""
    from pipelines.status import main

    capsys.readouterr()
    with applied(settings):
        assert main(["--json"]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def killed_after_a_commit(settings: Settings, log: Path) -> None:
    """Kills a run as soon as the log of a table has another commit."""
    before = len([*log.glob("*.json")])
    running = started(settings)
    while len([*log.glob("*.json")]) == before and running.poll() is None:
        time.sleep(0.0005)
    running.send_signal(signal.SIGKILL)

    assert running.wait() == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("provider", sources.providers())
def test_delta_tables_hold_what_duckdb_holds(
    provider: str,
    serve_fake: ServeFake,
    sync: Sync,
    settings: Settings,
    warehouse: Path,
    lake: Path,
    report: Reporting,
    check: Check,
    sync_process: SyncProcess,
    capsys: pytest.CaptureFixture[str],
) -> None:
    every_list = {"compat": "read"} if provider == "signalwire" else {}
    served = serve_fake(provider, generated(provider, 500, days=40), **every_list)
    last = f"{datetime.now(UTC).replace(day=1) - timedelta(days=1):%Y-%m}"  # of this month there is a forecast
    delta = into_delta(settings, lake)
    for turn in range(2):
        assert sync().exit_code == 0
        expected = report.figures("--month", last)
        with delta():
            synced = sync()
            planned = sync_process("--dry-run")
            told = report.figures("--month", last)
            found, connected, state = check(), check("--connections"), status(settings, capsys)

        assert synced.exit_code == 0, synced.told
        assert synced.accounts[provider]["warnings"] == []
        assert differences(warehouse, lake, provider, ("brand_new", "odd") if turn else ()) == {}
        assert told == expected
        assert (found[0], found[1][provider]["findings"]) == (0, []), found
        assert "warehouse opened: Delta tables" in connected[1][provider]["notes"]
        assert "would read" in planned.stdout
        assert [one["provider"] for one in state["accounts"]] == [provider]
        live(provider, served.fake)
    held = versions(lake)
    with delta():
        sync()
        sync()
    assert versions(lake) != held
    held = versions(lake)
    with delta():
        assert sync().accounts[provider]["new"] == 0
    assert versions(lake) == held


def test_accounts_are_read_side_by_side_and_one_that_is_refused_stops_no_other(
    serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 20, days=5))
    serve_fake("signalwire", generated("signalwire", 20, days=5))
    settings["SOURCES__PHAXIO__ACCOUNTS__OTHER__API_KEY"] = "canary wrong"
    with into_delta(settings, lake)():
        synced = sync()

    codes = {(one["provider"], one["account"]): one["exit_code"] for one in synced.summaries}
    assert codes == {("phaxio", "default"): 0, ("phaxio", "other"): 77, ("signalwire", "default"): 0}
    assert synced.exit_code == 77


def test_an_account_is_shown_until_its_task_has_ended(
    serve_fake: ServeFake, settings: Settings, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.lake.syncing.accounts_run import LakeRun
    from pipelines.lake.syncing.in_threads import in_threads

    serve_fake("phaxio", generated("phaxio", 20, days=5))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    configured, shown, told = accounts.required(), Progress(), list[str]()

    def note(account: str, run: Run) -> None:
        shown(account, run)
        told.extend(figures.doing for figures in shown.figures())

    LakeRun(lake.as_uri(), "1", options(), in_threads(configured, note)).sync(configured)

    assert set(told) == {"reading"}
    assert shown.figures() == []


def test_the_time_of_an_account_is_that_of_all_its_lists_and_its_row_begins_with_the_run(
    serve_fake: ServeFake, settings: Settings, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.lake.account_task import AccountTask, Report, run_task
    from pipelines.lake.syncing.accounts_run import LakeRun

    serve_fake("signalwire", generated("signalwire", 5, days=2), compat="read")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    def run_tasks(tasks: Sequence[AccountTask]) -> list[Report]:
        reports = [run_task(task) for task in tasks]
        for task, report in zip(tasks, reports, strict=True):
            report.seconds = 200.0 if task.listing else 100.0
        return reports

    before = datetime.now(UTC)
    (outcome,) = LakeRun(lake.as_uri(), "1", options(), run_tasks).sync(accounts.required())
    (row,) = rows(lake, "signalwire", "sync_runs")

    assert 300 < outcome.seconds < 400
    assert before <= row["started_at"] < row["finished_at"]


def test_a_directory_of_parquet_files_is_refused(
    serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 5, days=2))
    (lake / "fax_phaxio" / "faxes").mkdir(parents=True)
    (lake / "fax_phaxio" / "faxes" / "1.parquet").write_bytes(b"theirs")
    with into_delta(settings, lake)():
        synced = sync()

    assert (synced.exit_code, "holds files, but no Delta table" in synced.told) == (69, True)
    assert (lake / "fax_phaxio" / "faxes" / "1.parquet").read_bytes() == b"theirs"


@pytest.mark.slow
def test_a_first_run_prints_a_query_that_works(
    serve_fake: ServeFake, sync_process: SyncProcess, settings: Settings, lake: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 5, days=2))
    with into_delta(settings, lake)():
        told = sync_process().stdout.splitlines()
    (head,) = (line for line in told if line.endswith("Look at them:"))
    query = told[-1]
    line = query.strip().replace("uv run python", sys.executable)
    ran = subprocess.run(
        line, shell=True, cwd=ROOT, env=child_environment({}), capture_output=True, text=True, check=True
    )

    assert head == f"The faxes are in Delta tables below {lake.as_uri()}. Look at them:"
    assert re.search(r"phaxio\W+5\W", ran.stdout)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"TABLE_FORMAT": "iceberg"}, "parquet or delta"),
        ({"DESTINATION_TYPE": "duckdb"}, "destination_type = "),
        ({"BUCKET_URL": ""}, "lacks bucket_url"),
        ({"BUCKET_URL": "file://srv/fax-lake"}, "names the host srv: write three slashes"),
        ({"BUCKET_URL": "/srv/a%20lake"}, "a directory with '%20' in its path"),
        ({"BUCKET_URL": "C:\\lake"}, r"a directory with '\\' in its path"),
    ],
    ids=str,
)
def test_settings_that_contradict_each_other_are_refused(
    changed: dict[str, str], told: str, serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path
) -> None:
    served = serve_fake("phaxio")
    with into_delta(settings, lake)():
        settings |= {f"DESTINATION__WAREHOUSE__{key}": value for key, value in changed.items()}
        synced = sync()

    assert (synced.exit_code, told in synced.told, served.server.requests) == (78, True, [])


@pytest.mark.parametrize(
    "written",
    first_quick(["file://{}/../link", "file://{}", "file:{}", "file://localhost{}/", "{}//", "{}/../läke 50%"]),
    ids=str,
)
def test_a_directory_is_the_same_however_it_is_written(
    written: str, serve_fake: ServeFake, sync: Sync, settings: Settings, tmp_path: Path
) -> None:
    """The lock is beside the directory, so two runs into it have the same lock."""
    serve_fake("phaxio", generated("phaxio", 5, days=2))
    place, same = tmp_path / "läke 50%", tmp_path / "link"
    same.symlink_to(place)
    with into_delta(settings, place)():
        assert sync().exit_code == 0
        settings["DESTINATION__WAREHOUSE__BUCKET_URL"] = written.format(place)
        with Path(f"{place}.lock").open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            meanwhile = sync()
        synced = sync()

    assert (meanwhile.exit_code, synced.exit_code) == (75, 0)
    assert (synced.accounts["phaxio"]["new"], synced.accounts["phaxio"]["unchanged"]) == (0, 5)
    assert {path.name for path in tmp_path.glob("l*")} == {place.name, f"{place.name}.lock", same.name}


@every_provider
def test_what_is_too_old_is_gone_from_the_tables_and_from_the_disk(
    provider: str, serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path
) -> None:
    table = sources.provider(provider).TABLE
    faxes = generated(provider, 60, days=70)
    for fax in faxes[:20]:
        fax["from"] = NAME
        fax.update(error_message(provider, [NAME]))
    served = serve_fake(provider, faxes)
    with into_delta(settings, lake)():
        assert sync().exit_code == 0
        assert NAME in everything(lake)
        settings["PRIVACY__KEEP_DAYS"] = "30"
        synced, again = sync(), sync()
    before = datetime.now(UTC) - timedelta(days=30)
    kept = {
        id for id, fax in served.fake.records.items() if datetime.fromisoformat(created_at(provider, fax)) >= before
    }

    assert synced.exit_code == 0, synced.told
    assert (synced.accounts[provider]["purged"], again.accounts[provider]["purged"]) == (60 - len(kept), 0)
    assert {row["id"] for row in rows(lake, provider, table.name)} == kept
    fingerprints = {row["_dlt_id"] for row in rows(lake, provider, table.name)}
    for child in table.children:
        assert {row["_dlt_parent_id"] for row in rows(lake, provider, child.name)} <= fingerprints
    assert NAME not in everything(lake)


def everything(lake: Path) -> str:
    """All rows that files below the lake hold, whether or not a table names them, and all logs."""
    import pyarrow.parquet as pq

    told: list[Any] = [path.read_text() for path in lake.rglob("*.json")]
    told += [str(pq.ParquetFile(path).read().to_pylist()) for path in lake.rglob("*.parquet")]
    return " ".join(told)


@pytest.mark.slow
@pytest.mark.parametrize("table", ["fax_recipients", "faxes", "sync_windows"])
def test_a_run_that_is_killed_after_a_commit_leaves_nothing_half_done(
    table: str, serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path, lake: Path
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 200, days=2))
    with into_delta(settings, lake)():
        assert sync().exit_code == 0
        for number, id in enumerate(served.fake.records):
            served.fake.change(id, cost=number, recipients=[], tags={"turn": str(number)})
        killed_after_a_commit(settings, lake / "fax_phaxio" / table / "_delta_log")
        assert sync().exit_code == 0
    assert sync().exit_code == 0

    assert differences(warehouse, lake, "phaxio") == {}
    assert not [*(lake / "_staging").glob("*")]


@pytest.mark.slow
@pytest.mark.parametrize("table", ["fax_recipients", "faxes"])
def test_a_deletion_that_is_killed_is_completed(
    table: str, serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path
) -> None:
    faxes = generated("phaxio", 60, days=70)
    for fax in faxes[:20]:
        fax["from"] = NAME
    served = serve_fake("phaxio", faxes)
    with into_delta(settings, lake)():
        assert sync().exit_code == 0
        settings |= {"PRIVACY__KEEP_DAYS": "30"}
        killed_after_a_commit(settings, lake / "fax_phaxio" / table / "_delta_log")
        served.fake.change([*served.fake.records][-1], cost=7)  # the next run has something to load
        assert sync().exit_code == 0

    oldest = min(row["created_at"] for row in rows(lake, "phaxio", "faxes"))
    assert datetime.now(UTC) - oldest < timedelta(days=30)
    assert NAME not in everything(lake)
