"""One list of an account: its beginning, read before the first load, and its loads to the end of the run."""

from collections.abc import Mapping, Sequence
from functools import cached_property, partial

from dlt.extract import DltSource

from pipelines.outcome.account_ending import kept
from pipelines.warehouse.load import Warehouse
from sources.errors import Paused
from sources.load.batches import Batches
from sources.load.plan import Position
from sources.load.resources import DltTables, fax_source, pages_name
from sources.load.run import Run
from sources.load.tally import Tally


class ListSync:
    """The sync of one of the account's lists in its `run`: `begin` reads the beginning, `load` loads to the end."""

    def __init__(self, warehouse: Warehouse, run: Run) -> None:
        self.run, self._warehouse = run, warehouse
        self._batches = Batches(run, warehouse.position_of(run.source.table), DltTables())
        self._has_load = False  # a load is prepared
        self._failure: Exception | None = None

    def begin(self) -> None:
        """Reads until there is something to load. `load` raises an error of it."""
        try:
            self._has_load = self._batches.prepare_load()
        except Exception as failure:
            self._failure = failure

    def read_ahead(self) -> None:
        """Reads about a thousand faxes more. `load` raises an error of it."""
        if not self._failure:
            self._batches.read_ahead()

    @property
    def is_read(self) -> bool:
        """All windows of the run have been read."""
        return self._failure is None and self._batches.is_read

    @property
    def is_in_memory(self) -> bool:
        """All windows have been read, and no open fax is due, so a load makes no request."""
        return self.is_read and not self._batches.needs_rereads

    @property
    def has_load_in_memory(self) -> bool:
        """A load is prepared, and makes no request."""
        return self._has_load and self.is_in_memory

    def load(self, beside: "Sequence[ListSync]" = ()) -> None:
        """Makes loads until the run has ended, or a stop is requested. The first one includes the lists `beside`.

        Raises:
            Paused: `--max-runtime` is over.
        """
        if self._failure:
            raise self._failure
        run, loaded = self.run, Tally()
        while True:
            try:
                if self._has_load:
                    prepared = [self, *(each for each in beside if each._has_load)]
                    sources = [each._source for each in prepared]
                    doing, meanwhile = partial(setattr, run, "doing"), self._batches.reading_ahead()
                    run.loads += self._warehouse.load(sources, doing, meanwhile)
                    for each in prepared:
                        each._has_load = False
                loaded = run.tally.copy()
                self._warehouse.comment_and_index()
                if run.stop.requested or run.finished:
                    return
                if run.must_stop and not self._batches.has_read_ahead:
                    raise Paused(f"paused by --max-runtime: {kept(run)}")
                self._has_load = self._batches.prepare_load()
            except BaseException:
                run.tally = loaded  # without the windows that were read since the last load
                raise

    @cached_property
    def _source(self) -> DltSource:
        return fax_source(self._batches)


def load_together(accounts: Sequence[Sequence[ListSync]]) -> None:
    """Makes one load of several accounts of a provider, whose loads are in memory; for each, the same lists."""
    (first, *_), *others = accounts
    sources = [fax_source(*(each._batches for each in of_accounts)) for of_accounts in zip(*accounts, strict=True)]
    joined = {lists[0]._warehouse: partial(_moved_positions, lists) for lists in others}
    runs = [main.run for main, *_ in accounts]

    def doing(activity: str) -> None:
        for run in runs:
            run.doing = activity

    try:
        loaded = first._warehouse.load(sources, doing, joined=joined)
    except BaseException:
        for run in runs:
            run.tally = Tally()
        raise
    for lists, run in zip(accounts, runs, strict=True):
        run.loads += loaded and any(each._batches.writes_ledger or each.run.tally.rows.total() for each in lists)
        for each in lists:
            each._has_load = False


def _moved_positions(lists: Sequence[ListSync]) -> Mapping[str, Position]:
    """The positions that the current load moves, by the names of the resources that own them."""
    moved = {pages_name(each._batches.table): each._batches.moved_position for each in lists}
    return {name: position for name, position in moved.items() if position}
