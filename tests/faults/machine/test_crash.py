"""SIGKILL wherever it hurts: no half fax is ever held, the file opens, and one run makes it good."""

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import sources
from sources.fakes.server import Answer, Request
from tests.faults.conftest import StartTrial, Trial, more
from tests.support.commands.in_process import run_once
from tests.support.commands.process import Barrier, Process, started
from tests.support.faults.inject import Honest, broken
from tests.support.faults.soaking import soak
from tests.support.servers.postgres import Server
from tests.support.tiers import in_turns
from tests.support.warehouse.file_and_database import KINDS, Database, File, Warehouse
from tests.support.warehouse.oracle import assert_holds, unsound
from tests.support.warehouse.rows import rows

pytestmark = pytest.mark.slow
every_provider = pytest.mark.parametrize("provider", sources.providers())
NORMALIZED = "*/load/normalized/*"
POINTS = {  # as the working directory shows them
    "a page is extracted": "*/normalize/*/*/new_jobs/*.parquet",
    "extraction is over": "*/normalize/extracted/*/new_jobs/*",
    "a package is normalized": NORMALIZED,
    "a job has begun": f"{NORMALIZED}/started_jobs/*",
    "a job is committed and not marked": f"{NORMALIZED}/.pending_transitions/*",
    "the merge is committed and not marked": f"{NORMALIZED}/.pending_transitions/fax*",
    "all files of faxes wait to be merged": f"{NORMALIZED}/completed_jobs/fax*.parquet",
    "the state is written": f"{NORMALIZED}/completed_jobs/_dlt_pipeline_state*",
    "the merge has begun": f"{NORMALIZED}/started_jobs/fax*.sql",
    "the merge is done": f"{NORMALIZED}/completed_jobs/fax*.sql",
    "the load is committed": "*/load/loaded/*",
}


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


def ids(started: Trial) -> set[str]:
    sql = "select id from fax.faxes where provider = ?"
    return {id for (id,) in rows(started.warehouse, sql, started.provider)}


def assert_wreck_is_sound(trying: Trial, held: set[str]) -> None:
    """The file opens as it was left, holds what it held, and only whole faxes."""
    assert list(unsound(trying.warehouse, f"fax_{trying.provider}")) == []
    assert held <= ids(trying)


def kill_at(process: Process, pattern: str) -> bool:
    reached = process.wait_for(lambda: process.has(pattern))
    process.end(signal.SIGKILL)
    return reached


@pytest.mark.each_case
@pytest.mark.parametrize(("provider", "point"), in_turns(POINTS, sources.providers()))
def test_a_run_killed_at_any_point_of_a_load_is_made_good_by_the_next(
    provider: str, point: str, trial: StartTrial, scratch: Path
) -> None:
    trying = trial(provider, new=900)
    held = ids(trying)
    with started(trying.settings, scratch) as process:
        reached = kill_at(process, POINTS[point])
    assert_wreck_is_sound(trying, held)
    trying.recovers()
    if not reached:
        pytest.skip("too quick to be seen at this point; the run was whole")


@every_provider
@pytest.mark.parametrize("page", [1, 2, 4])
def test_a_run_killed_between_pages_is_made_good_by_the_next(
    provider: str, page: int, trial: StartTrial, scratch: Path
) -> None:
    trying, barrier = trial(provider, page_cap="200", new=700), Barrier(page)
    held = ids(trying)
    with broken(trying.served, barrier.fault()), started(trying.settings, scratch) as process:
        assert process.wait_for(barrier.reached.is_set)
        process.end(signal.SIGKILL)
        barrier.opened.set()
    assert_wreck_is_sound(trying, held)
    trying.recovers()


def test_a_run_killed_in_its_second_list_is_made_good_by_the_next(trial: StartTrial, scratch: Path) -> None:
    trying, barrier = trial("signalwire", page_cap="200", compat="read", new=700), Barrier()
    held, hold = ids(trying), barrier.fault()

    def second_page(request: Request, honest: Honest) -> Answer:
        return hold(request, honest) if "PageToken" in request.query else honest(request)

    with broken(trying.served, second_page), started(trying.settings, scratch) as process:
        assert process.wait_for(barrier.reached.is_set)
        process.end(signal.SIGKILL)
        barrier.opened.set()
    assert_wreck_is_sound(trying, held)
    trying.recovers()


@pytest.mark.parametrize("loads", [1, 5])
def test_a_backfill_killed_after_some_loads_goes_on_where_it_stopped(
    loads: int, trial: StartTrial, scratch: Path
) -> None:
    trying = trial("signalwire", page_cap="200")
    trying.served.fake.add(*more("signalwire", 4_000, days=8 * 90, seed=70))  # a run reads a thousand ahead of a load
    trying.settings["SOURCES__SIGNALWIRE__START_DATE"] = f"{datetime.now(UTC) - timedelta(8 * 90):%Y-%m-%d}"
    trying.settings |= {"SYNC__ROWS_PER_LOAD": "1", "SOURCES__CONNECTIONS": "1"}
    trying.warehouse.unlink()
    listed = count_pages(trying, scratch, kill_after=loads)
    after_kill = count_pages(trying, scratch, kill_after=None)
    assert_holds(trying.warehouse, "signalwire", trying.served.fake.truth())
    trying.warehouse.unlink()
    del trying.settings["SYNC__ROWS_PER_LOAD"]  # one load, of the same pages
    whole = count_pages(trying, scratch, kill_after=None)

    assert listed + after_kill <= whole + 14  # what was read ahead, and the window that was being read


def count_pages(trying: Trial, scratch: Path, kill_after: int | None) -> int:
    """How many pages a run asks for that is killed when so many loads are committed."""
    before = len(trying.served.server.requests)
    with started(trying.settings, scratch) as process:
        if kill_after is not None:
            process.wait_for(lambda: len(list(process.scratch.glob("fax-sync-*/*/load/loaded/*"))) >= kill_after)
            process.end(signal.SIGKILL)
        else:
            code, told = process.end()
            assert code == 0, told
    requests = trying.served.server.requests[before:]
    return len([request for request in requests if request.path.endswith("logs")])


def test_every_committed_state_of_a_backfill_is_one_to_go_on_from(
    trial: StartTrial, pytestconfig: pytest.Config
) -> None:
    trying = trial("signalwire", page_cap="200")
    trying.served.fake.add(*more("signalwire", 600, days=500, seed=70))
    trying.warehouse.unlink()
    states: list[bytes] = []
    run_once(
        "signalwire",
        trying.settings,
        rows_per_load=1,
        after_load=lambda number: states.append(trying.warehouse.read_bytes()),
    )
    assert len(states) >= 10
    for state in states if pytestconfig.option.every_case else states[::3]:
        Path(f"{trying.warehouse}.wal").unlink(missing_ok=True)
        trying.warehouse.write_bytes(state)
        trying.recovers()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS)
def test_kills_at_random_cost_nothing(kind: str, tmp_path: Path, postgres: Server) -> None:
    def warehouse(number: int) -> Warehouse:
        file = tmp_path / f"warehouse{number}.duckdb"
        return File(file) if kind == "duckdb" else Database(postgres, postgres.create())

    tally = soak(3, 1, tmp_path, warehouse)  # tests/soak.py makes hundreds

    assert tally.findings == [], tally.report()
    assert tally.kills() == 3
