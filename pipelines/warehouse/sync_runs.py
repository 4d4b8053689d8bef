"""`sync_runs`: one row for each run that wrote something, or failed, in the raw schema of its provider."""

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
from pipelines.warehouse.comments import comment_on
from sources.load.ledger import RUN_COLUMNS, RUNS_MEANING, SYNC_RUNS
from sources.load.run import Run

LOG = logging.getLogger("fax-sync")
_TYPES = {"text": "text", "bigint": "bigint", "timestamp": "timestamp with time zone", "decimal": "numeric(18, 6)"}


def creation_statements(raw: str) -> Iterator[str]:
    """The statements that make the table in the raw schema, or the columns that it lacks, and say what they are."""
    columns = [f"{column.name} {_TYPES[column.data_type]}" for column in RUN_COLUMNS]
    yield f'create table if not exists "{raw}"."{SYNC_RUNS}" ({", ".join(columns)})'
    for declared in columns:  # the table of an older version lacks some
        yield f'alter table "{raw}"."{SYNC_RUNS}" add column if not exists {declared}'
    yield comment_on("table", raw, SYNC_RUNS, text=RUNS_MEANING)
    for column in RUN_COLUMNS:
        yield comment_on("column", raw, SYNC_RUNS, column.name, text=column.meaning)


def row_of(run: Run, exit_code: int, seconds: float) -> dict[str, Any]:
    """A run as its row, which says that it is over now."""
    finished, balance = datetime.now(UTC), run.balance
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


def note(client: SqlClientBase[Any], raw: str, run: Run, exit_code: int, seconds: float) -> None:
    """Writes a run down."""
    row = row_of(run, exit_code, seconds)
    places = ", ".join(["%s"] * len(row))
    insert = f'insert into "{raw}"."{SYNC_RUNS}" ({", ".join(row)}) values ({places})'
    try:
        client.execute_sql(insert, *row.values())
    except DestinationUndefinedEntity:  # never made yet, or dropped since
        if not client.has_dataset():  # the first run failed before it loaded anything
            client.create_dataset()
        for statement in creation_statements(raw):
            client.execute_sql(statement)
        client.execute_sql(insert, *row.values())


@contextmanager
def recorded(client: SqlClientBase[Any], raw: str, run: Run, ending: Ending) -> Iterator[None]:
    """Writes down how the block ended, if it wrote something or failed; no later signal changes that any more."""
    began = time.monotonic()
    try:
        yield
    except BaseException as failure:
        ending.note(failure, run)
        with suppress(Exception):  # a signal may have left a transaction open; mostly there is none
            client.rollback_transaction()
        raise
    finally:
        with signals.deferred():
            with suppress(Exception):
                run.client.close()  # what is counted is to stay as it is
            if run.loads or run.purged or ending.exit_code:
                try:
                    note(client, raw, run, ending.exit_code, time.monotonic() - began)
                except Exception:  # what stopped the run may well be the warehouse: that is told already
                    LOG.debug("the run could not be written down", exc_info=True)
            ending.is_settled = True
