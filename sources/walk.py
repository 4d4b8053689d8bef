"""Walking a span of creation time in windows, each of them proven as far as its provider allows."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from sources.ahead import Ahead, IsWanted
from sources.bounds import Reading, next_length, whole_half
from sources.columns import Record, Table
from sources.errors import ContractError, ProviderDown
from sources.pages import ChainBroken, HistoryLimit, Page
from sources.records import Placed, Problem, fingerprint, place
from sources.window import DAY, LAST_INSTANT, SECOND, Window

Proof = Literal["counted", "walked", "unproven", "gap"]
WALKS = 3  # of one window, until its count comes out
MOST_EMPTY_PAGES = 100  # in a row that a chain of links may hold
MOST_UNPLACED = 100  # records of one window without a usable id or creation time: more is no accident
MOST_ROWS = 20_000  # per window: what is held in memory at once, where no count says so beforehand


@dataclass
class Walked:
    """A window and what came of it: its faxes by id, the last reading of each, and how it was proven.

    `taken` is what faxes were taken from: the window itself, or all that is newer as well.

    `total` is the provider's count of the query, which reaches a little further than the window; `rows_seen` the
    distinct faxes it answered with, and `rows_taken` those created in the window. `unplaced` are the records without
    a usable id or creation time.
    """

    window: Window
    taken: Window
    faxes: dict[Any, Placed] = field(default_factory=dict)
    unplaced: dict[str, Problem] = field(default_factory=dict)
    total: int | None = None
    rows_seen: int = 0
    rows_taken: int = 0
    last: datetime | None = None  # creation time of the fax that came last
    proof: Proof = "walked"


@dataclass
class Walker:
    """Walks one account's faxes: `fetch` gives the pages of a span, `table` says what a record must have.

    Nobody documents whether bounds are inclusive, or whether only their dates count. So more is asked for than the
    window holds, and each fax is taken by the one window that its creation time lies in: a day more at both ends,
    until a fax that a comparison of dates would have left out shows that instants count; then a second suffices.
    """

    fetch: Callable[[Window], Iterator[Page]]
    table: Table
    account: str
    widest: timedelta
    reading: Reading = field(default_factory=Reading)
    connections: int = 1  # windows that are walked at a time
    floor: datetime | None = None  # nothing earlier is asked for: the provider does not keep it

    def walk(self, span: Window, takes_newer: bool = False) -> Iterator[Walked]:
        """The windows of a span, in ascending order, each as wide as its neighbour's density suggests.

        Once that is known, `connections` of them are walked at a time. With `takes_newer` the last one also takes what
        is newer than the span, should the provider send it.

        Raises:
            ContractError: a page repeats, or is not what the documentation says.
        """
        start, length, abreast = span.start, self.widest, 1
        under_way: deque[_Walk] = deque()
        while start < span.end:
            self._set_out(under_way, Window(start, span.end), length, takes_newer, abreast)
            walk = under_way.popleft()
            try:
                walked = walk.result()
            except (HistoryLimit, _Overfull) as turn:
                _forget(under_way)
                if isinstance(turn, _Overfull):
                    length = self._shorter(walk.window, turn)
                    continue
                self._raise_floor(turn.limit)
                if turn.limit <= start:
                    continue
                gap = Window(start, min(turn.limit, span.end))
                walked = Walked(gap, gap, proof="gap")
            yield walked
            start = walked.window.end
            if walked.proof != "gap":
                length = min(self.widest, next_length(walked.window.length, walked.rows_seen))
                abreast = self.connections

    def _set_out(
        self, under_way: "deque[_Walk]", rest: Window, length: timedelta, takes_newer: bool, abreast: int
    ) -> None:
        """Sets out into the rest of the span, so many windows abreast; each begins where the one before it ends."""
        start = under_way[-1].window.end if under_way else rest.start
        while start < rest.end and len(under_way) < abreast:
            window = Window(start, min(start + length, rest.end))
            under_way.append(_Walk(window, partial(self._prove, window, takes_newer and window.end == rest.end)))
            start = window.end
        for walk in under_way if len(under_way) > 1 else ():
            walk.start()

    def _shorter(self, window: Window, crowd: "_Overfull") -> timedelta:
        """How long to try after a window with more faxes than one query counts."""
        if window.length <= DAY and not self.reading.is_known:
            self._find_out(crowd.created_at)
            return window.length
        return whole_half(window)

    def _prove(self, window: Window, takes_newer: bool, is_wanted: IsWanted = lambda: True) -> Walked:
        walked = None
        for _ in range(WALKS):
            try:
                walked = self._walk_once(window, takes_newer, is_wanted)
            except ChainBroken:
                continue
            if walked.proof != "unproven":
                break
        if walked is None:
            raise ProviderDown(f"the pages of {window} broke off {WALKS} times: run again later")
        return walked

    def _find_out(self, created_at: datetime) -> None:
        """Asks for the two seconds around a fax: bounds that are read as instants give it, and no other time's."""
        asked = Window(created_at - SECOND, created_at + SECOND)
        page = next(iter(self.fetch(asked)), Page([]))
        self._take(page.records, Walked(asked, asked), set(), asked)
        self.reading.coarse = self.reading.coarse or not page.records

    def _walk_once(self, window: Window, takes_newer: bool, is_wanted: IsWanted) -> Walked:
        """One reading of all pages. It is proven if every page claims the same total and as many ids were seen."""
        asked = self.reading.asked(window, self.floor)
        walked = Walked(window, Window(window.start, LAST_INSTANT) if takes_newer else window)
        seen: set[Any] = set()
        claims: set[int | None] = set()
        empty_pages, overfull = 0, False
        for number, page in enumerate(self.fetch(asked), start=1):
            if not is_wanted():
                break
            before = len(seen)
            self._take(page.records, walked, seen, asked)
            overfull = overfull or page.beyond_count
            crowded = overfull or len(walked.faxes) > MOST_ROWS
            if crowded and walked.last is not None and window.length > self.reading.finest:
                raise _Overfull(walked.last)
            claims.add(page.total)
            empty_pages = 0 if page.records else empty_pages + 1
            if empty_pages > MOST_EMPTY_PAGES or (page.records and len(seen) == before):
                raise ContractError(f"page {number} of {window} brought nothing new: the pages go round in a circle")
        if len(walked.unplaced) > (10 if len(walked.unplaced) == len(seen) else MOST_UNPLACED):
            raise ContractError(
                f"{len(walked.unplaced)} of {len(seen)} records of {window} have no usable id or creation time, "
                f"the first because: {next(iter(walked.unplaced.values())).reason}"
            )
        walked.total, walked.rows_seen = next(iter(claims), None), len(seen)
        walked.rows_taken = sum(fax.created_at in window for fax in walked.faxes.values())
        if overfull or claims != {None}:
            walked.proof = "counted" if claims == {len(seen)} and not overfull else "unproven"
        return walked

    def _raise_floor(self, limit: datetime) -> None:
        if self.floor is not None and limit <= self.floor:
            raise ContractError(f"the provider keeps faxes from {limit:%Y-%m-%d} on, and refuses that very date")
        self.floor = limit

    def _take(self, records: list[Record], walked: Walked, seen: set[Any], asked: Window) -> None:
        for record in records:
            try:
                fax = place(self.table, self.account, record)
            except ValueError as reason:
                mark = fingerprint(self.account, record)
                seen.add(mark)
                walked.unplaced[mark] = Problem(self.table.name, record.get("id"), None, record, str(reason), mark)
                continue
            seen.add(fax.id)
            self.reading.learn(asked, fax.created_at)
            walked.last = fax.created_at
            if fax.created_at in walked.taken:
                walked.faxes[fax.id] = fax


class _Walk(Ahead[Walked]):
    """A window, and what comes of walking it."""

    def __init__(self, window: Window, walk: Callable[[IsWanted], Walked]) -> None:
        super().__init__(walk)
        self.window = window


def _forget(under_way: "deque[_Walk]") -> None:
    """Gives up what has been begun: it lies where other windows are to be walked now."""
    for walk in under_way:
        walk.forget()
    under_way.clear()


class _Overfull(Exception):
    """More faxes than one query counts, one of them created at `created_at`: the window has to be split."""

    def __init__(self, created_at: datetime) -> None:
        super().__init__(created_at)
        self.created_at = created_at
