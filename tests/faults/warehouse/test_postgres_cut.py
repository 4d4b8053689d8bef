"""A connection that breaks, or a server that crashes, in the midst of a load: nothing is lost, nothing doubled."""

import json
import os
import signal

import pytest

import sources
from tests.conftest import SyncProcess
from tests.faults.conftest import StartServerTrial
from tests.support.commands.process import Barrier
from tests.support.faults.inject import broken
from tests.support.faults.server_trial import OURS, TABLES
from tests.support.servers.wire import wire

every_provider = pytest.mark.parametrize("provider", sources.providers())
END_HOLDER = """
    select pg_terminate_backend(pid) from pg_locks
    where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
"""
SLOW_INSERT = """
    create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.2); return new; end $$;
    create trigger slow before insert on fax_phaxio.faxes for each row execute function slow()
"""
COPYING = f"select pid from pg_stat_activity where {OURS} and query like 'copy%' and wait_event = 'PgSleep'"


def crash(pid: int) -> None:
    """Kills a backend, at which PostgreSQL ends all others and starts again from its log."""
    os.kill(pid, signal.SIGKILL)


@every_provider
@pytest.mark.parametrize("point", TABLES)
@pytest.mark.parametrize("act", ["cut", "crash"])
def test_a_backend_that_ends_in_the_midst_of_a_load_costs_nothing(
    act: str, point: str, provider: str, server_trial: StartServerTrial
) -> None:
    trying = server_trial(provider)
    held = trying.ids()
    acts = {"crash": crash, "cut": lambda pid: trying.query(f"select pg_terminate_backend({pid})")}
    synced = trying.at_lock(trying.table(point), acts[act])
    trying.server.recover()
    trying.withstood(synced, held)
    trying.recovers()


def test_a_backend_that_ends_while_rows_are_copied_leaves_no_traceback(
    server_trial: StartServerTrial, sync_process: SyncProcess
) -> None:
    trying = server_trial("phaxio")
    trying.query(SLOW_INSERT)
    with trying.beside(lambda: trying.query(f"select pg_terminate_backend({trying.wait_for_one(COPYING)})")):
        ended = sync_process("--log-format", "json")

    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    assert [line for line in map(json.loads, ended.stderr.splitlines()) if "traceback" in line] == []
    trying.recovers()


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

    assert number > 7  # as many commits has a load at least, without the first of all
