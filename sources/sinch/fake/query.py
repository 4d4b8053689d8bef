"""Parses the parameters of a list request to the fake Sinch.

https://developers.sinch.com/docs/fax/api-reference/fax/faxes/, read November 2026.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sources.fakes.store import whole_number
from sources.fakes.time import EARLIEST, LATEST, heeds, instant_of, midnight, span

MAXIMUM = 1000  # faxes on a page, documented
DEFAULT = "100"  # documented
DEFAULT_SPAN = timedelta(days=7)  # documented: the prior week, without any bound
KEPT_MONTHS = 13  # documented
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?", re.ASCII)


class Malformed(ValueError):
    """A request that Sinch answers with 400."""


class Listing(NamedTuple):
    """A parsed request: the window [first, end), the page from 1, and its size."""

    first: datetime
    end: datetime
    page: int
    size: int


def read_listing(query: Mapping[str, str], switches: Mapping[str, str], now: datetime) -> Listing:
    """The parsed request under these readings. A parameter that Sinch does not have is ignored.

    Raises:
        Malformed: a parameter has no valid value.
    """
    page, size = whole_number(query.get("page", "1")), whole_number(query.get("pageSize", DEFAULT))
    if not page:
        raise Malformed("page must be 1 or more")
    if size is None or not 1 <= size <= MAXIMUM:
        raise Malformed(f"pageSize must be from 1 to {MAXIMUM}")
    bounds = {name: query[name] for name in ("createTime>", "createTime<") if name in query}
    heeded = {name: _moment(text) for name, text in bounds.items() if heeds(switches["filter"], name, text)}
    after, before = heeded.get("createTime>", EARLIEST), heeded.get("createTime<", LATEST)
    if not bounds:
        after = now - DEFAULT_SPAN
    first, end = span(after, before, switches["bounds"], switches["read_bounds_as"])
    first = max(first, oldest_kept(now))
    return Listing(first, end, page, min(size, int(switches["page_cap"])))


def oldest_kept(now: datetime) -> datetime:
    """The start of the UTC day thirteen months ago: an older window has no faxes."""
    years, month = divmod(now.month - 1 - KEPT_MONTHS, 12)
    return midnight(now.astimezone(UTC)).replace(year=now.year + years, month=month + 1, day=min(now.day, 28))


def _moment(text: str) -> datetime:
    try:
        return instant_of(text, MOMENT)
    except ValueError:
        raise Malformed("createTime must be a date or an instant in UTC") from None
