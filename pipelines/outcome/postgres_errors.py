"""Maps PostgreSQL's errors to `FaxSyncError`s by their SQLSTATE.

Source: https://www.postgresql.org/docs/current/errcodes-appendix.html, read November 2026.
"""

import re
import sys
from typing import Any

from dlt.destinations.sql_client import SqlClientBase

from pipelines.outcome.postgres_connect import (
    FULL_STATE,
    GRANTS,
    LOST,
    NO_DATABASE,
    REFUSED,
    TOO_MANY,
    TRANSIENT_STATES,
    explain_connection,
    grant_for,
    grants_to_read,
)
from sources.errors import Busy, ConfigError, FaxSyncError, WarehouseError

_READ_ONLY = "25006"
_CANCELLED = {
    "57014": "a person did (pg_cancel_backend), or it took too long: if it happens again, raise statement_timeout",
    "25P04": "it took too long: if it happens again, raise transaction_timeout",
}
_REFUSALS = {
    "3D000": NO_DATABASE,
    "57P04": NO_DATABASE,
    _READ_ONLY: "it is read-only: point the credentials at the primary, perhaps after a failover, or switch "
    "default_transaction_read_only off, if the role or the database has it",
    "42939": "names of schemas that begin with pg_ are the server's: set [sync] schema to another",
    "53100": "it has no disk space left",
    "55000": "a table refuses DELETE, probably because a publication publishes deletes and the table has no replica "
    "identity: alter table … replica identity full, or leave the table out of the publication",
}
_POLICIES = (
    "the role needs row security policies that allow it to select, insert, update and delete every row, "
    "or the attribute bypassrls"
)
# Their texts name columns, types and tables, and quote no row.
_CHANGED = {"42703", "42804", "42809", "42883", "42P10", "428C9"}
CHANGED_BY_HAND = (
    "a table was probably changed by hand (a column's type or name, a constraint, a column of yours with the name of a "
    "new field): undo that"
)
_FUNCTION = re.compile(r"^PL/\w+ function ([^(\s]+)\(", re.MULTILINE)  # of a user: the sync calls none
LOCK_TIMEOUT = "55P03"
DENIED = "42501"
CANNOT_REPLACE = "42P16"  # the first columns of a view would change
DEPENDENTS = "2BP01"  # another object depends on the one to be dropped
DOUBLES = "23505"  # two rows have the same key
_FOREIGN_KEYS = ("23503", "23001")  # 23001: of one with `on delete restrict`


def denied_reading(error: BaseException, client: SqlClientBase[Any], schema: str) -> WarehouseError | None:
    """The error of a role that may not read the views in the schema; None for any other error of a query."""
    if state_of(error) != DENIED:
        return None
    grants = grants_to_read(schema, client.native_connection.info.user)
    return WarehouseError(f"PostgreSQL: the role may not read the views in {schema}: {grants}")


def require_encoding(client: SqlClientBase[Any]) -> None:
    """Requires a database encoded in UTF-8: others cannot hold every text.

    Raises:
        ConfigError: the database has another encoding.
    """
    encoding = client.native_connection.get_parameter_status("server_encoding") or "UTF8"
    if encoding != "UTF8":
        raise ConfigError(
            f"the database's encoding is {encoding}, which cannot hold every text: create database … encoding 'UTF8' "
            "template template0, and set [destination.warehouse] credentials to it"
        )


def require_writable(client: SqlClientBase[Any]) -> None:
    """Requires a server that can be written to, so that a run with nothing new does not seem to be all right.

    A server from version 14 on tells it on connecting. Of an older one, or behind a pooler, the first write fails.

    Raises:
        WarehouseError: the server is a standby, or the role's transactions are read-only.
    """
    tells = client.native_connection.get_parameter_status
    if "on" in (tells("in_hot_standby"), tells("default_transaction_read_only")):
        raise WarehouseError(f"PostgreSQL: {_REFUSALS[_READ_ONLY]}")


def require_schema(client: SqlClientBase[Any], raw: str, views: str) -> None:
    """Requires privileges on the raw schema, if it exists: dlt takes a schema that it cannot see for missing.

    Raises:
        WarehouseError: the role may not use the schema, or not create tables in it.
    """
    if f"schema {raw}" in _denied(client, raw):
        require_privileges(client, raw, views)


def require_privileges(client: SqlClientBase[Any], *schemas: str) -> None:
    """Requires the privileges for a load into these schemas: to make those that do not exist, and tables in the others.

    Raises:
        WarehouseError: the role lacks some; the message has the GRANT for each.
    """
    if denials := [f"permission denied for {place}" for place in _denied(client, *schemas)]:
        role = client.native_connection.info.user
        grants = [grant_for(denial, role).removesuffix(f"; {GRANTS}") for denial in denials]
        raise WarehouseError(f"PostgreSQL: {', '.join(denials)}: {'; '.join([*grants, GRANTS])}")


def _denied(client: SqlClientBase[Any], *schemas: str) -> list[str]:
    """The database, if one of the schemas is yet to be made, and the schemas, where the role may not make tables."""
    sql = """
        select distinct case when oid is null then 'database' else 'schema' end
            , case when oid is null then current_database() else name end
        from unnest(%s) as name left join pg_catalog.pg_namespace on nspname = name
        where case
            when oid is null then not has_database_privilege(current_database(), 'create')
            else not (has_schema_privilege(oid, 'usage') and has_schema_privilege(oid, 'create'))
        end
        order by 1, 2
    """
    rows: Any = client.execute_sql(sql, list(schemas))
    return [" ".join(row) for row in rows or ()]


