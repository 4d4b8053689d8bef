"""The Delta tables of a lake: making them, merging rows into them, and how far each account has been read.

Source: https://delta-io.github.io/delta-rs/ and its Python API, read November 2026. Measured with deltalake 1.6.6: a
MERGE that adds a field inside a struct nulls that column in every row that it copies. So tables are flat, they are
widened before a merge, and a merge always names every column. No transaction spans two tables.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, TableNotFoundError

from pipelines.views.reference import Relation
from sources.errors import Busy, WarehouseError
from sources.load.ledger import SYNC_WINDOWS
from sources.load.plan import Position
from sources.records.arrow import ARROW_TYPES
from sources.records.schema import ACCOUNT, Column, DataType, Table

_POSITION = ("cursor_at", "read_at", "asked_until_at")  # as `Position` has them
_STATE_COLUMNS = (
    ACCOUNT,
    Column("cursor_at", "timestamp", "Up to this creation time the account has been read without a break, UTC."),
    Column("read_at", "timestamp", "When it was last read, UTC."),
    Column("asked_until_at", "timestamp", "Up to when open faxes have been requested by their ids, UTC."),
)
_STATISTICS = "delta.dataSkippingStatsColumns"
_DELETES = "fax-sync-deletes"
_DELETION = CommitProperties(custom_metadata={_DELETES: "expired rows"})
MAX_TRIES = 5  # of a commit that another driver's has overtaken
_REPLACED = "_replaced"  # marks the rows of a merge that only name the fax whose children go


def create(root: str, relation: Relation, extra: Mapping[str, DataType] | None = None) -> DeltaTable:
    """The table below `root`, made if it is not there, and widened to what is declared and to the `extra` columns.

    Raises:
        WarehouseError: there is a table of this name that is not one of ours.
    """
    added = {name: ARROW_TYPES[data_type] for name, data_type in (extra or {}).items()}
    declared = pa.schema([*map(_field, relation.columns), *added.items()])
    table = existing(root, relation)
    if table is None:
        _require_empty(f"{root}/{relation.name}")
        return DeltaTable.create(
            f"{root}/{relation.name}",
            declared,
            name=relation.name,
            description=relation.meaning,
            partition_by=[ACCOUNT.name],
            configuration={_STATISTICS: ",".join(_measured(relation))},
        )
    held = schema_of(table)
    if missing := [field for field in declared if field.name not in held.names]:
        write_deltalake(table, pa.schema([*held, *missing]).empty_table(), mode="append", schema_mode="merge")
    return table


def existing(root: str, relation: Relation) -> DeltaTable | None:
    """The table below `root`; None if it is not there yet.

    Raises:
        WarehouseError: there is a table of this name that is not one of ours.
    """
    uri = f"{root}/{relation.name}"
    try:
        table = DeltaTable(uri)
    except TableNotFoundError:
        return None
    if table.metadata().partition_columns != [ACCOUNT.name]:
        raise WarehouseError(f"{uri} is a Delta table, but not one of ours: choose another place, or move it away")
    held = schema_of(table)
    for field in map(_field, relation.columns):
        if field.name in held.names and held.field(field.name).type != field.type:
            raise WarehouseError(f"{uri}: the column {field.name} is {held.field(field.name).type}, not {field.type}")
    return table


def merge(table: DeltaTable, rows: pa.Table, key: tuple[str, ...], unless_equal: str | None = None) -> None:
    """Merges rows by their key, which no two of them share; one stored with the same `unless_equal` is left alone.

    Raises:
        Busy: other drivers keep writing to the table.
    """
    rows = _in_full(rows, schema_of(table))
    columns = {f"`{name}`": f"source.`{name}`" for name in rows.column_names}
    on = " and ".join(f"target.`{name}` = source.`{name}`" for name in key)
    changed = f"target.`{unless_equal}` <> source.`{unless_equal}`" if unless_equal else None

    def attempt() -> None:
        merging = table.merge(rows, on, source_alias="source", target_alias="target")
        merging.when_matched_update(columns, changed).when_not_matched_insert(columns).execute()

    _committed(table, attempt)


def replace_children(table: DeltaTable, rows: pa.Table, faxes: pa.Table, parent_id: str) -> None:
    """Replaces all children of the faxes (`account`, `id`) by `rows`, in one commit.

    Raises:
        Busy: other drivers keep writing to the table.
    """
    schema = schema_of(table)
    rows = _in_full(rows, schema)
    columns = {f"`{name}`": f"source.`{name}`" for name in rows.column_names}
    gone = _in_full(faxes.select(["account", "id"]).rename_columns(["account", parent_id]), schema)
    marked = pa.concat_tables([_marked(rows, False), _marked(gone, True)])
    same_fax = f"target.account = source.account and target.`{parent_id}` = source.`{parent_id}`"

    def attempt() -> None:
        # A row to insert matches nothing, so that one MERGE deletes and inserts.
        merging = table.merge(
            marked, f"{same_fax} and source.{_REPLACED} = true", source_alias="source", target_alias="target"
        )
        merging.when_matched_delete().when_not_matched_insert(columns, f"source.{_REPLACED} = false").execute()

    _committed(table, attempt)


def delete(table: DeltaTable, rows: pa.Table) -> None:
    """Deletes the rows whose columns equal those of one of `rows`, in one commit.

    Raises:
        Busy: other drivers keep writing to the table.
    """
    schema = schema_of(table)
    rows = rows.cast(pa.schema([schema.field(name) for name in rows.column_names]))
    on = " and ".join(f"target.`{name}` = source.`{name}`" for name in rows.column_names)

    def attempt() -> None:
        merging = table.merge(rows, on, source_alias="source", target_alias="target", commit_properties=_DELETION)
        merging.when_matched_delete().execute()

    _committed(table, attempt)


def vacuum(table: DeltaTable, is_alone: bool) -> None:
    """Deletes the files of earlier versions if the newest deletes rows; also those that no version names, if alone."""
    (newest,) = table.history(1)
    if _DELETES in newest or newest["operation"] == "VACUUM START":
        table.vacuum(0, dry_run=False, enforce_retention_duration=False, full=is_alone)


def state_of(table: Table) -> Relation:
    """The table with how far each account's list has been read."""
    name = "sync_state" if table.ledger == SYNC_WINDOWS else f"{table.name}_state"
    return Relation("", name, "How far each account has been read, one row each.", _STATE_COLUMNS, (ACCOUNT.name,))


