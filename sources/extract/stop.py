"""Stops a run early: complete windows are loaded, the current call is cancelled."""

from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class CallCancelled(BaseException):
    """Cancels the current call of `Stop.call_unless_requested`, wherever it waits or reads."""


class Stop:
    """Whether a stop of the run was requested. Only the main thread may request it; signal handlers run there."""

    def __init__(self) -> None:
        self.requested = False
        self._can_cancel = False

    def request(self) -> None:
        """Requests the stop.

        Raises:
            CallCancelled: there is a call to cancel.
        """
        self.requested = True
        if self._can_cancel:
            self._can_cancel = False
            raise CallCancelled

    def call_unless_requested(self, call: Callable[[], Result]) -> Result | None:
        """The result of the call; None if a stop was requested before or during it."""
        try:
            self._can_cancel = not self.requested
            return call() if self._can_cancel else None
        except CallCancelled:
            return None
        finally:
            self._can_cancel = False
