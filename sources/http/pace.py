"""When the next request may start: the configured rate, the pause a provider asks for, and the rate after a 429.

A provider's limit is found by additive increase and multiplicative decrease, as TCP finds that of a network.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Any

FIRST_RATE = 1.0  # requests a second after the first 429: the wait that providers' own clients advise
LONGEST_INTERVAL = 5.0  # seconds; a longer pause ends a quota's period, and says nothing of the rate after it
LEAST_RATE = 1 / 30
STEP = 0.25  # of the rate after the last refusal: so much is added to the rate
STEP_ANSWERS = 20  # answers in a row before that; about one request in a hundred is refused then


class Pace:
    """The pace of all requests of one account: `per_second` of them at most, where 0 is no limit.

    `rate` is how many may start in a second, infinite without a limit. From the first 429 on, it is what has been
    found to be allowed, and `connections`, `most_connections` until then, are no more than that rate keeps busy.
    `refusals` are the 429s, those to requests that were under way together counted once.
    """

    def __init__(self, per_second: float, most_connections: int, clock: Callable[[], float]) -> None:
        self.rate = self._most_rate = per_second if per_second > 0 else math.inf
        self._most_connections = max(1, most_connections)
        self._clock = clock
        self._next = self._pause_ends = clock()
        self.refusals = self._answers = self._under_way = 0
        self._step = 0.0
        self._changed = Condition()

    @property
    def connections(self) -> int:
        """How many requests may be under way at a time."""
        return max(1, min(self._most_connections, int(self.rate))) if self.refusals else self._most_connections

    @contextmanager
    def reserve_slot(self, sleep: Callable[[float], Any], heeds_pause: bool) -> Iterator[int]:
        """Waits for a free connection, and for this request's turn; gives the number of refusals before it.

        A request that has waited for the provider already need not heed the pause.
        """
        with self._changed:
            while self._under_way >= self.connections:
                self._changed.wait()
            self._under_way += 1
        try:
            if seconds := self._wait(heeds_pause):
                sleep(seconds)
            yield self.refusals
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def slow_down(self, refusals: int, told: float | None) -> None:
        """After a 429 to a request that began with so many refusals; `told` is the pause that the provider asks for.

        Requests that were under way together and are all refused slow the account down once.
        """
        with self._changed:
            if refusals < self.refusals:
                return
            if self.refusals:
                self.rate = max(self.rate / 2, LEAST_RATE)
            else:
                interval = min(max(told or 0.0, 1 / FIRST_RATE), LONGEST_INTERVAL)
                self.rate = max(min(self._most_rate / 2, 1 / interval), LEAST_RATE)
            self.refusals += 1
            self._answers, self._step = 0, STEP * self.rate
            self._next = max(self._next, self._clock() + 1 / self.rate)

    def speed_up(self) -> None:
        """After an answer: step by step, the rate rises again."""
        with self._changed:
            self._answers += 1
            if self.refusals and self._answers % STEP_ANSWERS == 0:
                self.rate = min(self.rate + self._step, self._most_rate)

    def pause(self, seconds: float) -> None:
        """Has all connections wait, because one was told to."""
        with self._changed:
            self._pause_ends = max(self._pause_ends, self._clock() + seconds)

    def resume(self) -> None:
        """Ends the pause: a request that had waited has been answered."""
        with self._changed:
            self._pause_ends = self._clock()

    def _wait(self, heeds_pause: bool) -> float:
        with self._changed:
            now = self._clock()
            reserve_slot = max(now, self._next, self._pause_ends if heeds_pause else now)
            self._next = reserve_slot + 1 / self.rate if self.rate < math.inf else now
            return reserve_slot - now
