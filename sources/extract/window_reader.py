"""Reading one window of creation time, and proving that it is complete, as far as its provider allows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sources.errors import ContractError, FaxSyncError, ProviderDown
from sources.extract.background_call import IsWanted
from sources.extract.bound_forms import BoundForms, FormChanged
from sources.extract.page import ChainBroken, Page
from sources.extract.page_order import PageOrder
from sources.extract.seen_ids import MAX_ROWS, PageRepeated, SeenIds
from sources.extract.window_result import WindowCounts, WindowResult
from sources.extract.window_sizing import BoundForm, BoundSemantics
from sources.records.privacy import as_it_is
from sources.records.record import Problem, fingerprint, place
from sources.records.schema import Record, Table
from sources.window import FIRST_INSTANT, LAST_INSTANT, SECOND, Window

WALKS = 3  # of one window, until its count comes out
MAX_EMPTY_FIRST_PAGES = 5  # before the first records of a chain of links
MAX_UNPLACED = 100  # records of one window without a usable id or creation time: more is no accident

Fetch = Callable[[Window], Iterator[Page]]


@dataclass
class WindowReader:
    """Reads one account's windows: `fetch` gives the pages of a span, `table` says what a record must have.

    `treat` gives each record as it may be kept. `fallbacks` give the pages of a span too, with its bounds written in
    another form that the provider documents: one of them is used where bounds in the first form are not heeded.

    Nobody documents whether bounds are inclusive, or whether only their dates count. So more is asked for than the
    window holds, and each fax is taken by the one window that its creation time lies in: a day more at both ends,
    until a fax that a comparison of dates would have left out shows that instants count; then a second suffices.
    """

    fetch: Fetch
    table: Table
    account: str
    treat: Callable[[Record], Record] = as_it_is
    semantics: BoundSemantics = field(default_factory=BoundSemantics)
    fallbacks: Mapping[BoundForm, Fetch] = field(default_factory=dict)
    warn: Callable[[str], object] = lambda text: None
    newest: datetime = FIRST_INSTANT  # a window that takes newer faxes asks for those created until then
    has_found: bool = field(default=False, init=False)  # any record yet
    reading: WindowCounts = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._forms = BoundForms(self.semantics, self.fallbacks, self._look, self.warn)

    def read(self, window: Window, takes_newer: bool, is_wanted: IsWanted = lambda: True) -> WindowResult:
        """The window, read as often as it takes for its count to come out, three times at most.

        If the provider heeds no bounds, all that it lists is read to its end, whatever the window.

        Raises:
            Overfull: there are more faxes than one query counts, or than are held at once, and it can be split.
            BoundsIgnored: the provider heeds no bounds, as this window has shown.
            HistoryLimit: it begins before what the provider keeps.
            PageRepeated: a page repeats in each reading.
            ContractError: a page is not what the documentation says.
        """
        result = None
        failure: FaxSyncError = ProviderDown(f"the pages of {window} broke off {WALKS} times: run again later")
        for _ in range(WALKS):
            try:
                result = self._walk_once(window, takes_newer, is_wanted)
            except ChainBroken:
                continue
            except PageRepeated as repeated:
                failure = repeated
                continue
            except FormChanged:
                return self.read(window, takes_newer, is_wanted)
            if result.proof != "unproven" or not is_wanted():
                break
        if result is None:
            raise failure
        return result

    def finds_nothing(self, span: Window) -> bool:
        """Nothing came of the span, and nothing comes of it in any form of bounds that the provider documents.

        If something does, bounds are written in that form from now on.
        """
        return self.has_found or not self._forms.seek(span)

    def find_out(self, created_at: datetime) -> None:
        """Asks for the two seconds around a fax: bounds that are read as instants give it, and no other time's."""
        asked = Window(created_at, created_at).widened(SECOND)
        page = next(self._pages(asked, self.semantics.form), Page([]))
        self._take(page.records, WindowResult(asked, asked), SeenIds(asked), asked)
        self.semantics.coarse = self.semantics.coarse or not page.records

    def _walk_once(self, window: Window, takes_newer: bool, is_wanted: IsWanted) -> WindowResult:
        """One reading of all pages. It is proven if every page claims the same total and as many ids were seen."""
        wanted = Window(window.start, max(window.end, self.newest)) if takes_newer else window
        form, is_whole = self.semantics.form, self.semantics.ignored
        asked, plausible = self.semantics.asked(wanted), self.semantics.plausible(window, takes_newer)
        result = WindowResult(window, Window(window.start, LAST_INSTANT) if takes_newer else window)
        seen, passage = SeenIds(window), PageOrder(plausible)
        claims: list[int | None] = []
        is_first, overfull = True, False
        for number, page in enumerate(self._pages(asked, form), start=1):
            if not is_wanted():
                break
            times = self._take(page.records, result, seen, asked)
            seen.end_page(number, page.total is not None)
            self.reading[window] = seen.count, page.total
            overfull = overfull or page.beyond_count
            claims.append(page.total)
            if is_whole:
                self._require_end(window, overfull)
                seen.drop_crowd(result)
                continue
            strays = [at for at in times if at not in plausible]
            if strays and (is_first or overfull):
                self._forms.question(form, window, strays)
            crowded = overfull or len(result.faxes) > MAX_ROWS
            if crowded and result.last is not None and window.length > self.semantics.finest:
                raise Overfull(result.last)
            passage.add(times)
            if not is_first and page.total is None and passage.is_past(times):
                break
            is_first = is_first and not page.records
        if seen.is_crowded:
            raise Overfull(window.start, seen.pieces())
        self._require_placed(result, seen.count)
        result.rows_seen = seen.count
        result.total, result.total_last = (claims[0], claims[-1]) if claims else (None, None)
        result.count()
        if overfull or {*claims} != {None}:
            result.proof = "counted" if {*claims} == {seen.count} and not overfull else "unproven"
        elif seen.has_shifted:
            result.proof = "unproven"
        return result

    def _require_end(self, window: Window, overfull: bool) -> None:
        if overfull:
            raise ContractError(
                f"the provider does not heed the bounds {window}, and has more faxes than it counts or lists: "
                "what lies beyond cannot be read"
            )

    def _require_placed(self, result: WindowResult, seen: int) -> None:
        if len(result.unplaced) > (10 if len(result.unplaced) == seen else MAX_UNPLACED):
            raise ContractError(
                f"{len(result.unplaced)} of {seen} records of {result.window} have no usable id or creation time, "
                f"the first because: {next(iter(result.unplaced.values())).reason}"
            )

    def _pages(self, asked: Window, form: BoundForm) -> Iterator[Page]:
        fetch = self.fallbacks.get(form, self.fetch)
        return (page.treated(self.treat) for page in fetch(asked))

    def _look(self, form: BoundForm, window: Window) -> list[datetime]:
        """The creation times on the first page with records, the window's bounds being written in this form."""
        asked = BoundSemantics(form=form, floor=self.semantics.floor).asked(window)
        pages = islice(self._pages(asked, form), MAX_EMPTY_FIRST_PAGES)
        records = next((page.records for page in pages if page.records), [])
        return self._take(records, WindowResult(asked, asked), SeenIds(asked), None)

    def _take(self, records: list[Record], result: WindowResult, seen: SeenIds, asked: Window | None) -> list[datetime]:
        """Takes a page's records; gives their creation times, as far as they tell one."""
        times = []
        for record in records:
            try:
                fax = place(self.table, self.account, record)
            except ValueError as reason:
                digest = fingerprint(self.account, record)
                seen.add(digest)
                result.unplaced[digest] = Problem(self.table.name, record.get("id"), None, record, str(reason), digest)
                continue
            seen.add(fax.id)
            times.append(fax.created_at)
            result.last = fax.created_at
            if fax.created_at in result.taken:
                seen.taken.append(fax.created_at.timestamp())
                result.add(self.table, self.account, fax)
        if asked is not None:
            self.semantics.learn(asked, times)
        self.has_found = self.has_found or bool(records)
        return times


class Overfull(Exception):
    """More faxes than one query counts, one of them created at `created_at`: the window has to be split.

    `pieces`: into these, if that is known.
    """

    def __init__(self, created_at: datetime, pieces: Sequence[Window] = ()) -> None:
        super().__init__(created_at)
        self.created_at = created_at
        self.pieces = pieces
