"""The views over Delta tables say what the warehouse's views say, in each engine; other readers see the same sums."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pytest

import sources
from pipelines.views.files import HERE
from pipelines.views.queries import UNIFIED
from tests.conftest import ROOT, ServeFake, Settings, Sync, generated
from tests.support.environment import child_environment
from tests.support.lake import MISSING, into_delta
from tests.support.spark import QUICK_JAVA, needs_spark
from tests.support.warehouse.rows import rows

pytest.importorskip("deltalake", reason=MISSING)
OF_RUNS = {"sync_runs", "sync_windows", "schema_changes", "month_to_date", "balances"}  # two runs have two ledgers
OF_NOW = {"open_faxes"}  # tells how old a fax is by now
with_a_blank = pytest.mark.parametrize("lake", ["fax läke"], indirect=True, ids=["a blank"])
VIEWS = sorted(({*UNIFIED} | {path.stem for path in HERE.glob("*.sql")}) - OF_RUNS - OF_NOW)
SPARK = """
import json, re, sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
for name, value in {"session.timeZone": "UTC", "shuffle.partitions": 1, "adaptive.enabled": False}.items():
    spark = spark.config(f"spark.sql.{name}", value)
for name, value in {"wholeStage": False, "factoryMode": "NO_CODEGEN"}.items():  # compiling takes longer than the rows
    spark = spark.config(f"spark.sql.codegen.{name}", value)
spark = spark.getOrCreate()
script = open(sys.argv[1]).read()
for number, place in enumerate({*re.findall("parquet[.]`([^`]*)`", script)}):  # otherwise it infers columns at each use
    spark.sql(f"create table files_{number} using parquet location '{place}'")
    spark.sql(f"alter table files_{number} recover partitions")
    script = script.replace(f"parquet.`{place}`", f"default.files_{number}")
*statements, _ = script.split(";\\n")
for statement in statements:
    spark.sql(statement)
    created = re.search("view `fax`[.]`(faxes|fax_recipients|fax_tags|calendar|deliveries|repeated_sends)` ", statement)
    if created:  # others read it: from here on its rows, so that Spark does not resolve it again in each of them
        spark.table(f"fax.{created[1]}").write.saveAsTable(f"default.{created[1]}")
        spark.sql(f"create or replace view fax.{created[1]} as select * from default.{created[1]}")
