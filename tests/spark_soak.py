"""Kills drivers, executors and workers of Spark, and runs of sync.py into the same Delta tables, at random moments.

    uv run python tests/spark_soak.py --kills 30 --seed 1

Faxes are added, changed and deleted meanwhile. After one to three kills a run is left alone, and the Delta tables must
then hold exactly what the providers hold; so must the table of a stream that was killed.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Runs the command; gives its exit code: 0 if nothing was found."""
    sys.path[0] = str(ROOT)
    from tests.support.faults.soaking import soak
    from tests.support.faults.spark_soaking import LakeRuns
    from tests.support.warehouse.delta_lake import Lake

    parser = argparse.ArgumentParser(
        prog="spark_soak.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=30, help="how many (default: 30)")
    parser.add_argument("--seed", type=int, default=1, help="of everything random (default: 1)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spark-soak-") as place:
        directory = Path(place)
        tally = soak(
            options.kills,
            options.seed,
            directory,
            lambda number: Lake(directory / f"lake{number}"),
            LakeRuns(directory),
        )
    sys.stdout.write(tally.report())
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
