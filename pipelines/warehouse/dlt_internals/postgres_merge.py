"""Deletes and copies the rows of Parquet files in PostgreSQL.

dlt's `COPY … FORCE_NULL` reads every empty text as null; this one does not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlt.common.destination.client import HasFollowupJobs, RunnableLoadJob
from dlt.destinations.exceptions import DatabaseTerminalException
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient
from pyarrow import BufferOutputStream, BufferReader, RecordBatch, csv
from pyarrow.types import is_integer

from pipelines.outcome.postgres_errors import rows_kept, rows_left_out
from sources.errors import WarehouseError

_ROWS_AT_A_TIME = 20_000
_BUFFER_BYTES = 1024 * 1024
_GUARDS = """
    select listed.name, coalesce(index.relkind = 'i', false), coalesce(row_security_active(to_regclass(named)), false)
    from unnest(%s, %s, %s) as listed (name, named, index_name)
    left join pg_catalog.pg_class as index on index.oid = to_regclass(index_name)
"""
_HAS_CHILDREN = """
    select 1 from pg_catalog.pg_inherits join pg_catalog.pg_class as tables on tables.oid = inhparent
    where tables.oid = to_regclass(%s) and tables.relkind = 'r' limit 1
"""


@dataclass(frozen=True)
class _Guards:
    """Whether a table has the unique index over its key, and whether row security applies, which forbids COPY.

    A partitioned table has no such index of its own: each of its partitions has one.
    """

    has_key: bool
    has_row_security: bool


class Append(RunnableLoadJob, HasFollowupJobs):
    """Copies a Parquet file into its table."""

    def run(self) -> None:
        """Copies the file in one transaction."""
        client: Psycopg2SqlClient = self._job_client.sql_client  # type: ignore[attr-defined]
        with client.begin_transaction():
            _copy(client, self.load_table_name, self._file_path, _read_guards(client, [self.load_table_name]))


def replace(
    client: Psycopg2SqlClient,
    keys: Mapping[str, Sequence[str]],
    key: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    files: Mapping[str, Sequence[str]],
) -> None:
    """Replaces rows as `MergingClient.replace` says. `keys` are the unique keys of tables, in whose order it inserts.

    Raises:
        DatabaseTerminalException: rows would be duplicated or left out.
    """
    guards = _read_guards(client, files)
    for file in files[next(iter(files))]:
        with _open_parquet(file) as rows:
            for of_batch in rows.iter_batches(_ROWS_AT_A_TIME, columns=[*key]):
                _delete_replaced(client, columns, of_batch, guards)
    for table, of_table in files.items():
        for file in of_table:
            _copy(client, table, file, guards, keys.get(table, ()))


def _read_guards(client: Psycopg2SqlClient, tables: Iterable[str]) -> dict[str, _Guards]:
    """The guards of each table, read in one message: each takes the time to the server and back."""
    named = {table: client.make_qualified_table_name(table) for table in tables}
    indexes = [client.make_qualified_table_name(f"{table}_key") for table in named]
    rows: Any = client.execute_sql(_GUARDS, [*named], [*named.values()], indexes)
    return {table: _Guards(has_key, has_row_security) for table, has_key, has_row_security in rows}


def _delete_replaced(
    client: Psycopg2SqlClient, columns: Mapping[str, Sequence[str]], keys: RecordBatch, guards: Mapping[str, _Guards]
) -> None:
    """Deletes the rows of each table with these keys.

    Raises:
        DatabaseTerminalException: rows of a table are left, and its unique index may not refuse the new ones.
    """
    # All but the last column of a key have few values, such as the account. For each of these, the last column's values
    # are one array. PostgreSQL sorts it, and looks it up in the index in one scan; without an index, it hashes it, from
    # version 14 on.
    listed: dict[tuple[Any, ...], list[Any]] = {}
    for *first, last in zip(*(column.to_pylist() for column in keys.columns), strict=True):
        listed.setdefault((*first,), []).append(last)
    kind = "bigint" if is_integer(keys.schema.types[-1]) else "varchar"
    for equal, values in listed.items():
        # In a backfill, new ids lie beyond the stored ones. Texts have another order in PostgreSQL than here.
        bounds = (*equal, min(values), max(values))
        tables = _with_rows_between(client, columns, bounds) if kind == "bigint" else [*columns]
        same = {
            table: f"{client.make_qualified_table_name(table)} where {_equal(columns[table])} = any(%s::{kind}[])"
            for table in tables
        }
        key = [*equal, _array(values)]
        if tables:
            client.execute_sql("; ".join(f"delete from {rows}" for rows in same.values()), *key * len(tables))
        for table in tables:
            if not guards[table].has_key and client.execute_sql(f"select 1 from {same[table]} limit 1", *key):
                raise _refused(rows_kept(f"{client.dataset_name}.{table}"))


def _with_rows_between(
    client: Psycopg2SqlClient, columns: Mapping[str, Sequence[str]], bounds: Sequence[Any]
) -> list[str]:
    """The tables with a row whose last key column lies between the last two bounds, and whose others equal the rest."""
    # By the order, PostgreSQL reads one entry of the index. Else it might read the table up to the first such row.
    first_rows = ", ".join(
        f"(select 1 from {client.make_qualified_table_name(table)} where {_equal(names)} between %s and %s"
        f' order by "{names[-1]}" limit 1)'
        for table, names in columns.items()
    )
    ((*found,),) = client.execute_sql(f"select {first_rows}", *[*bounds] * len(columns)) or ((),)
    return [table for table, row in zip(columns, found, strict=True) if row]


def _equal(names: Sequence[str]) -> str:
    """The condition on the columns of a key, up to the operator of the last one."""
    *first, last = names
    return "".join(f'"{name}" = %s and ' for name in first) + f'"{last}"'


def _array(values: Iterable[Any]) -> str:
    """An array as PostgreSQL reads it from text, without nulls; psycopg2 writes an expression, ten times as slow."""
    quoted = (str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


def _open_parquet(path: str) -> Any:
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415  # a quiet run does not need it

    return ParquetFile(path)


def _copy(
    client: Psycopg2SqlClient, table: str, path: str, guards: Mapping[str, _Guards], key: Sequence[str] = ()
) -> None:
    """Copies a Parquet file into a table, each batch of rows in the order of `key`.

    It goes through a temporary table if row security forbids COPY.

    Raises:
        DatabaseTerminalException: a trigger left rows out.
    """
    into = named = client.make_qualified_table_name(table)
    copied = 0
    with _open_parquet(path) as file, client.native_connection.cursor() as cursor:
        columns = ", ".join(f'"{name}"' for name in file.schema_arrow.names)
        if guards[table].has_row_security:
            into = "pg_temp.copied"
            client.execute_sql(f"create temporary table copied on commit drop as select {columns} from {named} limit 0")
        # A provider may list the newest first. In ascending order, an index takes half the space.
        order = [(name, "ascending") for name in key]
        for rows in file.iter_batches(_ROWS_AT_A_TIME):
            text = BufferOutputStream()
            csv.write_csv(rows.sort_by(order) if order else rows, text, csv.WriteOptions(include_header=False))
            copying = f"copy {into} ({columns}) from stdin with (format csv, encoding 'UTF8')"
            cursor.copy_expert(copying, BufferReader(text.getvalue()), _BUFFER_BYTES)
            copied += cursor.rowcount  # without the rows for which a trigger returned null
        if guards[table].has_row_security:
            with client.execute_query(f"insert into {named} ({columns}) select {columns} from {into}") as inserting:
                native: Any = inserting.native_cursor
                copied = native.rowcount
            client.execute_sql(f"drop table {into}")
        # A trigger may put rows into a child table, as partitioning was done before PostgreSQL 10.
        if copied < file.metadata.num_rows and not client.execute_sql(_HAS_CHILDREN, named):
            raise _refused(rows_left_out(f"{client.dataset_name}.{table}"))


def _refused(reason: str) -> DatabaseTerminalException:
    """The error for a load that would duplicate or lose rows; dlt does not try it again."""
    return DatabaseTerminalException(WarehouseError(f"PostgreSQL: {reason}"))
