"""Ends a command on SIGTERM and SIGINT: gently while it loads faxes, else at once; on a second signal always at once.

Python runs a signal's handler in the main thread, and only after a call into C has returned. A second thread reads the
signal in the meantime: it cancels what the main thread waits for, or ends the process.
"""

import json
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread, current_thread, main_thread
from types import FrameType

from pipelines.outcome import logs
from pipelines.outcome.error_mapping import causes
from sources.errors import FaxSyncError
from sources.extract.stop import Stop

LOG = logging.getLogger("fax-sync")
NUMBERS = (signal.SIGTERM, signal.SIGINT)
SAME_SECONDS = 0.5  # a repetition within this time is the same request: a terminal and a wrapper both send it
NOTICE_SECONDS = 1.0  # a main thread that does not notice a signal within this time waits in a call into C


class Stopped(BaseException):
    """A signal asks the command to end; `exit_code` is the shell's for that signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.name = signal.Signals(number).name
        self.exit_code = 128 + number


class Interrupted(FaxSyncError):
    """A signal ended the sync of an account, or prevented its start."""

    outcome = "paused"

    def __init__(self, stopped: Stopped, progress: str) -> None:
        super().__init__(f"paused by {stopped.name}: {progress}")
        self.exit_code = stopped.exit_code


@dataclass
class _State:
    """The first signal, how the command is to end on it, and what to cancel."""

    number: int | None = None
    stop: Stop | None = None  # of the run that ends gently; None: end at once
    noticed: Event = field(default_factory=Event)  # the main thread has run the handler
    cancels: list[Callable[[], object]] = field(default_factory=list)


_state = _State()
_before_ending: list[Callable[[], None]] = []


def before_ending_at_once(callback: Callable[[], None]) -> Callable[[], None]:
    """A decorator that registers a function to call before a signal ends the process, in another thread."""
    _before_ending.append(callback)
    return callback


def in_main_thread() -> bool:
    """Signals can be handled here: Python does so in the main thread alone."""
    return current_thread() is main_thread()


@contextmanager
def listening() -> Iterator[None]:
    """Handles both signals while the block runs; not in another thread than the main one, where Python cannot."""
    if not in_main_thread():  # of a program that calls a command
        yield
        return
    global _state  # noqa: PLW0603  # signals belong to the process
    _state = _State()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    handlers = {number: signal.signal(number, _handle) for number in NUMBERS}
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    Thread(target=_watch, args=(reader,), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(writer)  # ends the thread
        _state = _State()  # else the signal would stop a later command in another thread


@contextmanager
def gently(stop: Stop) -> Iterator[None]:
    """Makes a signal request the stop while the block runs, if it runs in the main thread, which handles signals.

    Raises:
        Stopped: a signal has come; before the block, or at its end.
    """
    if not in_main_thread():  # the stop in `_state` is that of a command in the main thread, if one runs there
        yield
        return
    raise_if_received()
    _state.stop = stop
    try:
        yield
    finally:
        _state.stop = None
    raise_if_received()


@contextmanager
def deferred() -> Iterator[None]:
    """Makes the first signal interrupt nothing in the block, which must be short; `received` then returns it."""
    if not in_main_thread():
        yield
        return
    stop, _state.stop = _state.stop, Stop()
    try:
        yield
    finally:
        _state.stop = stop


@contextmanager
def waiting() -> Iterator[None]:
    """Makes a signal end the block at once: the block only waits.

    Raises:
        Stopped: a signal came during the block. After an earlier signal, the last load may still wait here.
    """
    if not in_main_thread():
        yield
        return
    stop, before = _state.stop, _state.number
    _state.stop = None if before is None else stop
    try:
        yield
    finally:
        _state.stop = stop
        if before is None:
            raise_if_received()


@contextmanager
def cancelling(cancel: Callable[[], object] | None) -> Iterator[None]:
    """Makes a signal that ends at once call `cancel`, in another thread, while the block runs."""
    if cancel is None:
        yield
        return
    cancels = _state.cancels
    cancels.append(cancel)
    try:
        yield
    finally:
        cancels.remove(cancel)


def received() -> Stopped | None:
    """The first signal that has come; None before."""
    return None if _state.number is None else Stopped(_state.number)


def behind(error: BaseException) -> Stopped | None:
    """The signal among the causes of an error; None if there is none."""
    return next((cause for cause in causes(error) if isinstance(cause, Stopped)), None)


def raise_if_received() -> None:
    """Ends the command if a signal has come.

    Raises:
        Stopped: a signal has come.
    """
    if stopped := received():
        raise stopped


def _handle(number: int, _frame: FrameType | None) -> None:
    _state.noticed.set()
    if _state.number is not None:
        return  # the other thread handles a second signal
    _state.number = number
    if _state.stop is None:
        raise Stopped(number)
    _state.stop.request()


def _watch(reader: int) -> None:
    """Handles each signal as it comes, whatever the main thread does."""
    state, first_at = _state, 0.0
    with os.fdopen(reader, "rb", buffering=0) as numbers:
        while received_byte := numbers.read(1):
            number = received_byte[0]
            if number not in NUMBERS:
                continue
            if first_at and time.monotonic() - first_at < SAME_SECONDS:
                continue
            if first_at:
                _end_now(number, "a second")
            first_at = time.monotonic()
            if state.stop is None:
                _end_waiting(state, number)
            else:
                LOG.warning(
                    "%s: loading the faxes read so far; a second signal ends at once", signal.Signals(number).name
                )


def _end_waiting(state: _State, number: int) -> None:
    for cancel in tuple(state.cancels):
        with suppress(Exception):  # what is to be cancelled may just have ended
            cancel()
    if not state.noticed.wait(NOTICE_SECONDS):
        _end_now(number, "a")


def _end_now(number: int, which: str) -> None:
    """Ends the process as SIGKILL would, which every load survives, but first removes the load package."""
    message = f"stopped at once by {which} {signal.Signals(number).name}; the next run continues after the last load"
    line = json.dumps({"level": "error", "message": message}) if logs.is_json() else message
    with suppress(OSError):
        os.write(2, f"{line}\n".encode())
    for callback in _before_ending:
        with suppress(Exception):  # the process ends in any case
            callback()
    os._exit(128 + number)
