"""`spark.read.format("fax")`: the faxes that a provider has, with their children, and no secret in what Spark shows."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import sources
from sources.errors import ConfigError
from tests.conftest import ROOT, ServeFake, Settings, generated
from tests.support import leaks
from tests.support.every_list import EVERY_LIST
from tests.support.lake import MISSING
from tests.support.spark import needs_spark, spark_environment

READ = """
import json, sys
from pyspark.sql import SparkSession
from sources.spark.fax_data_source import FaxDataSource

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
spark.dataSource.register(FaxDataSource)
told = {}
for provider, url in json.loads(sys.argv[1]).items():
    of = spark.read.format("fax").option("provider", provider).option("base_url", url)
    faxes = of.option("accounts", "default,second").load()
    windows = of.option("table", "windows").load()
    children = [field.name for field in faxes.schema if field.dataType.typeName() == "array"]
    further = {
        table: [row.asDict() for row in of.option("table", table).load().collect()]
        for table in (("compat_faxes", "compat_fax_windows") if provider == "signalwire" else ())
    }
    told[provider] = {
        **further,
        "faxes": [row.asDict(recursive=True) for row in faxes.drop("_beyond").collect()],
        "children": children,
        "windows": [row.asDict() for row in windows.select("account", "rows_taken", "proof").collect()],
        "plan": faxes._jdf.queryExecution().toString(),
    }
spark.stop()
print("TOLD" + json.dumps(told, default=str))
"""


def read(settings: Settings, urls: dict[str, str], tmp_path: Path) -> tuple[dict[str, Any], str]:
    environment = spark_environment(settings, tmp_path / "events", PYTHONPATH=str(ROOT))
    del environment["DLT_PROJECT_DIR"]  # an executor has none
    ended = subprocess.run(
        [sys.executable, "-c", READ, json.dumps(urls)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    told = ended.stdout.partition("TOLD")[2]
    return json.loads(told), ended.stdout.partition("TOLD")[0] + ended.stderr


@pytest.mark.slow
@needs_spark
def test_a_data_frame_holds_the_faxes_with_their_children(
    serve_fake: ServeFake, settings: Settings, tmp_path: Path
) -> None:
    served = {
        name: serve_fake(name, generated(name, 2_100, days=30), **EVERY_LIST.get(name, {}))
        for name in ("phaxio", "signalwire")
    }
    urls = {name: settings.pop(f"SOURCES__{name}__BASE_URL".upper()) for name in served}
    told, seen = read(settings, urls, tmp_path)

    for name, one in served.items():
        records, faxes = one.fake.records, told[name]["faxes"]
        assert sorted((row["account"], row["id"]) for row in faxes) == sorted(
            (account, id) for account in ("default", "second") for id in records
        )
        source, child = {
            "phaxio": ("recipients", "fax_recipients"),
            "signalwire": ("charge_details", "fax_log_charge_details"),
        }[name]
        for row in faxes[:50]:
            assert len(row[child] or ()) == len(records[row["id"]].get(source) or ())
        assert {row["proof"] for row in told[name]["windows"]} <= {"counted", "walked"}
        assert sum(row["rows_taken"] for row in told[name]["windows"]) == 2 * len(records)
        assert "_beyond" in told[name]["plan"]
        assert leaks.in_text(told[name]["plan"] + seen, settings, numbers=False) == []
    further = served["signalwire"].fake.truth_of_lists()["compat_faxes"]
    listed = {row["id"]: row for row in told["signalwire"]["compat_faxes"]}
    assert listed.keys() == further.keys()
    assert [(row["status"], row["num_pages"]) for row in listed.values()] == [
        (further[id]["status"], further[id]["num_pages"]) for id in listed
    ]
    assert len(told["signalwire"]["compat_faxes"]) == 2 * len(further)  # of two accounts
    assert sum(row["rows_taken"] for row in told["signalwire"]["compat_fax_windows"]) == 2 * len(further)
    assert leaks.on_disk(tmp_path / "events", settings) == []


def test_options_that_would_read_nothing_or_all_twice_are_not_taken_so() -> None:
    pytest.importorskip("pyspark", reason=MISSING)
    from sources.spark.fax_data_source import FaxDataSource

    def accounts(**options: str) -> list[str]:
        return [part.account for part in FaxDataSource({"provider": "phaxio"} | options).reader(None).partitions()]

    assert accounts() == ["default"]
    assert accounts(accounts="north, south,north,") == ["north", "south"]
    with pytest.raises(ConfigError, match="accounts names no account"):
        accounts(accounts=" ,")
    with pytest.raises(ConfigError, match="until is not after since"):
        accounts(since="2026-10-02", until="2026-10-01")
    with pytest.raises(ConfigError, match="since is in the future"):
        accounts(since=f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}")
    with pytest.raises(ConfigError, match="start_date has no effect here: set since"):
        accounts(start_date="2026-10-02")


def test_a_clock_before_the_provider_existed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark", reason=MISSING)
    from sources.spark.fax_data_source import FaxDataSource

    faxes, api = FaxDataSource({"provider": "phaxio"}), sources.provider("phaxio").api
    monkeypatch.setattr(api, "EARLIEST", datetime.now(UTC) + timedelta(days=1))  # a provider's, not the machine's clock
    for ask in (faxes.reader(None).partitions, faxes.streamReader(None).latestOffset):
        with pytest.raises(ConfigError, match=r"the clock says .* before the provider existed: set the clock"):
            ask()


def test_a_table_is_that_of_any_list_of_the_provider() -> None:
    pytest.importorskip("pyspark", reason=MISSING)
    from sources.spark.fax_data_source import FaxDataSource

    def schema(**options: str) -> str:
        return FaxDataSource(options).schema()

    of = {"provider": "signalwire"}
    assert schema(**of) == schema(**of, table="fax_logs")
    assert "`date_created` timestamp" in schema(**of, table="compat_faxes")
    assert (
        schema(**of, table="windows") == schema(**of, table="compat_fax_windows") == schema(**of, table="sync_windows")
    )
    for provider, table in (("phaxio", "compat_faxes"), ("signalwire", "nothing")):
        with pytest.raises(ConfigError, match="option table must be one of faxes, windows"):
            schema(provider=provider, table=table)
