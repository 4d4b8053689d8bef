"""A run into Delta tables that fails, is paused or skipped: it tells and writes down what one into DuckDB does."""

import fcntl
import json
import pickle
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sources import errors
from sources.fakes.server import Answer, json_answer
from tests.conftest import ROOT, ServeFake, Settings, Sync, generated
from tests.pipelines.lake.test_one_machine import status
from tests.support.commands.process import Barrier, left, started
from tests.support.environment import child_environment
from tests.support.faults.inject import broken
from tests.support.lake import MISSING, differences, into_delta, options, rows
from tests.support.warehouse.delta_lake import Lake
from tests.support.warehouse.oracle import runs_amiss

pytest.importorskip("deltalake", reason=MISSING)
TOLD = ("status", "exit_code", "error", "new", "requests", "retries", "warnings")
TIME = re.compile(r"[\d-]{10}(T[\d:]{8}Z| [\d:]{5} UTC)")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def amiss(lake: Path, said: dict[str, Any] | None) -> list[str]:
    """Where `sync_runs` differs from the summary of a run."""
    assert said is not None
    with Lake(lake).opened() as held:
        return list(runs_amiss(held, said))


def doubting(honest: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    """A provider whose count never agrees with its faxes."""

    def answer(request: Any) -> Answer:
        body = json.loads(honest(request).body)
        if "paging" in body:
            body["paging"]["total"] += 1
        return json_answer(body)

    return answer


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (lambda honest: lambda request: Answer(401), 77),
        (lambda honest: lambda request: Answer(410), 65),
        pytest.param(lambda honest: lambda request: Answer(500), 75, marks=pytest.mark.slow),
        pytest.param(doubting, 65, marks=pytest.mark.slow),
    ],
    ids=["refused", "ended", "down", "unproven"],
)
def test_a_first_run_that_fails_tells_what_one_into_duckdb_tells(
    fault: Callable[[Any], Any],
    code: int,
    serve_fake: ServeFake,
    sync: Sync,
    settings: Settings,
    lake: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 5, days=2))
    settings["SOURCES__PHAXIO__RETRY_SECONDS"] = "0.1"
    honest = served.fake.answer
    served.server.answer = fault(honest)
    expected = sync().accounts["phaxio"]
    shown = status(settings, capsys)
    with into_delta(settings, lake)():
        failed = sync()
        state = status(settings, capsys)
        served.server.answer = honest
        assert sync().exit_code == 0
        after = status(settings, capsys)
    told = failed.accounts["phaxio"]

    assert (failed.exit_code, told["exit_code"]) == (code, code)
    assert [TIME.sub("", str(told[name])) for name in TOLD] == [TIME.sub("", str(expected[name])) for name in TOLD]
    assert amiss(lake, failed.said) == []
    assert [TIME.sub("", step) for step in state["next"]] == [TIME.sub("", step) for step in shown["next"]]
    assert [run["exit_code"] for run in state["runs"]] == [code]
    assert [run["exit_code"] for run in after["runs"]] == [0, code]


@pytest.mark.slow
def test_a_first_run_that_fails_is_shown_beside_a_provider_that_is_loaded(
    serve_fake: ServeFake,
    sync: Sync,
    settings: Settings,
    lake: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    serve_fake("phaxio", generated("phaxio", 5, days=2))
    serve_fake("signalwire").server.answer = lambda request: Answer(401)
    assert sync().exit_code == 77
    shown = status(settings, capsys)
    with into_delta(settings, lake)():
        assert sync().exit_code == 77
        state = status(settings, capsys)

    for one in (shown, state):
        assert [(row["provider"], row["exit_code"]) for row in one["accounts"]] == [("phaxio", 0), ("signalwire", 77)]
        assert sorted(run["exit_code"] for run in one["runs"]) == [0, 77]
        assert ["ended with 77 (credentials refused)" in line for line in one["next"]] == [True]


@pytest.mark.slow
def test_an_account_without_any_fax_has_the_hint_of_its_provider(
    serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path
) -> None:
    serve_fake("signalwire")
    expected = sync().accounts["signalwire"]["warnings"]
    with into_delta(settings, lake)():
        assert sync().accounts["signalwire"]["warnings"] == expected != []


@pytest.mark.slow
@pytest.mark.parametrize("is_first", [True, False])
def test_a_signal_while_faxes_are_read_pauses_the_run(
    is_first: bool, serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path, tmp_path: Path
) -> None:
    served, barrier = serve_fake("signalwire", generated("signalwire", 30, days=2)), Barrier()
    scratch = tmp_path / "scratch"
    with into_delta(settings, lake)():
        assert is_first or sync().exit_code == 0
        with broken(served, barrier.fault()), started(settings, scratch) as process:
            assert process.wait_for(barrier.reached.is_set)
            code, told = process.end(signal.SIGTERM)
            barrier.opened.set()
        said = process.said
        assert sync().exit_code == 0

    assert code == 143, told
    assert said is not None
    assert [(one["status"], one["exit_code"]) for one in said["accounts"]] == [("paused", 143)]
    assert amiss(lake, said) == []
    assert 143 in [row["exit_code"] for row in rows(lake, "signalwire", "sync_runs")]
    assert not [*(lake / "_staging").glob("*")]


@pytest.mark.slow
@pytest.mark.parametrize("table", ["fax_recipients", "faxes", "sync_windows"])
def test_a_signal_while_faxes_are_merged_ends_the_run_after_the_merge(
    table: str, serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path, lake: Path, tmp_path: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 200, days=2))
    assert sync().exit_code == 0
    with into_delta(settings, lake)():
        log = lake / "fax_phaxio" / table / "_delta_log"
        with started(settings, tmp_path / "scratch") as process:
            assert process.wait_for(lambda: any(log.glob("*1.json")))  # the second commit has the rows
            code, told = process.end(signal.SIGTERM)

    assert code == 143, told
    assert amiss(lake, process.said) == []
    assert differences(warehouse, lake, "phaxio") == {}


