"""The warehouse of one account: dlt's pipeline, the position of the account, and the load of a dlt source.

Every run has a new working directory for dlt. The state is restored from the warehouse, where it is committed with the
rows: measured under SIGKILL, only this way neither loses nor duplicates a row.
"""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from ctypes import CDLL
from functools import cached_property
from typing import Any

import dlt
from dlt.common.schema import Schema
from dlt.destinations.sql_client import SqlClientBase
from dlt.extract import DltSource

from pipelines.warehouse.comments import read_comments
from pipelines.warehouse.comments_and_indexes import make_comments_and_indexes
from pipelines.warehouse.dlt_internals.destinations import fence_loads
from pipelines.warehouse.dlt_internals.dropped_tables import create_dropped_tables, require_dlt_columns
from pipelines.warehouse.dlt_internals.load_packages import (
    count_rows,
    has_rows,
    nest_tables,
    source_of_states,
    unnest_tables,
)
from pipelines.warehouse.dlt_internals.staging_schema import drop_staging_schema
from pipelines.warehouse.dlt_internals.stored_state import (
    adopt_stored_schema,
    correct_new_columns,
    position_in,
    state_after,
    stored_schema,
    stored_state,
)
from pipelines.warehouse.lock import Lock
from pipelines.warehouse.session import Session, new_session
from pipelines.warehouse.stored_faxes import StoredFaxes
from sources.extract.background_call import BackgroundCall
from sources.load.plan import Position
from sources.records.schema import Table

MovedPositions = Callable[[], Mapping[str, Position]]  # after the extract: by the names of the resources of the lists
_MANY_ROWS = 10_000  # whose load leaves more memory behind than the time to release it is worth


class Warehouse:
    """The warehouse of one account, on a connection that stays open for the whole run. On DuckDB it excludes others.

    `raw` is the name of the raw schema. `pipeline` is dlt's, with state and schema restored from the warehouse. It is
    created at its first use; a quiet run never uses it. `schema` is dlt's, as of the last load.
    """

    def __init__(self, session: Session, account: str, lock: Lock) -> None:
        self.session, self.account, self.lock = session, account, lock
        self.client, self.raw = session.client, session.raw
        self.schema: Schema | None = None
        self._has_dropped_staging = False
        self._rows_in_memory = 0  # of loads whose memory has not been released

    @cached_property
    def pipeline(self) -> dlt.Pipeline:
        """dlt's pipeline of the account."""
        pipeline = self.session.pipeline(self.account)
        pipeline.activate()  # it may have been created in another thread
        pipeline.sync_destination()
        adopt_stored_schema(pipeline, self.session.job_client, self.session.provider)
        if pipeline.schema_names and not self.appends:
            correct_new_columns(pipeline.default_schema, self.client, self.raw)
        fence_loads(pipeline, self.lock.fence)
        return pipeline

    @cached_property
    def _stored_state(self) -> Any:
        """The pipeline state of the account before this run."""
        return stored_state(self.session.job_client, self.session.pipeline_name(self.account))

    def position_of(self, table: Table) -> Position:
        """How far the account's table has been read, according to the last load."""
        return position_in(self.pipeline.state if self.appends else self._stored_state, self.session.provider, table)

    def stored(self, table: Table) -> StoredFaxes:
        """The stored faxes of the account, with the ledger of this table."""
        return StoredFaxes(self.client, self.account, self.appends, table.ledger)

    def require_tables(self, full_refresh: bool) -> None:
        """Creates dropped tables and columns again, once per session, if that loses no fax.

        Raises:
            WarehouseError: a table of faxes, or a column of one, was dropped, and `full_refresh` is not set; or a
                column without which no row can be found.
        """
        if not self.session.is_checked:
            provider = self.session.provider
            there = read_comments(self.client, self.raw)
            require_dlt_columns(self.raw, there)
            schema = stored_schema(self.session.job_client, provider) or dlt.Schema(provider)
            create_dropped_tables(schema, self.client, self.raw, there, full_refresh, lambda: self.pipeline)
            self.session.is_checked = True

    def load(
        self,
        sources: DltSource | Sequence[DltSource],
        doing: Callable[[str], object] = lambda activity: None,
        meanwhile: AbstractContextManager[None] | None = None,
        joined: "Mapping[Warehouse, MovedPositions] | None" = None,
    ) -> bool:
        """Loads the rows and cursors of the sources in one package; false if the sources yield nothing.

        `doing` is called with the current activity, for the progress. `meanwhile` is entered while PostgreSQL writes
        rows. With DuckDB and files it is not: they are written in this process, whose threads share one interpreter.
        `joined` are the warehouses of other accounts of PostgreSQL whose rows are in the sources too, in their first
        load. Each transaction requires the locks of all. `comment_and_index` has to follow any load, for each account.
        """
        if self._rows_in_memory >= _MANY_ROWS:
            _release_memory()
            self._rows_in_memory = 0
        accounts, every = [self, *(joined or ())], [sources] if isinstance(sources, DltSource) else [*sources]
        if joined:
            every.append(source_of_states(self.pipeline, self.session.provider, lambda: _states_after(joined)))
        unnest_tables(self.pipeline)
        with self._checkpointing():
            extracted = self.pipeline.extract(every)
            if not has_rows(extracted):
                return False
            self._rows_in_memory += count_rows(extracted)
            doing("loading")
            self.pipeline.normalize()
        nest_tables(self.pipeline, self.pipeline.list_normalized_load_packages())
        beside = meanwhile if meanwhile and self.session.kind == "postgres" else nullcontext()
        with beside, self.lock.turn(self.raw):
            if joined:
                fence_loads(self.pipeline, _all_fences(each.lock for each in accounts))
            self.pipeline.load(raise_on_failed_jobs=True)
        if joined:
            fence_loads(self.pipeline, self.lock.fence)
        schema = self.pipeline.default_schema  # read from a file each time
        for each in accounts:
            each.schema = schema
        doing("reading")
        return True

    @contextmanager
    def _checkpointing(self) -> Iterator[None]:
        """Runs a checkpoint of the last load during the block. DuckDB would wait until a gigabyte is to be written."""
        if not self.schema or self.session.kind != "duckdb":
            yield
            return
        with self.client.native_connection.cursor() as connection:
            checkpoint = BackgroundCall(lambda _: connection.execute("checkpoint"))
            checkpoint.start()
            try:
                yield
            finally:
                checkpoint.result()

    def comment_and_index(self) -> None:
        """Creates the comments and indexes of the last load that are missing. Does nothing before a load."""
        if self.appends or not self.schema:
            return
        if self.schema.version_hash not in self.session.commented_versions:
            with self.lock.turn(self.raw):
                make_comments_and_indexes(self.client, self.raw, self.schema)
            self.session.commented_versions.add(self.schema.version_hash)
        if not self._has_dropped_staging:
            drop_staging_schema(self.client, f"{self.raw}_{self.account}_staging", self.schema.tables)
            self._has_dropped_staging = True

    @property
    def cancel(self) -> Callable[[], object] | None:
        """The function that cancels the current statement, from another thread; None if statements never wait long."""
        return self._cancel if self.session.kind == "postgres" else None

    def _cancel(self) -> None:
        self.client.native_connection.cancel()  # the current connection: it may have been reopened

    @property
    def appends(self) -> bool:
        """Loads append new versions of rows: dlt merges into databases, but not into files."""
        return self.session.kind == "filesystem"


