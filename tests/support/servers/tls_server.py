"""A TLS server whose certificate is issued by a CA of the tests."""

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import trustme

Serve = Callable[[trustme.LeafCert], "Counted"]


class Counted(http.server.ThreadingHTTPServer):
    """A TLS server that counts its requests."""

    asked = 0
    body = b'{"fine": true}'

    def server_bind(self) -> None:
        super(http.server.HTTPServer, self).server_bind()  # without asking the DNS for its own name

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Counted

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def serving(certificate: trustme.LeafCert) -> Iterator[Counted]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    server = Counted(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is the point
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def serve_tls() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda certificate: stack.enter_context(serving(certificate))


def bundle(authority: trustme.CA, directory: Path) -> str:
    path = directory / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)
