"""The stored faxes and the ledger of one account in Delta tables. Every row counts: Delta commits are atomic."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError, TableNotFoundError

from pipelines.config.directory import local_directory
from pipelines.lake.errors import panics_as_errors, unreadable
from sources.errors import LocalError
from sources.load.ledger import IS_PAST, SYNC_PROBLEMS, SYNC_WINDOWS, WINDOW_IS_PAST
from sources.load.stored import LedgerRow, OpenFax, ledger_row
from sources.records.schema import ChildTable, Table
from sources.window import Window

IS_FORGOTTEN = "_dlt_load_id = ''"  # a fax that has to be loaded again, whatever its fingerprint
_FINGERPRINT = f"id, case when {IS_FORGOTTEN} then '' else _dlt_id end as fingerprint"


class LakeStored:
    """The rows of one account below `root`, a URL, with this ledger table. Before the first load, results are empty.

    Queries go through deltalake's SQL engine: as a data set of pyarrow, deltalake 1.6.6 refuses conditions on text.
    """

    def __init__(self, root: str, account: str, ledger: str = SYNC_WINDOWS) -> None:
        self._root, self._account, self._ledger = root, account, ledger
        self._tables: dict[str, DeltaTable | None] = {}

    def fingerprints(self, table: Table, span: Window) -> Mapping[Any, str]:
        """Id -> fingerprint of each fax created in the span; an empty fingerprint if the fax is forgotten."""
        created = f"{table.created_at} >= {_literal(span.start)} and {table.created_at} <= {_literal(span.end)}"
        return {row["id"]: row["fingerprint"] for row in self._select(table.name, created, _FINGERPRINT)}

    def fingerprints_of(self, table: str, ids: Collection[Any]) -> Mapping[Any, str]:
        """Id -> fingerprint of the stored faxes with these ids, whatever their creation time."""
        rows = self._select(table, _is_in("id", ids), _FINGERPRINT) if ids else []
        return {row["id"]: row["fingerprint"] for row in rows}

    def child_counts(self, child: ChildTable, ids: Collection[Any]) -> Mapping[str, int]:
        """Fingerprint -> number of rows in the child table, for the versions of these faxes that have any."""
        rows = self._select(child.name, _is_in(child.parent_id, ids), "_dlt_parent_id") if ids else []
        return Counter(row["_dlt_parent_id"] for row in rows)

    def problem_ids(self) -> Collection[str]:
        """The `_dlt_id` of every row of `sync_problems`."""
        return {row["_dlt_id"] for row in self._select(SYNC_PROBLEMS, "true", "_dlt_id")}

    def holes(self, span: Window, proofs: Collection[str] | None, walked_by: datetime) -> list[Window]:
        """The parts of a span that no window with one of these proofs covers; None: any proof.

        Windows of the ledger count if they had been walked, and end, by then (UTC).
        """
        meets = f"to_at > {_literal(span.start)} and from_at < {_literal(span.end)}"
        meets += f" and finished_at <= {_literal(walked_by)} and to_at <= {_literal(walked_by)}"
        meets += f" and {_is_in('proof', proofs)}" if proofs else ""
        rows = self._select(self._ledger, meets, "from_at, to_at")
        return span.without(Window(row["from_at"], row["to_at"]) for row in rows)

    def covered(self) -> Window | None:
        """From the start of the earliest window of the ledger to the end of the latest; None before the first run."""
        rows = self._select(self._ledger, WINDOW_IS_PAST, "min(from_at) as earliest, max(to_at) as latest")
        return Window(rows[0]["earliest"], rows[0]["latest"]) if rows and rows[0]["latest"] else None

    def has_faxes(self, table: str) -> bool:
        """There is at least one fax."""
        return bool(self._select(table, "true limit 1", "id"))

    def open_faxes(self, table: Table, span: Window) -> list[OpenFax]:
        """The open faxes created in the span, without those that the provider has deleted."""
        awaits = "".join(
            f" or status = {_literal(status)} and {column} is null" for status, column in table.awaits.items()
        )
        is_open = f"(status is null or not {_is_in('status', table.final)}{awaits})"
        inside = f"{table.created_at} >= {_literal(span.start)} and {table.created_at} < {_literal(span.end)}"
        inside += f" and {table.stub} is null" if table.stub else ""
        rows = self._select(table.name, f"{inside} and {is_open}", f"id, _dlt_id, {table.created_at} as created_at")
        return [OpenFax(row["id"], row["_dlt_id"], row["created_at"]) for row in rows]

    def created_before(self, table: Table, instant: datetime) -> list[Any]:
        """The ids of the faxes created before the instant (UTC)."""
        return [row["id"] for row in self._select(table.name, f"{table.created_at} < {_literal(instant)}", "id")]

    def problems(self, seen_before: datetime, ids: Collection[str]) -> list[str]:
        """The `_dlt_id` of every row of `sync_problems` seen before then, or of one of these records."""
        rows = self._select(SYNC_PROBLEMS, "true", "_dlt_id, record_id, seen_at")
        return [row["_dlt_id"] for row in rows if row["seen_at"] < seen_before or row["record_id"] in ids]

    def proofs(self, kinds: Collection[str]) -> list[LedgerRow]:
        """The ledger rows with one of these proofs."""
        proven = f"{_is_in('proof', kinds)} and {WINDOW_IS_PAST}"
        rows = self._select(self._ledger, proven, "_dlt_id, from_at, to_at, proof, finished_at")
        return [ledger_row(row) for row in rows]

    def last_walk(self, other_than: str) -> datetime | None:
        """The last `finished_at` of another run in the ledger; None if there is none."""
        theirs = f"run_id <> {_literal(other_than)} and {IS_PAST}"
        rows = self._select(self._ledger, theirs, "max(finished_at) as finished_at")
        return rows[0]["finished_at"] if rows else None

    def rows(self, table: str, column: str, values: Collection[Any]) -> list[dict[str, Any]]:
        """The rows of a table whose column has one of the values."""
        return self._select(table, _is_in(column, values)) if values else []

    def _select(self, table: str, condition: str, columns: str = "*") -> list[dict[str, Any]]:
        if table not in self._tables:
            self._tables[table] = opened(f"{self._root}/{table}")
        held = self._tables[table]
        if held is None:
            return []
        sql = f"select {columns} from held where account = {_literal(self._account)} and {condition}"
        rows: list[dict[str, Any]] = _query(held, sql).to_pylist()
        return rows


@panics_as_errors()
def opened(uri: str) -> DeltaTable | None:
    """The newest version of a table; None if it does not exist yet.

    Raises:
        WarehouseError: its log is damaged, or its storage refuses.
        LocalError: this user may not read its directory.
    """
    try:
        return DeltaTable(uri)
    except TableNotFoundError:  # also if its directory may not be read
        _require_readable(local_directory(uri))
        return None
    except (DeltaError, OSError) as error:
        raise unreadable(uri, error) from error


def _require_readable(directory: Path | None) -> None:
    if directory is None:
        return
    try:
        next((directory / "_delta_log").iterdir(), None)
    except PermissionError:
        raise LocalError(f"{directory} cannot be read: check its owner and its mode") from None
    except (FileNotFoundError, NotADirectoryError):
        pass


@panics_as_errors()
def last_walk(uri: str, other_than: str) -> datetime | None:
    """When a run other than this one last wrote to a ledger, of whichever account; None if none did."""
    sql = f"select max(finished_at) as finished_at from held where run_id <> {_literal(other_than)} and {IS_PAST}"
    latest: datetime | None = _query(DeltaTable(uri), sql)["finished_at"][0].as_py()
    return latest


@panics_as_errors()
def _query(table: DeltaTable, sql: str) -> pa.Table:
    """The answer of deltalake's SQL engine, which calls the table `held`.

    Raises:
        WarehouseError: a file of the table is missing or damaged.
    """
    try:
        return pa.RecordBatchReader.from_stream(QueryBuilder().register("held", table).execute(sql)).read_all()
    except pa.ArrowInvalid as error:  # as which every error of the engine comes
        raise unreadable(table.table_uri, error) from error


def _is_in(column: str, values: Collection[Any]) -> str:
    return f'"{column}" in ({", ".join(map(_literal, values))})'


def _literal(value: Any) -> str:
    """The SQL literal of a value: deltalake's SQL engine (DataFusion) takes no parameters."""
    if isinstance(value, datetime):
        return f"arrow_cast('{value.isoformat()}', 'Timestamp(Microsecond, Some(\"UTC\"))')"
    if isinstance(value, int):
        return str(value)
    quoted = str(value).replace("'", "''")
    return f"'{quoted}'"
