"""PostgreSQL's refusals in the operator's terms, by their SQLSTATE.

Source: https://www.postgresql.org/docs/current/errcodes-appendix.html, read November 2026.
"""

import re
import sys
from typing import Any

from dlt.destinations.sql_client import SqlClientBase

from sources.errors import Busy, ConfigError, FaxSyncError, WarehouseError

PASSING = ("08", "40", "53300", "55P03", "57")  # connection, serialization, connections, lock time-out, shutdown
_REFUSALS = {
    "25006": "it is read-only, perhaps after a failover: point the credentials at the primary",
    "53100": "it has no disk space left",
    "55000": "a table refuses DELETE, probably because a publication publishes deletes and the table has no replica "
    "identity: alter table … replica identity full, or leave the table out of the publication",
}
_GRANTS = "docs/postgres.md lists the GRANTs that the role needs"
_POLICIES = (
    "the role needs policies of row security that let it select, insert, update and delete every row, "
    "or the attribute bypassrls"
)
_NO_ENTRY = {
    r'database ".*" does not exist': "there is no such database: see [destination.warehouse] credentials",
    r"password authentication failed|no password supplied|no pg_hba\.conf entry|"
    r'role ".*" (does not exist|is not permitted)': "it refused the user or the password: "
    "see [destination.warehouse] credentials",
    r"permission denied for database": f"permission denied for the database: {_GRANTS}",
}
_POOLERS = {
    "unsupported startup parameter": "refuses the options of the connection: take options out of "
    "[destination.warehouse] credentials, and unset PGOPTIONS, or set ignore_startup_parameters = options in PgBouncer",
}
_TRIED = re.compile(  # as libpq tells what it tried to connect to
    r'at "(?P<host>[^"]+)"(?: \([^)]*\))?, port (?P<port>\d+)|socket "(?P<socket>[^"]+)"|host name "(?P<unknown>[^"]+)"'
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
    if state == LOCK_TIMEOUT:
        return Busy("the warehouse did not grant a lock in time: somebody holds a table")
    if state == "23505" and _is_only_appended_to(error.diag):
        return Busy("a connection broke, and a job that had been committed was done twice: run again")
    if not state and (refused := _refused_entry(str(error))):
        return refused
    if state.startswith(PASSING) or (not state and not isinstance(error, driver.ProgrammingError)):
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


def _refused_entry(text: str) -> FaxSyncError | None:
    """Why the server, or a pooler before it, lets nobody in, for good; neither gives a SQLSTATE then."""
    if reason := next((reason for words, reason in _POOLERS.items() if words in text), None):
        return ConfigError(f"the warehouse{_where(text)} is behind a pooler that {reason}, or connect directly")
    if reason := next((reason for words, reason in _NO_ENTRY.items() if re.search(words, text)), None):
        return WarehouseError(f"PostgreSQL: {reason}")
    return None


def _refusal(state: str, error: Any) -> str:
    if state.startswith("23"):
        return _broken_constraint(state, error.diag)
    if state == "42501":
        by_policy = error.diag.source_function == "ExecWithCheckOptions"
        return f"{error.diag.message_primary}: {_POLICIES if by_policy else _GRANTS}"
    if state.startswith("28"):
        return "it refused the user or the password: see [destination.warehouse] credentials"
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
