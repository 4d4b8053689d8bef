"""The command as a child process, and the points of a run at which a test acts."""

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
    """Such a file exists; false if a run deletes it during the search."""
    try:
        return any(directory.glob(pattern))
    except FileNotFoundError:
        return False


def left(scratch: Path) -> list[Path]:
    """The working directories that runs have left."""
    return list(scratch.glob("fax-sync-*"))


def summary_of(told: str) -> dict[str, Any] | None:
    """The JSON summary in the output of a run."""
    return next((json.loads(line) for line in told.splitlines() if line.startswith('{"run_id"')), None)


@dataclass
class Process:
    """A run that continues beside the test. `scratch` is the parent of its working directory."""

    running: "subprocess.Popen[str]"
    scratch: Path
    settings: Settings
    said: dict[str, Any] | None = None  # the summary, once the run has ended and has told one

    def wait_for(self, reached: Callable[[], bool]) -> bool:
        """Waits until the point is reached (true) or the run has ended (false)."""
        deadline = time.monotonic() + MAX_SECONDS
        while not reached():
            if self.running.poll() is not None:
                return reached()
            assert time.monotonic() < deadline, "the point was never reached"
            time.sleep(0.001)
        return True

    def has(self, pattern: str) -> bool:
        """Such a file exists in the run's working directory."""
        return is_there(self.scratch, f"fax-sync-{self.running.pid}-*/{pattern}")

    def told_on_stderr(self, words: str) -> bool:
        """Waits for the words in the output; false if the run ends without them."""
        assert self.running.stdout is not None
        return any(words in line for line in self.running.stdout)

    def end(self, number: int | None = None) -> tuple[int, str]:
        """Sends the signal, if any, and returns the exit code and the output."""
        assert leaks.in_arguments(self.running.pid, self.settings) == []
        if number is not None:
            self.running.send_signal(number)
        told, _ = self.running.communicate(timeout=MAX_SECONDS)
        self.said = summary_of(told)
        assert leaks.in_text(told, self.settings) == []
        return self.running.returncode, told


@contextmanager
def started(settings: Settings, scratch: Path, *before: str, **environment: str) -> Iterator[Process]:
    """The started command, with only the settings in its environment. `before` are words before the command."""
    scratch.mkdir(exist_ok=True)
    clean = child_environment(settings | environment, TMPDIR=str(scratch))
    command, pipe = [*before, *COMMAND], subprocess.PIPE
    with subprocess.Popen(command, env=clean, cwd="/", text=True, stdout=pipe, stderr=subprocess.STDOUT) as running:
        try:
            yield Process(running, scratch, settings)
        finally:
            running.kill()


def run(settings: Settings, scratch: Path, *before: str, **environment: str) -> tuple[int, str]:
    """Runs the command; its exit code and output."""
    with started(settings, scratch, *before, **environment) as process:
        return process.end()


@dataclass
class Barrier:
    """Holds every request from page `page` on until `opened` is set."""

    page: int = 1

    def __post_init__(self) -> None:
        self.reached, self.opened = Event(), Event()
        self._seen = 0

    def fault(self) -> Fault:
        """The fault for the server."""

        def hold(request: Request, honest: Honest) -> Answer:
            self._seen += 1
            if self._seen >= self.page:
                self.reached.set()
                self.opened.wait(MAX_SECONDS)
            return honest(request)

        return hold
