"""Runs of `sync.py`, of Spark and of a stream. In each, one process is killed at a random moment."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from sources.records.coerce import parse_instant
from tests.support import leaks
from tests.support.commands.family import family
from tests.support.commands.process import COMMAND, left
from tests.support.faults.soaking import Soak, wait
from tests.support.spark import CLUSTER, command, each_batch_again, spark_environment, stream_shown
from tests.support.warehouse.delta_lake import Lake
from tests.support.warehouse.oracle import unsound
from tests.support.warehouse.rows import reading, rows

LOCAL = "local[2]"
OF_STREAM = "phaxio"  # the provider in the example of the docs
MAX_SECONDS = 300  # that a run may go on after one of its processes was killed
FEW_SECONDS = 60  # that what belongs to a killed driver may take to end
VICTIMS = {  # what belongs to a run, by what its command line holds
    "sync": {},
    "batch on one machine": {"JVM": "SparkSubmit", "worker": "pyspark.daemon"},
    "batch on a cluster": {
        "JVM": "SparkSubmit",
        "executor": "CoarseGrainedExecutorBackend",
        "worker": "pyspark.daemon",
    },
    "stream": {"JVM": "SparkSubmit", "worker": "pyspark.daemon"},
}
LAST_KILL = 0.5  # the chance that a run loses no other process
LEFT_ALONE = (*2 * ("sync", "batch on one machine"), "batch on a cluster")
ENDS = (0, 65, 75)  # of a driver that lost another process: a retry, a window that changed meanwhile, or a job given up


class LakeRuns:
    """Runs into Delta tables, and a stream. `random` chooses the run, and the process that is killed."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.events = directory, directory / "events"
        self.has_stream = False  # that was killed since it was looked at
        self.number = 0

    def settings(self, soak: Soak) -> Mapping[str, str]:
        """The variables of Spark."""
        return spark_environment({}, self.events, PYTHONPATH=str(Path(__file__).resolve().parents[3]))

    def command(self, soak: Soak) -> list[str]:
        """A run of one kind or another."""
        return self._started(soak.random.choice(LEFT_ALONE), soak)

    def kill(self, soak: Soak) -> list[str]:
        """Starts a run and kills its processes at random moments; returns where the run was at each kill."""
        random = soak.random
        name = random.choice((*VICTIMS, "batch on a cluster"))
        self.has_stream |= name == "stream"
        requests, commits = soak.requests(), self._commits(soak)
        log = self.directory / f"run{self.number}.log"
        self.number += 1
        with log.open("w") as told:
            process = subprocess.Popen(
                self._started(name, soak), env=soak.environment, stdout=told, stderr=told, cwd=self.directory
            )
        kind = random.choice(("any time", "reading", "merging", "merging", "merging"))
        if kind == "reading":
            wanted = random.randint(1, 3)
            wait(process, MAX_SECONDS, lambda: soak.requests() - requests >= wanted)
        elif kind == "merging":
            wanted = random.randint(1, 6)
            wait(process, MAX_SECONDS, lambda: self._commits(soak) - commits >= wanted)
        wait(process, random.random() * {"any time": soak.seconds, "reading": 1.0, "merging": 0.5}[kind])
        fell: list[str] = []
        belonging, victim = family(process.pid), None
        soak.findings += leaks.in_arguments(process.pid, soak.environment)
        while process.poll() is None and victim != "driver":
            place, there = self._place(soak, requests, commits), family(process.pid)
            belonging |= there
            victim = _kill(process.pid, there, VICTIMS[name], random)
            fell.append(f"{name}: {victim}, {place}")
            if random.random() < LAST_KILL:
                break
            wait(process, random.random() * 5)  # what is left goes on, and may lose another process
        self._end(soak, process, name, victim, log)
        _require_gone(soak, belonging)
        return fell if victim != "driver" or process.returncode < 0 else fell[:-1]

    def unsound(self, soak: Soak) -> Iterable[str]:
        """As for other warehouses, except that a fax may lack its row: its child rows are replaced first."""
        with reading(soak.warehouse) as held:
            for account in soak.accounts:
                lines = unsound(held, f"fax_{account.provider}")
                yield from (line for line in lines if not line.startswith("orphan"))

    def amiss(self, soak: Soak) -> Iterable[str]:
        """Secrets in the files of Spark, leftovers, and errors of the stream if it was killed."""
        lake = self._lake(soak)
        yield from leaks.on_disk(self.events, soak.environment)
        yield from (f"left behind: {path}" for path in lake.path.glob("_staging/*"))
        yield from (f"left behind: {path}" for path in left(soak.scratch))
        for log in lake.path.glob("**/_delta_log/*.json"):
            yield from leaks.in_text(log.read_text(), soak.environment)
        if self.has_stream:
            self.has_stream = False
            yield from self._stream_amiss(soak)

    def _started(self, name: str, soak: Soak) -> list[str]:
        lake = self._lake(soak).path
        if name == "sync":
            return COMMAND
        if name == "stream":
            return self._stream(soak, 'processingTime="1 second"')
        return command(lake, master=CLUSTER if name == "batch on a cluster" else LOCAL)

    def _stream(self, soak: Soak, trigger: str) -> list[str]:
        (account,) = (one for one in soak.accounts if one.provider == OF_STREAM)
        url = account.settings()[f"SOURCES__{OF_STREAM}__BASE_URL".upper()]
        program = stream_shown(self._place_of_stream(soak), url, trigger)
        return [sys.executable, "-c", each_batch_again(program) if "once" in trigger else program]

    def _stream_amiss(self, soak: Soak) -> Iterator[str]:
        """The differences between the stream's table and the loaded faxes, up to the stream's offset."""
        done = subprocess.run(
            self._stream(soak, "once=True"),
            env=soak.environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=MAX_SECONDS,
            check=False,
        )
        if done.returncode:
            yield f"a stream ended with {done.returncode}: {done.stderr[-3000:]}"
            return
        from deltalake import DeltaTable  # an extra, that may not be there

        place = self._place_of_stream(soak)
        offsets = max((place / "checkpoint" / "offsets").glob("[0-9]*"), key=lambda path: int(path.name))
        until = parse_instant(json.loads(offsets.read_text().splitlines()[-1])["until"])
        held = DeltaTable(str(place / "stream")).to_pyarrow_dataset().to_table(["id", "_dlt_id", "created_at"])
        with duckdb.connect() as connection:
            connection.register("held", held)
            streamed = set(rows(connection, "select id, _dlt_id from held where created_at < ?", until))
        query = f"select id, _dlt_id from fax_{OF_STREAM}.faxes where created_at < ?"
        loaded = set(rows(soak.warehouse, query, until))
        soak.rows += len(loaded)
        if held.num_rows != len(set(held["id"].to_pylist())):
            yield "doubled: the stream has a fax twice"
        yield from (f"stream: {id} {digest} is only in the stream" for id, digest in sorted(streamed - loaded))
        yield from (f"stream: {id} {digest} is not in the stream" for id, digest in sorted(loaded - streamed))

    def _end(self, soak: Soak, process: "subprocess.Popen[Any]", name: str, victim: str | None, log: Path) -> None:
        """Waits for the end of the driver."""
        if name == "stream" and victim != "driver":
            wait(process, FEW_SECONDS / 6)  # a stream that has recovered goes on
            process.kill()
        try:
            code = process.wait(MAX_SECONDS)
        except subprocess.TimeoutExpired:
            soak.findings.append(f"{name} goes on {MAX_SECONDS} seconds after its {victim} was killed: {log}")
            process.kill()
            return
        if name != "stream" and victim != "driver" and code not in ENDS:
            soak.findings.append(f"{name} ended with {code} after its {victim} was killed: {log.read_text()[-2000:]}")

    def _place(self, soak: Soak, requests: int, commits: int) -> str:
        """The phase of the run, from its requests and its commits."""
        if soak.requests() == requests:
            return "before the first request"
        return "reading" if self._commits(soak) == commits else "merging"

    def _commits(self, soak: Soak) -> int:
        """The numbers of commits of the lake, and of the stream's table."""
        return self._lake(soak).commits() + len([*self._place_of_stream(soak).glob("stream/_delta_log/*.json")])

    def _place_of_stream(self, soak: Soak) -> Path:
        return self.directory / f"stream-{self._lake(soak).path.name}"

    def _lake(self, soak: Soak) -> Lake:
        assert isinstance(soak.warehouse, Lake)
        return soak.warehouse


def _kill(driver: int, belonging: Mapping[int, str], kinds: Mapping[str, str], random: Random) -> str:
    """Kills the driver or one of its processes; returns which."""
    there = {"driver": [driver]}
    for kind, word in kinds.items():
        if found := [pid for pid, shown in belonging.items() if word in shown]:
            there[kind] = found
    victim = random.choice((*there, "driver"))
    with suppress(ProcessLookupError):  # it has ended meanwhile
        os.kill(random.choice(there[victim]), signal.SIGKILL)
    return victim


def _require_gone(soak: Soak, belonging: Mapping[int, str]) -> None:
    """Waits until every process of the driver has ended."""
    deadline = time.monotonic() + FEW_SECONDS
    while left := [pid for pid in belonging if Path(f"/proc/{pid}").exists()]:
        if time.monotonic() > deadline:
            soak.findings.append(f"{len(left)} processes go on after their driver: {belonging[left[0]][:200]}")
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.05)
