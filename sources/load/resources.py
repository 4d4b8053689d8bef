"""The dlt source of a load: the resource `pages`, which owns the cursor, and one transformer for each raw table."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import dlt
from dlt.extract import DltResource, DltSource

from sources.load import ledger
from sources.load.batches import Batch, Batches, joined_batches
from sources.load.run import Run
from sources.records import undeclared
from sources.records.new_fields import NewFields
from sources.records.rows import UNDECLARED, Rows
from sources.records.schema import CREATED_AT, Column, DataType, Table, type_hint
from sources.records.tables import to_rows

READ_AT, REREAD_UNTIL = "read_at", "asked_until"  # keys of the resource state that dlt stores in the warehouse
NESTED_IN = "x-nested-in"  # table hint: the parent table; child rows are replaced together with their parent row
_ROW_KEY = {"name": "_dlt_id", "data_type": "text", "nullable": False, "unique": True, "row_key": True}
_PARENT_KEY = {"name": "_dlt_parent_id", "data_type": "text", "nullable": False, "parent_key": True}


class DltTables:
    """The raw tables as dlt's schema has them. During an extract, dlt adds new columns to it."""

    def columns(self, name: str) -> dict[str, DataType] | None:
        """Column -> type of a table; None if dlt's schema does not have the table."""
        table: Any = dlt.current.source_schema().tables.get(name)
        if table is None:
            return None
        return {column: hint["data_type"] for column, hint in table["columns"].items() if "data_type" in hint}

    def normalize(self, key: str) -> str:
        """The column name that dlt gives to a provider's key."""
        return dlt.current.source_schema().naming.normalize_identifier(key)

    def with_new_fields(self, table: Table, rows: Rows, new_fields: NewFields) -> Batch:
        """Table name -> the rows with their new fields as columns. Adds the misfits to `new_fields.problems`."""
        return undeclared.with_new_fields(table, rows, new_fields)


def pages_name(table: Table) -> str:
    """The name of the resource that yields the table's batches; dlt stores its state under this name."""
    return "pages" if table.ledger == ledger.SYNC_WINDOWS else f"{table.name}_pages"


def fax_source(batches: Batches, *joined: Batches) -> DltSource:
    """The dlt source of a load of one list. Its name, and so that of its schema, is the provider's.

    The cursor is that of `batches`. The load has the batches of other accounts `joined` to it.
    """
    source: DltSource = dlt.source(lambda: _resources(batches, joined), name=batches.run.source.provider)()
    return source


def _resources(batches: Batches, joined: Sequence[Batches]) -> list[DltResource]:
    """The resource of the batches, which is not selected itself, and a transformer for each raw table."""
    run, table = batches.run, batches.table
    further = [] if run.source.listing else run.source.tables[1:]

    @dlt.resource(name=pages_name(table), selected=False)
    def pages(
        created_at: dlt.sources.incremental[datetime] = dlt.sources.incremental(CREATED_AT),  # noqa: B008  # as dlt wants
    ) -> Iterator[Batch]:
        # dlt must filter no row: each window takes its own faxes. The cursor moves after the last batch.
        created_at.advance(None)  # type: ignore[arg-type]  # documented, but typed otherwise
        yield _missing_tables(run, further)
        yield from (joined_batches(batches, *joined) if joined else batches.load_batches())
        if (moved := batches.moved_position) and moved.cursor:
            created_at.advance(moved.cursor)
            state = dlt.current.resource_state()
            state[READ_AT], state[REREAD_UNTIL] = moved.read_at, moved.reread_until

    return [
        pages,
        *(resource for walked in (table, *further) for resource in _transformers_of(pages, walked)),
        _transformer(pages, ledger.SCHEMA_CHANGES, ledger.CHANGES_MEANING, ledger.CHANGE_COLUMNS, ["_dlt_id"]),
        _transformer(pages, ledger.SYNC_PROBLEMS, ledger.PROBLEMS_MEANING, ledger.PROBLEM_COLUMNS, ["_dlt_id"]),
    ]


def _missing_tables(run: Run, further: Iterable[Table]) -> Batch:
    """The tables of further lists that do not exist yet, empty: `faxes.sql` selects from all of them."""
    account, known = run.source.account, DltTables()
    empty: Batch = {}
    for table in further:
        rows = to_rows(table, account, []).tables
        empty |= {name: columns.drop_columns([UNDECLARED]) for name, columns in rows.items()}
        empty[table.ledger] = ledger.windows_table(account, run.request.run_id, [])
    return {name: rows for name, rows in empty.items() if known.columns(name) is None}


def _transformers_of(pages: DltResource, table: Table) -> Iterator[DltResource]:
    """The transformers of a list: for its table, its child tables and its ledger."""
    yield _transformer(pages, table.name, table.meaning, table.declared(), ["account", "id"])
    for child in table.children:
        yield _transformer(pages, child.name, child.meaning, child.declared(table), nested_in=table.name)
    yield _transformer(pages, table.ledger, ledger.WINDOWS_MEANING, ledger.WINDOW_COLUMNS, ["_dlt_id"])


def _transformer(
    pages: DltResource,
    name: str,
    meaning: str,
    columns: Iterable[Column],
    key: Sequence[str] = (),
    nested_in: str | None = None,
) -> DltResource:
    """The transformer that yields one table of each batch; a child table is `nested_in` its parent table."""

    def pick(batch: Batch) -> Iterator[Any]:
        if (table := batch.get(name)) is None:
            return
        new_json = [column.decode() for column in table.schema.metadata or {}]
        hints = {column: {"name": column, **type_hint("json")} for column in new_json}
        yield dlt.mark.with_hints(table, dlt.mark.make_hints(columns=hints)) if hints else table

    hints: Any = {column.name: column.hint() for column in columns} | {"_dlt_id": {**_ROW_KEY}}
    of_table: dict[str, Any] = {"description": meaning}
    if nested_in:
        hints["_dlt_parent_id"] = {**_PARENT_KEY}
        of_table[NESTED_IN] = nested_in
    transformer: DltResource = dlt.transformer(
        pick, data_from=pages, name=name, write_disposition="merge", columns=hints, primary_key=key
    )
    transformer.apply_hints(additional_table_hints=of_table)
    return transformer
