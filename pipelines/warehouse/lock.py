"""One run at a time: two runs into the same tables would lose rows or double them without an error.

Source: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS, read November 2026.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from dlt.common.exceptions import TerminalException
from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.sql_client import SqlClientBase

from pipelines.outcome import signals
from pipelines.outcome.postgres_errors import LOCK_TIMEOUT, state_of
from sources.errors import AtWork, Busy, ConfigError

_REMEDY = "connect directly, or through a pooler in session or transaction mode"
_HELD = """
    held.locktype = 'advisory' and held.granted and held.mode = 'ExclusiveLock'
        and held.database = (select oid from pg_catalog.pg_database where datname = current_database())
        and ((held.classid::bigint << 32) | held.objid::bigint) = hashtextextended(%s, 0)
"""
_HOLDER = f"""
    select activity.pid, activity.backend_start, activity.client_addr
    from pg_catalog.pg_locks as held join pg_catalog.pg_stat_activity as activity on activity.pid = held.pid
    where {_HELD}
"""
_OURS = f"select pid, virtualtransaction from pg_catalog.pg_locks as held where {_HELD} and pid = pg_backend_pid()"
_IS_HELD = f"select 1 from pg_catalog.pg_locks as held where {_HELD} and pid = %s and virtualtransaction = %s"


class LockLost(Busy, TerminalException):
    """The run's lock is gone, so that another run may be at work; dlt does not try again what this has stopped."""


class Lock(Protocol):
    """What keeps other runs out for as long as the run goes on."""

    @property
    def fence(self) -> Callable[[SqlClientBase[Any]], None] | None:
        """What a transaction has to call so that it commits only while the lock is held; None if nothing has to be."""

    def turn(self, schema: str) -> AbstractContextManager[None]:
        """Has only one run at a time in a block of this schema, of those whose locks have other names.

        Raises:
            Busy: the lock has been lost.
        """


class FileLock:
    """The system's lock of a file: it cannot be lost, and no other run has a warehouse in common."""

    fence = None

    def turn(self, schema: str) -> AbstractContextManager[None]:
        """Waits for nothing: the warehouse is a file that one run at a time has open."""
        return nullcontext()


@contextmanager
def file(path: Path) -> Iterator[FileLock]:
    """Holds the lock file at `path`; the system frees it with the process, however that ends.

    Raises:
        AtWork: another run holds it; the message names its process and its start.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _at_work(lock.read().strip() or "just started") from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n")
        lock.flush()
        yield FileLock()


@dataclass(frozen=True)
class DatabaseLock:
    """PostgreSQL's advisory lock of this name, held by a transaction that stays open on a connection of its own.

    A transaction keeps its session of the server even behind a pooler that gives each transaction another one.
    """

    client: SqlClientBase[Any]
    name: str
    process: int  # of the server, that holds it
    transaction: str

    def fence(self, client: SqlClientBase[Any]) -> None:
        """Has the client's transaction commit only while the lock is held.

        A lock that is lost after this look is taken by no other run before the transaction has ended: `database` waits.

        Raises:
            Busy: the lock has been lost.
        """
        client.execute_sql("select pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", _writing(self.name))
        self._require(client)

    def _require(self, client: SqlClientBase[Any]) -> None:
        if not client.execute_sql(_IS_HELD, self.name, self.process, self.transaction):
            raise LockLost(_LOST)

    @contextmanager
    def turn(self, schema: str) -> Iterator[None]:
        """Waits for the turn, ten minutes at most, or five seconds once a signal has come; the block's end gives it up.

        A signal that comes meanwhile ends the wait, and with it the transaction that holds the run's lock.

        Raises:
            Busy: the lock has been lost.
        """
        try:
            self._require(self.client)
        except DatabaseException as error:
            raise LockLost(_LOST) from error
        patience = "5s" if signals.received() else "10min"
        with signals.waiting(), signals.cancelling(self.client.native_connection.cancel):
            self.client.execute_sql(f"savepoint turn; set local lock_timeout = '{patience}'")
            self.client.execute_sql("select pg_advisory_xact_lock(hashtextextended(%s, 0))", f"fax-sync/{schema}")
        try:
            yield
        finally:
            with suppress(Exception):  # a connection that is lost has given it up
                self.client.execute_sql("rollback to savepoint turn; release savepoint turn")


_LOST = "the connection that held the lock is gone: run again"


@contextmanager
def database(client: SqlClientBase[Any], name: str) -> Iterator[DatabaseLock]:
    """Holds PostgreSQL's advisory lock of this name on the client's connection, and is freed with it.

    Raises:
        AtWork: another run holds it, on this host or another.
        ConfigError: what is between us and the server does not keep the lock.
    """
    _begin(client)
    try:
        for setting in _limits(client):
            client.execute_sql(f"set local {setting} = 0")  # it waits for the whole run, and keeps no row from anybody
        granted = client.execute_sql("select pg_try_advisory_xact_lock(hashtextextended(%s, 0))", name)
        if granted != [(True,)]:
            holders = client.execute_sql(_HOLDER, name) or [("?", "just now", None)]
            process, since, host = holders[0]
            raise _at_work(f"server process {process} since {since or '?'}, from {host or 'this host'}")
        held: Any = client.execute_sql(_OURS, name)
        if not held:
            raise ConfigError(f"the warehouse does not keep the run's lock: {_REMEDY}")
        ((process, transaction),) = held
        _await_writers(client, name)
        yield DatabaseLock(client, name, process, transaction)
    finally:
        with suppress(Exception):  # a connection that is lost has freed it
            client.execute_sql("rollback")


def _begin(client: SqlClientBase[Any]) -> None:
    """Begins a transaction that statements of their own may end.

    Raises:
        ConfigError: a connection that has just been opened breaks at this, twice: so does a pooler in statement mode.
    """
    try:
        client.execute_sql("begin")
    except DatabaseException as error:
        if state_of(error):
            raise
        try:  # dlt has opened another connection
            client.execute_sql("begin")
        except DatabaseException as again:
            if state_of(again):
                raise
            raise ConfigError(f"the warehouse breaks the connection when a transaction begins: {_REMEDY}") from again


def _limits(client: SqlClientBase[Any]) -> Iterator[str]:
    """The settings of this server that would end a transaction that waits."""
    yield "idle_in_transaction_session_timeout"
    if client.native_connection.server_version >= 17_00_00:
        yield "transaction_timeout"


def _await_writers(client: SqlClientBase[Any], name: str) -> None:
    """Waits until no transaction of an earlier run goes on: it may commit although the run itself has been killed.

    Raises:
        Busy: one goes on for longer than `lock_timeout`.
    """
    client.execute_sql("savepoint writers")
    try:
        client.execute_sql("select pg_advisory_xact_lock(hashtextextended(%s, 0))", _writing(name))
    except DatabaseException as error:
        if state_of(error) != LOCK_TIMEOUT:
            raise
        raise Busy("a transaction of an earlier run still goes on in the warehouse: run again later") from error
    client.execute_sql("rollback to savepoint writers; release savepoint writers")


def _writing(name: str) -> str:
    """The name of the lock that every transaction which writes shares."""
    return f"{name}/writing"


def _at_work(holder: str) -> AtWork:
    return AtWork(f"another run is at work ({holder}): nothing to do, it loads the same faxes")
