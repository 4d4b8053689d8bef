"""PgBouncer in front of PostgreSQL. Tests that need it are skipped if it is not installed."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import pytest

from tests.support.servers.ports import free_port, wait_for_port
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
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="pgbouncer", dir="/tmp") as directory:
        config = Path(directory) / "pgbouncer.ini"
        config.write_text(_CONFIG.format(socket=server.socket, port=port, mode=mode, more="\n".join(more)), "utf-8")
        Path(directory).chmod(0o755)
        config.chmod(0o644)
        owner = Path(server.socket, ".s.PGSQL.5432").stat().st_uid  # PgBouncer refuses to run as root
        user = owner if os.getuid() == 0 else None
        nowhere = subprocess.DEVNULL
        with subprocess.Popen([_BINARY, str(config)], user=user, stdout=nowhere, stderr=nowhere) as running:
            try:
                wait_for_port(port, running, MAX_SECONDS)
                yield port
            finally:
                running.kill()
