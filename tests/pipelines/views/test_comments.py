"""What a table, a view or a column means stands in its comment, in both warehouses, in the words of `describe.py`."""

import re
from functools import partial
from pathlib import Path

import pytest

import sources
from pipelines.views.files import HERE, columns_in_head
from pipelines.views.reference import Relation, raw_tables, views
from tests.conftest import Query, ServeFake, SyncProcess, generated
from tests.support.warehouse.file_and_database import Warehouse
from tests.support.warehouse.rows import rows

COMMENTS = (
    "select space.nspname, relation.relname, coalesce(field.attname, ''), about.description"
    " from pg_catalog.pg_description as about"
    " join pg_catalog.pg_class as relation on relation.oid = about.objoid"
    " join pg_catalog.pg_namespace as space on space.oid = relation.relnamespace and space.nspname like 'fax%'"
    " left join pg_catalog.pg_attribute as field"
    " on field.attrelid = relation.oid and field.attnum = about.objsubid and about.objsubid > 0"
    " where about.description <> ''"
)
VIEWS = list(views("fax"))


def meanings(relations: list[Relation]) -> set[tuple[str, str, str, str]]:
    """Each relation and each of its columns with what it means."""
    told = {(one.schema, one.name, "", one.meaning) for one in relations}
    return told | {(one.schema, one.name, column.name, column.meaning) for one in relations for column in one.columns}


def own(told: set[tuple[str, str, str, str]]) -> set[tuple[str, str, str, str]]:
    """Without the columns that dlt adds, and without its own tables, which it leaves without comments."""
    return {comment for comment in told if not comment[2].startswith("_dlt")}


@pytest.fixture
def filled(place: Warehouse, serve_fake: ServeFake, sync_process: SyncProcess) -> Query:
    for provider in sources.providers():
        serve_fake(provider, generated(provider, 10))
    done = sync_process()
    assert done.returncode == 0, done.stderr
    return partial(rows, place)


@pytest.mark.parametrize("relation", VIEWS, ids=lambda relation: relation.name)
def test_every_column_of_every_view_has_a_meaning(relation: Relation) -> None:
    assert [column.name for column in relation.columns if not column.meaning.endswith(".")] == []
    assert len(relation.columns) > 1


@pytest.mark.parametrize("file", sorted(HERE.glob("*.sql")), ids=lambda file: file.stem)
def test_every_column_that_a_head_explains_is_there(file: Path) -> None:
    (relation,) = (one for one in VIEWS if one.name == file.stem)

    assert columns_in_head(file.read_text()).keys() <= {column.name for column in relation.columns}


@pytest.mark.slow
def test_the_warehouse_has_every_meaning_as_a_comment(filled: Query) -> None:
    told = {(schema, table, column, text) for schema, table, column, text in filled(COMMENTS)}

    assert own(meanings([*VIEWS, *raw_tables("fax")])) - told == set()
    assert [text for *_, text in told if re.search(r"\[[0-9a-f]{8,}\]$", text)] == []
