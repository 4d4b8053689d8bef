"""A warehouse of Parquet files: versions of rows are appended, and the newest of each is what the provider holds."""

import fcntl
import re
from pathlib import Path

import duckdb
import pytest

import sources
from sources.records.schema import Table
from tests.conftest import ROOT, ServeFake, Settings, Sync, generated
from tests.support.pages import blocks
from tests.support.tiers import first_quick
from tests.support.warehouse.oracle import assert_holds

every_provider = pytest.mark.parametrize("provider", sources.providers())


def into_files(settings: Settings, lake: Path) -> None:
    settings["DESTINATION__WAREHOUSE__DESTINATION_TYPE"] = "filesystem"
    settings["DESTINATION__WAREHOUSE__BUCKET_URL"] = lake.as_uri()


def newest(raw: Path, table: Table) -> dict[str, str]:
    """Table name -> the query of docs/files.md that gives its current rows."""
    (shown,) = blocks("sql", ROOT / "docs" / "files.md")
    of_faxes, of_children = re.findall(r"create view \w+ as\n(.*?);", shown, re.DOTALL)
    faxes = of_faxes.replace("/srv/fax-lake/fax_phaxio/faxes/", f"{raw}/{table.name}/")
    of_children = of_children.replace("from faxes)", f"from ({faxes}))")
    children = {
        child.name: of_children.replace("/srv/fax-lake/fax_phaxio/fax_recipients/", f"{raw}/{child.name}/")
        for child in table.children
    }
    return {table.name: faxes, **children}


@pytest.mark.slow
@every_provider
def test_the_newest_versions_are_what_the_provider_holds(
    provider: str, serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path, tmp_path: Path
) -> None:
    served, lake = serve_fake(provider), tmp_path / "lake"
    assert sync().exit_code == 0  # an empty DuckDB file, for its tables and views
    into_files(settings, lake)

    served.fake.add(*generated(provider, 60, days=2))
    assert sync().accounts[provider]["new"] == 60
    for id in served.fake.open_ids()[:5]:
        served.fake.settle_one(id)
    served.fake.add(
        *generated(provider, 5, days=0.1, seed=4, **({"first_id": 700_000_001} if provider == "phaxio" else {}))
    )
    assert sync().accounts[provider]["new"] == 5
    assert sync().accounts[provider]["changed"] == 0

    with duckdb.connect(str(warehouse)) as connection:
        for name, rows in newest(lake / f"fax_{provider}", sources.provider(provider).TABLE).items():
            connection.execute(f"insert into fax_{provider}.{name} by name {rows}")
    assert_holds(warehouse, provider, served.fake.truth())


def test_a_damaged_file_is_named_with_a_remedy_that_helps(
    serve_fake: ServeFake, sync: Sync, settings: Settings, tmp_path: Path
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 20, days=40))
    into_files(settings, tmp_path / "lake")
    assert sync().exit_code == 0
    (file,) = (tmp_path / "lake" / "fax_phaxio" / "faxes").glob("*.parquet")
    file.write_bytes(file.read_bytes()[:200])
    damaged = sync()
    file.unlink()
    assert sync("--full-refresh").exit_code == 0

    assert damaged.exit_code == 69
    assert f"{file} is damaged: restore it from a backup, or else remove it and run" in damaged.told
    with duckdb.connect() as connection:
        found = connection.execute(newest(tmp_path / "lake" / "fax_phaxio", sources.provider("phaxio").TABLE)["faxes"])
        assert len(found.fetchall()) == len(served.fake.records)


@pytest.mark.parametrize("written", first_quick(["file://{}/../link", "file://{}", "{}/"]), ids=str)
def test_a_directory_has_one_lock_beside_it(
    written: str, serve_fake: ServeFake, sync: Sync, settings: Settings, tmp_path: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 5, days=2))
    lake, same = tmp_path / "läke #1", tmp_path / "link"
    same.symlink_to(lake)
    into_files(settings, lake)
    assert sync().exit_code == 0
    settings["DESTINATION__WAREHOUSE__BUCKET_URL"] = written.format(lake)
    with Path(f"{lake}.fax_phaxio.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        meanwhile = sync()
    synced = sync()

    assert (meanwhile.exit_code, synced.exit_code) == (75, 0)
    assert (synced.accounts["phaxio"]["new"], synced.accounts["phaxio"]["unchanged"]) == (0, 5)


def test_a_directory_of_delta_tables_is_refused(
    serve_fake: ServeFake, sync: Sync, settings: Settings, tmp_path: Path
) -> None:
    """A load of Delta tables may delete the files that no table names."""
    served = serve_fake("phaxio")
    (tmp_path / "lake" / "fax_phaxio" / "faxes" / "_delta_log").mkdir(parents=True)
    into_files(settings, tmp_path / "lake")
    synced = sync()

    assert (synced.exit_code, served.server.requests) == (78, [])
    assert "lake holds Delta tables: set [destination.warehouse] table_format" in synced.told


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("/srv/[fax]", "a directory with '[' in its path"),
        ("/srv/clinic's", "in its path: choose another"),
        ("/srv/fax?lake", "a directory with '?' in its path"),
        ("/srv/region=eu", "a directory with '=' in its path"),
        ("s3://bucket/region=eu", "at a URL with '=' in it"),
        ("nowhere://fax-lake", "the storage nowhere:// is unknown"),
        ("file://srv/fax-lake", "names the host srv"),
        ("s3:/bucket/fax-lake", "is no URL: write s3://bucket/fax-lake"),
        ("s3://", "is no URL: write s3://bucket/fax-lake"),
        ("FILE:///", "names no directory"),
    ],
    ids=str,
)
def test_a_place_that_dlt_or_duckdb_cannot_read_is_refused(
    place: str, told: str, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    served = serve_fake("phaxio")
    into_files(settings, Path("/"))
    settings["DESTINATION__WAREHOUSE__BUCKET_URL"] = place
    synced = sync()

    assert (synced.exit_code, told in synced.told, served.server.requests) == (78, True, [])
