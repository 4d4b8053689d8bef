"""How long to wait before asking a provider again: what it asks for, else twice as long each time."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from tenacity import RetryCallState, wait_exponential

from sources.errors import ProviderDown

PASSING = frozenset({408, 429, *range(500, 600)})  # statuses that another try may mend
_backoff = wait_exponential(multiplier=1, max=30)


def wait(state: RetryCallState) -> float:
    """Seconds until the next attempt."""
    error = state.outcome.exception() if state.outcome else None
    retry_after: float | None = getattr(error, "retry_after", None)
    return _backoff(state) if retry_after is None else retry_after


def down(provider: str, response: requests.Response) -> ProviderDown:
    """The error of a status that another try may mend, with the time the provider asks for."""
    error = ProviderDown(f"{provider} is limiting or failing (HTTP {response.status_code}): run again later")
    error.retry_after = _retry_after(response)
    return error


def _retry_after(response: requests.Response) -> float | None:
    """Seconds to wait by the Retry-After header, dates counted by the server's own clock; None if it says nothing."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value) if value.strip("0") else None
    at = _date(value)
    return max(0.0, (at - server_time(response, datetime.now(UTC))).total_seconds()) if at else None


def server_time(response: requests.Response, otherwise: datetime) -> datetime:
    """What the provider's clock shows, by the Date header; `otherwise` if there is none."""
    return _date(response.headers.get("Date", "")) or otherwise


def _date(value: str) -> datetime | None:
    """The instant of a date header, None if it is none that a clock can show."""
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return at if at.tzinfo else None
