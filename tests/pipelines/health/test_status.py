"""status.py says how far each account is, how the last runs ended, and what is to be done."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.health.sync_status import next_steps
from tests.conftest import ServeFake, Settings, Sync, generated
from tests.support.commands.process import Barrier, started
from tests.support.environment import applied
from tests.support.faults.inject import broken
from tests.support.tiers import first_quick
from tests.support.warehouse.file_and_database import KINDS, Database, File, Warehouse
from tests.support.warehouse.rows import rows

Status = Callable[..., tuple[int, str]]
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
STATE = {
    "provider": "phaxio", "account": "default", "looked_at": NOW, "last_run_at": NOW, "exit_code": 0,
    "proven_to": NOW, "holes": 0,
}  # fmt: skip


@pytest.fixture
def status(settings: Settings, capsys: pytest.CaptureFixture[str], caplog: Any) -> Status:
    """Runs the command; gives its exit code and what it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        from pipelines.status import main

        capsys.readouterr()
        caplog.clear()
        with applied(settings):
            exit_code = main(arguments)
        return exit_code, capsys.readouterr().out + caplog.text

    return run


@pytest.mark.slow
@pytest.mark.parametrize("kind", first_quick(KINDS))
def test_what_was_read_and_what_failed_is_shown(
    kind: str, serve_fake: ServeFake, sync: Sync, settings: Settings, status: Status, request: pytest.FixtureRequest
) -> None:
    if kind == "postgres":
        request.getfixturevalue("database")
    served = serve_fake("phaxio", generated("phaxio", 12))
    sync()
    settings["SOURCES__PHAXIO__API_KEY"] = "another"
    sync()
    before = len(served.server.requests)
    exit_code, told = status("--json")
    state = json.loads(told)

    assert (exit_code, len(served.server.requests)) == (0, before)
    assert [(run["exit_code"], run["rows_new"]) for run in state["runs"]] == [(77, 0), (0, 12)]
    (account,) = state["accounts"]
    assert account["proven_to"] == account["read_to"] != "None"
    (step,) = state["next"]
    assert re.fullmatch(
        r"phaxio: the run at [\d-]+ [\d:]+ UTC ended with 77 \(credentials refused\); unless one has succeeded since: "
        r"renew the key, or correct its scope, in \.dlt/secrets\.toml",
        step,
    )
    assert account["open_faxes"] == len(served.fake.open_ids())


