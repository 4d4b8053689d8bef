"""The batches of a load: the new and changed faxes of each window, as Arrow tables.

A fax is changed if its fingerprint differs from the stored one.
"""

from collections import Counter, deque
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from threading import Event
from typing import Any, Protocol

import pyarrow as pa

from sources.errors import FaxSyncError, ProviderDown
from sources.extract.background_call import BackgroundCall, IsWanted
from sources.extract.window_result import PROVEN, WindowResult
from sources.http.response import Garbled
from sources.load import ledger
from sources.load.deleted_faxes import mark_deleted
from sources.load.open_faxes import Rereads, due_rereads, reread_faxes
from sources.load.plan import Position, plan
from sources.load.run import MAX_SKEW, Run
from sources.records.new_fields import Change, NewFields
from sources.records.record import Problem
from sources.records.rows import Rows
from sources.records.schema import Column, DataType, Table
from sources.window import Window, whole_second

Batch = dict[str, pa.Table]
Ledger = list[tuple[WindowResult, dict[str, Any]]]
_END = object()
_MAX_AHEAD_OF_OTHERS = 1_000  # faxes of one account in memory, while another account loads
_MAX_AHEAD_OF_LOAD = 45_000  # faxes in memory, while earlier ones of the account are loaded: about the next load
MAX_IDS_LOOKED_UP = 1_000  # ids of a window; a backfill has more in a window, and almost none of them is stored


@dataclass(frozen=True)
class _Comparison:
    """A window compared with the warehouse.

    `stored`: the ids that the warehouse holds. `to_load`: the fingerprints of the new and changed faxes, by id.
    `new`: how many of these are new.
    """

    result: WindowResult
    stored: Collection[Any]
    to_load: dict[Any, str]
    new: int


class Tables(Protocol):
    """The raw tables, with their columns of this moment."""

    def columns(self, name: str) -> Mapping[str, DataType] | None:
        """Column -> type of a table; None if the table does not exist yet."""

    def normalize(self, key: str) -> str:
        """The column name for a provider's key."""

    def with_new_fields(self, table: Table, rows: Rows, new_fields: NewFields) -> Batch:
        """Table name -> the rows with their new fields as columns. Adds the misfits to `new_fields.problems`."""


