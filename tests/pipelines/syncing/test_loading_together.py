"""Accounts that are ready at the same time load in one package, and each as if it had loaded alone."""

import os
import signal
from collections.abc import Callable
from threading import Timer
from typing import Any

import pytest
from dlt.common.versioned_state import decompress_state

import sources
from pipelines.syncing import accounts_sync
from pipelines.warehouse.load import Warehouse
from sources.load.resources import READ_AT, REREAD_UNTIL
from tests.conftest import Settings, Sync
from tests.pipelines.syncing.conftest import NAMES, Serve, ids
from tests.support.servers.postgres import Server
from tests.support.tiers import first_quick

Before = Callable[[Callable[[Warehouse, list[Warehouse]], Any]], None]
_TIMES = ("start_value", "last_value", READ_AT, REREAD_UNTIL)
_TABLES = """
    select table_name, string_agg(quote_ident(column_name), ', ' order by column_name) from information_schema.columns
    where table_schema = 'fax_{provider}' and table_name not like '\\_dlt%' and table_name not like 'sync%'
        and column_name not in ('_dlt_load_id', 'first_seen_at') group by 1 order by 1
"""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts wait for each other however slow the machine is."""
    monkeypatch.setattr(accounts_sync, "_WAIT_SECONDS", 30)


@pytest.fixture
def before_joint_load(monkeypatch: pytest.MonkeyPatch) -> Before:
    """Makes a function run once, before a load of several accounts; it is given their warehouses."""

    def arrange(run: Callable[[Warehouse, list[Warehouse]], Any]) -> None:
        load = Warehouse.load

        def prepared(self: Warehouse, *arguments: Any, **options: Any) -> bool:
            if joined := options.get("joined"):
                monkeypatch.setattr(Warehouse, "load", load)
                run(self, [*joined])
            return load(self, *arguments, **options)

        monkeypatch.setattr(Warehouse, "load", prepared)

    return arrange


def held(postgres: Server, database: str, provider: str) -> dict[str, list[tuple[Any, ...]]]:
    """Table -> its rows, without those of dlt and of the ledger."""
    tables = postgres.query(database, _TABLES.format(provider=provider))
    return {
        table: sorted(postgres.query(database, f"select {columns} from fax_{provider}.{table}"), key=repr)
        for table, columns in tables
    }


def states(postgres: Server, database: str, provider: str) -> dict[str, Any]:
    """Pipeline -> its newest stored state, without times and versions."""
    sql = f"select pipeline_name, state from fax_{provider}._dlt_pipeline_state order by _dlt_load_id"
    return {name: without_times(decompress_state(state)) for name, state in postgres.query(database, sql)}


def without_times(state: Any) -> Any:
    """The state; of a time, only whether there is one."""
    if not isinstance(state, dict):
        return state
    of = {key: value for key, value in state.items() if key not in ("_state_version", "_version_hash")}
    return {key: value is None if key in _TIMES else without_times(value) for key, value in of.items()}


def loads(postgres: Server, database: str, provider: str) -> int:
    """The number of committed loads."""
    ((count,),) = postgres.query(database, f"select count(*) from fax_{provider}._dlt_loads where status = 0")
    return int(count)


def cursors(postgres: Server, database: str, provider: str) -> dict[str, set[Any]]:
    """Pipeline -> the cursors in its newest stored state, one of each list."""
    sql = f"select pipeline_name, state from fax_{provider}._dlt_pipeline_state order by _dlt_load_id"
    resources = {
        name: decompress_state(state)["sources"][provider]["resources"] for name, state in postgres.query(database, sql)
    }
    return {
        name: {pages["incremental"]["created_at"]["last_value"] for pages in of_lists.values()}
        for name, of_lists in resources.items()
    }


@pytest.mark.parametrize("provider", first_quick([*sources.providers()]))
def test_accounts_that_load_together_leave_what_single_loads_leave(
    provider: str, serve_accounts: Serve, sync: Sync, settings: Settings, postgres: Server, database: str
) -> None:
    served = serve_accounts(provider, days=5)
    apart, together = database, postgres.create()
    found: dict[str, list[Any]] = {apart: [], together: []}
    for step in range(3):
        if step:
            for one in served.values():
                one.fake.change(max(one.fake.records), **({"a_new_field": step} if step == 2 else {"num_pages": 3}))
        for into, at_a_time in ((apart, 1), (together, 4)):
            settings |= postgres.settings(into) | {"SYNC__ACCOUNTS_AT_A_TIME": str(at_a_time)}
            assert sync().exit_code == 0
            found[into].append([held(postgres, into, provider), states(postgres, into, provider)])
    reached = f"select account, max(to_at) from fax_{provider}.sync_windows group by 1"

    assert found[together] == found[apart]
    assert loads(postgres, together, provider) < loads(postgres, apart, provider)
    assert cursors(postgres, together, provider) == {
        f"fax_{provider}_{account}": {at} for account, at in postgres.query(together, reached)
    }


@pytest.mark.slow
@pytest.mark.parametrize("provider", first_quick(["signalwire", "phaxio"]))
def test_after_a_load_together_each_account_goes_on_by_itself(
    provider: str, serve_accounts: Serve, sync: Sync, settings: Settings, postgres: Server, database: str
) -> None:
    served = serve_accounts(provider, faxes=60, days=400)
    settings |= {"SYNC__ROWS_PER_LOAD": "10", f"SOURCES__{provider.upper()}__START_DATE": "2025-09-01"}
    apart, together = database, postgres.create()
    found: dict[str, list[Any]] = {apart: [], together: []}
    for step in range(2):
        for one in served.values() if step else ():
            one.fake.change(max(one.fake.records), a_new_field=step)
        for into, at_a_time in ((apart, 1), (together, 4)):
            settings |= postgres.settings(into) | {"SYNC__ACCOUNTS_AT_A_TIME": str(at_a_time)}
            assert sync(*(["--refetch", "--since", "2025-10-01"] if step else [])).exit_code == 0
            found[into].append([held(postgres, into, provider), states(postgres, into, provider)])

    assert found[together] == found[apart]


def test_an_account_whose_rows_are_refused_does_not_affect_those_that_loaded_with_it(
    serve_accounts: Serve, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_accounts("phaxio", faxes=5, days=5)
    assert sync().exit_code == 0
    postgres.query(
        database, "alter table fax_phaxio.faxes add constraint no check (account <> 'north' or num_pages < 1000)"
    )
    for one in served.values():
        one.fake.change(max(one.fake.records), num_pages=1000)

    synced = sync()
    changed = postgres.query(database, "select account from fax_phaxio.faxes where num_pages = 1000 order by 1")

    assert [account["exit_code"] for account in synced.summaries] == [0, 69, 0, 0]
    assert [account["changed"] for account in synced.summaries] == [1, 0, 1, 1]
    assert changed == [("east",), ("south",), ("west",)]
    assert postgres.query(
        database, "select account, exit_code, rows_changed from fax_phaxio.sync_runs where rows_new = 0 order by 1"
    ) == [("east", 0, 1), ("north", 69, 0), ("south", 0, 1), ("west", 0, 1)]


@pytest.mark.slow
def test_an_account_that_has_lost_its_lock_is_not_loaded_with_others(
    serve_accounts: Serve, sync: Sync, postgres: Server, database: str, before_joint_load: Before
) -> None:
    serve_accounts("phaxio", faxes=5, days=5)
    told: list[int] = []

    def cut(first: Warehouse, joined: list[Warehouse]) -> None:
        told.append(len(joined))
        lock: Any = joined[-1].lock
        postgres.query(database, f"select pg_terminate_backend({lock.process}, 5000)")

    before_joint_load(cut)
    synced = sync()

    assert told == [3]
    assert [account["new"] for account in synced.summaries] == [5, 5, 5, 5]
    assert ids(postgres, database, "phaxio") == dict.fromkeys(NAMES, 5)
    assert loads(postgres, database, "phaxio") == len(NAMES)


@pytest.mark.slow
def test_an_index_that_is_refused_after_the_load_is_an_error_of_accounts_that_have_loaded(
    serve_accounts: Serve, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_accounts("phaxio", faxes=5, days=5)
    assert sync().exit_code == 0
    for sql in (
        "create function refuse() returns event_trigger language plpgsql as $$ begin raise exception 'no'; end $$",
        "drop index fax_phaxio.faxes_account_created_at",
        "create event trigger no on ddl_command_start when tag in ('CREATE INDEX') execute function refuse()",
    ):
        postgres.query(database, sql)
    for one in served.values():
        one.fake.change(max(one.fake.records), num_pages=1000)

    synced = sync()
    recorded = "select account, exit_code, rows_changed, loads from fax_phaxio.sync_runs where rows_new = 0 order by 1"

    assert [account["exit_code"] for account in synced.summaries] == [69] * len(NAMES)
    assert postgres.query(database, recorded) == [(name, 69, 1, 1) for name in NAMES]


@pytest.mark.slow
def test_accounts_tell_no_faxes_as_new_if_the_server_is_gone_before_they_load(
    serve_accounts: Serve, sync: Sync, settings: Settings, postgres: Server, database: str, before_joint_load: Before
) -> None:
    serve_accounts("phaxio", faxes=5, days=5)
    settings["SYNC__BUSY_SECONDS"] = "0"

    def cut(first: Warehouse, joined: list[Warehouse]) -> None:
        postgres.query("postgres", f"alter database {database} allow_connections false")
        of_database = f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}'"
        postgres.query("postgres", of_database)

    before_joint_load(cut)
    synced = sync()
    postgres.query("postgres", f"alter database {database} allow_connections true")

    assert [account.get("new", 0) for account in synced.summaries] == [0] * len(NAMES)
    assert 0 not in [account["exit_code"] for account in synced.summaries]
    assert [account["new"] for account in sync().summaries] == [5] * len(NAMES)


@pytest.mark.slow
def test_a_signal_while_a_load_of_several_accounts_waits_loads_none(
    serve_accounts: Serve, sync: Sync, postgres: Server, database: str, before_joint_load: Before
) -> None:
    serve_accounts("phaxio", faxes=5, days=5)
    other_run = postgres.connect(database)
    with other_run.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(hashtextextended('fax-sync/fax_phaxio', 0))")
    before_joint_load(lambda first, joined: Timer(1, os.kill, (os.getpid(), signal.SIGTERM)).start())

    stopped = sync()
    other_run.close()

    assert stopped.exit_code == 128 + signal.SIGTERM
    assert [account["new"] for account in stopped.summaries] == [0] * len(NAMES)
    assert [account["new"] for account in sync().summaries] == [5] * len(NAMES)


@pytest.mark.slow
def test_an_account_without_anything_new_writes_no_run(
    serve_accounts: Serve, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_accounts("phaxio", faxes=5, days=5)
    for one in served.values():
        one.fake.records[max(one.fake.records)]["created_at"] = "never"
    assert {sync().exit_code, sync().exit_code} == {0}
    before = sum(len(one.server.requests) for one in served.values())
    assert sync().exit_code == 0
    assert sum(len(one.server.requests) for one in served.values()) == before + len(NAMES)  # without the balances
    for name in ("east", "north"):
        served[name].fake.change(sorted(served[name].fake.records)[-2], num_pages=77)

    assert sync().exit_code == 0
    assert postgres.query(
        database, "select account, loads, rows_changed from fax_phaxio.sync_runs where rows_changed > 0 order by 1"
    ) == [("east", 1, 1), ("north", 1, 1)]
    assert postgres.query(database, "select count(*) from fax_phaxio.sync_runs where rows_new + rows_changed = 0") == [
        (0,)
    ]


@pytest.mark.slow
def test_a_signal_during_a_load_of_several_accounts_ends_after_it(
    serve_accounts: Serve, sync: Sync, postgres: Server, database: str, before_joint_load: Before
) -> None:
    serve_accounts("signalwire", faxes=5, days=5)
    before_joint_load(lambda first, joined: os.kill(os.getpid(), signal.SIGTERM))

    stopped = sync()

    assert stopped.exit_code == 128 + signal.SIGTERM
    assert all("5 new or changed faxes were loaded" in account["error"] for account in stopped.summaries)
    assert [account["new"] + account["changed"] for account in sync().summaries] == [0] * len(NAMES)
    assert ids(postgres, database, "signalwire") == dict.fromkeys(NAMES, 5)


@pytest.mark.slow
def test_a_new_field_has_the_type_of_the_first_of_the_accounts_that_load_together(
    serve_accounts: Serve, sync: Sync, settings: Settings, postgres: Server, database: str
) -> None:
    served = serve_accounts("phaxio", faxes=5, days=5)
    apart, together = database, postgres.create()
    found = []
    for into, at_a_time in ((apart, 1), (together, 4)):
        settings |= postgres.settings(into) | {"SYNC__ACCOUNTS_AT_A_TIME": str(at_a_time)}
        assert sync().exit_code == 0
    for value, one in zip((True, 1, "x", 0.5), served.values(), strict=True):
        one.fake.change(max(one.fake.records), foo=value)
    for into, at_a_time in ((apart, 1), (together, 4)):
        settings |= postgres.settings(into) | {"SYNC__ACCOUNTS_AT_A_TIME": str(at_a_time)}
        assert sync().exit_code in (0, 65)
        problems = "select account, column_name, original, reason from fax_phaxio.sync_problems order by 1"
        found.append((held(postgres, into, "phaxio"), postgres.query(into, problems)))

    assert found[0] == found[1]
