"""A connection to PostgreSQL that is cut at a chosen COMMIT: before it arrives, or after it, with the response lost."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread

from tests.support.servers.postgres import Server

# A message of one statement or more that ends a transaction, in words or, as several statements in one do, unsaid.
COMMITS = re.compile(rb"Q.{4}\s*(commit|(set [^;]*;\s*)+(insert|delete|update))", re.DOTALL | re.IGNORECASE)


class Wire:
    """Forwards everything except commit number `cut_at` (from 1); with `answer_lost`, except the response to it.

    `messages` counts those with statements: the client waits for the answer to each.
    """

    def __init__(self, server: Server, cut_at: int, answer_lost: bool) -> None:
        self.cut_at, self.answer_lost = cut_at, answer_lost
        self.commits = self.messages = 0
        self._path = f"{server.socket}/.s.PGSQL.5432"
        self._lock = Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._accepting = Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Accepts no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._path)
                Thread(target=_pass_on, args=(self, client, server), daemon=True).start()

    def is_to_cut(self, message: bytes) -> bool:
        """Counts the message if it commits; true for the chosen commit."""
        with self._lock:
            self.messages += message.startswith(b"Q")
            self.commits += bool(COMMITS.match(message))
            return self.commits == self.cut_at and bool(COMMITS.match(message))


def _pass_on(wire: Wire, client: socket.socket, server: socket.socket) -> None:
    """Forwards one connection until a side closes, or it is cut."""
    muted = Event()
    with client, server:
        back = Thread(target=_back, args=(client, server, muted), daemon=True)
        back.start()
        with suppress(OSError):
            _forth(wire, client, server, muted)
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        back.join()


def _forth(wire: Wire, client: socket.socket, server: socket.socket, muted: Event) -> None:
    while message := client.recv(65536):
        is_last = wire.is_to_cut(message)
        if is_last and not wire.answer_lost:
            return
        if is_last:
            muted.set()
        server.sendall(message)
        if is_last:
            client.recv(1)  # until the other direction has seen the answer, and hangs up


def _back(client: socket.socket, server: socket.socket, muted: Event) -> None:
    with suppress(OSError):
        while answer := server.recv(65536):
            if muted.is_set():
                break
            client.sendall(answer)
        client.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire(server: Server, cut_at: int = 0, answer_lost: bool = False) -> Iterator[Wire]:
    """A forwarded local port, during the block."""
    running = Wire(server, cut_at, answer_lost)
    try:
        yield running
    finally:
        running.close()
