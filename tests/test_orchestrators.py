"""docs/orchestrators.md in a real Airflow and a real Dagster: 0 is success, 75 no failure, and anything else is one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import ROOT, ServeFake, Settings, generated
from tests.support.environment import child_environment
from tests.support.installed import installed
from tests.support.pages import blocks

pytestmark = pytest.mark.slow
PAGE = ROOT / "docs" / "orchestrators.md"
PLACES = {
    'cwd="/srv/fax-warehouse/app"': f'cwd="{ROOT}"',
    ".venv/bin/python": sys.executable,
    "SHARDS = 4": "SHARDS = 2",
}
# Each runs the examples of one run and of shards: with the settings as they are, then one run that ends with 75 and 77.
IN_DAGSTER = """
import importlib, json, os, sys

runs = []
for example, changed in map(json.loads, sys.argv[1:]):
    os.environ.update(changed)
    defs = importlib.import_module(example).defs
    done = defs.resolve_job_def("fax_sync").execute_in_process(raise_on_error=False)
    told = [event.materialization.metadata for event in done.get_asset_materialization_events()]
    runs.append([done.success, [one["exit_code"].value for one in told if "exit_code" in one], len(told)])
print("TOLD" + json.dumps(runs))
"""
IN_AIRFLOW = """
import json, os, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowSkipException

runs = []
for example, changed in map(json.loads, sys.argv[1:]):
    os.environ.update(changed)
    bag = DagBag(f"{example}.py")
    assert not bag.import_errors, bag.import_errors
    (dag,) = bag.dags.values()
    runs.append([])
    for task in dag.tasks:
        try:
            task.execute({})
            runs[-1].append("success")
        except AirflowSkipException:
            runs[-1].append("skipped")
        except Exception as error:
            runs[-1].append(type(error).__name__)
print("TOLD" + json.dumps(runs))
"""


@pytest.fixture
def warehouse_file(serve_fake: ServeFake, settings: Settings, tmp_path: Path) -> Path:
    """A file that the examples load twenty faxes into."""
    serve_fake("phaxio", generated("phaxio", 20, days=5))
    settings["DESTINATION__WAREHOUSE__CREDENTIALS"] = str(tmp_path / "warehouse.duckdb")
    return tmp_path / "warehouse.duckdb"


def turns(settings: Settings) -> list[str]:
    """One run and two shards with these settings; one run of a provider that is down; and one with a refused key."""
    url, key = "SOURCES__PHAXIO__BASE_URL", "SOURCES__PHAXIO__API_KEY"
    down = {url: "http://127.0.0.1:9/v2", "SOURCES__RETRY_SECONDS": "0"}
    refused = {url: settings[url], key: "wrong"}
    chosen = [("one_run", {}), ("shards", {}), ("one_run", down), ("one_run", refused)]
    return [json.dumps(turn) for turn in chosen]


def told(python: Path, imported: str, ending: str, settings: Settings, home: Path) -> list[Any]:
    """What the two examples tell when they are run: the blocks of Python that import this."""
    one_run, shards = (block for block in blocks("python", PAGE) if f"from {imported} import" in block)
    for old, new in PLACES.items():
        assert old in shards
        one_run, shards = one_run.replace(old, new), shards.replace(old, new)
    (home / "one_run.py").write_text(one_run)
    (home / "shards.py").write_text(shards)
    done = subprocess.run(
        [python, "-c", ending, *turns(settings)],
        env=child_environment(settings, AIRFLOW_HOME=str(home), DAGSTER_HOME=str(home), DAGSTER_DISABLE_TELEMETRY="1"),
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    runs: list[Any] = json.loads(done.stdout.partition("TOLD")[2])
    return runs


def loaded(file: Path) -> int:
    with duckdb.connect(str(file), read_only=True) as connection:
        return int(connection.execute("select count(*) from fax.faxes").fetchall()[0][0])


def test_in_dagster(warehouse_file: Path, settings: Settings, tmp_path: Path) -> None:
    python = installed(tmp_path / "dagster", "dagster>=1.9,<2") / "python"
    runs = told(python, "dagster", IN_DAGSTER, settings, tmp_path)

    assert runs == [[True, [0], 1], [True, [], 2], [True, [75], 1], [False, [], 0]]
    assert loaded(warehouse_file) == 20


def test_in_airflow(warehouse_file: Path, settings: Settings, tmp_path: Path) -> None:
    needed = ("apache-airflow>=3,<4", "apache-airflow-providers-standard")
    python = installed(tmp_path / "airflow", *needed) / "python"
    runs = told(python, "airflow.sdk", IN_AIRFLOW, settings, tmp_path)

    assert runs == [["success"], 2 * ["success"], ["skipped"], ["AirflowException"]]
    assert loaded(warehouse_file) == 20
