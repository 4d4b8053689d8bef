"""A session: dlt's working directory and the connections, which the accounts of one provider use one at a time."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dlt
from dlt.destinations.sql_client import SqlClientBase

from pipelines.config.settings import SyncSettings
from pipelines.outcome.postgres_errors import require_encoding, require_schema, require_writable
from pipelines.warehouse import lock
from pipelines.warehouse.connection import connect, connected, kind
from pipelines.warehouse.database_file import lock_file, make_file
from pipelines.warehouse.dlt_internals.destinations import configured_destination, duckdb_file
from pipelines.warehouse.lock import FileLock, Lock
from pipelines.warehouse.working_directory import working_directory


class Session:
    """`raw` is the raw schema, `client` the connection. `job_client` is dlt's client for stored states and schemas.

    `is_checked`: no table of the raw schema is missing. `commented_versions`: versions of dlt's schema for which this
    session has created comments and indexes.
    """

    def __init__(self, provider: str, account: str, schema: str, directory: str) -> None:
        self.provider, self.raw, self._views = provider, f"{schema}_{provider}", schema
        self.is_checked = False
        self.commented_versions = set[str]()
        self._directory, self._first_account = directory, account
        self.first_pipeline = self._create_pipeline(account)
        self.kind = kind(self.first_pipeline)
        if self.kind == "filesystem":
            self.first_pipeline.sync_destination()  # dlt's client of files knows only earlier tables
        job_client: Any = self.first_pipeline.destination_client()
        self.job_client, self.client = job_client, job_client.sql_client
        self.lock_client: SqlClientBase[Any] | None = None

    @property
    def file(self) -> Path | None:
        """The DuckDB file; None for another warehouse."""
        return duckdb_file(self.job_client) if self.kind == "duckdb" else None

    @property
    def is_lost(self) -> bool:
        """A connection to PostgreSQL broke, and could not be opened again."""
        clients = (self.client, self.lock_client) if self.lock_client else ()
        return any(client.native_connection is None for client in clients)

    def pipeline_name(self, account: str) -> str:
        """The name under which dlt stores the account's state."""
        return f"fax_{self.provider}_{account}"

    def pipeline(self, account: str) -> dlt.Pipeline:
        """A new dlt pipeline of the account, whose state and schema are not restored yet."""
        return self.first_pipeline if account == self._first_account else self._create_pipeline(account)

    def _create_pipeline(self, account: str) -> dlt.Pipeline:
        return dlt.pipeline(
            self.pipeline_name(account),
            destination=configured_destination(f"%s_{account}_staging"),
            dataset_name=self.raw,
            pipelines_dir=self._directory,
        )

    @contextmanager
    def connected(self, patience: float | None) -> Iterator[None]:
        """Connects to the warehouse during the block. A DuckDB file, or a directory of Parquet files, is locked.

        Raises:
            AtWork: another run has locked the file.
            Busy: another program has the file open for longer than `patience`, or else `[sync] busy_seconds`.
        """
        with ExitStack() as stack:
            if self.kind == "postgres":
                self.lock_client = stack.enter_context(connected(self.first_pipeline, patience))
            else:
                stack.enter_context(lock.file(lock_file(self.first_pipeline, self.file)))
                make_file(self.file)
            connect(self.client, patience)
            stack.callback(self.client.close_connection)
            if self.kind == "duckdb":
                _limit_resources(self.client)
            yield

    @contextmanager
    def locked(self, account: str) -> Iterator[Lock]:
        """Holds the account's lock during the block: an advisory lock in PostgreSQL, else the session's file lock.

        Raises:
            AtWork: another run holds the lock.
            Busy: a transaction of an earlier run is still open.
        """
        if self.lock_client is None:
            yield FileLock()  # the session has locked the file
            return
        with lock.database(self.lock_client, f"{self.raw}/{self.pipeline_name(account)}") as held:
            require_encoding(self.client)
            require_writable(self.client)
            require_schema(self.client, self.raw, self._views)
            yield held


@contextmanager
def new_session(provider: str, account: str, schema: str) -> Iterator[Session]:
    """A session whose first account is `account`."""
    with working_directory() as directory:
        yield Session(provider, account, schema, directory)


def _limit_resources(client: SqlClientBase[Any]) -> None:
    """Limits the memory and threads of DuckDB, and forbids it to download extensions."""
    client.execute_sql("set memory_limit = %s", SyncSettings.read().duckdb_memory)
    client.execute_sql("set threads = 1")  # dlt loads tables in parallel already
    client.execute_sql("set autoinstall_known_extensions = false")  # no other connections
