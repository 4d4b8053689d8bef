"""The queries of the views: each unified view is a union of the providers' SQL files; every file here, and
every file of the user's own folder, is another view.

A provider's file reads `raw.<table>` (of the provider's schema), the others `raw.<provider>.<table>`, and all of them
`fax.<view>`; the configured names replace these. `:timezone` is the time zone of days and months in the reports,
`:two_digit_codes` a text of country codes, each between spaces. A view comes after those that it reads.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import sources
from pipelines.views.files import HERE, ViewFile, columns_in_head, head, named, tables_read, view_files
from pipelines.views.zone_rules import Shift, with_zone
from sources.extract.source import Source
from sources.load import ledger
from sources.records import fax
from sources.records.phone_numbers import TWO_DIGIT_COUNTRY_CODES
from sources.records.schema import SQL_TYPES, Column, Table

UNIFIED: dict[str, tuple[str, tuple[Column, ...]]] = {
    "faxes": ("Every fax of every provider and account. Grain: one row per provider, account and id.", fax.FAXES),
    "fax_recipients": (
        "Every delivery. Grain: one row per provider, account, fax_id and position.",
        fax.FAX_RECIPIENTS,
    ),
    "fax_tags": ("The customers' own tags. Grain: one row per provider, account, fax_id and name.", fax.FAX_TAGS),
    "schema_changes": (ledger.CHANGES_MEANING, (fax.PROVIDER, *ledger.CHANGE_COLUMNS)),
    "sync_runs": (ledger.RUNS_MEANING, (fax.PROVIDER, *ledger.RUN_COLUMNS)),
    "sync_windows": (ledger.WINDOWS_MEANING, (fax.PROVIDER, *ledger.WINDOW_COLUMNS, ledger.WINDOWS_TABLE)),
}
_OF_LIST = ":table_name"
_RELATION = re.compile(r'\b(?:from|join)\s+"([^"]+)"\."([^"]+)"', re.IGNORECASE)  # as `named` writes it
_CALENDAR = re.compile(
    r"inner join fax\.calendar as calendar(\s+)"
    r"on calendar\.quarter = (cast\(floor\(date_part\('epoch', ([\w.]+)\) / 900\) as bigint\))"
)
_CONVERTED = (
    r"cross join lateral (\1select \2 as quarter, cast(\3 at time zone :timezone as date) as day"
    r", cast(date_trunc('month', \3 at time zone :timezone) as date) as month) as calendar"
)


@dataclass(frozen=True)
class View:
    """A view: its name, its meaning, its query, and the meanings of its columns, perhaps of others too."""

    name: str
    meaning: str
    query: str
    columns: Mapping[str, str]
    file: ViewFile | None = field(default=None, repr=False)  # None for a unified view

    @property
    def reads(self) -> list[str]:
        """The names of the views that it reads; none for a unified view."""
        return tables_read(self.file.sql, "fax") if self.file else []

    def misses(self, relations: Collection[tuple[str, str]]) -> bool:
        """A view that reads these relations, by schema and name, does not read those that the query names.

        A name alone proves nothing: it may stand in a comment. So one of the relations must be unnamed too.
        """
        names = {*_RELATION.findall(self.query)}
        return not names.issuperset(relations) and not names.issubset(relations)

    def digest(self) -> str:
        """A digest of the view's name, meaning, query and columns."""
        return blake2b(repr(self).encode(), digest_size=6).hexdigest()


def unified(schema: str, tables: Mapping[tuple[str, str], Collection[str]]) -> Iterator[View]:
    """The unified views over the providers whose raw tables exist; `tables` has the columns by (schema, name)."""
    for name, (meaning, columns) in UNIFIED.items():
        branches = [empty_branch(columns)]
        for provider in sources.providers():
            raw = f"{schema}_{provider}"
            if (raw, ledger.SYNC_WINDOWS) not in tables:
                continue
            replaced = _completed(provider, raw, tables)
            for sql in branch_queries(provider, name):
                if all((raw, table) in tables or table in replaced for table in tables_read(sql, "raw")):
                    query = named(sql, schema, raw, provider, replaced)
                    branches.append(branch(provider, columns, f"({query})"))
        yield View(name, meaning, "\nunion all\n".join(branches), {column.name: column.meaning for column in columns})