class Warehouses:
    """The warehouses of a run's accounts, opened one after the other.

    The accounts of a provider share a session until one fails. In PostgreSQL it stays connected. A DuckDB file is
    closed after each account, so that other programs can open it. With Parquet files each account has its own session.
    """

    def __init__(self, schema: str, patience: float | None = None) -> None:
        self._schema, self._patience = schema, patience
        self._sessions = ExitStack()
        self._session: Session | None = None

    @contextmanager
    def opened(self, provider: str, account: str) -> Iterator[Warehouse]:
        """The warehouse of one account. Its lock excludes other runs during the block.

        Raises:
            AtWork: another run holds the lock.
            Busy: another program has the file open for longer than `patience` seconds, or else `[sync] busy_seconds`.
        """
        try:
            session = self._session_of(provider, account)
            with (
                nullcontext() if session.kind == "postgres" else session.connected(self._patience),
                session.locked(account) as lock,
            ):
                yield Warehouse(session, account, lock)
        except BaseException:
            self.close()
            raise
        if session.kind == "filesystem":  # dlt's client of files knows only the tables that there were at its beginning
            self.close()

    def _session_of(self, provider: str, account: str) -> Session:
        if self._session and (self._session.provider != provider or self._session.is_lost):
            self.close()
        if self._session is None:
            self._session = self._sessions.enter_context(new_session(provider, account, self._schema))
            if self._session.kind == "postgres":
                self._sessions.enter_context(self._session.connected(self._patience))
        return self._session

    def close(self) -> None:
        """Ends the session."""
        self._session = None
        self._sessions.close()


@contextmanager
def opened(provider: str, account: str, schema: str, patience: float | None = None) -> Iterator[Warehouse]:
    """The warehouse of a single account; see `Warehouses.opened`."""
    warehouses = Warehouses(schema, patience)
    try:
        with warehouses.opened(provider, account) as warehouse:
            yield warehouse
    finally:
        warehouses.close()


def _all_fences(locks: Iterable[Lock]) -> Callable[[SqlClientBase[Any]], None]:
    """A function that calls the fences of all locks."""
    fences = [lock.fence for lock in locks if lock.fence]

    def fence(client: SqlClientBase[Any]) -> None:
        for each in fences:
            each(client)

    return fence


def _states_after(joined: Mapping[Warehouse, MovedPositions]) -> dict[str, Any]:
    """The pipeline states, by name, of the accounts whose positions a load has moved."""
    moved = {each: positions() for each, positions in joined.items()}
    return {
        each.session.pipeline_name(each.account): state_after(each._stored_state, each.session.provider, positions)
        for each, positions in moved.items()
        if positions
    }


def _release_memory() -> None:
    """Returns the memory of earlier loads to the system.

    dlt leaves 11,000 objects of each load in reference cycles, which the thresholds of `bootstrap.py` seldom collect,
    and glibc keeps freed memory between objects in use. Without this, a backfill of 1,000,000 faxes takes 30 MB more.
    """
    gc.collect()
    if not gc.get_freeze_count():
        gc.freeze()  # mostly modules: each later collection takes 0.01 s instead of 0.1
    if malloc_trim := getattr(CDLL(None), "malloc_trim", None):  # only glibc has it
        malloc_trim(0)
