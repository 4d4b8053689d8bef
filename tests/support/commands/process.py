"""The command as a process of its own, and the points at which something may happen to it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from sources.fakes.server import Answer, Request
from tests.conftest import ROOT, Settings
from tests.support import leaks
from tests.support.environment import child_environment
from tests.support.faults.inject import Fault, Honest

COMMAND = [sys.executable, str(ROOT / "pipelines" / "sync.py"), "--json"]
ENDS = {signal.SIGTERM: 143, signal.SIGINT: 130}  # the exit code of a run that a signal has ended
MAX_SECONDS = 60  # that anything waited for may take before it is taken to hang


def is_there(directory: Path, pattern: str) -> bool:
    """There is such a file; not so, if a run that ends clears it away while it is looked for."""
    try:
        return any(directory.glob(pattern))
    except FileNotFoundError:
        return False


def left(scratch: Path) -> list[Path]:
    """The working directories that runs have left behind."""
    return list(scratch.glob("fax-sync-*"))


def summary_of(told: str) -> dict[str, Any] | None:
    """The summary among the lines that a run has told."""
    return next((json.loads(line) for line in told.splitlines() if line.startswith('{"run_id"')), None)


@dataclass
class Process:
    """A run that goes on beside the test; `scratch` is where it keeps its working directory."""

    running: "subprocess.Popen[str]"
    scratch: Path
    settings: Settings
    said: dict[str, Any] | None = None  # the summary, once the run has ended and has told one

    def wait_for(self, reached: Callable[[], bool]) -> bool:
        """Until the point is reached (true), or the run has ended before (false)."""
        deadline = time.monotonic() + MAX_SECONDS
        while not reached():
            if self.running.poll() is not None:
                return reached()
            assert time.monotonic() < deadline, "the point was never reached"
            time.sleep(0.001)
        return True

    def has(self, pattern: str) -> bool:
        """There is such a file in its working directory."""
        return is_there(self.scratch, f"fax-sync-{self.running.pid}-*/{pattern}")

    def told_on_stderr(self, words: str) -> bool:
        """The run tells the words before it ends; waits for them."""
        assert self.running.stdout is not None
        return any(words in line for line in self.running.stdout)

    def end(self, number: int | None = None) -> tuple[int, str]:
        """Sends the signal, if any, and gives the exit code and all that was told."""
        assert leaks.in_arguments(self.running.pid, self.settings) == []
        if number is not None:
            self.running.send_signal(number)
        told, _ = self.running.communicate(timeout=MAX_SECONDS)
        self.said = summary_of(told)
        assert leaks.in_text(told, self.settings) == []
        return self.running.returncode, told


@contextmanager
def started(settings: Settings, scratch: Path, *before: str, **environment: str) -> Iterator[Process]:
    """The command, started with the settings and nothing else in its environment; `before` it stand other commands."""
    scratch.mkdir(exist_ok=True)
    clean = child_environment(settings, TMPDIR=str(scratch), **environment)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen([*before, *COMMAND], env=clean, cwd="/", text=True, **pipes) as running:  # type: ignore[call-overload]
        try:
            yield Process(running, scratch, settings)
        finally:
            running.kill()


def run(settings: Settings, scratch: Path, *before: str, **environment: str) -> tuple[int, str]:
    """The command from its start to its end: exit code, and all that was told."""
    with started(settings, scratch, *before, **environment) as process:
        return process.end()


@dataclass
class Barrier:
    """Holds every request from page `page` on until it is opened."""

    page: int = 1

    def __post_init__(self) -> None:
        self.reached, self.opened = Event(), Event()
        self._seen = 0

    def fault(self) -> Fault:
        """What the server does."""

        def hold(request: Request, honest: Honest) -> Answer:
            self._seen += 1
            if self._seen >= self.page:
                self.reached.set()
                self.opened.wait(MAX_SECONDS)
            return honest(request)

        return hold
