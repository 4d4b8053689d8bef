"""PgBouncer in front of PostgreSQL. Tests that need it are skipped if it is not installed."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import pytest

from tests.support.servers.postgres import Server

MAX_SECONDS = 30  # that PgBouncer may take to listen
_BINARY = which("pgbouncer") or which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
_CONFIG = """
[databases]
* = host={socket} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 20
query_wait_timeout = 20
{more}
"""


@contextmanager
def pooler(server: Server, mode: str, *more: str) -> Iterator[int]:
    """A local port that leads to the server through PgBouncer. `more` are further lines of its configuration."""
    if _BINARY is None:
        pytest.skip("there is no PgBouncer on this machine: apt-get install pgbouncer")
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="pgbouncer", dir="/tmp") as directory:
        config = Path(directory) / "pgbouncer.ini"
        config.write_text(_CONFIG.format(socket=server.socket, port=port, mode=mode, more="\n".join(more)), "utf-8")
        Path(directory).chmod(0o755)
        config.chmod(0o644)
        owner = Path(server.socket, ".s.PGSQL.5432").stat().st_uid  # PgBouncer refuses to run as root
        user = owner if os.getuid() == 0 else None
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen([_BINARY, str(config)], user=user, **quiet) as running:  # type: ignore[call-overload]
            try:
                _wait_for(port, running)
                yield port
            finally:
                running.kill()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _wait_for(port: int, running: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + MAX_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert running.poll() is None, "PgBouncer did not start"
            assert time.monotonic() < deadline, "PgBouncer does not listen"
            time.sleep(0.01)
