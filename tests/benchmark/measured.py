"""What a command took, as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BETWEEN = """
import json, resource, subprocess, sys, time
began = time.monotonic()
code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000]))
sys.exit(code)
"""  # between us and the command, for a child counts the memory of the process that it was forked from


@dataclass(frozen=True)
class Cost:
    """Wall time and CPU time in seconds, peak memory in MB, and the requests made."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    requests: int = 0


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


def measure(command: Sequence[str], environment: Mapping[str, str], server: Server | None = None) -> Cost:
    """Runs a Python command to its end, with this environment and nothing else; what it tells is shown if it fails."""
    clean = {"PATH": os.defpath, "TMPDIR": os.environ.get("TMPDIR", "/tmp"), **environment}
    command = [sys.executable, "-c", BETWEEN, sys.executable, *command]
    ended = subprocess.run(command, env=clean, cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{' '.join(command[4:])} failed with exit code {ended.returncode}:\n{ended.stderr}")
    return Cost(*json.loads(ended.stdout), server.take_requests() if server else 0)


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
