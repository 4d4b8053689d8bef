"""A connection to the warehouse, retried while another program has the DuckDB file open, and the rows of a query."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dlt
from dlt.destinations.sql_client import SqlClientBase
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_exponential

from pipelines.config.settings import SyncSettings
from pipelines.outcome.error_mapping import to_fax_sync_error
from sources.errors import Busy

LOG = logging.getLogger("fax-sync")


def kind(pipeline: dlt.Pipeline) -> str:
    """The type of the destination by dlt's name: duckdb, postgres, filesystem."""
    return pipeline.destination.destination_type.rpartition(".")[2]


def rows_of(cursor: Any) -> list[dict[str, Any]]:
    """The rows of an executed query, as dicts by column name."""
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@contextmanager
def connected(pipeline: dlt.Pipeline, patience: float | None = None) -> Iterator[SqlClientBase[Any]]:
    """A client with a connection to the pipeline's warehouse, which the end of the block closes."""
    client = pipeline.sql_client()
    connect(client, patience)
    try:
        yield client
    finally:
        client.close_connection()


def connect(client: SqlClientBase[Any], patience: float | None = None) -> None:
    """Opens the connection, with retries for `patience` seconds while the warehouse is busy.

    Without `patience` they last `[sync] busy_seconds`. The log says before the first retry what it waits for.
    """
    seconds = SyncSettings.read().busy_seconds if patience is None else patience

    def before_sleep(state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        if failure and state.attempt_number == 1 and seconds:
            what, _, _ = str(to_fax_sync_error(failure)).partition(": ")
            LOG.warning("%s: waiting up to %g seconds", what, seconds)

    retrying = Retrying(
        retry=retry_if_exception(lambda error: isinstance(to_fax_sync_error(error), Busy)),
        wait=wait_exponential(multiplier=0.1, max=2),
        stop=stop_after_delay(seconds),
        before_sleep=before_sleep,
        reraise=True,
    )
    retrying(client.open_connection)
