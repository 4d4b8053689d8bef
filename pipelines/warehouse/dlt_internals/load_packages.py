"""A load package between its steps: has it rows, and which of its tables are nested.

dlt replaces a row together with its children, in one transaction and also when none are left, if the children's table
is nested in the row's. It does so for Arrow tables too, but cannot extract a nested one (dlt-hub/dlt#2106); so they are
nested only while they are loaded.
"""

from collections.abc import Collection

import dlt
from dlt.common.pipeline import ExtractInfo
from dlt.common.schema import Schema

from sources.load.resources import NESTED_IN


def has_rows(extracted: ExtractInfo) -> bool:
    """Rows were extracted, or a state that has changed. dlt itself makes no difference and loads an empty package."""
    return any(part["job_metrics"] for package in extracted.metrics.values() for part in package)


def unnest(pipeline: dlt.Pipeline) -> None:
    """Has the pipeline's tables extracted side by side."""
    for schema in pipeline.schemas.values():
        for table in schema.tables.values():
            if NESTED_IN in table:
                table.pop("parent", None)


def nest(pipeline: dlt.Pipeline, packages: Collection[str]) -> None:
    """Has the tables of these load packages loaded as nested ones."""
    storage = pipeline._get_load_storage().normalized_packages
    for load_id in packages:
        schema: Schema = storage.load_schema(load_id)
        for name, table in schema.tables.items():
            if NESTED_IN in table:
                schema.data_item_normalizer.remove_table(name)  # or the next run changes the schema once more
                table["parent"] = table[NESTED_IN]  # type: ignore[literal-required]
                table.pop("resource", None)
                table.pop("write_disposition", None)
        storage.save_schema(load_id, schema)
