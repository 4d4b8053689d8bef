"""A proxy for tunnels (CONNECT) that records requests, and every byte that it can read."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """A running proxy. `asked` are the request lines, `seen` all bytes of the clients."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    seen: bytearray = field(default_factory=bytearray)
    refusal: bytes = b""

    def serve(self, client: socket.socket) -> None:
        """Serves one connection of a client."""
        head = b""
        while b"\r\n\r\n" not in head:
            if not (piece := client.recv(65_536)):
                return
            head += piece
        self.seen += head
        line = head.split(b"\r\n", 1)[0].decode()
        self.asked.append(line)
        method, target, *_ = line.split(" ")
        if self.refusal or method != "CONNECT":
            client.sendall(self.refusal or b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port))) as provider:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=self.pass_on, args=(provider, client), daemon=True)
            back.start()
            self.pass_on(client, provider, note=True)
            back.join(5)

    def pass_on(self, one: socket.socket, other: socket.socket, note: bool = False) -> None:
        """Forwards bytes until one side closes."""
        with suppress(OSError):
            while piece := one.recv(65_536):
                if note:
                    self.seen += piece
                other.sendall(piece)
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)


@contextmanager
def proxying() -> Iterator[Proxy]:
    """A proxy that runs during the block."""
    proxy = Proxy()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            proxy.serve(self.request)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield proxy
        finally:
            server.shutdown()
