"""What the views say: the unified ones, each a union of what every provider says of itself in SQL, then the files here.

A file reads `raw.<table>`, the provider's own schema, and `fax.<view>`; both names are replaced by those configured.
`:timezone` is the zone whose days and months the reports count in. A view comes after those it reads.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from hashlib import blake2b
from itertools import takewhile
from pathlib import Path

import sources
from pipelines import runs
from sources import fax, ledger
from sources.columns import Column

HERE = Path(__file__).parent
UNIFIED: dict[str, tuple[str, tuple[Column, ...]]] = {
    "faxes": ("Every fax of every provider and account. Grain: one row per provider, account and id.", fax.FAXES),
    "fax_recipients": (
        "Every delivery. Grain: one row per provider, account, fax_id and position.",
        fax.FAX_RECIPIENTS,
    ),
    "fax_tags": ("The customers' own tags. Grain: one row per provider, account, fax_id and name.", fax.FAX_TAGS),
    "schema_changes": (ledger.CHANGES_MEANING, (fax.PROVIDER, *ledger.CHANGE_COLUMNS)),
    "sync_runs": (runs.RUNS_MEANING, (fax.PROVIDER, *runs.RUN_COLUMNS)),
    "sync_windows": (ledger.WINDOWS_MEANING, (fax.PROVIDER, *ledger.WINDOW_COLUMNS)),
}
_SQL_TYPES = {
    "text": "text",
    "bigint": "bigint",
    "double": "double precision",
    "bool": "boolean",
    "timestamp": "timestamp with time zone",
    "decimal": "numeric(18, 6)",
}
_SCHEMA = re.compile(r"\b(from|join)\s+(raw|fax)\.(\w+)")


@dataclass(frozen=True)
class View:
    """A view: its name, its meaning, its columns where they are declared, and the query."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    query: str

    def mark(self) -> str:
        """A digest of everything that makes the view; it ends the view's comment."""
        return blake2b(repr(self).encode(), digest_size=6).hexdigest()


def unified(schema: str, raw_schemas: dict[str, str], tables: Collection[tuple[str, str]]) -> Iterator[View]:
    """The unified views, of those providers whose raw `tables` (schema, name) are there."""
    for name, (meaning, columns) in UNIFIED.items():
        branches = [_empty_branch(columns)]
        for provider, raw in raw_schemas.items():
            sql = _branch_file(provider, name).read_text("utf-8") if _branch_file(provider, name).exists() else ""
            if (
                sql
                and all((raw, table) in tables for table in _tables_read(sql, "raw"))
                and (raw, "sync_windows") in tables
            ):
                branches.append(
                    f"select '{provider}' as provider, rows.* from ({_named(sql, schema, raw, provider)}) as rows"
                )
        yield View(name, meaning, columns, "\nunion all\n".join(branches))


def questions(schema: str, timezone: str) -> Iterator[View]:
    """The views of the files here, each after those it reads."""
    files = {path.stem: path.read_text("utf-8") for path in sorted(HERE.glob("*.sql"))}
    reads = {name: sorted(_tables_read(sql, "fax") & files.keys()) for name, sql in files.items()}
    for name in TopologicalSorter(reads).static_order():
        query = _named(files[name], schema, "", "").replace(":timezone", f"'{timezone}'")
        yield View(name, _head(files[name]), (), query)


def _head(sql: str) -> str:
    """The comment that a file begins with, as one line."""
    lines = takewhile(lambda line: line.startswith("--"), sql.splitlines())
    return " ".join(line.removeprefix("--").strip() for line in lines)


def _branch_file(provider: str, view: str) -> Path:
    """The provider's own file for a unified view, else the one that all providers share."""
    folder = Path(sources.provider(provider).__path__[0])
    own = folder / f"{view}.sql"
    return own if own.exists() else folder.parent / f"{view}.sql"


def _empty_branch(columns: tuple[Column, ...]) -> str:
    """A branch without rows, which gives the union its column names and types, and keeps it alive without providers."""
    nulls = (f"cast(null as {_SQL_TYPES[column.data_type]}) as {column.name}" for column in columns)
    return f"select {', '.join(nulls)} where false"


def _tables_read(sql: str, schema: str) -> set[str]:
    """The names that a query reads in `raw` or in `fax`."""
    return {table for _, named, table in _SCHEMA.findall(sql) if named == schema}


def _named(sql: str, schema: str, raw: str, provider: str) -> str:
    """The query with the real names of its schemas and its provider, without its comments."""
    names = {"raw": raw, "fax": schema}
    text = "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
    text = _SCHEMA.sub(lambda match: f'{match[1]} "{names[match[2]]}"."{match[3]}"', text)
    return text.replace(":provider", f"'{provider}'").strip()
