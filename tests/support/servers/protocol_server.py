"""A server that refuses every connection in PostgreSQL's protocol, in any language, with any SQLSTATE."""

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_TLS, _GSS = 80877103, 80877104


@contextmanager
def refusing(state: str, text: str, after_password: bool = False) -> Iterator[int]:
    """The port of a running server. With `after_password`, it asks for a password before it refuses."""

    class Refusal(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            code = self._startup()
            while code in (_TLS, _GSS):
                self.wfile.write(b"N")
                code = self._startup()
            if code and after_password:
                self.wfile.write(b"R" + struct.pack("!ii", 8, 3))  # in clear text
                if not self.rfile.read(1):
                    return
                self.rfile.read(struct.unpack("!i", self.rfile.read(4))[0] - 4)
            fields = b"".join(
                part.encode() + b"\0" for part in ("SВАЖНО", "VFATAL", f"C{state}", f"M{text}", "Rauth_failed")
            )
            self.wfile.write(b"E" + struct.pack("!i", len(fields) + 5) + fields + b"\0")

        def _startup(self) -> int:
            if len(head := self.rfile.read(8)) < 8:
                return 0
            length, code = struct.unpack("!ii", head)
            self.rfile.read(length - 8)
            return int(code)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refusal) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
