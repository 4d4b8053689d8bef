"""The wait before a retry: the provider's Retry-After, else an exponential back-off."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import requests
from tenacity import RetryCallState, wait_exponential

from sources.errors import ProviderDown

LIMITED = 429
FARTHEST = timedelta(days=3650)  # after this machine's clock; a date beyond that is ignored
_OLDEST = datetime(2010, 1, 1, tzinfo=UTC)  # a date before that is ignored: no provider existed
TRANSIENT_STATUSES = frozenset({408, 409, 423, 425, LIMITED, *range(500, 600)})  # a retry may succeed
RATE_HEADERS = ("RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset")
_DIGITS = 10  # at most, in a header's number of seconds: RFC 9111 limits it to 2147483648
_YEAR_SECONDS = 31_536_000
_backoff = wait_exponential(multiplier=1, max=30)


def failure_of(state: RetryCallState) -> BaseException | None:
    """The error that ended the last attempt."""
    return state.outcome.exception() if state.outcome else None


def wait(state: RetryCallState) -> float:
    """Seconds until the next attempt."""
    retry_after: float | None = getattr(failure_of(state), "retry_after", None)
    return _backoff(state) if retry_after is None else retry_after


def transient_error(provider: str, response: requests.Response) -> ProviderDown:
    """The error for a transient status, with the wait that the provider asks for."""
    error = ProviderDown(f"{provider} is limiting or failing (HTTP {response.status_code}): run again later")
    error.retry_after = _retry_after(response)
    error.is_limit = response.status_code == LIMITED
    return error


def _retry_after(response: requests.Response) -> float | None:
    """Seconds to wait: from Retry-After, else, after a 429, until the reset that a rate-limit header names; or None.

    A date is compared with the server's own clock. Some providers send the rate-limit headers in every response.
    """
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value) if value.strip("0") else None
    local = datetime.now(UTC)
    now = server_time(response, local) or local
    if at := _date(value):
        return max(0.0, (at - now).total_seconds())
    headers = RATE_HEADERS if response.status_code == LIMITED else ()
    return next(filter(None, (_reset(response, name, now) for name in headers)), None)


def _reset(response: requests.Response, name: str, now: datetime) -> float | None:
    """Seconds until the rate limit is reset. The header gives these seconds or the Unix time of the reset."""
    value = response.headers.get(name, "").strip()
    if not (value.isascii() and value.isdigit() and len(value) <= _DIGITS):
        return None
    seconds = float(value)
    return seconds if seconds < _YEAR_SECONDS else max(0.0, seconds - now.timestamp())


def server_time(response: requests.Response, now: datetime) -> datetime | None:
    """The provider's time at `now` of this machine's clock, by the headers Date and Age; None without a valid Date.

    The Date of a cached response is when the response was generated; Age is the number of seconds since then.
    """
    at = _date(response.headers.get("Date", ""))
    text = response.headers.get("Age", "").strip()
    age = timedelta(seconds=int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else 0)
    return None if at is None or at < _OLDEST or at - now + age > FARTHEST else at + age


def _date(value: str) -> datetime | None:
    """The instant of a date header; None if it is not a date with a time zone."""
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return at if at.tzinfo else None
