"""One account's run: how far it has come with what it was asked to do."""

import time
from collections.abc import Callable, Iterator
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

MOST_SKEW = timedelta(minutes=5)  # between the provider's clock and ours
PROVEN = ("counted", "walked")  # the proofs of a window that need not be read again
ACCOUNTED_FOR = (*PROVEN, "gap")  # nothing can be done about what the provider does not keep any more


@dataclass
class Run:
    """The run of `source`, asked through `client`; `stored` is what the warehouse holds of the account.

    `started_at` is when the run began, by the provider's clock once that is known; its windows end at the latest by the
    horizon's lag before that, because a provider may list a fax so late. Nothing created before `kept_from` is loaded.
    Loading the source again goes on from where the last load ended, until the run has reached its end and `finished`
    is true.
    """

    request: RunRequest
    source: Source
    client: Client
    stored: Stored
    started_at: datetime
    kept_from: datetime | None = None
    stop: Stop = field(default_factory=Stop)
    progress: Callable[["Run"], None] = lambda run: None
    closing: ExitStack = field(default_factory=ExitStack)  # ends whatever asks or waits for the provider

    tally: Tally = field(default_factory=Tally, init=False)
    spans: list[Window] = field(default_factory=list)
    doing: str = field(default="reading", init=False)  # in words, for the progress; empty once it is over
    reading: WindowCounts = field(default_factory=dict, init=False)
    finished: bool = field(default=False, init=False)
    is_first: bool = field(default=False, init=False)  # no earlier run has moved the account's cursor
    loads: int = field(default=0, init=False)
    purged: int = field(default=0, init=False)
    balance: Balance | None = field(default=None, init=False)
    new_columns: dict[str, list[str]] = field(default_factory=dict, init=False)
    warnings: list[str] = field(default_factory=list, init=False)
    _clock_mended: bool = field(default=False, init=False)
    _end_settled: bool = field(default=False, init=False)

    def of_list(self, source: Source, stored: Stored) -> "Run":
        """The run of another list of the account, with a floor of its own, on the same connections."""
        horizon = source.settings.horizon(source.api.EARLIEST)
        request = replace(self.request, horizon=horizon)
        return replace(self, request=request, source=source, stored=stored, spans=[])

    def add(self, further: "Run") -> None:
        """Adds what the run of another list has loaded and has to say; the faxes are counted in the first list only."""
        self.loads += further.loads
        self.warnings += [text for text in further.warnings if text not in self.warnings]
        self.tally.rows.update(further.tally.rows)
        self.new_columns |= further.new_columns

    @contextmanager
    def skipping_if_forbidden(self) -> Iterator[None]:
        """Ends the run of a further list with a warning where the credentials lack the scope to read it."""
        try:
            yield
        except Forbidden:
            if not self.source.listing:
                raise
            self.finished = True
            self.warnings.append(self.without_scope)

    @property
    def without_scope(self) -> str:
        """What to say of a list that the credentials lack the scope to read."""
        setting = f", or set {self.source.setting} = false" if self.source.setting else ""
        return (
            f"{self.source.table.name} was not read: {self.client.provider} refuses that list (HTTP 403): "
            f"give the key the scope for it{setting}"
        )

    def take(self, result: WindowResult) -> None:
        """Notes a window that has been read and gathered; its faxes are dropped."""
        self.tally.take(result)
        self.progress(self)

    def note_column(self, table: str, column: str) -> bool:
        """Notes a column that nobody declared; true if this run has not seen it before."""
        columns = self.new_columns.setdefault(table, [])
        if column in columns:
            return False
        columns.append(column)
        return True

    @property
    def has_arrived(self) -> bool:
        """Everything that the run was to read has been read."""
        reached = self.tally.reached
        return bool(self.spans) and reached is not None and reached >= self.spans[-1].end

    @property
    def is_late(self) -> bool:
        """The deadline has passed, or the run was asked to end."""
        return self.stop.requested or time.monotonic() >= self.request.deadline

    @property
    def span(self) -> Window | None:
        """From the earliest to the latest creation time that the run was to read."""
        return Window(self.spans[0].start, self.spans[-1].end) if self.spans else None

    @property
    def pace(self) -> float | None:
        """Requests a second that the provider was found to allow; None if it refused none with a 429."""
        return self.client.pace.rate if self.client.pace.refusals else None

    @property
    def begins_at(self) -> datetime:
        """Where a run without bounds begins to read."""
        return whole_second(self.request.horizon.start)

    @property
    def end(self) -> datetime:
        """Where the run's windows stop: `until`, but never after its own start less the provider's lag."""
        latest = self.started_at - self.request.horizon.lag
        return min(self.request.until or latest, latest)

    def settle_end(self) -> None:
        """Has no span end later than the provider's clock showed, less its lag, when it first answered."""
        if self._end_settled:
            return
        self._end_settled = True
        behind = min(self.client.skew, timedelta())
        if not self._clock_mended:
            end = whole_second(self.started_at + behind - self.request.horizon.lag)
            self.spans = [span.ending_by(end) for span in self.spans]

    def mend_clock(self) -> bool:
        """Takes the provider's clock for ours if they are far apart, once; true if it did."""
        skew = self.client.skew
        if self._clock_mended or abs(skew) <= MOST_SKEW:
            return False
        self._clock_mended = True
        self.warnings.append(f"the clock here is {abs(skew)} {'behind' if skew > timedelta() else 'ahead'}: set it")
        shift = timedelta(seconds=int(skew.total_seconds()))
        self.started_at += shift
        if self.kept_from:
            kept = Window(self.kept_from, self.started_at)
            self.kept_from = kept.widened(max(-shift, timedelta())).start  # by whichever clock keeps more
        return True

    def cursor(self) -> datetime | None:
        """How far the account has now been read without a break; None if the cursor is to stay where it is."""
        main, reached = self.spans[-1] if self.spans else None, self.tally.reached
        if not self.request.moves_cursor or main is None or reached is None or reached < main.start:
            return None
        return reached
