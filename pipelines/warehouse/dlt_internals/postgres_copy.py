"""PostgreSQL as dlt's destination, with COPY as PostgreSQL reads it: an empty text stays one.

dlt 1.31 has `COPY … FORCE_NULL` read every quoted empty text of a CSV file as null.
"""

from typing import Any

from dlt.common.destination.client import HasFollowupJobs, LoadJob, RunnableLoadJob
from dlt.common.storages import FileStorage
from dlt.destinations.impl.postgres import factory
from dlt.destinations.impl.postgres.postgres import PostgresClient, PostgresCsvCopyJob

from pipelines.warehouse.dlt_internals.postgres_session import Fence, SqlClient
from pipelines.warehouse.dlt_internals.unique_keys import require_keys

_BUFFER_BYTES = 256 * 1024


class postgres(factory.postgres):  # its name is the destination's type to dlt
    """dlt's destination of this name, but for how it copies."""

    fence: Fence | None = None  # of the clients that are made from now on

    def client(self, schema: Any, initial_config: Any = None) -> Any:
        """A client whose transactions begin with the fence."""
        made: Any = super().client(schema, initial_config)
        made.sql_client.fence = self.fence
        return made

    @property
    def client_class(self) -> type[PostgresClient]:
        """The client that makes the jobs of a load."""
        return _Client


class _Client(PostgresClient):
    def __init__(self, schema: Any, config: Any, capabilities: Any) -> None:
        super().__init__(schema, config, capabilities)
        theirs = self.sql_client
        self.sql_client = SqlClient(theirs.dataset_name, theirs.staging_dataset_name, config.credentials, capabilities)

    def update_stored_schema(self, *args: Any, **kwargs: Any) -> Any:
        applied = super().update_stored_schema(*args, **kwargs)
        if not self.in_staging_dataset_mode:
            require_keys(self.sql_client, self.sql_client.dataset_name, self.schema)
        return applied

    def create_load_job(self, table: Any, file_path: str, load_id: str, restore: bool = False) -> LoadJob:
        job = super().create_load_job(table, file_path, load_id, restore)
        return _Copy(file_path) if isinstance(job, PostgresCsvCopyJob) else job


class _Copy(RunnableLoadJob, HasFollowupJobs):
    """Copies a CSV file with a header into its table."""

    _job_client: _Client

    def run(self) -> None:
        client = self._job_client.sql_client
        table = client.make_qualified_table_name(self.load_table_name)
        with FileStorage.open_zipsafe_ro(self._file_path, "rb") as rows:
            columns = rows.readline().decode().strip()  # quoted as identifiers are
            with client.begin_transaction(), client.native_connection.cursor() as cursor:
                cursor.copy_expert(
                    f"copy {table} ({columns}) from stdin with (format csv, encoding 'UTF8')", rows, _BUFFER_BYTES
                )
