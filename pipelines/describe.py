"""Describes the warehouse's tables, views and columns, as Markdown or as the sources of a dbt project.

With --settings, describes the settings instead.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise

import argparse
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import yaml

from pipelines.cli.command import CommandParser, leave, reported
from pipelines.config import reference
from pipelines.config.settings import CheckSettings, ReportSettings, SyncSettings
from pipelines.views.reference import Relation, raw_tables, views
from sources.load.ledger import SYNC_WINDOWS

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
    parser.add_argument("--dbt", action="store_true", help="print a sources.yml for dbt")
    parser.add_argument(
        "--settings",
        choices=tuple(_SETTINGS),
        help="print the settings for docs/settings.md, config.toml or example.secrets.toml",
    )
    parser.add_argument("--verbose", action="store_true", help="print the traceback of an error")
    return parser


def _describe(options: argparse.Namespace) -> int:
    if options.settings:
        print(_SETTINGS[options.settings]())
        return 0
    schema = SyncSettings.read().schema
    relations = [*views(schema, ReportSettings.read().own_views()), *raw_tables(schema)]
    print(dbt_sources(relations, CheckSettings.read().max_age_hours) if options.dbt else markdown(relations))
    return 0


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


def dbt_sources(relations: Iterable[Relation], max_age_hours: float) -> str:
    """A dbt `sources.yml`: a source per schema, with descriptions, tests of keys, and the freshness of `sync_windows`.

    A run writes to `sync_windows` every hour even if there are no new faxes, so only its age shows a missed run.
    Source: https://docs.getdbt.com/reference/source-properties, read November 2026.
    """
    schemas = [
        {"name": schema, "schema": schema, "tables": [_dbt_table(relation, max_age_hours) for relation in members]}
        for schema, members in groupby(relations, key=lambda relation: relation.schema)
    ]
    return yaml.safe_dump({"version": 2, "sources": schemas}, sort_keys=False, width=120, allow_unicode=True).strip()


def _dbt_table(relation: Relation, max_age_hours: float) -> dict[str, Any]:
    table: dict[str, Any] = {"name": relation.name, "description": relation.meaning}
    if relation.name == SYNC_WINDOWS and relation.key:
        table["loaded_at_field"] = "to_timestamp(cast(_dlt_load_id as double precision))"
        table["freshness"] = {"error_after": {"count": round(max_age_hours), "period": "hour"}}
    if len(relation.key) > 1:
        name = " || '/' || ".join(f"cast({column} as varchar)" for column in relation.key)
        table["data_tests"] = [{"unique": {"column_name": f"({name})"}}]
    table["columns"] = [_dbt_column(column.name, column.meaning, relation.key) for column in relation.columns]
    return table


def _dbt_column(name: str, meaning: str, key: Sequence[str]) -> dict[str, Any]:
    column: dict[str, Any] = {"name": name, "description": meaning}
    if name in key:
        column["data_tests"] = ["not_null", "unique"] if len(key) == 1 else ["not_null"]
    return column


if __name__ == "__main__":
    leave(main())
