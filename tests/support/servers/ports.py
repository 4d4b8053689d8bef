"""Ports of this machine for servers that are processes of their own."""

import socket
import subprocess
import time


def free_port() -> int:
    """A port that no server has now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def wait_for_port(port: int, server: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Waits until the process listens on the port, at most so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert server.poll() is None, f"{server.args!r} did not start"
            assert time.monotonic() < deadline, f"{server.args!r} does not listen"
            time.sleep(0.01)
