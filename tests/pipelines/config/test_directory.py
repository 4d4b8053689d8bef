"""Paths in settings: `~` is the home directory, and a relative path begins at the project."""

from pathlib import Path

import pytest

from pipelines.config.directory import path_of, url_of
from pipelines.config.settings import ReportSettings
from pipelines.warehouse.read_only import database_file
from sources.errors import ConfigError
from tests.conftest import Settings
from tests.support.environment import applied


def test_a_tilde_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path.resolve() / "home"
    monkeypatch.setenv("HOME", str(home))

    assert url_of("~/fax-lake", tmp_path) == (home / "fax-lake").as_uri()
    assert url_of("fax-lake~", tmp_path) == (tmp_path.resolve() / "fax-lake~").as_uri()
    assert ReportSettings(views="~/views").own_views() == home / "views"


@pytest.mark.parametrize("written", ["~/warehouse.duckdb", "duckdb:///~/warehouse.duckdb"])
def test_a_tilde_is_the_home_directory_of_the_duckdb_file(
    written: str, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path.resolve() / "home"
    with applied(settings | {"DESTINATION__WAREHOUSE__CREDENTIALS": written}):
        monkeypatch.setenv("HOME", str(home))

        assert database_file() == home / "warehouse.duckdb"


def test_a_home_directory_that_is_unknown_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the home directory is unknown"):
        path_of("~no-such-user/fax-lake", tmp_path)
