"""Measures this sync beside a floor written by hand and dlt's own source, and what it takes when nothing is new.

uv run python tests/benchmark/run.py --faxes 200000 --rounds 5 --latency-ms 0,50,200
uv run python tests/benchmark/run.py --only quiet --json quiet.json
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)

from tests.benchmark import growth, many_accounts, merging, processes, quiet, targets, views
from tests.benchmark.backfills import CONTESTANTS, Contestant, backfills
from tests.benchmark.targets import Figure

Measure = Callable[[argparse.Namespace], Iterator[Figure]]
OTHERS: dict[str, Measure] = {
    "quiet": lambda options: quiet.against_import(options.rounds),
    "stuck": lambda options: quiet.stuck(options.rounds),
    "check": lambda options: quiet.check_of_a_year(options.rounds),
    "written": lambda options: quiet.written(),
    "day": lambda options: quiet.day(),
    "one-change": lambda options: quiet.one_change(),
    "growth": lambda options: growth.tenfold(options.faxes),
    "many-accounts": lambda options: many_accounts.figures(options.accounts),
    "processes": lambda options: processes.figures(),
    "merging": lambda options: merging.into_large(options.rounds, 25 * options.faxes),
    "views": lambda options: views.figures(25 * options.faxes),
}


def main() -> int:
    """Runs the command; gives its exit code: 0 if every target is met."""
    options = _parser().parse_args()
    latencies = [float(latency) for latency in options.latency_ms.split(",")]
    figures: list[Figure] = []
    measured = []
    if chosen := [contestant for contestant in CONTESTANTS if is_chosen(contestant, options.only)]:
        measured = list(backfills(chosen, options.faxes, options.rounds, latencies))
        targets.print_backfills(measured)
        figures += targets.of_backfills(measured)
    for name, measure in OTHERS.items():
        if not options.only or name in options.only:
            figures += measure(options)
    targets.print_figures(figures)
    if options.json:
        told = {"backfills": [asdict(each) for each in measured], "targets": [asdict(figure) for figure in figures]}
        options.json.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    return 0 if all(figure.is_met for figure in figures) else 1


def is_chosen(contestant: Contestant, only: list[str]) -> bool:
    """It was asked for by its own first word, its destination, or both as `floor/postgres`; or nothing was."""
    word = contestant.name.partition(",")[0]
    return not only or bool({"backfills", word, contestant.destination, f"{word}/{contestant.destination}"} & {*only})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--faxes", type=int, default=200_000, help="how many a backfill has (default: 200,000)")
    parser.add_argument("--accounts", type=int, default=200, help="of each provider in one run (default: 200)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median is told (default: 5)")
    parser.add_argument(
        "--latency-ms", default="0,50,200", help="of each request, several by commas (default: 0,50,200)"
    )
    only = ", ".join(["backfills", "sync", "floor", "rest_api", "duckdb", "postgres", "sync/duckdb", *OTHERS])
    parser.add_argument("--only", metavar="NAME", action="append", default=[], help=f"any of {only}")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
