"""`read_window`: a window read in another process, without dlt, holds the faxes that the sync loads."""

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
from sources.extract.window_sizing import BoundSemantics
from sources.window import DAY, Window
from tests.conftest import ROOT, ServeFake, Settings, Sync, generated
from tests.support.tiers import first_quick

ALL_TIME = Window(datetime(2019, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
READ = """
import pickle, sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("dlt", "pipelines"):
            raise ImportError(f"{name} is not installed")
sys.meta_path.insert(0, Hidden())
from sources.extract.read_window import read_window
arguments = pickle.load(sys.stdin.buffer)
sys.stdout.buffer.write(pickle.dumps((read_window(*arguments), arguments[2])))
"""


def read_in_process(source: Source, window: Window) -> tuple[WindowResult, BoundSemantics]:
    """The result of a process that has neither dlt nor a warehouse, and what it has learnt about bounds."""
    asked = pickle.dumps((source, window, BoundSemantics(form=source.api.BOUND_FORMS[0])))
    process = subprocess.run([sys.executable, "-c", READ], input=asked, capture_output=True, cwd=ROOT, check=False)
    assert process.returncode == 0, process.stderr.decode()
    result: tuple[WindowResult, BoundSemantics] = pickle.loads(process.stdout)
    return result


@pytest.mark.parametrize("provider", first_quick(sources.providers()))
def test_a_window_read_in_another_process_holds_what_the_sync_loads(
    provider: str, serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path
) -> None:
    from pipelines.config import accounts
    from pipelines.config.settings import PrivacySettings

    served = serve_fake(provider, generated(provider, 2_300))
    assert sync().exit_code == 0
    with pytest.MonkeyPatch.context() as environment:
        for name, value in settings.items():
            environment.setenv(name, value)
        (account,) = accounts.required(provider)
        source = account.source(account.settings(), PrivacySettings.read().handling())
    result, _ = read_in_process(source, ALL_TIME)
    at = served.fake.truth()[0]["created_at"]
    _, semantics = read_in_process(source, Window(at + DAY, at + 2 * DAY))  # the query begins a day before
    rows = result.rows(source.table, source.account, {*result.faxes.values()})

    assert len(result.faxes) == len(served.fake.records)
    assert semantics.compares_instants  # a fax of the very bound came
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
