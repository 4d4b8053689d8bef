"""A connection that breaks, or a server that crashes, in the midst of a load: nothing is lost, nothing doubled."""

import json
import os
import signal
from collections.abc import Callable
from functools import partial

import pytest

import sources
from tests.conftest import ServeFake, Settings, SyncProcess
from tests.faults.conftest import StartServerTrial
from tests.support.commands.process import Barrier
from tests.support.faults.inject import broken
from tests.support.faults.server_trial import OURS, TABLES, ServerTrial
from tests.support.servers.wire import wire

every_provider = pytest.mark.parametrize("provider", sources.providers())
END_HOLDER = """
    select pg_terminate_backend(pid) from pg_locks
    where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
"""
SLOW_INSERT = """
    create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.2); return new; end $$;
    create trigger slow before insert on fax_phaxio.{} for each row execute function slow()
"""
Act = Callable[[ServerTrial, int], None]
INSERTING = f"select pid from pg_stat_activity where {OURS} and wait_event = 'PgSleep'"


def cut(trying: ServerTrial, pid: int) -> None:
    """Ends a backend."""
    trying.query(f"select pg_terminate_backend({pid})")


def crash(_: ServerTrial, pid: int) -> None:
    """Kills a backend, at which PostgreSQL ends all others and starts again from its log."""
    os.kill(pid, signal.SIGKILL)


@every_provider
@pytest.mark.parametrize("point", TABLES)
@pytest.mark.parametrize("act", [cut, crash])
def test_a_backend_that_ends_in_the_midst_of_a_load_costs_nothing(
    act: Act, point: str, provider: str, server_trial: StartServerTrial
) -> None:
    trying = server_trial(provider)
    held = trying.ids()
    synced = trying.at_lock(trying.table(point), partial(act, trying))
    trying.server.recover()
    trying.withstood(synced, held)
    trying.recovers()


def test_a_backend_that_ends_while_rows_are_copied_leaves_no_traceback(
    server_trial: StartServerTrial, sync_process: SyncProcess
) -> None:
    trying = server_trial("phaxio")
    trying.query(SLOW_INSERT.format("faxes"))
    with trying.beside(lambda: cut(trying, trying.wait_for_one(INSERTING))):
        ended = sync_process("--log-format", "json")

    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    assert [line for line in map(json.loads, ended.stderr.splitlines()) if "traceback" in line] == []
    trying.recovers()


@pytest.mark.parametrize("act", [cut, crash])
def test_a_backend_that_ends_while_the_run_is_written_down_costs_no_row(
    act: Act, server_trial: StartServerTrial
) -> None:
    trying = server_trial("phaxio")
    trying.query(SLOW_INSERT.format("sync_runs"))
    with trying.beside(lambda: act(trying, trying.wait_for_one(INSERTING))):
        synced = trying.sync()
    trying.server.recover()

    assert synced.exit_code == 0, synced.told
    trying.told_truly(synced.said)


def test_an_account_after_the_loss_of_all_connections_is_told_why_it_fails(
    serve_fake: ServeFake, settings: Settings, server_trial: StartServerTrial, login: str
) -> None:
    trying = server_trial("phaxio")
    for account in ("east", "west"):
        serve_fake("phaxio", [*trying.served.fake.records.values()], api_key=f"key-of-{account}")
        for key in ("api_key", "api_secret", "base_url"):
            own = settings.pop(f"SOURCES__PHAXIO__{key}".upper())
            settings[f"SOURCES__PHAXIO__ACCOUNTS__{account}__{key}".upper()] = own
    settings |= trying.server.settings(trying.database, login) | {"SYNC__ACCOUNTS_AT_A_TIME": "1"}
    trying.query(f"alter role {login} superuser")
    trying.query(SLOW_INSERT.format("sync_runs"))

    def end() -> None:
        trying.wait_for_one(INSERTING)
        trying.query(f"alter role {login} nologin")
        trying.query(f"select pg_terminate_backend(pid) from pg_stat_activity where {OURS} and usename = '{login}'")

    with trying.beside(end):
        synced = trying.sync()

    assert [account["exit_code"] for account in synced.summaries] == [0, 69], synced.told


@every_provider
def test_a_run_whose_lock_is_gone_loads_nothing(provider: str, server_trial: StartServerTrial) -> None:
    trying, barrier = server_trial(provider), Barrier()

    def end() -> None:
        barrier.reached.wait(60)
        assert trying.query(END_HOLDER) == [(True,)]
        barrier.opened.set()

    with broken(trying.served, barrier.fault()):
        trying.fails(75, "held the lock is gone", under=trying.beside(end))
    trying.recovers()


def test_a_connection_that_is_gone_is_told_so(server_trial: StartServerTrial) -> None:
    trying, barrier = server_trial("phaxio"), Barrier()

    def end() -> None:
        barrier.reached.wait(60)
        assert trying.query(f"select pg_terminate_backend(pid) from pg_stat_activity where {OURS} and state = 'idle'")
        barrier.opened.set()

    with broken(trying.served, barrier.fault()):
        told = trying.fails(75, "the connection to the warehouse is lost", under=trying.beside(end)).told
    assert "cannot be reached" not in told
    trying.recovers()


@every_provider
@pytest.mark.parametrize("answer_lost", [False, True], ids=["not committed", "committed, and the answer lost"])
def test_a_wire_cut_at_any_commit_costs_nothing(
    provider: str, answer_lost: bool, server_trial: StartServerTrial
) -> None:
    trying, number = server_trial(provider), 0
    while True:
        number += 1
        attempt = trying.anew()
        held = attempt.ids()
        with wire(attempt.server, number, answer_lost) as cut:
            url = attempt.server.url_through(cut.port, attempt.database)
            attempt.settings["DESTINATION__WAREHOUSE__CREDENTIALS"] = url
            synced = attempt.sync()
        attempt.settings |= attempt.server.settings(attempt.database)
        if cut.commits < number:
            break
        attempt.withstood(synced, held)
        attempt.recovers()

    assert number > 6  # as many commits has a load at least; what only reads commits nothing
