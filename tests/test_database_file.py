"""The DuckDB file: what a run leaves in it, and beside it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
from conftest import ServeFake, Settings
from faults.direct import Time, run_once
from faults.inject import broken
from faults.test_time import dated

from sources.phaxio import fake as phaxio
from sources.run import Run
from sources.signalwire import fake as signalwire

NOW = datetime.now(UTC).replace(microsecond=0)


def test_each_load_is_in_the_file_before_the_next_is_fetched(
    serve_fake: ServeFake, settings: Settings, warehouse: Path
) -> None:
    serve_fake("signalwire", signalwire.generate(9, start=NOW - timedelta(days=900), end=NOW))
    log = Path(f"{warehouse}.wal")
    waiting: list[int] = []
    loads: list[int] = []

    def look(run: Run) -> None:
        waiting.append(log.stat().st_size if loads and log.exists() else 0)

    run_once("signalwire", settings, rows_per_load=1, progress=look, after_load=loads.append)

    assert (len(loads) > 3, set(waiting)) == (True, {0})


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

    assert (sizes[1] - sizes[0] < 1_000_000, len(set(sizes[1:]))) == (True, 1)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.execute("select count(*) from fax_phaxio._dlt_version").fetchone() == (1,)
