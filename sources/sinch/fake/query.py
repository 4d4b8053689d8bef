"""Parses the parameters of a list request to the fake Sinch.

https://developers.sinch.com/docs/fax/api-reference/fax/faxes/, read November 2026.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sources.fakes.store import whole_number
from sources.fakes.time import EARLIEST, LATEST, heeds, span

MAXIMUM = 1000  # faxes on a page, documented
DEFAULT = "100"  # documented
DEFAULT_SPAN = timedelta(days=7)  # documented: the prior week, without any bound
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
    return Listing(first, end, page, min(size, int(switches["page_cap"])))


def _moment(text: str) -> datetime:
    try:
        if not MOMENT.fullmatch(text):
            raise ValueError
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed("createTime must be a date or an instant in UTC") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
