"""`fax-warehouse completion SHELL`: prints a script that completes commands, options and their values in a shell.

The shell completes by that script alone: it starts no Python at the Tab key.
"""

import argparse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import shtab

import sources
from fax_warehouse.command import COMMANDS, NAME, script_of
from pipelines.cli.command import CommandParser, leave

__all__ = ["leave", "main"]
SHELLS = ("bash", "zsh", "fish")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    shell = _parser().parse_args(arguments).shell
    print(shtab.complete(_all_commands(), shell))
    return 0


def _all_commands() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog=NAME)
    root.add_argument("--version", action="store_true", help="show the version")
    _complete(root.add_argument("--project", metavar="DIRECTORY", help="the directory of .dlt/"))
    commands = root.add_subparsers()
    for name, meaning in COMMANDS.items():
        parser = _parser() if name == "completion" else import_module(f"pipelines.{script_of(name)}")._parser()
        for action in parser._actions:
            _complete(action)
        commands.add_parser(name, help=meaning, parents=[parser], add_help=False)
    return root


def _complete(action: argparse.Action) -> None:
    """Has the shell complete the value of an option that is a provider, a directory or a file."""
    if action.dest == "provider":
        action.choices = sources.providers()
    elif action.metavar in ("DIRECTORY", "FOLDER"):
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    elif action.type is Path:
        action.complete = shtab.FILE  # type: ignore[attr-defined]


def _parser() -> CommandParser:
    parser = CommandParser(
        prog=f"{NAME} completion",
        description="Prints the script that completes commands, options and their values in a shell.",
        epilog="docs/deploying.md, Install, says where each shell looks for the script.",
    )
    parser.add_argument("shell", choices=SHELLS)
    return parser
