"""The DuckDB file: what a run leaves in it, and beside it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from sources.phaxio import fake as phaxio
from sources.signalwire import fake as signalwire
from tests.conftest import Query, ServeFake, Settings, Sync, SyncProcess
from tests.support.commands.in_process import Time, run_once
from tests.support.faults.inject import broken, dated
from tests.support.tiers import first_quick
from tests.support.warehouse.rows import rows

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.mark.slow
def test_each_load_is_in_the_file_before_the_next_is_written(
    serve_fake: ServeFake, settings: Settings, warehouse: Path
) -> None:
    serve_fake("signalwire", signalwire.generate(9, start=NOW - timedelta(days=900), end=NOW))
    log = Path(f"{warehouse}.wal")
    logged: list[int] = []

    run_once("signalwire", settings, rows_per_load=1, after_load=lambda _: logged.append(log.stat().st_size))

    assert (len(logged) > 3, max(logged[1:]) < logged[0]) == (True, True)  # the first has all the tables as well


@pytest.mark.slow
def test_a_heartbeat_takes_up_no_more_space_than_the_one_before(
    serve_fake: ServeFake, settings: Settings, warehouse: Path
) -> None:
    time = Time()
    sizes: list[int] = []
    served = serve_fake("phaxio", phaxio.generate(200, start=NOW - timedelta(days=2), end=NOW), now=time.now)
    for hours in range(9):
        time.ahead = timedelta(hours=hours)
        with broken(served, dated(time.ahead)):
            run_once("phaxio", settings, time)
        sizes.append(warehouse.stat().st_size)

    assert (max(sizes) - sizes[0] < 1_000_000, max(sizes[5:]) <= max(sizes[1:5])) == (True, True)
    assert rows(warehouse, "select count(*) from fax_phaxio._dlt_version") == [(1,)]


@pytest.mark.slow
def test_rows_are_loaded_from_an_odd_directory_and_lie_nowhere_else(
    serve_fake: ServeFake, sync_process: SyncProcess, tmp_path: Path, query: Query
) -> None:
    scratch = tmp_path / 'an odd; \\ "{directory}"'
    scratch.mkdir()
    served = serve_fake("phaxio", phaxio.generate(200, start=NOW - timedelta(days=2), end=NOW))
    synced = sync_process(TMPDIR=str(scratch))

    assert synced.returncode == 0, synced.stderr
    assert query("select count(*) from fax_phaxio.faxes") == [(len(served.fake.truth()),)]
    schemas = {name for (name,) in query("select distinct schema_name from duckdb_tables()")}
    assert schemas == {"fax", "fax_phaxio"}


@pytest.mark.parametrize("name", first_quick(["it's", "a=1", "st*r", "wh?t", "a[b]"]))
def test_a_directory_that_duckdb_cannot_read_from_is_told_before_anything_is_asked(
    name: str, serve_fake: ServeFake, sync_process: SyncProcess, tmp_path: Path
) -> None:
    (tmp_path / name).mkdir()
    served = serve_fake("phaxio", phaxio.generate(1, start=NOW - timedelta(days=2), end=NOW))
    synced = sync_process(TMPDIR=str(tmp_path / name))

    assert (synced.returncode, "set TMPDIR" in synced.stdout, served.server.requests) == (78, True, [])


@pytest.mark.slow
@pytest.mark.parametrize("theirs", first_quick(["", "; create table fax_phaxio_default_staging.theirs (note text)"]))
def test_what_an_earlier_version_has_staged_is_not_loaded_but_dropped_if_it_is_ours_alone(
    theirs: str, serve_fake: ServeFake, sync: Sync, warehouse: Path, query: Query
) -> None:
    served = serve_fake("phaxio", phaxio.generate(20, start=NOW - timedelta(days=2), end=NOW))
    sync()
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema fax_phaxio_default_staging")
        staged = "create table fax_phaxio_default_staging.faxes as select * replace (id + 1000000000 as id) from"
        connection.execute(f"{staged} fax_phaxio.faxes{theirs}")
    served.fake.add(*phaxio.generate(1, start=NOW - timedelta(days=1), end=NOW, first_id=10**6))
    sync()

    assert query("select count(*) from fax_phaxio.faxes") == [(21,)]
    left = query("select table_name from duckdb_tables() where schema_name = 'fax_phaxio_default_staging' order by 1")
    assert left == ([("faxes",), ("theirs",)] if theirs else [])
