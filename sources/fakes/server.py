"""A provider's server on this machine: a real HTTP server with a function for the answers, and network faults."""

import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sources.fakes.answer import Answer, Request, compact, encoded, framed, json_answer

__all__ = ["Answer", "FakeServer", "Request", "compact", "json_answer", "serve"]


@dataclass
class FakeServer:
    """A running server. A test may replace `answer` while it runs; `requests` are in order of arrival.

    Requests for the state of the account, not for faxes, are in `account_requests`, and `account_answer` answers them.
    """

    answer: Callable[[Request], Answer]
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    account_requests: list[Request] = field(default_factory=list)
    account_answer: Callable[[Request], Answer] = field(init=False)
    failures: list[Exception] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.account_answer = self.answer

    def receive(self, method: str, target: str, headers: Message) -> Request:
        """The request, recorded under the next number."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        with self.lock:
            request = Request(method, unquote(parts.path), query, headers, len(self.requests))
            (self.account_requests if _is_of_account(request) else self.requests).append(request)
        return request

    def respond(self, request: Request) -> Answer:
        """The answer; if making it fails, a 500, and `serve` raises the error again when the server stops."""
        try:
            return self.account_answer(request) if _is_of_account(request) else self.answer(request)
        except Exception as error:
            self.failures.append(error)
            return Answer(500, f"the fake itself failed: {error!r}".encode(), {"Content-Type": "text/plain"})


def _is_of_account(request: Request) -> bool:
    return "/account/" in request.path


class _Server(ThreadingHTTPServer):
    request_queue_size = 1024

    def __init__(self, fake: FakeServer, tls: ssl.SSLContext | None) -> None:
        self.fake = fake
        self.connections: set[Any] = set()
        super().__init__(("127.0.0.1", 0), _Handler)
        fake.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_address[1]}"
        if tls:  # the handshake is left to the thread of the connection
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def server_bind(self) -> None:
        # HTTPServer looks up its own name in the DNS here, which takes seconds on a machine without a network.
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # tests with faults expect the client to close the connection

    def close_connections(self) -> None:
        # Else a kept-alive connection would still get answers after the server has stopped.
        self.fake.closing.set()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_any(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fake = self.server.fake
        answer = fake.respond(fake.receive(self.command, self.path, self.headers))
        fake.closing.wait(answer.delay_seconds)
        if not answer.reset or answer.cut_after is not None:
            self.send(answer)
        if answer.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        self.close_connection |= answer.reset or answer.cut_after is not None

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_any

    def send(self, answer: Answer) -> None:
        body, headers = encoded(answer, self.headers.get("Accept-Encoding", ""))
        self.send_response_only(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        wire = b"" if self.command == "HEAD" else framed(body, answer)
        if not answer.drip_seconds:
            self.wfile.write(wire)
            return
        for byte in wire:
            self.wfile.write(bytes([byte]))
            self.server.fake.closing.wait(answer.drip_seconds)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serve(answer: Callable[[Request], Answer], tls: ssl.SSLContext | None = None) -> Iterator[FakeServer]:
    """A server on a free port of 127.0.0.1 during the block; the end of the block closes every connection."""
    fake = FakeServer(answer)
    server = _Server(fake, tls)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        server.close_connections()
    if fake.failures:
        raise fake.failures[0]
