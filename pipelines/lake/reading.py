"""Reads the configured warehouse without changing it; Delta tables through views in a database in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
from dlt.common.destination.exceptions import DestinationUndefinedEntity

from pipelines.config import bootstrap
from pipelines.config.destination import delta_url
from pipelines.config.settings import ReportSettings, SyncSettings
from pipelines.lake.place import local_directory, locked_to_read
from pipelines.warehouse import read_only
from pipelines.warehouse.read_only import Read, Row
from sources.errors import ConfigError, WarehouseError
from sources.load.plan import Position
from sources.records.schema import Table


@contextmanager
def opened(patience: float | None = None) -> Iterator[Read]:
    """As `read_only.opened`, whose errors these are; each query of Delta tables sees them as when they were opened."""
    with read_only.mapped_errors():
        output, schema = delta_url(), SyncSettings.read().schema
    if output is None:
        with read_only.opened(patience) as read:
            yield read
        return
    with read_only.mapped_errors(), _connected(output, schema) as connection:
        yield lambda sql, *values: _rows(connection, read_only.of_schema(sql, schema), values)


@dataclass(frozen=True)
class DeltaTables:
    """What readers ask a `Warehouse`: `client` is a connection, `root` the place of the tables."""

    client: Any
    account: str
    root: str
    appends: bool = False

    def position_of(self, table: Table) -> Position:
        """How far the table of the account has been read."""
        from pipelines.lake.tables import positions  # noqa: PLC0415  # of the extra, that is there

        return positions(self.root, table).get(self.account, Position())


@contextmanager
def delta_tables(output: str, provider: str, account: str, schema: str) -> Iterator[DeltaTables]:
    """The Delta tables of one account, which no run of this machine loads meanwhile.

    Raises:
        AtWork: a run goes on.
        LocalError: there are no tables yet, and they cannot be made.
    """
    with locked_to_read(output), _connected(output, schema, is_required=False) as connection:
        raw = f"{schema}_{provider}"
        yield DeltaTables(_Client(connection, raw), account, f"{output}/{raw}")


class _Client:
    """What `StoredFaxes` needs of dlt's client, on a connection of DuckDB."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, schema: str) -> None:
        self._connection, self._schema = connection, schema

    def make_qualified_table_name(self, table: str) -> str:
        """The table of the raw schema."""
        return f'"{self._schema}"."{table}"'

    @contextmanager
    def execute_query(self, sql: str, *values: Any) -> Iterator[duckdb.DuckDBPyConnection]:
        """The cursor of a query that has `%s` for each value.

        Raises:
            DestinationUndefinedEntity: there is no such table.
        """
        try:
            yield self._connection.execute(sql.replace("%s", "?"), values)
        except duckdb.CatalogException as error:
            raise DestinationUndefinedEntity(error) from error


@contextmanager
def _connected(output: str, schema: str, is_required: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory with the views.

    Raises:
        ConfigError: deltalake is not installed.
        WarehouseError: there is no Delta table yet, and there has to be one.
    """
    try:
        from pipelines.lake.engine_views import connect  # noqa: PLC0415  # an extra, that may not be there
    except ModuleNotFoundError as missing:
        raise ConfigError(f"{missing.name} is not installed: uv sync --extra delta, see docs/files.md") from None
    directory = local_directory(output)
    if is_required and directory and not directory.is_dir():
        raise WarehouseError(f"there is no {directory} yet: run {bootstrap.command('sync')}")
    settings = ReportSettings.read()
    with connect(output, schema, settings.timezone, settings.own_views()) as connection:
        yield connection


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, values: tuple[Any, ...]) -> list[Row]:
    cursor = connection.execute(sql.replace("%s", "?"), values)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
