"""The summary of a run: a line or a JSON object per account, and one exit code for all accounts."""

import json
import logging
import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from pipelines.outcome import logs, signals
from pipelines.outcome.account_outcome import Outcome

PRECEDENCE = (78, 77, 70, 65, 69, 74, 75)  # the first of these that an account has is the command's exit code


def print_outcomes(outcomes: Sequence[Outcome], run_id: str, options: Namespace) -> None:
    """Prints the outcomes: into the log if it is JSON, else on stdout; with `--json` always as JSON on stdout.

    A terminal gets a table, a file one line for each account with the time. `--quiet` leaves out what is no news.
    """
    if options.json:
        print(json.dumps({"run_id": run_id, "accounts": [outcome.as_json() for outcome in outcomes]}))
    shown = [outcome for outcome in outcomes if outcome.is_news or not options.quiet]
    if logs.is_json():
        for outcome in shown:
            level = logging.ERROR if outcome.status == "failed" else logging.INFO
            logs.event(level, outcome.line(options.verbose), run_id=run_id, **outcome.as_json())
    elif shown and not options.json and sys.stdout and sys.stdout.isatty() and not options.verbose:
        from pipelines.cli.summary_screen import show  # noqa: PLC0415  # a run from cron draws nothing

        show(shown)
    elif not options.json:
        for outcome in shown:
            print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {outcome.line(options.verbose)}")


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """The exit code of the command: of the signal that ended it, else the most urgent one of the accounts."""
    stopped = signals.received()
    return stopped.exit_code if stopped else most_urgent(outcome.exit_code for outcome in outcomes)


def most_urgent(exit_codes: Iterable[int]) -> int:
    """The most urgent exit code by `PRECEDENCE`; 0 if there is no other."""
    codes = set(exit_codes) - {0}
    return next((code for code in PRECEDENCE if code in codes), max(codes, default=0))
