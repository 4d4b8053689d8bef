"""DuckDB as dlt's destination, with its own merge: DuckDB reads the Parquet files itself."""

from collections.abc import Sequence
from typing import Any

from dlt.destinations.impl.duckdb import factory
from dlt.destinations.impl.duckdb.duck import DuckDbClient, DuckDbCopyJob

from pipelines.warehouse.dlt_internals.merge_jobs import Merge, MergingClient, use_parquet

_REPLACED = "temp.replaced"


class duckdb(factory.duckdb):  # dlt takes the class name as the type of the destination
    """dlt's destination of this name, with the client below."""

    def _raw_capabilities(self) -> Any:
        return use_parquet(super()._raw_capabilities())

    @property
    def client_class(self) -> type[DuckDbClient]:
        """The client that creates the jobs of a load."""
        return _Client


class _DuckDbMerge(Merge):
    @staticmethod
    def delete_replaced(
        client: Any, parent: str, children: Sequence[str], key: Sequence[str], files: Sequence[str]
    ) -> None:
        named = client.make_qualified_table_name(parent)
        same = " and ".join(f'old."{column}" = new."{column}"' for column in key)
        client.execute_sql(  # a list of ids as a parameter would take three times as long as all the rest
            f"create or replace temporary table {_REPLACED} as select old._dlt_id from {named} as old"
            f" where exists (select 1 from {_rows(files)} as new where {same})"
        )
        ((count,),) = client.execute_sql(f"select count(*) from {_REPLACED}")
        for table, column in ((parent, "_dlt_id"), *((child, "_dlt_parent_id") for child in children)) if count else ():
            named = client.make_qualified_table_name(table)
            client.execute_sql(f"delete from {named} where {column} in (select _dlt_id from {_REPLACED})")
        client.execute_sql(f"drop table {_REPLACED}")

    @staticmethod
    def insert(client: Any, table: str, files: Sequence[str]) -> None:
        named = client.make_qualified_table_name(table)
        client.execute_sql(f"insert into {named} by name select * from {_rows(files)}")


class _Client(MergingClient, DuckDbClient):
    merge, append = _DuckDbMerge, DuckDbCopyJob


def _rows(files: Sequence[str]) -> str:
    """The rows of Parquet files as a table function; a file lacks a column that had no value yet."""
    listed = ", ".join("'{}'".format(file.replace("'", "''")) for file in files)
    return f"read_parquet([{listed}], union_by_name = true)"
