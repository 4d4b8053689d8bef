"""Ending on SIGTERM and SIGINT at a safe point: between two jobs while loading, anywhere else at once."""

import signal
from types import FrameType

from dlt.common.exceptions import SignalReceivedException

from pipelines.faults import causes


class Stopped(BaseException):
    """A signal asks the command to end; `exit_code` is what a shell would give for it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.name = signal.Signals(number).name
        self.exit_code = 128 + number


def listen() -> None:
    """Raises `Stopped` in the main thread when one of the signals comes; dlt holds it back while it loads."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)


def behind(error: BaseException) -> Stopped | None:
    """The signal behind an error, however dlt has wrapped it."""
    for cause in causes(error):
        if isinstance(cause, Stopped):
            return cause
        if isinstance(cause, SignalReceivedException):
            return Stopped(cause.signal_code)
    return None


def _stop(number: int, _frame: FrameType | None) -> None:
    raise Stopped(number)
