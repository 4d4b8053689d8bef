"""What one reading of a window's pages has seen: how many records, whether pages repeat, and when they are from."""

from array import array
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from sources.errors import ContractError
from sources.extract.window_result import WindowResult
from sources.window import Window

MAX_IDLE_PAGES = 100  # in a row that bring nothing new
MAX_IDS = 200_000  # of an uncounted query, to tell records that came before
MAX_ROWS = 20_000  # per window: what is held in memory at once, where no count says so beforehand


class PageRepeated(ContractError):
    """A page came twice: the pages go round in a circle, or the list has grown by a whole page meanwhile."""


class SeenIds:
    """What one reading of a window's pages has seen: `count` distinct records, and the time of each one taken.

    `has_shifted`: a page held nothing but what had come before, because records arrived or vanished meanwhile.
    `is_crowded`: faxes were let go.
    """

    def __init__(self, window: Window) -> None:
        self.has_shifted = self.is_crowded = False
        self.taken = array("d")
        self._window = window
        self._ids: set[Any] = set()
        self._ids_before = 0
        self._page: list[Any] = []
        self._pages: set[int] = set()
        self._count_before = self._idle_pages = 0

    @property
    def count(self) -> int:
        """How many distinct records have been seen."""
        return self._ids_before + len(self._ids)

    def add(self, id: Any) -> None:
        """Adds a record of the page that is being read."""
        self._page.append(id)
        self._ids.add(id)

    def end_page(self, number: int, is_counted: bool) -> None:
        """Ends a page.

        Raises:
            PageRepeated: it has come before.
            ContractError: it is one of too many that brought nothing new.
        """
        is_idle = self.count == self._count_before
        page = hash(tuple(self._page))
        if self._page and page in self._pages:
            raise PageRepeated(f"page {number} of {self._window} has come before: the pages go round in a circle")
        self._pages.add(page)
        self.has_shifted = self.has_shifted or (is_idle and bool(self._page))
        self._idle_pages = self._idle_pages + 1 if is_idle else 0
        if self._idle_pages > MAX_IDLE_PAGES:
            raise ContractError(f"{MAX_IDLE_PAGES} pages of {self._window} in a row, up to {number}, held nothing new")
        self._page = []
        if not is_counted and len(self._ids) > MAX_IDS:
            self._ids_before, self._ids = self.count, set()
        self._count_before = self.count

    def drop_crowd(self, result: WindowResult) -> None:
        """Lets go of faxes where there are more than are held at once, to be read again in pieces."""
        if len(result.faxes) > MAX_ROWS:
            self.is_crowded = True
            result.drop_faxes()

    def pieces(self) -> list[Window]:
        """The window cut so that each piece holds no more faxes than are held at once.

        Raises:
            ContractError: it cannot be cut.
        """
        times = sorted(self.taken)[:: MAX_ROWS * 3 // 4][1:]
        cuts = [datetime.fromtimestamp(int(at), UTC) for at in times]
        inner = sorted({at for at in cuts if self._window.start < at < self._window.end})
        if not inner:
            raise ContractError(f"more than {MAX_ROWS} faxes in one second of {self._window}: they cannot be read")
        return [Window(*ends) for ends in pairwise([self._window.start, *inner, self._window.end])]
