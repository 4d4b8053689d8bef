"""The options that every command which syncs has, and what they have in common before any request."""

import argparse
import logging
import math
from collections.abc import Sequence
from datetime import UTC, datetime

from pipelines.cli.command import CommandParser, instant, minutes
from pipelines.config.settings import SECTIONS, PrivacySettings
from pipelines.config.written_settings import (
    require_known_privacy,
    secrets_in_config,
    unknown_in_environment,
    unknown_in_files,
)
from pipelines.health.machine import readable_by_others

LOG = logging.getLogger("fax-sync")

_CODES = {
    65: "the provider broke its contract, or completeness could not be proven",
    69: "the warehouse refused, fix it by hand",
    75: "try again later",
    77: "credentials refused",
}


def sync_parser(prog: str, description: str | None, epilog: str) -> CommandParser:
    """A parser with the options of a sync: which accounts, which faxes, for how long, and the output."""
    parser = CommandParser(prog, _CODES, epilog, description=description)
    parser.add_argument("--provider", metavar="NAME", help="sync this provider only")
    parser.add_argument(
        "--account", metavar="NAME", action="append", default=[], help="sync the account of this name only; repeatable"
    )
    parser.add_argument(
        "--since", metavar="WHEN", type=instant, help="load faxes created from this date or time (UTC) on"
    )
    parser.add_argument(
        "--until", metavar="WHEN", type=instant, help="load faxes created before this date or time (UTC)"
    )
    parser.add_argument("--refetch", action="store_true", help="within these bounds, also read proven windows again")
    parser.add_argument("--full-refresh", action="store_true", help="read and write every fax again, in place")
    parser.add_argument(
        "--max-runtime",
        metavar="MINUTES",
        type=minutes,
        default=math.inf,
        help="stop at the first window that ends after this time",
    )
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    parser.add_argument("--quiet", action="store_true", help="print nothing if nothing is new and nothing failed")
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="format of the log on stderr; json adds the summary to it",
    )
    parser.add_argument("--verbose", action="store_true", help="log every window, and the traceback of an error")
    return parser


def parsed(parser: CommandParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options that the arguments give; options that contradict each other end the command with 64."""
    options = parser.parse_args(arguments)
    if options.since and options.since > datetime.now(UTC):
        parser.error("--since is in the future")
    if options.since and options.until and options.until <= options.since:
        parser.error("--until is not after --since")
    if options.full_refresh and (options.since or options.until or options.refetch):
        parser.error("--full-refresh reads everything; for a range use --refetch --since and --until")
    if options.refetch and not (options.since or options.until):
        parser.error("--refetch needs --since or --until, or both")
    return options


def require_valid_settings() -> None:
    """Reads every setting of the commands, so that a wrong one is reported before any request.

    Raises:
        ConfigError: a setting has another type, is not allowed, or contradicts another.
    """
    for section in SECTIONS:
        section.read()
    PrivacySettings.read().handling()


def warn_of_settings() -> None:
    """Logs a warning for each setting that is unknown or misplaced, and for a secret that other users can read.

    Raises:
        ConfigError: a privacy setting may be meant by an unknown one.
    """
    unknown = (*unknown_in_files(), *unknown_in_environment())
    require_known_privacy(unknown)
    for warning in filter(None, (readable_by_others(), *secrets_in_config(), *unknown)):
        LOG.warning("%s", warning)
