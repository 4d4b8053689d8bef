"""Prints the pseudonym of each phone number on standard input, one a line, to find it in a pseudonymized warehouse."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise
__import__("pipelines")  # ends the process in one line if the dependencies are not installed

import argparse
import io
from collections.abc import Sequence

from pipelines.cli.command import CommandParser, leave, reported
from pipelines.config.settings import PrivacySettings
from sources.errors import ConfigError
from sources.records.phone_numbers import is_number

SHAPE = "a number has a country code and 7 to 15 digits, such as +12065550100"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    return reported(lambda: _translate(parser, options), options.verbose)


def _translate(parser: CommandParser, options: argparse.Namespace) -> int:
    settings = PrivacySettings.read().handling()
    if settings.phone_numbers != "hmac":
        raise ConfigError('there are no pseudonyms: setting privacy.phone_numbers is not "hmac"')
    lines = _lines()
    if not lines:
        parser.error(f"no phone number on standard input, one a line: {SHAPE}")
    wrong = [str(number) for number, line in lines if not options.text and not is_number(line)]
    if wrong:
        parser.error(
            f"no phone number in line {', '.join(wrong)}: {SHAPE}; for a name or another text add --text. "
            "No pseudonym was printed"
        )
    for _, line in lines:
        print(settings.pseudonym(line))
    return 0


def _lines() -> list[tuple[int, str]]:
    """The lines of standard input that are not blank, with their line numbers."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace")
    return [(number, text) for number, line in enumerate(sys.stdin or (), 1) if (text := line.strip())]


def _parser() -> CommandParser:
    # A number as an argument would be visible in the list of processes and in the shell's history.
    parser = CommandParser(prog="pseudonym.py", description=__doc__)
    parser.add_argument("--text", action="store_true", help="accept names and other texts, unchanged")
    parser.add_argument("--verbose", action="store_true", help="print the traceback of an error")
    return parser


if __name__ == "__main__":
    leave(main())
