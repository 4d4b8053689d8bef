"""The DuckDB file: what a run leaves in it, and beside it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from sources.phaxio import fake as phaxio
from sources.signalwire import fake as signalwire
from tests.conftest import Query, ServeFake, Settings, Sync, SyncProcess
from tests.support.commands.in_process import Time, run_once
from tests.support.faults.inject import broken, dated
from tests.support.warehouse.rows import rows

NOW = datetime.now(UTC).replace(microsecond=0)


def test_each_load_is_in_the_file_before_the_next_is_written(
    serve_fake: ServeFake, settings: Settings, warehouse: Path
) -> None:
    serve_fake("signalwire", signalwire.generate(9, start=NOW - timedelta(days=900), end=NOW))
    log = Path(f"{warehouse}.wal")
    logged: list[int] = []

    run_once("signalwire", settings, rows_per_load=1, after_load=lambda _: logged.append(log.stat().st_size))

    assert (len(logged) > 3, max(logged[1:]) < logged[0]) == (True, True)  # the first has all the tables as well


def test_a_heartbeat_takes_up_no_more_space_than_the_one_before(
    serve_fake: ServeFake, settings: Settings, warehouse: Path
) -> None:
    time = Time()
    sizes: list[int] = []
    served = serve_fake("phaxio", phaxio.generate(200, start=NOW - timedelta(days=2), end=NOW), now=time.now)
    for hours in range(5):
        time.ahead = timedelta(hours=hours)
        with broken(served, dated(time.ahead)):
            run_once("phaxio", settings, time)
        sizes.append(warehouse.stat().st_size)

    assert (max(sizes) - sizes[0] < 1_000_000, max(sizes[3:]) <= sizes[1]) == (True, True)
    assert rows(warehouse, "select count(*) from fax_phaxio._dlt_version") == [(1,)]


def test_rows_are_merged_from_any_directory_and_lie_nowhere_else(
    serve_fake: ServeFake, sync_process: SyncProcess, tmp_path: Path, query: Query
) -> None:
    scratch = tmp_path / "it's odd; isn't it"
    scratch.mkdir()
    served = serve_fake("phaxio", phaxio.generate(200, start=NOW - timedelta(days=2), end=NOW))
    synced = sync_process(TMPDIR=str(scratch))

    assert synced.returncode == 0, synced.stderr
    assert query("select count(*) from fax_phaxio.faxes") == [(len(served.fake.truth()),)]
    assert query("select distinct schema_name from duckdb_tables() order by 1") == [("fax_phaxio",)]


def test_what_an_older_version_has_staged_is_dropped(
    serve_fake: ServeFake, sync: Sync, warehouse: Path, query: Query
) -> None:
    served = serve_fake("phaxio", phaxio.generate(20, start=NOW - timedelta(days=2), end=NOW))
    sync()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema fax_phaxio_default_staging")
        connection.execute("create table fax_phaxio_default_staging.faxes as from fax_phaxio.faxes")
    served.fake.add(*phaxio.generate(1, start=NOW - timedelta(days=1), end=NOW, first_id=10**6))
    sync()

    schemas = {name for (name,) in query("select schema_name from duckdb_schemas() where not internal")}
    assert schemas == {"fax", "fax_phaxio"}
    assert query("select count(*) from fax_phaxio.faxes") == [(21,)]
