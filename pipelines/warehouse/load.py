"""Where data lands: the destination, one dlt pipeline and raw schema per provider, and the load of one source.

dlt's working directory is made afresh for every run, and the state restored from the warehouse, where it is committed
with the rows: measured under SIGKILL, this is the one way that neither loses nor doubles a row.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dlt
from dlt.destinations.sql_client import SqlClientBase
from dlt.extract import DltSource

from pipelines.config.settings import SyncSettings
from pipelines.outcome.postgres_errors import require_encoding, require_schemas
from pipelines.warehouse import lock
from pipelines.warehouse.comments_and_indexes import make_comments_and_indexes
from pipelines.warehouse.connection import connected, kind
from pipelines.warehouse.database_file import file_of, lock_file, make_file
from pipelines.warehouse.dlt_internals.destinations import configured_destination
from pipelines.warehouse.dlt_internals.nesting import nest, unnest
from pipelines.warehouse.lock import Lock
from pipelines.warehouse.working_directory import working_directory
from sources.extract.background_call import BackgroundCall


@dataclass(frozen=True)
class Warehouse:
    """One account's pipeline, and a connection that is held for the whole run: on DuckDB it keeps others out.

    `commented_versions` are the versions of the schema whose comments and indexes this run has made.
    """

    pipeline: dlt.Pipeline
    client: SqlClientBase[Any]
    lock: Lock
    commented_versions: set[str] = field(default_factory=set)

    def load(self, source: DltSource) -> bool:
        """Loads what the source gives now, rows and cursor in one package; nothing, and false, if it gives nothing."""
        unnest(self.pipeline)
        with self._checkpointing():
            extracted = self.pipeline.extract(source).metrics.values()
            if not any(part["job_metrics"] for package in extracted for part in package):
                return False
            self.pipeline.normalize()
        nest(self.pipeline, self.pipeline.list_normalized_load_packages())
        self.lock.verify()
        with self.lock.turn():
            self.pipeline.load(raise_on_failed_jobs=True)
            self._comment_and_index()
        return True

    @contextmanager
    def _checkpointing(self) -> Iterator[None]:
        """Checkpoints the last load meanwhile: dlt lets DuckDB gather a gigabyte before, much of it in memory."""
        if not self.commented_versions or kind(self.pipeline) != "duckdb":
            yield
            return
        with self.client.native_connection.cursor() as connection:
            checkpoint = BackgroundCall(lambda _: connection.execute("checkpoint"))
            checkpoint.start()
            try:
                yield
            finally:
                checkpoint.result()

    def _comment_and_index(self) -> None:
        schema = self.pipeline.default_schema
        if self.appends or schema.version_hash in self.commented_versions:
            return
        make_comments_and_indexes(self.client, self.pipeline.dataset_name, schema, _is_postgres(self.pipeline))
        self.commented_versions.add(schema.version_hash)

    @property
    def cancel(self) -> Callable[[], object] | None:
        """What cancels a statement that the connection waits for, from another thread; None where none waits long."""
        return self._cancel if _is_postgres(self.pipeline) else None

    def _cancel(self) -> None:
        self.client.native_connection.cancel()  # of now: it may have been opened again

    @property
    def appends(self) -> bool:
        """Loads append new versions of rows, and replace none: dlt merges into databases, but not into files."""
        return kind(self.pipeline) == "filesystem"


@contextmanager
def opened(provider: str, account: str, schema: str) -> Iterator[Warehouse]:
    """The warehouse of one account, with dlt's state and schema restored from it into a fresh working directory.

    Raises:
        Busy: another run holds the lock, or, for longer than `[sync] busy_seconds`, another program the file.
    """
    with working_directory() as directory:
        pipeline = dlt.pipeline(
            f"fax_{provider}_{account}",
            destination=configured_destination(f"%s_{account}_staging"),
            dataset_name=f"{schema}_{provider}",
            pipelines_dir=directory,
        )
        with _locked(pipeline) as held:
            if kind(pipeline) == "filesystem":
                pipeline.sync_destination()  # a connection to files knows the tables that were known when it was made
            with _connected(pipeline) as client:
                if _is_postgres(pipeline):
                    require_encoding(client)
                    require_schemas(client, pipeline.dataset_name, client.staging_dataset_name)
                pipeline.sync_destination()
                destination: Any = pipeline.destination
                destination.fence = held.fence  # of all that a load writes
                yield Warehouse(pipeline, client, held)


@contextmanager
def _locked(pipeline: dlt.Pipeline) -> Iterator[Lock]:
    """The lock of this account's raw schema: in PostgreSQL itself, for it may be synced from several hosts."""
    if not _is_postgres(pipeline):
        file = file_of(pipeline)
        with lock.file(lock_file(pipeline, file)) as held:
            make_file(file)
            yield held
        return
    with (
        _connected(pipeline) as client,
        lock.database(client, f"{pipeline.dataset_name}/{pipeline.pipeline_name}") as in_database,
    ):
        yield in_database


def _is_postgres(pipeline: dlt.Pipeline) -> bool:
    return kind(pipeline) == "postgres"


@contextmanager
def _connected(pipeline: dlt.Pipeline) -> Iterator[SqlClientBase[Any]]:
    with connected(pipeline) as client:
        _bound(client, pipeline)
        yield client


def _bound(client: SqlClientBase[Any], pipeline: dlt.Pipeline) -> None:
    """Bounds what DuckDB keeps in memory and what it may fetch, for as long as it has the file open."""
    if kind(pipeline) == "duckdb":
        client.execute_sql("set memory_limit = %s", SyncSettings.read().duckdb_memory)
        client.execute_sql("set threads = 1")  # dlt loads tables side by side; threads of DuckDB's own only add to that
        client.execute_sql("set autoinstall_known_extensions = false")  # no connection but to providers and warehouse
