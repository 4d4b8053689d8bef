"""The merge of a load into PostgreSQL, without staging tables: one transaction deletes and copies.

dlt 1.31 writes every row twice: it copies each file into a staging table, merges the staging tables in another job, and
truncates them. Its `COPY … FORCE_NULL` also reads every empty text as null. Here, one transaction deletes the replaced
rows, and copies the files into the tables.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from dlt.common.destination.client import HasFollowupJobs, RunnableLoadJob
from dlt.common.storages.load_package import LoadJobInfo, ParsedLoadJobFileName
from dlt.destinations.job_impl import FollowupJobRequestImpl
from pyarrow import BufferOutputStream, BufferReader, csv

from pipelines.warehouse.dlt_internals.postgres_session import SqlClient

_ROWS_AT_A_TIME = 20_000
_BUFFER_BYTES = 1024 * 1024
_FORMAT: Literal["sql"] = "sql"  # of a merge job's file: a format that dlt knows, though its content is JSON


def is_merge(file: str) -> bool:
    """The file belongs to a `Merge` job."""
    return file.endswith(f".{_FORMAT}")


def merge_request(tables: Sequence[Any], jobs: Iterable[LoadJobInfo]) -> FollowupJobRequestImpl:
    """The follow-up job that merges these tables, the parent table first, from the files of the jobs."""
    files: dict[str, list[str]] = {table["name"]: [] for table in tables}
    for job in jobs:
        files[job.job_file_info.table_name].append(job.file_path)
    name = ParsedLoadJobFileName(tables[0]["name"], ParsedLoadJobFileName.new_file_id(), 0, _FORMAT)
    request = FollowupJobRequestImpl(name.file_name())
    request._save_text_file(json.dumps(files))
    return request


class AwaitMerge(RunnableLoadJob, HasFollowupJobs):
    """A job that does nothing: the `Merge` that follows reads its file."""

    def run_managed(self, job_client: Any, done_event: Any, /) -> None:
        """Completes the job at once, without a connection."""
        self._done_event = done_event
        self._release("completed")

    def run(self) -> None:
        """Never called."""


class Append(RunnableLoadJob, HasFollowupJobs):
    """Copies a Parquet file into its table."""

    def run(self) -> None:
        """Copies the file in one transaction."""
        client: SqlClient = self._job_client.sql_client  # type: ignore[attr-defined]
        with client.begin_transaction():
            _copy(client, self.load_table_name, self._file_path)


class Merge(RunnableLoadJob):
    """Replaces rows of a table by their primary key, together with their child rows."""

    def run(self) -> None:
        """Replaces the rows in one transaction. It is idempotent, so dlt may retry it."""
        client: SqlClient = self._job_client.sql_client  # type: ignore[attr-defined]
        files: dict[str, list[str]] = json.loads(Path(self._file_path).read_text("utf-8"))
        parent, *children = files
        key = [name for name, column in self._load_table["columns"].items() if column.get("primary_key")]
        with client.begin_transaction():
            for file in files[parent]:
                with _open_parquet(file) as rows:
                    for keys in rows.iter_batches(_ROWS_AT_A_TIME, columns=key):
                        _delete_replaced(client, parent, children, key, keys.to_pylist())
            for table, of_table in files.items():
                for file in of_table:
                    _copy(client, table, file)


def _delete_replaced(
    client: SqlClient, parent: str, children: Sequence[str], key: Sequence[str], values: list[dict[str, Any]]
) -> None:
    """Deletes the rows with these keys, and their child rows."""
    named = client.make_qualified_table_name(parent)
    same = " and ".join(f'old."{column}" = new."{column}"' for column in key)
    replaced: Any = client.execute_sql(
        f"delete from {named} as old using json_populate_recordset(null::{named}, %s::json) as new"
        f" where {same} returning old._dlt_id",
        json.dumps(values),
    )
    if not replaced:
        return
    ids = json.dumps([id for (id,) in replaced])
    for child in children:
        client.execute_sql(
            f"delete from {client.make_qualified_table_name(child)}"
            " where _dlt_parent_id in (select json_array_elements_text(%s::json))",
            ids,
        )


def _open_parquet(path: str) -> Any:
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415  # a quiet run does not need it

    return ParquetFile(path)


def _copy(client: SqlClient, table: str, path: str) -> None:
    """Copies a Parquet file into a table; through a temporary table if row security forbids COPY."""
    into = named = client.make_qualified_table_name(table)
    with _open_parquet(path) as file, client.native_connection.cursor() as cursor:
        columns = ", ".join(f'"{name}"' for name in file.schema_arrow.names)
        is_secured = client.execute_sql("select row_security_active(%s)", named) == [(True,)]
        if is_secured:
            into = "pg_temp.copied"
            client.execute_sql(f"create temporary table copied on commit drop as select {columns} from {named} limit 0")
        for rows in file.iter_batches(_ROWS_AT_A_TIME):
            text = BufferOutputStream()
            csv.write_csv(rows, text, csv.WriteOptions(include_header=False))
            copying = f"copy {into} ({columns}) from stdin with (format csv, encoding 'UTF8')"
            cursor.copy_expert(copying, BufferReader(text.getvalue()), _BUFFER_BYTES)
        if is_secured:
            client.execute_sql(f"insert into {named} ({columns}) select {columns} from {into}; drop table {into}")
