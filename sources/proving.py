"""Reading one window of creation time, and proving that it is complete, as far as its provider allows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sources.ahead import IsWanted
from sources.bounds import Reading
from sources.columns import Record, Table
from sources.errors import ContractError, ProviderDown
from sources.pages import ChainBroken, Page
from sources.privacy import as_it_is
from sources.records import Problem, fingerprint, place
from sources.walked import Walked
from sources.window import FIRST_INSTANT, LAST_INSTANT, SECOND, Window

WALKS = 3  # of one window, until its count comes out
MOST_EMPTY_PAGES = 100  # in a row that a chain of links may hold
MOST_UNPLACED = 100  # records of one window without a usable id or creation time: more is no accident
MOST_ROWS = 20_000  # per window: what is held in memory at once, where no count says so beforehand


@dataclass
class Prover:
    """Reads one account's windows: `fetch` gives the pages of a span, `table` says what a record must have.

    `treat` gives each record as it may be kept.

    Nobody documents whether bounds are inclusive, or whether only their dates count. So more is asked for than the
    window holds, and each fax is taken by the one window that its creation time lies in: a day more at both ends,
    until a fax that a comparison of dates would have left out shows that instants count; then a second suffices.
    """

    fetch: Callable[[Window], Iterator[Page]]
    table: Table
    account: str
    treat: Callable[[Record], Record] = as_it_is
    reading: Reading = field(default_factory=Reading)
    floor: datetime | None = None  # nothing earlier is asked for: the provider does not keep it
    newest: datetime = FIRST_INSTANT  # a window that takes newer faxes asks for those created until then

    def prove(self, window: Window, takes_newer: bool, is_wanted: IsWanted = lambda: True) -> Walked:
        """The window, read as often as it takes for its count to come out, three times at most.

        Raises:
            Overfull: there are more faxes than one query counts, and the window can be split.
            HistoryLimit: it begins before what the provider keeps.
            ContractError: a page repeats, or is not what the documentation says.
        """
        walked = None
        for _ in range(WALKS):
            try:
                walked = self._walk_once(window, takes_newer, is_wanted)
            except ChainBroken:
                continue
            if walked.proof != "unproven" or not is_wanted():
                break
        if walked is None:
            raise ProviderDown(f"the pages of {window} broke off {WALKS} times: run again later")
        return walked

    def find_out(self, created_at: datetime) -> None:
        """Asks for the two seconds around a fax: bounds that are read as instants give it, and no other time's."""
        asked = Window(created_at - SECOND, created_at + SECOND)
        page = next(self._pages(asked), Page([]))
        self._take(page.records, Walked(asked, asked), set(), asked)
        self.reading.coarse = self.reading.coarse or not page.records

    def _walk_once(self, window: Window, takes_newer: bool, is_wanted: IsWanted) -> Walked:
        """One reading of all pages. It is proven if every page claims the same total and as many ids were seen."""
        wanted = Window(window.start, max(window.end, self.newest)) if takes_newer else window
        asked = self.reading.asked(wanted, self.floor)
        walked = Walked(window, Window(window.start, LAST_INSTANT) if takes_newer else window)
        seen: set[Any] = set()
        claims: list[int | None] = []
        empty_pages, overfull = 0, False
        for number, page in enumerate(self._pages(asked), start=1):
            if not is_wanted():
                break
            before = len(seen)
            self._take(page.records, walked, seen, asked)
            overfull = overfull or page.beyond_count
            crowded = overfull or len(walked.faxes) > MOST_ROWS
            if crowded and walked.last is not None and window.length > self.reading.finest:
                raise Overfull(walked.last)
            claims.append(page.total)
            empty_pages = 0 if page.records else empty_pages + 1
            if empty_pages > MOST_EMPTY_PAGES or (page.records and len(seen) == before):
                raise ContractError(f"page {number} of {window} brought nothing new: the pages go round in a circle")
        if len(walked.unplaced) > (10 if len(walked.unplaced) == len(seen) else MOST_UNPLACED):
            raise ContractError(
                f"{len(walked.unplaced)} of {len(seen)} records of {window} have no usable id or creation time, "
                f"the first because: {next(iter(walked.unplaced.values())).reason}"
            )
        walked.rows_seen = len(seen)
        walked.total, walked.total_last = (claims[0], claims[-1]) if claims else (None, None)
        walked.count()
        if overfull or {*claims} != {None}:
            walked.proof = "counted" if {*claims} == {len(seen)} and not overfull else "unproven"
        return walked

    def _pages(self, asked: Window) -> Iterator[Page]:
        return (page.treated(self.treat) for page in self.fetch(asked))

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
                walked.take(self.table, self.account, fax)


class Overfull(Exception):
    """More faxes than one query counts, one of them created at `created_at`: the window has to be split."""

    def __init__(self, created_at: datetime) -> None:
        super().__init__(created_at)
        self.created_at = created_at
