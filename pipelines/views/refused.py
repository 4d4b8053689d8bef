"""Why a database refuses a view, in its own message, which names tables, columns and syntax, and quotes no row.

Source: https://www.postgresql.org/docs/current/errcodes-appendix.html, read November 2026.
"""

import re
import sys
from dataclasses import dataclass

import duckdb

from pipelines.outcome.error_mapping import causes, to_fax_sync_error
from pipelines.outcome.logs import escaped
from pipelines.views.files import ViewFile, shown
from sources.errors import WarehouseError
from sources.records.privacy import DROPPED

# Not supported; a constant of another type; no such schema; syntax, names and privileges; too complex.
_STATES = ("0A", "22", "3F", "42", "54")
_PRIVILEGES = "42501"
_QUOTABLE = (duckdb.CatalogException, duckdb.BinderException, duckdb.ParserException, duckdb.NotImplementedException)
_UNQUOTABLE = (  # their messages may quote a constant, or a line of a file that the view reads
    duckdb.ConversionException,
    duckdb.HTTPException,
    duckdb.InvalidInputException,
    duckdb.IOException,
    duckdb.OutOfRangeException,
    duckdb.PermissionException,
    duckdb.SyntaxException,
    duckdb.TypeMismatchException,
)
_MAX_CHARACTERS = 300
_LONG_NUMBER = re.compile(r"\+?\d(?:[ ().-]{0,2}\d){6,}")


@dataclass(frozen=True)
class Refusal:
    """The database's message, and the line of the statement that it concerns, from 1; None if it names no line."""

    message: str
    line: int | None


def refusal(error: BaseException, statement: str) -> Refusal | None:
    """Why the database refuses the text of the statement; None if the error has another cause."""
    for cause in causes(error):
        found = _duckdb(cause) if isinstance(cause, duckdb.Error) else _postgres(cause, statement)
        if found:
            return found
    return None


def warning(file: ViewFile, reason: Refusal, query_line: int) -> str:
    """One sentence with the file, the line and the message; the query begins on this line of the statement."""
    line = f", line {file.line(max(reason.line - query_line + 1, 1))}" if reason.line else ""
    return f"{shown(file.path)}{line}: the view was not created: {reason.message}"


def _duckdb(error: duckdb.Error) -> Refusal | None:
    if isinstance(error, _QUOTABLE):
        text = str(error)
        line = re.search(r"^LINE (\d+):", text, re.MULTILINE)
        return Refusal(_first_line(text), int(line[1]) if line else None)
    if isinstance(error, _UNQUOTABLE) and type(to_fax_sync_error(error)) is WarehouseError:
        return Refusal(type(error).__name__, None)
    return None


def _postgres(error: BaseException, statement: str) -> Refusal | None:
    driver = sys.modules.get("psycopg2")
    if driver is None or not isinstance(error, driver.Error):
        return None
    state = error.pgcode or ""
    if state == _PRIVILEGES or not state.startswith(_STATES):
        return None
    position = int(error.diag.statement_position or 0)
    line = statement[:position].count("\n") + 1 if position else None
    return Refusal(_first_line(error.diag.message_primary or state), line)


def _first_line(text: str) -> str:
    """The first line of a message, without long numbers: a constant of the query may be a phone number."""
    return escaped(_LONG_NUMBER.sub(DROPPED, text.strip().split("\n")[0]))[:_MAX_CHARACTERS]
