"""The dlt resources that every list shares: pages, which owns the cursor, and the tables that are made of them."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from datetime import datetime
from typing import Any

import dlt
from dlt.extract import DltResource, DltSource

from sources.load import ledger
from sources.load.batches import Batch, Batches
from sources.load.run import Run
from sources.records.new_fields import NewFields
from sources.records.rows import UNDECLARED, Rows
from sources.records.schema import CREATED_AT, ChildTable, Column, DataType, Table, type_hint
from sources.records.tables import to_rows
from sources.records.undeclared import with_new_fields

READ_AT, ASKED_UNTIL = "read_at", "asked_until"  # in the state that dlt keeps
NESTED_IN = "x-nested-in"  # table hint: the table whose rows these belong to, to be replaced together with them
_MERGE: Any = {"disposition": "merge", "strategy": "delete-insert", "deduplicated": True}
_ROW_KEY = {"name": "_dlt_id", "data_type": "text", "nullable": False, "unique": True, "row_key": True}
_PARENT_KEY = {"name": "_dlt_parent_id", "data_type": "text", "nullable": False, "parent_key": True}


class DltTables:
    """The tables of the schema that dlt extends while it extracts."""

    def columns(self, name: str) -> dict[str, DataType] | None:
        """The columns of a table with their types; None if dlt does not know the table."""
        table: Any = dlt.current.source_schema().tables.get(name)
        hints = table["columns"].items() if table else ()
        return {column: hint["data_type"] for column, hint in hints if "data_type" in hint} if table else None

    def normalize(self, key: str) -> str:
        """A provider's key as dlt names its column."""
        return dlt.current.source_schema().naming.normalize_identifier(key)

    def completed(self, table: Table, rows: Rows, new_fields: NewFields) -> Batch:
        """The rows with a column for each new field."""
        return with_new_fields(table, rows, new_fields)


def pages_of(table: Table) -> str:
    """The resource that gives the table's pages; dlt keeps its state by this name."""
    return "pages" if table.ledger == ledger.SYNC_WINDOWS else f"{table.name}_pages"


def fax_source(batches: Batches) -> DltSource:
    """The dlt source of a run, named after its provider."""
    source: DltSource = dlt.source(lambda: _resources(batches), name=batches.run.source.provider)()
    return source


def _resources(batches: Batches) -> list[DltResource]:
    """The pages, unselected, and a transformer for each raw table."""
    run, table = batches.run, batches.table
    further = [] if run.source.listing else run.source.tables[1:]

    @dlt.resource(name=pages_of(table), selected=False)
    def pages(
        created_at: dlt.sources.incremental[datetime] = dlt.sources.incremental(CREATED_AT),  # noqa: B008  # as dlt wants
    ) -> Iterator[Batch]:
        # Rows pass unfiltered, as each window takes its own; the cursor moves after the last of them.
        created_at.advance(None)  # type: ignore[arg-type]  # documented, but typed otherwise
        yield _empty(run, further)
        yield from batches.load()
        if batches.recorded and (reached := run.cursor()):
            created_at.advance(reached)
            state = dlt.current.resource_state()
            state[READ_AT], state[ASKED_UNTIL] = run.started_at, batches.asked_until

    return [
        pages,
        *(resource for walked in (table, *further) for resource in _tables_of(pages, walked)),
        _table_of(pages, ledger.SCHEMA_CHANGES, ledger.CHANGE_COLUMNS, ["_dlt_id"], ledger.CHANGES_MEANING),
        _table_of(pages, ledger.SYNC_PROBLEMS, ledger.PROBLEM_COLUMNS, ["_dlt_id"], ledger.PROBLEMS_MEANING),
    ]


def _empty(run: Run, further: Iterable[Table]) -> Batch:
    """The tables of the provider's further lists that are not there yet, without a row: SQL reads them all the same."""
    account, known = run.source.account, DltTables()
    empty: Batch = {}
    for table in further:
        rows = to_rows(table, account, []).tables
        empty |= {name: columns.drop_columns([UNDECLARED]) for name, columns in rows.items()}
        empty[table.ledger] = ledger.windows_table(account, run.request.run_id, [])
    return {name: rows for name, rows in empty.items() if known.columns(name) is None}


def _tables_of(pages: DltResource, table: Table) -> Iterator[DltResource]:
    """The transformers of a list: its table, the child tables, and its ledger."""
    yield _table_of(pages, table.name, table.declared(), ["account", "id"], table.meaning)
    yield from (_child_of(pages, table, child) for child in table.children)
    yield _table_of(pages, table.ledger, ledger.WINDOW_COLUMNS, ["_dlt_id"], ledger.WINDOWS_MEANING)


def _table_of(pages: DltResource, name: str, columns: Iterable[Column], key: list[str], meaning: str) -> DltResource:
    hints = {column.name: column.hint() for column in columns} | {"_dlt_id": _ROW_KEY}
    return _picked(pages, name, hints, {"description": meaning}, key)


def _child_of(pages: DltResource, table: Table, child: ChildTable) -> DltResource:
    hints = {column.name: column.hint() for column in child.declared(table)}
    hints |= {"_dlt_id": _ROW_KEY, "_dlt_parent_id": _PARENT_KEY}
    return _picked(pages, child.name, hints, {"description": child.meaning, NESTED_IN: table.name})


def _picked(
    pages: DltResource, name: str, columns: Any, table_hints: dict[str, Any], key: list[str] | None = None
) -> DltResource:
    """The transformer that picks one table out of each batch."""

    def pick(batch: Batch) -> Iterator[Any]:
        if (table := batch.get(name)) is None:
            return
        new_json = {key.decode(): type_hint("json") for key in table.schema.metadata or {}}
        hints = {column: {"name": column, **hint} for column, hint in new_json.items()}
        yield dlt.mark.with_hints(table, dlt.mark.make_hints(columns=hints)) if hints else table

    picked: DltResource = dlt.transformer(
        pick, data_from=pages, name=name, write_disposition=_MERGE, columns=deepcopy(columns), primary_key=key or ()
    )
    picked.apply_hints(additional_table_hints=table_hints)
    return picked
