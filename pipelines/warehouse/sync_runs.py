"""The table `sync_runs` of each raw schema: one row for each run of an account that wrote something, or failed."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.destinations.sql_client import SqlClientBase

from pipelines.outcome import signals
from pipelines.outcome.account_ending import Ending
from pipelines.outcome.postgres_errors import CHANGED_BY_HAND, LOCK_TIMEOUT, state_of
from pipelines.outcome.unforeseen import always_fax_sync_error
from pipelines.warehouse.comments import comment_on
from pipelines.warehouse.connection import connect
from pipelines.warehouse.dlt_internals.stored_state import retyped_columns
from sources.errors import Busy, Unforeseen, WarehouseError
from sources.load.ledger import RUN_COLUMNS, RUNS_MEANING, SYNC_RUNS
from sources.load.run import MAX_SKEW, Run
from sources.records.schema import SQL_TYPES

LOG = logging.getLogger("fax-sync")
_PATIENCE_SECONDS = 5  # for a server that starts again


def creation_sql(raw: str) -> str:
    """The statements that create the table, or its missing columns, with their comments."""
    columns = [f"{column.name} {SQL_TYPES[column.data_type]}" for column in RUN_COLUMNS]
    table = f'"{raw}"."{SYNC_RUNS}"'
    return ";\n".join(
        [
            f"create table if not exists {table} ({', '.join(columns)})",
            # a table of an older version lacks some
            *(f"alter table {table} add column if not exists {declared}" for declared in columns),
            comment_on("table", raw, SYNC_RUNS, text=RUNS_MEANING),
            *(comment_on("column", raw, SYNC_RUNS, column.name, text=column.meaning) for column in RUN_COLUMNS),
        ]
    )


def run_row(run: Run, exit_code: int, seconds: float) -> dict[str, Any]:
    """Column -> value of the run's row. The run ended now, and took `seconds`.

    By the provider's clock, if ours is ahead: readers leave out what lies in the future. Not for a smaller difference:
    the provider's time has whole seconds, and two runs would change places.
    """
    finished, balance = datetime.now(UTC), run.balance
    if run.client.least_skew < -MAX_SKEW:
        finished += run.client.least_skew
    row = {
        "account": run.source.account,
        "run_id": run.request.run_id,
        "started_at": finished - timedelta(seconds=seconds),
        "finished_at": finished,
        "exit_code": exit_code,
        "rows_new": run.tally.new,
        "rows_changed": run.tally.changed,
        "loads": run.loads,
        "requests": run.client.usage.requests,
        "retries": run.client.usage.retries,
        "bytes": run.client.usage.bytes,
    }
    return row | {"balance_usd": balance.usd, "balance_read_at": balance.read_at} if balance else row


def write_run(client: SqlClientBase[Any], raw: str, run: Run, exit_code: int, seconds: float) -> None:
    """Writes the row of a run, unless it is there: the connection may have broken after it was written."""
    row = run_row(run, exit_code, seconds)
    table, places = f'"{raw}"."{SYNC_RUNS}"', ", ".join(["%s"] * len(row))
    is_there = f"select 1 from {table} where account = %s and run_id = %s"
    insert = f"insert into {table} ({', '.join(row)}) select {places} where not exists ({is_there})"
    values = [*row.values(), row["account"], row["run_id"]]
    try:
        client.execute_sql(insert, *values)
    except DestinationUndefinedEntity:  # not created yet, or dropped
        if not client.has_dataset():  # the first run failed before it loaded anything
            client.create_dataset()
        client.execute_sql(creation_sql(raw))
        client.execute_sql(insert, *values)


@contextmanager
def recorded(client: SqlClientBase[Any], raw: str, run: Run, ending: Ending) -> Iterator[None]:
    """Writes the row of the run when the block ends, if the run wrote something or failed. This settles `ending`."""
    began = time.monotonic()
    try:
        yield
    except BaseException as failure:
        ending.note(failure, run)
        with suppress(Exception):  # a signal may have left a transaction open
            client.rollback_transaction()
        with suppress(Exception):  # the connection may be lost
            _name_retyped(client, raw, run, ending)
        raise
    finally:
        with signals.deferred():
            with suppress(Exception):
                run.client.close()  # no further request changes the counts
            if run.loads or run.purged or ending.exit_code:
                _write_down(client, raw, run, ending, time.monotonic() - began)
            ending.is_settled = True


def _name_retyped(client: SqlClientBase[Any], raw: str, run: Run, ending: Ending) -> None:
    """Says how to undo what a user did to the types of columns, if that may be why the run failed."""
    error = ending.error
    if error is None or not (isinstance(error, Unforeseen) or CHANGED_BY_HAND in str(error)):
        return
    if undo := "; ".join(retyped_columns(client, raw, run.source.provider)):
        maybe = "a column has another type than the sync gave it, which may be why: "
        error.advise(f"{maybe if isinstance(error, Unforeseen) else ''}{undo}; then run sync.py --full-refresh")


def _write_down(client: SqlClientBase[Any], raw: str, run: Run, ending: Ending, seconds: float) -> None:
    """Writes the row of the run, of a good one with a second attempt on a new connection; warns if it cannot."""
    try:
        try:
            write_run(client, raw, run, ending.exit_code, seconds)
        except Exception as failure:
            if ending.error or state_of(failure) == LOCK_TIMEOUT:
                raise
            client.close_connection()
            connect(client, _PATIENCE_SECONDS)
            write_run(client, raw, run, ending.exit_code, seconds)
    except Exception as failure:
        LOG.debug("the run could not be written down", exc_info=True)
        if not isinstance(ending.error, Busy | WarehouseError):  # the warehouse is what failed, as is reported already
            run.warnings.append(
                f"the run is not in {SYNC_RUNS}, which status.py and check.py read: {always_fax_sync_error(failure)}"
            )
