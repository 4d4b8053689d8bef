"""The lock of a run: two runs into the same tables would lose or duplicate rows without an error.

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
_NOT_KEPT = f"the warehouse does not keep the run's lock: {_REMEDY}"
_NO_TRANSACTION = "25P01"
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
_SHARED = "select pg_advisory_xact_lock_shared(hashtextextended(%s, 0));"
_IS_HELD = f"select 1 from pg_catalog.pg_locks as held where {_HELD} and pid = %s and virtualtransaction = %s"


class LockLost(Busy, TerminalException):
    """The run has lost its lock, so another run may have started; dlt does not retry after this error."""


class Lock(Protocol):
    """The lock that excludes other runs until this run ends."""

    @property
    def fence(self) -> Callable[[SqlClientBase[Any]], None] | None:
        """The function that a transaction calls to commit only while the lock is held; None if no call is needed."""

    def turn(self, schema: str) -> AbstractContextManager[None]:
        """Lets one run at a time execute a block with this schema, of all runs, whatever the names of their locks.

        Raises:
            Busy: the run has lost its lock.
        """


class FileLock:
    """A lock on a file by the operating system, which a run cannot lose. No other run shares the warehouse."""

    fence = None

    def turn(self, schema: str) -> AbstractContextManager[None]:
        """Does not wait: only one run at a time opens the file of the warehouse."""
        return nullcontext()


@contextmanager
def file(path: Path) -> Iterator[FileLock]:
    """Locks the file at `path` during the block. The operating system releases the lock when the process ends.

    Raises:
        AtWork: another run holds the lock; the message names its process and start time.
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
    """PostgreSQL's advisory lock of this name, held by a transaction that stays open on its own connection.

    A transaction keeps its server session even behind a pooler in transaction mode.
    """

    client: SqlClientBase[Any]
    name: str
    process: int  # id of the server process that holds the lock
    transaction: str

    def fence(self, client: SqlClientBase[Any]) -> None:
        """Lets the client's transaction commit only while the run holds the lock.

        If the run loses the lock after this check, another run still waits in `database` until the transaction ends.

        Raises:
            Busy: the run has lost the lock.
        """
        self._require(client, _SHARED, _writers_lock(self.name))

    def _require(self, client: SqlClientBase[Any], before: str = "", *parameters: str) -> None:
        if not client.execute_sql(before + _IS_HELD, *parameters, self.name, self.process, self.transaction):
            raise LockLost(_LOST)

    @contextmanager
    def turn(self, schema: str) -> Iterator[None]:
        """Waits at most ten minutes for the turn, or five seconds after a signal; the end of the block releases it.

        A signal or a lock time-out ends the wait, and with it the transaction that holds the run's lock.

        Raises:
            Busy: the run has lost its lock.
        """
        patience = "5s" if signals.received() else "10min"
        try:
            self._require(self.client, f"savepoint turn; set local lock_timeout = '{patience}';")
        except DatabaseException as error:
            raise LockLost(_LOST) from error
        with signals.waiting(), signals.cancelling(self.client.native_connection.cancel):
            self.client.execute_sql("select pg_advisory_xact_lock(hashtextextended(%s, 0))", f"fax-sync/{schema}")
        try:
            yield
        finally:
            with suppress(Exception):  # a lost connection has released it
                self.client.execute_sql("rollback to savepoint turn; release savepoint turn")


_LOST = "the connection that held the lock is gone: run again"


@contextmanager
def database(client: SqlClientBase[Any], name: str) -> Iterator[DatabaseLock]:
    """Holds PostgreSQL's advisory lock of this name on the client's connection during the block.

    The server releases the lock when the connection ends.

    Raises:
        AtWork: another run holds the lock, on this host or another.
        Busy: a transaction of an earlier run is still open.
        ConfigError: a pooler before the server does not keep the lock.
    """
    granted = _begin(client, name)
    try:
        if granted != [(True,)]:
            holders = client.execute_sql(_HOLDER, name) or [("?", "just now", None)]
            process, since, host = holders[0]
            raise _at_work(f"server process {process} since {since or '?'}, from {host or 'this host'}")
        _await_writers(client, name)
        held: Any = client.execute_sql(f"rollback to savepoint writers; release savepoint writers; {_OURS}", name)
        if not held:
            raise ConfigError(_NOT_KEPT)
        ((process, transaction),) = held
        yield DatabaseLock(client, name, process, transaction)
    finally:
        with suppress(Exception):  # a lost connection has released it
            client.execute_sql("rollback")


def _begin(client: SqlClientBase[Any], name: str) -> Any:
    """Begins a transaction that later statements end, and tries to take the lock in the same message.

    Raises:
        ConfigError: two new connections break at `begin`, as with a pooler in statement mode.
    """
    # The transaction idles for the whole run and locks no row.
    settings = "".join(f"set local {setting} = 0; " for setting in _timeouts(client))
    sql = f"begin; {settings}select pg_try_advisory_xact_lock(hashtextextended(%s, 0))"
    try:
        return client.execute_sql(sql, name)
    except DatabaseException as error:
        if state_of(error):
            raise
        try:  # dlt has opened a new connection
            return client.execute_sql(sql, name)
        except DatabaseException as again:
            if state_of(again):
                raise
            raise ConfigError(f"the warehouse breaks the connection when a transaction begins: {_REMEDY}") from again


def _timeouts(client: SqlClientBase[Any]) -> Iterator[str]:
    """The settings of this server's version that would end an idle transaction."""
    yield "idle_in_transaction_session_timeout"
    if client.native_connection.server_version >= 17_00_00:
        yield "transaction_timeout"


def _await_writers(client: SqlClientBase[Any], name: str) -> None:
    """Waits until every transaction of an earlier run has ended: it may still commit after the run was killed.

    The caller rolls back to its savepoint.

    Raises:
        Busy: one lasts longer than `lock_timeout`.
        ConfigError: a pooler before the server gives each message another session.
    """
    sql = "savepoint writers; select pg_advisory_xact_lock(hashtextextended(%s, 0))"
    try:
        client.execute_sql(sql, _writers_lock(name))
    except DatabaseException as error:
        if state_of(error) == _NO_TRANSACTION:
            raise ConfigError(_NOT_KEPT) from error
        if state_of(error) != LOCK_TIMEOUT:
            raise
        raise Busy("a transaction of an earlier run still goes on in the warehouse: run again later") from error


def _writers_lock(name: str) -> str:
    """The name of the lock that all writing transactions share."""
    return f"{name}/writing"


def _at_work(holder: str) -> AtWork:
    return AtWork(f"another run ({holder}) is already syncing this account")
