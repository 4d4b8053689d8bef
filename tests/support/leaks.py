"""The search for leaked credentials and phone numbers: in output, on disk, in a warehouse, in the list of processes."""

import gzip
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.versioned_state import decompress_state

import sources
from tests.support.commands.family import family
from tests.support.credentials import PASSWORD
from tests.support.warehouse.raw_tables import names_of_faxes
from tests.support.warehouse.rows import Held, reading, rows

FindLeaks = Callable[[], list[str]]
# The shape of a number has nothing but nines; within a word of base64, as dlt's hashes are, there is no number.
NUMBER = re.compile(r"(?<![A-Za-z0-9+/])\+(?!9+\b)\d{7,}(?![A-Za-z+/])")
_SECRET = re.compile(r"_(KEY|SECRET|TOKEN|PROJECT_ID)$")
_OF_RUNS = "fax-sync-"  # what a run's working directory begins with; its load packages hold rows


def forms(settings: Mapping[str, str]) -> set[str]:
    """All forms in which the secrets of these settings may be written."""
    plain = [value for name, value in settings.items() if _SECRET.search(name) and value]
    pairs = [b64encode(f"{one}:{other}".encode()).decode() for one in plain for other in plain]
    for name, value in settings.items():
        if name.endswith("CREDENTIALS") and (password := urlsplit(value).password):
            plain += [password, PASSWORD]
    return {
        *pairs,
        *(form(secret) for secret in plain for form in (str, quote, quote_plus, lambda s: quote(s, ""))),
        PASSWORD,
    }


def in_text(text: str, settings: Mapping[str, str], numbers: bool = True) -> list[str]:
    """The secrets in a text, and the phone numbers."""
    return [secret for secret in forms(settings) if secret in text] + (NUMBER.findall(text) if numbers else [])


def on_disk(directory: Path, settings: Mapping[str, str]) -> list[str]:
    """The files below a directory with a secret; or with a number, except warehouses and load packages."""
    return [
        f"{path}: {found}"
        for path in directory.rglob("*")
        if path.is_file() and not path.is_symlink() and path.name != "secrets.toml"
        for found in in_text(_read(path), settings, numbers=not _holds_rows(path))
    ]


def in_warehouse(held: Held, settings: Mapping[str, str]) -> list[str]:
    """The tables of the sync with a secret; or with a number, except tables of faxes."""
    tables = (
        "select table_schema, table_name from information_schema.tables"
        " where table_schema like 'fax_%' and table_type = 'BASE TABLE'"
    )
    found = []
    for schema, table in rows(held, tables):
        told = [[_decoded(value) for value in row] for row in rows(held, f'select * from {schema}."{table}"')]
        found += [
            f"{schema}.{table}: {leak}" for leak in in_text(repr(told), settings, numbers=table not in _of_faxes())
        ]
    return found


def in_file(warehouse: Path, settings: Mapping[str, str]) -> list[str]:
    """The same for a DuckDB file; none if the file is damaged."""
    with suppress(duckdb.Error), reading(warehouse) as connection:
        return in_warehouse(connection, settings)
    return []


def in_arguments(pid: int, settings: Mapping[str, str]) -> list[str]:
    """The secrets in the command lines of a process and of its child processes."""
    return [leak for shown in family(pid).values() for leak in in_text(shown, settings)]


def _read(path: Path) -> str:
    """The name and the text of a file, unpacked if it is compressed."""
    body = path.read_bytes()
    if body[:2] == b"\x1f\x8b":
        with suppress(OSError, EOFError):
            body = gzip.decompress(body)
    if body[:4] == b"PAR1":
        with suppress(pa.ArrowException, OSError):
            return f"{path.name} {pq.read_table(path).to_pylist()}"
    return f"{path.name} {body.decode('latin-1')}"


def _holds_rows(path: Path) -> bool:
    return ".duckdb" in path.name or any(part.startswith(_OF_RUNS) for part in path.parts)


def _of_faxes() -> set[str]:
    return {"sync_problems", *(name for provider in sources.providers() for name in names_of_faxes(provider))}


def _decoded(value: Any) -> Any:
    """dlt's state decoded; any other value unchanged."""
    with suppress(Exception):
        return decompress_state(value)
    return value
