"""Many accounts of two providers in one run: what they cost when everything is new, and when nothing is."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.benchmark.measured import ROOT, measure, settings
from tests.benchmark.targets import Figure
from tests.benchmark.tls import CA_BUNDLE, tls_of_this_machine
from tests.support.many_accounts import OWN_KEY, authorization

FAXES = {"phaxio": 100, "signalwire": 50}  # of each account
SWITCHES = {"signalwire": {"compat": "read"}}  # both lists, as by default
SPAN = timedelta(days=60)
SYNC = str(ROOT / "pipelines" / "sync.py")
_CATALOG = """
    select count(distinct nspname), count(relname) from pg_namespace
    left join pg_class on relnamespace = pg_namespace.oid and relkind = 'r' where nspname like 'fax%'
"""


@contextmanager
def accounts(count: int, credentials: str, latency_ms: float) -> Iterator[dict[str, str]]:
    """Serves so many accounts of each provider over TLS, from a process of its own; the environment of their sync."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        environment = settings(Path(directory), credentials)
        secrets = Path(directory) / ".dlt" / "secrets.toml"
        environment[CA_BUNDLE] = str(Path(directory) / "ca.pem")
        given = [str(count), str(latency_ms), str(secrets), environment[CA_BUNDLE]]
        command = [sys.executable, "-m", "tests.benchmark.many_accounts", *given]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
            assert running.stdout is not None
            try:
                assert running.stdout.readline() == "ready\n"
                yield environment
            finally:
                running.terminate()


def figures(count: int, latency_ms: float = 50) -> Iterator[Figure]:
    """First runs and one with nothing new into PostgreSQL, over so many accounts of both providers."""
    from tests.support.servers.postgres import server

    with server() as postgres, accounts(count, postgres.url(postgres.create()), latency_ms) as environment:
        first = measure([SYNC], environment)
        of_another = environment | postgres.settings(database := postgres.create())
        eight = measure([SYNC], of_another | {"SYNC__ACCOUNTS_AT_A_TIME": "8"})
        quiet = measure([SYNC], of_another)
        ((schemas, tables),) = postgres.query(database, _CATALOG)
    share = count / 200
    named = f"{count} accounts of both providers, {latency_ms:.0f} ms"
    yield Figure(f"{named}, first run: wall seconds", first.wall_seconds, 120 * share)
    yield Figure(f"{named}, first run, accounts_at_a_time = 8: wall seconds", eight.wall_seconds, 120 * share)
    yield Figure(f"{named}, nothing new: wall seconds", quiet.wall_seconds, 40 * share)
    yield Figure(f"{named}, nothing new: CPU seconds", quiet.cpu_seconds, 60 * share)
    yield Figure(f"{named}, nothing new: peak memory in MB", quiet.peak_mb, 250)
    yield Figure(f"{named}: schemas", schemas, 25)
    yield Figure(f"{named}: tables", tables, 250)


def _serve(count: int, latency_ms: float, secrets: Path, bundle: Path) -> None:
    """Serves the accounts until it is ended, and writes their keys into a secrets.toml."""
    from sources.fakes.server import serve

    fakes: dict[str, Any] = {}
    now = datetime.now(UTC).replace(microsecond=0)

    def answer(request: Any) -> Any:
        return replace(fakes[request.headers["Authorization"]].answer(request), delay_seconds=latency_ms / 1000)

    with serve(answer, tls_of_this_machine(bundle)) as server:
        lines = []
        for provider, faxes in FAXES.items():
            module = import_module(f"sources.{provider}.fake")
            records = module.generate(faxes, start=now - SPAN, end=now - timedelta(days=1))
            for number in range(count):
                fake = module.Fake(records, **{OWN_KEY[provider]: f"key-{number}"}, **SWITCHES.get(provider, {}))
                keys = fake.settings(server.url)
                fakes[authorization(provider, keys)] = fake
                lines += [f"[sources.{provider}.accounts.a{number:03}]"]
                lines += [f'{name} = "{value}"' for name, value in keys.items()]
        secrets.touch(mode=0o600)
        secrets.write_text("\n".join(lines))
        print("ready", flush=True)
        while True:
            server.requests.clear()
            time.sleep(60)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
