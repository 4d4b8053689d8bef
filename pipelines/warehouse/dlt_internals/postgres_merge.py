"""Deletes and copies the rows of Parquet files in PostgreSQL.

dlt's `COPY … FORCE_NULL` reads every empty text as null; this one does not.
"""

from collections.abc import Iterable, Mapping, Sequence
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
_HAS_CHILDREN = """
    select 1 from pg_catalog.pg_inherits join pg_catalog.pg_class as tables on tables.oid = inhparent
    where tables.oid = to_regclass(%s) and tables.relkind = 'r' limit 1
"""


class Append(RunnableLoadJob, HasFollowupJobs):
    """Copies a Parquet file into its table."""

    def run(self) -> None:
        """Copies the file in one transaction."""
        client: Psycopg2SqlClient = self._job_client.sql_client  # type: ignore[attr-defined]
        with client.begin_transaction():
            copy(client, self.load_table_name, self._file_path)


def delete_replaced(
    client: Psycopg2SqlClient, key: Sequence[str], columns: Mapping[str, Sequence[str]], files: Sequence[str]
) -> None:
    """Deletes the rows of each table whose columns have the values of `key` in a row of the Parquet files."""
    for file in files:
        with _open_parquet(file) as rows:
            for keys in rows.iter_batches(_ROWS_AT_A_TIME, columns=[*key]):
                _delete_replaced(client, columns, keys)


def _delete_replaced(client: Psycopg2SqlClient, columns: Mapping[str, Sequence[str]], keys: RecordBatch) -> None:
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
    for table, (*first_names, last_name) in columns.items():
        named = client.make_qualified_table_name(table)
        equals = "".join(f'"{name}" = %s and ' for name in first_names)
        same = f'{equals}"{last_name}" = any(%s::{kind}[])'
        has_key = _has_key(client, table)
        for equal, values in listed.items():
            # In a backfill, new ids lie beyond the stored ones. Texts have another order in PostgreSQL than here.
            if kind == "bigint":
                bounds = *equal, min(values), max(values)
                if not _has_between(client, named, equals, last_name, bounds):
                    continue
            key = *equal, _array(values)
            client.execute_sql(f"delete from {named} where {same}", *key)
            if not has_key and client.execute_sql(f"select 1 from {named} where {same} limit 1", *key):
                raise _refused(rows_kept(f"{client.dataset_name}.{table}"))


def _has_between(client: Psycopg2SqlClient, named: str, equals: str, name: str, bounds: Sequence[Any]) -> bool:
    """There is a row whose column `name` lies between the last two of `bounds`; those before are for `equals`."""
    # By the order, PostgreSQL reads one entry of the index. Else it might read the table up to the first such row.
    sql = f'select 1 from {named} where {equals}"{name}" between %s and %s order by "{name}" limit 1'
    return bool(client.execute_sql(sql, *bounds))


def _array(values: Iterable[Any]) -> str:
    """An array as PostgreSQL reads it from text, without nulls; psycopg2 writes an expression, ten times as slow."""
    quoted = (str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


def _has_key(client: Psycopg2SqlClient, table: str) -> bool:
    """The table has the unique index over its key. That of a partitioned table is not meant: it is one of each part."""
    index = client.make_qualified_table_name(f"{table}_key")
    return bool(client.execute_sql("select 1 from pg_class where oid = to_regclass(%s) and relkind = 'i'", index))


def _open_parquet(path: str) -> Any:
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415  # a quiet run does not need it

    return ParquetFile(path)


def copy(client: Psycopg2SqlClient, table: str, path: str, key: Sequence[str] = ()) -> None:
    """Copies a Parquet file into a table, each batch of rows in the order of `key`.

    It goes through a temporary table if row security forbids COPY.

    Raises:
        DatabaseTerminalException: a trigger left rows out.
    """
    into = named = client.make_qualified_table_name(table)
    copied = 0
    with _open_parquet(path) as file, client.native_connection.cursor() as cursor:
        columns = ", ".join(f'"{name}"' for name in file.schema_arrow.names)
        is_secured = client.execute_sql("select row_security_active(%s)", named) == [(True,)]
        if is_secured:
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
        if is_secured:
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
