"""Merges staged files into the Delta tables of a provider.

The order is: child rows and problems, faxes, ledger, cursor. So a stored fax is complete. If the driver is killed
in between, the next run merges the same faxes again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake import DeltaTable

from pipelines.lake import tables
from pipelines.lake.account_task import AccountTask, Report
from pipelines.lake.new_columns import add_new_columns
from pipelines.views.reference import Relation, raw_tables
from sources.extract.source import Source
from sources.load import ledger
from sources.records.arrow import ARROW_TYPES, arrow_schema
from sources.records.new_fields import Change, Contract, NewFields
from sources.records.schema import DataType, Table

MAX_ROWS = 500_000  # of one merge, in the driver's memory
Staged = tuple[AccountTask, Report]
_TYPES: dict[pa.DataType, DataType] = {arrow: name for name, arrow in ARROW_TYPES.items() if name != "json"}


@dataclass
class Found:
    """New columns and the number of misfits, by account. Only the driver finds them, as it sees all accounts."""

    changes: list[tuple[str, Change]] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)


@dataclass
class ProviderTables:
    """The tables of one provider below `output`, a URL. `normalize` turns a key into a column name, as dlt does.

    `listing` is the number of the provider's list.
    """

    output: str
    schema: str
    provider: str
    normalize: Callable[[str], str]
    listing: int = 0

    @property
    def root(self) -> str:
        """The URL of the provider's tables."""
        return f"{self.output}/{self.schema}_{self.provider}"

    @property
    def table(self) -> Table:
        """The declaration of the list's table."""
        return Source(self.provider, listing=self.listing).table

    @cached_property
    def relations(self) -> dict[str, Relation]:
        """Name -> declaration of the raw tables."""
        raw = f"{self.schema}_{self.provider}"
        return {relation.name: relation for relation in raw_tables(self.schema) if relation.schema == raw}

    def columns(self) -> dict[str, dict[str, DataType]]:
        """Table -> column -> type of the existing tables. `schema_changes` tells JSON columns from text columns.

        Raises:
            WarehouseError: a table was not created by this sync.
        """
        changes = tables.rows_of(f"{self.root}/{ledger.SCHEMA_CHANGES}", ["table_name", "column_name", "data_type"])
        added = {(row["table_name"], row["column_name"]): row["data_type"] for row in changes}
        found = {}
        for name, relation in self.relations.items():
            declared = {column.name: column.data_type for column in relation.columns}
            if table := tables.existing(self.root, relation):
                found[name] = {
                    field.name: declared.get(field.name) or added.get((name, field.name)) or _TYPES[field.type]
                    for field in tables.schema_of(table)
                    if field.name in declared or field.type in _TYPES
                }
        return found

    def fax_counts(self) -> Counter[str]:
        """Account -> number of its faxes, according to the ledger."""
        counts = Counter[str]()
        for row in tables.rows_of(f"{self.root}/{self.table.ledger}", ["account", "rows_taken"]):
            counts[row["account"]] += row["rows_taken"] or 0
        return counts

    def load(self, staged: Sequence[Staged], load_id: str) -> Found:
        """Merges the staged files of the tasks, then moves the cursors of their accounts.

        Raises:
            ContractError: a field is new, and the contract of these accounts is `freeze`.
            WarehouseError: a table was not created by this sync.
            Busy: other drivers keep writing to a table.
        """
        contract, found = staged[0][0].request.horizon.contract, Found()
        for number in range(max(len(report.loads) for _, report in staged)):
            files = [report.loads[number] for _, report in staged if number < len(report.loads)]
            self._load_once(self._staged_tables(files), contract, load_id, found)
        moved = {task.account: report.moved for task, report in staged if report.moved}
        if moved:
            state = tables.create(self.root, tables.state_of(self.table))
            tables.merge(state, tables.position_rows(moved), ("account",))
        return found

    def _load_once(self, read: dict[str, pa.Table], contract: Contract, load_id: str, found: Found) -> None:
        names = (self.table.name, *(child.name for child in self.table.children))
        of_faxes = {name: read.pop(name) for name in names if name in read}
        new_fields: NewFields | None = None
        if of_faxes:
            of_faxes, new_fields = self._with_new_columns(of_faxes, contract)
        problems, changes = self._problems(new_fields, of_faxes, found), self._changes(new_fields, of_faxes, found)
        self._merge(ledger.SYNC_PROBLEMS, [read.get(ledger.SYNC_PROBLEMS), problems], load_id)
        self._merge(ledger.SCHEMA_CHANGES, [read.get(ledger.SCHEMA_CHANGES), changes], load_id)
        if of_faxes:
            self._merge_faxes(of_faxes, load_id)
        self._merge(self.table.ledger, [read.get(self.table.ledger)], load_id)

    def write_sync_runs(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes rows of `sync_runs`."""
        if rows:
            relation = self.relations[ledger.SYNC_RUNS]
            table = pa.Table.from_pylist([dict(row) for row in rows], arrow_schema(relation.columns))
            tables.merge(tables.create(self.root, relation), table, ("account", "run_id"))

    def _merge_faxes(self, of_faxes: Mapping[str, pa.Table], load_id: str) -> None:
        names = (*(child.name for child in self.table.children), self.table.name)
        rows = {name: _with_load_id(of_faxes.get(name, pa.table({})), load_id) for name in names}
        held = {name: self._create_table(name, rows[name]) for name in names}  # all, before a merge into one of them
        faxes = rows[self.table.name]
        if not faxes.num_rows:
            return
        for child in self.table.children:
            tables.replace_children(held[child.name], rows[child.name], faxes, child.parent_id)
        tables.merge(held[self.table.name], faxes, ("account", "id"), unless_equal="_dlt_id")

    def _merge(self, name: str, parts: Iterable[pa.Table | None], load_id: str) -> None:
        """Adds the rows that the table lacks, by `_dlt_id`. Creates the table, also without rows."""
        there = [part for part in parts if part is not None and part.num_rows]
        table = self._create_table(name)
        if there:
            rows = _with_load_id(pa.concat_tables(there, promote_options="default"), load_id)
            tables.merge(table, rows, ("account", "_dlt_id"), unless_equal="_dlt_id")

    def _create_table(self, name: str, rows: pa.Table | None = None) -> DeltaTable:
        relation = self.relations[name]
        declared = {column.name for column in relation.columns}
        fields = rows.schema if rows is not None else ()
        extra = {field.name: _TYPES[field.type] for field in fields if field.name not in declared}
        return tables.create(self.root, relation, extra)

    def _with_new_columns(
        self, of_faxes: Mapping[str, pa.Table], contract: Contract
    ) -> tuple[dict[str, pa.Table], NewFields]:
        known = {
            name: {
                column: data_type
                for column, data_type in columns.items()
                if column not in {declared.name for declared in self.relations[name].columns}
            }
            for name, columns in self.columns().items()
        }
        return add_new_columns(self.table, of_faxes, known, self.normalize, contract)

    def _staged_tables(self, files: Iterable[Mapping[str, str]]) -> dict[str, pa.Table]:
        filesystem, _ = pafs.FileSystem.from_uri(self.output)
        parts: dict[str, list[pa.Table]] = {}
        for staged in files:
            for name, path in staged.items():
                parts.setdefault(name, []).append(pq.read_table(path, filesystem=filesystem, partitioning=None))
        return {name: pa.concat_tables(found, promote_options="default") for name, found in parts.items()}

    def _problems(
        self, new_fields: NewFields | None, of_faxes: Mapping[str, pa.Table], found: Found
    ) -> pa.Table | None:
        if new_fields is None or not new_fields.problems:
            return None
        accounts = _accounts(of_faxes[self.table.name])
        now, rows = datetime.now(UTC), []
        for problem in new_fields.problems:
            account = accounts[problem.fingerprint]
            found.problems[account] += 1
            rows.append(ledger.problems_table(account, {ledger.problem_id(account, problem): problem}, now))
        return pa.concat_tables(rows)

    def _changes(self, new_fields: NewFields | None, of_faxes: Mapping[str, pa.Table], found: Found) -> pa.Table | None:
        """The rows of `schema_changes`: one for each new column, with the account of the first value."""
        if new_fields is None or not new_fields.changes:
            return None
        now, changes = datetime.now(UTC), []
        for change in new_fields.changes:
            account = of_faxes[change.table]["account"][change.row].as_py()
            found.changes.append((account, change))
            changes.append(ledger.changes_table(account, [change], now))
        return pa.concat_tables(changes)


def group_for_merge(staged: Iterable[Staged]) -> Iterator[list[Staged]]:
    """The tasks in groups that are merged together: of one contract, with at most `MAX_ROWS` rows."""
    group: list[Staged] = []
    rows = 0
    for task, report in staged:
        size = sum(report.tally.rows.values())
        if group and (rows + size > MAX_ROWS or _contract(group[0][0]) != _contract(task)):
            yield group
            group, rows = [], 0
        group.append((task, report))
        rows += size
    if group:
        yield group


def _contract(task: AccountTask) -> Contract:
    return task.request.horizon.contract


def _accounts(faxes: pa.Table) -> dict[str, str]:
    return dict(zip(faxes["_dlt_id"].to_pylist(), faxes["account"].to_pylist(), strict=True))


def _with_load_id(rows: pa.Table, load_id: str) -> pa.Table:
    return rows.append_column("_dlt_load_id", pa.repeat(pa.scalar(load_id), rows.num_rows))
