"""Load packages between extract and load: the states in one, whether it has rows, which of its tables are nested.

If a child table is nested in its parent table, dlt replaces a row and its child rows in one transaction, even if no
child row is left. dlt cannot extract nested Arrow tables (dlt-hub/dlt#2106), so they are nested only during the load.

dlt writes the state of the pipeline that loads into a package. A package with rows of several accounts has one of each.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import dlt
from dlt.common.pipeline import ExtractInfo
from dlt.common.schema import Schema
from dlt.common.schema.utils import pipeline_state_table
from dlt.common.storages.load_package import load_package_state
from dlt.extract import DltSource
from dlt.pipeline.state_sync import bump_pipeline_state_version_if_modified, state_doc

from sources.load.resources import NESTED_IN


def source_of_states(pipeline: dlt.Pipeline, name: str, states: Callable[[], Mapping[str, Any]]) -> DltSource:
    """The source `name` of the states of other pipelines, by their names; their destination is that of `pipeline`.

    dlt extracts sources in their order, so `states` is called after the extract of those before.
    """
    table: Any = pipeline_state_table()

    @dlt.resource(
        name=table["name"],
        write_disposition=table["write_disposition"],
        file_format=table["file_format"],
        columns=table["columns"],
    )
    def rows() -> Iterator[Any]:
        load_id = load_package_state()["load_id"]
        for pipeline_name, moved in states().items():
            state: Any = pipeline._props_to_state({**pipeline.state})
            state |= {"_state_version": 0, "_version_hash": "none"} | moved | {"pipeline_name": pipeline_name}
            bump_pipeline_state_version_if_modified(state)
            yield state_doc(state, load_id)

    source: DltSource = dlt.source(lambda: rows, name=name)()
    return source


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
