"""Is everything there? Reads the ledger, the rows and the provider's own count; changes nothing."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise

import argparse
import json
import logging
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

from pipelines import project

from pipelines import accounts, demo, warehouse
from pipelines.command import CommandParser, reported
from pipelines.findings import findings
from pipelines.settings import schema_name, setting
from pipelines.stored import StoredFaxes
from sources import provider
from sources.run import Run

LOG = logging.getLogger("fax-sync")
FOUND = 65


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; gives its exit code: 0 if all is well, 65 if something was found."""
    options = _parser().parse_args(arguments)
    return reported(lambda: _check(options))


def _check(options: argparse.Namespace) -> int:
    with demo.fakes(project.DEMO_DATABASE) if options.demo else nullcontext():
        configured = accounts.required(options.provider, options.account)
        found = {str(account): _findings_of(account, schema_name()) for account in configured}
    if options.json:
        print(json.dumps(found))
    else:
        for account, sentences in found.items():
            print(f"{account}: {'all is well' if not sentences else f'{len(sentences)} findings'}")
            for sentence in sentences:
                print(f"  - {sentence}")
    return FOUND if any(found.values()) else 0


def _findings_of(account: accounts.Account, schema: str) -> list[str]:
    now = datetime.now(UTC)
    most_age = timedelta(hours=setting("check.max_age_hours", 24.0))
    with warehouse.opened(account.provider, account.name, schema) as opened:
        stored = StoredFaxes(opened.client, account.name, opened.appends)
        package = provider(account.provider)
        run = Run("check", account.name, now, stored)
        account.source(run)
        counted = package.api.count_this_month(run.client, now)
        return list(findings(stored, package.TABLE.name, now, counted, most_age))


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="check.py", description=__doc__, epilog="Exit code 65 means that something was found.")
    parser.add_argument("--provider", metavar="NAME", help="check this provider only")
    parser.add_argument("--account", metavar="NAME", help="check the account of this name only")
    parser.add_argument("--demo", action="store_true", help="check demo.duckdb")
    parser.add_argument("--json", action="store_true", help="print the findings as one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main())