def test_a_job_that_spark_gives_up_keeps_what_was_loaded_before(
    serve_fake: ServeFake, settings: Settings, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.config import accounts
    from pipelines.lake.account_task import AccountTask, Report, run_task
    from pipelines.lake.syncing.accounts_run import LakeRun

    serve_fake("signalwire", generated("signalwire", 400, days=300))
    settings["SYNC__ROWS_PER_LOAD"] = "150"
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    reports: list[Report] = []

    def tasks_of_one_round(tasks: Sequence[AccountTask]) -> list[Report]:
        if reports:
            raise errors.TryAgain("Spark gave up the job")
        reports.extend(run_task(task) for task in tasks)
        return reports

    (outcome,) = LakeRun(lake.as_uri(), "1", options(), tasks_of_one_round).sync(accounts.required())
    (noted,) = rows(lake, "signalwire", "sync_runs")

    assert (outcome.exit_code, str(outcome.error)) == (75, "Spark gave up the job")
    assert noted["exit_code"] == 75
    assert 0 < noted["rows_new"] == len(rows(lake, "signalwire", "fax_logs")) < 400


def test_a_table_that_lacks_a_file_is_named(serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path) -> None:
    serve_fake("phaxio", generated("phaxio", 5, days=2))
    with into_delta(settings, lake)():
        assert sync().exit_code == 0
        for file in (lake / "fax_phaxio" / "faxes").rglob("*.parquet"):
            file.unlink()
        synced = sync()

    assert synced.exit_code == 69
    assert "fax_phaxio/faxes/ cannot be read" in synced.accounts["phaxio"]["error"]


def test_a_full_disk_under_what_is_staged_is_told(
    serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 1_000, days=2))
    with into_delta(settings, lake)():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
        try:
            full = sync()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert sync().accounts["phaxio"]["new"] == 1_000

    assert full.exit_code == 74
    assert full.accounts["phaxio"]["error"] == "no space left on the disk of the Delta tables"


def test_a_second_run_is_skipped(serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path) -> None:
    served = serve_fake("phaxio", generated("phaxio", 5, days=2))
    lock = Path(f"{lake}.lock")
    with lock.open("w") as held, into_delta(settings, lake)():
        fcntl.flock(held, fcntl.LOCK_EX)
        synced = sync()

    assert (synced.exit_code, served.server.requests) == (75, [])
    assert synced.accounts["phaxio"]["status"] == "skipped"


@pytest.mark.slow
def test_a_run_removes_what_killed_runs_have_left_in_the_temporary_directory(
    serve_fake: ServeFake, settings: Settings, lake: Path, tmp_path: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 5, days=2))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pipelines.warehouse.working_directory import working_directory\n"
        "with working_directory() as place: print(place, flush=True); sys.stdin.read()"
    )
    holders = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            env=child_environment({}, TMPDIR=str(scratch)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        _, alive = (Path((holder.stdout or sys.stdin).readline().strip()) for holder in holders)
        holders[0].kill()
        holders[0].wait()
        assert len(left(scratch)) == 2
        with into_delta(settings, lake)(), started(settings, scratch) as process:
            code, told = process.end()
        there = left(scratch)
    finally:
        for holder in holders:
            holder.kill()
            holder.communicate()

    assert (code, there) == (0, [alive]), told


def test_every_error_is_reported_by_an_executor_as_it_is() -> None:
    down = errors.ProviderDown("down")
    down.retry_after = 3.0
    made: list[errors.FaxSyncError] = [
        errors.Refused("no +15551234567", 410, {"a": 1}),
        down,
        errors.AuthError("wrong"),
        errors.Paused("late"),
    ]
    for error in made:
        error.advise("do this")
        again = pickle.loads(pickle.dumps(error))

        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
        assert (again.exit_code, again.outcome) == (error.exit_code, error.outcome)
