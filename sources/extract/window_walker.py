"""Walking a span of creation time in windows, several at a time, each as wide as its neighbour's density suggests."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from sources.errors import ContractError
from sources.extract.background_call import BackgroundCall, IsWanted
from sources.extract.bound_forms import BoundsIgnored
from sources.extract.page import HistoryLimit
from sources.extract.window_reader import Overfull, WindowReader
from sources.extract.window_result import WindowResult
from sources.extract.window_sizing import next_length, whole_half
from sources.http.usage import Usage, tallied
from sources.window import DAY, FIRST_INSTANT, Window


class WindowFuture(BackgroundCall[WindowResult]):
    """A window, what comes of reading it, and the requests that takes."""

    def __init__(self, window: Window, walk: Callable[[IsWanted], WindowResult]) -> None:
        super().__init__(self._tallied)
        self.window, self.usage = window, Usage()
        self._walk = walk

    def _tallied(self, is_wanted: IsWanted) -> WindowResult:
        with tallied(self.usage):
            return self._walk(is_wanted)


@dataclass
class Walker:
    """Walks one account's faxes: `reader` reads a window, `widest` is the widest to try.

    Once the faxes' density is known, so many windows are read at a time as `connections` tells. `length` is how long
    the next window should be; a query up to `crowded_until` had too many faxes.
    """

    reader: WindowReader
    widest: timedelta
    connections: Callable[[], int] = lambda: 1
    length: timedelta = timedelta()
    crowded_until: datetime = FIRST_INSTANT
    _carried: Usage = field(default_factory=Usage, init=False)

    def walk(self, span: Window, takes_newer: bool = False) -> Generator[WindowResult]:
        """The windows of a span, in ascending order.

        With `takes_newer` the last one also takes what is newer than the span, should the provider send it.

        Raises:
            ContractError: a page repeats, or is not what the documentation says.
        """
        start, abreast, as_one = span.start, 1, False
        self.length, self.crowded_until = self.widest, span.start
        under_way: deque[WindowFuture] = deque()
        while start < span.end:
            if self.reader.semantics.ignored:
                if not as_one:
                    self._cancel_all(under_way)
                # Whatever is asked for, the whole list comes: it is read once for all that is left.
                self.length, abreast, as_one = span.end - start, 1, True
            self._fill(under_way, abreast, Window(start, span.end), takes_newer)
            for walk in islice(under_way, abreast) if abreast > 1 else ():
                walk.start()
            walk = under_way.popleft()
            try:
                result = self._result(walk)
            except BoundsIgnored:
                continue
            except Overfull as crowd:
                pieces = self._pieces(walk.window, crowd, is_last=not under_way)
                under_way.extendleft(reversed([self._set_out(piece, span, takes_newer) for piece in pieces]))
                continue
            except HistoryLimit as past:
                self._cancel_all(under_way)
                self._raise_floor(past.limit)
                if past.limit <= start:
                    continue
                gap = Window(start, min(past.limit, span.end))
                result = WindowResult(gap, gap, proof="gap")
            if result.proof != "gap" and not result.rows_seen and not self._finds_nothing(span):
                self._cancel_all(under_way)
                continue
            start = result.window.end
            if result.proof != "gap":
                self.length = self._length_after(result)
                if result.rows_taken or walk.window.length == self.widest:
                    abreast = self.connections()
            self._carried, result.usage = Usage(), self._carried
            yield result

    def carry(self, result: WindowResult) -> None:
        """Counts the requests of a window that is to be walked anew among those of the next window."""
        self._carried.add(result.usage)

    def _finds_nothing(self, span: Window) -> bool:
        with tallied(self._carried):
            return self.reader.finds_nothing(span)

    def _result(self, walk: WindowFuture) -> WindowResult:
        """The window; its requests are carried to whichever window comes of them."""
        try:
            return walk.result()
        finally:
            self._carried.add(walk.usage)
            self.reader.reading.pop(walk.window, None)

    def _cancel_all(self, under_way: deque[WindowFuture]) -> None:
        """Gives up what has been begun: it lies where other windows are to be read now."""
        for walk in under_way:
            walk.cancel()
            self.reader.reading.pop(walk.window, None)
        under_way.clear()

    def _fill(self, under_way: deque[WindowFuture], abreast: int, rest: Window, takes_newer: bool) -> None:
        """Begins windows until so many are under way, or all of the rest is."""
        end = under_way[-1].window.end if under_way else rest.start
        while end < rest.end and len(under_way) < abreast:
            under_way.append(self._set_out(Window(end, min(end + self.length, rest.end)), rest, takes_newer))
            end = under_way[-1].window.end

    def _set_out(self, window: Window, span: Window, takes_newer: bool) -> WindowFuture:
        return WindowFuture(window, partial(self.reader.read, window, takes_newer and window.end == span.end))

    def _pieces(self, window: Window, crowd: Overfull, is_last: bool) -> Sequence[Window]:
        """What to read in place of a crowded window; nothing if it is the last under way, to be set out for anew."""
        if crowd.pieces:
            return crowd.pieces
        self.length, self.crowded_until = self._shorter(window, crowd), window.end
        return () if is_last else window.cut(self.length)

    def _length_after(self, result: WindowResult) -> timedelta:
        """How long to try next."""
        start = result.window.end
        # All of the crowd is still to come; nearer, it may lie in what is asked for beyond a window.
        if self.crowded_until - start > 4 * DAY and not result.rows_taken:
            return whole_half(Window(start, self.crowded_until))
        return min(self.widest, next_length(result.occupied, result.rows_taken))

    def _shorter(self, window: Window, crowd: Overfull) -> timedelta:
        """How long to try after a window with more faxes than one query counts."""
        if window.length <= DAY and not self.reader.semantics.is_known:
            with tallied(self._carried):
                self.reader.find_out(crowd.created_at)
            return window.length
        return whole_half(window)

    def _raise_floor(self, limit: datetime) -> None:
        if self.reader.semantics.floor is not None and limit <= self.reader.semantics.floor:
            raise ContractError(f"the provider keeps faxes from {limit:%Y-%m-%d} on, and refuses that very date")
        self.reader.semantics.floor = limit
