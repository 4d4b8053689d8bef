"""A trial on PostgreSQL: the database lacks faxes, and something happens to the run that loads them."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from psycopg2.extensions import connection as Connection

import sources
from tests.conftest import Served, Settings, Sync, Synced
from tests.support.servers.postgres import Server, query_on
from tests.support.warehouse.file_and_database import Database
from tests.support.warehouse.oracle import assert_holds, runs_amiss, unsound

OURS = "datname = current_database() and application_name = 'fax-sync'"
WAITING = f"select pid from pg_stat_activity where {OURS} and wait_event_type = 'Lock'"
MAX_SECONDS = 60  # that anything waited for may take before it is taken to hang
TABLES = {  # where a load is when it has to wait for them
    "merging the faxes": "fax_{provider}.{faxes}",
    "merging what is split off": "fax_{provider}.{child}",
    "merging the ledger": "fax_{provider}.sync_windows",
    "writing the state": "fax_{provider}._dlt_pipeline_state",
    "committing the load": "fax_{provider}._dlt_loads",
}


@dataclass
class ServerTrial:
    """One account, with faxes that the database lacks."""

    served: Served
    settings: Settings
    server: Server
    template: str
    database: str
    sync: Sync
    login: str = "postgres"
    _watching: Connection | None = field(default=None, init=False)

    @property
    def provider(self) -> str:
        return self.served.provider

    @property
    def place(self) -> Database:
        """The database as a warehouse like any other."""
        return Database(self.server, self.database)

    def table(self, point: str) -> str:
        """The table that a load must wait for at this point of `TABLES`."""
        table = sources.provider(self.provider).TABLE
        return TABLES[point].format(provider=self.provider, faxes=table.name, child=table.children[0].name)

    def anew(self) -> "ServerTrial":
        """The same trial in a copy of the database."""
        database = self.server.create(self.template)
        self.settings.update(self.server.settings(database))
        return replace(self, database=database)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a statement of the superuser."""
        return self.server.query(self.database, sql)

    def content(self) -> dict[str, list[str]]:
        """Every row of every raw table, of committed loads."""
        raw = f"fax_{self.provider}"
        listed = f"select table_name from information_schema.columns where table_schema = '{raw}'"
        tables = [table for (table,) in self.query(f"{listed} and column_name = '_dlt_load_id'")]
        committed = f"where _dlt_load_id in (select load_id from {raw}._dlt_loads where status = 0)"
        return {table: sorted(map(repr, self.query(f"select * from {raw}.{table} {committed}"))) for table in tables}

    def ids(self) -> set[str]:
        """The ids of the stored faxes."""
        return {id for (id,) in self.query(f"select id from fax.faxes where provider = '{self.provider}'")}

    def fails(self, exit_code: int, *words: str, under: AbstractContextManager[Any] | None = None) -> Synced:
        """A disturbed run ends with this code and these words, and changes no raw row."""
        before = self.content()
        with under or nullcontext():
            synced = self.sync()
        assert (exit_code, "Traceback" in synced.told) == (synced.exit_code, False), synced.told
        assert [word for word in words if word not in synced.told] == [], synced.told
        assert before == self.content()
        return synced

    def told_truly(self, said: dict[str, Any] | None) -> None:
        """The row of `sync_runs` equals the summary of the run."""
        assert said and list(runs_amiss(self.place, said)) == []

    def withstood(self, synced: Synced, held: set[str]) -> None:
        """The outcome is true: the run is complete, or it asks for a retry, with no fax lost and every fax complete."""
        assert (synced.exit_code in (0, 75), "Traceback" in synced.told) == (True, False), synced.told
        if synced.exit_code == 0:
            self.told_truly(synced.said)
            assert_holds(self.place, self.provider, self.served.fake.truth())
        assert list(unsound(self.place, f"fax_{self.provider}")) == []
        assert held <= self.ids()

    def recovers(self) -> Synced:
        """After one run without a fault, the database holds what the provider holds."""
        synced = self.sync()
        assert synced.exit_code == 0, synced.told
        assert_holds(self.place, self.provider, self.served.fake.truth())
        self.told_truly(synced.said)
        return synced

    @contextmanager
    def locked(self, table: str, mode: str = "access exclusive") -> Iterator[Connection]:
        """Another session locks a table during the block; yields its connection."""
        with closing(self.server.connect(self.database)) as somebody, somebody.cursor() as cursor:
            cursor.execute("set lock_timeout = 0; set idle_in_transaction_session_timeout = 0")
            cursor.execute(f"begin; lock table {table} in {mode} mode")
            yield somebody

    @contextmanager
    def holding(self, sql: str) -> Iterator[None]:
        """Another session has run the statement, and stays open during the block."""
        with closing(self.server.connect(self.database)) as somebody, somebody.cursor() as cursor:
            cursor.execute("set idle_in_transaction_session_timeout = 0")
            cursor.execute(sql)
            yield

    def at_lock(self, table: str, act: Callable[[int], Any], mode: str = "share row exclusive") -> Synced:
        """A run that waits for the locked table; then `act` is called with the process id of its backend."""
        with self.locked(table, mode) as somebody:

            def meet() -> None:
                try:
                    act(self.wait_for_one(WAITING))
                finally:
                    somebody.close()

            with self.beside(meet):
                return self.sync()

    @contextmanager
    def beside(self, act: Callable[[], Any]) -> Iterator[None]:
        """Runs a function in a thread during the block; its error is raised at the end.

        The thread waits on a connection that is open before: libpq reads the environment when it connects, and crashes
        if a run changes it at that moment.
        """
        with closing(self.server.connect(self.database)) as self._watching, ThreadPoolExecutor() as pool:
            done = pool.submit(act)
            yield
            done.result()
        self._watching = None

    def wait_for_one(self, sql: str) -> int:
        """Waits until the query returns a number, and returns it."""
        deadline = time.monotonic() + MAX_SECONDS
        query = partial(query_on, self._watching) if self._watching else self.query
        while not (found := query(sql)):
            assert time.monotonic() < deadline, f"never seen: {sql}"
            time.sleep(0.005)
        return int(found[0][0])
