"""A PostgreSQL that is down, full, read-only or closed to us: what to do is told, and nothing is lost."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest

import sources
from tests.faults.conftest import StartServerTrial
from tests.support.credentials import PASSWORD
from tests.support.faults.server_trial import ServerTrial

every_provider = pytest.mark.parametrize("provider", sources.providers())
CREDENTIALS = "DESTINATION__WAREHOUSE__CREDENTIALS"


@pytest.fixture
def entry(server_trial: StartServerTrial, login: str) -> ServerTrial:
    """A trial of Phaxio's whose faxes belong to a role that is no superuser."""
    trying = server_trial("phaxio")
    for schema in ("fax", "fax_phaxio"):
        trying.query(f"alter schema {schema} owner to {login}")
        for (table,) in trying.query(f"select tablename from pg_tables where schemaname = '{schema}'"):
            trying.query(f"alter table {schema}.{table} owner to {login}")
        for (view,) in trying.query(f"select viewname from pg_views where schemaname = '{schema}'"):
            trying.query(f"alter view {schema}.{view} owner to {login}")
    trying.settings |= trying.server.settings(trying.database, login)
    trying.login = login
    return trying


@every_provider
def test_a_server_that_is_down_is_to_be_tried_again(
    provider: str, server_trial: StartServerTrial, tmp_path: Path
) -> None:
    trying = server_trial(provider)
    there = trying.settings[CREDENTIALS]
    nowhere = {
        there.replace("pg", "gone", 1): ".s.PGSQL.5432",
        "postgresql://postgres:none@127.0.0.1:9/faxes": "127.0.0.1:9",
    }
    for url, place in nowhere.items():
        trying.settings[CREDENTIALS] = url
        trying.fails(75, f"{place} cannot be reached")

    assert trying.served.server.requests == []
    trying.settings[CREDENTIALS] = there
    trying.recovers()


@every_provider
def test_a_server_that_is_read_only_is_named_so(provider: str, server_trial: StartServerTrial) -> None:
    trying = server_trial(provider)
    trying.server.query("postgres", f"alter database {trying.database} set default_transaction_read_only = on")
    trying.fails(69, "read-only", "primary")
    trying.server.query("postgres", f"alter database {trying.database} reset default_transaction_read_only")
    trying.recovers()


@pytest.mark.parametrize("most", [0, 1, 2])
def test_a_server_without_a_connection_left_is_to_be_tried_again(most: int, entry: ServerTrial) -> None:
    entry.query(f"alter role {entry.login} connection limit {most}")
    entry.fails(75, "too many connections", "connection limit)", "needs three connections")
    entry.query(f"alter role {entry.login} connection limit -1")
    entry.recovers()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((f"{quote(PASSWORD, safe='')}@", "wrong@"), "refused the password of the role fax_sync_"),
        (("fax_sync_", "nobody_"), "refused the password of the role nobody_"),
        (("/db_", "/nowhere_"), "there is no database nowhere_"),
    ],
    ids=["password", "user", "database"],
)
def test_credentials_that_lead_nowhere_are_to_be_mended(
    change: tuple[str, str], words: str, entry: ServerTrial
) -> None:
    there = entry.settings[CREDENTIALS]
    with entry.server.asking_for_password(entry.login, PASSWORD):
        entry.settings[CREDENTIALS] = there.replace(*change)
        told = entry.fails(69, words, "[destination.warehouse] credentials").told
        entry.settings[CREDENTIALS] = there

        assert "wrong" not in told
        assert entry.served.server.requests == []
        entry.recovers()


DENIED = {
    "the raw schema": ("schema", "fax_phaxio"),
    "the table": ("table", "fax_phaxio.faxes"),
    "a split-off table": ("table", "fax_phaxio.fax_tags"),
    "the ledger": ("table", "fax_phaxio.sync_windows"),
    "the loads": ("table", "fax_phaxio._dlt_loads"),
}


@pytest.mark.parametrize("name", DENIED)
def test_what_is_denied_is_named_and_so_is_the_grant(name: str, entry: ServerTrial) -> None:
    kind, denied = DENIED[name]
    entry.query(f"alter {kind} {denied} owner to postgres")
    entry.fails(69, f"permission denied for {kind} {denied.rpartition('.')[2]}", "GRANTs")
    entry.query(f"alter {kind} {denied} owner to {entry.login}")
    entry.recovers()


def test_a_role_that_owns_no_table_is_told_to_own_it(server_trial: StartServerTrial, login: str) -> None:
    trying = server_trial("phaxio")
    trying.query(f"grant temporary on database {trying.database} to {login}")
    trying.query(f"grant all on schema fax, fax_phaxio to {login}")
    trying.query(f"grant all on all tables in schema fax, fax_phaxio to {login}")
    trying.settings |= trying.server.settings(trying.database, login)
    trying.served.fake.change(max(trying.served.fake.records), brand_new="a new field")
    told = trying.sync()

    assert (told.exit_code, "must be owner of table faxes" in told.told) == (69, True), told.told
    (statement,) = re.findall(r'alter table fax_phaxio.faxes owner to "\w+"', str(told.said))
    trying.query(statement)
    trying.recovers()


CHANGES = {  # what a user does to a column of the faxes, and what is told of it
    "id type text": ("operator does not exist: text = bigint", "fax_phaxio.faxes"),
    "created_at type text": ("operator does not exist: text >= timestamp with time zone", "fax_phaxio.faxes"),
    "status type varchar(3) using left(status, 3)": (
        "a value does not fit column status of table fax_phaxio.faxes (22001)",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_user_has_changed_in_a_table_is_named(change: str, server_trial: StartServerTrial) -> None:
    trying = server_trial("phaxio")
    trying.query(f"drop schema fax cascade; alter table fax_phaxio.faxes alter column {change}")
    trying.fails(69, *CHANGES[change], "undo that")


def test_what_a_user_has_changed_in_a_table_of_a_view_is_named(server_trial: StartServerTrial) -> None:
    trying = server_trial("phaxio")
    trying.query("drop schema fax cascade; alter table fax_phaxio.faxes alter column num_pages type text")
    told = trying.sync()

    assert (told.exit_code, "refused the view faxes: UNION types bigint and text" in told.told) == (69, True), told.told
    (undo,) = re.findall(r"alter table fax_phaxio.faxes [^;]*", str(told.accounts["phaxio"]["error"]))
    trying.query(undo)
    trying.recovers()


@pytest.mark.parametrize(
    ("kind", "denied", "remedy"),
    [("schema", "fax", "docs/postgres.md lists the GRANTs"), ("view", "fax.faxes", "alter view fax.faxes owner to")],
)
def test_faxes_are_loaded_although_the_views_are_denied(
    kind: str, denied: str, remedy: str, entry: ServerTrial
) -> None:
    entry.query(f"alter {kind} {denied} owner to postgres")
    entry.query("comment on view fax.faxes is 'out of date'")
    synced = entry.sync()

    assert (synced.exit_code, synced.accounts["phaxio"]["new"]) == (69, 25)
    assert re.search(f"{kind} {denied.rpartition('.')[2]}: .*{remedy}", synced.told)
    entry.query(f"alter {kind} {denied} owner to {entry.login}")
    entry.recovers()


def test_a_database_that_lets_nobody_in_is_named(entry: ServerTrial) -> None:
    entry.query(f"revoke connect on database {entry.database} from public")
    entry.fails(69, "grant connect on database", "GRANTs")
    entry.query(f"grant connect on database {entry.database} to {entry.login}")
    entry.recovers()
