"""Detects tables and columns of the raw schema that were dropped, and creates them again.

dlt compares its stored schema with the database only if it finds no stored version, or is forced (dlt-hub/dlt#765).
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any

import dlt
from dlt.common.schema import Schema
from dlt.common.schema.utils import loads_table, pipeline_state_table, version_table
from dlt.destinations.sql_client import SqlClientBase

from pipelines.warehouse.dlt_internals.unique_keys import keys_of
from sources.errors import WarehouseError
from sources.extract.source import Source
from sources.load.ledger import SYNC_RUNS
from sources.load.resources import NESTED_IN

Columns = Collection[tuple[str, str]]  # by table and column


def require_dlt_columns(raw: str, there: Columns) -> None:
    """Requires the columns of dlt's own tables, as far as these exist: dlt reads them before it can create any.

    Raises:
        WarehouseError: a column was dropped.
    """
    own = (version_table(), loads_table(), pipeline_state_table())
    expected = [(str(table["name"]), column) for table in own for column in table["columns"]]
    _require_columns(raw, there, expected)


def create_dropped_tables(
    schema: Schema,
    client: SqlClientBase[Any],
    raw: str,
    there: Columns,
    full_refresh: bool,
    restore: Callable[[], dlt.Pipeline],
) -> None:
    """Creates dropped tables and columns again, if that loses no fax. The columns are empty, and never `not null`.

    `there` are the existing columns of the raw schema, also those that the role may not read. `restore` makes dlt read
    its stored schema.

    Raises:
        WarehouseError: a table of faxes, or a column of one, was dropped, and `full_refresh` is not set; or the column
            is one that the merge finds rows by.
    """
    tables = {name for name, _ in there}
    if tables <= {SYNC_RUNS}:
        return  # nothing was loaded yet
    gone = sorted(column for column in _expected(schema) if column not in there)
    if not gone:
        return
    keys = {(name, column) for name, key in keys_of(schema).items() for column in key[:2]}
    _require_columns(raw, there, keys.intersection(gone))
    if lost := [column for column in gone if column[0] in _parents(schema)]:
        name, column = lost[0]
        what = f"column {column} of {name}" if name in tables else f"table {name}"
        if not full_refresh:
            raise WarehouseError(f"{what} is gone from {raw}: run sync.py --full-refresh to fill it")
        _forget_faxes(client, schema, there)
    pipeline = restore()
    if pipeline.schema_names:
        with pipeline.destination_client() as job_client:
            job_client.update_stored_schema(force=True)


def _require_columns(raw: str, there: Columns, expected: Columns) -> None:
    tables = {name for name, _ in there}
    for name, column in expected:
        if name in tables and (name, column) not in there:
            raise WarehouseError(
                f"column {column} of {name} is gone from {raw}: drop table {raw}.{name} cascade, "
                "and run sync.py --full-refresh to fill it"
            )


def _forget_faxes(client: SqlClientBase[Any], schema: Schema, there: Columns) -> None:
    """Makes all stored faxes count as new, and empties the ledgers, so that the next runs load everything again."""
    tables = {name for name, _ in there}
    parents, ledgers = _parents(schema), (table.ledger for table in Source(schema.name).tables)
    for name in {*ledgers, *(child for child, parent in parents.items() if parent not in tables)} & {*tables}:
        client.execute_sql(f"delete from {client.make_qualified_table_name(name)}")
    for name in {*parents.values()}:
        if (name, "_dlt_load_id") in there:
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
