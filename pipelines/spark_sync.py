"""Brings every fax of every configured account into Delta tables, read on the executors of Apache Spark."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise

import argparse
import logging
import math
from collections.abc import Sequence
from functools import partial
from urllib.parse import urlsplit
from uuid import uuid4

from pipelines.cli.command import CommandParser, instant, leave, minutes, reported
from pipelines.cli.summary import exit_code, print_outcomes
from pipelines.config import accounts
from pipelines.config.settings import SECTIONS, PrivacySettings
from pipelines.config.written import require_known_privacy, secrets_in_config, unknown_in_environment, unknown_in_files
from pipelines.health.machine import readable_by_others
from pipelines.outcome import signals
from sources.errors import ConfigError

LOG = logging.getLogger("fax-sync")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; gives its exit code."""
    options = _checked(_parser(), arguments)
    return reported(lambda: _sync(options), options.verbose, options.log_format)


def _checked(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser.parse_args(arguments)
    if not urlsplit(options.output).scheme:
        options.output = Path(options.output).resolve().as_uri()
    options.output = options.output.rstrip("/")
    if options.full_refresh and (options.since or options.until or options.refetch):
        parser.error("--full-refresh reads everything; for a range use --refetch --since and --until")
    if options.refetch and not (options.since or options.until):
        parser.error("--refetch needs --since or --until, or both")
    return options


def _sync(options: argparse.Namespace) -> int:
    unread = (*unknown_in_files(), *unknown_in_environment())
    require_known_privacy(unread)
    for amiss in filter(None, (readable_by_others(), *secrets_in_config(), *unread)):
        LOG.warning("%s", amiss)
    try:
        from pipelines.lake.accounts_run import LakeRun  # noqa: PLC0415  # an extra, that may not be there
        from pipelines.lake.spark_session import on_executors, session  # noqa: PLC0415  # as above
    except ModuleNotFoundError as missing:
        raise ConfigError(f"{missing.name} is not installed: uv sync --extra spark, see docs/scale.md") from None
    configured, run_id = accounts.required(options.provider, options.account), uuid4().hex
    _ = [section.read() for section in SECTIONS], PrivacySettings.read().handling()  # refused before any request
    with session(options.master, _credentials(configured)) as spark:
        run = LakeRun(
            options.output,
            run_id,
            partial(on_executors, spark),
            options.secrets,
            options.max_runtime,
            options.since,
            options.until,
            options.refetch,
            options.full_refresh,
        )
        outcomes = run.of(configured)
    print_outcomes(outcomes, run_id, options.json, options.verbose)
    stopped = signals.received()
    return stopped.exit_code if stopped else exit_code(outcomes)


def _credentials(configured: Sequence[accounts.Account]) -> dict[str, str]:
    """What executors that are started from here look for in their environment; an account that lacks some is told."""
    from sources.spark.executor_settings import PRIVACY_KEY, environment_of  # noqa: PLC0415

    found: dict[str, str] = {}
    for account in configured:
        if not account.missing_secrets():
            found |= environment_of(account.provider, account.name, account.settings())
    key = PrivacySettings.read().key
    return found | ({PRIVACY_KEY: key} if key else {})


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="spark_sync.py",
        description=__doc__,
        epilog="Settings are in .dlt/config.toml and .dlt/secrets.toml; exit codes are those of sync.py. Only one run "
        "into the same directory may go on at a time. docs/scale.md says how executors get the credentials.",
    )
    parser.add_argument("--output", metavar="URL", required=True, help="where the Delta tables are: file:///…, s3://…")
    parser.add_argument("--master", metavar="URL", help="of Spark; by default that of spark-submit, else local[*]")
    parser.add_argument("--secrets", metavar="MODULE:FUNCTION", help="what gives executors an account's credentials")
    parser.add_argument("--provider", metavar="NAME", help="sync this provider only")
    parser.add_argument(
        "--account", metavar="NAME", action="append", default=[], help="sync the account of this name only; repeatable"
    )
    parser.add_argument("--since", metavar="WHEN", type=instant, help="fill in from this date or time (UTC) on")
    parser.add_argument("--until", metavar="WHEN", type=instant, help="fill in up to this date or time (UTC)")
    parser.add_argument("--refetch", action="store_true", help="with these bounds, read again what is proven already")
    parser.add_argument("--full-refresh", action="store_true", help="read and write everything again, in place")
    parser.add_argument(
        "--max-runtime", metavar="MINUTES", type=minutes, default=math.inf, help="stop at the next window"
    )
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    parser.add_argument("--log-format", choices=("text", "json"), default="text", help="of what is told on stderr")
    parser.add_argument("--verbose", action="store_true", help="tell the traceback of a failure")
    return parser


if __name__ == "__main__":
    leave(main())
