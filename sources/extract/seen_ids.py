"""The ids of one reading of a window: counts distinct records, and detects pages that repeat."""

from array import array
from collections.abc import Collection
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from sources.errors import ContractError
from sources.extract.window_result import WindowResult
from sources.window import Window

MAX_IDLE_PAGES = 100  # in a row without a new record
MAX_IDS = 200_000  # held in memory to detect repeated records, if the provider gives no total
MAX_ROWS = 20_000  # of one window in memory, if the provider gives no total


class PageRepeated(ContractError):
    """A page came twice: the links form a circle, or the list has grown by a whole page since the request before."""


class SeenIds:
    """The ids of one reading of a window's pages, and in `taken_times` the creation time of each fax taken (Unix time).

    `has_shifted`: a page held only records of earlier pages, because records were added or deleted during the reading.
    `has_repeats`: a page held a record of an earlier page, so another record may have changed places with it, unseen.
    `has_dropped_faxes`: faxes were dropped from memory, so the window has to be read again in pieces.
    """

    def __init__(self, window: Window) -> None:
        self.has_shifted = self.has_repeats = self.has_dropped_faxes = False
        self.taken_times = array("d")
        self._window = window
        self._ids: set[Any] = set()
        self._ids_before = 0
        self._page: list[Any] = []
        self._pages: set[int] = set()
        self._count_before = self._idle_pages = 0

    @property
    def count(self) -> int:
        """The number of distinct records."""
        return self._ids_before + len(self._ids)

    def add(self, ids: Collection[Any]) -> None:
        """Adds records of the current page."""
        self._page += ids
        self._ids.update(ids)

    def end_page(self, number: int, is_counted: bool) -> None:
        """Ends the current page. `is_counted`: the provider gives a total.

        Raises:
            PageRepeated: an earlier page held the same records.
            ContractError: too many pages in a row held no new record.
        """
        is_idle = self.count == self._count_before
        page = hash(tuple(self._page))
        if self._page and page in self._pages:
            raise PageRepeated(f"page {number} of {self._window} has come before: the pages go round in a circle")
        self._pages.add(page)
        self.has_shifted = self.has_shifted or (is_idle and bool(self._page))
        self.has_repeats = self.has_repeats or self.count - self._count_before < len({*self._page})
        self._idle_pages = self._idle_pages + 1 if is_idle else 0
        if self._idle_pages > MAX_IDLE_PAGES:
            raise ContractError(f"{MAX_IDLE_PAGES} pages of {self._window} in a row, up to {number}, held nothing new")
        self._page = []
        if not is_counted and len(self._ids) > MAX_IDS:
            self._ids_before, self._ids = self.count, set()
        self._count_before = self.count

    def drop_excess(self, result: WindowResult) -> None:
        """Drops the faxes of the result from memory if there are more than `MAX_ROWS`."""
        if len(result.faxes) > MAX_ROWS:
            self.has_dropped_faxes = True
            result.drop_faxes()

    def split_window(self) -> list[Window]:
        """The window cut into pieces of at most `MAX_ROWS` faxes each, in ascending order.

        Raises:
            ContractError: one second has more faxes than that.
        """
        times = sorted(self.taken_times)[:: MAX_ROWS * 3 // 4][1:]
        cuts = [datetime.fromtimestamp(int(at), UTC) for at in times]
        inner = sorted({at for at in cuts if self._window.start < at < self._window.end})
        if not inner:
            raise ContractError(f"more than {MAX_ROWS} faxes in one second of {self._window}: they cannot be read")
        return [Window(*ends) for ends in pairwise([self._window.start, *inner, self._window.end])]
