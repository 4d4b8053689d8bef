"""Detects tables and columns of the raw schema that were dropped, and makes dlt create them again.

dlt compares its stored schema with the database only if it finds no stored version (dlt-hub/dlt#765).
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any

from dlt.common.schema import Schema
from dlt.destinations.sql_client import SqlClientBase

from pipelines.warehouse.dlt_internals.dlt_tables import forget_schema
from sources.errors import WarehouseError
from sources.extract.source import Source
from sources.load.ledger import SYNC_RUNS
from sources.load.resources import NESTED_IN


def forget_dropped_tables(
    schema: Schema,
    client: SqlClientBase[Any],
    raw: str,
    there: Collection[tuple[str, str]],
    full_refresh: bool,
    restore: Callable[[], object],
) -> None:
    """Makes dlt create dropped tables and columns again, if that loses no fax.

    `there` are the existing columns of the raw schema as (table, column), also those that the role may not read.
    `restore` makes dlt read its stored schema, before that is deleted here.

    Raises:
        WarehouseError: a table of faxes, or a column of one, was dropped, and `full_refresh` is not set.
    """
    tables = {name for name, _ in there}
    if tables <= {SYNC_RUNS}:
        return  # nothing was loaded yet
    gone = sorted(column for column in _expected(schema) if column not in there)
    if gone:
        restore()
    if lost := [column for column in gone if column[0] in _parents(schema)]:
        name, column = lost[0]
        what = f"column {column} of {name}" if name in tables else f"table {name}"
        if not full_refresh:
            raise WarehouseError(f"{what} is gone from {raw}: run sync.py --full-refresh to fill it")
        _forget_faxes(client, schema, tables)
    if gone and schema.version_table_name in tables:
        forget_schema(client, schema)


def _forget_faxes(client: SqlClientBase[Any], schema: Schema, tables: Collection[str]) -> None:
    """Makes all stored faxes count as new, and empties the ledgers, so that the next runs load everything again."""
    parents, ledgers = _parents(schema), (table.ledger for table in Source(schema.name).tables)
    for name in {*ledgers, *(child for child, parent in parents.items() if parent not in tables)} & {*tables}:
        client.execute_sql(f"delete from {client.make_qualified_table_name(name)}")
    for name in {*parents.values()} & {*tables}:
        client.execute_sql(f"update {client.make_qualified_table_name(name)} set _dlt_load_id = ''")


def _expected(schema: Schema) -> Iterator[tuple[str, str]]:
    """The (table, column) pairs that a load needs."""
    for name, table in schema.tables.items():
        for column, hints in table["columns"].items():
            if "data_type" in hints:
                yield name, column
    yield schema.loads_table_name, "status"
    yield schema.state_table_name, "state"


def _parents(schema: Schema) -> dict[str, str]:
    """Table of faxes, or child table -> its table of faxes."""
    nested = {name: str(dict(table)[NESTED_IN]) for name, table in schema.tables.items() if NESTED_IN in table}
    return nested | {table.name: table.name for table in Source(schema.name).tables if table.name in schema.tables}