def questions(
    schema: str,
    timezone: str,
    folders: Sequence[Path] = (HERE,),
    joins_calendar: bool = True,
    shifts: Sequence[Shift] = (),
) -> tuple[list[View], list[str]]:
    """The views of the folders' files, each after those that it reads, and one sentence for each unusable file.

    A column that the head of a file does not explain means what it means in the first view that the query reads.
    Without `joins_calendar`, a query that joins `fax.calendar` as the project's do converts each instant itself. The
    `shifts` are what the engine's local time lacks; a query of the user's own has the engine's local time.
    """
    files, problems = view_files(folders, UNIFIED)
    known = {name: {column.name: column.meaning for column in columns} for name, (_, columns) in UNIFIED.items()}
    codes = f"' {' '.join(TWO_DIGIT_COUNTRY_CODES)} '"
    views = []
    for file in files:
        meanings: dict[str, str] = {}
        for source in (columns_in_head(file.sql), *(known.get(name, {}) for name in tables_read(file.sql, "fax"))):
            meanings = source | meanings
        known[file.name] = meanings
        sql = file.sql if joins_calendar else _without_calendar(file.sql)
        missing = shifts if file.path.parent == HERE else ()
        query = with_zone(named(sql, schema, "", ""), timezone, missing).replace(":two_digit_codes", codes)
        views.append(View(file.name, head(file.sql), query, meanings, file))
    return views, problems


def _without_calendar(sql: str) -> str:
    """A query that converts each instant, in place of a join with `fax.calendar`; on the same lines.

    In DuckDB, the join takes less time than the conversions. In PostgreSQL it takes three times as long, and hours if
    another filter is on computed columns: then PostgreSQL expects few faxes, and compares each fax with each quarter.
    """
    return _CALENDAR.sub(_CONVERTED, sql)


def branch_queries(provider: str, view: str) -> list[str]:
    """The queries that are a provider's rows of a unified view; none if it has no such rows.

    They are those of its own file for the view, else of the file that all providers share. A file with `:table_name`,
    the name of a list's table, reads the ledger: it is a query for each of the provider's lists.
    """
    folder = Path(sources.provider(provider).__path__[0])
    files = [file for file in (folder / f"{view}.sql", folder.parent / f"{view}.sql") if file.exists()]
    if not files:
        return []
    sql = files[0].read_text("utf-8")
    if _OF_LIST not in sql:
        return [sql]
    return [
        sql.replace(_OF_LIST, f"'{table.name}'").replace(f"raw.{ledger.SYNC_WINDOWS}", f"raw.{table.ledger}")
        for table in Source(provider).tables
    ]


def branch(provider: str, columns: tuple[Column, ...], rows: str) -> str:
    """A provider's rows as a branch of a unified view, whose first column is `provider`.

    PostgreSQL computes only the columns that a query reads if all branches have the same types. So text is cast to
    `text`: dlt creates `varchar`.
    """
    listed = (
        f'cast(rows."{column.name}" as text) as "{column.name}"'
        if column.data_type == "text"
        else f'rows."{column.name}"'
        for column in columns[1:]
    )
    return f"select '{provider}' as provider, {', '.join(listed)} from {rows} as rows"


def empty_branch(columns: tuple[Column, ...]) -> str:
    """A branch without rows: it gives the union its column names and types, also if no provider has tables."""
    return f"select {_nulls(columns)} where false"


def _completed(provider: str, raw: str, tables: Mapping[tuple[str, str], Collection[str]]) -> dict[str, str]:
    """What to read in place of raw tables that lack something, by table, each with all of its declared columns.

    A table lacks columns if an older version created it; that of a further list is missing until the list is read. Its
    ledger stays missing, as nothing joins it.
    """
    first, *further = (_declared(table) for table in Source(provider).tables)
    first |= {ledger.SYNC_RUNS: ledger.RUN_COLUMNS}
    completed: dict[str, str] = {}
    for declared in (first, *further):
        for name, columns in declared.items():
            lacking = [column for column in columns if column.name not in tables.get((raw, name), ())]
            if (raw, name) in tables and lacking:
                completed[name] = f'(select *, {_nulls(lacking)} from "{raw}"."{name}")'
            elif (raw, name) not in tables and declared is not first and columns is not ledger.WINDOW_COLUMNS:
                completed[name] = f"({empty_branch(columns)})"
    return completed


def _declared(table: Table) -> dict[str, tuple[Column, ...]]:
    """The columns of the raw tables of a list, by their names."""
    children = {child.name: child.declared(table) for child in table.children}
    return children | {table.name: table.declared(), table.ledger: ledger.WINDOW_COLUMNS}


def _nulls(columns: Iterable[Column]) -> str:
    return ", ".join(f'cast(null as {SQL_TYPES[column.data_type]}) as "{column.name}"' for column in columns)
