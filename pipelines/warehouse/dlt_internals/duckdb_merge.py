"""DuckDB as dlt's destination, merging a load straight from its Parquet files: there is no staging dataset.

dlt 1.31 first writes every row into tables beside those that it merges them into.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from dlt.common.destination.client import FollowupJobRequest, LoadJob
from dlt.common.storages.load_package import LoadJobInfo
from dlt.destinations.impl.duckdb import factory
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.job_impl import FinalizedLoadJobWithFollowupJobs
from dlt.destinations.sql_jobs import SqlMergeFollowupJob

_PARTING = re.compile(r"['\\;%\s]", re.ASCII)


class duckdb(factory.duckdb):  # its name is the destination's type to dlt
    """dlt's destination of this name, but for where it merges from."""

    @property
    def client_class(self) -> type[DuckDbClient]:
        """The client that makes the jobs of a load."""
        return _Client


class _Client(DuckDbClient):
    def initialize_storage(self, truncate_tables: Iterable[str] | None = None) -> None:
        if not self.in_staging_dataset_mode:
            super().initialize_storage(truncate_tables)  # type: ignore[arg-type]  # None by default
        elif self.is_storage_initialized():
            self.drop_storage()  # an older version has left rows there

    def should_load_data_to_staging_dataset(self, table_name: str) -> bool:
        return False

    def create_load_job(self, table: Any, file_path: str, load_id: str, restore: bool = False) -> LoadJob:
        if table["write_disposition"] == "merge" and file_path.endswith(".parquet"):
            return FinalizedLoadJobWithFollowupJobs(file_path)  # the files of a fax and its children are merged at once
        return super().create_load_job(table, file_path, load_id, restore)

    def create_table_chain_completed_followup_jobs(
        self, table_chain: Sequence[Any], completed_table_chain_jobs: Sequence[LoadJobInfo] | None = None
    ) -> list[FollowupJobRequest]:
        if table_chain[0]["write_disposition"] != "merge":
            return super().create_table_chain_completed_followup_jobs(table_chain, completed_table_chain_jobs)
        files: dict[str, list[str]] = {table["name"]: [] for table in table_chain}
        for job in completed_table_chain_jobs or ():
            files[job.job_file_info.table_name].append(job.file_path)
        client: Any = _Files(self.sql_client, files)
        return [SqlMergeFollowupJob.from_table_chain(table_chain, client)]


class _Files:
    """The SQL client, to which a table's staged rows are those of its files."""

    def __init__(self, client: DuckDbSqlClient, files: dict[str, list[str]]) -> None:
        self._client, self._files = client, files

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_qualified_table_names(self, table_name: str) -> tuple[str, str]:
        table = self._client.make_qualified_table_name(table_name)
        rows = f"select * from {table} where false"  # for the columns that no file has, or if there is no file
        if paths := ", ".join(map(_quoted, self._files[table_name])):
            rows += (
                f" union all by name select * from read_parquet([{paths}], union_by_name=true, hive_partitioning=false)"
            )
        return table, f"({rows})"


def _quoted(path: str) -> str:
    """The path as a text of DuckDB's, without what tells dlt where a statement or a parameter is."""
    return "e'" + _PARTING.sub(lambda found: f"\\x{ord(found[0]):02x}", path) + "'"
