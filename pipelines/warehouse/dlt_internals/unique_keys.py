"""The unique indexes and replica identities of the raw tables in PostgreSQL.

A merge is a DELETE and an INSERT, and dlt checks neither. Row security, a rule or a trigger can keep a row from the
DELETE, and the INSERT would duplicate it without an error. With a unique index over the key, the INSERT fails instead.
A partitioned table can have the index only if its key has all columns that it is partitioned by; else the merge looks
whether a row is left (`postgres_merge.py`).
The same index is the replica identity of the table: without one, PostgreSQL refuses every DELETE from a table in a
publication. dlt 1.31 creates no index but that of `_dlt_id` (dlt-hub/dlt#1232), and has no hook after creating tables.

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
_UNSUPPORTED = "0A000"
_LOCK_TIMEOUT = "2s"  # readers of the table wait behind a lock that is waited for
_CATALOG = """
    select tables.relname::text, columns.names, tables.relreplident::text, row_security_active(tables.oid),
        tables.relkind = 'p',
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
    where schemas.nspname = %s and tables.relkind in ('r', 'p')
"""
_ACTING_KEYS = """
    select keys.conname::text, schemas.nspname::text, tables.relname::text
    from pg_catalog.pg_constraint as keys
    join pg_catalog.pg_class as referred on referred.oid = keys.confrelid
    join pg_catalog.pg_namespace as own on own.oid = referred.relnamespace
    join pg_catalog.pg_class as tables on tables.oid = keys.conrelid
    join pg_catalog.pg_namespace as schemas on schemas.oid = tables.relnamespace
    where keys.contype = 'f' and keys.confdeltype in ('c', 'n', 'd') and keys.conparentid = 0
        and own.nspname = %s and schemas.oid <> own.oid
    order by 2, 3, 1
"""


@dataclass(frozen=True)
class _Index:
    name: str
    key: Key
    is_primary: bool
    is_identity: bool
    is_unique: bool  # valid, not partial, not deferred
    is_not_null: bool  # all its columns are not null


@dataclass
class _Table:
    columns: set[str]
    identity: str  # d: primary key, n: nothing, i: an index, f: whole row
    has_row_security: bool
    is_partitioned: bool
    indexes: list[_Index]


def require_keys(client: SqlClientBase[Any], raw: str, schema: Schema) -> None:
    """Creates the unique indexes and replica identities that the tables of the raw schema lack.

    A table that another session has locked is left to the next load. An index that cannot be created is a warning, and
    so is a foreign key that changes rows of a user.

    Raises:
        WarehouseError: an index cannot be created, and row security applies to the table: a changed fax might be
            duplicated.
    """
    for text in acting_keys(client, raw):
        LOG.warning("%s", text)
    tables = _read_tables(client, raw)
    try:
        keys = keys_of(schema)
        there = {name: tables[name] for name, key in keys.items() if name in tables and {*key} <= tables[name].columns}
        altered = [_require_unique(client, raw, name, keys[name], table) for name, table in there.items()]
        if any(altered):
            tables = _read_tables(client, raw)
        for name in [*schema.tables, SYNC_RUNS]:
            if name in tables:
                _require_identity(client, raw, name, keys.get(name), tables[name])
    except DatabaseException as error:
        if state_of(error) != LOCK_TIMEOUT:
            raise


def acting_keys(client: SqlClientBase[Any], raw: str) -> list[str]:
    """One sentence for each foreign key of a user's table that changes its rows as soon as a fax is deleted."""
    rows: Any = client.execute_sql(_ACTING_KEYS, raw)
    return [
        f"the foreign key {key} of {schema}.{table} deletes or changes rows there when a fax changes, because that "
        "fax is deleted and inserted again: make it on delete no action deferrable initially deferred"
        for key, schema, table in rows or ()
    ]


def keys_of(schema: Schema) -> dict[str, Key]:
    """Table of faxes, or child table -> the columns of its unique key."""
    tables = Source(schema.name).tables
    return {table.name: ("account", "id") for table in tables} | {
        child.name: ("account", child.parent_id, "position") for table in tables for child in table.children
    }


def _require_unique(client: SqlClientBase[Any], raw: str, name: str, key: Key, table: _Table) -> bool:
    """Creates the unique index of a table if it is missing; true if an index was created or dropped."""
    same = [index for index in table.indexes if index.key == key]
    if not any(index.is_unique for index in same):
        listed = ", ".join(f'"{column}"' for column in key)
        try:
            _alter(client, f'create unique index "{name}_key" on "{raw}"."{name}" ({listed})')
        except DatabaseException as error:
            _report_missing_index(error, f"{raw}.{name}", key, table)
            return False
    old = [index for index in same if not index.is_unique and index.name == "_".join((name, *key))]
    for index in old:  # created by an older version, and no longer needed
        _alter(client, f'drop index "{raw}"."{index.name}"')
    return bool(old) or not any(index.is_unique for index in same)


def _report_missing_index(error: DatabaseException, named: str, key: Key, table: _Table) -> None:
    """Logs a warning, or raises the error if it is transient or faxes might be duplicated."""
    state = state_of(error) or ""
    if state.startswith(TRANSIENT_STATES):
        raise error
    if state == DOUBLES:
        reason = "it holds rows with the same key: run sync.py --full-refresh, which replaces them"
    elif table.is_partitioned and state == _UNSUPPORTED:
        reason = "it is partitioned by a column outside of this key"
    else:
        reason = str(to_fax_sync_error(getattr(error, "dbapi_exception", error)))
    message = f"{named} has no unique index over {', '.join(key)}, and none can be made: {reason}"
    if table.has_row_security:
        raise WarehouseError(
            f"{message}; row security applies to the table, so changed faxes might be duplicated: "
            "give the role the attribute bypassrls"
        )
    LOG.warning("%s", message)


def _require_identity(client: SqlClientBase[Any], raw: str, name: str, key: Key | None, table: _Table) -> None:
    """Sets the replica identity of a table that has none: its key, else `_dlt_id`, else the whole row.

    That of a partitioned table has no effect on its partitions.
    """
    is_set = any(index.is_primary or index.is_identity for index in table.indexes)
    if is_set or table.identity in "nf" or table.is_partitioned:
        return
    fit = [index for index in table.indexes if index.is_unique and index.is_not_null]
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
        client.execute_sql(f"set local lock_timeout = '{_LOCK_TIMEOUT}'; {statement}")


def _read_tables(client: SqlClientBase[Any], raw: str) -> dict[str, _Table]:
    found: dict[str, _Table] = {}
    rows: Any = client.execute_sql(_CATALOG, raw)
    for name, columns, identity, secured, partitioned, index, primary, is_identity, unique, key, whole in rows or ():
        table = found.setdefault(name, _Table({*columns}, identity, secured, partitioned, []))
        if index:
            table.indexes.append(_Index(index, tuple(key or ()), primary, is_identity, unique, whole))
    return found
