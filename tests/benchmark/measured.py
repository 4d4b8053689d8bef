"""What a command took, as a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from urllib.request import urlopen

from tests.benchmark.memory import peak_memory

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class Cost:
    """Wall time and CPU time in seconds, peak memory in MB, and the requests made: of all its processes together.

    `logged_mb` are MB of PostgreSQL's write-ahead log and of its temporary files.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    requests: int = 0
    logged_mb: float = 0.0


@dataclass(frozen=True)
class Server:
    """A running server of prepared pages."""

    url: str

    def take_requests(self) -> int:
        """How many requests there were since this was last asked."""
        with urlopen(f"{self.url}/requests") as answer:
            return int(answer.read())


@contextmanager
def served(account: Path, latency_ms: float) -> Iterator[Server]:
    """Serves a prepared account for as long as the block runs."""
    command = [sys.executable, str(HERE / "server.py"), str(account), str(latency_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield Server(f"http://127.0.0.1:{int(running.stdout.readline())}")
        finally:
            running.terminate()


def process_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """This environment, and of this machine only where its programs and its temporary files are."""
    return {"PATH": os.defpath, "TMPDIR": os.environ.get("TMPDIR", "/tmp"), **environment}


def measure(
    command: Sequence[str],
    environment: Mapping[str, str],
    server: Server | None = None,
    exit_codes: Collection[int] = (0,),
) -> Cost:
    """Runs a Python command to its end, with this environment and nothing else; its output is shown if it fails."""
    clean = process_environment(environment)
    with TemporaryFile("w+") as told:
        began = time.monotonic()
        running = subprocess.Popen([sys.executable, *command], env=clean, cwd=ROOT, stdout=told, stderr=told)
        with peak_memory(running.pid) as peak:
            _, status, used = os.wait4(running.pid, 0)
        wall_seconds = time.monotonic() - began
        running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode not in exit_codes:
            told.seek(0)
            raise SystemExit(f"{' '.join(command)} failed with exit code {running.returncode}:\n{told.read()}")
    return Cost(wall_seconds, used.ru_utime + used.ru_stime, peak.mb, server.take_requests() if server else 0)


def settings(project: Path, credentials: str) -> dict[str, str]:
    """The environment that has a run fill this warehouse, a DuckDB file or PostgreSQL's URL.

    The project directory is made anew, so that the accounts of whoever runs the benchmark are not in it.
    """
    (project / ".dlt").mkdir(parents=True, exist_ok=True)
    (project / ".dlt" / "config.toml").write_bytes((ROOT / ".dlt" / "config.toml").read_bytes())
    return {
        "DLT_PROJECT_DIR": str(project),
        "DESTINATION__WAREHOUSE__DESTINATION_TYPE": "postgres" if credentials.startswith("postgresql:") else "duckdb",
        "DESTINATION__WAREHOUSE__CREDENTIALS": credentials,
    }


def leading_to(server: Server) -> dict[str, str]:
    """The environment that has a run read the account that is served."""
    read = {"API_KEY": "px-key", "API_SECRET": "px-secret", "BASE_URL": f"{server.url}/v2"}
    return {f"SOURCES__PHAXIO__{key}": value for key, value in read.items()}
