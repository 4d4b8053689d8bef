"""What a view in PostgreSQL loses when it is replaced: its options, and if it is dropped before, its privileges.

A new view has the default privileges of its owner, perhaps some that were revoked from the old one.

Sources: https://www.postgresql.org/docs/current/ddl-priv.html and sql-createview.html, read November 2026.
"""

from collections.abc import Collection, Mapping
from typing import Any

from dlt.destinations.sql_client import SqlClientBase

# view, ` ("column")` or nothing, privilege, role as in SQL, whether it may grant it
Privilege = tuple[str, str, str | None, str | None, bool | None]

_PRIVILEGES = """
    with of_schema as (
        select views.oid, views.relname::text as view, views.relowner, views.relacl
        from pg_catalog.pg_class as views
        join pg_catalog.pg_namespace as schemas on schemas.oid = views.relnamespace
        where schemas.nspname = %s and views.relkind = 'v'
    )
    , lists as (
        select view, '' as columns, relowner, relacl as acl from of_schema
        union all
        select view, format(' (%%I)', attname), relowner, attacl
        from of_schema join pg_catalog.pg_attribute on attrelid = of_schema.oid and attnum > 0
    )
    select view, columns, granted.privilege_type, granted.is_grantable
        , case granted.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(granted.grantee)) end
    from lists
    left join lateral aclexplode(acl) as granted on granted.grantee <> relowner
"""
_OPTIONS = """
    select views.relname::text, string_agg(option, ', ')
    from pg_catalog.pg_class as views
    join pg_catalog.pg_namespace as schemas on schemas.oid = views.relnamespace
    cross join unnest(views.reloptions) as option
    where schemas.nspname = %s and views.relkind = 'v' and option like 'security%%'
    group by 1
"""


def read_privileges(client: SqlClientBase[Any], schema: str) -> set[Privilege]:
    """The privileges of others than the owners on the views of a schema, and on their columns.

    A view or a column without any has one without values.
    """
    rows: Any = client.execute_sql(_PRIVILEGES, schema)
    return {(view, columns, privilege, role, grantable) for view, columns, privilege, grantable, role in rows or ()}


def restore_privileges(client: SqlClientBase[Any], schema: str, before: set[Privilege]) -> None:
    """Gives the views and columns that are there again the privileges that they had before, and no others."""
    now = read_privileges(client, schema)
    again = {place[:2] for place in before} & {place[:2] for place in now}
    for view, columns, privilege, role, _ in now - before:
        if (view, columns) in again and privilege:
            client.execute_sql(f'revoke {privilege}{columns} on "{schema}"."{view}" from {role}')
    for view, columns, privilege, role, grantable in before - now:
        if (view, columns) in again and privilege:
            option = " with grant option" if grantable else ""
            client.execute_sql(f'grant {privilege}{columns} on "{schema}"."{view}" to {role}{option}')


def read_options(client: SqlClientBase[Any], schema: str) -> dict[str, str]:
    """The options `security_barrier` and `security_invoker` of the views of a schema, as in SQL, by view."""
    rows: Any = client.execute_sql(_OPTIONS, schema)
    return dict(rows or ())


def restore_options(client: SqlClientBase[Any], schema: str, views: Collection[str], before: Mapping[str, str]) -> None:
    """Gives the views that were created again the options that they had before."""
    for view in before.keys() & views:
        client.execute_sql(f'alter view "{schema}"."{view}" set ({before[view]})')
