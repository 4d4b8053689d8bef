"""The destination that is configured: dlt's own, but for how PostgreSQL copies and DuckDB merges."""

from collections.abc import Callable
from typing import Any

import dlt

from pipelines.config.destination import DESTINATION, require_destination
from pipelines.warehouse.dlt_internals.duckdb_merge import duckdb


def configured_destination(staging: str) -> Any:
    """The destination, with the layout of its staging dataset's name.

    Raises:
        ConfigError: its settings contradict each other.
    """
    require_destination()
    made: Any = dlt.destination(DESTINATION, staging_dataset_name_layout=staging)
    if made.destination_type.endswith(".duckdb"):
        made = duckdb(destination_name=DESTINATION, staging_dataset_name_layout=staging)
    elif made.destination_type.endswith(".postgres"):
        from pipelines.warehouse.dlt_internals.postgres_copy import postgres  # noqa: PLC0415  # no run into a file needs its driver

        made = postgres(destination_name=DESTINATION, staging_dataset_name_layout=staging)
    return _remembering_capabilities(made)


def _remembering_capabilities(destination: Any) -> Any:
    """The destination, which asks itself once what it can do: dlt does so ten times a run, and reads all settings."""
    honest: Callable[..., Any] = destination.capabilities
    known: dict[type, Any] = {}  # by the naming convention, of which no more than the type is looked at

    def capabilities(config: Any = None, naming: Any = None) -> Any:
        if config is not None:
            return honest(config, naming)
        if type(naming) not in known:
            known[type(naming)] = honest(None, naming)
        return known[type(naming)].copy()  # dlt writes into what it is given

    destination.capabilities = capabilities
    return destination
