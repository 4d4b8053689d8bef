"""Runs of the command, killed at random moments, and the tally of what that cost."""

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, Protocol

import sources
from tests.support import leaks
from tests.support.commands.process import COMMAND, is_there, left, summary_of
from tests.support.environment import child_environment
from tests.support.faults.living import Account, living, restless
from tests.support.warehouse.delta_lake import Lake
from tests.support.warehouse.file_and_database import Warehouse
from tests.support.warehouse.oracle import assert_holds_account, runs_amiss, unsound
from tests.support.warehouse.rows import reading

NewWarehouse = Callable[[int], Warehouse | Lake]  # an empty one, by its number
TURNS = 8  # of one warehouse and its accounts; then new ones, and the backfill again
MAX_SECONDS = 300  # of a run that is left alone, before it is taken to hang


class Runs(Protocol):
    """The runs of a soak: what is started, and how it is killed."""

    def settings(self, soak: "Soak") -> Mapping[str, str]:
        """What they need in their environment beside accounts and warehouse."""

    def kill(self, soak: "Soak") -> list[str]:
        """Starts a run and kills it at a random moment: where each kill fell; nothing if it had ended by then."""

    def command(self, soak: "Soak") -> list[str]:
        """The run that is left alone."""

    def unsound(self, soak: "Soak") -> Iterable[str]:
        """What must not be even before the run that mends."""

    def amiss(self, soak: "Soak") -> Iterable[str]:
        """What is wrong after the run that was left alone, beside the rows of the warehouse."""


class Soak:
    """One warehouse after another, and the tally of all."""

    def __init__(self, directory: Path, seed: int, runs: Runs) -> None:
        self.random, self.runs = Random(seed), runs
        self.directory, self.scratch = directory, directory / "tmp"
        self.scratch.mkdir()
        self.fell: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.findings: list[str] = []
        self.rows = self.clean_runs = 0
        self.seconds = 3.0  # that a whole run takes, roughly

    def begin(self, accounts: list[Account], warehouse: Warehouse | Lake) -> None:
        """A new warehouse for new accounts."""
        self.accounts = accounts
        self.warehouse = warehouse
        own = {key: value for account in accounts for key, value in account.settings().items()}
        own |= {**self.warehouse.settings(), "SYNC__ROWS_PER_LOAD": "300"}
        self.environment = child_environment(own | dict(self.runs.settings(self)), TMPDIR=str(self.scratch))

    def turn(self, most_kills: int) -> None:
        """Some kills, then a run that is left alone, then a look."""
        for _ in range(min(self.random.choice((1, 1, 1, 2, 3)), most_kills)):
            with restless(self.accounts):
                self.fell.update(self.runs.kill(self))
            self.findings += leaks.on_disk(self.scratch, self.environment)
            self.look_at_wreck()
        self.run_cleanly()
        self.look()

    def run_cleanly(self) -> None:
        """One run that nothing disturbs."""
        began = time.monotonic()
        done = subprocess.run(
            self.runs.command(self),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=MAX_SECONDS,
            check=False,
        )
        self.seconds = (self.seconds + time.monotonic() - began) / 2
        self.clean_runs += 1
        if done.returncode:
            self.findings.append(f"a clean run ended with {done.returncode}: {done.stdout}{done.stderr}")
        self.said = summary_of(done.stdout)

    def look(self) -> None:
        """The oracle over every account, and what the killed runs have left behind."""
        with reading(self.warehouse) as held:
            for account in self.accounts:
                truth = account.fake.truth()
                self.rows += len(truth)
                try:
                    assert_holds_account(held, account.provider, account.fake)
                except AssertionError as found:
                    self.findings.append(f"{account.provider}: {found}")
                    self.found.update(line.partition(":")[0].partition(" ")[0] for line in str(found).splitlines())
                account.note(truth)
            self.findings += runs_amiss(held, self.said) if self.said else ["a clean run has told no summary"]
        self.findings += self.runs.amiss(self)

    def look_at_wreck(self) -> None:
        """What holds even before the run that mends: the warehouse opens, and no table is unsound in itself."""
        if not self.warehouse.is_there():
            return
        self.findings += [f"right after a kill: {line}" for line in self.runs.unsound(self)]
        self.findings += leaks.in_warehouse(self.warehouse, self.environment)

    def requests(self) -> int:
        """How many requests all accounts have seen."""
        return sum(len(account.server.requests) for account in self.accounts)

    def kills(self) -> int:
        """How many runs were killed."""
        return sum(self.fell.values())

    def report(self) -> str:
        """Where the kills fell, what was checked and what was found."""
        lines = [*self.findings[:20], *(f"{count:7d} killed {place}" for place, count in sorted(self.fell.items()))]
        lines.append(f"{self.rows:7d} rows checked after {self.clean_runs} clean runs, {len(self.findings)} findings")
        doubled = self.found["doubled"] + self.found["_dlt_id"]
        lines.append(f"{self.kills()} kills, {self.found['lost']} lost, {doubled} doubled, {self.found['stale']} stale")
        return "\n".join(lines) + "\n"


