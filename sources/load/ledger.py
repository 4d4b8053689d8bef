"""The tables of each raw schema beside its faxes: the ledger (`sync_windows`), problems, schema changes, runs.

This file declares their columns, and builds the rows of the first three.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from sources.extract.window_result import WindowResult
from sources.records.arrow import arrow_schema
from sources.records.coerce import as_json
from sources.records.new_fields import Change
from sources.records.record import Problem
from sources.records.schema import ACCOUNT, FINGERPRINT, Column

SYNC_WINDOWS = "sync_windows"
SYNC_PROBLEMS = "sync_problems"
SCHEMA_CHANGES = "schema_changes"
SYNC_RUNS = "sync_runs"
# In SQL; else the row of a run, or of a window, is one of a clock that was ahead by more than `MAX_SKEW`.
IS_PAST = "finished_at <= now() + interval '5 minutes'"
WINDOW_IS_PAST = f"{IS_PAST} and to_at <= now() + interval '5 minutes'"
WINDOWS_MEANING = (
    "Windows of creation time that were walked, one row each, and how their completeness was proven; "
    "after seven days those that others cover are deleted."
)
CHANGES_MEANING = "Fields that a provider has added and that are not declared here, one row each."
PROBLEMS_MEANING = "Values, and whole records, that did not fit their table, one row each, with the original."
RUNS_MEANING = "Runs that wrote something, or failed, one row for each account."

WINDOW_COLUMNS = (
    ACCOUNT,
    Column("from_at", "timestamp", "Earliest creation time of the window, UTC, inclusive."),
    Column("to_at", "timestamp", "End of the window, UTC, exclusive."),
    Column(
        "provider_total",
        "bigint",
        "Faxes the provider counted for the query, by its first page; null if it gives no count.",
    ),
    Column(
        "provider_total_last",
        "bigint",
        "The same count by the last page; it differs if the count changed while the pages were read.",
    ),
    Column("rows_seen", "bigint", "Distinct faxes in the answers; the query covers a little more than the window."),
    Column("rows_taken", "bigint", "Distinct faxes created in the window."),
    Column("rows_new", "bigint", "Faxes that the warehouse did not hold before."),
    Column("rows_changed", "bigint", "Faxes that the warehouse held with other values."),
    Column(
        "requests",
        "bigint",
        "HTTP requests made for the window, retries included, and those for wider windows that had to be split.",
    ),
    Column("retries", "bigint", "How many of them were retries."),
    Column(
        "proof",
        "text",
        "counted: as many as the provider's total; walked: no total, all pages read; unproven: faxes may be missing; "
        "gap: the provider no longer keeps faxes so old.",
    ),
    Column("run_id", "text", "The run that walked the window."),
    Column("finished_at", "timestamp", "When the window had been walked, UTC."),
)
WINDOWS_TABLE = Column("table_name", "text", "Table of the list that was walked; a provider may have more than one.")
PROBLEM_COLUMNS = (
    ACCOUNT,
    Column("table_name", "text", "Table that the value belongs to."),
    Column("record_id", "text", "Id of the fax; null if it has no usable id."),
    Column("column_name", "text", "Key of the value; null if the whole record was left out."),
    Column("original", "text", "The value as JSON, or the whole record."),
    Column("reason", "text", "Why it did not fit."),
    Column(
        "record_version",
        "text",
        "The fax's _dlt_id at that time; if no fax has it now, the fax has changed since.",
    ),
    Column("seen_at", "timestamp", "When the value was first seen, UTC."),
)

CHANGE_COLUMNS = (
    ACCOUNT,
    Column("table_name", "text", "Table of the new column."),
    Column("column_name", "text", "The column, by the field's name."),
    Column("data_type", "text", "Its type, in dlt's words: text, bigint, double, bool or json."),
    Column("shape", "text", "A value, with every letter as a and every digit as 9."),
    Column("first_seen_at", "timestamp", "When a record with the field was first seen, UTC."),
)

RUN_COLUMNS = (
    ACCOUNT,
    Column("run_id", "text", "The run; the accounts of one run share it."),
    Column("started_at", "timestamp", "When the account's sync began, UTC."),
    Column("finished_at", "timestamp", "When it ended, UTC."),
    Column("exit_code", "bigint", "0 if it succeeded, else the code of the error; see docs/operating.md."),
    Column("rows_new", "bigint", "Faxes that the warehouse did not hold before."),
    Column("rows_changed", "bigint", "Faxes that the warehouse held with other values."),
    Column("loads", "bigint", "Load packages committed; accounts may share one."),
    Column("requests", "bigint", "HTTP requests made, retries included."),
    Column("retries", "bigint", "How many of them were retries."),
    Column("bytes", "bigint", "Bytes of JSON received."),
    Column("balance_usd", "decimal", "The account's balance after the run, US dollars; null if it was not read."),
    Column("balance_read_at", "timestamp", "When the balance was read, UTC, by the provider's clock."),
)


def problem_id(account: str, problem: Problem) -> str:
    """The key of a problem: a digest of account, table, fingerprint, column and original value."""
    named = "\0".join((account, problem.table, problem.fingerprint, problem.column or "", as_json(problem.original)))
    return blake2b(named.encode(errors="backslashreplace"), digest_size=16).hexdigest()


def problems_table(account: str, problems: Mapping[str, Problem], seen_at: datetime) -> pa.Table:
    """The rows of `sync_problems` for these problems, given by their keys. `seen_at` is in UTC."""
    return _table(
        PROBLEM_COLUMNS,
        [
            {
                "account": account,
                "table_name": problem.table,
                "record_id": _text_or_none(problem.record_id),
                "column_name": _text_or_none(problem.column),
                "original": as_json(problem.original),
                "reason": problem.reason,
                "record_version": problem.fingerprint,
                "seen_at": seen_at,
                "_dlt_id": key,
            }
            for key, problem in problems.items()
        ],
    )


def changes_table(account: str, changes: Iterable[Change], seen_at: datetime) -> pa.Table:
    """The rows of `schema_changes` for these changes. `seen_at` is in UTC."""
    return _table(
        CHANGE_COLUMNS,
        [
            {
                "account": account,
                "table_name": change.table,
                "column_name": change.column,
                "data_type": change.data_type,
                "shape": change.shape,
                "first_seen_at": seen_at,
                "_dlt_id": f"{account}.{change.table}.{change.column}.{change.data_type}",
            }
            for change in changes
        ],
    )


def window_row(account: str, result: WindowResult) -> dict[str, Any]:
    """Column -> value of a ledger row, as far as the window itself determines them: bounds (UTC), counts and proof."""
    return {
        "account": account,
        "from_at": result.window.start,
        "to_at": result.window.end,
        "provider_total": result.total,
        "provider_total_last": result.total_last,
        "rows_seen": result.rows_seen,
        "rows_taken": result.rows_taken,
        "requests": result.usage.requests,
        "retries": result.usage.retries,
        "proof": result.proof,
    }


def windows_table(account: str, run_id: str, results: Iterable[tuple[WindowResult, dict[str, Any]]]) -> pa.Table:
    """The ledger rows of these windows. Each comes with its `rows_new`, `rows_changed` and `finished_at`."""
    return _table(
        WINDOW_COLUMNS,
        [
            window_row(account, result) | {"run_id": run_id, "_dlt_id": f"{run_id}.{account}.{result.window}", **counts}
            for result, counts in results
        ],
    )


def _table(columns: tuple[Column, ...], rows: list[dict[str, Any]]) -> pa.Table:
    schema = arrow_schema((*columns, FINGERPRINT))
    return pa.Table.from_pylist(rows, schema=schema) if rows else schema.empty_table()


def _text_or_none(record_id: Any) -> str | None:
    """The id as text that every database accepts, without NUL; JSON if it is not text."""
    if record_id is None:
        return None
    text = record_id if isinstance(record_id, str) else as_json(record_id)
    return text.replace("\0", "\\0").encode(errors="backslashreplace").decode()
