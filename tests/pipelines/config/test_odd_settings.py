"""Settings that cannot work end with 78 and a sentence, before the first request; odd ones that can, do."""

import os
import socket
from pathlib import Path

import pytest

from tests.conftest import ServeFake, Settings, Sync, generated
from tests.support.environment import applied
from tests.support.tiers import quick_ones
from tests.support.warehouse.oracle import assert_holds
from tests.support.warehouse.rows import rows

ODD = 'it\'s "odd".fax.duckdb'
CREDENTIALS = "DESTINATION__WAREHOUSE__CREDENTIALS"
REFUSED = {
    "fax.v2.duckdb": "cannot be called fax.v2.duckdb",
    ".fax.duckdb": "cannot be called .fax.duckdb",
    "Fax_Phaxio.2026.db": "cannot be called",
    "fax_signalwire.duckdb": "cannot be called",
    "fax?a.duckdb": "cannot be called",
    "pg_catalog.duckdb": "cannot be called",
    "no/such/fax_warehouse.duckdb": "there is no directory",
    "a_file/warehouse.duckdb": "there is no directory",
    "a_directory": "not a regular file",
    "a_directory/": "not a regular file",
    "a_socket": "not a regular file",
    "a_pipe": "not a regular file",
    "a_circle": "",
    "a_dangling_link": "there is no directory",
    "n" * 254 + ".duckdb": "cannot be the name of a file",
    "n" * 252: "cannot be the name of a file",
}


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: name[:30])
def test_a_file_that_duckdb_cannot_keep_is_refused(
    name: str, serve_fake: ServeFake, sync: Sync, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve_fake("phaxio")
    monkeypatch.chdir(tmp_path)
    Path("a_directory").mkdir()
    Path("a_file").touch()
    Path("a_circle").symlink_to("a_circle")
    Path("a_dangling_link").symlink_to("nowhere/warehouse.duckdb")
    os.mkfifo("a_pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("a_socket")
    settings[CREDENTIALS] = f"{tmp_path}{os.sep}{name}"
    before = set(tmp_path.rglob("*"))
    synced = sync()

    assert (synced.exit_code, served.server.requests) == (78, []), synced.told
    assert REFUSED[name] in synced.told
    assert "[destination.warehouse] credentials" in synced.told
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("file", ["/proc/warehouse.duckdb", "/dev/fd/warehouse.duckdb"])
def test_a_file_system_that_keeps_no_files_is_named(
    file: str, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 2, days=2))
    copied = settings | {"SYNC__READ_COPY": file}
    settings[CREDENTIALS] = file
    synced = sync()

    assert (synced.exit_code, f"refused {file}.lock: No such file" in synced.told) == (74, True), synced.told
    assert served.server.requests == []

    settings |= copied
    synced = sync()

    assert (synced.exit_code, f"read_copy {file} was not made: the operating system refused" in synced.told) == (
        0,
        True,
    )


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
@pytest.mark.parametrize("name", ["a_file", "a_file/lake", "a_pipe", "/dev/null"])
def test_a_directory_of_tables_that_is_none_is_refused(
    name: str, table_format: str, serve_fake: ServeFake, sync: Sync, settings: Settings, tmp_path: Path
) -> None:
    served = serve_fake("phaxio")
    (tmp_path / "a_file").touch()
    os.mkfifo(tmp_path / "a_pipe")
    del settings[CREDENTIALS]
    settings |= {
        "DESTINATION__WAREHOUSE__DESTINATION_TYPE": "filesystem",
        "DESTINATION__WAREHOUSE__TABLE_FORMAT": table_format,
        "DESTINATION__WAREHOUSE__BUCKET_URL": str(tmp_path / name),
    }
    synced = sync()

    assert (synced.exit_code, "cannot be a directory" in synced.told) == (78, True), synced.told
    assert served.server.requests == []


@pytest.mark.parametrize("setting", [CREDENTIALS, "SYNC__READ_COPY"])
def test_a_reader_does_not_wait_for_a_pipe(
    setting: str, warehouse: Path, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from pipelines.status import main

    warehouse.touch()
    os.mkfifo(tmp_path / "a_pipe")
    settings[setting] = str(tmp_path / "a_pipe")
    with applied(settings):
        exit_code = main([])

    assert (exit_code, "not a regular file" in caplog.text) == (78, True), caplog.text


@pytest.mark.parametrize("schema", ["temp", "system"])
def test_a_schema_that_duckdb_takes_for_a_database_is_refused(
    schema: str, serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path
) -> None:
    served = serve_fake("phaxio")
    settings["SYNC__SCHEMA"] = schema
    synced = sync()

    assert (synced.exit_code, served.server.requests, warehouse.exists()) == (78, [], False), synced.told
    assert f"called {schema}: set [sync] schema" in synced.told


@pytest.mark.parametrize("credentials", [":memory:", "duckdb:///:memory:", ":memory:fax", "md:fax"])
def test_a_database_that_is_no_file_is_refused(
    credentials: str, serve_fake: ServeFake, sync: Sync, settings: Settings, tmp_path: Path
) -> None:
    served = serve_fake("phaxio")
    settings[CREDENTIALS] = credentials
    before = set(tmp_path.rglob("*"))
    synced = sync()

    assert (synced.exit_code, served.server.requests) == (78, []), synced.told
    assert "must be the path of a DuckDB file" in synced.told
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", quick_ones(["acme.v2.duckdb", "main.v2.db", ODD, "temp.duckdb", "faxes"], [ODD]))
def test_a_file_with_an_odd_name_is_filled(
    name: str, serve_fake: ServeFake, sync: Sync, settings: Settings, tmp_path: Path
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 10, days=2))
    settings[CREDENTIALS] = str(tmp_path / name)
    synced = sync()

    assert synced.exit_code == 0, synced.told
    assert_holds(tmp_path / name, "phaxio", served.fake.truth())


def test_a_base_url_with_a_typographic_quote_is_refused(serve_fake: ServeFake, sync: Sync, settings: Settings) -> None:
    serve_fake("phaxio")
    settings["SOURCES__PHAXIO__BASE_URL"] = "https://api.phaxio’.invalid/v2”"
    synced = sync()

    assert (synced.exit_code, "base_url" in synced.told) == (78, True), synced.told


def test_a_url_may_name_the_file(serve_fake: ServeFake, sync: Sync, settings: Settings, tmp_path: Path) -> None:
    served = serve_fake("phaxio", generated("phaxio", 5, days=2))
    settings[CREDENTIALS] = f"duckdb:///{tmp_path / 'by url.duckdb'}"

    assert sync().exit_code == 0
    assert rows(tmp_path / "by url.duckdb", "select count(*) from fax.faxes") == [(len(served.fake.truth()),)]
