"""PostgreSQL's refusals in the operator's terms, by their SQLSTATE, and what bounds our own waiting there.

Source: https://www.postgresql.org/docs/current/errcodes-appendix.html, read November 2026.
"""

import os
import sys
from typing import Any

import dlt

from sources.errors import Busy, FaxSyncError, WarehouseError

_PASSING = ("08", "40", "53300", "55P03", "57")  # connection, serialization, connections, lock time-out, shutdown
_REFUSALS = {
    "25006": "it is read-only, perhaps after a failover: point the credentials at the primary",
    "53100": "it has no disk space left",
}


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
    if state.startswith(_PASSING) or (not state and isinstance(error, driver.OperationalError)):
        return Busy("the warehouse cannot be reached, or has too many connections: run again later")
    return WarehouseError(f"PostgreSQL: {_refusal(state, error)}")


def _refusal(state: str, error: Any) -> str:
    if state == "42501":
        return f"{error.diag.message_primary}: the GRANTs that the role needs are in README.md"
    if state.startswith("28"):
        return "it refused the user or the password: see [destination.warehouse] credentials"
    if state in _REFUSALS:
        return _REFUSALS[state]
    table = getattr(error.diag, "table_name", None)
    return f"it refused with {state or type(error).__name__}{f', at table {table}' if table else ''}"
