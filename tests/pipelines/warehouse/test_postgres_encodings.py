"""Text is held as it came, whatever encoding the role's sessions have by default; a database that cannot is refused."""

import pytest

from tests.conftest import Served, ServeFake, Settings, Sync, generated
from tests.support.servers.postgres import Server
from tests.support.warehouse.file_and_database import Database
from tests.support.warehouse.oracle import assert_holds

TEXTS = {"café": "naïve – 東京 €"}
DEFAULTS = {
    "the role": "alter role {role} set client_encoding to 'LATIN1'",
    "the role in SQL_ASCII": "alter role {role} set client_encoding to 'SQL_ASCII'",
    "the database": "alter database {database} set client_encoding to 'WIN1252'",
}
OTHERS = ("the role in SQL_ASCII", "the database", "the credentials", "the environment")


def tagged(serve_fake: ServeFake) -> Served:
    first, *others = generated("phaxio", 5, days=2)
    return serve_fake("phaxio", [first | {"tags": TEXTS, "café": "crème"}, *others])


@pytest.mark.parametrize("name", ["the role", *(pytest.param(n, marks=pytest.mark.slow) for n in OTHERS)])
def test_text_is_held_whatever_a_session_has_by_default(
    name: str,
    serve_fake: ServeFake,
    sync: Sync,
    settings: Settings,
    postgres: Server,
    database: str,
    role: str,
) -> None:
    postgres.query(database, f"grant create, temporary on database {database} to {role}")
    served = tagged(serve_fake)
    if name == "the credentials":
        settings["DESTINATION__WAREHOUSE__CREDENTIALS"] += "?client_encoding=latin1"
    elif name == "the environment":
        settings["PGCLIENTENCODING"] = "LATIN1"
    else:
        postgres.query(database, DEFAULTS[name].format(role=role, database=database))
    synced = sync()
    postgres.query(database, f"alter database {database} reset client_encoding")

    assert synced.exit_code == 0, synced.told
    assert postgres.query(database, "select name, value from fax.fax_tags where name like 'caf%'") == [*TEXTS.items()]
    assert_holds(Database(postgres, database), "phaxio", served.fake.truth())
    assert sync().accounts["phaxio"]["changed"] == 0


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
def test_a_database_of_another_encoding_is_refused_before_anything_is_written(
    encoding: str, serve_fake: ServeFake, sync: Sync, settings: Settings, postgres: Server
) -> None:
    served = tagged(serve_fake)
    database = f"db_{encoding.lower()}"
    postgres.query(
        "postgres", f"create database {database} template template0 encoding '{encoding}' lc_collate 'C' lc_ctype 'C'"
    )
    settings |= postgres.settings(database)
    synced = sync()
    schemas = postgres.query(database, "select nspname from pg_namespace where nspname like 'fax%'")

    assert (synced.exit_code, served.server.requests, schemas) == (78, [], []), synced.told
    assert f"the database's encoding is {encoding}" in synced.told
