"""A driver that is killed between two commits: the next run completes what it has left."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, ServeFake, Settings, Sync, generated
from tests.support.environment import child_environment
from tests.support.lake import MISSING, differences

pytest.importorskip("deltalake", reason=MISSING)
RUN = """
import sys
from pathlib import Path
from tests.support.lake import run_in_process

told = run_in_process(Path(sys.argv[1]))
sys.exit(max(one["exit_code"] for one in told.values()))
"""


def started(lake: Path, settings: Settings) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(lake)], env=child_environment(settings, PYTHONPATH=str(ROOT)), cwd=ROOT
    )


@pytest.mark.slow
@pytest.mark.parametrize("table", ["fax_recipients", "faxes", "sync_windows"])
def test_a_driver_that_is_killed_after_a_commit_leaves_nothing_half_done(
    table: str, serve_fake: ServeFake, sync: Sync, settings: Settings, warehouse: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    served = serve_fake("phaxio", generated("phaxio", 200, days=2))
    assert started(lake, settings).wait() == 0
    log = lake / "fax_phaxio" / table / "_delta_log"
    before = len([*log.glob("*.json")])
    for number, id in enumerate(served.fake.records):
        served.fake.change(id, cost=number, recipients=[], tags={"turn": str(number)})
    running = started(lake, settings)
    while len([*log.glob("*.json")]) == before and running.poll() is None:
        time.sleep(0.0005)
    running.send_signal(signal.SIGKILL)
    ended = running.wait()
    assert sync().exit_code == 0
    assert started(lake, settings).wait() == 0

    assert ended == -signal.SIGKILL
    assert differences(warehouse, lake, "phaxio") == {}
    assert not [*(lake / "_staging").glob("*")]
