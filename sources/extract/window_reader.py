"""Reads one window of creation time, and proves that it is complete, if the provider gives a total."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import compress, islice
from typing import Any

from sources.errors import ContractError, FaxSyncError, ProviderDown
from sources.extract.background_call import IsWanted
from sources.extract.bound_forms import BoundForms, FormChanged
from sources.extract.page import MIN_UNCOUNTED, NextPageRefused, Page
from sources.extract.page_order import PageOrder
from sources.extract.seen_ids import MAX_ROWS, PageRepeated, SeenIds
from sources.extract.window_result import WindowCounts, WindowResult
from sources.extract.window_sizing import TARGET_ROWS, BoundForm, BoundSemantics
from sources.records.privacy import as_it_is
from sources.records.record import Placed, Problem, fingerprint, place
from sources.records.schema import Record, Table
from sources.window import FIRST_INSTANT, LAST_INSTANT, SECOND, Window

MAX_READINGS = 3  # of one window, until its faxes equal the provider's total
MAX_EMPTY_FIRST_PAGES = 5  # pages without records at the start of a query
MAX_UNPLACED = 100  # records of one window without a usable id or creation time; more break the contract

Fetch = Callable[[Window], Iterator[Page]]


class MustSplit(Exception):
    """The window has to be split: its queries do not list its faxes reliably, or these do not fit in memory.

    One of them was created at `created_at`. `pieces`: the windows to read instead, if they are known.
    """

    def __init__(self, created_at: datetime, pieces: Sequence[Window] = ()) -> None:
        super().__init__(created_at)
        self.created_at = created_at
        self.pieces = pieces


@dataclass
class WindowReader:
    """Reads the windows of one account. `fetch` returns the pages of a span, `table` declares the columns of a record.

    `apply_privacy` applies the privacy settings to a record. `fallbacks` return the pages of a span with its bounds
    written in another documented form; one of them is used if the provider ignores bounds in the first form.

    Providers do not document whether bounds are inclusive, or whether only their dates count. So each query asks for
    more than its window: a day at both ends, or a second once a page has shown that the provider compares instants.
    Each fax is taken by the one window that contains its creation time.
    """

    fetch: Fetch
    table: Table
    account: str
    apply_privacy: Callable[[Record], Record] = as_it_is
    semantics: BoundSemantics = field(default_factory=BoundSemantics)
    fallbacks: Mapping[BoundForm, Fetch] = field(default_factory=dict)
    warn: Callable[[str], object] = lambda text: None
    newest: datetime = FIRST_INSTANT  # with `takes_newer`, the query reaches this instant
    has_seen_records: bool = field(default=False, init=False)
    window_counts: WindowCounts = field(default_factory=dict, init=False)
    min_counts: dict[Window, int] = field(default_factory=dict, init=False)  # of windows with too many faxes
    target_rows: int = field(default=TARGET_ROWS, init=False)  # of a window: less than a page, once a fax came on two

    def __post_init__(self) -> None:
        self._forms = BoundForms(self.semantics, self.fallbacks, self._fetch_times, self.warn)

    def read(self, window: Window, takes_newer: bool, is_wanted: IsWanted = lambda: True) -> WindowResult:
        """The window's faxes and proof. It is read up to three times, until its faxes equal the provider's total.

        With `takes_newer`, faxes created after the window are taken too. If the provider ignores bounds, the whole list
        is read, whatever the window. If `is_wanted` turns false, the reading ends early.

        Raises:
            MustSplit: the window can be split, and has more faxes than one query counts or than fit in memory, or a
                fax came on two pages, or the provider refused the link to a next page.
            BoundsIgnored: this window has shown that the provider ignores bounds.
            HistoryLimit: the window begins before the provider's history.
            PageRepeated: a page repeats in each reading.
            ProviderDown: the provider refused the link to a next page in each reading.
            ContractError: a page is not what the documentation says.
        """
        result = None
        failure: FaxSyncError = ProviderDown(
            f"{MAX_READINGS} times, a link to the next page of {window} was refused: run again"
        )
        for _ in range(MAX_READINGS):
            try:
                result = self._read_once(window, takes_newer, is_wanted)
            except NextPageRefused:
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

    def confirm_empty(self, span: Window) -> bool:
        """The span has no faxes in any documented form of bounds. If it has, that form is used from now on."""
        return self.has_seen_records or not self._forms.find_working_form(span)

    def probe_bounds(self, created_at: datetime) -> None:
        """Requests the two seconds around a fax, to learn whether the provider compares instants or dates."""
        asked = Window(created_at, created_at).widened(SECOND)
        page = next(self._pages(asked, self.semantics.form), Page([]))
        self._add_records(page.records, WindowResult(asked, asked), SeenIds(asked), asked)
        self.semantics.compares_dates = self.semantics.compares_dates or not page.records

    def _read_once(self, window: Window, takes_newer: bool, is_wanted: IsWanted) -> WindowResult:
        """One reading of all pages: `counted` if every page gives the same total, and as many distinct ids came."""
        wanted = Window(window.start, max(window.end, self.newest)) if takes_newer else window
        form, is_whole = self.semantics.form, self.semantics.ignored
        asked, plausible = self.semantics.query_span(wanted), self.semantics.plausible_span(window, takes_newer)
        result = WindowResult(window, Window(window.start, LAST_INSTANT) if takes_newer else window)
        seen, order = SeenIds(window), PageOrder(plausible)
        totals: list[int | None] = []
        is_first, overfull, longest = True, False, 0
        for number, page in enumerate(self._linked(self._pages(asked, form), result), start=1):
            if not is_wanted():
                break
            times = self._add_records(page.records, result, seen, asked)
            seen.end_page(number, page.total is not None)
            self.window_counts[window] = seen.count, page.total
            overfull = overfull or page.beyond_count
            totals.append(page.total)
            longest = max(longest, len(page.records))
            if is_whole:
                self._require_end(window, overfull)
                seen.drop_excess(result)
                continue
            strays = plausible.outside(times)
            if strays and (is_first or overfull):
                self._forms.check_strays(form, window, strays)
            crowded = overfull or len(result.faxes) > MAX_ROWS
            if crowded and result.last_created_at is not None and self._can_ask_for_less(window):
                self.min_counts[window] = max(page.total or MIN_UNCOUNTED * overfull, len(result.faxes))
                raise MustSplit(result.last_created_at)
            if page.total is None:
                order.add(times)
                is_split = seen.has_repeats and self._can_ask_for_less(window)
                if is_split or (not is_first and order.is_past(times)):
                    break
            is_first = is_first and not page.records
        if seen.has_dropped_faxes:
            raise MustSplit(window.start, seen.split_window())
        self._require_placed(result, seen.count)
        result.rows_seen = seen.count
        result.total, result.total_last = (totals[0], totals[-1]) if totals else (None, None)
        result.count()
        if overfull or {*totals} != {None}:
            result.proof = "counted" if {*totals} == {seen.count} and not overfull else "unproven"
        elif seen.has_shifted:
            result.proof = "unproven"
        if seen.has_repeats and len({*totals}) == 1 and result.proof != "counted" and not is_whole:
            self._require_order(result, longest)
        return result

    def _linked(self, pages: Iterator[Page], result: WindowResult) -> Iterator[Page]:
        """The pages. If the link to one is refused, the window is split: its links may expire before they are read."""
        try:
            yield from pages
        except NextPageRefused:
            at, is_whole = result.last_created_at, self.semantics.ignored
            if at is None or is_whole or not self._can_ask_for_less(result.window):
                raise
            self.target_rows = min(self.target_rows, max(1, len(result.faxes) * 9 // 10))
            raise MustSplit(at) from None

    def _require_order(self, result: WindowResult, longest_page: int) -> None:
        """Has a window split in which a fax came on two pages: another may have come on none, but not within one page.

        If faxes arrive while the pages are read, a fax may come twice although none is missing. Then splitting costs
        some requests. A window that cannot be split stays as it is, because nothing tells one case from the other.
        """
        if result.last_created_at is not None and self._can_ask_for_less(result.window):
            self.target_rows = min(self.target_rows, max(1, longest_page * 9 // 10))
            raise MustSplit(result.last_created_at)

    def _can_ask_for_less(self, window: Window) -> bool:
        return window.length > self.semantics.min_length or not self.semantics.is_known

    def _require_end(self, window: Window, overfull: bool) -> None:
        if overfull:
            raise ContractError(
                f"the provider ignores the bounds {window}, and has more faxes than it lists: the others cannot be read"
            )

    def _require_placed(self, result: WindowResult, seen: int) -> None:
        if len(result.unplaced) > (10 if len(result.unplaced) == seen else MAX_UNPLACED):
            raise ContractError(
                f"{len(result.unplaced)} of {seen} records of {result.window} have no usable id or creation time, "
                f"the first because: {next(iter(result.unplaced.values())).reason}"
            )

    def _pages(self, asked: Window, form: BoundForm) -> Iterator[Page]:
        pages = self.fallbacks.get(form, self.fetch)(asked)
        return (page.mapped(self.apply_privacy) for page in pages)

    def _fetch_times(self, form: BoundForm, window: Window) -> list[datetime]:
        """The creation times on the first page with records, with the window's bounds written in this form."""
        asked = BoundSemantics(form=form, floor=self.semantics.floor).query_span(window)
        pages = islice(self._pages(asked, form), MAX_EMPTY_FIRST_PAGES)
        records = next((page.records for page in pages if page.records), [])
        return self._add_records(records, WindowResult(asked, asked), SeenIds(asked), None)

    def _add_records(
        self, records: list[Record], result: WindowResult, seen: SeenIds, asked: Window | None
    ) -> list[datetime]:
        """Adds a page's records to the result; returns their creation times, without records that have none."""
        ids: list[Any] = []
        faxes: list[Placed] = []
        for record in records:
            try:
                fax = place(self.table, self.account, record)
            except ValueError as reason:
                digest = fingerprint(self.account, record)
                ids.append(digest)
                result.unplaced[digest] = Problem(self.table.name, record.get("id"), None, record, str(reason), digest)
            else:
                ids.append(fax.id)
                faxes.append(fax)
        seen.add(ids)
        times = [fax.created_at for fax in faxes]
        if times:
            result.last_created_at = times[-1]
        taken = [*compress(faxes, result.taken_span.contains_each(times))]
        seen.taken_times.extend([fax.created_at.timestamp() for fax in taken])
        result.add(self.table, self.account, taken)
        if asked is not None:
            self.semantics.observe(asked, times)
        self.has_seen_records = self.has_seen_records or bool(records)
        return times
