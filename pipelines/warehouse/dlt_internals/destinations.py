"""The configured destination. It is dlt's own, except for the merge, and for the connections to PostgreSQL.

dlt has no hook to end the transaction of a load, and two concurrent loads lose rows (dlt-hub/dlt#4297). Only the
settings of a destination can change how dlt connects.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import dlt
from dlt.common.destination import Destination
from dlt.destinations.sql_client import SqlClientBase

from pipelines.config.destination import DESTINATION, destination_type, parquet_url, path_at_home, require_destination

_SECRET = re.compile("password|secret|scram")  # in the names of parameters of libpq 18


def configured_destination(staging: str) -> Any:
    """The destination. `staging` is the layout of the name of its staging dataset.

    Raises:
        ConfigError: its settings contradict each other.
    """
    require_destination()
    settings: Any = {"destination_name": DESTINATION, "staging_dataset_name_layout": staging}
    match destination_type():
        case "duckdb":
            from pipelines.warehouse.dlt_internals.duckdb_destination import duckdb  # noqa: PLC0415  # loads its driver

            if path := path_at_home():
                settings["credentials"] = path
            return duckdb(**settings)
        case "postgres":
            from pipelines.warehouse.dlt_internals.postgres_destination import postgres  # noqa: PLC0415  # loads its driver

            return postgres(**settings)
        case other:
            return Destination.from_reference(other, bucket_url=parquet_url(), **settings)


def fence_loads(pipeline: dlt.Pipeline, fence: Callable[[SqlClientBase[Any]], None] | None) -> None:
    """Makes every transaction of later loads that may write call `fence` first; its error ends the transaction."""
    destination: Any = pipeline.destination
    destination.fence = fence


def is_postgres(client: SqlClientBase[Any]) -> bool:
    """The client is connected to PostgreSQL; else it reads DuckDB's file, or files through DuckDB."""
    return client.capabilities.sqlglot_dialect == "postgres"


def duckdb_file(job_client: Any) -> Path:
    """The path of the DuckDB file of dlt's job client; the file may not exist yet."""
    return Path(job_client.config.credentials.database)


def database_url(job_client: Any) -> str:
    """The URL of the PostgreSQL database of dlt's job client, with its parameters, but without a secret."""
    credentials = job_client.config.credentials
    user = quote(credentials.username, safe="")
    database = quote(credentials.database, safe="%")  # dlt keeps it as the URL has it
    host = credentials.host or ""
    place = f"[{host}]" if ":" in host else host
    parameters = {name: value for name, value in (credentials.query or {}).items() if not _SECRET.search(name)}
    query = f"?{urlencode(parameters, quote_via=quote, safe='/,')}" if parameters else ""
    return f"postgresql://{user}@{place}:{credentials.port}/{database}{query}"


def forbid_writing(pipeline: dlt.Pipeline, file: Path) -> None:
    """Makes every connection of the pipeline a read-only one to this DuckDB file.

    dlt opens a read-only connection only for ibis (dlt-hub/dlt#2999).
    """
    job_client: Any = pipeline.destination_client()
    credentials = job_client.config.credentials
    credentials.read_only, credentials.database = True, str(file)
    pipeline.destination.config_params["credentials"] = credentials
