"""The Delta tables: create, merge, delete, vacuum, and the table of cursors (`sync_state`).

Source: https://delta-io.github.io/delta-rs/ and its Python API, read November 2026. Measured with deltalake 1.6.6: a
MERGE that adds a field inside a struct sets that column to null in every row that it copies. So tables are flat, new
columns are added before a merge, and a merge names every column. No transaction spans two tables.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from pipelines.lake.errors import names_property, panics_as_errors
from pipelines.lake.stored import IS_FORGOTTEN, opened
from pipelines.views.reference import Relation
from sources.errors import Busy, WarehouseError
from sources.load.ledger import SYNC_WINDOWS
from sources.load.plan import Position
from sources.records.arrow import ARROW_TYPES
from sources.records.schema import ACCOUNT, Column, DataType, Table

_POSITION = ("cursor_at", "read_at", "asked_until_at")  # in the order of `Position`
_STATE_COLUMNS = (
    ACCOUNT,
    Column("cursor_at", "timestamp", "Up to this creation time the account has been read without a break, UTC."),
    Column("read_at", "timestamp", "When it was last read, UTC."),
    Column("asked_until_at", "timestamp", "Up to when open faxes have been requested by their ids, UTC."),
)
_STATISTICS = "delta.dataSkippingStatsColumns"
_DELETES = "fax-sync-deletes"
_DELETION = CommitProperties(custom_metadata={_DELETES: "expired rows"})
MAX_TRIES = 5  # of a commit that conflicts with one of another driver
_COMPACTED_BYTES = 16 * 2**20  # a file of this size is not written again every day
_KEPT_HOURS = 7 * 24  # that a reader may take over the files of an earlier version; Delta's own default
_REPLACED = "_dlt_replaced"  # true in rows of a merge that only delete child rows of their fax; no field is called so


@panics_as_errors()
def create(root: str, relation: Relation, extra: Mapping[str, DataType] | None = None) -> DeltaTable:
    """The table below `root`, created if missing, with missing declared and `extra` columns added (schema evolution).

    Raises:
        WarehouseError: a table or files of this name exist that were not created by this sync, or a column of a user's.
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
            configuration={_STATISTICS: ",".join(_statistics_columns(relation))},
        )
    schema = schema_of(table)
    _require_no_other_column(relation.name, schema, declared)
    if missing := [field for field in declared if field.name not in schema.names]:
        write_deltalake(table, pa.schema([*schema, *missing]).empty_table(), mode="append", schema_mode="merge")
    return table


def existing(root: str, relation: Relation) -> DeltaTable | None:
    """The table below `root`; None if it does not exist yet.

    Raises:
        WarehouseError: the table was not created by this sync, or is damaged.
    """
    uri = f"{root}/{relation.name}"
    table = opened(uri)
    if table is None:
        return None
    if table.metadata().partition_columns != [ACCOUNT.name]:
        raise WarehouseError(f"{uri} is a Delta table, but not one of ours: choose another place, or move it away")
    schema = schema_of(table)
    for field in map(_field, relation.columns):
        if field.name in schema.names and schema.field(field.name).type != field.type:
            raise WarehouseError(f"{uri}: the column {field.name} is {schema.field(field.name).type}, not {field.type}")
    return table


def _require_no_other_column(name: str, schema: pa.Schema, declared: pa.Schema) -> None:
    """Requires that the table has no other column with one of the names: Delta ignores upper and lower case.

    Raises:
        WarehouseError: it has one, which a user has added.
    """
    held = {field.name.lower(): field for field in schema}
    for field in declared:
        other = held.get(field.name)
        if other and (other.name, other.type) != (field.name, field.type):
            raise WarehouseError(
                f"table {name} has a column of yours, {other.name}, with the name of a new field: rename or remove it"
            )


def merge(table: DeltaTable, rows: pa.Table, key: tuple[str, ...], unless_equal: str | None = None) -> None:
    """Inserts or updates rows by their key, unique among them. A stored row with an equal `unless_equal` stays.

    Raises:
        Busy: other drivers keep writing to the table.
    """
    rows = _with_all_columns(rows, schema_of(table))
    columns = {f"`{name}`": f"source.`{name}`" for name in rows.column_names}
    on = " and ".join(f"target.`{name}` = source.`{name}`" for name in key)
    changed = None
    if unless_equal:
        changed = f"target.`{unless_equal}` <> source.`{unless_equal}` or target.{IS_FORGOTTEN}"

    def attempt() -> None:
        merging = table.merge(rows, on, source_alias="source", target_alias="target")
        merging.when_matched_update(columns, changed).when_not_matched_insert(columns).execute()

    _commit_with_retry(table, attempt)


def replace_children(table: DeltaTable, rows: pa.Table, faxes: pa.Table, parent_id: str) -> None:
    """Replaces all child rows of the faxes (`account`, `id`) by `rows`, in one commit.

    Raises:
        Busy: other drivers keep writing to the table.
    """
    schema = schema_of(table)
    rows = _with_all_columns(rows, schema)
    columns = {f"`{name}`": f"source.`{name}`" for name in rows.column_names}
    deletions = _with_all_columns(faxes.select(["account", "id"]).rename_columns(["account", parent_id]), schema)
    rows_and_deletions = pa.concat_tables([_with_marker(rows, False), _with_marker(deletions, True)])
    same_fax = f"target.account = source.account and target.`{parent_id}` = source.`{parent_id}`"

    def attempt() -> None:
        # A row to insert matches no row, so one MERGE can both delete and insert.
        merging = table.merge(
            rows_and_deletions,
            f"{same_fax} and source.{_REPLACED} = true",
            source_alias="source",
            target_alias="target",
        )
        merging.when_matched_delete().when_not_matched_insert(columns, f"source.{_REPLACED} = false").execute()

    _commit_with_retry(table, attempt)


