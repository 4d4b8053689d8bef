"""Load packages between extract and load: whether a package has rows, and which of its tables are nested.

If a child table is nested in its parent table, dlt replaces a row and its child rows in one transaction, even if no
child row is left. dlt cannot extract nested Arrow tables (dlt-hub/dlt#2106), so they are nested only during the load.
"""

from collections.abc import Collection

import dlt
from dlt.common.pipeline import ExtractInfo
from dlt.common.schema import Schema

from sources.load.resources import NESTED_IN


def has_rows(extracted: ExtractInfo) -> bool:
    """Rows, or a changed state, were extracted. dlt itself would load an empty package."""
    return any(part["job_metrics"] for package in extracted.metrics.values() for part in package)


def count_rows(extracted: ExtractInfo) -> int:
    """The number of rows of all tables that were extracted."""
    parts = [part for package in extracted.metrics.values() for part in package]
    return sum(job.items_count for part in parts for job in part["job_metrics"].values())


def unnest_tables(pipeline: dlt.Pipeline) -> None:
    """Turns nested tables of the pipeline into independent ones, for the extract."""
    for schema in pipeline.schemas.values():
        for table in schema.tables.values():
            if NESTED_IN in table:
                table.pop("parent", None)


def nest_tables(pipeline: dlt.Pipeline, packages: Collection[str]) -> None:
    """Nests the child tables of these load packages in their parents, for the load."""
    storage = pipeline._get_load_storage().normalized_packages
    for load_id in packages:
        schema: Schema = storage.load_schema(load_id)
        for name, table in schema.tables.items():
            if NESTED_IN in table:
                schema.data_item_normalizer.remove_table(name)  # otherwise the next run would change the schema again
                table["parent"] = table[NESTED_IN]  # type: ignore[literal-required]
                table.pop("resource", None)
                table.pop("write_disposition", None)
        storage.save_schema(load_id, schema)
