"""Reads the configured warehouse without changing it, for the report and the notebook."""

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.sql_client import SqlClientBase

from pipelines.config import bootstrap
from pipelines.config.settings import SyncSettings
from pipelines.outcome.postgres_errors import denied_reading
from pipelines.outcome.unforeseen import always_fax_sync_error
from pipelines.warehouse.connection import connected, kind, rows_of
from pipelines.warehouse.database_file import SEE_COPY, copy_for_readers, file_of, require_file
from pipelines.warehouse.dlt_internals.destinations import configured_destination, database_url, forbid_writing
from pipelines.warehouse.working_directory import working_directory
from sources.errors import ConfigError, FaxSyncError, WarehouseError

Row = dict[str, Any]
Read = Callable[..., list[Row]]
_NO_COLUMN = ("BinderException", "UndefinedColumn")  # as DuckDB and psycopg2 call it
_VIEW = re.compile(r"\bfax\.(\w+)")


@contextmanager
def opened(patience: float | None = None) -> Iterator[Read]:
    """Yields a function that runs a query on `fax.<view>` and returns its rows as dicts by column name.

    The query has `%s` for each further argument. All queries of the block see the same snapshot of the warehouse. A
    sync cannot open the DuckDB file during the block, so keep the block short.

    Raises:
        ConfigError: the warehouse consists of Parquet files, which have no views.
        WarehouseError: there is no warehouse yet, or it lacks the view.
        Busy: another program had the warehouse open for longer than `patience`, or else `[sync] busy_seconds`.
    """
    schema = SyncSettings.read().schema
    with mapped_errors(), _pipeline(schema) as pipeline:
        _require_readable(pipeline)
        with connected(pipeline, patience) as client, client.begin_transaction():
            if kind(pipeline) == "postgres":
                client.execute_sql("set transaction isolation level repeatable read, read only")
                client.execute_sql("set local enable_nestloop = off")  # docs/postgres.md says why
            yield lambda sql, *values: _rows(client, schema, sql, values)


def loaded_accounts(read: Read) -> list[tuple[str, str]]:
    """The provider and account of everything that was ever read."""
    rows = read("select distinct provider, account from fax.sync_windows order by 1, 2")
    return [(row["provider"], row["account"]) for row in rows]


def no_account(quoted: str, known: Collection[tuple[str, str]]) -> str:
    """What to say of a name that is none of the `loaded_accounts`."""
    names = ", ".join(sorted(f"{provider}/{account}" for provider, account in known)) or "nothing"
    return f"{quoted} is no account of the warehouse: it holds {names}"


def database_file() -> Path | None:
    """The path of the configured DuckDB file, which may not exist yet; None for another warehouse."""
    with mapped_errors(), _pipeline(SyncSettings.read().schema) as pipeline:
        return file_of(pipeline)


def place() -> Path | str | None:
    """The path of the DuckDB file, or the URL of the PostgreSQL database without its password; None for files."""
    with mapped_errors(), _pipeline(SyncSettings.read().schema) as pipeline:
        if kind(pipeline) != "postgres":
            return file_of(pipeline)
        return database_url(pipeline.destination_client())


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Raises every error of the block as a `FaxSyncError`, for the notebook as well as for a command."""
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


def of_schema(sql: str, schema: str) -> str:
    """The query with the views of `schema` in place of those of `fax`."""
    return _VIEW.sub(rf'"{schema}".\1', sql)


def _require_readable(pipeline: dlt.Pipeline) -> None:
    """Requires a warehouse with views, and makes its connections read-only: others would create a missing DuckDB file.

    Raises:
        ConfigError: the warehouse consists of Parquet files, or cannot be a DuckDB file.
        WarehouseError: there is no DuckDB file.
    """
    if kind(pipeline) == "filesystem":
        raise ConfigError("Parquet files have no views to read: docs/files.md says how to query them, or use Delta")
    if file := file_of(pipeline):
        if not file.exists():
            demo = " --demo" if file == bootstrap.DEMO_DATABASE else ""
            raise WarehouseError(f"there is no {file} yet: run {bootstrap.command('sync')}{demo}")
        copy = copy_for_readers()
        require_file(file, pipeline.dataset_name)  # a reader of a named pipe would wait for ever
        if copy and copy.exists():
            require_file(copy, pipeline.dataset_name, SEE_COPY)
        forbid_writing(pipeline, copy if copy and copy.exists() else file)


def _rows(client: SqlClientBase[Any], schema: str, sql: str, values: tuple[Any, ...]) -> list[Row]:
    try:
        with client.execute_query(of_schema(sql, schema), *values) as cursor:
            return rows_of(cursor)
    except DatabaseException as error:
        if denied := denied_reading(error, client, schema):
            raise denied from error
        is_column = type(getattr(error, "dbapi_exception", None)).__name__ in _NO_COLUMN
        if not is_column and not isinstance(error, DestinationUndefinedEntity):
            raise
        raise WarehouseError(
            f"the views in {schema} are missing, or older than this report: run {bootstrap.command('sync')}"
        ) from error
