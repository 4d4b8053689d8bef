"""Whether pages that come in order of creation have gone past a window. Pure: no clock is read here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sources.window import Window


@dataclass
class PageOrder:
    """The creation times of one chain of pages, in the order they came; `window` is what the chain is read for.

    A link may drop the filters of the first request, and then leads through the whole history. As long as every time
    so far came in order, nothing of the window can follow a page that lies beyond it. Out of order, anything can.
    """

    window: Window
    rises: bool = False
    falls: bool = False
    _last: datetime | None = None

    def add(self, times: Iterable[datetime]) -> None:
        """Adds the times of one page."""
        for at in times:
            if self._last is not None:
                self.rises = self.rises or at > self._last
                self.falls = self.falls or at < self._last
            self._last = at

    def is_past(self, times: list[datetime]) -> bool:
        """The page of these times, the last one added, lies beyond the window, and so will every page after it."""
        if not times or self.rises == self.falls:
            return False
        return max(times) < self.window.start if self.falls else min(times) >= self.window.end
