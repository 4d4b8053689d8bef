"""What reading an account has come to so far."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

QUICK_SECONDS = 0.01  # as long as it takes to make rows of a page; with several at a time each would take longer


@dataclass
class Usage:
    """Counts of one client, in requests, bytes of JSON and seconds.

    `retries` are among the `requests`. `retry_seconds` is what was waited before them because of failures, and
    `limit_seconds` what was waited since the last answer because the provider limits the rate. `answers` took
    `asking_seconds` to come, of all requests together.
    """

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    retry_seconds: float = 0.0
    limit_seconds: float = 0.0
    answers: int = 0
    asking_seconds: float = 0.0

    def add(self, other: "Usage") -> None:
        """Adds the requests and retries of another count."""
        self.requests += other.requests
        self.retries += other.retries

    @property
    def faster_than_parsing(self) -> bool:
        """The provider is quicker than we, as far as its answers have shown."""
        return self.asking_seconds <= QUICK_SECONDS * self.answers


_tally: ContextVar[Usage | None] = ContextVar("tally", default=None)


@contextmanager
def tallied(tally: Usage) -> Iterator[None]:
    """Has `tally` count the requests and retries that this thread makes in the block, besides the client's own count.

    Windows are read in several threads at a time, so that the client's count alone does not tell whose they were.
    """
    token = _tally.set(tally)
    try:
        yield
    finally:
        _tally.reset(token)


def tally_request() -> None:
    """Counts a request in the tally of this thread, if there is one."""
    if tally := _tally.get():
        tally.requests += 1


def tally_retry() -> None:
    """Counts a retry in the tally of this thread, if there is one."""
    if tally := _tally.get():
        tally.retries += 1
