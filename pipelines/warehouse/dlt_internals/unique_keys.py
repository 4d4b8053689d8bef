"""PostgreSQL: the unique indexes that a merge relies on, and how each row is told to subscribers of a publication.

dlt merges by DELETE and INSERT, and looks at neither. Row security, a rule or a trigger can keep a row from the DELETE,
and the INSERT would then double it without an error; with a unique index over the key it fails. The same index is the
table's replica identity, without which `create publication … for all tables` has PostgreSQL refuse every DELETE.
dlt 1.31 makes no index but that of `_dlt_id` (dlt-hub/dlt#1232), and offers no hook once its tables are made.

Source: https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-REPLICA-IDENTITY, read November 2026.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dlt.common.schema import Schema
from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.sql_client import SqlClientBase

from pipelines.outcome.postgres_connect import TRANSIENT_STATES
from pipelines.outcome.postgres_errors import DOUBLES, LOCK_TIMEOUT, state_of, to_fax_sync_error
from sources.errors import WarehouseError
from sources.extract.source import Source
from sources.load.ledger import SYNC_RUNS

LOG = logging.getLogger("fax-sync")
Key = tuple[str, ...]
_WAIT = "2s"  # readers of a table wait behind the lock that is waited for
_CATALOG = """
    select tables.relname::text, columns.names, tables.relreplident::text, row_security_active(tables.oid),
        indexes.relname::text, about.indisprimary, about.indisreplident,
        about.indisunique and about.indisvalid and about.indimmediate and about.indpred is null,
        keys.names, coalesce(keys.whole, false)
    from pg_catalog.pg_class as tables
    join pg_catalog.pg_namespace as schemas on schemas.oid = tables.relnamespace
    cross join lateral (
        select array_agg(attname::text) as names from pg_catalog.pg_attribute
        where attrelid = tables.oid and attnum > 0 and not attisdropped
    ) as columns
    left join pg_catalog.pg_index as about on about.indrelid = tables.oid and about.indexprs is null
    left join pg_catalog.pg_class as indexes on indexes.oid = about.indexrelid
    left join lateral (
        select array_agg(attribute.attname::text order by part.place) as names, bool_and(attribute.attnotnull) as whole
        from unnest(about.indkey::int2[]) with ordinality as part (number, place)
        join pg_catalog.pg_attribute as attribute
            on attribute.attrelid = tables.oid and attribute.attnum = part.number
        where part.place <= about.indnkeyatts
    ) as keys on true
    where schemas.nspname = %s and tables.relkind = 'r'
"""


@dataclass(frozen=True)
class _Index:
    name: str
    key: Key
    is_primary: bool
    is_identity: bool
    is_unique: bool  # valid, of all rows, and checked at once
    is_whole: bool  # no column of it can be null


@dataclass
class _Table:
    columns: set[str]
    identity: str  # d: the primary key, n: nothing, i: an index, f: the whole row
    has_row_security: bool
    indexes: list[_Index]


def require_keys(client: SqlClientBase[Any], raw: str, schema: Schema) -> None:
    """Makes the unique indexes and replica identities that the raw schema's tables lack.

    What another session has locked is left to the next load. A key that cannot be made is a warning.

    Raises:
        WarehouseError: it cannot be made, and row security applies to the table: changed faxes might be doubled.
    """
    tables = _read(client, raw)
    try:
        keys = keys_of(schema)
        there = {name: tables[name] for name, key in keys.items() if name in tables and {*key} <= tables[name].columns}
        altered = [_require_unique(client, raw, name, keys[name], table) for name, table in there.items()]
        if any(altered):
            tables = _read(client, raw)
        for name in [*schema.tables, SYNC_RUNS]:
            if name in tables:
                _require_identity(client, raw, name, keys.get(name), tables[name])
    except DatabaseException as error:
        if state_of(error) != LOCK_TIMEOUT:
            raise


def keys_of(schema: Schema) -> dict[str, Key]:
    """Table of faxes or of what is split off from them -> columns of which no two rows may have the same values."""
    tables = Source(schema.name).tables
    return {table.name: ("account", "id") for table in tables} | {
        child.name: ("account", child.parent_id, "position") for table in tables for child in table.children
    }


def _require_unique(client: SqlClientBase[Any], raw: str, name: str, key: Key, table: _Table) -> bool:
    """True if an index was made or dropped."""
    same = [index for index in table.indexes if index.key == key]
    if not any(index.is_unique for index in same):
        listed = ", ".join(f'"{column}"' for column in key)
        try:
            _alter(client, f'create unique index "{name}_key" on "{raw}"."{name}" ({listed})')
        except DatabaseException as error:
            _tell(error, f"{raw}.{name}", key, table)
            return False
    old = [index for index in same if not index.is_unique and index.name == "_".join((name, *key))]
    for index in old:  # an older version's, now of no use
        _alter(client, f'drop index "{raw}"."{index.name}"')
    return bool(old) or not any(index.is_unique for index in same)


def _tell(error: DatabaseException, named: str, key: Key, table: _Table) -> None:
    state = state_of(error) or ""
    if state.startswith(TRANSIENT_STATES):
        raise error
    if state == DOUBLES:
        reason = "it holds rows with the same key: run sync.py --full-refresh, which replaces them"
    else:
        reason = str(to_fax_sync_error(getattr(error, "dbapi_exception", error)))
    message = f"{named} has no unique index over {', '.join(key)}, and none can be made: {reason}"
    if table.has_row_security:
        raise WarehouseError(f"{message}; row security applies to the table, so changed faxes might be doubled")
    LOG.warning("%s", message)


def _require_identity(client: SqlClientBase[Any], raw: str, name: str, key: Key | None, table: _Table) -> None:
    is_set = any(index.is_primary or index.is_identity for index in table.indexes)
    if is_set or table.identity in "nf":
        return
    fit = [index for index in table.indexes if index.is_unique and index.is_whole]
    best: Sequence[_Index] = sorted(fit, key=lambda index: (index.key != key, index.key != ("_dlt_id",)))
    identity = f'using index "{best[0].name}"' if best else "full"
    try:
        _alter(client, f'alter table "{raw}"."{name}" replica identity {identity}')
    except DatabaseException as error:
        if (state_of(error) or "").startswith(TRANSIENT_STATES):
            raise
        LOG.debug("%s.%s is given no replica identity", raw, name, exc_info=True)


def _alter(client: SqlClientBase[Any], statement: str) -> None:
    with client.begin_transaction():
        client.execute_sql(f"set local lock_timeout = '{_WAIT}'")
        client.execute_sql(statement)


def _read(client: SqlClientBase[Any], raw: str) -> dict[str, _Table]:
    found: dict[str, _Table] = {}
    rows: Any = client.execute_sql(_CATALOG, raw)
    for name, columns, identity, secured, index, primary, is_identity, unique, key, whole in rows or ():
        table = found.setdefault(name, _Table({*columns}, identity, secured, []))
        if index:
            table.indexes.append(_Index(index, tuple(key or ()), primary, is_identity, unique, whole))
    return found
