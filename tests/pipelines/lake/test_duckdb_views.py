"""The views over Delta tables say what the warehouse's views say."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.views.queries import HERE, UNIFIED
from tests.conftest import ServeFake, Settings, Sync, generated
from tests.support.lake import MISSING, run_in_process
from tests.support.warehouse.rows import rows

pytest.importorskip("deltalake", reason=MISSING)
OF_RUNS = {"sync_runs", "sync_windows", "schema_changes", "month_to_date"}  # two runs have two ledgers
OF_NOW = {"open_faxes"}  # tells how old a fax is by now
VIEWS = sorted(({*UNIFIED} | {path.stem for path in HERE.glob("*.sql")}) - OF_RUNS - OF_NOW)


def answers(connection: Any) -> dict[str, list[str]]:
    """The rows of every view about faxes, sorted."""
    return {view: sorted(map(repr, rows(connection, f"select * from fax.{view}"))) for view in VIEWS}


@pytest.mark.slow
def test_every_view_says_the_same(
    serve_fake: ServeFake,
    sync: Sync,
    settings: Settings,
    warehouse: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import duckdb

    from pipelines.lake.duckdb_views import connect

    for provider in ("phaxio", "signalwire"):
        serve_fake(provider, generated(provider, 150, days=90))
    assert sync().exit_code == 0
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert {one["exit_code"] for one in run_in_process(tmp_path / "lake").values()} == {0}
    with connect((tmp_path / "lake").as_uri()) as lake, duckdb.connect(str(warehouse), read_only=True) as ours:
        ours.execute("set timezone = 'UTC'")
        expected = answers(ours)

        assert answers(lake) == expected
        for view in OF_RUNS - {"schema_changes"}:
            assert rows(lake, f"select distinct provider from fax.{view} order by 1") == [("phaxio",), ("signalwire",)]
    assert all(expected[view] for view in ("faxes", "fax_recipients", "monthly_costs"))
