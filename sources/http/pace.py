"""When the next request may start: the configured rate, the provider's Retry-After, and the rate found after a 429.

The rate is found by additive increase and multiplicative decrease, as in TCP's congestion control.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Any

FIRST_RATE = 1.0  # requests per second after the first 429; the providers' own clients wait as long
LONGEST_INTERVAL = 5.0  # seconds; a longer Retry-After ends a quota's period and implies no rate
LEAST_RATE = 1 / 30
STEP = 0.25  # each increase, as a fraction of the rate after the last 429
STEP_ANSWERS = 20  # answers before each increase; about one request in a hundred gets a 429


class Pace:
    """The pace of all requests of one account: at most `per_second` of them, where 0 is no limit.

    `rate` is the number of requests that may start in a second; it is infinite without a limit. After the first 429,
    `rate` follows the provider's limit, and `connections` falls from `most_connections` to what that rate keeps busy.
    `refusals` counts the 429s; those to concurrent requests count once. `is_asked`: the provider asked for the pause.
    """

    def __init__(self, per_second: float, most_connections: int, clock: Callable[[], float]) -> None:
        self.rate = self._most_rate = per_second if per_second > 0 else math.inf
        self._most_connections = max(1, most_connections)
        self._clock = clock
        self._next = self._pause_ends = clock()
        self.is_asked = False
        self.refusals = self._answers = self._in_flight = 0
        self._step = 0.0
        self._changed = Condition()

    @property
    def connections(self) -> int:
        """The number of requests that may be in flight at once."""
        return max(1, min(self._most_connections, int(self.rate))) if self.refusals else self._most_connections

    @property
    def pause_seconds(self) -> float:
        """For how long all connections still wait, because a request failed or the provider asked for it."""
        return max(0.0, self._pause_ends - self._clock())

    @contextmanager
    def reserve_slot(self, sleep: Callable[[float], Any], heeds_pause: bool) -> Iterator[int]:
        """Waits for a free connection and for this request's turn; yields the number of refusals before it.

        A retry does not heed the pause, because it has already waited.
        """
        with self._changed:
            while self._in_flight >= self.connections:
                self._changed.wait()
            self._in_flight += 1
        try:
            if seconds := self._wait(heeds_pause):
                sleep(seconds)
            yield self.refusals
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    def slow_down(self, refusals: int, retry_after: float | None) -> None:
        """Lowers the rate after a 429 to a request that began at this number of refusals.

        `retry_after` is the provider's, in seconds. Concurrent requests that all get a 429 lower the rate once.
        """
        with self._changed:
            if refusals < self.refusals:
                return
            if self.refusals:
                self.rate = max(self.rate / 2, LEAST_RATE)
            else:
                interval = min(max(retry_after or 0.0, 1 / FIRST_RATE), LONGEST_INTERVAL)
                self.rate = max(min(self._most_rate / 2, 1 / interval), LEAST_RATE)
            self.refusals += 1
            self._answers, self._step = 0, STEP * self.rate
            self._next = max(self._next, self._clock() + 1 / self.rate)

    def speed_up(self) -> None:
        """Counts an answer; every `STEP_ANSWERS` answers the rate rises by one step."""
        with self._changed:
            self._answers += 1
            if self.refusals and self._answers % STEP_ANSWERS == 0:
                self.rate = min(self.rate + self._step, self._most_rate)

    def pause(self, seconds: float, is_asked: bool) -> None:
        """Makes all connections wait this long before the next request, because one has failed."""
        with self._changed:
            if (ends := self._clock() + seconds) > self._pause_ends:
                self._pause_ends, self.is_asked = ends, is_asked

    def resume(self) -> None:
        """Ends the pause, because a retry was answered."""
        with self._changed:
            self._pause_ends = self._clock()

    def _wait(self, heeds_pause: bool) -> float:
        with self._changed:
            now = self._clock()
            starts_at = max(now, self._next, self._pause_ends if heeds_pause else now)
            self._next = starts_at + 1 / self.rate if self.rate < math.inf else now
            return starts_at - now
