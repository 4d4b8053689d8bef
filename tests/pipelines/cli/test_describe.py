"""The description of the warehouse is that of the warehouse, and stands in docs/reference.md."""

from functools import partial

import pytest
import yaml

import sources
from pipelines.describe import main, markdown
from pipelines.views.dbt import sources_yml
from pipelines.views.reference import raw_tables, views
from tests.conftest import Query, generated
from tests.support.commands.made_files import sync_once
from tests.support.pages import page
from tests.support.warehouse.rows import rows

RELATIONS = [*views("fax"), *raw_tables("fax")]
COLUMNS = "select table_schema || '.' || table_name, list(column_name) from information_schema.columns group by 1"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Query:
    file = tmp_path_factory.mktemp("filled") / "warehouse.duckdb"
    sync_once(file, {provider: generated(provider, 40, days=2) for provider in sources.providers()})
    return partial(rows, file)


def test_what_is_described_is_what_is_there(filled: Query) -> None:
    there = {name: set(columns) for name, columns in filled(COLUMNS)}
    described = {f"{one.schema}.{one.name}": {column.name for column in one.columns} for one in RELATIONS}
    ours = {name for name in there if name.startswith("fax_") and "._dlt" not in name}

    assert {name: there.get(name) for name in described} == described
    assert ours <= described.keys()


@pytest.mark.slow
def test_each_key_names_one_row(filled: Query) -> None:
    for relation in RELATIONS:
        keys = ", ".join(relation.key)
        if keys:
            assert (
                filled(f"select {keys} from {relation.schema}.{relation.name} group by all having count(*) > 1") == []
            )


def test_the_reference_is_what_describe_prints() -> None:
    assert page("reference") == markdown(RELATIONS) + "\n"


def test_two_descriptions_at_once_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--dbt", "--views", "duckdb"])

    assert (ended.value.code, "not allowed with" in capsys.readouterr().err) == (64, True)


def test_dbt_reads_the_age_of_the_last_run_where_every_run_writes() -> None:
    found = yaml.safe_load(sources_yml(RELATIONS, 24.0))["sources"]
    aged = [(source["name"], table["name"]) for source in found for table in source["tables"] if "freshness" in table]

    assert aged == [(f"fax_{provider}", "sync_windows") for provider in sources.providers()]
    assert sum(len(source["tables"]) for source in found) == len(RELATIONS)
