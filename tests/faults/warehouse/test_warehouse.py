"""A warehouse that others use too: it is waited for, their own is left alone, and what they dropped is told."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread, Timer
from typing import Any

import duckdb
import pytest

import sources
from tests.faults.conftest import StartTrial
from tests.support.commands.in_process import run_once
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import content, rows

every_provider = pytest.mark.parametrize("provider", sources.providers())
NOTEBOOK = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "ro")
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def notebook(path: Path, mode: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Another program that has the file open."""
    command = [sys.executable, "-c", NOTEBOOK, str(path), mode]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"open\n"
        try:
            yield program
        finally:
            program.kill()


@pytest.mark.parametrize(("provider", "mode"), [("phaxio", "ro"), ("signalwire", "rw")])
def test_a_file_that_stays_open_elsewhere_is_to_be_tried_again_and_the_reason_is_told(
    provider: str, mode: str, trial: StartTrial
) -> None:
    started = trial(provider)
    started.settings["SYNC__BUSY_SECONDS"] = "0.3"
    before = content(started.warehouse, provider)
    with notebook(started.warehouse, mode):
        synced = started.sync()

    assert (75, before, []) == (synced.exit_code, content(started.warehouse, provider), started.served.server.requests)
    assert ("open in another program" in synced.told, "credentials were" in synced.told) == (True, False)
    started.recovers()


@pytest.mark.parametrize("mode", ["ro", "rw"])
def test_a_file_that_is_closed_elsewhere_in_time_is_waited_for(mode: str, trial: StartTrial) -> None:
    started = trial("phaxio")
    with notebook(started.warehouse, mode) as program:
        closing = Timer(0.7, program.kill)
        closing.start()
        started.recovers()
        closing.join()


@every_provider
def test_what_users_have_made_is_left_as_it_is(provider: str, trial: StartTrial) -> None:
    started = trial(provider)
    faxes = sources.provider(provider).TABLE
    table, raw = faxes.name, f"fax_{provider}"
    with duckdb.connect(str(started.warehouse)) as connection:
        connection.execute(f"create table {raw}.budget as select 1 as month, 2.5 as usd")
        connection.execute("create table fax.notes as select 'mine' as note")
        connection.execute("create schema finance")
        connection.execute(f"create view finance.costs as select count(*) as faxes from {raw}.{table}")
        connection.execute("create view finance.unified as select id, cost_usd from fax.faxes")
        connection.execute(f"alter table {raw}.{table} add column reviewed boolean default true")
        connection.execute(f"create index own on {raw}.{table} ({faxes.created_at})")
    started.recovers()
    started.served.fake.change(started.newest()[0], error_message="changed")
    started.recovers()

    truth = started.served.fake.truth()
    of_first_list = sum(fax.get("listed_in") != "compat_faxes" for fax in truth)
    assert [(of_first_list,)] == rows(started.warehouse, "select faxes from finance.costs")
    assert [(len(truth),)] == rows(started.warehouse, "select count(*) from finance.unified")
    assert rows(started.warehouse, f"select b.month, n.note from {raw}.budget as b, fax.notes as n") == [(1, "mine")]
    assert rows(started.warehouse, f"select count(reviewed) > 0 from {raw}.{table}") == [(True,)]


def test_rows_of_users_own_are_kept_unless_a_key_is_theirs(trial: StartTrial) -> None:
    started = trial("phaxio")
    started.place.write(
        "insert into fax_phaxio.faxes (id, account, status, created_at, _dlt_id, _dlt_load_id)"
        " values (1, 'by hand', 'success', now(), 'by hand', 'by hand')"
    )
    assert started.sync().exit_code == 0

    assert rows(started.warehouse, "select account from fax_phaxio.faxes where id = 1") == [("by hand",)]


def test_every_look_during_a_load_sees_whole_faxes(trial: StartTrial) -> None:
    started = trial("phaxio", new=3_000)
    started.settings["SYNC__DUCKDB_MEMORY"] = "200MB"  # the reader is in this process and shares what DuckDB may have
    over, seen = Event(), []
    sql = (
        "select (select count(*) from fax_phaxio.faxes), count(*), count(f._dlt_id)"
        " from fax_phaxio.fax_recipients as r left join fax_phaxio.faxes as f on f._dlt_id = r._dlt_parent_id"
    )

    def look(connection: duckdb.DuckDBPyConnection) -> None:
        while not over.is_set():
            seen.extend(rows(connection, sql))

    with duckdb.connect(str(started.warehouse)) as connection:
        reader = Thread(target=look, args=(connection,))
        reader.start()
        try:
            run_once("phaxio", started.settings)
        finally:
            over.set()
            reader.join()
    assert_holds(started.warehouse, "phaxio", started.served.fake.truth())

    states: set[Any] = {faxes for faxes, _, _ in seen}
    assert [look for look in seen if look[1] != look[2]] == []
    assert len(states) <= 2
