"""Opens a connection to the warehouse, and retries while another program has the DuckDB file open."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dlt
from dlt.destinations.sql_client import SqlClientBase
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_exponential

from pipelines.config.settings import SyncSettings
from pipelines.outcome.error_mapping import to_fax_sync_error
from sources.errors import Busy


def kind(pipeline: dlt.Pipeline) -> str:
    """The type of the destination by dlt's name: duckdb, postgres, filesystem."""
    return pipeline.destination.destination_type.rpartition(".")[2]


@contextmanager
def connected(pipeline: dlt.Pipeline, on_wait: Callable[[], None] | None = None) -> Iterator[SqlClientBase[Any]]:
    """A client with a connection to the pipeline's warehouse, which the end of the block closes."""
    client = pipeline.sql_client()
    connect(client, on_wait)
    try:
        yield client
    finally:
        client.close_connection()


def connect(client: SqlClientBase[Any], on_wait: Callable[[], None] | None = None) -> None:
    """Opens the connection, with retries for `[sync] busy_seconds` while the warehouse is busy.

    `on_wait` is called before the first retry.
    """

    def before_sleep(state: RetryCallState) -> None:
        if on_wait and state.attempt_number == 1:
            on_wait()

    retrying = Retrying(
        retry=retry_if_exception(lambda error: isinstance(to_fax_sync_error(error), Busy)),
        wait=wait_exponential(multiplier=0.1, max=2),
        stop=stop_after_delay(SyncSettings.read().busy_seconds),
        before_sleep=before_sleep,
        reraise=True,
    )
    retrying(client.open_connection)
