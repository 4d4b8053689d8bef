"""What a load is made of: walked windows, less what the warehouse already holds, as Arrow tables."""

from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Protocol

import pyarrow as pa

from sources.extract.window_result import WindowResult
from sources.load import ledger
from sources.load.deleted_faxes import mark_deleted
from sources.load.open_faxes import Reread, due_now, reread
from sources.load.plan import Position, plan
from sources.load.run import MOST_SKEW, PROVEN, Run
from sources.records.new_fields import Change, NewFields
from sources.records.record import Problem
from sources.records.rows import Rows
from sources.records.schema import Column, DataType, Table
from sources.window import Window, whole_second

Batch = dict[str, pa.Table]
Ledger = list[tuple[WindowResult, dict[str, Any]]]
_NOTHING = object()
_MOST_AHEAD = 1_000  # faxes in memory for each account that waits for its load
MOST_LOOKED_UP = 1_000  # ids of a window; a window of a backfill holds more, and hardly one of them is stored


@dataclass(frozen=True)
class _News:
    """A window and what of it is new: the stored fingerprints and those to load, by id, and how many ids are new."""

    result: WindowResult
    known: Collection[Any]
    fresh: dict[Any, str]
    new: int


class Tables(Protocol):
    """The tables that loads go to, as they are now."""

    def columns(self, name: str) -> Mapping[str, DataType] | None:
        """The columns of a table with their types; None if it is not there yet."""

    def normalize(self, key: str) -> str:
        """A provider's key as the name of a column."""

    def completed(self, table: Table, rows: Rows, new_fields: NewFields) -> Batch:
        """Table name -> the rows as they are loaded; what does not fit is added to `new_fields.problems`."""


