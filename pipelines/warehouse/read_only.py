"""Reads the configured warehouse, and changes nothing in it: what the report and the notebook show."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.destinations.sql_client import SqlClientBase

from pipelines.config import bootstrap
from pipelines.config.settings import SyncSettings
from pipelines.outcome.unforeseen import always_fax_sync_error
from pipelines.warehouse.connection import connected, kind
from pipelines.warehouse.database_file import file_of
from pipelines.warehouse.dlt_internals.destinations import configured_destination, forbid_writing
from pipelines.warehouse.working_directory import working_directory
from sources.errors import ConfigError, FaxSyncError, WarehouseError

LOG = logging.getLogger("fax-sync")
Row = dict[str, Any]
Read = Callable[..., list[Row]]
_VIEW = re.compile(r"\bfax\.(\w+)")


@contextmanager
def opened() -> Iterator[Read]:
    """Gives what answers queries on `fax.<view>`, with `%s` for each value that follows: their rows by column name.

    All of them see the warehouse as it is at the first. A DuckDB file stays shut to a sync for as long as it is open
    here, so ask and leave.

    Raises:
        ConfigError: the warehouse is made of files, which have no views.
        WarehouseError: there is no warehouse yet, or it has no such view.
        Busy: another program had it open for longer than `[sync] busy_seconds`.
    """
    schema = SyncSettings.read().schema
    with _explaining(), _pipeline(schema) as pipeline:
        _require_readable(pipeline)
        with connected(pipeline, _tell) as client, client.begin_transaction():
            if kind(pipeline) == "postgres":
                client.execute_sql("set transaction isolation level repeatable read, read only")
            yield lambda sql, *values: _rows(client, schema, sql, values)


def database_file() -> Path | None:
    """The DuckDB file that is configured, whether or not it is there; None for another warehouse."""
    with _explaining(), _pipeline(SyncSettings.read().schema) as pipeline:
        return file_of(pipeline)


@contextmanager
def _explaining() -> Iterator[None]:
    """Has whatever goes wrong be told in the operator's terms, to the notebook as well as to a command."""
    try:
        yield
    except FaxSyncError:
        raise
    except Exception as error:
        raise always_fax_sync_error(error) from error


@contextmanager
def _pipeline(schema: str) -> Iterator[dlt.Pipeline]:
    with working_directory() as directory:
        destination = configured_destination("%s_staging")
        yield dlt.pipeline("fax_read", destination=destination, dataset_name=schema, pipelines_dir=directory)


def _require_readable(pipeline: dlt.Pipeline) -> None:
    """Has the connection be one that cannot write; a DuckDB file that is not there would be made by any other.

    Raises:
        ConfigError: the warehouse is made of files.
        WarehouseError: there is no DuckDB file.
    """
    if kind(pipeline) == "filesystem":
        raise ConfigError("Parquet files have no views to read: docs/files.md says how to query them")
    if file := file_of(pipeline):
        if not file.exists():
            demo = " --demo" if file == bootstrap.DEMO_DATABASE else ""
            raise WarehouseError(f"there is no {file.name} yet: run sync.py{demo} first")
        forbid_writing(pipeline)


def _tell() -> None:
    seconds = SyncSettings.read().busy_seconds
    LOG.warning("the warehouse is in use or out of reach: waiting for %g seconds at most", seconds)


def _rows(client: SqlClientBase[Any], schema: str, sql: str, values: tuple[Any, ...]) -> list[Row]:
    try:
        with client.execute_query(_VIEW.sub(rf'"{schema}".\1', sql), *values) as cursor:
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    except DestinationUndefinedEntity as error:
        raise WarehouseError(f"the views in {schema} are missing, or older than this report: run sync.py") from error
