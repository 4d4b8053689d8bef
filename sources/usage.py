"""What reading an account has come to so far."""

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

    @property
    def is_quick(self) -> bool:
        """The provider is quicker than we, as far as its answers have shown."""
        return self.asking_seconds <= QUICK_SECONDS * self.answers
