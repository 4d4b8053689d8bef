"""Connections to PostgreSQL that work through a connection pooler, because they keep no state in the session.

A pooler in transaction mode may give each transaction another session of the server. Poolers may also refuse the
options of a new connection. So every setting is made by `set local`, in the first message of each transaction. Only
`idle_session_timeout` has to outlive it, and is made for the session; a rollback undoes it, and the next transaction
makes it again. dlt 1.31 sends the search path as an option of each connection, and resets a session by RESET ALL after
an error.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from dlt.common.configuration import configspec
from dlt.common.typing import TSecretStrValue
from dlt.destinations.impl.postgres.configuration import PostgresClientConfiguration, PostgresCredentials
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient
from dlt.destinations.sql_client import raise_database_error
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INERROR, TRANSACTION_STATUS_INTRANS
from psycopg2.sql import SQL, Composable

# DDL waits for a lock no longer than this, because other sessions wait behind it.
_SETTINGS = {"lock_timeout": "30s", "idle_in_transaction_session_timeout": "60s"}
_KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}  # seconds, seconds, probes
_IDLE_SESSION_TIMEOUT_SINCE = 14_00_00  # version of the server

Fence = Callable[["SqlClient"], None]


@configspec(init=False)
class Credentials(PostgresCredentials):
    """dlt's credentials, without blanks or a newline around a value, and without SQLAlchemy's driver in the URL.

    libpq finds a host or a password that is missing, as it does for psql: in the parameters, in PGHOST, in ~/.pgpass.
    """

    host: str | None = None  # type: ignore[assignment]  # dlt requires one
    password: TSecretStrValue | None = None  # type: ignore[assignment]

    def parse_native_representation(self, native_value: Any) -> None:
        """Takes the parts of a URL."""
        super().parse_native_representation(native_value.strip() if isinstance(native_value, str) else native_value)
        self.update({"drivername": "postgresql"})

    def on_resolved(self) -> None:
        """Strips the parts that are set one by one; dlt itself strips the password."""
        super().on_resolved()
        parts = {name: getattr(self, name) for name in ("username", "host", "database")}
        self.update({name: part.strip() for name, part in parts.items() if part})


@configspec(init=False)
class Configuration(PostgresClientConfiguration):
    """dlt's configuration of the destination, with the credentials above."""

    credentials: Credentials = None  # type: ignore[assignment]  # as in dlt: it is resolved later


class SqlClient(Psycopg2SqlClient):
    """dlt's client of PostgreSQL, with settings for each transaction instead of each session.

    Every transaction that may write calls `fence` first; an error of `fence` ends the transaction.
    """

    fence: Fence | None = None
    _beginning = ""  # of a transaction; it is sent with the next statement

    def open_connection(self) -> Any:
        """A new connection in autocommit mode, with the options of PGOPTIONS and of the credentials."""
        own = self.credentials.get_query()
        options = f"{os.environ.get('PGOPTIONS', '')} {own.get('options', '')}".strip()
        parameters: dict[str, Any] = _KEEPALIVES | own  # not in the URL, where dlt writes + for a blank
        parameters["client_encoding"] = "UTF8"  # overrides the default of the role or the database
        if options:
            parameters["options"] = options
        url = self.credentials.to_url().set(query={})
        self._conn = psycopg2.connect(dsn=url.render_as_string(hide_password=False), **parameters)
        self._conn.autocommit = True
        self._prologue = _prologue(options, f"{self.fully_qualified_dataset_name()}, public")
        if self._conn.server_version >= _IDLE_SESSION_TIMEOUT_SINCE:  # it may idle for hours during a backfill
            self._prologue += " set idle_session_timeout = 0;"
        return self._conn

    def _reset_connection(self) -> None:
        if self._conn.info.transaction_status != TRANSACTION_STATUS_IDLE:
            with self._conn.cursor() as cursor:
                cursor.execute("rollback")

    @contextmanager
    def begin_transaction(self) -> Iterator[Any]:
        """A transaction around the block, begun in the same message as the statement of the fence.

        psycopg2 would send `begin` in a message of its own, and each message takes the time to the server and back.
        """
        try:
            if self._conn.info.transaction_status in (TRANSACTION_STATUS_INTRANS, TRANSACTION_STATUS_INERROR):
                raise psycopg2.ProgrammingError("a transaction inside another one would commit what is not its own")
            self._beginning = f"begin; {self._prologue}"
            if self.fence:
                self.fence(self)
            if self._beginning:
                self.execute_sql("")
            yield self
            self.commit_transaction()
        except Exception:
            self.rollback_transaction()
            raise
        finally:
            self._beginning = ""

    @raise_database_error
    def commit_transaction(self) -> None:
        """Commits the transaction. psycopg2's `commit` does nothing, because it has not begun it."""
        with self._conn.cursor() as cursor:
            cursor.execute("commit")

    @raise_database_error
    def rollback_transaction(self) -> None:
        """Rolls the transaction back, if there is one."""
        self._beginning = ""
        self._reset_connection()

    @contextmanager
    @raise_database_error
    def execute_query(self, query: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Executes a query. Outside of a transaction, the query gets a transaction of its own."""
        before, self._beginning = self._beginning, ""
        is_outside = self._conn.info.transaction_status == TRANSACTION_STATUS_IDLE and not before
        if is_outside and self.fence and not _only_reads(query):
            with self.begin_transaction(), super().execute_query(query, *args, **kwargs) as cursor:
                yield cursor
            return
        if is_outside:  # PostgreSQL executes the statements of one message in one transaction
            before = self._prologue
        with super().execute_query(_after(before, query), *args, **kwargs) as cursor:
            yield cursor


def _only_reads(query: Any) -> bool:
    """The query can write nothing, so no fence is needed."""
    return isinstance(query, str) and query.lstrip()[:7].lower() == "select "


def _after(before: str, query: Any) -> Any:
    """One message with both, the query at the end: its result is the one that is returned."""
    if not before:
        return query  # unchanged: errors name a position in it
    return SQL(before) + query if isinstance(query, Composable) else f"{before} {query}"


def _prologue(options: str, search_path: str) -> str:
    """The `set local` statements of each transaction, without the settings that are options of the connection."""
    settings = {name: f"'{value}'" for name, value in _SETTINGS.items()} | {"search_path": search_path}
    return " ".join(
        f"set local {name} = {value};" for name, value in settings.items() if not re.search(rf"\b{name}\b", options)
    )
