"""One run at a time: two runs into the same tables would lose rows or double them without an error."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dlt.destinations.sql_client import SqlClientBase

from sources.errors import AtWork, Busy

Verify = Callable[[], None]  # raises Busy if the lock has been lost
_HOLDER = """
    select activity.pid, activity.backend_start, activity.client_addr
    from pg_locks as held join pg_stat_activity as activity on activity.pid = held.pid
    where held.locktype = 'advisory' and held.granted
        and ((held.classid::bigint << 32) | held.objid::bigint) = hashtextextended(%s, 0)
"""


@contextmanager
def file(path: Path) -> Iterator[Verify]:
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
        yield lambda: None


@contextmanager
def session(client: SqlClientBase[Any], name: str) -> Iterator[Verify]:
    """Holds PostgreSQL's advisory lock of this name on the client's connection, and is freed with it.

    Raises:
        AtWork: another run holds it, on this host or another.
    """
    granted = client.execute_sql("select pg_try_advisory_lock(hashtextextended(%s, 0))", name)
    if granted != [(True,)]:
        holders = client.execute_sql(_HOLDER, name) or [("?", "just now", None)]
        process, since, host = holders[0]
        raise _at_work(f"server process {process} since {since}, from {host or 'this host'}")

    def verify() -> None:
        try:
            client.execute_sql("select 1")
        except Exception as error:
            raise Busy("the connection that held the lock is gone: run again") from error

    yield verify


@contextmanager
def turn(client: SqlClientBase[Any], name: str) -> Iterator[None]:
    """One at a time, in PostgreSQL: waits for the turn, ten minutes at most; the end of the block gives it up."""
    client.execute_sql("set lock_timeout = '10min'")
    client.execute_sql("select pg_advisory_lock(hashtextextended(%s, 0))", name)
    client.execute_sql("reset lock_timeout")
    try:
        yield
    finally:
        client.execute_sql("select pg_advisory_unlock(hashtextextended(%s, 0))", name)


def _at_work(holder: str) -> AtWork:
    return AtWork(f"another run is at work ({holder}): nothing to do, it loads the same faxes")
