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
PLACES = {'cwd="/srv/fax-warehouse/app"': f'cwd="{ROOT}"', ".venv/bin/python": sys.executable}
# Each runs the example with the settings as they are, and then with those that make it end with 75 and with 77.
IN_DAGSTER = """
import json, os, sys
from example import defs

runs = []
for changed in map(json.loads, sys.argv[1:]):
    os.environ.update(changed)
    done = defs.resolve_job_def("fax_sync").execute_in_process(raise_on_error=False)
    told = [event.materialization.metadata for event in done.get_asset_materialization_events()]
    runs.append([done.success, [one["exit_code"].value for one in told if "exit_code" in one], len(told)])
print("TOLD" + json.dumps(runs))
"""
IN_AIRFLOW = """
import json, os, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowSkipException

bag = DagBag("example.py")
assert not bag.import_errors, bag.import_errors
(dag,) = bag.dags.values()
runs = []
for changed in map(json.loads, sys.argv[1:]):
    os.environ.update(changed)
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


def changes(settings: Settings) -> list[str]:
    """The settings as they are; of a provider that is down; and with a key that is refused."""
    url, key = "SOURCES__PHAXIO__BASE_URL", "SOURCES__PHAXIO__API_KEY"
    down = {url: "http://127.0.0.1:9/v2", "SOURCES__RETRY_SECONDS": "0"}
    return [json.dumps(one) for one in ({}, down, {url: settings[url], key: "wrong"})]


def told(python: Path, imported: str, number: int, ending: str, settings: Settings, home: Path) -> list[Any]:
    """What the example tells when it is run: the `number`-th block of Python that imports this."""
    program = [block for block in blocks("python", PAGE) if f"from {imported} import" in block][number]
    for old, new in PLACES.items():
        assert old in program
        program = program.replace(old, new)
    (home / "example.py").write_text(program)
    done = subprocess.run(
        [python, "-c", ending, *changes(settings)[: 1 if number else 3]],
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
    runs = told(python, "dagster", 0, IN_DAGSTER, settings, tmp_path)

    assert runs == [[True, [0], 1], [True, [75], 1], [False, [], 0]]
    assert loaded(warehouse_file) == 20
    assert told(python, "dagster", 1, IN_DAGSTER, settings, tmp_path) == [[True, [], 4]]


def test_in_airflow(warehouse_file: Path, settings: Settings, tmp_path: Path) -> None:
    needed = ("apache-airflow>=3,<4", "apache-airflow-providers-standard")
    python = installed(tmp_path / "airflow", *needed) / "python"
    runs = told(python, "airflow.sdk", 0, IN_AIRFLOW, settings, tmp_path)

    assert runs == [["success"], ["skipped"], ["AirflowException"]]
    assert loaded(warehouse_file) == 20
    assert told(python, "airflow.sdk", 1, IN_AIRFLOW, settings, tmp_path) == [4 * ["success"]]
