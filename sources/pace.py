"""When the next request may be made: not more often than agreed, and not while the provider wants a pause."""

from collections.abc import Callable
from threading import Lock


class Pace:
    """The pace of all connections of one account, `per_second` requests at most; 0 is as many as come."""

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        self._interval = 1 / per_second if per_second > 0 else 0.0
        self._clock = clock
        self._next = self._pause_ends = clock()
        self._lock = Lock()

    def wait(self, heeds_pause: bool) -> float:
        """Seconds until it is this request's turn. Who has waited for the provider already need not heed the pause."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next, self._pause_ends if heeds_pause else now)
            self._next = turn + self._interval if self._interval else now
            return turn - now

    def pause(self, seconds: float) -> None:
        """Has all connections wait, because one was told to."""
        with self._lock:
            self._pause_ends = max(self._pause_ends, self._clock() + seconds)

    def resume(self) -> None:
        """Ends the pause: somebody who had waited has been answered."""
        with self._lock:
            self._pause_ends = self._clock()
