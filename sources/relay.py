"""A walk that a process of its own takes over where there is much to read: one core reads while another loads.

HTTP, JSON, fingerprints and rows take about as long as loading, and threads would have to share one interpreter.
"""

import fcntl
import pickle
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import IO, cast

from sources.client import Client
from sources.usage import Usage
from sources.walk import Walker
from sources.walked import Walked
from sources.window import Window

_PIPE_BYTES = 1 << 20  # as much as anybody may ask for: of the usual 64 KB each process waits for the other
_PROGRAM = Path(__file__).resolve().parent / "reader.py"


@dataclass(frozen=True)
class Order:
    """What the process is told on its standard input, where no list of processes shows the credentials."""

    walker: Walker
    client: Client
    span: Window
    takes_newer: bool


@dataclass(frozen=True)
class Report:
    """What it tells on its standard output: a window, what went wrong, or that it has come to the end."""

    came: Walked | Exception | None
    usage: Usage


class Relay:
    """Walks as `walker` does. Where a window holds as many faxes as the client's limits say, a process reads on.

    That ends when the walk does, or this process, however it ends. Should it end before, because memory was short as it
    may be, we read on ourselves, and `warn` is told; what it has spent since its last report is not counted then.
    """

    def __init__(self, walker: Walker, client: Client, warn: Callable[[str], object]) -> None:
        self._walker, self._client, self._warn = walker, client, warn
        self._many = client.limits.reader_process_from

    def walk(self, span: Window, takes_newer: bool = False) -> Generator[Walked]:
        """The windows of a span, as `Walker.walk` gives them.

        Raises:
            ContractError: a page repeats, or is not what the documentation says.
        """
        rest = span
        for walked in self._walker.walk(span, takes_newer, many=self._many):
            rest = Window(walked.window.end, span.end)
            yield walked
        for walked in self._elsewhere(rest, takes_newer) if rest.length else ():
            rest = Window(walked.window.end, span.end)
            yield walked
        if rest.length:
            self._many = 0
            self._warn("the process that reads pages ended early, perhaps for want of memory: the rest was read here")
            yield from self._walker.walk(rest, takes_newer, goes_on=True)

    def _elsewhere(self, span: Window, takes_newer: bool) -> Iterator[Walked]:
        try:
            order = pickle.dumps(Order(self._walker, self._client, span, takes_newer))
        except (pickle.PicklingError, AttributeError, TypeError):  # a provider's function that is not its module's own
            return
        try:
            with Popen([sys.executable, _PROGRAM], stdin=PIPE, stdout=PIPE, stderr=DEVNULL) as process:  # noqa: S603  # ours
                _widen(process.stdout)
                try:
                    yield from self._reports(order, cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout))
                finally:
                    process.kill()
                    self._client.take_turn()
        except (OSError, EOFError, pickle.UnpicklingError):
            return  # what is left tells that it ended early

    def _reports(self, order: bytes, orders: IO[bytes], reports: IO[bytes]) -> Iterator[Walked]:
        orders.write(order)
        orders.flush()
        while True:
            report: Report = pickle.load(reports)  # noqa: S301  # from our own program, through a pipe of our own
            self._client.usage = report.usage
            if report.came is None:
                return
            if isinstance(report.came, Exception):
                raise report.came
            yield report.came


def _widen(pipe: IO[bytes] | None) -> None:
    if pipe and hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
