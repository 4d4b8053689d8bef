"""Merging into a Delta table that another driver writes to at the same time, and joining its small files."""

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from sources.load.plan import Position
from sources.phaxio.columns import FAXES
from tests.conftest import ROOT
from tests.support.environment import child_environment
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


def tags(root: Path, files: int, rows: int = 3) -> Any:
    """A table of tags in so many files of two accounts."""
    from deltalake import write_deltalake

    from pipelines.lake import tables
    from pipelines.views.reference import raw_tables

    table = tables.create(root.as_uri(), next(one for one in raw_tables("fax") if one.name == "fax_tags"))
    schema = tables.schema_of(table)
    for number in range(files):
        part = [
            {"account": "north" if fax % 2 else "south", "fax_id": number * rows + fax, "position": 0, "name": "x"}
            for fax in range(rows)
        ]
        write_deltalake(table, pa.Table.from_pylist(part, schema), mode="append")
    return table


def held(root: Path) -> list[int]:
    """The faxes that the tags of a table are of, as DuckDB reads them."""
    from pipelines.lake.engine_views import _parquet_files

    with duckdb.connect() as connection:
        query = f"select fax_id from {_parquet_files((root / 'fax_tags').as_uri())} order by 1"
        return [id for (id,) in connection.execute(query).fetchall()]


def test_small_files_are_joined_while_readers_see_every_row_once(tmp_path: Path) -> None:
    from deltalake import DeltaTable

    from pipelines.lake import tables
    from pipelines.lake.engine_views import _parquet_files

    table, expected = tags(tmp_path, 30), list(range(90))
    opened_before = _parquet_files((tmp_path / "fax_tags").as_uri())
    done, seen = Event(), list[list[int]]()

    def read_on() -> None:
        while not done.is_set():
            seen.append(held(tmp_path))

    reader = Thread(target=read_on)
    reader.start()
    tables.compact(table, is_alone=True)
    done.set()
    reader.join()
    with duckdb.connect() as connection:
        (count,) = connection.execute(f"select count(*), count(distinct fax_id) from {opened_before}").fetchall()

    assert len(DeltaTable(str(tmp_path / "fax_tags")).file_uris()) == 2  # one of each account
    assert [one for one in seen if one != expected] == []
    assert (held(tmp_path), count) == (expected, (90, 90))


def test_a_merge_that_a_compaction_has_overtaken_loses_nothing(tmp_path: Path) -> None:
    from deltalake import DeltaTable

    from pipelines.lake import tables

    table = tags(tmp_path, 10)
    late = DeltaTable(str(tmp_path / "fax_tags"))
    tables.compact(table, is_alone=False)
    rows = pa.table({"account": ["south", "south"], "fax_id": [0, 500], "position": [0, 0], "name": ["new", "new"]})
    tables.merge(late, rows, ("account", "fax_id"))
    again = tables.rows_of(f"{tmp_path}/fax_tags")

    assert held(tmp_path) == [*range(30), 500]
    assert sorted(row["fax_id"] for row in again if row["name"] == "new") == [0, 500]


def test_a_compaction_that_a_merge_has_overtaken_is_left_to_the_next(tmp_path: Path) -> None:
    from deltalake import DeltaTable

    from pipelines.lake import tables

    table = tags(tmp_path, 10)
    faxes = pa.table({"account": ["south"], "fax_id": [0]})
    tables.delete(DeltaTable(str(tmp_path / "fax_tags")), faxes)
    tables.compact(table, is_alone=False)
    tables.compact(DeltaTable(str(tmp_path / "fax_tags")), is_alone=False)

    assert held(tmp_path) == [*range(1, 30)]
    assert len(DeltaTable(str(tmp_path / "fax_tags")).file_uris()) == 2


@pytest.mark.slow
def test_a_compaction_that_is_killed_changes_nothing(tmp_path: Path) -> None:
    from deltalake import DeltaTable

    from pipelines.lake import tables

    tags(tmp_path, 60, rows=2000)
    place = tmp_path / "fax_tags"
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from deltalake import DeltaTable\n"
        "from pipelines.lake import tables\n"
        f"tables.compact(DeltaTable({str(place)!r}), is_alone=True)"
    )
    before = len([*place.rglob("*.parquet")])
    running = subprocess.Popen([sys.executable, "-c", program], env=child_environment({}))
    while len([*place.rglob("*.parquet")]) == before and running.poll() is None:
        time.sleep(0.0002)
    running.send_signal(signal.SIGKILL)  # mostly before the commit
    assert running.wait() in (0, -signal.SIGKILL)
    assert held(tmp_path) == [*range(120_000)]

    tables.compact(DeltaTable(str(place)), is_alone=True)

    assert held(tmp_path) == [*range(120_000)]
    assert len(DeltaTable(str(place)).file_uris()) == 2
