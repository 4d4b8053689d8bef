"""DuckDB as dlt's destination, with its own merge: DuckDB reads the Parquet files itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from dlt.destinations.impl.duckdb import factory
from dlt.destinations.impl.duckdb.duck import DuckDbClient, DuckDbCopyJob

from pipelines.warehouse.dlt_internals.merge_jobs import MergingClient, use_parquet


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

    def replace(
        self, key: Sequence[str], columns: Mapping[str, Sequence[str]], files: Mapping[str, Sequence[str]]
    ) -> None:
        named = {table: self.sql_client.make_qualified_table_name(table) for table in files}
        of_parent = next(iter(files.values()))
        for table, names in columns.items() if of_parent else ():
            same = " and ".join(f'old."{name}" = new."{new}"' for name, new in zip(names, key, strict=True))
            self.sql_client.execute_sql(  # a list of ids as a parameter would take three times as long as all the rest
                f"delete from {named[table]} as old where exists (select 1 from {_rows(of_parent)} as new where {same})"
            )
        for table, of_table in files.items():
            if of_table:
                self.sql_client.execute_sql(f"insert into {named[table]} by name select * from {_rows(of_table)}")


def _rows(files: Sequence[str]) -> str:
    """The rows of Parquet files as a table function; a file lacks a column that had no value yet."""
    listed = ", ".join("'{}'".format(file.replace("'", "''")) for file in files)
    return f"read_parquet([{listed}], union_by_name = true)"