told = {view: [list(row) for row in spark.table(f"fax.{view}").collect()] for view in sys.argv[2:]}
print("TOLD" + json.dumps(told, default=str))
spark.stop()
"""


@pytest.fixture
def lake(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    return tmp_path / getattr(request, "param", "lake")


@pytest.fixture
def filled(serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path) -> None:
    """The warehouse and the lake hold the same faxes: no table is empty, and some faxes were sent twice."""
    phaxio, signalwire, sinch = (generated(name, 80, days=60) for name in ("phaxio", "signalwire", "sinch"))
    phaxio[0] |= {"barcodes": [{"type": "CODE_128", "value": "A1"}], "Brand New": 1, "error_message": ["no text"]}
    signalwire[0] |= {"brand_new": 1, "error_message": ["no text"]}
    sinch[0] |= {"barCodes": [{"type": "CODE_128", "value": "A1"}], "brandNew": 1, "errorMessage": ["no text"]}
    sent = next(fax for fax in signalwire if fax["direction"] == "outbound-api" and fax["to"])
    day = datetime.now(UTC) - timedelta(days=20)
    for number in range(6):  # some at the same second
        at = f"{day:%Y-%m-%d}T10:0{number // 2}:00Z"
        signalwire.append(sent | {"id": str(uuid4()), "created_at": at})
    serve_fake("phaxio", phaxio)
    serve_fake("signalwire", signalwire)
    serve_fake("sinch", sinch)
    assert sync().exit_code == 0
    with into_delta(settings, lake)():
        assert sync().exit_code == 0


def answers(connection: Any, views: list[str]) -> dict[str, list[str]]:
    """The rows of the views, sorted."""
    return {view: _sorted(rows(connection, f"select * from fax.{view}")) for view in views}


def _sorted(found: Any) -> list[str]:
    return sorted(json.dumps([_plain(value) for value in row]) for row in found)


def _plain(value: Any) -> Any:
    """A value as JSON can hold it, whichever engine gave it: times are UTC."""
    if isinstance(value, datetime):
        return str(value.replace(tzinfo=None))
    return round(value, 6) if isinstance(value, float) else None if value is None else str(value)


def script(engine: str, lake: Path, settings: Settings, readable: str) -> str:
    """What describe.py prints, with `readable` in place of what reads a Delta table, which takes extensions."""
    told = subprocess.run(
        [sys.executable, str(ROOT / "pipelines/describe.py"), "--views", engine, "--output", lake.as_uri()],
        env=child_environment(settings),
        capture_output=True,
        text=True,
        check=True,
    )
    found, count = re.subn(
        r"delta_scan\('([^']*)'\)|delta\.`([^`]*)`",
        lambda at: readable % (unquote(at[1]) if at[1] else at[2]),
        told.stdout,
    )
    assert count > 10
    return found


@pytest.mark.slow
@with_a_blank
@pytest.mark.usefixtures("filled")
def test_every_view_says_the_same_in_duckdb(settings: Settings, warehouse: Path, lake: Path) -> None:
    import duckdb

    from pipelines.lake.engine_views import connect

    with connect(lake.as_uri()) as ours, duckdb.connect(str(warehouse), read_only=True) as theirs:
        theirs.execute("set timezone = 'UTC'")
        expected = answers(theirs, VIEWS)

        assert answers(ours, VIEWS) == expected
        assert rows(ours, "select distinct provider from fax.balances") == [("phaxio",)]
        every_provider = [(name,) for name in sources.providers()]
        for view in OF_RUNS - {"schema_changes", "balances"}:
            assert rows(ours, f"select distinct provider from fax.{view} order by 1") == every_provider
    assert [view for view in VIEWS if not expected[view]] == []
    with duckdb.connect() as scripted:
        scripted.execute("set timezone = 'UTC'")
        scripted.execute(
            script("duckdb", lake, settings, "read_parquet('%s/**/*.parquet', hive_types = {'account': text})")
        )
        assert answers(scripted, VIEWS) == expected


def test_an_own_view_that_cannot_be_created_is_left_out_and_told(
    serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from pipelines.lake.engine_views import connect

    serve_fake("phaxio", generated("phaxio", 5, days=2))
    with into_delta(settings, lake)():
        assert sync().exit_code == 0
    own = tmp_path / "views"
    own.mkdir()
    (own / "wrong.sql").write_text("-- Wrong.\nselect id\n  , no_such_column\nfrom fax.faxes\n")
    (own / "empty.sql").write_text("")
    (own / "right.sql").write_text("-- Right.\nselect count(*) as faxes from fax.faxes\n")
    caplog.clear()
    with connect(lake.as_uri(), own=own) as connection:
        assert rows(connection, "select faxes from fax.right") == [(5,)]
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]

    assert ["empty.sql" in told[0], "wrong.sql, line 3: the view was not created: Binder Error" in told[1]] == [
        True,
        True,
    ], told


@pytest.mark.parametrize("lake", ["status=odd"], indirect=True)
def test_rows_are_of_the_account_and_the_columns_that_the_tables_name(
    serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path
) -> None:
    """As partitions, DuckDB takes the account `null` for no value, and `status=odd` in the path for a column."""
    from pipelines.lake.engine_views import connect

    served = serve_fake("phaxio", generated("phaxio", 20, days=2))
    for key in ("API_KEY", "API_SECRET", "BASE_URL"):
        settings[f"SOURCES__PHAXIO__ACCOUNTS__NULL__{key}"] = settings.pop(f"SOURCES__PHAXIO__{key}")
    with into_delta(settings, lake)():
        assert sync().exit_code == 0
    expected = [(fax["status"],) for fax in served.fake.records.values()]

    with connect(lake.as_uri()) as connection:
        assert rows(connection, "select distinct account from fax.faxes") == [("null",)]
        assert sorted(rows(connection, "select provider_status from fax.faxes")) == sorted(expected)


def test_days_follow_rules_that_duckdb_lacks(serve_fake: ServeFake, sync: Sync, settings: Settings, lake: Path) -> None:
    from pipelines.lake.engine_views import connect

    night = generated("phaxio", 1)[0] | {"created_at": "2026-11-20T05:30:00Z", "is_test": False}
    serve_fake("phaxio", [night])
    with into_delta(settings, lake)():
        assert sync().exit_code == 0

    with connect(lake.as_uri(), timezone="America/Winnipeg") as connection:  # at -05:00 all year since 2026
        assert rows(connection, "select cast(day as text) from fax.daily_costs") == [("2026-11-20",)]


@pytest.mark.slow
@with_a_blank
@needs_spark
@pytest.mark.usefixtures("filled")
def test_every_view_says_the_same_in_spark(settings: Settings, lake: Path, tmp_path: Path) -> None:
    from pipelines.lake.engine_views import connect

    views = sorted({*VIEWS} | OF_RUNS)
    (tmp_path / "views.sql").write_text(script("spark", lake, settings, "parquet.`%s`"))
    told = subprocess.run(
        [sys.executable, "-c", SPARK, str(tmp_path / "views.sql"), *views],
        env=child_environment(settings, SPARK_LOCAL_IP="127.0.0.1", JDK_JAVA_OPTIONS=QUICK_JAVA),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-2000:]
    found = json.loads(told.stdout.partition("TOLD")[2])
    with connect(lake.as_uri()) as ours:
        expected = answers(ours, views)
    assert {view: _sorted(of_view) for view, of_view in found.items()} == expected


@pytest.mark.slow
@pytest.mark.usefixtures("filled")
def test_polars_and_pandas_sum_to_the_cent(lake: Path) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    from deltalake import DeltaTable

    from pipelines.lake.engine_views import connect

    place = str(lake / "fax_signalwire" / "fax_logs")
    with connect(lake.as_uri()) as ours:
        ((expected,),) = rows(ours, "select sum(charge) from fax_signalwire.fax_logs")
    by_pandas = DeltaTable(place).to_pandas(columns=["charge"])["charge"].dropna().sum()
    by_polars = polars.scan_delta(place).select(polars.col("charge").sum()).collect().item()

    assert (Decimal(by_pandas), Decimal(by_polars)) == (expected, expected)
