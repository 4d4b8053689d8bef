"""Whatever a provider pours out, a run takes no more than a page needs, says so in a line, and loads none of it."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import sources
from tests.conftest import ROOT, Settings
from tests.faults.conftest import StartTrial
from tests.support.environment import child_environment
from tests.support.servers.flood import FLOODS, flooding
from tests.support.warehouse.rows import content

MAX_MEGABYTES = 350  # a run that is refused at once takes about 155
MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


@dataclass(frozen=True)
class Ended:
    """How a run ended; `megabytes` is the most that it had in memory."""

    code: int
    told: str
    megabytes: float


def run(settings: Settings, told: Path) -> Ended:
    """Runs the command from a small process: Linux counts the memory of the process that starts another as its own."""
    command = [sys.executable, "-c", MEASURED, sys.executable, str(ROOT / "pipelines" / "sync.py")]
    with told.open("wb") as output:
        ended = subprocess.run(
            command, env=child_environment(settings), stdout=subprocess.PIPE, stderr=output, check=False
        )
    return Ended(ended.returncode, told.read_text(), int(ended.stdout) / 1000)


@pytest.mark.parametrize(
    ("provider", "name"), [(sources.providers()[turn % 2], name) for turn, name in enumerate(FLOODS)]
)
def test_a_flood_is_cut_and_none_of_it_kept(provider: str, name: str, trial: StartTrial, tmp_path: Path) -> None:
    trying = trial(provider)
    before = content(trying.warehouse, provider)
    with flooding(FLOODS[name]) as flood:
        ended = run({**trying.settings, f"SOURCES__{provider}__BASE_URL".upper(): flood.url}, tmp_path / "told")

    assert (ended.code, "Traceback" in ended.told) == (65, False), ended.told[-600:]
    assert len(ended.told) < 1_000
    assert ended.megabytes < MAX_MEGABYTES
    assert flood.asked <= 3
    assert before == content(trying.warehouse, provider)
    trying.recovers()
