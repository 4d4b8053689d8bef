"""The request to end a run early: what is complete is loaded, and what is under way is given up."""

from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class GivenUp(BaseException):
    """Ends a call that `Stop.unless_requested` has made, wherever it waits or reads."""


class Stop:
    """Whether a run has been asked to end. Only the main thread may ask, as Python's signal handlers do."""

    def __init__(self) -> None:
        self.requested = False
        self._may_give_up = False

    def request(self) -> None:
        """Asks the run to end.

        Raises:
            GivenUp: a call is under way that may be given up.
        """
        self.requested = True
        if self._may_give_up:
            self._may_give_up = False
            raise GivenUp

    def unless_requested(self, call: Callable[[], Result]) -> Result | None:
        """What the call gives; None if the run was asked to end before or meanwhile."""
        try:
            self._may_give_up = not self.requested
            return call() if self._may_give_up else None
        except GivenUp:
            return None
        finally:
            self._may_give_up = False
