"""Counts the requests, retries, bytes and seconds of one client."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

QUICK_SECONDS = 0.01  # the time to make rows of a page; several threads would each take longer


@dataclass
class Usage:
    """Counts of one client, in requests, bytes of JSON and seconds.

    `retries` are included in `requests`. `retry_seconds` is the total wait before retries after failures.
    `limit_seconds` is the wait for the provider's rate limit since the last answer. `answering_seconds` is the total
    time that the provider took for its `answers`.
    """

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    retry_seconds: float = 0.0
    limit_seconds: float = 0.0
    answers: int = 0
    answering_seconds: float = 0.0

    def add(self, other: "Usage") -> None:
        """Adds the requests, retries and bytes of another count."""
        self.requests += other.requests
        self.retries += other.retries
        self.bytes += other.bytes

    @property
    def faster_than_parsing(self) -> bool:
        """The provider has so far answered faster, on average, than a page is parsed."""
        return self.answering_seconds <= QUICK_SECONDS * self.answers


_tally: ContextVar[Usage | None] = ContextVar("tally", default=None)


@contextmanager
def tallied(tally: Usage) -> Iterator[None]:
    """Counts the requests and retries of this thread in the block in `tally` as well as in the client's `usage`.

    Several threads read windows at once, so the client's count does not show which window a request was for.
    """
    token = _tally.set(tally)
    try:
        yield
    finally:
        _tally.reset(token)


def counts_for(usage: Usage) -> tuple[Usage, ...]:
    """What counts a request or retry of this thread: the client's `usage`, and the tally if there is one."""
    tally = _tally.get()
    return (usage,) if tally is None else (usage, tally)
