"""While PostgreSQL writes the rows of a load, the run reads on; whatever happens then, the warehouse stays exact."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from threading import Timer

import pytest

from sources.fakes.server import Answer, Request
from tests.conftest import Served, ServeFake, Settings, Sync, generated
from tests.support.servers.postgres import Server
from tests.support.warehouse.file_and_database import Database
from tests.support.warehouse.oracle import assert_holds

pytestmark = pytest.mark.slow
TURN = "hashtextextended('fax-sync/fax_signalwire', 0)"
WAITS = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
CUT = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'fax-sync' and pid <> pg_backend_pid()
"""
MINUTES = 0.2  # of a run: enough for its first load
DAYS = 720  # several windows: the first load has one, the second one is read before it


@pytest.fixture
def served(serve_fake: ServeFake, settings: Settings) -> Served:
    """An account whose first load has one window, and whose others hold more than is read before a load."""
    start = datetime.now(UTC) - timedelta(DAYS)
    settings |= {"SYNC__ROWS_PER_LOAD": "1", "SOURCES__CONNECTIONS": "1"}
    settings["SOURCES__SIGNALWIRE__START_DATE"] = f"{start:%Y-%m-%d}"
    return serve_fake("signalwire", generated("signalwire", 4_000, days=DAYS))


@contextmanager
def turn_held(
    served: Served, postgres: Server, database: str, while_waiting: Callable[[Request], Answer | None]
) -> Iterator[list[Request]]:
    """Another run holds the turn until a request comes while the load waits for it; yields that request in a list.

    That request and later ones are answered by `while_waiting`, or honestly if that is None.
    """
    honest, came = served.server.answer, list[Request]()
    with closing(postgres.connect(database)) as other_run, other_run.cursor() as cursor:
        cursor.execute(f"select pg_advisory_lock({TURN})")
        guard = Timer(60, other_run.close)  # else a run that reads nothing meanwhile would wait without an end
        guard.start()

        def answer(request: Request) -> Answer:
            if not came and postgres.query(database, WAITS) != [(0,)]:
                came.append(request)
                other_run.close()
            return (while_waiting(request) if came else None) or honest(request)

        served.server.answer = answer
        yield came
        guard.cancel()
    served.server.answer = honest


def test_windows_are_read_while_the_rows_of_earlier_ones_are_written(
    served: Served, sync: Sync, postgres: Server, database: str
) -> None:
    with turn_held(served, postgres, database, lambda request: None) as came:
        synced = sync()

    assert (synced.exit_code, len(came)) == (0, 1), synced.told
    assert_holds(Database(postgres, database), "signalwire", served.fake.truth())


def test_an_error_of_what_is_read_meanwhile_leaves_the_load_and_the_next_run_completes_it(
    served: Served, sync: Sync, postgres: Server, database: str
) -> None:
    with turn_held(served, postgres, database, lambda request: Answer(401)) as came:
        failed = sync()
    ((held,),) = postgres.query(database, "select count(*) from fax_signalwire.fax_logs")

    assert (failed.exit_code, len(came)) == (77, 1), failed.told
    assert 0 < held == failed.summaries[0]["new"] < len(served.fake.records)
    assert sync().exit_code == 0
    assert_holds(Database(postgres, database), "signalwire", served.fake.truth())


def test_a_signal_ends_what_is_read_meanwhile_once_the_load_is_done(
    served: Served, sync: Sync, postgres: Server, database: str
) -> None:
    def stop(request: Request) -> None:
        if postgres.query(database, WAITS) == [(0,)] and not stopped:
            stopped.append(request)
            os.kill(os.getpid(), signal.SIGTERM)

    stopped = list[Request]()
    with turn_held(served, postgres, database, stop) as came:
        ended = sync()

    ((held,),) = postgres.query(database, "select count(*) from fax_signalwire.fax_logs")

    assert (ended.exit_code, len(came), len(stopped)) == (143, 1, 1), ended.told
    assert 0 < held == ended.summaries[0]["new"] < len(served.fake.records)
    assert sync().exit_code == 0
    assert_holds(Database(postgres, database), "signalwire", served.fake.truth())


def test_a_load_that_fails_while_the_run_reads_on_is_made_again_by_the_next_run(
    served: Served, sync: Sync, postgres: Server, database: str
) -> None:
    def cut(request: Request) -> None:
        if not killed:
            killed.append(request)
            postgres.query(database, CUT)

    killed = list[Request]()
    with turn_held(served, postgres, database, cut) as came:
        failed = sync()

    assert (failed.exit_code, len(came), len(killed)) == (75, 1, 1), failed.told
    assert sync().exit_code == 0
    assert_holds(Database(postgres, database), "signalwire", served.fake.truth())


def test_what_is_in_memory_when_the_time_is_over_is_loaded(
    served: Served, sync: Sync, postgres: Server, database: str
) -> None:
    def outlast(request: Request) -> None:
        if not slow:
            slow.append(request)
            time.sleep(60 * MINUTES)

    slow = list[Request]()
    with turn_held(served, postgres, database, outlast) as came:
        synced = sync("--max-runtime", str(MINUTES))

    reached, asked_for = synced.summaries[0]["reached"], came[0].query["created_before"]

    assert (synced.exit_code, len(slow), reached[:10]) == (75, 1, asked_for[:10]), synced.told
    assert sync().exit_code == 0
    assert_holds(Database(postgres, database), "signalwire", served.fake.truth())
