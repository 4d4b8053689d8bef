"""Parses the parameters of a fax log request to the fake SignalWire.

https://signalwire.com/docs/apis/rest/fax-logs/list-fax-logs and /docs/apis/error-codes, read November 2026.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sources.fakes.store import whole_number
from sources.fakes.time import DAY, EARLIEST, LATEST, heeds, instant_of, midnight, span

MAXIMUM = 1000  # logs on a page, documented
DEFAULT = "50"  # documented
ERRORS_URL = "https://signalwire.com/docs/apis/error-codes"
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
TOKEN = re.compile(r"P([AB])([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


class Refused(ValueError):
    """A request that SignalWire answers with 422."""

    def __init__(self, code: str, message: str, attribute: str, type: str = "validation_error") -> None:
        super().__init__(message)
        error = {"type": type, "code": code, "message": message, "attribute": attribute, "url": ERRORS_URL}
        self.document: dict[str, Any] = {"errors": [error]}


class Listing(NamedTuple):
    """A parsed request: the window [first, end), and the page's number, size and position.

    The page follows the log `anchor`, or precedes it if `backwards`; without an anchor it is the first of the window.
    """

    first: datetime
    end: datetime
    number: int
    size: int
    anchor: str | None
    backwards: bool
    include_deleted: bool


def read_listing(query: Mapping[str, str], switches: Mapping[str, str], now: datetime) -> Listing:
    """The parsed request under these readings.

    Raises:
        Refused: SignalWire answers it with 422.
    """
    number, size = _page(query)
    anchor, backwards = _token(query, number)
    is_filtered = not anchor or switches["links_keep_filter"] != "ignored"
    heeded = {name: text for name, text in query.items() if is_filtered and heeds(switches["filter"], name, text)}
    after, before = _moment(heeded, "created_after"), _moment(heeded, "created_before")
    first, end = span(after or EARLIEST, before or LATEST, switches["bounds"], switches["read_bounds_as"])
    if on := _moment(query, "created_on"):
        after = max(after or EARLIEST, midnight(on))
        first, end = max(first, midnight(on)), min(end, midnight(on) + DAY)
    limit = history_limit(now, switches["history_limit"])
    # A token's first request passed this check, with the filter that the link may lack.
    if not anchor and (after or switches["filter"] == "heeded"):
        check_history(after or EARLIEST, limit, "created_before")
    first = max(first, limit)
    if switches["filter"].startswith("empty") and "created_after" in query.keys() - heeded.keys():
        end = first
    size = min(size, int(switches["page_cap"]))
    return Listing(first, end, number, size, anchor, backwards, includes_deleted(query))


def includes_deleted(query: Mapping[str, str]) -> bool:
    """The request includes the tombstones of deleted logs."""
    return query.get("include_deleted") == "true"


def history_limit(now: datetime, reading: str = "year") -> datetime:
    """The time of the oldest log that is kept: the start of the UTC day a year ago, that very second, or no limit."""
    if reading == "none":
        return EARLIEST
    now = now.astimezone(UTC).replace(microsecond=0)
    day = 28 if (now.month, now.day) == (2, 29) else now.day
    year_ago = now.replace(year=now.year - 1, day=day)
    return year_ago if reading == "year to the second" else midnight(year_ago)


def check_history(at: datetime, limit: datetime, attribute: str) -> None:
    """Requires a time at or after the history limit, of which the refusal gives the date.

    Raises:
        Refused: the time is before it.
    """
    if at < limit:
        message = f"The value exceeds the {limit:%Y-%m-%d} date limit."
        raise Refused("exceeds_history_logs_limit", message, attribute, "account_error")


def _page(query: Mapping[str, str]) -> tuple[int, int]:
    number, size = whole_number(query.get("page_number", "0")), whole_number(query.get("page_size", DEFAULT))
    if number is None:
        raise Refused("page_number_is_invalid", "page_number must be 0 or more", "page_number")
    if size is None or not 1 <= size <= MAXIMUM:
        raise Refused("page_size_is_invalid", f"page_size must be from 1 to {MAXIMUM}", "page_size")
    return number, size


def _token(query: Mapping[str, str], number: int) -> tuple[str | None, bool]:
    if "page_token" not in query:
        if number:
            raise Refused("page_token_required", "page_token is required when page_number is above 0", "page_token")
        return None, False
    token = TOKEN.fullmatch(query["page_token"])
    if not token:
        raise invalid_token()
    return token[2], token[1] == "B"


def invalid_token() -> Refused:
    """The refusal of a token that was never issued."""
    return Refused("page_token_is_invalid", "page_token is invalid", "page_token")


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    try:
        return instant_of(query[name], MOMENT)
    except (ValueError, OverflowError):
        raise Refused("datetime_required", f"{name} must be a valid date or timestamp", name) from None
