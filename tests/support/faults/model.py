"""A provider, an account and a warehouse in memory, for thousands of syncs a minute."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sources.errors import ProviderDown
from sources.extract.page import Page
from sources.extract.source import Source
from sources.extract.window_reader import WindowReader
from sources.extract.window_walker import Walker
from sources.load.plan import Position, plan
from sources.load.run import Run
from sources.load.run_request import Horizon, RunRequest
from sources.records.schema import CREATED_AT, Column, Table
from sources.window import SECOND, Window

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LOOK_BACK = timedelta(days=3)
WIDEST = timedelta(days=20)
HORIZON = Horizon(BEGIN - timedelta(days=30), LOOK_BACK, timedelta(days=30), 100)
COUNTED = 30  # faxes that the provider counts and pages through; beyond, a window has to be split
MAX_IN_A_SECOND = 8  # a second, or a day where dates count, cannot be split
PER_PAGE = 4
TABLE = Table(
    "faxes",
    "Faxes of the model.",
    (
        Column("id", "bigint", "Id."),
        Column(CREATED_AT, "timestamp", "Creation."),
        Column("version", "bigint", "Version."),
    ),
    frozenset({"success"}),
)
Mutate = Callable[[int], None]


@dataclass
class Provider:
    """An account: `faxes` as (creation, version) by id. `counts`: numbered pages and a total, else pages by anchor."""

    counts: bool
    inclusive: bool
    dates: bool
    newest_first: bool
    heeds_start: bool = True
    heeds_end: bool = True
    faxes: dict[int, tuple[datetime, int]] = field(default_factory=dict)
    between: Mutate = lambda page: None
    breaks_at: int | None = None
    pages: int = 0

    def fetch(self, asked: Window) -> Iterator[Page]:
        """The pages of a span, according to how the provider reads bounds."""
        served, anchor, number = 0, None, 0
        while True:
            listed = self.listed(asked)
            if self.counts:
                ids, more = listed[served : served + PER_PAGE], served + PER_PAGE < min(len(listed), COUNTED)
            else:
                rest = listed if anchor is None else [place for place in listed if self.follows(place, anchor)]
                ids, more = rest[:PER_PAGE], len(rest) > PER_PAGE
            self.pages += 1
            number += 1
            if self.pages == self.breaks_at:
                raise ProviderDown("the model's provider is down")
            total = min(len(listed), COUNTED) if self.counts else None
            yield Page([self.record(id) for _, id in ids], total, self.counts and len(listed) > COUNTED)
            self.between(self.pages)
            served += PER_PAGE
            anchor = ids[-1] if ids else anchor
            if not more or number > 200:
                return

    def listed(self, asked: Window) -> list[tuple[datetime, int]]:
        """(creation time, id) of each fax within the bounds, in the order of the pages."""
        start, end = (
            bound.replace(hour=0, minute=0, second=0) if self.dates else bound for bound in (asked.start, asked.end)
        )
        step = timedelta(days=1) if self.dates else SECOND
        low, high = (start, end + step) if self.inclusive else (start + step, end)
        places = sorted(
            (at, id)
            for id, (at, _) in self.faxes.items()
            if (low <= at or not self.heeds_start) and (at < high or not self.heeds_end)
        )
        return places[::-1] if self.newest_first else places

    def has_room(self, at: datetime) -> bool:
        """The provider can still count and list one more fax of this instant."""
        if self.counts and (self.dates or not (self.heeds_start and self.heeds_end)):
            return len(self.faxes) < COUNTED
        return sum(at == other for other, _ in self.faxes.values()) < MAX_IN_A_SECOND

    def follows(self, place: tuple[datetime, int], anchor: tuple[datetime, int]) -> bool:
        """The fax at this place comes after the anchor in the order of the pages."""
        return place < anchor if self.newest_first else place > anchor

    def record(self, id: int) -> dict[str, Any]:
        """The fax as the provider prints it."""
        at, version = self.faxes[id]
        return {"id": id, CREATED_AT: f"{at:%Y-%m-%dT%H:%M:%SZ}", "version": version}


@dataclass
class Held:
    """The committed state: faxes, cursor, the time of reading, and the ledger's windows with their proofs."""

    faxes: dict[int, int] = field(default_factory=dict)
    cursor: datetime | None = None
    read_at: datetime | None = None
    windows: list[tuple[Window, str]] = field(default_factory=list)

    def holes(self, span: Window, proofs: Collection[str] | None, walked_by: datetime) -> list[Window]:
        """The holes of the ledger. Its windows were all walked by then."""
        holes, reached = [], span.start
        for window, proof in sorted(self.windows):
            if proofs is not None and proof not in proofs:
                continue
            if window.end <= span.start or window.start >= span.end:
                continue
            if window.start > reached:
                holes.append(Window(reached, window.start))
            reached = max(reached, window.end)
        return holes if reached >= span.end else [*holes, Window(reached, span.end)]


def sync(provider: Provider, held: Held, now: datetime, stop_after: int | None = None) -> list[str]:
    """One run that commits each window, killed after `stop_after` windows; returns the proofs.

    Raises:
        ProviderDown: the provider broke, after what was committed so far.
    """
    run = Run(RunRequest("run", HORIZON), Source("phaxio"), None, held, now)  # type: ignore[arg-type]  # it asks no provider
    walker = Walker(WindowReader(provider.fetch, TABLE, "account"), WIDEST)
    run.spans = plan(run, Position(held.cursor, held.read_at))
    proofs: list[str] = []
    for span in run.spans:
        for walked in walker.walk(span, takes_newer=span is run.spans[-1]):
            rows = walked.rows(TABLE, "account", {*walked.faxes.values()}).tables[TABLE.name]
            held.faxes |= zip(rows["id"].to_pylist(), rows["version"].to_pylist(), strict=True)
            held.windows.append((walked.window, walked.proof))
            proofs.append(walked.proof)
            run.add_window(walked)
            if reached := run.cursor():
                held.cursor = reached
                held.read_at = now
            if stop_after is not None and len(proofs) >= stop_after:
                return proofs
    return proofs
