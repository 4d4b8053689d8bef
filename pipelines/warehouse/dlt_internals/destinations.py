"""The destination that is configured: dlt's own, but for how PostgreSQL is connected to and copies.

dlt decides by a destination's configuration alone how it connects, and has no hook in which a load's transaction could
be ended; two runs that load at once lose rows (dlt-hub/dlt#4297).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dlt
from dlt.common.destination import Destination
from dlt.destinations.sql_client import SqlClientBase

from pipelines.config.destination import DESTINATION, destination_type, require_destination


def configured_destination(staging: str) -> Any:
    """The destination, with the layout of its staging dataset's name.

    Raises:
        ConfigError: its settings contradict each other.
    """
    require_destination()
    kind = destination_type()
    if kind != "postgres":
        return Destination.from_reference(kind, destination_name=DESTINATION, staging_dataset_name_layout=staging)
    from pipelines.warehouse.dlt_internals.postgres_destination import postgres  # noqa: PLC0415  # no run into a file needs its driver

    return postgres(destination_name=DESTINATION, staging_dataset_name_layout=staging)


def fence_loads(pipeline: dlt.Pipeline, fence: Callable[[SqlClientBase[Any]], None] | None) -> None:
    """Has every transaction of the loads that come begin with the fence, which may end it by raising."""
    destination: Any = pipeline.destination
    destination.fence = fence


def duckdb_file(job_client: Any) -> Path:
    """The DuckDB file that dlt's client of a destination leads to, whether or not it is there."""
    return Path(job_client.config.credentials.database)


def database_url(job_client: Any) -> str:
    """The URL of the PostgreSQL database that dlt's client of a destination leads to, without its password."""
    credentials = job_client.config.credentials
    user, database = (quote(text or "", safe="") for text in (credentials.username, credentials.database))
    host = (credentials.query or {}).get("host")  # a socket's directory
    place = f"{credentials.host or ''}:{credentials.port}" if not host else ""
    return f"postgresql://{user}@{place}/{database}{f'?host={quote(host)}' if host else ''}"


def forbid_writing(pipeline: dlt.Pipeline, file: Path) -> None:
    """Has every connection that the pipeline opens be one that only reads this DuckDB file.

    dlt opens such a connection for ibis alone (dlt-hub/dlt#2999).
    """
    job_client: Any = pipeline.destination_client()
    credentials = job_client.config.credentials
    credentials.read_only, credentials.database = True, str(file)
    pipeline.destination.config_params["credentials"] = credentials
