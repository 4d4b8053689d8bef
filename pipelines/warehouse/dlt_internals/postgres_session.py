"""Connections to PostgreSQL that rely on nothing a session keeps, so that a pooler may sit in between.

A pooler in transaction mode gives each transaction another session of the server, and it, or one in session mode, may
refuse the options that a connection starts with. So every setting is made for one transaction, with its first message.
dlt 1.31 sends the search path as an option of each connection, and resets a session by RESET ALL after an error.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient
from dlt.destinations.sql_client import raise_database_error
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from psycopg2.sql import SQL, Composable

# Our DDL waits, and has others wait for it, no longer than this.
_SETTINGS = {"lock_timeout": "30s", "idle_in_transaction_session_timeout": "60s"}
_KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}  # seconds, seconds, probes
_IDLE_SESSION_TIMEOUT_SINCE = 14_00_00  # the server's version

Fence = Callable[["SqlClient"], None]


class SqlClient(Psycopg2SqlClient):
    """dlt's client of PostgreSQL, but for where its settings come from.

    `fence` is called at the beginning of every transaction, and may end it by raising.
    """

    fence: Fence | None = None

    def open_connection(self) -> Any:
        """A connection that commits each statement, with the options of PGOPTIONS and of the credentials, if any."""
        own = self.credentials.get_query()
        options = f"{os.environ.get('PGOPTIONS', '')} {own.get('options', '')}".strip()
        more: dict[str, Any] = {name: value for name, value in _KEEPALIVES.items() if name not in own}
        more["client_encoding"] = "UTF8"  # whatever the role, the database or the credentials take for granted
        if options:
            more["options"] = options
        self._prologue = _prologue(options, f"{self.fully_qualified_dataset_name()}, public")
        self._conn = psycopg2.connect(dsn=self.credentials.to_native_representation(), **more)
        self._conn.autocommit = True
        if self._conn.server_version >= _IDLE_SESSION_TIMEOUT_SINCE:  # a backfill may leave it idle for hours
            with self._conn.cursor() as cursor:
                cursor.execute("set idle_session_timeout = 0")
        return self._conn

    def _reset_connection(self) -> None:
        self._conn.rollback()
        self._conn.autocommit = True

    @contextmanager
    def begin_transaction(self) -> Iterator[Any]:
        """A transaction for as long as the block runs."""
        with super().begin_transaction() as transaction:
            self.execute_sql(self._prologue)
            if self.fence:
                self.fence(self)
            yield transaction

    @contextmanager
    @raise_database_error
    def execute_query(self, query: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Executes; a statement outside of a transaction is one."""
        is_outside = self._conn.autocommit and self._conn.info.transaction_status == TRANSACTION_STATUS_IDLE
        if not is_outside:
            with super().execute_query(query, *args, **kwargs) as cursor:
                yield cursor
        elif self.fence:
            with self.begin_transaction(), super().execute_query(query, *args, **kwargs) as cursor:
                yield cursor
        else:  # PostgreSQL takes the statements of one message for one transaction
            both = SQL(self._prologue) + query if isinstance(query, Composable) else f"{self._prologue} {query}"
            with super().execute_query(both, *args, **kwargs) as cursor:
                yield cursor


def _prologue(options: str, search_path: str) -> str:
    """What is set for each transaction: what the options of the connection do not set."""
    ours = {name: f"'{value}'" for name, value in _SETTINGS.items()} | {"search_path": search_path}
    return " ".join(
        f"set local {name} = {value};" for name, value in ours.items() if not re.search(rf"\b{name}\b", options)
    )