class Batches:
    """The batches of one account's run, for the raw `tables`. Each load continues where the load before it ended.

    `writes_ledger`: the current load adds rows to the ledger, so the cursor may move.
    `is_read`: the last window has been read ahead.
    `reread_until`: every re-read of an open fax that was due by this instant (UTC) has been made.
    """

    def __init__(self, run: Run, position: Position, tables: Tables) -> None:
        self.table = run.source.table
        self.run = run
        self._tables = tables
        self.writes_ledger = False
        self.is_read = False
        self.reread_until = position.reread_until if position.cursor else run.started_at
        self._cursor = position.cursor
        self._position = position
        run.is_first = position.cursor is None
        self._walker = run.source.walker(run.client, warn=run.warnings.append)
        run.window_counts, run.min_counts = self._walker.reader.window_counts, self._walker.reader.min_counts
        self._results: Iterator[WindowResult] = self._walk(position)
        self._ahead = deque[WindowResult]()  # read, but not in a load yet
        self._load_has_ended, self._load_has_failed = Event(), False
        self._load_has_ended.set()
        self._load: Iterator[Batch | None] = iter(())
        self._known_problem_ids: set[str] = set()
        self._in_load: dict[Any, str] = {}  # the fingerprints of the faxes in the current load, by id
        self._added: dict[str, dict[str, DataType]] = {}  # table -> column -> type, of the columns this run has added

    def prepare_load(self) -> bool:
        """Reads until there is something to load; false if this load has nothing."""
        self._load = self._next_load()
        return next(self._load, _END) is not _END

    def read_ahead(self) -> None:
        """Reads up to a thousand more faxes into memory. An error is raised when a load reaches its window."""
        self.run.stop.call_unless_requested(lambda: self._read_into_memory(_MAX_AHEAD_OF_OTHERS))

    @property
    def has_read_ahead(self) -> bool:
        """Windows are in memory that no load has yet."""
        return bool(self._ahead)

    @contextmanager
    def reading_ahead(self) -> Iterator[None]:
        """Reads into memory for the next load, in a thread, while the block loads.

        An error of the reading is raised when a load reaches its window. After an error of the block, the thread ends
        by itself, and does not use the warehouse any more.
        """
        if self.run.finished:
            yield
            return
        reading = BackgroundCall(partial(self._read_into_memory, _MAX_AHEAD_OF_LOAD))
        self._load_has_ended.clear()
        reading.start()
        try:
            yield
        except BaseException:
            self._load_has_failed = True
            raise
        finally:
            reading.cancel()
            self._load_has_ended.set()
        self.run.stop.call_unless_requested(reading.result)

    def _read_into_memory(self, most_faxes: int, is_wanted: IsWanted = lambda: True) -> None:
        """Reads windows while it is wanted, until there are so many faxes. An error waits for the load to reach it."""
        read, most = self._ahead, self.run.request.windows_per_load
        try:
            while is_wanted() and len(read) < most and sum(len(result.faxes) for result in read) < most_faxes:
                if self.run.must_stop:
                    break
                if (result := next(self._results, None)) is None:
                    self.is_read = not self.run.stop.requested
                    break
                if not self._load_has_ended.is_set():
                    result.buffer.convert(self.table, self.run.source.account)
                read.append(result)
        except Exception as error:
            self._results = _raising(error)

    @property
    def needs_rereads(self) -> bool:
        """The last load will re-read open faxes."""
        rereads = due_rereads(self.run, self.reread_until, writes=True) if self.run.request.moves_cursor else None
        return bool(rereads and rereads.faxes)

    @property
    def moved_position(self) -> Position | None:
        """The account's position once the load is committed; None if the load does not move it."""
        cursor = self.run.cursor() if self.writes_ledger else None
        return Position(cursor, self.run.started_at, self.reread_until) if cursor else None

    def load_batches(self) -> Iterator[Batch]:
        """The batches of the prepared load, table name -> Arrow table: windows in ascending order, the ledger last."""
        return (batch for batch in self._load if batch is not None)

    def _next_load(self) -> Iterator[Batch | None]:
        """The batches of one load. A None comes before each batch: dlt has to be called. Empty if the run is quiet.

        A load holds each fax once, because dlt inserts every row of a load. If a window holds another version of a fax
        of this load, that window begins the next load.

        A quiet run finds nothing new. It writes nothing while the cursor is younger than a heartbeat.
        """
        run, cursor = self.run, self._cursor
        entries: Ledger = []
        row_count = 0
        run.finished, self.writes_ledger = True, False
        self._in_load = {}
        for result in iter(lambda: self._next(any(read.proof != "gap" for read, _ in entries)), None):
            if self._conflicts_with_load(result):
                self._ahead.appendleft(result)
                run.finished = False
                break
            comparison = self._compare(result)
            creates_tables = cursor is None and not entries  # the first batch of the first load
            if creates_tables or comparison.to_load or result.unplaced:
                yield None
                batch = self._to_batch(comparison)
                row_count += sum(table.num_rows for table in batch.values())
                if batch:
                    yield batch
            self._add_to_ledger(comparison, entries)
            run.add_window(result)
            full = row_count >= run.request.rows_per_load or len(entries) >= run.request.windows_per_load
            is_last = not self._ahead and not self._repeats(result.window)
            must_end = is_last if run.must_stop else full  # after a stop, what is in memory is still loaded
            if must_end and not run.has_reached_end:
                run.finished = False
                break
        writes = bool(entries) and (row_count > 0 or not self._is_quiet(entries, cursor))
        run.finished = run.finished and (run.has_reached_end or not run.stop.requested)
        if run.finished and run.request.moves_cursor:
            rereads = due_rereads(run, self.reread_until, writes, self._in_load)
            if rereads and (reread := self._reread(rereads)):
                result, self.reread_until = reread
                yield None
                comparison = self._compare(result)
                yield self._to_batch(comparison)
                self._add_to_ledger(comparison, [])
                writes = bool(entries)
        if run.stop.requested:
            run.client.close()
        self.writes_ledger = writes
        if self.writes_ledger:
            yield None
            yield {self.table.ledger: ledger.windows_table(run.source.account, run.request.run_id, entries)}
            self._cursor = run.cursor() or self._cursor

    def _repeats(self, window: Window) -> bool:
        """An earlier run has read the window, and the next one would read it again: a run that ends there gets nowhere.

        So the look-back is read to its end also after the deadline. Other windows are not read again.
        """
        cursor, read_at, _ = self._position
        begin, request = self.run.spans[-1].start, self.run.request
        if cursor is None or read_at is None or not request.moves_cursor or request.full_refresh:
            return False
        return begin < cursor and begin <= window.start and window.end < read_at

    def _conflicts_with_load(self, result: WindowResult) -> bool:
        """The window holds another version of a fax of the current load."""
        return any(self._in_load[id] != result.faxes[id] for id in self._in_load.keys() & result.faxes.keys())

    def _next(self, has_read: bool) -> WindowResult | None:
        """The next window; None after the last one, or if a stop was requested and no window is in memory.

        None also before a window that cannot be read: if the load `has_read` others, so that they are loaded before the
        next load raises the error, and if the provider fails although the run should have ended, which is a warning.
        """
        if self._ahead:
            return self._ahead.popleft()
        try:
            return self.run.stop.call_unless_requested(lambda: next(self._results, None))
        except FaxSyncError as error:
            if not (has_read or (self.run.must_stop and isinstance(error, (ProviderDown, Garbled)))):
                raise
            if self.run.must_stop:
                self.run.warnings.append(str(error))  # the account is paused, and no load raises it
            self._results, self.run.finished = _raising(error), False
            return None

    def _reread(self, rereads: Rereads) -> tuple[WindowResult, datetime] | None:
        """The open faxes that are due, re-read by id, and the new `reread_until`; None if a stop was requested."""
        count = len(rereads.faxes)
        self.run.doing = f"re-reading {count} open fax{'' if count == 1 else 'es'}"
        try:
            return self.run.stop.call_unless_requested(lambda: reread_faxes(self.run, rereads))
        finally:
            self.run.doing = "reading"

    def _walk(self, position: Position) -> Generator[WindowResult]:
        """The windows of every span; from the start again once a response shows that the two clocks differ."""
        run = self.run
        run.spans = spans = plan(run, position)
        self._walker.reader.newest = run.latest_start
        for span in spans:
            rest = span.starting_from(run.request.resumes_at or span.start)
            takes_newer = run.request.until is None and span.end == whole_second(run.end_of_reading)
            results = self._walker.walk(rest, takes_newer)
            for result in results:
                if run.note_provider_clock():
                    results.close()
                    self._walker.carry_usage(result)
                    self._load_has_ended.wait()  # the plan asks the warehouse
                    if self._load_has_failed:
                        return
                    yield from self._walk(position)
                    return
                run.cap_spans()
                result.end_at(run.spans[-1].end)
                yield result

    def _is_quiet(self, entries: Ledger, cursor: datetime | None) -> bool:
        """Nothing has to be written: all windows are proven, and the cursor is younger than a heartbeat."""
        are_proven = all(result.proof in PROVEN for result, _ in entries)
        age = entries[-1][0].window.end - cursor if cursor else self.run.request.heartbeat
        is_young = age > -MAX_SKEW and abs(age) < self.run.request.heartbeat
        return are_proven and is_young and self.run.request.moves_cursor and not self._has_closed_hole(cursor)

    def _has_closed_hole(self, cursor: datetime | None) -> bool:
        """This run has proven a window that the ledger did not cover, so its ledger rows have to be written."""
        start = self.run.spans[0].start
        return cursor is not None and start < cursor and bool(self.run.holes(Window(start, cursor), PROVEN))

    def _compare(self, result: WindowResult) -> _Comparison:
        """The window compared with the stored fingerprints, without the faxes that this load holds already."""
        run, request = self.run, self.run.request
        stored = self._stored_fingerprints(result)
        again: Collection[Any] = ()
        if request.full_refresh:
            again = result.faxes.keys()
        elif request.refetch:
            again = self._ids_missing_children(result)
        changed = {id: digest for id, digest in result.faxes.items() if id in again or stored.get(id) != digest}
        to_load = {id: digest for id, digest in changed.items() if id not in self._in_load}
        self._in_load |= to_load
        new = len(to_load.keys() - stored.keys())
        run.tally.add_faxes(new, len(to_load) - new, len(result.faxes) - len(to_load))
        return _Comparison(result, stored, to_load, new)

    def _add_to_ledger(self, comparison: _Comparison, entries: Ledger) -> None:
        """Adds the window to the ledger entries of this load; to its entry if the load has read it before.

        A run begins again once it finds that the two clocks differ, and a load must not hold a ledger row twice.
        """
        result, new = comparison.result, comparison.new
        if result.window.length:
            changed = len(comparison.to_load) - new
            before = next((counts for other, counts in entries if other.window == result.window), None)
            if before:
                new, changed = new + before["rows_new"], changed + before["rows_changed"]
                entries[:] = [entry for entry in entries if entry[0].window != result.window]
            now = self.run.client.earlier_time()
            entries.append((result, {"rows_new": new, "rows_changed": changed, "finished_at": now}))

    def _to_batch(self, comparison: _Comparison) -> Batch:
        """Table name -> the rows of the window's new and changed faxes, with problems and schema changes."""
        result, new_fields = comparison.result, self._new_fields()
        rows = result.rows(self.table, self.run.source.account, frozenset(comparison.to_load.values()))
        batch = self._complete_tables(rows, comparison.stored, new_fields)
        batch[ledger.SYNC_PROBLEMS] = self._new_problems([*new_fields.problems, *result.unplaced.values()])
        batch[ledger.SCHEMA_CHANGES] = self._new_columns(new_fields.changes)
        for added in new_fields.added:
            self._added.setdefault(added.table, {})[added.column] = added.data_type
        self.run.tally.rows.update({name: table.num_rows for name, table in batch.items()})
        return {name: table for name, table in batch.items() if table.num_rows or self._tables.columns(name) is None}

    def _stored_fingerprints(self, result: WindowResult) -> dict[Any, str]:
        """The stored fingerprints of the window's faxes, by id, also of a fax stored with another creation time."""
        stored, table = self.run.stored, self.table
        if not result.faxes:
            return {}
        in_window = dict(stored.fingerprints(table, result.taken_span))
        missing = [id for id in result.faxes if id not in in_window]
        return in_window | dict(stored.fingerprints_of(table.name, missing[:MAX_IDS_LOOKED_UP]))

    def _ids_missing_children(self, result: WindowResult) -> set[Any]:
        """The ids whose stored number of child rows (recipients, tags) differs from the number in the response."""
        rows = result.rows(self.table, self.run.source.account, frozenset(result.faxes.values()))
        ids, incomplete = [*result.faxes], set()
        for child in self.table.children:
            received = Counter(rows.tables[child.name]["_dlt_parent_id"].to_pylist())
            stored = Counter[str]()
            for start in range(0, len(ids), MAX_IDS_LOOKED_UP):
                some = ids[start : start + MAX_IDS_LOOKED_UP]
                stored.update(self.run.stored.child_counts(child, some))
            incomplete |= {id for id, digest in result.faxes.items() if received[digest] != stored[digest]}
        return incomplete

    def _new_problems(self, problems: list[Problem]) -> pa.Table:
        """The problems that are not recorded yet; several windows may hold the same record."""
        if problems and not self._known_problem_ids:
            self._known_problem_ids.update(self.run.stored.problem_ids())
        named = {ledger.problem_id(self.run.source.account, problem): problem for problem in problems}
        fresh = {key: problem for key, problem in named.items() if key not in self._known_problem_ids}
        self._known_problem_ids.update(fresh)
        return ledger.problems_table(self.run.source.account, fresh, datetime.now(UTC))

    def _new_columns(self, changes: list[Change]) -> pa.Table:
        """The changes that this run has not recorded: a column that `discard` leaves out is new in every window."""
        fresh = [change for change in changes if self.run.add_new_column(change.table, change.column)]
        return ledger.changes_table(self.run.source.account, fresh, datetime.now(UTC))

    def _complete_tables(self, rows: Rows, stored_ids: Collection[Any], new_fields: NewFields) -> Batch:
        """Table name -> the rows with new fields as columns, and a tombstone for each stored fax that is deleted."""
        deleted = [stub for stub in rows.stubs.values() if stub.id in stored_ids]
        self.run.tally.deleted += len(deleted)
        if not deleted:
            return self._tables.with_new_fields(self.table, rows, new_fields)
        stubs = {stub.fingerprint for stub in deleted}
        received = rows.tables[self.table.name]["_dlt_id"].to_pylist()
        full = self._tables.with_new_fields(self.table, rows.only(frozenset(received) - stubs), new_fields)
        tombstones = mark_deleted(self.table, deleted, self.run.stored, new_fields, self.run.source.privacy)
        return {name: _concatenate(full[name], tombstones[name]) for name in full}

    def _new_fields(self) -> NewFields:
        types = {self.table.name: self._undeclared_columns(self.table.name, self.table.columns)}
        for child in self.table.children:
            types[child.name] = self._undeclared_columns(child.name, child.columns, child.parent_id, "position")
        return NewFields(types, self._tables.normalize, self.run.request.horizon.contract)

    def _undeclared_columns(self, table: str, columns: Iterable[Column], *added: str) -> dict[str, DataType]:
        """Column -> type of the columns that the provider's tables do not declare, stored ones and this run's own.

        dlt adds a column to its schema some windows later than the run, because it takes batches ahead.
        """
        known = self._added.get(table, {}) | dict(self._tables.columns(table) or {})
        declared = {"account", *added, *(column.name for column in columns)}
        return {name: known[name] for name in known if name not in declared and not name.startswith("_dlt")}


def joined_batches(*accounts: Batches) -> Iterator[Batch]:
    """The prepared loads of several accounts, as one batch: what each has in memory is little.

    Of a new field, the first account that brings it settles the type.
    """
    tables: dict[str, list[pa.Table]] = {}
    added: dict[str, dict[str, DataType]] = {}
    for batches in accounts:
        batches._added = added
        for name, rows in chain.from_iterable(batch.items() for batch in batches.load_batches()):
            tables.setdefault(name, []).append(rows)
    yield {name: _concatenate(*several) for name, several in tables.items()}


def _concatenate(*tables: pa.Table) -> pa.Table:
    """The rows of all. Each may have JSON columns that others lack; Arrow keeps the marks of the first only."""
    new_json = {name: mark for table in tables for name, mark in (table.schema.metadata or {}).items()}
    return pa.concat_tables(tables, promote_options="default").replace_schema_metadata(new_json)


def _raising(error: Exception) -> Iterator[WindowResult]:
    yield from ()
    raise error
