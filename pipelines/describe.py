"""Describes the warehouse's tables, views and columns, as Markdown or as the sources of a dbt project.

With --settings, describes the settings instead; with --views, prints the views over Delta tables for an engine.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise
__import__("pipelines")  # ends the process in one line if the dependencies are not installed

import argparse
from collections.abc import Iterator, Mapping, Sequence

from pipelines.cli.command import CommandParser, leave, reported
from pipelines.config import reference
from pipelines.config.destination import delta_url
from pipelines.config.settings import CheckSettings, ReportSettings, SyncSettings
from pipelines.views import dbt
from pipelines.views.reference import Relation, raw_tables, views
from sources.errors import ConfigError, LocalError

_SETTINGS = {"docs": reference.markdown, "config": reference.config_toml, "secrets": reference.secrets_toml}
_HEAD = (
    "# Which tables and columns are there?",
    "",
    "Generated: `uv run python pipelines/describe.py > docs/reference.md` writes this page again.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    return reported(lambda: _describe(options), options.verbose)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="describe.py", description=__doc__)
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--dbt", action="store_true", help="print a sources.yml for dbt")
    one.add_argument("--dbt-package", metavar="FOLDER", type=Path, help="write the views as a package of dbt models")
    one.add_argument(
        "--settings",
        choices=tuple(_SETTINGS),
        help="print the settings for docs/settings.md, config.toml or example.secrets.toml",
    )
    one.add_argument(
        "--views",
        choices=("duckdb", "spark"),
        help="print the SQL that creates the views over Delta tables in this engine",
    )
    parser.add_argument("--output", metavar="URL", help="where the Delta tables are, if not at [destination.warehouse]")
    parser.add_argument("--verbose", action="store_true", help="print the traceback of an error")
    return parser


def _describe(options: argparse.Namespace) -> int:
    if options.settings:
        print(_SETTINGS[options.settings]())
        return 0
    if options.dbt_package:
        return _write(options.dbt_package, dbt.package_files())
    schema = SyncSettings.read().schema
    if options.views:
        print(";\n\n".join(_views(options, schema)), end=";\n")
        return 0
    relations = [*views(schema, ReportSettings.read().own_views()), *raw_tables(schema)]
    print(dbt.sources_yml(relations, CheckSettings.read().max_age_hours) if options.dbt else markdown(relations))
    return 0


def _write(folder: Path, files: Mapping[str, str]) -> int:
    """Writes the files into the folder.

    Raises:
        LocalError: one cannot be written.
    """
    for name, text in files.items():
        try:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise LocalError(f"{folder / name} cannot be written: {error.strerror}") from error
    return 0


def _views(options: argparse.Namespace, schema: str) -> Iterator[str]:
    output = options.output or delta_url()
    if output is None:
        raise ConfigError("the warehouse has no Delta tables: add --output and their URL, such as file:///srv/fax-lake")
    try:
        from pipelines.lake.engine_views import script  # noqa: PLC0415  # an extra, that may not be there
    except ModuleNotFoundError as missing:
        raise ConfigError(f"{missing.name} is not installed: uv sync --extra delta, see docs/scale.md") from None
    return script(options.views, output, schema, ReportSettings.read().timezone)


def markdown(relations: Sequence[Relation]) -> str:
    """docs/reference.md: a diagram of the relations and their keys, and a table of columns for each relation."""
    sections = (line for relation in relations for line in _section(relation))
    return "\n".join([*_HEAD, "", *_diagram(relations), "", *sections]).strip()


def _diagram(relations: Sequence[Relation]) -> Iterator[str]:
    """An entity diagram in Mermaid, with the key columns. Source: https://mermaid.js.org, read November 2026."""
    yield from ("```mermaid", "erDiagram")
    for relation in relations:
        if relation.of:
            key = next(column for column in relation.key if column.startswith("fax"))
            yield f'    "{relation.schema}.{relation.of}" ||--o{{ "{relation.schema}.{relation.name}" : {key}'
    for relation in relations:
        if "account" in relation.key:
            yield f'    "{relation.schema}.{relation.name}" {{'
            yield from (f"        {column.data_type} {column.name} PK" for column in relation.key_columns())
            yield "    }"
    yield "```"


def _section(relation: Relation) -> Iterator[str]:
    yield from (f"**`{relation.schema}.{relation.name}`** {relation.meaning}", "")
    yield from ("| column | type | meaning |", "|---|---|---|")
    for column in relation.columns:
        yield f"| `{column.name}` | {column.data_type} | {column.meaning.replace('|', chr(92) + '|')} |"
    yield ""


if __name__ == "__main__":
    leave(main())
