"""Loads the same accounts with sync.py into DuckDB and with spark_sync.py into Delta tables, and compares every row.

    uv run python tests/spark_trial.py --accounts 20 --faxes 150000

Other Delta tables are filled while an executor is killed in mid task. Then faxes change, lose children, get late costs
and new fields, are deleted and added, and both commands run again. All declared columns of all tables must be equal.
Spark may make at most 1.1 times the requests of sync.py, except in the run that has lost an executor.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # the folder of this file has rooms that are called like those of the product

from tests.pipelines.lake.test_accounts_run import live
from tests.support.commands.family import family
from tests.support.environment import child_environment
from tests.support.lake import differences
from tests.support.many_accounts import Served, served
from tests.support.spark import CLUSTER, command, spark_environment

MAX_REQUESTS = 1.1  # of those that sync.py makes
NEW_FIELDS = ("brand_new", "odd")  # of `live`


class Trial:
    """The accounts, a DuckDB file, and what was found to differ."""

    def __init__(self, accounts: Served, directory: Path, master: str) -> None:
        self.accounts, self.directory, self.master = accounts, directory, master
        self.warehouse = directory / "warehouse.duckdb"
        self.findings: list[str] = []

    def sync(self, name: str) -> int:
        """Loads into DuckDB; gives the number of requests."""
        own = self.accounts.settings | {"DESTINATION__WAREHOUSE__CREDENTIALS": str(self.warehouse)}
        environment = child_environment(own)
        return self._run(
            f"{name}, sync.py", [sys.executable, str(ROOT / "pipelines" / "sync.py"), "--quiet"], environment
        )

    def spark(self, name: str, lake: Path, undeclared: tuple[str, ...] = (), kills: bool = False) -> int:
        """Loads into Delta tables, and compares; gives the number of requests."""
        environment = spark_environment(self.accounts.settings, self.directory / "events")
        line = [word for word in command(lake, master=self.master) if word != "--json"]
        asked = self._run(f"{name}, spark_sync.py", [*line, "--quiet"], environment, kills)
        for provider in self.accounts.fakes:
            if found := differences(self.warehouse, lake, provider, undeclared):
                self.findings.append(f"{name}: rows only in DuckDB and only in Delta, by table of {provider}: {found}")
        return asked

    def compare(self, name: str, ours: int, theirs: int) -> None:
        """Requires that Spark has made few more requests."""
        print(f"{name}: {theirs / ours:.3f} times the requests of sync.py", flush=True)
        if theirs > MAX_REQUESTS * ours:
            self.findings.append(f"{name}: {theirs} requests, sync.py made {ours}")

    def _run(self, name: str, line: list[str], environment: dict[str, str], kills: bool = False) -> int:
        requests, began = self.accounts.server.requests, time.monotonic()
        before, log = len(requests), self.directory / "log.txt"
        with log.open("w") as told:
            running = subprocess.Popen(line, env=environment, cwd=self.directory, stdout=told, stderr=told)
        if kills:
            self._kill_executor(running, before)
        code = running.wait()
        print(
            f"{name}: {len(requests) - before} requests, {time.monotonic() - began:.1f} s, exit code {code}", flush=True
        )
        if code:
            self.findings.append(f"{name}: exit code {code}: {log.read_text()[-2000:]}")
        return len(requests) - before

    def _kill_executor(self, running: "subprocess.Popen[bytes]", before: int) -> None:
        """Kills an executor as soon as a few requests have been made."""
        while running.poll() is None and len(self.accounts.server.requests) < before + 20:
            time.sleep(0.005)
        executors = [pid for pid, shown in family(running.pid).items() if "CoarseGrainedExecutorBackend" in shown]
        if not executors:
            self.findings.append("no executor was there to be killed")
            return
        os.kill(executors[0], signal.SIGKILL)
        print(f"executor killed after {len(self.accounts.server.requests) - before} requests", flush=True)


def main() -> int:
    """Runs the command; gives its exit code: 0 if nothing was found."""
    parser = argparse.ArgumentParser(
        prog="spark_trial.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=20, help="of both providers together (default: 20)")
    parser.add_argument("--faxes", type=int, default=150_000, help="of all accounts together (default: 150,000)")
    parser.add_argument("--latency", type=float, default=0, help="of each answer, in milliseconds (default: 0)")
    parser.add_argument("--master", default=CLUSTER, help=f"of Spark (default: {CLUSTER})")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="spark-trial-") as place,
        served(options.accounts, options.faxes, options.latency, every_list=True) as accounts,
    ):
        trial, lake = Trial(accounts, Path(place), options.master), Path(place) / "lake"
        trial.compare("backfill", trial.sync("backfill"), trial.spark("backfill", Path(place) / "undisturbed"))
        trial.spark("backfill, an executor killed", lake, kills=True)
        for provider, fakes in accounts.fakes.items():
            for fake in fakes:
                live(provider, fake)
        trial.compare("changes", trial.sync("changes"), trial.spark("changes", lake, NEW_FIELDS))
    print("\n".join(trial.findings) or "all rows are equal")
    return 1 if trial.findings else 0


if __name__ == "__main__":
    sys.exit(main())
