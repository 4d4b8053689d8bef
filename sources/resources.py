"""The dlt resources that every provider shares: pages, which owns the cursor, and the tables that are made of them."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

import dlt
from dlt.extract import DltResource

from sources import ledger
from sources.batches import Batch, Batches
from sources.client import Client
from sources.columns import ACCOUNT, CREATED_AT, ChildTable, Column, Table, type_hint
from sources.run import Run
from sources.walk import Page, Walker
from sources.window import Window, whole_second

NESTED_IN = "x-nested-in"  # table hint: the table whose rows these belong to, to be replaced together with them
_MERGE: Any = {"disposition": "merge", "strategy": "delete-insert", "deduplicated": True}
_ROW_KEY = {"name": "_dlt_id", "data_type": "text", "nullable": False, "unique": True, "row_key": True}
_PARENT_KEY = {"name": "_dlt_parent_id", "data_type": "text", "nullable": False, "parent_key": True}


class Api(Protocol):
    """What a provider's `api.py` offers."""

    EARLIEST: datetime
    WIDEST_WINDOW: timedelta

    def fetch_pages(self, client: Client, window: Window) -> Iterator[Page]:
        """The pages of faxes created in the window."""


def fax_resources(
    table: Table, client: Client, api: Api, run: Run, start_date: datetime | None, lookback: timedelta
) -> list[DltResource]:
    """The resources of one account: `pages`, unselected, and a transformer for each raw table.

    `start_date` (UTC) is how far back a first run goes, by default everything; every later run goes back by
    `lookback` from the cursor, because providers change a fax without telling.
    """
    run.client, run.table = client, table.name
    walker = Walker(partial(api.fetch_pages, client), table, run.account, api.WIDEST_WINDOW)
    batches = Batches(table, walker, run)

    @dlt.resource(name="pages", selected=False)
    def pages(
        created_at: dlt.sources.incremental[datetime] = dlt.sources.incremental(CREATED_AT),  # noqa: B008  # as dlt wants
    ) -> Iterator[Batch]:
        # Rows pass unfiltered, as each window takes its own; the cursor moves after the last of them.
        created_at.advance(None)  # type: ignore[arg-type]  # documented, but typed otherwise
        cursor = created_at.last_value
        if run.span is None:
            batches.begin(_span(run, cursor, start_date or api.EARLIEST, lookback))
        yield from batches.load(cursor)
        if run.moves_cursor and batches.recorded and run.reached is not None:
            created_at.advance(run.reached)

    return [
        pages,
        _table_of(pages, table.name, [ACCOUNT, *table.columns], ["account", "id"], table.meaning),
        *(_child_of(pages, table, child) for child in table.children),
        _table_of(pages, ledger.SYNC_WINDOWS, ledger.WINDOW_COLUMNS, ["_dlt_id"], ledger.WINDOWS_MEANING),
        _table_of(pages, ledger.SYNC_PROBLEMS, ledger.PROBLEM_COLUMNS, ["_dlt_id"], ledger.PROBLEMS_MEANING),
    ]


def _span(run: Run, cursor: datetime | None, start_date: datetime, lookback: timedelta) -> Window:
    """From `since`, or the cursor less the look-back, or the start date, to the frozen end of the run."""
    start = run.since or (max(cursor - lookback, start_date) if cursor else start_date)
    end = whole_second(run.end)
    return Window(min(whole_second(start), end), end)


def _table_of(pages: DltResource, name: str, columns: Iterable[Column], key: list[str], meaning: str) -> DltResource:
    hints = {column.name: column.hint() for column in columns} | {"_dlt_id": _ROW_KEY}
    return _picked(pages, name, hints, {"description": meaning}, key)


def _child_of(pages: DltResource, table: Table, child: ChildTable) -> DltResource:
    parent_id = Column(child.parent_id, table.id_type, f"Id of the fax, in {table.name}.")
    position = Column("position", "bigint", f"Place in the fax's {child.source}, from 0.")
    hints = {column.name: column.hint() for column in (ACCOUNT, parent_id, position, *child.columns)}
    hints |= {"_dlt_id": _ROW_KEY, "_dlt_parent_id": _PARENT_KEY}
    return _picked(pages, child.name, hints, {"description": child.meaning, NESTED_IN: table.name})


def _picked(
    pages: DltResource, name: str, columns: Any, table_hints: dict[str, Any], key: list[str] | None = None
) -> DltResource:
    """The transformer that picks one table out of each batch."""

    def pick(batch: Batch) -> Iterator[Any]:
        if (table := batch.get(name)) is None:
            return
        learnt_json = {key.decode(): type_hint("json") for key in table.schema.metadata or {}}
        hints = {column: {"name": column, **hint} for column, hint in learnt_json.items()}
        yield dlt.mark.with_hints(table, dlt.mark.make_hints(columns=hints)) if hints else table

    picked: DltResource = dlt.transformer(
        pick, data_from=pages, name=name, write_disposition=_MERGE, columns=deepcopy(columns), primary_key=key or ()
    )
    picked.apply_hints(additional_table_hints=table_hints)
    return picked