def positions(root: str, table: Table) -> dict[str, Position]:
    """How far the table of each account has been read; nothing before the first load."""
    rows = rows_of(f"{root}/{state_of(table).name}")
    return {row["account"]: Position(*(row[name] for name in _POSITION)) for row in rows}


def position_rows(moved: Mapping[str, Position]) -> pa.Table:
    """The positions as rows of `sync_state`."""
    rows: list[dict[str, str | datetime | None]] = [
        {"account": account, **dict(zip(_POSITION, position, strict=True))} for account, position in moved.items()
    ]
    return pa.Table.from_pylist(rows, pa.schema([*map(_field, _STATE_COLUMNS)]))


def rows_of(uri: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """The rows of a table; none, if it is not there yet."""
    try:
        return list(DeltaTable(uri).to_pyarrow_dataset().to_table(columns).to_pylist())
    except TableNotFoundError:
        return []


def schema_of(table: DeltaTable) -> pa.Schema:
    """The columns of a table as Arrow has them."""
    return pa.schema(table.to_pyarrow_dataset().schema)


def _require_empty(uri: str) -> None:
    """Requires that nothing but the log of a table is in its directory: what it does not name is deleted there.

    Raises:
        WarehouseError: there are files, such as a sync into Parquet files has left.
    """
    filesystem, place = pafs.FileSystem.from_uri(uri)
    there = filesystem.get_file_info(pafs.FileSelector(place, allow_not_found=True))
    if any(one.base_name != "_delta_log" for one in there):
        raise WarehouseError(f"{uri} holds files, but no Delta table: choose another place, or move them away")


def _measured(relation: Relation) -> Iterator[str]:
    """The columns whose extremes the log names for each file: not texts, which may be phone numbers, but keys."""
    for column in relation.columns:
        if column.name == "id" or column.data_type not in ("text", "json"):
            yield f"`{column.name}`"


def _committed(table: DeltaTable, attempt: Callable[[], None]) -> None:
    """Tries again from the table's newest version, if another driver's commit came first: a merge is idempotent."""
    for left in reversed(range(MAX_TRIES)):
        try:
            return attempt()
        except CommitFailedError:
            if not left:
                raise Busy(f"other programs keep writing to {table.table_uri}: run again later") from None
            table.update_incremental()
    return None


def _in_full(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows with every column of the table, null where they say nothing."""
    given = set(rows.column_names)
    arrays = {
        field.name: pc.cast(rows[field.name], field.type) if field.name in given else pa.nulls(len(rows), field.type)
        for field in schema
    }
    return pa.table(arrays)


def _marked(rows: pa.Table, replaced: bool) -> pa.Table:
    return rows.append_column(_REPLACED, pa.repeat(pa.scalar(replaced), len(rows)))


def _field(column: Column) -> pa.Field:
    return pa.field(column.name, ARROW_TYPES[column.data_type], metadata={"comment": column.meaning})
