"""Kills the sync at random moments while the providers' accounts go on changing, and looks for what that cost.

    uv run python tests/soak.py --kills 200 --seed 1 --warehouse postgres

After one to three kills a run is left alone, and the warehouse must then hold exactly what the providers hold.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Runs the command; gives its exit code: 0 if nothing was found."""
    sys.path[0] = str(ROOT)
    from tests.support.faults.soaking import soak
    from tests.support.servers.postgres import server
    from tests.support.warehouse.file_and_database import KINDS, Database, File, Warehouse

    parser = argparse.ArgumentParser(prog="soak.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="how many (default: 200)")
    parser.add_argument("--seed", type=int, default=1, help="of everything random (default: 1)")
    parser.add_argument("--warehouse", choices=KINDS, default="duckdb", help="what to load into (default: duckdb)")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        running = stack.enter_context(server()) if options.warehouse == "postgres" else None

        def warehouse(number: int) -> Warehouse:
            return Database(running, running.create()) if running else File(directory / f"warehouse{number}.duckdb")

        tally = soak(options.kills, options.seed, directory, warehouse)
    sys.stdout.write(tally.report())
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
