"""Reads the configured warehouse without changing it. Delta tables are read through views in an in-memory database."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from dlt.common.destination.exceptions import DestinationUndefinedEntity

import sources
from pipelines.config import bootstrap
from pipelines.config.destination import delta_url
from pipelines.config.directory import local_directory
from pipelines.config.settings import ReportSettings, SyncSettings
from pipelines.lake.place import locked_to_read
from pipelines.outcome.error_mapping import to_fax_sync_error
from pipelines.warehouse import read_only
from pipelines.warehouse.connection import rows_of
from pipelines.warehouse.read_only import Read
from pipelines.warehouse.stored_faxes import StoredFaxes
from sources.errors import Busy, ConfigError, FaxSyncError, LocalError, WarehouseError
from sources.extract.source import Source
from sources.load.plan import Position
from sources.records.schema import Table


@contextmanager
def opened(patience: float | None = None) -> Iterator[Read]:
    """Like `read_only.opened`, also for Delta tables: all queries of the block see the same versions of the tables."""
    with read_only.mapped_errors():
        output, schema = delta_url(), SyncSettings.read().schema
    if output is None:
        with read_only.opened(patience) as read:
            yield read
        return
    with read_only.mapped_errors(), _connected(output, schema) as connection:
        yield lambda sql, *values: rows_of(
            connection.execute(read_only.of_schema(sql, schema).replace("%s", "?"), values)
        )


@dataclass(frozen=True)
class DeltaTables:
    """The part of a `Warehouse` that readers use. `client` is a connection, `root` the URL of the tables."""

    client: Any
    account: str
    root: str
    appends: bool = False

    def position_of(self, table: Table) -> Position:
        """How far the account's table has been read."""
        from pipelines.lake.tables import positions  # noqa: PLC0415  # an optional extra

        return positions(self.root, table).get(self.account, Position())

    def stored(self, table: Table) -> StoredFaxes:
        """The stored faxes of the account, with the ledger of this table."""
        return StoredFaxes(self.client, self.account, ledger=table.ledger, counts_every_row=True)


@contextmanager
def delta_tables(output: str, provider: str, account: str, schema: str) -> Iterator[DeltaTables]:
    """The Delta tables of one account. No other run of this machine loads during the block.

    Raises:
        AtWork: a run is at work.
        LocalError: there are no tables yet, and they cannot be created.
    """
    with locked_to_read(output), _connected(output, schema, is_required=False) as connection:
        raw = f"{schema}_{provider}"
        yield DeltaTables(_Client(connection, raw), account, f"{output}/{raw}")


class _Client:
    """The part of dlt's SQL client that `StoredFaxes` uses, on a DuckDB connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, schema: str) -> None:
        self._connection, self._schema = connection, schema

    def make_qualified_table_name(self, table: str) -> str:
        """The quoted name of a table of the raw schema."""
        return f'"{self._schema}"."{table}"'

    @contextmanager
    def execute_query(self, sql: str, *values: Any) -> Iterator[duckdb.DuckDBPyConnection]:
        """The cursor of a query with `%s` for each value.

        Raises:
            DestinationUndefinedEntity: the table does not exist.
        """
        try:
            yield self._connection.execute(sql.replace("%s", "?"), values)
        except duckdb.CatalogException as error:
            raise DestinationUndefinedEntity(error) from error


@contextmanager
def _connected(output: str, schema: str, is_required: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory database with the views.

    Raises:
        ConfigError: deltalake is not installed.
        WarehouseError: there is no Delta table yet, and `is_required`; or one cannot be read, or was removed.
        LocalError: the machine lacks what a query takes, or a directory may not be read.
        Busy: a run has deleted files that a query still takes.
    """
    try:
        from deltalake.exceptions import DeltaError  # noqa: PLC0415  # an optional extra

        from pipelines.lake import errors  # noqa: PLC0415
        from pipelines.lake.engine_views import connect  # noqa: PLC0415  # an optional extra
    except ModuleNotFoundError as missing:
        raise ConfigError(f"{missing.name} is not installed: uv sync --extra delta, see docs/files.md") from None
    directory = local_directory(output)
    if is_required and directory and not directory.is_dir():
        raise WarehouseError(f"there is no {directory} yet: run {bootstrap.command('sync')}")
    settings = ReportSettings.read()
    try:
        with connect(output, schema, settings.timezone, settings.own_views()) as connection:
            _require_tables(connection, schema)
            yield connection
    except duckdb.Error as error:
        if isinstance(local := to_fax_sync_error(error), LocalError):
            raise local from error
        if of_storage := errors.to_fax_sync_error(error):
            raise of_storage from error
        is_of_storage = type(error) is duckdb.Error  # as DuckDB hands on what `object_storage` raises
        if not is_of_storage and not isinstance(error, (duckdb.IOException, duckdb.InvalidInputException)):
            raise  # as for a query that is wrong
        if of_file := _of_missing_file(error):  # a file is missing, or none of Parquet
            raise of_file from error
        raise WarehouseError(f"a Delta table below {output} cannot be read: {errors.REMEDY}") from error
    except (DeltaError, OSError) as error:
        if known := errors.to_fax_sync_error(error):
            raise known from error
        raise


def _of_missing_file(error: duckdb.Error) -> FaxSyncError | None:
    """Why DuckDB finds a file no more: its directory may not be read, or a run has deleted it (`keep_days`)."""
    from pipelines.lake.stored import opened as table_at  # noqa: PLC0415  # an optional extra

    deleted = Busy("a sync has deleted files of earlier versions of a Delta table meanwhile: run again")
    if re.search(r"NO_SUCH_KEY|RESOURCE_NOT_FOUND|Path does not exist", str(error)):  # in object storage
        return deleted
    found = re.search(r'pattern "([^"]+)/([^"]+)"', str(error))
    if found is None:
        return None
    if Path(found[1]).is_dir() and not os.access(found[1], os.R_OK | os.X_OK):
        return LocalError(f"{found[1]} cannot be read: check its owner and its mode")
    table = table_at(found[1].rpartition("/")[0])
    if table and not any(uri.endswith(found[2]) for uri in table.file_uris()):
        return deleted
    return None


def _require_tables(connection: duckdb.DuckDBPyConnection, schema: str) -> None:
    """Requires the tables of faxes of each list whose ledger is there: without them, each cost would be zero."""
    from pipelines.lake.dropped_tables import require_all  # noqa: PLC0415  # an optional extra

    for provider in sources.providers():
        raw, sql = f"{schema}_{provider}", "select table_name from information_schema.tables where table_schema = ?"
        there = {name for (name,) in connection.execute(sql, [raw]).fetchall()}
        for table in Source(provider).tables:
            if table.ledger in there:
                require_all(raw, table, there)
