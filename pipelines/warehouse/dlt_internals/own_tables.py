"""Rows of dlt's own tables: which of them may be deleted, and what follows from that.

dlt deletes none of them: its tables grow with every load. It compares its schema with the tables that are there only
when it finds no stored version of it, so a table that was dropped stays missing (dlt-hub/dlt#765).
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from dlt.common.schema import Schema
from dlt.destinations.sql_client import SqlClientBase

Statement = tuple[str, tuple[Any, ...]]


def forget_schema(client: SqlClientBase[Any], schema: Schema) -> None:
    """Has the next load make every table and column of the schema that is not there."""
    client.execute_sql(f"delete from {client.make_qualified_table_name(schema.version_table_name)}")


def deletions(raw: str, pipeline: str, before: datetime, tables: Collection[str]) -> Iterator[Statement]:
    """The statements that delete states of the pipeline and loads older than that, with their parameters.

    The newest state of a committed load stays: dlt restores that one. So does a load that a row of `tables` refers to.
    """
    oldest = f"{before.timestamp():.1f}"  # load ids are seconds since 1970, as text
    newest = f"""
        select max(_dlt_load_id) from "{raw}"._dlt_pipeline_state
        where pipeline_name = %s and _dlt_load_id in (select load_id from "{raw}"._dlt_loads where status = 0)
    """
    yield (
        f'delete from "{raw}"._dlt_pipeline_state where pipeline_name = %s and _dlt_load_id < %s'
        f" and _dlt_load_id < ({newest})",
        (pipeline, oldest, pipeline),
    )
    if tables:
        named = " union ".join(f'select cast(_dlt_load_id as text) as load_id from "{raw}"."{name}"' for name in tables)
        yield (
            f'delete from "{raw}"._dlt_loads where load_id < %s and not exists (select 1 from ({named}) as named'
            f' where named.load_id = "{raw}"._dlt_loads.load_id)',
            (oldest,),
        )
