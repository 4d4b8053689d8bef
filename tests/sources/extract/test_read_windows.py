"""`read_windows`: windows read in another process, without dlt, hold the faxes that the sync loads."""

import pickle
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

import sources
from sources.extract.source import Source
from sources.extract.window_result import WindowResult
from sources.records.rows import joined
from sources.window import Window
from tests.conftest import ROOT, ServeFake, Settings, Sync, generated
from tests.support.environment import applied
from tests.support.tiers import first_quick

ALL_TIME = Window(datetime(2019, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
READ = """
import pickle, sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("dlt", "pipelines"):
            raise ImportError(f"{name} is not installed")
sys.meta_path.insert(0, Hidden())
from sources.extract.read_windows import read_windows
arguments = pickle.load(sys.stdin.buffer)
sys.stdout.buffer.write(pickle.dumps([*read_windows(*arguments)]))
"""


def read_in_process(source: Source, span: Window) -> list[WindowResult]:
    """The results of a process that has neither dlt nor a warehouse."""
    asked = pickle.dumps((source, span))
    process = subprocess.run([sys.executable, "-c", READ], input=asked, capture_output=True, cwd=ROOT, check=False)
    assert process.returncode == 0, process.stderr.decode()
    results: list[WindowResult] = pickle.loads(process.stdout)
    return results


@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_windows_read_in_another_process_hold_what_the_sync_loads(
    provider: str, serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path
) -> None:
    from pipelines.config import accounts
    from pipelines.config.settings import PrivacySettings

    served = serve_fake(provider, generated(provider, 2_300))
    assert sync().exit_code == 0
    with applied(settings):
        (account,) = accounts.required(provider)
        source = account.source(account.settings(), PrivacySettings.read().handling())
    results = read_in_process(source, ALL_TIME)
    rows = joined([result.rows(source.table, source.account, {*result.faxes.values()}) for result in results])

    assert sum(len(result.faxes) for result in results) == len(served.fake.records)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for name, read in rows.tables.items():
            connection.register("read", read)
            columns = ", ".join(f'"{column}"' for column in read.column_names if column != "_beyond")
            loaded = f"select {columns} from fax_{provider}.{name}"
            for one, other in ((loaded, f"select {columns} from read"), (f"select {columns} from read", loaded)):
                assert connection.execute(f"select count(*) from ({one} except {other})").fetchall() == [(0,)], name


@pytest.mark.parametrize("provider", sources.providers())
def test_a_source_shows_no_credentials(provider: str) -> None:
    source = Source(provider, settings={"key": "s3cret"})

    assert "s3cret" not in repr(source)
