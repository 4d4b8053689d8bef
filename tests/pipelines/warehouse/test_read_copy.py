"""`[sync] read_copy`: readers have a file of their own, whole at any time, and stop no sync."""

from pathlib import Path

import duckdb
import pytest

from tests.conftest import ServeFake, Settings, Sync, generated
from tests.support.commands.report_command import Reporting
from tests.support.tiers import first_quick


@pytest.fixture
def copy(settings: Settings, warehouse: Path) -> Path:
    """The path of the copy, which the settings name."""
    path = warehouse.with_name("readers.duckdb")
    settings["SYNC__READ_COPY"] = str(path)
    return path


@pytest.mark.slow
def test_a_reader_stops_no_sync_and_keeps_what_it_has_opened(serve_fake: ServeFake, sync: Sync, copy: Path) -> None:
    served = serve_fake("phaxio", generated("phaxio", 3))
    sync()
    first = copy.stat()
    with duckdb.connect(str(copy), read_only=True) as reader:
        quiet = copy.stat().st_ino if sync().exit_code == 0 else None
        served.fake.add(*generated("phaxio", 2, days=1, seed=5, first_id=700000001))

        assert sync().exit_code == 0
        assert reader.sql("select count(*) from fax.faxes").fetchall() == [(3,)]
    with duckdb.connect(str(copy), read_only=True) as reader:
        assert reader.sql("select count(*) from fax.faxes").fetchall() == [(5,)]
    assert (quiet, first.st_mode & 0o777) == (first.st_ino, 0o600)
    assert copy.stat().st_ino != first.st_ino
    assert [path.name for path in copy.parent.iterdir() if path.name.startswith(".readers")] == []


@pytest.mark.slow
def test_the_report_reads_the_copy_while_the_file_is_taken(
    serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path, copy: Path, report: Reporting
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    sync()
    copy.chmod(0o640)
    settings["SYNC__BUSY_SECONDS"] = "0"
    with duckdb.connect(str(warehouse)) as other:
        other.execute("create table mine (id integer)")
        exit_code, _, told = report()
    sync()

    assert (exit_code, told) == (0, "")
    assert copy.stat().st_mode & 0o777 == 0o640


def test_a_link_to_the_copy_stays_a_link(serve_fake: ServeFake, sync: Sync, copy: Path, tmp_path: Path) -> None:
    target = tmp_path / "shared.duckdb"
    copy.symlink_to(target)
    serve_fake("phaxio", generated("phaxio", 3))

    assert (sync().exit_code, copy.is_symlink(), target.is_file()) == (0, True, True)


@pytest.mark.parametrize("name", first_quick(["warehouse.duckdb", "fax.duckdb", "nowhere/readers.duckdb"]))
def test_a_copy_that_cannot_be_made_is_a_warning(
    name: str, serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path
) -> None:
    serve_fake("phaxio", generated("phaxio", 3))
    settings["SYNC__READ_COPY"] = str(warehouse.parent / name)
    synced = sync()

    assert (synced.exit_code, f"[sync] read_copy {warehouse.parent / name} was not made: " in synced.told) == (0, True)
