"""A stream of faxes into a Delta table, as docs/scale.md shows it: a driver that is killed leaves nothing stale."""

import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from sources.errors import ConfigError
from tests.conftest import ROOT, ServeFake, Settings, Sync, generated
from tests.support.lake import MISSING
from tests.support.spark import each_batch_again, needs_spark, spark_environment, stream_shown

pytest.importorskip("deltalake", reason=MISSING)
DIES = "merging.when_not_matched_insert_all().execute(); import os; os.kill(os.getpid(), 9)"


def test_each_micro_batch_reads_the_look_back_again() -> None:
    pytest.importorskip("pyspark", reason=MISSING)
    from sources.spark.fax_data_source import FaxDataSource

    options = {"provider": "phaxio", "accounts": "north,south", "since": "2026-01-01", "lookback_days": "2"}
    stream = FaxDataSource(options).streamReader(None)
    first, second, third = stream.initialOffset(), {"until": "2026-01-02T00:00:00Z"}, {"until": "2026-02-01T00:00:00Z"}
    fourth = {"until": "2026-02-01T00:05:00Z"}

    def read(start: dict[str, str], end: dict[str, str]) -> list[str]:
        parts = [(part.account, part.window) for part in stream.partitions(start, end)]
        return [f"{account} {window.start:%m-%d} {window.end:%m-%d %H:%M}" for account, window in parts]

    assert read(first, second) == ["north 01-01 01-02 00:00", "south 01-01 01-02 00:00"]
    assert read(second, third) == ["north 01-01 02-01 00:00", "south 01-01 02-01 00:00"]  # not before `since`
    assert read(third, fourth) == ["north 01-30 02-01 00:05", "south 01-30 02-01 00:05"]
    assert read(fourth, fourth) == []
    assert third["until"] < stream.latestOffset(third, None)["until"] <= stream.latestOffset()["until"]
    with pytest.raises(ConfigError, match="lookback_days"):
        FaxDataSource(options | {"lookback_days": "some"}).streamReader(None)


def test_a_micro_batch_spans_so_many_days_at_most() -> None:
    pytest.importorskip("pyspark", reason=MISSING)
    from sources.spark.fax_data_source import FaxDataSource

    options = {"provider": "phaxio", "since": "2026-01-01", "until": "2026-01-15", "max_days_per_trigger": "7.5"}
    stream = FaxDataSource(options).streamReader(None)
    reached = [stream.initialOffset()]
    while len(reached) < 2 or reached[-1] != reached[-2]:
        reached.append(stream.latestOffset(reached[-1], None))

    ends = [one["until"] for one in reached]
    assert ends == [f"2026-01-{at}:00:00Z" for at in ("01T00", "08T12", "15T00", "15T00")]
    with pytest.raises(ConfigError, match="needs PySpark"):
        stream.latestOffset()
    for wrong in ("0", "-1", "some"):
        with pytest.raises(ConfigError, match="max_days_per_trigger"):
            FaxDataSource(options | {"max_days_per_trigger": wrong}).streamReader(None)


@pytest.mark.slow
@needs_spark
def test_a_driver_that_is_killed_between_merge_and_checkpoint_leaves_nothing_stale(
    serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path, tmp_path: Path
) -> None:
    served = serve_fake("phaxio", generated("phaxio", 60, days=20))
    program = stream_shown(tmp_path / "lake", settings["SOURCES__PHAXIO__BASE_URL"])
    environment = spark_environment(settings, tmp_path / "events", PYTHONPATH=str(ROOT))

    def run(code: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    killed = run(program.replace("merging.when_not_matched_insert_all().execute()", DIES))
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-3000:]
    for number, id in enumerate(served.fake.records):  # those behind any look-back too: the batch is read again
        served.fake.change(id, cost=number, recipients=[])
    served.fake.add(*generated("phaxio", 5, days=0.5, seed=4, first_id=700_000_001))
    ended = run(each_batch_again(program))
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert sync().exit_code == 0

    from deltalake import DeltaTable

    held = DeltaTable(str(tmp_path / "lake" / "stream")).to_pyarrow_dataset().to_table()
    rows = [(row["id"], row["_dlt_id"], len(row["fax_recipients"])) for row in held.to_pylist()]
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        expected = connection.execute(
            "select id, _dlt_id, (select count(*) from fax_phaxio.fax_recipients as own where own.fax_id = faxes.id)"
            " from fax_phaxio.faxes as faxes"
        ).fetchall()
    assert sorted(rows) == sorted(expected)
    assert len(rows) == 65