class Batches:
    """The batches of one account's run, read on from one load to the next, for the `tables` of a warehouse.

    `recorded`: the last load has something to say, so that the cursor may move.
    `asked_until`: open faxes have been asked for by their ids as often as was due up to then.
    """

    def __init__(self, run: Run, position: Position, tables: Tables) -> None:
        self.table = run.source.table
        self.run = run
        self._warehouse = tables
        self.recorded = False
        self.asked_until = position.asked_until if position.cursor else run.started_at
        self._cursor = position.cursor
        run.is_first = position.cursor is None
        self._walker = run.source.walker(run.client, warn=run.warnings.append)
        run.reading = self._walker.reader.reading
        self._results: Iterator[WindowResult] = self._walk(position)
        self._load: Iterator[Batch | None] = iter(())
        self._noted: set[str] = set()
        self._loading: dict[Any, str] = {}  # the fingerprints of the faxes in this load, by id

    def find(self) -> bool:
        """Reads on until there is something to load; false if there is nothing for this load."""
        self._load = self._next_load()
        return next(self._load, _NOTHING) is not _NOTHING

    def read_ahead(self) -> None:
        """Reads on, and keeps up to a thousand faxes for the load; an error in it ends the load where it occurred."""
        ahead: list[WindowResult] = []
        rest, most = self._results, self.run.request.windows_per_load
        try:
            while len(ahead) < most and sum(len(result.faxes) for result in ahead) < _MOST_AHEAD:
                if self.run.is_late or (result := self._next()) is None:
                    break
                ahead.append(result)
        except Exception as error:
            rest = _failing(error)
        self._results = chain(ahead, rest)

    def load(self) -> Iterator[Batch]:
        """What was found, and the rest of the load: table name -> Arrow table, windows in order, the ledger last."""
        return (batch for batch in self._load if batch is not None)

    def _next_load(self) -> Iterator[Batch | None]:
        """The batches of one load, and a None before each that dlt has to be called for; nothing if all is quiet.

        A load holds no fax twice, because dlt inserts every row that a load has. A window that reads a fax of this load
        in another version, under another creation time, begins the next load.

        A run that finds nothing new is quiet, and writes nothing, as long as the cursor is younger than a heartbeat.
        """
        run, cursor = self.run, self._cursor
        entries: Ledger = []
        gathered = 0
        run.finished, self.recorded = True, False
        self._loading = {}
        for result in iter(self._next, None):
            if any(self._loading.get(id, fingerprint) != fingerprint for id, fingerprint in result.faxes.items()):
                self._results = chain((result,), self._results)
                run.finished = False
                break
            news = self._compare(result)
            if cursor is None or news.fresh or result.unplaced:  # the first load makes the tables
                yield None
                batch = self._gather(news)
                gathered += sum(table.num_rows for table in batch.values())
                if batch:
                    yield batch
            self._enter(news, entries)
            run.take(result)
            full = gathered >= run.request.rows_per_load or len(entries) >= run.request.windows_per_load
            if (full or run.is_late) and not run.has_arrived:
                run.finished = False
                break
        writes = bool(entries) and (gathered > 0 or not self._is_quiet(entries, cursor))
        run.finished = run.finished and (run.has_arrived or not run.stop.requested)
        if run.finished and run.request.moves_cursor:
            asking = due_now(run, self.asked_until, writes, self._loading)
            if asking and (again := self._reread(asking)):
                yield None
                news = self._compare(again)
                yield self._gather(news)
                self._enter(news, [])
                self.asked_until = asking.asked_until
                writes = bool(entries)
        if run.stop.requested:
            run.client.close()
        self.recorded = writes
        if self.recorded:
            yield None
            yield {self.table.ledger: ledger.windows_table(run.source.account, run.request.run_id, entries)}
            self._cursor = run.cursor() or self._cursor

    def _next(self) -> WindowResult | None:
        """The next window; None if there is none, or the run was asked to end while it was read."""
        return self.run.stop.unless_requested(lambda: next(self._results, None))

    def _reread(self, asking: Reread) -> WindowResult | None:
        """The open faxes that are due, as they are now; None if the run was asked to end meanwhile."""
        count = len(asking.faxes)
        self.run.doing = f"re-reading {count} open fax{'' if count == 1 else 'es'}"
        try:
            return self.run.stop.unless_requested(lambda: reread(self.run, asking.faxes))
        finally:
            self.run.doing = "reading"

    def _walk(self, position: Position) -> Generator[WindowResult]:
        """The windows of every span; all of them anew if the first answer shows that our clock is wrong."""
        run = self.run
        run.spans = spans = plan(run, position)
        self._walker.reader.newest = run.started_at
        for span in spans:
            results = self._walker.walk(
                span, takes_newer=run.request.until is None and span.end == whole_second(run.end)
            )
            for result in results:
                if run.mend_clock():
                    results.close()
                    self._walker.carry(result)
                    yield from self._walk(position)
                    return
                run.settle_end()
                result.end_by(run.spans[-1].end)
                yield result

    def _is_quiet(self, entries: Ledger, cursor: datetime | None) -> bool:
        proven = all(result.proof in PROVEN for result, _ in entries)
        age = entries[-1][0].window.end - cursor if cursor else self.run.request.heartbeat
        fresh = age > -MOST_SKEW and abs(age) < self.run.request.heartbeat
        return proven and fresh and self.run.request.moves_cursor and not self._has_filled_holes(cursor)

    def _has_filled_holes(self, cursor: datetime | None) -> bool:
        """The ledger lacks a proof of something that this run has read, so that its entries are news."""
        start = self.run.spans[0].start
        return cursor is not None and start < cursor and bool(self.run.stored.holes(Window(start, cursor), PROVEN))

    def _compare(self, result: WindowResult) -> _News:
        """The window's new and changed faxes, less those that this load holds already."""
        run, request = self.run, self.run.request
        known = self._known(result)
        again = result.faxes.keys() if request.full_refresh else self._incomplete(result) if request.refetch else ()
        changed = {id: digest for id, digest in result.faxes.items() if id in again or known.get(id) != digest}
        fresh = {id: digest for id, digest in changed.items() if id not in self._loading}
        self._loading |= fresh
        new = sum(id not in known for id in fresh)
        run.tally.add(new, len(fresh) - new, len(result.faxes) - len(fresh))
        return _News(result, known, fresh, new)

    def _enter(self, news: _News, entries: Ledger) -> None:
        """Adds the window's line to the ledger's entries."""
        counts = {"rows_new": news.new, "rows_changed": len(news.fresh) - news.new, "finished_at": datetime.now(UTC)}
        if news.result.window.length:
            entries.append((news.result, counts))

    def _gather(self, news: _News) -> Batch:
        """The window's new and changed faxes as tables."""
        result, new_fields = news.result, self._new_fields()
        rows = result.rows(self.table, self.run.source.account, frozenset(news.fresh.values()))
        batch = self._tables(rows, news.known, new_fields)
        batch[ledger.SYNC_PROBLEMS] = self._problems([*new_fields.problems, *result.unplaced.values()])
        batch[ledger.SCHEMA_CHANGES] = self._changes(new_fields.changes)
        self.run.tally.rows.update({name: table.num_rows for name, table in batch.items()})
        return {name: table for name, table in batch.items() if table.num_rows or self._warehouse.columns(name) is None}

    def _known(self, result: WindowResult) -> dict[Any, str]:
        """The stored fingerprints of the window's faxes, by id: a fax may be stored under another creation time."""
        stored, table = self.run.stored, self.table
        if not result.faxes:
            return {}
        known = dict(stored.fingerprints(table, result.taken))
        elsewhere = [id for id in result.faxes if id not in known]
        return known | dict(stored.fingerprints_of(table.name, elsewhere[:MOST_LOOKED_UP]))

    def _incomplete(self, result: WindowResult) -> set[Any]:
        """The window's faxes that have other numbers of recipients, tags and the like than are stored for them."""
        rows = result.rows(self.table, self.run.source.account, frozenset(result.faxes.values()))
        ids, incomplete = [*result.faxes], set()
        for child in self.table.children:
            came, held = Counter(rows.tables[child.name]["_dlt_parent_id"].to_pylist()), Counter[str]()
            for start in range(0, len(ids), MOST_LOOKED_UP):
                some = ids[start : start + MOST_LOOKED_UP]
                held.update(self.run.stored.child_counts(self.table.name, child.name, some))
            incomplete |= {id for id, fingerprint in result.faxes.items() if came[fingerprint] != held[fingerprint]}
        return incomplete

    def _problems(self, problems: list[Problem]) -> pa.Table:
        """Those that neither the warehouse nor this run has noted yet: a record may come with many windows."""
        if problems and not self._noted:
            self._noted.update(self.run.stored.problem_ids())
        named = {ledger.problem_id(self.run.source.account, problem): problem for problem in problems}
        fresh = {key: problem for key, problem in named.items() if key not in self._noted}
        self._noted.update(fresh)
        return ledger.problems_table(self.run.source.account, fresh, datetime.now(UTC))

    def _changes(self, changes: list[Change]) -> pa.Table:
        """Those that this run has not noted yet: a column that is left out is new in every window."""
        fresh = [change for change in changes if self.run.note_column(change.table, change.column)]
        return ledger.changes_table(self.run.source.account, fresh, datetime.now(UTC))

    def _tables(self, rows: Rows, known: Collection[Any], new_fields: NewFields) -> Batch:
        deleted = [stub for stub in rows.stubs.values() if stub.id in known]
        self.run.tally.deleted += len(deleted)
        if not deleted:
            return self._warehouse.completed(self.table, rows, new_fields)
        stubs = {stub.fingerprint for stub in deleted}
        own = rows.tables[self.table.name]["_dlt_id"].to_pylist()
        full = self._warehouse.completed(self.table, rows.only(frozenset(own) - stubs), new_fields)
        stored = mark_deleted(self.table, deleted, self.run.stored, new_fields, self.run.source.privacy)
        return {name: pa.concat_tables([full[name], stored[name]], promote_options="default") for name in full}

    def _new_fields(self) -> NewFields:
        types = {self.table.name: self._undeclared(self.table.name, self.table.columns)}
        for child in self.table.children:
            types[child.name] = self._undeclared(child.name, child.columns, child.parent_id, "position")
        contract, reserved = self.run.request.horizon.contract, self.run.stored.reserved_columns
        return NewFields(types, self._warehouse.normalize, contract, reserved)

    def _undeclared(self, table: str, columns: Iterable[Column], *ours: str) -> dict[str, DataType]:
        """The columns that the warehouse has beyond those declared, with their types."""
        known = self._warehouse.columns(table) or {}
        declared = {"account", *ours, *(column.name for column in columns)}
        return {name: known[name] for name in known if name not in declared and not name.startswith("_dlt")}


def _failing(error: Exception) -> Iterator[WindowResult]:
    yield from ()
    raise error
