"""The merge of a load without staging tables: one transaction deletes the replaced rows, and inserts the new ones.

dlt 1.31 writes every row twice: it copies each file into a staging table, merges the staging tables in another job, and
truncates them. Here, a file waits until all files of a table of faxes and its child tables are there, and one job
merges them.
"""

import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from dlt.common.destination.client import FollowupJobRequest, HasFollowupJobs, LoadJob, RunnableLoadJob
from dlt.common.schema.typing import TColumnSchema
from dlt.common.storages.load_package import LoadJobInfo, ParsedLoadJobFileName
from dlt.destinations.exceptions import DatabaseTerminalException
from dlt.destinations.job_client_impl import SqlJobClientWithStagingDataset
from dlt.destinations.job_impl import FollowupJobRequestImpl

from pipelines.warehouse.dlt_internals.unique_keys import keys_of

_FORMAT: Literal["sql"] = "sql"  # of a merge job's file: a format that dlt knows, though its content is JSON


class MergingClient(SqlJobClientWithStagingDataset):  # dlt creates the jobs of a load by methods of its client
    """A client of dlt whose loads are merged by `Merge` jobs, and appended by jobs of the class `append`."""

    append: ClassVar[type[RunnableLoadJob]]
    refusals: ClassVar[tuple[type[Exception], ...]] = ()  # errors of the driver that a repetition does not mend

    @abstractmethod
    def replace(
        self, key: Sequence[str], columns: Mapping[str, Sequence[str]], files: Mapping[str, Sequence[str]]
    ) -> None:
        """Deletes rows of each table, and inserts the rows of its Parquet files. It is called in a transaction.

        `files` and `columns` are by table, the parent table first. The rows that are deleted have in these columns the
        values that a row of the parent table's files has in the columns of `key`.
        """

    def should_load_data_to_staging_dataset(self, table_name: str) -> bool:
        """No table is staged."""
        return False

    def create_load_job(self, table: Any, file_path: str, load_id: str, restore: bool = False) -> LoadJob:
        """The job of a file."""
        if file_path.endswith(f".{_FORMAT}"):
            return Merge(file_path)
        return _AwaitMerge(file_path) if table["write_disposition"] == "merge" else self.append(file_path)

    def create_table_chain_completed_followup_jobs(
        self, table_chain: Sequence[Any], completed_table_chain_jobs: Any = None
    ) -> list[FollowupJobRequest]:
        """The merge of a table of faxes and its child tables, once their files are there."""
        is_merged = table_chain[0]["write_disposition"] == "merge"
        return [_merge_request(table_chain, completed_table_chain_jobs)] if is_merged else []

    def _get_table_update_sql(
        self, table_name: str, new_columns: Sequence[TColumnSchema], generate_alter: bool
    ) -> list[str]:
        """The statements that create a table or, with `generate_alter`, columns: these are empty in existing rows."""
        if generate_alter:
            empty: TColumnSchema = {"nullable": True, "unique": False}
            new_columns = [{**column, **empty} for column in new_columns]
        return super()._get_table_update_sql(table_name, new_columns, generate_alter)


class Merge(RunnableLoadJob):
    """Replaces rows of a table by their primary key, together with their child rows."""

    def run(self) -> None:
        """Replaces the rows in one transaction. It is idempotent, so dlt may retry it.

        Raises:
            DatabaseTerminalException: the database refuses a row, so dlt must not retry it.
        """
        client: MergingClient = self._job_client  # type: ignore[assignment]
        try:
            self._merge(client)
        except Exception as error:
            if isinstance(refusal := getattr(error, "dbapi_exception", error), client.refusals):
                raise DatabaseTerminalException(refusal) from error
            raise

    def _merge(self, client: MergingClient) -> None:
        files: dict[str, list[str]] = json.loads(Path(self._file_path).read_text("utf-8"))
        parent, *children = files
        key = [name for name, column in self._load_table["columns"].items() if column.get("primary_key")]
        # By the key of their fax, child rows are deleted even if somebody else has deleted the fax.
        columns: dict[str, Sequence[str]] = {parent: key}
        columns |= {child: keys_of(client.schema)[child][: len(key)] for child in children}
        with client.sql_client.begin_transaction():
            client.replace(key, columns, files)


def use_parquet(capabilities: Any) -> Any:
    """The capabilities of a destination, with Parquet as the only format: else dlt would convert what is extracted."""
    capabilities.preferred_loader_file_format = "parquet"
    capabilities.supported_loader_file_formats = ["parquet"]
    capabilities.loader_file_format_selector = None  # that of PostgreSQL refuses Parquet without ADBC
    return capabilities


class _AwaitMerge(RunnableLoadJob, HasFollowupJobs):
    """A job that does nothing: the `Merge` that follows reads its file."""

    def run_managed(self, job_client: Any, done_event: Any, /) -> None:
        """Completes the job at once, without a connection."""
        self._done_event = done_event
        self._release("completed")

    def run(self) -> None:
        """Never called."""


def _merge_request(tables: Sequence[Any], jobs: Iterable[LoadJobInfo]) -> FollowupJobRequestImpl:
    """The follow-up job that merges these tables, the parent table first, from the files of the jobs."""
    files: dict[str, list[str]] = {table["name"]: [] for table in tables}
    for job in jobs:
        files[job.job_file_info.table_name].append(job.file_path)
    name = ParsedLoadJobFileName(tables[0]["name"], ParsedLoadJobFileName.new_file_id(), 0, _FORMAT)
    request = FollowupJobRequestImpl(name.file_name())
    request._save_text_file(json.dumps(files))
    return request
