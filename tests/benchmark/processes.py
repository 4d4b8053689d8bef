"""Many processes that load different accounts into one PostgreSQL: how many of them wait for each other."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile

from tests.benchmark.many_accounts import FAXES, SYNC, accounts
from tests.benchmark.measured import ROOT, process_environment
from tests.benchmark.targets import Figure
from tests.support.servers.postgres import Server, server

PROCESSES = 16
ACCOUNTS = 20
_WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted"


def figures(latency_ms: float = 50) -> Iterator[Figure]:
    """First runs of all accounts, in as many shards as there are processes."""
    each = ACCOUNTS // len(FAXES)
    with server() as postgres, accounts(each, postgres.url(database := postgres.create()), latency_ms) as environment:
        lines = [[sys.executable, SYNC, "--quiet", "--shard", f"{k}/{PROCESSES}"] for k in range(1, PROCESSES + 1)]
        clean = process_environment(environment)
        with TemporaryFile("w+") as told:
            running = [subprocess.Popen(line, env=clean, cwd=ROOT, stdout=told, stderr=told) for line in lines]
            try:
                waiting = most_waiting(postgres, database, running)
            finally:
                codes = [each.wait() for each in running]
            if any(codes):
                told.seek(0)
                raise SystemExit(f"a process failed:\n{told.read()}")
    name = f"{PROCESSES} processes, {ACCOUNTS} accounts of {len(FAXES)} providers: most that wait for a turn at once"
    yield Figure(name, waiting, PROCESSES - len(FAXES))


def most_waiting(postgres: Server, database: str, running: Sequence[subprocess.Popen[bytes]]) -> int:
    """The highest number of processes that waited at the same time, for the turn of a raw schema or of the views."""
    most = 0
    with postgres.connect(database) as connection, connection.cursor() as cursor:
        while any(each.poll() is None for each in running):
            cursor.execute(_WAITING)
            ((waiting,),) = cursor.fetchall()
            most = max(most, waiting)
            time.sleep(0.02)
    return most