def delete(table: DeltaTable, rows: pa.Table) -> None:
    """Deletes every row that equals one of `rows` in all columns of `rows`, in one commit.

    Raises:
        Busy: other drivers keep writing to the table.
    """
    schema = schema_of(table)
    rows = rows.cast(pa.schema([schema.field(name) for name in rows.column_names]))
    on = " and ".join(f"target.`{name}` = source.`{name}`" for name in rows.column_names)

    def attempt() -> None:
        merging = table.merge(rows, on, source_alias="source", target_alias="target", commit_properties=_DELETION)
        merging.when_matched_delete().execute()

    _commit_with_retry(table, attempt)


def empty(table: DeltaTable) -> None:
    """Deletes all rows, in one commit.

    Raises:
        Busy: other drivers keep writing to the table.
    """
    _commit_with_retry(table, lambda: table.delete(commit_properties=_DELETION))


def forget(table: DeltaTable) -> None:
    """Makes all faxes count as changed, in one commit, so that the next runs load them again.

    Raises:
        Busy: other drivers keep writing to the table.
    """
    _commit_with_retry(table, lambda: table.update({"_dlt_load_id": "''"}))


@panics_as_errors()
def vacuum(table: DeltaTable, is_alone: bool) -> None:
    """Deletes the files of earlier versions if the newest one deletes rows; if `is_alone`, unreferenced files too."""
    (newest,) = table.history(1)
    if _DELETES in newest or newest["operation"] == "VACUUM START":
        table.vacuum(0, dry_run=False, enforce_retention_duration=False, full=is_alone)


@panics_as_errors()
def compact(table: DeltaTable, is_alone: bool) -> None:
    """Joins small files, and deletes those that only versions older than a week name; one commit changes no row.

    Files that no version names, which a killed run has left, are deleted as well after a week if this run `is_alone`.
    Where another driver's commit comes first, the next compaction joins the files.
    """
    with suppress(CommitFailedError):
        table.optimize.compact(target_size=_COMPACTED_BYTES)
    table.vacuum(_KEPT_HOURS, dry_run=False, full=is_alone)


def state_of(table: Table) -> Relation:
    """The table of cursors for a list: `sync_state`, one row for each account."""
    name = "sync_state" if table.ledger == SYNC_WINDOWS else f"{table.name}_state"
    return Relation("", name, "How far each account has been read, one row each.", _STATE_COLUMNS, (ACCOUNT.name,))


def positions(root: str, table: Table) -> dict[str, Position]:
    """Account -> how far its table has been read; empty before the first load."""
    rows = rows_of(f"{root}/{state_of(table).name}")
    return {row["account"]: Position(*(row[name] for name in _POSITION)) for row in rows}


def position_rows(moved: Mapping[str, Position]) -> pa.Table:
    """The positions as rows of `sync_state`."""
    rows: list[dict[str, str | datetime | None]] = [
        {"account": account, **dict(zip(_POSITION, position, strict=True))} for account, position in moved.items()
    ]
    return pa.Table.from_pylist(rows, pa.schema([*map(_field, _STATE_COLUMNS)]))


@panics_as_errors()
def rows_of(uri: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """The rows of a table; none if it does not exist yet."""
    table = opened(uri)
    return list(table.to_pyarrow_dataset().to_table(columns).to_pylist()) if table else []


@panics_as_errors()
def schema_of(table: DeltaTable) -> pa.Schema:
    """The Arrow schema of a table."""
    return pa.schema(table.to_pyarrow_dataset().schema)


def _require_empty(uri: str) -> None:
    """Requires that the directory of a new table is empty, because a vacuum would delete other files in it.

    Raises:
        WarehouseError: the directory holds files, for example Parquet files of another destination.
    """
    filesystem, place = pafs.FileSystem.from_uri(uri)
    there = filesystem.get_file_info(pafs.FileSelector(place, allow_not_found=True))
    if any(one.base_name != "_delta_log" for one in there):
        raise WarehouseError(f"{uri} holds files, but no Delta table: choose another place, or move them away")


def _statistics_columns(relation: Relation) -> Iterator[str]:
    """The columns with statistics in the Delta log: ids and non-text columns, because a text may be a phone number."""
    for column in relation.columns:
        if column.name == "id" or column.data_type not in ("text", "json"):
            yield f"`{column.name}`"


@panics_as_errors()
def _commit_with_retry(table: DeltaTable, attempt: Callable[[], object]) -> None:
    """Retries on the table's newest version if another driver's commit came first. A merge is idempotent."""
    for left in reversed(range(MAX_TRIES)):
        try:
            attempt()
            return
        except CommitFailedError as error:
            if names_property(error):
                raise
            if not left:
                raise Busy(f"other programs keep writing to {table.table_uri}: run again later") from None
            table.update_incremental()


def _with_all_columns(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows with every column of the table; columns that they lack are null."""
    given = set(rows.column_names)
    arrays = {
        field.name: pc.cast(rows[field.name], field.type) if field.name in given else pa.nulls(len(rows), field.type)
        for field in schema
    }
    return pa.table(arrays)


def _with_marker(rows: pa.Table, replaced: bool) -> pa.Table:
    return rows.append_column(_REPLACED, pa.repeat(pa.scalar(replaced), len(rows)))


def _field(column: Column) -> pa.Field:
    return pa.field(column.name, ARROW_TYPES[column.data_type], metadata={"comment": column.meaning})