class SyncRuns:
    """Runs of `sync.py`, each killed while it fetches, while it loads, or at any time."""

    def settings(self, soak: Soak) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def command(self, soak: Soak) -> list[str]:
        """The command."""
        return COMMAND

    def kill(self, soak: Soak) -> list[str]:
        """Starts a run and kills it at a random moment: where that was; nothing if it had ended by then."""
        before, random = soak.requests(), soak.random
        process = subprocess.Popen(COMMAND, env=soak.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        kind, wanted = random.choice(("any time", "fetching", "loading", "loading")), random.randint(1, 10)
        if kind == "fetching":
            wait(process, soak.seconds, lambda: soak.requests() - before >= wanted)
        elif kind == "loading":
            wait(process, soak.seconds, lambda: self._place(soak, process.pid, 1) == "loading")
        whole = {"any time": soak.seconds, "fetching": soak.seconds / 4, "loading": 0.4}[kind]
        wait(process, random.random() * whole)
        place = self._place(soak, process.pid, soak.requests() - before)
        soak.findings += leaks.in_arguments(process.pid, soak.environment)
        process.kill()
        process.communicate()
        return [place] if process.returncode < 0 else []

    def unsound(self, soak: Soak) -> Iterable[str]:
        """Tables that are unsound in themselves."""
        for account in soak.accounts:
            yield from unsound(soak.warehouse, f"fax_{account.provider}")

    def amiss(self, soak: Soak) -> Iterable[str]:
        """What is left."""
        return [f"left behind: {path}" for path in left(soak.scratch)]

    def _place(self, soak: Soak, pid: int, requests: int) -> str:
        """Where the run has got to, by what it has asked for and what it has on disk."""
        if not requests:
            return "before the first request"
        if is_there(soak.scratch, f"fax-sync-{pid}-*/*/load/normalized/*"):
            return "loading"
        return "fetching" if is_there(soak.scratch, f"fax-sync-{pid}-*") else "after the last load"


def wait(process: "subprocess.Popen[Any]", seconds: float, reached: Callable[[], bool] = lambda: False) -> None:
    """Until the run has reached something, has ended, or so much time is over."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline and not reached():
        time.sleep(0.001)


def soak(kills: int, seed: int, directory: Path, warehouse: NewWarehouse, runs: Runs | None = None) -> Soak:
    """So many kills, of `sync.py` if not of other runs; gives the tally. `directory` is for what the runs leave."""
    tally = Soak(directory, seed, runs or SyncRuns())
    for number in range(kills):
        with ExitStack() as stack:
            accounts = [stack.enter_context(living(provider, seed * 1000 + number)) for provider in sources.providers()]
            tally.begin(accounts, warehouse(number))
            for _ in range(TURNS):
                if tally.kills() >= kills:
                    return tally
                tally.turn(kills - tally.kills())
    return tally