def state_of(error: BaseException) -> str | None:
    """The SQLSTATE of a PostgreSQL error that dlt has wrapped; None for any other error."""
    state: str | None = getattr(getattr(error, "dbapi_exception", None), "pgcode", None)
    return state


def to_fax_sync_error(error: BaseException) -> FaxSyncError | None:
    """The `FaxSyncError` for an error of the PostgreSQL driver; None for any other error.

    Its message quotes the server's text for missing privileges, columns and types only: other texts may quote a row.
    """
    driver = sys.modules.get("psycopg2")
    if driver is None or not isinstance(error, driver.Error):
        return None
    state: str = error.pgcode or ""
    if isinstance(error, driver.InterfaceError):
        return Busy(LOST)
    if not state and isinstance(error, driver.ProgrammingError) and not str(error).startswith("invalid "):
        return None  # the driver was called with wrong arguments
    if not state or state == "08P01":  # PgBouncer's state for every refusal
        return explain_connection(str(error))
    if reason := _transient_reason(state, error.diag):
        return Busy(reason)
    return WarehouseError(f"PostgreSQL: {_refusal(state, error)}")


def _transient_reason(state: str, where: Any) -> str | None:
    """Why the statement failed, if the next run may succeed; else None."""
    if state == LOCK_TIMEOUT:
        return "the warehouse did not grant a lock in time: another session has locked a table; run again later"
    if state == DOUBLES and where.table_name == "_dlt_pipeline_state":  # dlt only appends there
        return "the connection broke, and dlt repeated a job that was already committed: run again"
    if state in _CANCELLED:
        return f"the server cancelled a statement, because {_CANCELLED[state]} of the role"
    if state == FULL_STATE:
        return f"the warehouse {TOO_MANY}"
    return (
        "the server ended a connection or a transaction: run again later"
        if state.startswith(TRANSIENT_STATES)
        else None
    )


def _refusal(state: str, error: Any) -> str:
    if state.startswith("23"):
        return _broken_constraint(state, error.diag)
    if called := _FUNCTION.search(error.diag.context or ""):
        return (
            f"the function {called[1]} of a trigger refused it with {state}: drop the trigger, or have the function "
            "let the role of the sync do it"
        )
    if state == DENIED:
        by_policy = error.diag.source_function == "ExecWithCheckOptions"
        denial = error.diag.message_primary
        lacking = _POLICIES if by_policy else grant_for(denial, _role_of(error.cursor.connection), _tables_in(error))
        return f"{denial}: {lacking}"
    if state.startswith("28"):
        return REFUSED
    if state in _REFUSALS:
        return _REFUSALS[state]
    return _mismatch(state, error)


def _mismatch(state: str, error: Any) -> str:
    """Where a table differs from what the sync expects, without a value."""
    *_, table = "", *_tables_in(error)
    place = f" of table {table}" if table else ""
    if state.startswith("22"):
        copied = re.match(r"COPY \w+, \w+ \d+, \w+ (\w+)", error.diag.context or "")  # a value may follow
        column = f"column {copied[1]}" if copied else "a column"
        return f"a value does not fit {column}{place} ({state}): {CHANGED_BY_HAND}"
    if state in _CHANGED:
        return f"{error.diag.message_primary}{f', in a statement on {table}' if table else ''}: {CHANGED_BY_HAND}"
    return f"it refused with {state}{f', at table {table}' if table else ''}"


def _tables_in(error: Any) -> list[str]:
    """The tables and views, with their schemas, that the statement names before the place of the error, in order."""
    statement = (getattr(error.cursor, "query", None) or b"").decode("utf-8", "replace")
    position = int(error.diag.statement_position or len(statement))
    return [".".join(found) for found in re.findall(r'"([a-z_]\w*)"\."([a-z_]\w*)"', statement[:position])]


def _role_of(connection: Any) -> str:
    """The role of a connection, which may be closed by now, so that it no longer knows its own user."""
    parameters = sys.modules["psycopg2"].extensions.parse_dsn(connection.dsn)
    return str(parameters["user"])


def rows_kept(table: str) -> str:
    """Why a merge was refused that would have doubled rows of the table, and what to do."""
    return (
        f"rows of {table} that a changed fax replaces were not deleted: row security, a rule or a trigger keeps "
        f"them; {_POLICIES}"
    )


def rows_left_out(table: str) -> str:
    """Why a load was refused that would have lost rows of the table, and what to do."""
    return f"a trigger of {table} leaves out rows of the sync: drop it, or have its function return new for every row"


def _broken_constraint(state: str, where: Any) -> str:
    """Which constraint refuses a row, and what to do, without the row's values."""
    table = f"{where.schema_name}.{where.table_name}"
    if state == "23502":
        return (
            f"column {where.column_name} of {table} is NOT NULL, but the sync has no value for it: "
            "alter table … alter column … drop not null, or set a default"
        )
    if state in _FOREIGN_KEYS:
        return (
            f"the foreign key {where.constraint_name} of {table} refers to a row that a changed fax replaces: "
            "drop it, or make it on delete no action deferrable initially deferred"
        )
    if state == DOUBLES and where.constraint_name in (f"{where.table_name}{end}" for end in ("_key", "__dlt_id_key")):
        return rows_kept(table)
    return f"the constraint {where.constraint_name} of {table} refuses a row of the sync: drop it, or drop its index"
