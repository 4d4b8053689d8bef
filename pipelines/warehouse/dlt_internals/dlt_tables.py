"""dlt's own tables (`_dlt_version`, `_dlt_loads`, `_dlt_pipeline_state`): which of their rows may be deleted.

dlt deletes no row of them, so they grow with every load.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

Statement = tuple[str, tuple[Any, ...]]


def deletions(raw: str, pipeline: str, before: datetime, tables: Collection[str]) -> Iterator[Statement]:
    """The statements, with parameters, that delete pipeline states and loads older than `before`.

    The newest state of a committed load is kept, because dlt restores it. A load is kept if a row of `tables` refers to
    it.
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
