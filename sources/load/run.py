"""One account's run: the request, the connections, and the progress so far."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sources.errors import Forbidden
from sources.extract.page import Balance
from sources.extract.source import Source
from sources.extract.stop import Stop
from sources.extract.window_result import WindowCounts, WindowResult
from sources.http.client import Client
from sources.load.run_request import RunRequest
from sources.load.stored import Stored
from sources.load.tally import Tally
from sources.window import Window, whole_second

MAX_SKEW = timedelta(minutes=5)  # between the provider's clock and ours


@dataclass
class Run:
    """The run of `source`, which is read through `client`. `stored` is what the warehouse holds of the account.

    `started_at` is the start of the run (UTC), by the earlier of the two clocks, ours and the provider's, once a
    response has shown that they differ by over five minutes. What is proven ends `horizon.lag` before it, because a
    provider may list a fax that much later than it was created. Faxes are read to the later of the two clocks. Nothing
    created before `kept_from` is loaded. A run takes one or more loads; after the last one, `finished` is true.
    """

    request: RunRequest
    source: Source
    client: Client
    stored: Stored
    started_at: datetime
    kept_from: datetime | None = None
    stop: Stop = field(default_factory=Stop)
    progress: Callable[["Run"], None] = lambda run: None
    cleanup: ExitStack = field(default_factory=ExitStack)  # ends open requests, and waits for a provider

    tally: Tally = field(default_factory=Tally, init=False)
    spans: list[Window] = field(default_factory=list)
    doing: str = field(default="reading", init=False)  # shown as progress; empty after the end of the run
    window_counts: WindowCounts = field(default_factory=dict, init=False)
    min_counts: dict[Window, int] = field(default_factory=dict, init=False)  # of windows with too many faxes
    finished: bool = field(default=False, init=False)
    is_first: bool = field(default=False, init=False)  # the account has no cursor yet
    loads: int = field(default=0, init=False)
    purged: int = field(default=0, init=False)
    balance: Balance | None = field(default=None, init=False)
    new_columns: dict[str, list[str]] = field(default_factory=dict, init=False)
    warnings: list[str] = field(default_factory=list, init=False)
    _skew: timedelta | None = field(default=None, init=False)  # of the provider's clock, if over five minutes
    _local_start: datetime = field(init=False)  # by our clock

    def __post_init__(self) -> None:
        self._local_start = self.started_at

    def for_list(self, source: Source, stored: Stored) -> "Run":
        """The run of another list of the account, with the horizon of that list, by the same clock and connections."""
        horizon = source.settings.horizon(source.api.EARLIEST)
        request = replace(self.request, horizon=horizon)
        run = replace(self, request=request, source=source, stored=stored, spans=[])
        run._skew, run._local_start = self._skew, self._local_start  # else `started_at` would be corrected again
        return run

    def merge(self, further: "Run") -> None:
        """Adds the loads, row counts and warnings of another list's run. Faxes are counted in the first list only."""
        self.loads += further.loads
        self.warnings += [text for text in further.warnings if text not in self.warnings]
        self.tally.rows.update(further.tally.rows)
        self.new_columns |= further.new_columns

    @contextmanager
    def skipping_if_forbidden(self) -> Iterator[None]:
        """Turns the refusal of a further list (HTTP 403) into a warning, and ends that run."""
        try:
            yield
        except Forbidden:
            if not self.source.listing:
                raise
            self.finished = True
            self.warnings.append(self.missing_scope_warning)

    @property
    def missing_scope_warning(self) -> str:
        """The warning for a list that the credentials have no scope to read."""
        setting = f", or set {self.source.setting} = false" if self.source.setting else ""
        return (
            f"{self.source.table.name} was not read: {self.client.provider} refuses that list (HTTP 403): "
            f"give the key the scope for it{setting}"
        )

    def add_window(self, result: WindowResult) -> None:
        """Counts a window whose batch is made, and drops its faxes from memory."""
        self.tally.add_window(result)
        self.progress(self)

    def add_new_column(self, table: str, column: str) -> bool:
        """Records a column for a new field; true if this run had not recorded it."""
        columns = self.new_columns.setdefault(table, [])
        if column in columns:
            return False
        columns.append(column)
        return True

    @property
    def has_reached_end(self) -> bool:
        """All spans of the plan have been read."""
        reached = self.tally.reached
        return bool(self.spans) and reached is not None and reached >= self.spans[-1].end

    @property
    def must_stop(self) -> bool:
        """The deadline has passed, or a stop was requested."""
        return self.stop.requested or time.monotonic() >= self.request.deadline

    @property
    def span(self) -> Window | None:
        """From the start of the first span of the plan to the end of the last one; None without a plan."""
        return Window(self.spans[0].start, self.spans[-1].end) if self.spans else None

    @property
    def pace(self) -> float | None:
        """The rate limit as measured, in requests per second; None if the provider answered no request with 429."""
        return self.client.pace.rate if self.client.pace.refusals else None

    @property
    def default_start(self) -> datetime:
        """The earliest creation time that a run without bounds reads."""
        return whole_second(self.request.horizon.start)

    @property
    def end(self) -> datetime:
        """The end of what can be proven: `until`, but at the latest `horizon.lag` before the start of the run."""
        return self._until(self.started_at)

    @property
    def end_of_reading(self) -> datetime:
        """The same by the later of the two clocks: faxes created up to here may be there."""
        return self._until(self.latest_start)

    @property
    def latest_start(self) -> datetime:
        """The start of the run by the later of the two clocks."""
        return self._local_start + max(self._skew or timedelta(), timedelta())

    def holes(self, span: Window, proofs: Collection[str] | None) -> list[Window]:
        """The parts of a span that no window of the ledger with one of these proofs covers; None: any proof.

        A window that was walked, or ends, later than now proves nothing: the clock was wrong then.
        """
        return self.stored.holes(span, proofs, self.latest_start + MAX_SKEW)

    def _until(self, start: datetime) -> datetime:
        latest = start - self.request.horizon.lag
        return min(self.request.until or latest, latest)

    def cap_spans(self) -> None:
        """Shortens the spans to end `horizon.lag` before the earlier of the two clocks, by the responses so far.

        No window proves a time that has not come by both clocks: one of them may be wrong.
        """
        end = whole_second(self._local_start + self._behind - self.request.horizon.lag)
        self.spans = [span.ending_by(end) for span in self.spans]

    @property
    def _behind(self) -> timedelta:
        """How far the provider's clock was behind ours, zero or less.

        Ours may have been ahead when the run started, and set right before the first response.
        """
        first = self.client.first_server_time or self._local_start
        return min(self.client.least_skew, first - self._local_start)

    def note_provider_clock(self) -> bool:
        """True once, if a response has shown that the clocks differ by over five minutes. Sets `started_at`."""
        behind = self._behind
        skew = behind if abs(behind) > MAX_SKEW else self.client.skew
        if self._skew is not None or abs(skew) <= MAX_SKEW:
            return False
        self._skew = timedelta(seconds=int(skew.total_seconds()))
        direction = "behind" if skew > timedelta() else "ahead"
        self.warnings.append(f"the clock here is {abs(self._skew)} {direction}: set it")
        back = max(-self._skew, timedelta())
        self.started_at -= back
        if self.kept_from:
            self.kept_from = Window(self.kept_from, self._local_start).widened(back).start
        return True

    def cursor(self) -> datetime | None:
        """The creation time up to which the account is now read without a hole; None if the cursor does not move."""
        main, reached = self.spans[-1] if self.spans else None, self.tally.reached
        if not self.request.moves_cursor or main is None or reached is None or reached < main.start:
            return None
        return reached
