"""The leak guard: after each test, it searches everything that the runs have left for credentials and numbers."""

import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import Settings
from tests.support import leaks
from tests.support.leaks import FindLeaks
from tests.support.servers.postgres import Server
from tests.support.warehouse.file_and_database import Database


@pytest.fixture
def find_leaks(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> FindLeaks:
    """Fails the test if its runs left a credential anywhere, or a phone number outside of the rows."""
    (tmp_path / "left").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "left"))

    def find() -> list[str]:
        found = leaks.on_disk(tmp_path, settings)
        for warehouse in tmp_path.rglob("*.duckdb"):
            found += leaks.in_file(warehouse, settings)
        if "postgres" in request.fixturenames:
            postgres: Server = request.getfixturevalue("postgres")
            database = urlsplit(settings["DESTINATION__WAREHOUSE__CREDENTIALS"]).path.removeprefix("/")
            if postgres.query("postgres", f"select 1 from pg_database where datname = '{database}'"):
                found += leaks.in_warehouse(Database(postgres, database), settings)
        return found

    return find
