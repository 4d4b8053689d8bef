"""The run's lock ends in the midst of a load: nothing is committed from then on, and a second run is right."""

import os
import socket
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

import sources
from pipelines.warehouse import load
from tests.conftest import Settings
from tests.faults.conftest import StartServerTrial
from tests.support.commands.process import Barrier, run
from tests.support.faults.inject import broken
from tests.support.faults.server_trial import OURS, TABLES, ServerTrial
from tests.support.servers.postgres import Server
from tests.support.servers.wire import wire
from tests.support.warehouse.oracle import assert_holds

every_provider = pytest.mark.parametrize("provider", sources.providers())
LOCKS = "pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = '{}')"
END_HOLDER = f"""
    with holder as materialized (select distinct pid from {LOCKS} and mode = 'ExclusiveLock' and granted)
    select pg_terminate_backend(pid) from holder
"""
WAITING_FOR_LOCK = f"select pid from {LOCKS} and not granted"
GONE = "held the lock is gone"


def end_holder(trying: ServerTrial) -> None:
    """Ends the session that holds the run's lock, and waits until it is gone."""
    assert trying.query(END_HOLDER.format(trying.database)) == [(True,)]
    trying.wait_for_one(f"select 1 where not exists (select from {LOCKS.format(trying.database)} and mode like 'Ex%')")


@every_provider
@pytest.mark.parametrize("point", TABLES)
def test_nothing_is_committed_once_the_lock_is_gone(point: str, provider: str, server_trial: StartServerTrial) -> None:
    trying = server_trial(provider)
    held = trying.ids()
    synced = trying.at_lock(trying.table(point), lambda _: end_holder(trying))
    trying.withstood(synced, held)

    assert synced.exit_code == 75, synced.told
    assert point == "committing the load" or GONE in synced.told, synced.told
    trying.recovers()


def test_a_second_run_waits_for_what_the_first_is_writing(server_trial: StartServerTrial, tmp_path: Path) -> None:
    trying = server_trial("phaxio")

    def give_up(_: int) -> None:
        end_holder(trying)
        code, told = run(trying.settings, tmp_path / "second", PGOPTIONS="-c lock_timeout=300ms")
        assert (code, "a transaction of an earlier run still goes on" in told) == (75, True), told

    synced = trying.at_lock("fax_phaxio.faxes", give_up)

    assert (synced.exit_code, GONE in synced.told) == (75, True), synced.told
    trying.recovers()


@every_provider
@pytest.mark.parametrize("point", TABLES)
def test_a_second_run_that_gets_in_loses_nothing(
    point: str, provider: str, server_trial: StartServerTrial, tmp_path: Path
) -> None:
    trying = server_trial(provider)
    with ThreadPoolExecutor() as pool:

        def meet(_: int) -> None:
            end_holder(trying)
            second.append(pool.submit(run, trying.settings, tmp_path / "second"))
            trying.wait_for_one(WAITING_FOR_LOCK.format(trying.database))

        second = list[Future[tuple[int, str]]]()
        first = trying.at_lock(trying.table(point), meet)
        code, told = second[0].result()

    assert (first.exit_code, code) == (75, 0), first.told + told
    assert_holds(trying.place, provider, trying.served.fake.truth())
    trying.recovers()


@every_provider
@pytest.mark.parametrize(
    ("setting", "limit"),
    [
        ("idle_session_timeout", "500ms"),
        ("idle_in_transaction_session_timeout", "500ms"),
        ("transaction_timeout", "4s"),
    ],
)
def test_a_limit_of_the_servers_ends_no_run_that_fetches(
    setting: str, limit: str, provider: str, server_trial: StartServerTrial
) -> None:
    trying, barrier = server_trial(provider), Barrier()
    trying.server.query("postgres", f"alter database {trying.database} set {setting} = '{limit}'")
    since = f"clock_timestamp() - 1.1 * '{limit}'::interval"
    younger = f"select from pg_stat_activity where {OURS} and pid <> pg_backend_pid() and state_change > {since}"

    def outwait() -> None:
        barrier.reached.wait(60)
        trying.wait_for_one(f"select 1 where not exists ({younger})")
        barrier.opened.set()

    with broken(trying.served, barrier.fault()), trying.beside(outwait):
        synced = trying.sync()

    assert synced.exit_code == 0, synced.told
    assert_holds(trying.place, provider, trying.served.fake.truth())


@pytest.mark.parametrize(("own", "seconds"), [("", 30), ("?keepalives_idle=7", 7)])
def test_a_silent_network_is_noticed_in_time(
    own: str, seconds: int, postgres: Server, database: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with wire(postgres, 1_000_000, answer_lost=False) as through:
        settings["DESTINATION__WAREHOUSE__CREDENTIALS"] = postgres.url_through(through.port, database) + own
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        with (
            load.opened("phaxio", "default", "fax") as opened,
            socket.socket(fileno=os.dup(opened.client.native_connection.fileno())) as connected,
        ):
            idle = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)

    assert idle == seconds
