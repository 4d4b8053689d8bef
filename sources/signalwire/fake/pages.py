"""Pagination of the fake SignalWire, by tokens that name a log and by links to the neighbouring pages.

https://signalwire.com/docs/apis/core/paging, read November 2026.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Container, Mapping
from datetime import datetime
from itertools import islice
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, uuid5

from sources.fakes.server import Request
from sources.fakes.store import Store
from sources.signalwire.fake.query import Listing, invalid_token

FILTERS = ("created_after", "created_before", "created_on", "include_deleted")

Place = tuple[datetime, str]


class Page(NamedTuple):
    """The ids of one page, and the tokens of its neighbours, None without one."""

    ids: list[str]
    next_token: str | None
    prev_token: str | None


class Pager:
    """The pages of a store. A token stays valid when its log is deleted and when logs are added."""

    def __init__(self, store: Store[str], deleted: Container[str], switches: Mapping[str, str]) -> None:
        self.store, self.deleted, self.switches = store, deleted, switches
        self._waypoints: dict[str, Place] = {}

    def page(self, asked: Listing) -> Page:
        """The requested page.

        Raises:
            Refused: its token was never issued.
        """
        anchor = self._anchor(asked)
        ids, more = self._walk(asked, anchor)
        prev_token = f"PB{ids[0]}" if ids and asked.number else None
        if ids and not asked.backwards and asked.number % 3 == 0 and self.switches["empty_page"] == "sometimes":
            return Page([], f"PA{self._waypoint(asked, anchor)}", None)
        return Page(ids, f"PA{ids[-1]}" if ids and more else None, prev_token)

    def _anchor(self, asked: Listing) -> Place | None:
        if asked.anchor is None:
            return None
        place = self._waypoints.get(asked.anchor) or self.store.position(asked.anchor)
        if place is None:
            raise invalid_token()
        return place

    def _walk(self, asked: Listing, anchor: Place | None) -> tuple[list[str], bool]:
        order = self.store.order()
        low, high = self.store.between(asked.first, asked.end)
        descending = (self.switches["order"] == "newest_first") != asked.backwards
        if anchor and descending:
            high = min(high, bisect_left(order, anchor))
        elif anchor:
            low = max(low, bisect_right(order, anchor))
        places = range(high - 1, low - 1, -1) if descending else range(low, high)
        visible = (order[at][1] for at in places if asked.include_deleted or order[at][1] not in self.deleted)
        ids = list(islice(visible, asked.size + 1))
        if asked.backwards:
            return ids[: asked.size][::-1], True
        return ids[: asked.size], len(ids) > asked.size

    def _waypoint(self, asked: Listing, anchor: Place | None) -> str:
        # A token of its own, which names a position instead of a log: else an empty page would look like a loop.
        edge = asked.end if self.switches["order"] == "newest_first" else asked.first
        place = anchor or (edge, "")
        token = str(uuid5(NAMESPACE_URL, f"{place} {asked.number}"))
        self._waypoints[token] = place
        return token

    def links(self, request: Request, asked: Listing, page: Page) -> dict[str, str]:
        """The links `self` and `first`, and `next` and `prev` if the page has that neighbour."""
        host = f"http://{request.headers.get('Host')}" if self.switches["links"] == "absolute" else ""
        filters = {name: request.query[name] for name in FILTERS if name in request.query}
        onward = filters if self.switches["links_keep_filter"] == "yes" else {}
        own = {"page_token": request.query["page_token"]} if "page_token" in request.query else {}

        def link(number: int | None, more: Mapping[str, str]) -> str:
            start = {} if number is None else {"page_number": str(number)}
            return f"{host}{request.path}?" + urlencode({**start, "page_size": str(asked.size), **more})

        links = {"self": link(asked.number, own | filters), "first": link(None, filters)}
        if page.next_token:
            links["next"] = link(asked.number + 1, {"page_token": page.next_token} | onward)
        if page.prev_token:
            links["prev"] = link(asked.number - 1, {"page_token": page.prev_token} | onward)
        return links
