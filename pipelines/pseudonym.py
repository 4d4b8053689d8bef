"""The pseudonyms of numbers, one a line on standard input: to look somebody up where `[privacy]` is set to hmac."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise

import logging
from collections.abc import Sequence

from pipelines import project  # before dlt is imported

from pipelines.command import CommandParser, reported
from pipelines.privacy import privacy
from sources.errors import ConfigError

LOG = logging.getLogger("fax-sync")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; gives its exit code."""
    options = _parser().parse_args(arguments)
    return reported(_translate, options.verbose)


def _translate() -> int:
    settings = privacy()
    if settings.phone_numbers != "hmac":
        raise ConfigError('there are no pseudonyms: setting privacy.phone_numbers is not "hmac"')
    for line in filter(None, map(str.strip, sys.stdin)):
        if not line.startswith("+"):
            LOG.warning("a line without a + at its beginning: numbers are told as +12065550100")
        print(settings.pseudonym(line))
    return 0


def _parser() -> CommandParser:
    # An argument would stand in the list of processes and in the shell's history.
    parser = CommandParser(prog="pseudonym.py", description=__doc__, epilog="Numbers as the provider tells them: +1…")
    parser.add_argument("--verbose", action="store_true", help="tell the traceback of a failure")
    return parser


if __name__ == "__main__":
    project.leave(main())
