"""The destination that is configured: dlt's own, but for how PostgreSQL is connected to and copies."""

from typing import Any

import dlt

from pipelines.config.destination import DESTINATION, require_destination


def configured_destination(staging: str) -> Any:
    """The destination, with the layout of its staging dataset's name.

    Raises:
        ConfigError: its settings contradict each other.
    """
    require_destination()
    made: Any = dlt.destination(DESTINATION, staging_dataset_name_layout=staging)
    if made.destination_type.endswith(".postgres"):
        from pipelines.warehouse.dlt_internals.postgres_copy import postgres  # noqa: PLC0415  # no run into a file needs its driver

        made = postgres(destination_name=DESTINATION, staging_dataset_name_layout=staging)
    return made
