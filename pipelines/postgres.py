"""PostgreSQL's refusals in the operator's terms, by their SQLSTATE, and what bounds our own waiting there.

Source: https://www.postgresql.org/docs/current/errcodes-appendix.html, read November 2026.
"""

import os
import re
import sys
from typing import Any

import dlt
from dlt.destinations.sql_client import SqlClientBase

from sources.errors import Busy, FaxSyncError, WarehouseError

_PASSING = ("08", "40", "53300", "55P03", "57")  # connection, serialization, connections, lock time-out, shutdown
_REFUSALS = {
    "25006": "it is read-only, perhaps after a failover: point the credentials at the primary",
    "53100": "it has no disk space left",
}
_GRANTS = "the GRANTs that the role needs are in README.md"
_NO_ENTRY = {
    r'database ".*" does not exist': "there is no such database: see [destination.warehouse] credentials",
    r"password authentication failed|no password supplied|no pg_hba\.conf entry|"
    r'role ".*" (does not exist|is not permitted)': "it refused the user or the password: "
    "see [destination.warehouse] credentials",
    r"permission denied for database": f"permission denied for the database: {_GRANTS}",
}
_TRIED = re.compile(  # as libpq tells what it tried to connect to
    r'at "(?P<host>[^"]+)"(?: \([^)]*\))?, port (?P<port>\d+)|socket "(?P<socket>[^"]+)"|host name "(?P<unknown>[^"]+)"'
)
CANNOT_REPLACE = "42P16"  # a view whose first columns would change
DEPENDENTS = "2BP01"  # something else depends on what is to be dropped


def bound_waiting(pipeline: dlt.Pipeline) -> None:
    """Has every connection of the pipeline start with the options of PGOPTIONS; what the credentials say comes last.

    dlt gives a search path as an option of its own, and libpq then ignores the variable.
    """
    credentials: Any = pipeline.destination_client().config.credentials
    ours, theirs = os.environ.get("PGOPTIONS", ""), credentials.query.get("options", "")
    credentials.query["options"] = f"{ours} {theirs}".strip()
    pipeline.destination.config_params["credentials"] = credentials


def require_schemas(client: SqlClientBase[Any], *schemas: str) -> None:
    """Raises:
    WarehouseError: one of the schemas is there, but closed to us; dlt would take it for missing and try to make it.
    """
    sql = """
        select nspname from pg_catalog.pg_namespace
        where nspname = any(%s) and not has_schema_privilege(oid, 'usage, create')
    """
    for (schema,) in client.execute_sql(sql, list(schemas)) or ():
        raise WarehouseError(f"PostgreSQL: permission denied for schema {schema}: {_GRANTS}")


def state_of(error: BaseException) -> str | None:
    """The SQLSTATE behind an error that dlt has wrapped; None if it is not PostgreSQL's."""
    state: str | None = getattr(getattr(error, "dbapi_exception", None), "pgcode", None)
    return state


def explain(error: BaseException) -> FaxSyncError | None:
    """The error of a PostgreSQL driver as one that the operator can act on; None if it is another's.

    The server's own words are passed on for privileges only: elsewhere they may quote a row.
    """
    driver = sys.modules.get("psycopg2")
    if driver is None or not isinstance(error, driver.Error):
        return None
    state: str = error.pgcode or ""
    if state == "55P03":
        return Busy("the warehouse did not grant a lock in time: somebody holds a table")
    if state == "23505" and _is_only_appended_to(error.diag):
        return Busy("a connection broke, and a job that had been committed was done twice: run again")
    if not state and (reason := _refused_entry(str(error))):
        return WarehouseError(f"PostgreSQL: {reason}")
    if state.startswith(_PASSING) or (not state and not isinstance(error, driver.ProgrammingError)):
        return Busy(
            f"the warehouse{_where(str(error))} cannot be reached, or has too many connections: run again later"
        )
    return WarehouseError(f"PostgreSQL: {_refusal(state, error)}")


def _where(text: str) -> str:
    """The hosts and ports, or sockets, that were tried; nothing if a connection was lost that had been made."""
    places = [
        f"[{found['host']}]:{found['port']}"
        if ":" in (found["host"] or "")
        else f"{found['host']}:{found['port']}"
        if found["host"]
        else found["socket"] or f"{found['unknown']} (an unknown host)"
        for found in _TRIED.finditer(text)
    ]
    return f" at {' and '.join(places)}" if places else ""


def _is_only_appended_to(where: Any) -> bool:
    """The table is one whose rows come twice if dlt repeats a job; the next run makes nothing of it."""
    return (where.schema_name or "").endswith("_staging") or where.table_name == "_dlt_pipeline_state"


def _refused_entry(text: str) -> str | None:
    """Why the server let nobody in, for good; it gives no SQLSTATE then."""
    return next((reason for words, reason in _NO_ENTRY.items() if re.search(words, text)), None)


def _refusal(state: str, error: Any) -> str:
    if state == "42501":
        return f"{error.diag.message_primary}: {_GRANTS}"
    if state.startswith("28"):
        return "it refused the user or the password: see [destination.warehouse] credentials"
    if state in _REFUSALS:
        return _REFUSALS[state]
    table = getattr(error.diag, "table_name", None)
    return f"it refused with {state or type(error).__name__}{f', at table {table}' if table else ''}"
