"""Backfills ten years of Phaxio faxes with crowded hours among them, and tells whether all came, and what it took.

uv run python tests/scale.py --faxes 1200000
"""

import argparse
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # the folder of this file has rooms that are called like those of the product

from tests.benchmark.memory import peak_memory
from tests.support.environment import child_environment
from tests.support.warehouse.rows import named_rows, rows

BURST = 15_000  # faxes in one hour: more than one query of Phaxio's counts
YEARS = timedelta(days=3650)
HELD = """
    select
        count(*) as faxes,
        count(distinct id) as distinct_ids,
        sum(cost_usd) as cost_usd,
        (select count(*) from fax.fax_recipients) as recipients,
        (select count(*) from fax.fax_tags) as tags
    from fax.faxes
"""
WINDOWS = "select proof, count(*), min(to_at - from_at), max(rows_seen) from fax.sync_windows group by all"


def main() -> int:
    """Runs the command; gives its exit code: 0 if the warehouse holds all of it, proven."""
    from sources.fakes.server import serve
    from sources.phaxio.fake import Fake

    parser = argparse.ArgumentParser(
        prog="scale.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--faxes", type=int, default=1_200_000, help="how many (default: 1,200,000)")
    options = parser.parse_args()
    fake = Fake(records(options.faxes))
    with tempfile.TemporaryDirectory(prefix="scale-") as directory, serve(fake.answer) as server:
        file = Path(directory) / "warehouse.duckdb"
        settings = {f"SOURCES__PHAXIO__{key}".upper(): value for key, value in fake.settings(server.url).items()}
        backfill(file, settings)
        return 0 if exact(file, fake.truth_totals(), len(server.requests)) else 1


def records(count: int) -> list[dict[str, Any]]:
    """So many faxes over ten years, one in eight of them in a crowded hour."""
    from sources.phaxio.fake import generate

    now = datetime.now(UTC)
    start, bursts = now - YEARS, count // (8 * BURST)
    made = generate(count - bursts * BURST, start=start, end=now - timedelta(minutes=1), seed=1, first_id=1)
    for number in range(bursts):
        hour = start + timedelta(days=200 + number * 3400 // bursts)
        made += generate(
            BURST, start=hour, end=hour + timedelta(hours=1), seed=number + 2, first_id=10**8 + number * 10**6
        )
    return made


def backfill(file: Path, settings: dict[str, str]) -> None:
    """Runs the sync as a process of its own, and prints its summary and the peak memory of all that belongs to it."""
    environment = child_environment(settings, DESTINATION__WAREHOUSE__CREDENTIALS=str(file))
    command = [sys.executable, str(ROOT / "pipelines" / "sync.py"), "--provider", "phaxio"]
    with (
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as running,
        peak_memory(running.pid) as peak,
    ):
        told, _ = running.communicate()
    print(f"{told}peak memory {peak.mb:,.0f} MB\nexit code {running.returncode}")


def exact(file: Path, truth: dict[str, Any], requests: int) -> bool:
    """Prints what the warehouse holds beside what the provider holds; true if they agree and every window is proven."""
    (totals,) = named_rows(file, HELD)
    windows = rows(file, WINDOWS)
    print(f"{requests} requests")
    for name, value in truth.items():
        print(f"{name}: {totals[name]:,} in the warehouse, {value:,} at the provider")
    for proof, count, narrowest, most in windows:
        print(f"{count} windows {proof}, the narrowest {narrowest}, at most {most:,} faxes in one")
    whole = totals.pop("distinct_ids") == totals["faxes"] and totals == truth
    return whole and {proof for proof, *_ in windows} == {"counted"}


if __name__ == "__main__":
    sys.exit(main())
