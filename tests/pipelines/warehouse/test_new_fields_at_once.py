"""New fields that several accounts of a provider bring to PostgreSQL: one column with the type of the first."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pipelines.warehouse.lock import DatabaseLock
from tests.conftest import Query, Served, ServeFake, Settings, Sync, SyncProcess, generated
from tests.support.servers.postgres import Server
from tests.support.warehouse.file_and_database import Database
from tests.support.warehouse.oracle import assert_holds

Accounts = dict[str, Served]
Fields = dict[str, Any]
BeforeTurn = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def accounts(serve_fake: ServeFake, settings: Settings) -> Accounts:
    """Two accounts of Phaxio, by name."""
    served = {}
    for first, name in ((1_000, "east"), (2_000, "west")):
        served[name] = serve_fake(
            "phaxio", generated("phaxio", 5, days=1, seed=first, first_id=first), api_key=f"key-{first}"
        )
        for key in ("API_KEY", "API_SECRET", "BASE_URL"):
            own = settings.pop(f"SOURCES__PHAXIO__{key}")
            settings[f"SOURCES__PHAXIO__ACCOUNTS__{name}__{key}".upper()] = own
    return served


@pytest.fixture
def before_turn(monkeypatch: pytest.MonkeyPatch) -> BeforeTurn:
    """Makes a function run once, between the extract of a load in this process and its turn to write."""

    def arrange(run: Callable[[], Any]) -> None:
        turn = DatabaseLock.turn

        @contextmanager
        def late(lock: DatabaseLock, schema: str) -> Iterator[None]:
            monkeypatch.setattr(DatabaseLock, "turn", turn)
            run()
            with turn(lock, schema):
                yield

        monkeypatch.setattr(DatabaseLock, "turn", late)

    return arrange


def bring(served: Served, **fields: Any) -> None:
    """The newest fax of the account changes, and has these fields."""
    newest = max(served.fake.store.records.values(), key=lambda fax: fax["created_at"])
    served.fake.change(newest["id"], **fields)


def assert_loaded(accounts: Accounts, postgres: Server, database: str, **values: list[Any]) -> None:
    """The warehouse holds the faxes of both accounts, and these values of the new columns in their order."""
    assert_holds(
        Database(postgres, database), "phaxio", [f for served in accounts.values() for f in served.fake.truth()]
    )
    for column, expected in values.items():
        sql = f"select {column} from fax_phaxio.faxes where {column} is not null order by account"
        assert [value for (value,) in postgres.query(database, sql)] == expected


# What east and west bring at the same time; the exit code of east, which loads second; the values in the end.
AT_ONCE: dict[str, tuple[Fields, Fields, int, dict[str, list[Any]]]] = {
    "a part and a whole": ({"foo": 0.5}, {"foo": 0}, 75, {"foo": [0]}),
    "a whole and a part": ({"foo": 0}, {"foo": 0.5}, 75, {"foo": [0.0, 0.5]}),
    "true and text": ({"foo": True}, {"foo": "x"}, 75, {"foo": ["true", "x"]}),
    "text and a number": ({"foo": "x"}, {"foo": 7}, 75, {"foo": [7]}),
    "the same type": ({"foo": 1}, {"foo": 2}, 0, {"foo": [1, 2]}),
    "two fields": ({"foo": 1}, {"bar": 2}, 0, {"foo": [1], "bar": [2]}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", AT_ONCE)
def test_a_field_that_two_runs_meet_at_once_gets_one_type_and_both_go_on(
    name: str,
    accounts: Accounts,
    before_turn: BeforeTurn,
    sync: Sync,
    sync_process: SyncProcess,
    postgres: Server,
    database: str,
) -> None:
    east, west, expected, values = AT_ONCE[name]
    assert sync().exit_code == 0
    bring(accounts["east"], **east)
    bring(accounts["west"], **west)
    codes: list[int] = []
    before_turn(lambda: codes.append(sync_process("--account", "west").returncode))
    told = sync("--account", "east")

    assert (codes, told.exit_code) == ([0], expected), told.told
    assert expected == 0 or "exists with another type" in told.told
    assert [sync().exit_code, sync().exit_code] == [0, 0]
    assert_loaded(accounts, postgres, database, **values)


@pytest.mark.slow
def test_a_column_that_another_run_left_out_of_the_stored_schema_keeps_its_type(
    accounts: Accounts, before_turn: BeforeTurn, sync: Sync, sync_process: SyncProcess, postgres: Server, database: str
) -> None:
    assert sync().exit_code == 0
    bring(accounts["east"], bar=2)
    bring(accounts["west"], foo=1)
    before_turn(lambda: sync_process("--account", "west"))
    assert sync("--account", "east").exit_code == 0
    bring(accounts["east"], bar=2, foo=0.5)  # east's version of the schema is the newest, and has no `foo`

    assert sync("--account", "east").exit_code == 0
    assert [sync().exit_code, sync().exit_code] == [0, 0]
    assert_loaded(accounts, postgres, database, foo=[1], bar=[2])


@pytest.mark.slow
def test_a_new_account_takes_over_the_columns_of_the_others(
    accounts: Accounts, sync: Sync, postgres: Server, database: str
) -> None:
    bring(accounts["west"], foo=1)
    bring(accounts["east"], foo=0.5)

    assert [sync("--account", name).exit_code for name in ("west", "east")] == [0, 0]
    assert_loaded(accounts, postgres, database, foo=[1])


@pytest.mark.slow
def test_a_new_account_takes_over_the_columns_of_the_others_in_a_file(
    accounts: Accounts, sync: Sync, query: Query
) -> None:
    bring(accounts["west"], foo=1)
    bring(accounts["east"], foo=0.7)

    assert [sync("--account", name).exit_code for name in ("west", "east")] == [0, 0]
    assert query("select foo from fax_phaxio.faxes where foo is not null") == [(1,)]
    assert query("select account, column_name, original from fax_phaxio.sync_problems") == [("east", "foo", "0.7")]


@pytest.mark.slow
def test_a_stored_type_that_is_not_the_column_s_is_mended(
    accounts: Accounts, sync: Sync, postgres: Server, database: str
) -> None:
    bring(accounts["west"], foo=1.5)
    assert sync().exit_code == 0
    postgres.query(database, "drop schema fax cascade")
    postgres.query(database, "alter table fax_phaxio.faxes alter column foo type bigint")
    bring(accounts["west"], foo=0.5)
    bring(accounts["east"], foo=7)

    assert [sync().exit_code, sync().exit_code] == [0, 0]
    assert_loaded(accounts, postgres, database, foo=[7])
