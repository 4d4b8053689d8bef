"""Parses the parameters of a list request to the fake Phaxio.

https://www.phaxio.com/docs/api/v2/faxes/list_faxes and /intro/paging, read November 2026.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sources.fakes.store import Record, whole_number
from sources.fakes.time import EARLIEST, LATEST, US_CENTRAL, heeds, instant_of, span

MAXIMUM = 1000  # faxes on a page, documented
DEFAULT = "25"  # observed
DEEPEST = 10_000  # the last row that `deep_paging="refused"` serves
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


class Malformed(ValueError):
    """A parameter that Phaxio answers with 422."""


class Listing(NamedTuple):
    """A parsed request: the window [first, end), the page, its size, and the filter on faxes (None: all)."""

    first: datetime
    end: datetime
    page: int
    per_page: int
    matches: Callable[[Record], bool] | None


def read_listing(query: Mapping[str, str], switches: Mapping[str, str], now: datetime) -> Listing:
    """The parsed request under these readings.

    Raises:
        Malformed: Phaxio refuses a parameter.
    """
    after = _bound(query, "created_after", now - timedelta(days=7))
    before = _bound(query, "created_before", now)
    # An ignored bound is no bound; a missing bound means that of the default window.
    if not heeds(switches["filter"], "created_after", query.get("created_after", "")):
        after = EARLIEST
    if not heeds(switches["filter"], "created_before", query.get("created_before", "")):
        before = LATEST
    first, end = span(after, before, switches["bounds"], switches["read_bounds_as"])
    if query.get("direction", "sent") not in ("sent", "received"):
        raise Malformed("direction must be sent or received")
    page, per_page = _page(query, switches)
    return Listing(first, end, page, per_page, _filter(query))


def _bound(query: Mapping[str, str], name: str, default: datetime) -> datetime:
    if name not in query:
        return default.astimezone(UTC)
    try:
        return instant_of(query[name], RFC_3339, US_CENTRAL)
    except (ValueError, OverflowError):
        raise Malformed(f"{name} must be an RFC 3339 timestamp") from None


def _page(query: Mapping[str, str], switches: Mapping[str, str]) -> tuple[int, int]:
    page, per_page = whole_number(query.get("page", "1")), whole_number(query.get("per_page", DEFAULT))
    if not page or not per_page:
        raise Malformed("page and per_page must be whole numbers above 0")
    if per_page > MAXIMUM and switches["per_page_above_maximum"] == "refuse":
        raise Malformed(f"per_page must be {MAXIMUM} at most")
    per_page = min(per_page, int(switches["page_cap"]))
    if page * per_page > DEEPEST and switches["deep_paging"] == "refused":
        raise Malformed(f"only the first {DEEPEST} results can be paged through")
    return page, per_page


def _filter(query: Mapping[str, str]) -> Callable[[Record], bool] | None:
    exact = {name: query[name] for name in ("direction", "status") if name in query}
    tags = {name[4:-1]: value for name, value in query.items() if re.fullmatch(r"tag\[.*\]", name, re.DOTALL)}
    number = query.get("phone_number")
    if not exact and not tags and number is None:
        return None

    def matches(fax: Record) -> bool:
        return (
            all(fax[name] == value for name, value in exact.items())
            and all((fax["tags"] or {}).get(name) == value for name, value in tags.items())
            and (number is None or number in _numbers(fax))
        )

    return matches


def _numbers(fax: Record) -> list[str | None]:
    own = [fax["caller_id"], fax["from_number"], fax["to_number"]]
    return own + [recipient["phone_number"] for recipient in fax["recipients"] or []]
