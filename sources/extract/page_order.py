"""The order of pages: whether pages sorted by creation time have passed the end of a window. Pure functions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sources.window import Window

MIN_STEPS = 20  # from one time to another: so many in one direction are no accident


@dataclass
class PageOrder:
    """The creation times of the pages of one query, in the order of the pages. `window` is the span that is read.

    A link to the next page may drop the filters of the first request, and lead through the whole history. If all times
    so far are sorted, no fax of the window can follow a page that lies beyond it. If they are not, one can.
    """

    window: Window
    is_ascending: bool = False
    is_descending: bool = False
    _last: datetime | None = None
    _steps: int = 0

    def add(self, times: Iterable[datetime]) -> None:
        """Adds the times of one page."""
        for at in times:
            if self._last is not None:
                self.is_ascending = self.is_ascending or at > self._last
                self.is_descending = self.is_descending or at < self._last
                self._steps += at != self._last
            self._last = at

    def is_past(self, times: list[datetime]) -> bool:
        """The page with these times, added last, lies beyond the window, and so will every later page."""
        if not times or self.is_ascending == self.is_descending or self._steps < MIN_STEPS:
            return False
        return max(times) < self.window.start if self.is_descending else min(times) >= self.window.end
