"""Kills the sync at random moments while the providers' accounts go on changing, and looks for what that cost.

    uv run python tests/soak.py --kills 200 --seed 1

After one to three kills a run is left alone, and the warehouse must then hold exactly what the providers hold.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Runs the command; gives its exit code: 0 if nothing was found."""
    sys.path.insert(0, str(ROOT))
    from faults.soaking import soak

    parser = argparse.ArgumentParser(prog="soak.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="how many (default: 200)")
    parser.add_argument("--seed", type=int, default=1, help="of everything random (default: 1)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        tally = soak(options.kills, options.seed, Path(directory))
    sys.stdout.write(tally.report())
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
