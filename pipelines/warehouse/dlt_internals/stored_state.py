"""Reads the stored cursor of an account, and the stored schema, without a pipeline.

dlt 1.31 offers only `Pipeline.sync_destination`, which also reads settings and writes files. It took half the time of a
quiet run. dlt does not document where `incremental` stores its last value.
"""

import json
from typing import Any

from dlt.common.destination.client import WithStateSync
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema import Schema
from dlt.pipeline.state_sync import load_pipeline_state_from_destination

from sources.load.plan import Position
from sources.load.resources import READ_AT, REREAD_UNTIL, pages_name
from sources.records.schema import CREATED_AT, Table


def stored_position(client: WithStateSync, pipeline_name: str, source: str, table: Table) -> Position:
    """How far the account's table has been read, according to its last committed load."""
    try:
        state: Any = load_pipeline_state_from_destination(pipeline_name, client)
    except DestinationUndefinedEntity:
        return Position()
    return position_in(state or {}, source, table)


def position_in(state: Any, source: str, table: Table) -> Position:
    """How far the account's table has been read, according to this pipeline state."""
    pages = state.get("sources", {}).get(source, {}).get("resources", {}).get(pages_name(table), {})
    cursor = pages.get("incremental", {}).get(CREATED_AT, {}).get("last_value")
    return Position(cursor, pages.get(READ_AT), pages.get(REREAD_UNTIL))


def stored_schema(client: WithStateSync, name: str) -> Schema | None:
    """dlt's stored schema of this name; None before the first load."""
    try:
        stored = client.get_stored_schema(name)
    except DestinationUndefinedEntity:
        return None
    return Schema.from_dict(json.loads(stored.schema)) if stored else None
