"""What the accounts of one provider share in a run, one after the other: connections, and dlt's working directory."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dlt
from dlt.destinations.sql_client import SqlClientBase

from pipelines.config.settings import SyncSettings
from pipelines.outcome.postgres_errors import require_encoding, require_schema
from pipelines.warehouse import lock
from pipelines.warehouse.connection import connect, connected, kind
from pipelines.warehouse.database_file import lock_file, make_file
from pipelines.warehouse.dlt_internals.destinations import configured_destination, duckdb_file
from pipelines.warehouse.lock import FileLock, Lock
from pipelines.warehouse.working_directory import working_directory


class Session:
    """`raw` is the raw schema, `client` the connection; `job_client` is dlt's, to ask for stored state and schemas.

    `is_checked`: the tables of the raw schema have been found to be there. `commented_versions`: of dlt's schema, whose
    comments and indexes this session has made; `viewed_versions`: after whose load it has refreshed the views.
    """

    def __init__(self, provider: str, account: str, schema: str, directory: str) -> None:
        self.provider, self.raw = provider, f"{schema}_{provider}"
        self.is_checked = False
        self.commented_versions, self.viewed_versions = set[str](), set[str | None]()  # None before a load
        self._directory, self._first = directory, account
        self.of_first = self._made(account)
        self.kind = kind(self.of_first)
        if self.kind == "filesystem":
            self.of_first.sync_destination()  # a connection to files knows the tables that were known when it was made
        job_client: Any = self.of_first.destination_client()
        self.job_client, self.client = job_client, job_client.sql_client
        self.lock_client: SqlClientBase[Any] | None = None

    @property
    def file(self) -> Path | None:
        """The DuckDB file; None for another warehouse."""
        return duckdb_file(self.job_client) if self.kind == "duckdb" else None

    def pipeline_name(self, account: str) -> str:
        """The name under which dlt keeps the account's state."""
        return f"fax_{self.provider}_{account}"

    def pipeline(self, account: str) -> dlt.Pipeline:
        """dlt's pipeline of an account, as yet without state and schema."""
        return self.of_first if account == self._first else self._made(account)

    def _made(self, account: str) -> dlt.Pipeline:
        return dlt.pipeline(
            self.pipeline_name(account),
            destination=configured_destination(f"%s_{account}_staging"),
            dataset_name=self.raw,
            pipelines_dir=self._directory,
        )

    @contextmanager
    def locked(self, account: str) -> Iterator[Lock]:
        """The lock of an account: in PostgreSQL itself, for it may be synced from several hosts.

        Raises:
            Busy: another run holds it.
        """
        if self.lock_client is None:
            yield FileLock()  # the session holds the file's
            return
        with lock.database(self.lock_client, f"{self.raw}/{self.pipeline_name(account)}") as held:
            require_encoding(self.client)
            require_schema(self.client, self.raw)
            yield held


@contextmanager
def connected_session(provider: str, account: str, schema: str) -> Iterator[Session]:
    """A session that begins with this account.

    Raises:
        Busy: another run has locked the file, or another program has it open for longer than `[sync] busy_seconds`.
    """
    with working_directory() as directory, ExitStack() as stack:
        session = Session(provider, account, schema, directory)
        if session.kind == "postgres":
            session.lock_client = stack.enter_context(connected(session.of_first))
        else:
            file = session.file
            stack.enter_context(lock.file(lock_file(session.of_first, file)))
            make_file(file)
        connect(session.client)
        stack.callback(session.client.close_connection)
        if session.kind == "duckdb":
            _limit(session.client)
        yield session


def _limit(client: SqlClientBase[Any]) -> None:
    """Limits what DuckDB keeps in memory and what it may fetch, for as long as it has the file open."""
    client.execute_sql("set memory_limit = %s", SyncSettings.read().duckdb_memory)
    client.execute_sql("set threads = 1")  # dlt loads tables side by side; threads of DuckDB's own only add to that
    client.execute_sql("set autoinstall_known_extensions = false")  # no connection but to providers and warehouse
