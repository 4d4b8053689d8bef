"""Brings every fax of every configured account into Delta tables, read on the executors of Apache Spark."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise
__import__("pipelines")  # ends the process in one line if the dependencies are not installed

import argparse
from collections.abc import Sequence
from functools import partial
from uuid import uuid4

from pipelines.cli.command import SYNC_STOPPED, CommandParser, leave, reported
from pipelines.cli.summary import exit_code, print_outcomes
from pipelines.cli.sync_options import parsed, require_valid_settings, sync_parser, warn_of_settings
from pipelines.config import accounts
from pipelines.config.directory import url_of
from pipelines.config.settings import PrivacySettings
from sources.errors import ConfigError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = parsed(_parser(), arguments)
    return reported(lambda: _sync(options), options.verbose, options.log_format, SYNC_STOPPED)


def _sync(options: argparse.Namespace) -> int:
    warn_of_settings()
    try:
        from pipelines.lake.syncing.accounts_run import LakeRun  # noqa: PLC0415  # an optional extra
        from pipelines.lake.syncing.spark_session import on_executors, session  # noqa: PLC0415  # as above
    except ModuleNotFoundError as missing:
        raise ConfigError(f"{missing.name} is not installed: uv sync --extra spark, see docs/scale.md") from None
    configured, run_id = accounts.required(options.provider, options.account), uuid4().hex
    output = url_of(options.output)
    require_valid_settings()
    with session(options.master, _credentials(configured)) as spark:
        outcomes = LakeRun(output, run_id, options, partial(on_executors, spark), options.secrets).sync(configured)
    print_outcomes(outcomes, run_id, options)
    return exit_code(outcomes)


def _credentials(configured: Sequence[accounts.Account]) -> dict[str, str]:
    """The environment variables with credentials for executors that this process starts."""
    from sources.spark.executor_settings import PRIVACY_KEY, environment_of  # noqa: PLC0415

    found: dict[str, str] = {}
    for account in configured:
        if not account.missing_secrets():
            found |= environment_of(account.provider, account.name, account.settings())
    key = PrivacySettings.read().key
    return found | ({PRIVACY_KEY: key} if key else {})


def _parser() -> CommandParser:
    parser = sync_parser(
        "spark_sync.py",
        __doc__,
        "Settings are in .dlt/config.toml and .dlt/secrets.toml. A second run into "
        "the same directory ends with 75. docs/scale.md says how executors get the credentials.",
    )
    parser.add_argument("--output", metavar="URL", required=True, help="where the Delta tables are: file:///…, s3://…")
    parser.add_argument(
        "--master", metavar="URL", type=_master, help="Spark's master; without it that of spark-submit, or local[*]"
    )
    parser.add_argument(
        "--secrets", metavar="MODULE:FUNCTION", help="the function that gives executors an account's credentials"
    )
    return parser


def _master(text: str) -> str:
    if text.startswith(("local", "spark://", "k8s://", "yarn")):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is no Spark master: write local[4], spark://HOST:7077, k8s://… or yarn")


if __name__ == "__main__":
    leave(main())
