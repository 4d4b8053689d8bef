"""The privileges on views in PostgreSQL, which a view loses when it is dropped and created again.

A new view has the default privileges of its owner, perhaps some that were revoked from the old one.

Source: https://www.postgresql.org/docs/current/ddl-priv.html, read November 2026.
"""

from typing import Any

from dlt.destinations.sql_client import SqlClientBase

Privilege = tuple[str, str | None, str | None, bool | None]  # view, privilege, role as in SQL, whether it may grant it

_PRIVILEGES = """
    select views.relname::text, granted.privilege_type, granted.is_grantable
        , case granted.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(granted.grantee)) end
    from pg_catalog.pg_class as views
    join pg_catalog.pg_namespace as schemas on schemas.oid = views.relnamespace
    left join lateral aclexplode(views.relacl) as granted on granted.grantee <> views.relowner
    where schemas.nspname = %s and views.relkind = 'v'
"""


def read_privileges(client: SqlClientBase[Any], schema: str) -> set[Privilege]:
    """The privileges of others than the owners on the views of a schema; one without values for a view without any."""
    rows: Any = client.execute_sql(_PRIVILEGES, schema)
    return {(view, privilege, role, grantable) for view, privilege, grantable, role in rows or ()}


def restore_privileges(client: SqlClientBase[Any], schema: str, before: set[Privilege]) -> None:
    """Gives the views that are there again the privileges that they had before, and no others."""
    now = read_privileges(client, schema)
    again = {view for view, *_ in before} & {view for view, *_ in now}
    for view, privilege, role, _ in now - before:
        if view in again and privilege:
            client.execute_sql(f'revoke {privilege} on "{schema}"."{view}" from {role}')
    for view, privilege, role, grantable in before - now:
        if view in again and privilege:
            option = " with grant option" if grantable else ""
            client.execute_sql(f'grant {privilege} on "{schema}"."{view}" to {role}{option}')
