"""PostgreSQL's refusals in the operator's terms, by their SQLSTATE.

Source: https://www.postgresql.org/docs/current/errcodes-appendix.html, read November 2026.
"""

import sys
from typing import Any

from dlt.destinations.sql_client import SqlClientBase

from pipelines.outcome.postgres_connect import GRANTS, NO_DATABASE, REFUSED, TRANSIENT_STATES, explain_connection
from sources.errors import Busy, ConfigError, FaxSyncError, WarehouseError

_CANCELLED = {"57014": "statement_timeout", "25P04": "transaction_timeout"}
_REFUSALS = {
    "3D000": NO_DATABASE,
    "57P04": NO_DATABASE,
    "25006": "it is read-only, perhaps after a failover: point the credentials at the primary",
    "53100": "it has no disk space left",
    "55000": "a table refuses DELETE, probably because a publication publishes deletes and the table has no replica "
    "identity: alter table … replica identity full, or leave the table out of the publication",
}
_POLICIES = (
    "the role needs policies of row security that let it select, insert, update and delete every row, "
    "or the attribute bypassrls"
)
LOCK_TIMEOUT = "55P03"
CANNOT_REPLACE = "42P16"  # a view whose first columns would change
DEPENDENTS = "2BP01"  # something else depends on what is to be dropped
DOUBLES = "23505"  # rows with the same key


def require_encoding(client: SqlClientBase[Any]) -> None:
    """Raises:
    ConfigError: the database is not one of UTF-8, so that there are texts that it cannot hold, or not as text.
    """
    encoding = client.native_connection.get_parameter_status("server_encoding") or "UTF8"
    if encoding != "UTF8":
        raise ConfigError(
            f"the database's encoding is {encoding}, which cannot hold every text: create database … encoding 'UTF8' "
            "template template0, and set [destination.warehouse] credentials to it"
        )


def require_schemas(client: SqlClientBase[Any], *schemas: str) -> None:
    """Raises:
    WarehouseError: one of the schemas is there, but closed to us; dlt would take it for missing and try to make it.
    """
    sql = """
        select nspname from pg_catalog.pg_namespace
        where nspname = any(%s) and not has_schema_privilege(oid, 'usage, create')
    """
    for (schema,) in client.execute_sql(sql, list(schemas)) or ():
        raise WarehouseError(f"PostgreSQL: permission denied for schema {schema}: {GRANTS}")


def state_of(error: BaseException) -> str | None:
    """The SQLSTATE behind an error that dlt has wrapped; None if it is not PostgreSQL's."""
    state: str | None = getattr(getattr(error, "dbapi_exception", None), "pgcode", None)
    return state


def to_fax_sync_error(error: BaseException) -> FaxSyncError | None:
    """The error of a PostgreSQL driver as one that the operator can act on; None if it is another's.

    The server's own words are passed on for privileges only: elsewhere they may quote a row.
    """
    driver = sys.modules.get("psycopg2")
    if driver is None or not isinstance(error, driver.Error):
        return None
    state: str = error.pgcode or ""
    if isinstance(error, driver.InterfaceError):
        return Busy("the connection to the warehouse is lost: run again later")
    if not state and isinstance(error, driver.ProgrammingError) and not str(error).startswith("invalid "):
        return None  # a wrong call of the driver
    if not state or state == "08P01":  # a pooler's, whatever it refuses
        return explain_connection(str(error))
    if reason := _is_transient(state, error.diag):
        return Busy(reason)
    return WarehouseError(f"PostgreSQL: {_refusal(state, error)}")


def _is_transient(state: str, where: Any) -> str | None:
    """Why the next run may work; None if it would not."""
    if state == LOCK_TIMEOUT:
        return "the warehouse did not grant a lock in time: somebody holds a table"
    if state == DOUBLES and _is_only_appended_to(where):
        return "a connection broke, and a job that had been committed was done twice: run again"
    if state in _CANCELLED:
        return f"the server cancelled a statement: if that happens again, raise {_CANCELLED[state]} of the role"
    if state.startswith("53300"):
        return "the warehouse has too many connections: run again later"
    return (
        "the server ended a connection or a transaction: run again later"
        if state.startswith(TRANSIENT_STATES)
        else None
    )


def _is_only_appended_to(where: Any) -> bool:
    """The table is one whose rows come twice if dlt repeats a job; the next run makes nothing of it."""
    return (where.schema_name or "").endswith("_staging") or where.table_name == "_dlt_pipeline_state"


def _refusal(state: str, error: Any) -> str:
    if state.startswith("23"):
        return _broken_constraint(state, error.diag)
    if state == "42501":
        by_policy = error.diag.source_function == "ExecWithCheckOptions"
        return f"{error.diag.message_primary}: {_POLICIES if by_policy else GRANTS}"
    if state.startswith("28"):
        return REFUSED
    if state in _REFUSALS:
        return _REFUSALS[state]
    table = error.diag.table_name
    return f"it refused with {state or type(error).__name__}{f', at table {table}' if table else ''}"


def _broken_constraint(state: str, where: Any) -> str:
    """What a constraint forbids, without the values that break it."""
    table = f"{where.schema_name}.{where.table_name}"
    if state == "23502":
        return (
            f"column {where.column_name} of {table} is NOT NULL, and the sync has no value for it: "
            "alter table … alter column … drop not null, or set a default"
        )
    if state == "23503":
        return (
            f"the foreign key {where.constraint_name} of {table} refers to a row that a changed fax replaces: "
            "drop it, or make it deferrable initially deferred"
        )
    if state == DOUBLES and where.constraint_name in (f"{where.table_name}{end}" for end in ("_key", "__dlt_id_key")):
        return (
            f"rows of {table} that a changed fax replaces were not deleted: row security, a rule or a trigger keeps "
            f"them; {_POLICIES}"
        )
    return f"the constraint {where.constraint_name} of {table} refuses a row of the sync: drop it, or drop its index"