@pytest.mark.parametrize("number", ["-1", "some", "9" * 20])
def test_a_number_of_runs_that_cannot_be_is_refused(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    from pipelines.status import main

    with pytest.raises(SystemExit) as ended:
        main(["--runs", number])

    assert (ended.value.code, "is not a whole number from 0" in capsys.readouterr().err) == (64, True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", first_quick(KINDS))
def test_a_hole_in_one_list_is_not_filled_by_another(
    kind: str, serve_fake: ServeFake, sync: Sync, settings: Settings, status: Status, request: pytest.FixtureRequest
) -> None:
    place: Warehouse = File(request.getfixturevalue("warehouse"))
    if kind == "postgres":
        place = Database(request.getfixturevalue("postgres"), request.getfixturevalue("database"))
    serve_fake("signalwire", generated("signalwire", 12), compat="read")
    sync()
    walked = "fax_signalwire.compat_fax_windows"
    starts = [start for (start,) in rows(place, f"select from_at from {walked} order by 1")]
    place.write(f"delete from {walked} where from_at = ?", starts[1])
    _, told = status("--json")

    assert len(starts) > 2
    assert ["has parts that are not proven" in step for step in json.loads(told)["next"]] == [True]


@pytest.mark.slow
@pytest.mark.parametrize("kind", first_quick(KINDS))
def test_a_clock_that_was_ahead_hides_no_schedule_that_stopped(
    kind: str, serve_fake: ServeFake, sync: Sync, status: Status, request: pytest.FixtureRequest
) -> None:
    place: Warehouse = File(request.getfixturevalue("warehouse"))
    if kind == "postgres":
        place = Database(request.getfixturevalue("postgres"), request.getfixturevalue("database"))
    served = serve_fake("phaxio", generated("phaxio", 3))
    sync()
    (first,) = rows(place, "select run_id from fax.sync_runs")
    served.fake.add(*generated("phaxio", 1, days=0.01, seed=2, first_id=900_000_000))
    sync()
    for table, other in (("sync_runs", "started_at"), ("sync_windows", "to_at")):
        for runs, shift in (("=", "- interval '2 days'"), ("<>", "+ interval '9 years'")):
            place.write(
                f"update fax_phaxio.{table} set finished_at = finished_at {shift}, {other} = {other} {shift}"
                f" where run_id {runs} '{first[0]}'"
            )
    (account,) = (state := json.loads(status("--json")[1]))["accounts"]

    assert ["check whether the schedule still runs" in step for step in state["next"]] == [True]
    assert account["read_to"] < f"{datetime.now(UTC)}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", first_quick(KINDS))
def test_a_first_run_that_failed_is_shown(
    kind: str, serve_fake: ServeFake, sync: Sync, settings: Settings, status: Status, request: pytest.FixtureRequest
) -> None:
    if kind == "postgres":
        request.getfixturevalue("database")
    serve_fake("phaxio", generated("phaxio", 12))
    key = settings["SOURCES__PHAXIO__API_KEY"]
    settings["SOURCES__PHAXIO__API_KEY"] = "another"
    sync()
    sync()
    exit_code, told = status("--json", "--runs", "1")
    failed = json.loads(told)
    settings["SOURCES__PHAXIO__API_KEY"] = key
    sync()
    state = json.loads(status("--json")[1])

    assert (exit_code, [run["exit_code"] for run in failed["runs"]]) == (0, [77])
    assert "ended with 77 (credentials refused); unless one has succeeded since: renew the key" in failed["next"][0]
    assert (state["next"], [run["exit_code"] for run in state["runs"]]) == ([], [0, 77, 77])
    assert failed["accounts"][0].keys() == state["accounts"][0].keys()


@pytest.mark.slow
def test_a_sync_that_has_the_file_open_is_named(
    serve_fake: ServeFake, sync: Sync, settings: Settings, status: Status, tmp_path: Path
) -> None:
    served, barrier = serve_fake("phaxio", generated("phaxio", 3)), Barrier()
    sync()
    with broken(served, barrier.fault()), started(settings, tmp_path / "scratch") as process:
        assert process.wait_for(barrier.reached.is_set)
        exit_code, told = status()
        barrier.opened.set()

    assert (exit_code, f"a sync is running (process {process.running.pid} since" in told) == (75, True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"exit_code": 65}, "ended with 65 (not proven)"),
        ({"exit_code": 65, "last_run_at": NOW - timedelta(hours=2)}, None),
        ({"holes": 1}, "from 2026-11-28 12:00 UTC on has parts that are not proven"),
        ({"looked_at": NOW - timedelta(hours=25)}, "check whether the schedule still runs"),
        ({"looked_at": NOW - timedelta(hours=25), "exit_code": 77}, "ended with 77"),
        ({"looked_at": None, "proven_to": None, "exit_code": 78}, "ended with 78"),
    ],
    ids=str,
)
def test_only_what_needs_somebody_is_a_next_step(changes: dict[str, Any], words: str | None) -> None:
    steps = next_steps([STATE | changes], [("phaxio", "default")], 24, NOW)

    assert (len(steps) == 1 and words in steps[0]) if words else steps == []


def test_an_account_that_was_never_synced_is_one() -> None:
    assert next_steps([STATE], [("phaxio", "default"), ("phaxio", "east")], 24, NOW) == [
        "phaxio/east: nothing is loaded yet: run uv run python pipelines/sync.py"
    ]


def test_counts_that_a_user_has_made_text_are_shown(
    serve_fake: ServeFake, sync: Sync, status: Status, warehouse: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 12))
    sync()
    for column in ("exit_code", "rows_new"):
        File(warehouse).write(f"alter table fax_phaxio.sync_runs alter column {column} type text")
    exit_code, told = status()

    assert (exit_code, re.search(r"phaxio +complete +12 ", told) is not None) == (0, True), told
