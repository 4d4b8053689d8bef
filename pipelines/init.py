"""Asks for the keys of your accounts and for the warehouse, tries them, and writes .dlt/secrets.toml.

Without a terminal, the settings come from standard input, written as in secrets.toml.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise
__import__("pipelines")  # ends the process in one line if the dependencies are not installed

import argparse
import json
import logging
import os
import tomllib
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from getpass import getpass
from unittest.mock import patch

import sources
from pipelines import demo
from pipelines.cli.command import CommandParser, leave, reported
from pipelines.config import accounts, bootstrap
from pipelines.config.reference import meanings
from pipelines.config.secrets_file import Values, environment, secrets_path, write_secrets
from pipelines.config.settings import SyncSettings, WarehouseSettings
from pipelines.config.written_settings import leaves, require_known
from pipelines.health.connections import try_provider, try_warehouse
from pipelines.outcome.provider_advice import IN_THE_FILE
from pipelines.outcome.unforeseen import always_fax_sync_error
from sources.errors import ConfigError, FaxSyncError

LOG = logging.getLogger("fax-sync")
_WAREHOUSE = tuple(WarehouseSettings.heading.split("."))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    return reported(lambda: _init(options), options.verbose, if_stopped="secrets.toml was not written")


def _init(options: argparse.Namespace) -> int:
    path = secrets_path()
    asks = bool(sys.stdin and sys.stdin.isatty())
    values = _asked(options.untried) if asks else dict(_given())
    if not values:
        raise ConfigError(f"no key was given: see it work without one, {bootstrap.command('sync')} --demo")
    failures = () if options.untried or asks else (_tried(values, sources.providers()), _tried(values))
    if failure := next(filter(None, failures), None):
        LOG.error("%s was not written; --untried writes it all the same", path)
        return failure.exit_code
    write_secrets(path, values)
    print(f"{path} is written, and readable by you alone. Next:\n  {bootstrap.command('sync')}")
    return 0


def _asked(untried: bool) -> Values:
    """The settings that the user types, unseen; what is refused is asked for again."""
    values: Values = {}
    for name in sources.providers():
        print(f"{name}: paste each value, which is not shown; Enter leaves {name} out")
        given = _keys(name)
        while given and not untried and _tried(values | given, [name]):
            print(f"{name}: paste all of its values again; Enter leaves {name} out")
            given = _keys(name)
        values |= given
    if values:
        print("warehouse: a URL postgresql://user:password@host:5432/database, or Enter for a DuckDB file")
        given = _warehouse()
        while not untried and _tried(values | given) and given:
            print("warehouse: paste the URL again, or Enter for a DuckDB file")
            given = _warehouse()
        values |= given
    return values


def _keys(name: str) -> Values:
    """The secrets of a provider; none if the user leaves one of them out."""
    values: Values = {}
    for setting, meaning in meanings(f"sources.{name}").items():
        if setting.is_secret:
            if not (value := _answer(f"  {setting.name} ({meaning.rstrip('.')}): ")):
                return {}
            values["sources", name, setting.name] = value
    return values


def _warehouse() -> Values:
    url = _answer("  credentials: ")
    return {(*_WAREHOUSE, "destination_type"): "postgres", (*_WAREHOUSE, "credentials"): url} if url else {}


def _answer(prompt: str) -> str:
    """What the user types, unseen.

    Raises:
        ConfigError: the input has ended.
    """
    try:
        return getpass(prompt).strip()
    except BaseException as error:
        print()  # the message of the error begins a line
        if isinstance(error, EOFError):
            raise ConfigError("the input ended: secrets.toml was not written") from None
        raise


def _given() -> Iterator[tuple[tuple[str, ...], str]]:
    """The settings on standard input.

    Raises:
        ConfigError: they are no TOML, or one is unknown.
    """
    try:
        table = tomllib.loads(sys.stdin.read() if sys.stdin else "")
    except ValueError:
        raise ConfigError("standard input is not valid TOML: write it as .dlt/example.secrets.toml shows") from None
    for place, value in leaves(table):
        require_known(place)
        if value != "":
            yield place, json.dumps(value, default=str) if isinstance(value, list) else str(value)


def _tried(values: Values, providers: Collection[str] = ()) -> FaxSyncError | None:
    """Tries the accounts of these providers, or the warehouse if none is named, and prints the result; the first error.

    The warehouse is tried with the first account.
    """
    failures: list[FaxSyncError] = []
    with patch.dict(os.environ, environment(values)):
        schema, configured = SyncSettings.read().schema, accounts.configured()
        chosen = [account for account in configured if account.provider in providers]
        attempts = [(f"{account}: ", partial(try_provider, account)) for account in chosen]
        attempts += [("", partial(try_warehouse, account, schema)) for account in configured[:1] if not providers]
        for prefix, attempt in attempts:
            try:
                with demo.stand_in():
                    print(f"{prefix}{attempt()}")
            except Exception as failure:
                LOG.debug("a try failed", exc_info=True)
                failures.append(always_fax_sync_error(failure))
                LOG.error("%s%s", prefix, str(failures[-1]).removesuffix(IN_THE_FILE))
    return next(iter(failures), None)


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="init.py",
        description=__doc__,
        codes={
            0: "written",
            65: "the provider's answer broke its contract",
            69: "the warehouse refused",
            75: "the provider or the warehouse cannot be reached, try again later",
            77: "a key was refused",
            78: "configuration, or secrets.toml exists",
        },
        epilog="A key as an option would be visible to other users.",
    )
    parser.add_argument("--untried", action="store_true", help="write the file without a try")
    parser.add_argument("--verbose", action="store_true", help="print the traceback of an error")
    return parser


if __name__ == "__main__":
    leave(main())
