"""Reads a span of creation time in windows, several at the same time. The density of the faxes sets their length."""

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
from sources.extract.window_reader import MustSplit, WindowReader
from sources.extract.window_result import WindowResult
from sources.extract.window_sizing import half_length, next_length
from sources.http.usage import Usage, tallied
from sources.window import DAY, FIRST_INSTANT, HOUR, Window

MANY_FAXES = 4_000  # of a window: its pages keep all connections busy


class WindowFuture(BackgroundCall[WindowResult]):
    """A window, its result once it is read, and the requests made for it."""

    def __init__(self, window: Window, walk: Callable[[IsWanted], WindowResult]) -> None:
        super().__init__(self._tallied)
        self.window, self.usage = window, Usage()
        self._walk = walk

    def _tallied(self, is_wanted: IsWanted) -> WindowResult:
        with tallied(self.usage):
            return self._walk(is_wanted)


@dataclass
class Walker:
    """Walks the faxes of one account. `reader` reads one window; `widest` is the length of the longest window.

    Once the density of the faxes is known, `connections()` windows are read at the same time; only two if each has many
    counted faxes, whose pages are fetched in parallel: more would take memory, and save no time. `length` is the length
    of the next window. The last window that had to be split ended at `split_until`.
    """

    reader: WindowReader
    widest: timedelta
    connections: Callable[[], int] = lambda: 1
    length: timedelta = field(default=timedelta(), init=False)
    split_until: datetime = field(default=FIRST_INSTANT, init=False)
    _carried: Usage = field(default_factory=Usage, init=False)

    def walk(self, span: Window, takes_newer: bool = False) -> Generator[WindowResult]:
        """The results of the windows of a span, in ascending order, without a hole.

        With `takes_newer`, the last window also takes faxes created after the span, if the provider sends them.

        Raises:
            ContractError: a page repeats, or is not what the documentation says.
        """
        start, concurrency, is_single = span.start, 1, False
        self.length, self.split_until = self.widest, span.start
        futures: deque[WindowFuture] = deque()
        future: WindowFuture | None = None
        while start < span.end:
            self._forget(future)
            if self.reader.semantics.ignored:
                if not is_single:
                    self._cancel_all(futures)
                # Each query returns the whole list, so the rest of the span is read as one window.
                self.length, concurrency, is_single = span.end - start, 1, True
            self._add_futures(futures, concurrency, Window(start, span.end), takes_newer)
            for later in islice(futures, concurrency) if concurrency > 1 else ():
                later.start()
            future = futures.popleft()
            try:
                result = self._result(future)
            except BoundsIgnored:
                continue
            except MustSplit as split:
                pieces = self._split(future.window, split, is_last=not futures)
                futures.extendleft(reversed([self._new_future(piece, span, takes_newer) for piece in pieces]))
                continue
            except HistoryLimit as limited:
                self._cancel_all(futures)
                floor = self._raise_floor(limited.limit)
                if floor <= start:
                    continue
                gap = Window(start, min(floor, span.end))
                result = WindowResult(gap, gap, proof="gap")
            if result.proof != "gap" and not result.rows_seen and not self._confirm_empty(span):
                self._cancel_all(futures)
                continue
            start = result.window.end
            if result.proof != "gap":
                self.length = self._length_after(result)
                if result.rows_taken or future.window.length == self.widest:
                    concurrency = self.connections()
                    if (result.total or 0) >= MANY_FAXES:
                        concurrency = min(concurrency, 2)
            self._carried, result.usage = Usage(), self._carried
            yield result
        self._forget(future)

    def carry_usage(self, result: WindowResult) -> None:
        """Adds the requests of a window that is read again to those of the next window."""
        self._carried.add(result.usage)

    def _confirm_empty(self, span: Window) -> bool:
        with tallied(self._carried):
            return self.reader.confirm_empty(span)

    def _result(self, future: WindowFuture) -> WindowResult:
        """The result of the future. Its requests are added to the next window that is returned."""
        try:
            return future.result()
        finally:
            self._carried.add(future.usage)

    def _forget(self, future: WindowFuture | None) -> None:
        """Removes the window from those that are being read: its faxes are in the tally, or it is cancelled."""
        if future:
            self.reader.window_counts.pop(future.window, None)

    def _cancel_all(self, futures: deque[WindowFuture]) -> None:
        """Cancels the futures: other windows will be read in their place."""
        for future in futures:
            future.cancel()
            self._forget(future)
        futures.clear()

    def _add_futures(self, futures: deque[WindowFuture], concurrency: int, rest: Window, takes_newer: bool) -> None:
        """Adds windows until there are `concurrency` futures, or the rest of the span is covered."""
        end = futures[-1].window.end if futures else rest.start
        while end < rest.end and len(futures) < concurrency:
            futures.append(self._new_future(Window(end, min(end + self.length, rest.end)), rest, takes_newer))
            end = futures[-1].window.end

    def _new_future(self, window: Window, span: Window, takes_newer: bool) -> WindowFuture:
        return WindowFuture(window, partial(self.reader.read, window, takes_newer and window.end == span.end))

    def _split(self, window: Window, split: MustSplit, is_last: bool) -> Sequence[Window]:
        """The windows to read instead of one that must be split; none if `walk` can add shorter ones itself."""
        if split.pieces:
            return split.pieces
        self.length, self.split_until = self._shorter(window, split), window.end
        return () if is_last else window.cut(self.length)

    def _length_after(self, result: WindowResult) -> timedelta:
        """The length of the next window."""
        start = result.window.end
        # The faxes for which it was split lie ahead. If they were nearer, they could lie in the slack of the query.
        if self.split_until - start > 4 * DAY and not result.rows_taken:
            return half_length(Window(start, self.split_until))
        return min(self.widest, next_length(result.occupied, result.rows_taken, self.reader.target_rows))

    def _shorter(self, window: Window, split: MustSplit) -> timedelta:
        """The length of the next window after one that must be split."""
        if window.length <= DAY and not self.reader.semantics.is_known:
            with tallied(self._carried):
                self.reader.probe_bounds(split.created_at)
            return window.length
        return half_length(window)

    def _raise_floor(self, limit: datetime) -> datetime:
        """The new floor: the limit; or an hour more than before, if the provider means an instant in the named date.

        Raises:
            ContractError: the provider refuses all of that date.
        """
        floor = self.reader.semantics.floor
        if floor is not None and limit <= floor:
            if floor - limit >= DAY:
                raise ContractError(f"the provider keeps faxes from {limit:%Y-%m-%d} on, and refuses all of that date")
            limit = floor + HOUR
        self.reader.semantics.floor = limit
        return limit
