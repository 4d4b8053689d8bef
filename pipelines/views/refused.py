"""Why a database refuses a view, in its own words; they name tables, columns and syntax, and quote no row.

Source: https://www.postgresql.org/docs/current/errcodes-appendix.html, read November 2026.
"""

import re
import sys
from dataclasses import dataclass

import duckdb

from pipelines.outcome.error_mapping import causes, to_fax_sync_error
from pipelines.outcome.logs import escaped
from sources.errors import WarehouseError
from sources.records.privacy import DROPPED

# Not supported, a constant of another type, no such schema, syntax and names (and privileges), too complex.
_STATES = ("0A", "22", "3F", "42", "54")
_PRIVILEGES = "42501"
_TELLING = (duckdb.CatalogException, duckdb.BinderException, duckdb.ParserException, duckdb.NotImplementedException)
_SILENT = (  # these may quote a constant, or a line of a file that the view reads
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
    """The database's words, and the line of the statement that they are about, from 1, if it tells."""

    words: str
    line: int | None


def refusal(error: BaseException, statement: str) -> Refusal | None:
    """Why the statement, as it is written, can never succeed; None if something else is amiss than its text."""
    for cause in causes(error):
        found = _duckdb(cause) if isinstance(cause, duckdb.Error) else _postgres(cause, statement)
        if found:
            return found
    return None


def _duckdb(error: duckdb.Error) -> Refusal | None:
    if isinstance(error, _TELLING):
        text = str(error)
        line = re.search(r"^LINE (\d+):", text, re.MULTILINE)
        return Refusal(_told(text), int(line[1]) if line else None)
    if isinstance(error, _SILENT) and type(to_fax_sync_error(error)) is WarehouseError:
        return Refusal(type(error).__name__, None)
    return None


def _postgres(error: BaseException, statement: str) -> Refusal | None:
    driver = sys.modules.get("psycopg2")
    if driver is None or not isinstance(error, driver.Error):
        return None
    state = error.pgcode or ""
    if state == _PRIVILEGES or not state.startswith(_STATES):
        return None
    place = int(error.diag.statement_position or 0)
    return Refusal(_told(error.diag.message_primary or state), statement[:place].count("\n") + 1 if place else None)


def _told(text: str) -> str:
    """The first line; a constant of the query may be a number that can be called."""
    return escaped(_LONG_NUMBER.sub(DROPPED, text.strip().split("\n")[0]))[:_MAX_CHARACTERS]
