"""DuckDB as dlt's destination, with its own merge: DuckDB reads the Parquet files itself."""

from collections.abc import Sequence
from typing import Any

from dlt.destinations.impl.duckdb import factory
from dlt.destinations.impl.duckdb.duck import DuckDbClient, DuckDbCopyJob

from pipelines.warehouse.dlt_internals.merge_jobs import MergingClient, use_parquet

_REPLACED = "temp.replaced"


class duckdb(factory.duckdb):  # dlt takes the class name as the type of the destination
    """dlt's destination of this name, with the client below."""

    def _raw_capabilities(self) -> Any:
        return use_parquet(super()._raw_capabilities())

    @property
    def client_class(self) -> type[DuckDbClient]:
        """The client that creates the jobs of a load."""
        return _Client


class _Client(MergingClient, DuckDbClient):
    append = DuckDbCopyJob

    def delete_replaced(self, parent: str, children: Sequence[str], key: Sequence[str], files: Sequence[str]) -> None:
        execute, named = self.sql_client.execute_sql, self.sql_client.make_qualified_table_name
        same = " and ".join(f'old."{column}" = new."{column}"' for column in key)
        execute(  # a list of ids as a parameter would take three times as long as all the rest
            f"create or replace temporary table {_REPLACED} as select old._dlt_id from {named(parent)} as old"
            f" where exists (select 1 from {_rows(files)} as new where {same})"
        )
        if execute(f"select 1 from {_REPLACED} limit 1"):
            execute(f"delete from {named(parent)} where _dlt_id in (select _dlt_id from {_REPLACED})")
            for child in children:
                execute(f"delete from {named(child)} where _dlt_parent_id in (select _dlt_id from {_REPLACED})")
        execute(f"drop table {_REPLACED}")

    def insert(self, table: str, files: Sequence[str]) -> None:
        named = self.sql_client.make_qualified_table_name(table)
        self.sql_client.execute_sql(f"insert into {named} by name select * from {_rows(files)}")


def _rows(files: Sequence[str]) -> str:
    """The rows of Parquet files as a table function; a file lacks a column that had no value yet."""
    listed = ", ".join("'{}'".format(file.replace("'", "''")) for file in files)
    return f"read_parquet([{listed}], union_by_name = true)"
