"""The time of a backfill by accounts and latency: in one process, in shards, and on the executors of Spark.

    uv run python tests/benchmark/scaling.py

It prints a table for docs/scale.md. Every run loads the same faxes into an empty warehouse.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # the folder of this file has files that are called like modules of others

from tests.support.environment import child_environment
from tests.support.many_accounts import Served, served
from tests.support.servers.postgres import Server, server
from tests.support.spark import command, spark_environment
from tests.support.warehouse.delta_lake import Lake

SYNC = [sys.executable, str(ROOT / "pipelines" / "sync.py"), "--quiet"]
CASES = ((1, 50), (20, 50), (20, 200))  # accounts, and milliseconds of latency
SHARDS = 2


class Backfills:
    """Runs over the same accounts, each into a warehouse of its own."""

    def __init__(self, accounts: Served, directory: Path, postgres: Server) -> None:
        self._accounts, self._directory, self._postgres = accounts, directory, postgres

    def into_duckdb(self) -> None:
        """One process into a DuckDB file."""
        self._run([SYNC], DESTINATION__WAREHOUSE__CREDENTIALS=str(self._directory / "warehouse.duckdb"))

    def into_delta(self) -> None:
        """One process into Delta tables."""
        self._run([SYNC], **Lake(self._directory / "delta").settings())

    def in_shards(self) -> None:
        """Two processes into a PostgreSQL database."""
        shards = [[*SYNC, "--shard", f"{number + 1}/{SHARDS}"] for number in range(SHARDS)]
        self._run(shards, **self._postgres.settings(self._postgres.create()))

    def on_spark(self, executors: int) -> None:
        """So many executors with one core each, into Delta tables."""
        line = command(self._directory / f"lake{executors}", master=f"local-cluster[{executors},1,1024]")
        self._run([line], **spark_environment({}, self._directory / "events"))

    def _run(self, lines: list[list[str]], **environment: str) -> None:
        own = child_environment(self._accounts.settings | environment)
        with (self._directory / "log.txt").open("w") as told:
            running = [subprocess.Popen(line, env=own, cwd=self._directory, stdout=told, stderr=told) for line in lines]
        codes = [one.wait() for one in running]
        assert not any(codes), (self._directory / "log.txt").read_text()[-3000:]


def row(accounts: int, faxes: int, latency_ms: int, postgres: Server) -> Iterator[str]:
    """The cells of one row: accounts, latency, requests of the first run, and the seconds of each run."""
    with (
        tempfile.TemporaryDirectory(prefix="scaling-") as place,
        served(accounts, faxes, latency_ms) as of_case,
    ):
        runs = Backfills(of_case, Path(place), postgres)
        yield from (str(accounts), f"{latency_ms} ms")
        contestants: list[Callable[[], None]] = [runs.into_duckdb, runs.into_delta, runs.in_shards]
        contestants += [lambda: runs.on_spark(1), lambda: runs.on_spark(2)]
        for number, contestant in enumerate(contestants):
            began = time.monotonic()
            contestant()
            seconds = time.monotonic() - began
            if number == 0:
                yield str(len(of_case.server.requests))
            yield f"{seconds:.0f}"


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="scaling.py", description=__doc__)
    parser.add_argument("--faxes", type=int, default=20_000, help="of all accounts together (default: 20,000)")
    options = parser.parse_args()
    columns = ["accounts", "latency", "requests", "DuckDB", "Delta", f"{SHARDS} shards", "1 executor", "2 executors"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    with server() as postgres:
        for accounts, latency_ms in CASES:
            print("", end="| ")
            for cell in row(accounts, options.faxes, latency_ms, postgres):
                print(cell, end=" | ", flush=True)
            print()


if __name__ == "__main__":
    main()
