"""The dbt package: it is what describe.py writes, and in a real dbt its models have the rows of the views."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import sources
from pipelines.views.dbt import package_files
from pipelines.views.reference import views
from tests.conftest import ROOT, MakeWarehouse
from tests.support.answers import fill
from tests.support.credentials import PASSWORD
from tests.support.environment import child_environment
from tests.support.installed import installed
from tests.support.warehouse.file_and_database import KINDS, Database, Warehouse
from tests.support.warehouse.rows import rows

PACKAGE = ROOT / "dbt"
# dbt 1.12 needs a parser that its package fetches from elsewhere when it is installed.
NEEDED = ("dbt-core>=1.9,<1.12", "dbt-duckdb", "dbt-postgres", "duckdb>=1.5.5,<2")
OF_NOW = {"open_faxes": "open_hours"}  # columns that are different at every look


def test_the_package_is_what_describe_writes() -> None:
    there = {str(path.relative_to(PACKAGE)): path.read_text() for path in PACKAGE.rglob("*.*") if path.is_file()}

    assert there == package_files(), "uv run python pipelines/describe.py --dbt-package dbt"


@pytest.fixture(scope="module")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> str:
    """dbt in an environment of its own: it pins packages that the project needs in other versions."""
    return str(installed(tmp_path_factory.mktemp("dbt"), *NEEDED) / "dbt")


def profile(place: Warehouse) -> dict[str, Any]:
    """Where dbt finds the warehouse; the models are in the schema `marts`."""
    if isinstance(place, Database):
        login = {"host": place.server.socket, "port": 5432, "user": "postgres", "password": PASSWORD}
        return {"type": "postgres", "dbname": place.name, "schema": "marts", "threads": 4, **login}
    return {"type": "duckdb", "path": str(place.path), "schema": "marts", "threads": 4}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_models_have_the_rows_of_the_views(kind: str, dbt: str, warehouses: MakeWarehouse, tmp_path: Path) -> None:
    place = warehouses(kind, ())
    fill(place)
    outputs = {"target": "it", "outputs": {"it": profile(place)}}
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump({"fax_warehouse": outputs}))
    command = [dbt, "build", "--project-dir", PACKAGE, "--profiles-dir", tmp_path, "--target-path", tmp_path / "target"]
    command += ["--log-path", tmp_path / "logs", "--vars", yaml.safe_dump({"fax_providers": sources.providers()})]
    done = subprocess.run(
        [*map(str, command)],
        env=child_environment(DBT_SEND_ANONYMOUS_USAGE_STATS="false"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout

    for view in views("fax"):
        columns = ", ".join(f'"{one.name}"' for one in view.columns if one.name != OF_NOW.get(view.name))
        of_view = sorted(map(repr, rows(place, f"select {columns} from fax.{view.name}")))

        assert sorted(map(repr, rows(place, f"select {columns} from marts.fax__{view.name}"))) == of_view, view.name
