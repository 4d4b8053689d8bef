"""Merging into a Delta table that another driver writes to at the same time."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from sources.load.plan import Position
from sources.phaxio.columns import FAXES
from tests.support.lake import MISSING

pytest.importorskip("deltalake", reason=MISSING)


def test_a_merge_that_another_drivers_commit_has_overtaken_doubles_nothing(tmp_path: Path) -> None:
    from pipelines.lake import tables

    root = tmp_path.as_uri()
    times = [datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2)]
    one, other = (tables.create(root, tables.state_of(FAXES)) for _ in range(2))
    for table, at in zip((one, other), times, strict=True):
        rows = tables.position_rows({"north": Position(at, at, at), f"of {at:%d}": Position(at)})
        tables.merge(table, rows, ("account",))

    assert {name: held.cursor for name, held in tables.positions(root, FAXES).items()} == {
        "north": times[1],
        "of 01": times[0],
        "of 02": times[1],
    }


def test_the_children_of_a_fax_are_replaced_with_it(tmp_path: Path) -> None:
    import sources
    from pipelines.lake import tables
    from pipelines.views.reference import raw_tables

    relation = next(one for one in raw_tables("fax") if one.name == "fax_tags")
    child = next(one for one in sources.provider("phaxio").TABLE.children if one.name == "fax_tags")
    faxes = pa.table({"account": ["a", "a"], "id": [1, 2]})

    def tags(*of: tuple[int, int, str]) -> pa.Table:
        rows = [{"account": "a", "fax_id": fax, "position": place, "name": name} for fax, place, name in of]
        return pa.Table.from_pylist(rows)

    table = tables.create(tmp_path.as_uri(), relation)
    tables.replace_children(table, tags((1, 0, "x"), (1, 1, "y"), (2, 0, "z")), faxes, child.parent_id)
    for _ in range(2):  # a replay changes nothing
        tables.replace_children(table, tags((1, 0, "new")), faxes.slice(0, 1), child.parent_id)
    held = tables.rows_of(f"{tmp_path.as_uri()}/fax_tags")

    assert sorted((row["fax_id"], row["position"], row["name"]) for row in held) == [(1, 0, "new"), (2, 0, "z")]
