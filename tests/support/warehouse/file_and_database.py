"""The two warehouses of tests with one interface: a DuckDB file, and a PostgreSQL database."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import duckdb

from tests.support.servers.postgres import Reader, Server

KINDS = ("duckdb", "postgres")
MAX_SECONDS = 60  # that the server may take to see that a client is gone


@dataclass(frozen=True)
class File:
    """A DuckDB file."""

    path: Path
    kind: ClassVar = "duckdb"

    def settings(self) -> dict[str, str]:
        """The environment of a run that loads into it."""
        return {
            "DESTINATION__WAREHOUSE__DESTINATION_TYPE": "duckdb",
            "DESTINATION__WAREHOUSE__CREDENTIALS": str(self.path),
        }

    def is_there(self) -> bool:
        """A run has opened it."""
        return self.path.exists()

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """A read-only connection."""
        with duckdb.connect(str(self.path), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            yield connection

    @contextmanager
    def writable(self) -> Iterator[Any]:
        """A connection that can write."""
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            yield connection

    def write(self, sql: str, *parameters: Any) -> None:
        """Executes a statement with `?` for each parameter, as another program would."""
        with self.writable() as connection:
            connection.execute(sql, parameters or None)

    def empty(self) -> None:
        """Empties it."""
        self.path.unlink()

    def backup(self) -> Callable[[], None]:
        """Makes a backup; returns what restores it."""
        copy = self.path.with_name(f"backup-{time.monotonic_ns()}.duckdb")
        shutil.copyfile(self.path, copy)
        return partial(self.restore, File(copy))

    def restore(self, backup: "File") -> None:
        """Restores the backup."""
        Path(f"{self.path}.wal").unlink(missing_ok=True)
        shutil.copyfile(backup.path, self.path)


@dataclass(frozen=True)
class Database:
    """A database of a server."""

    server: Server
    name: str
    kind: ClassVar = "postgres"

    def settings(self) -> dict[str, str]:
        """The environment of a run that loads into it."""
        return self.server.settings(self.name)

    def is_there(self) -> bool:
        """Always true, once the server has closed the session of a killed client."""
        deadline = time.monotonic() + MAX_SECONDS
        sql = f"select 1 from pg_stat_activity where datname = '{self.name}'"
        while self.server.query("postgres", sql):
            assert time.monotonic() < deadline, "a session does not end"
            time.sleep(0.005)
        return True

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """A read-only connection with DuckDB's interface."""
        with closing(self.server.connect(self.name)) as connection:
            yield Reader(connection)

    def writable(self) -> AbstractContextManager[Any]:
        """A connection that can write, in autocommit mode."""
        return self.opened()

    def write(self, sql: str, *parameters: Any) -> None:
        """Executes a statement with `?` for each parameter, as another program would."""
        with self.writable() as connection:
            connection.execute(sql, parameters or None)

    def empty(self) -> None:
        """Empties it."""
        self.restore(Database(self.server, "template1"))

    def backup(self) -> Callable[[], None]:
        """Makes a backup; returns what restores it."""
        self.is_there()
        return partial(self.restore, Database(self.server, self.server.create(self.name)))

    def restore(self, backup: "Database") -> None:
        """Restores the backup."""
        self.is_there()
        self.server.query("postgres", f"drop database {self.name}")
        self.server.query("postgres", f"create database {self.name} template {backup.name}")


Warehouse = File | Database
