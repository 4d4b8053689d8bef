"""Arrow batches for Spark: one row per fax with its child rows nested, or one row per window."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa

from sources.extract.window_result import WindowResult
from sources.load.ledger import WINDOW_COLUMNS, window_row
from sources.records.arrow import arrow_schema
from sources.records.rows import UNDECLARED
from sources.records.schema import FINGERPRINT, ChildTable, Column, DataType, Table

MAX_ROWS = 2_000  # of one batch; Spark holds a batch in memory at both ends of a pipe
NEW_FIELDS = Column(UNDECLARED, "json", "Fields that are not declared, as JSON; null if there are none.")
POSITION = Column("position", "bigint", "Place in the list, from 0.")
WINDOW_ROW = tuple(column for column in WINDOW_COLUMNS if column.name not in ("rows_new", "rows_changed", "run_id"))
SPARK_TYPES: dict[DataType, str] = {
    "text": "string",
    "bigint": "bigint",
    "double": "double",
    "bool": "boolean",
    "timestamp": "timestamp",
    "decimal": "decimal(18,6)",
    "json": "string",
}


def fax_schema(table: Table) -> str:
    """The columns of a fax, in Spark's DDL: declared columns, child tables, fingerprint, new fields as JSON."""
    children = [
        f"`{child.name}` array<struct<{', '.join(_ddl(column, ': ') for column in _child_columns(child))}>>"
        for child in table.children
    ]
    return ", ".join([*map(_ddl, table.declared()), *children, _ddl(FINGERPRINT), _ddl(NEW_FIELDS)])


def window_schema() -> str:
    """The columns of a window, in Spark's DDL."""
    return ", ".join(map(_ddl, WINDOW_ROW))


def fax_batches(table: Table, account: str, result: WindowResult) -> Iterator[pa.RecordBatch]:
    """The faxes of a window in their last versions, at most 2,000 in a batch."""
    rows = result.rows(table, account, frozenset(result.faxes.values())).tables
    faxes = rows[table.name]
    fingerprints = faxes[FINGERPRINT.name].to_pylist()
    arrays = {column.name: faxes[column.name].combine_chunks() for column in table.declared()}
    for child in table.children:
        arrays[child.name] = _lists(child, rows[child.name], fingerprints)
    arrays |= {column.name: faxes[column.name].combine_chunks() for column in (FINGERPRINT, NEW_FIELDS)}
    yield from pa.table(arrays).combine_chunks().to_batches(max_chunksize=MAX_ROWS)


def window_batch(account: str, result: WindowResult, finished_at: datetime) -> pa.RecordBatch:
    """The window as one row, with its proof."""
    row = window_row(account, result) | {"finished_at": finished_at}
    return pa.RecordBatch.from_pylist([row], schema=arrow_schema(WINDOW_ROW))


def _lists(child: ChildTable, rows: pa.Table, fingerprints: list[str]) -> pa.Array:
    """The rows of a child table as one list for each fax. The rows must be in the order of the faxes."""
    counts = Counter(rows["_dlt_parent_id"].to_pylist())
    offsets = [0]
    for fingerprint in fingerprints:
        offsets.append(offsets[-1] + counts[fingerprint])
    columns = _child_columns(child)
    structs = pa.StructArray.from_arrays(
        [rows[column.name].combine_chunks() for column in columns], names=[column.name for column in columns]
    )
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs)


def _child_columns(child: ChildTable) -> tuple[Column, ...]:
    return (POSITION, *child.columns, NEW_FIELDS)


def _ddl(column: Column, between: str = " ") -> str:
    return f"`{column.name}`{between}{SPARK_TYPES[column.data_type]}"
