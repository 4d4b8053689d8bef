"""The warehouse as dbt sees it: its relations as sources, and its views as a package of models on the raw tables.

Sources: https://docs.getdbt.com/reference/source-properties and /docs/build/packages, read November 2026.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import yaml

import sources
from pipelines.views.files import named
from pipelines.views.queries import UNIFIED, branch, branch_queries, empty_branch, questions
from pipelines.views.reference import Relation, raw_tables, views
from sources.load.ledger import SYNC_WINDOWS
from sources.records.schema import Column

_TABLE = re.compile(r'"(fax\w*)"\."(\w+)"')
_GRAIN = re.compile(r"Grain: one row per ([\w, ]+)\.")
_GENERATED = "Generated: `uv run python pipelines/describe.py --dbt-package dbt` writes this file again."
_PROJECT = """\
# {generated}
name: fax_warehouse
version: "0.1.0"
config-version: 2
require-dbt-version: [">=1.9.0", "<2.0.0"]
profile: fax_warehouse
vars:
  fax_schema: fax                  # [sync] schema
  fax_timezone: UTC                # [report] timezone; a name such as Europe/Brussels, not CET, MET, EET or WET
  fax_providers: [{providers}]     # those whose tables are in the warehouse
models:
  fax_warehouse:
    +materialized: view
"""

_SUMS = """\
-- {generated}
-- The costs by month, and those of all deliveries, sum to those of the faxes that count.
with sums as (
    select
        (select coalesce(sum(cost_usd), 0) from {{{{ ref('fax__faxes') }}}} where is_test is not true) as of_faxes
        , (select coalesce(sum(cost_usd), 0) from {{{{ ref('fax__monthly_costs') }}}}) as of_months
        , (select coalesce(sum(cost_usd), 0) from {{{{ ref('fax__deliveries') }}}}) as of_deliveries
)

select * from sums where of_faxes <> of_months or of_faxes <> of_deliveries
"""


def sources_yml(relations: Iterable[Relation], max_age_hours: float) -> str:
    """A dbt `sources.yml`: a source per schema, with descriptions, tests of keys, and the freshness of `sync_windows`.

    A run writes to `sync_windows` every hour even if there are no new faxes, so only its age shows a missed run.
    """
    schemas = [
        {"name": schema, "schema": schema, "tables": [_source_table(relation, max_age_hours) for relation in members]}
        for schema, members in groupby(relations, key=lambda relation: relation.schema)
    ]
    return _yaml({"version": 2, "sources": schemas})


def package_files() -> dict[str, str]:
    """The package's files by their paths: the providers' SQL as staging models, each view as a model, and tests."""
    providers = sources.providers()
    files = {
        "dbt_project.yml": _PROJECT.format(generated=_GENERATED, providers=", ".join(providers)),
        "tests/every_cost_is_counted_once.sql": _SUMS.format(generated=_GENERATED),
        "models/staging/sources.yml": _raw_sources(),
        "models/marts/models.yml": _models(),
    }
    for view, (_, columns) in UNIFIED.items():
        branches = [provider for provider in providers if branch_queries(provider, view)]
        for provider in branches:
            queries = (named(sql, "fax", f"fax_{provider}", provider) for sql in branch_queries(provider, view))
            query = "\n\nunion all\n\n".join(queries)
            enabled = f"{{{{ config(enabled='{provider}' in var('fax_providers')) }}}}"
            files[f"models/staging/stg_{provider}__{view}.sql"] = f"{enabled}\n{_model(query)}"
        files[f"models/marts/fax__{view}.sql"] = _union(view, branches, columns)
    for question in questions("fax", '{{ var("fax_timezone") }}', joins_calendar=False)[0]:
        files[f"models/marts/fax__{question.name}.sql"] = _model(question.query)
    return files


def _model(query: str) -> str:
    """A query as a model: a table of a raw schema is a source, a view is a model."""

    def reference(match: re.Match[str]) -> str:
        schema, name = match.groups()
        return f"{{{{ ref('fax__{name}') }}}}" if schema == "fax" else f"{{{{ source('{schema}', '{name}') }}}}"

    return f"{_TABLE.sub(reference, query)}\n"


def _union(view: str, providers: Sequence[str], columns: tuple[Column, ...]) -> str:
    """A unified view as a model: the staging models of the providers that the project has."""
    staging = f"{{{{ ref('stg_' ~ provider ~ '__{view}') }}}}"
    return f"""\
{empty_branch(columns)}
{{% for provider in {providers} if provider in var('fax_providers') %}}
union all
{branch("{{ provider }}", columns, staging)}
{{% endfor %}}
"""


def _raw_sources() -> str:
    """The raw tables that the models read, in the schemas that `fax_schema` names."""
    loads = {"name": "_dlt_loads", "description": "The loads that were committed."}
    schemas = [
        {
            "name": schema,
            "schema": f"{{{{ var('fax_schema') }}}}{schema.removeprefix('fax')}",
            "tables": [*({"name": one.name, "description": one.meaning} for one in members), loads],
        }
        for schema, members in groupby(raw_tables("fax"), key=lambda relation: relation.schema)
    ]
    return f"# {_GENERATED}\n{_yaml({'version': 2, 'sources': schemas})}\n"


def _models() -> str:
    """What each model and column means, and that the grain of a model names one row."""
    models = []
    for view in views("fax"):
        grain = _GRAIN.search(view.meaning)
        key = view.key or (tuple(re.split(r", | and ", grain[1])) if grain else ())
        model: dict[str, Any] = {"name": f"fax__{view.name}", "description": view.meaning}
        if key:
            model["data_tests"] = [_unique(key)]
        model["columns"] = [_column(column, view.key) for column in view.columns]
        models.append(model)
    return f"# {_GENERATED}\n{_yaml({'version': 2, 'models': models})}\n"


def _source_table(relation: Relation, max_age_hours: float) -> dict[str, Any]:
    table: dict[str, Any] = {"name": relation.name, "description": relation.meaning}
    if relation.name == SYNC_WINDOWS and relation.key:
        table["loaded_at_field"] = "to_timestamp(cast(_dlt_load_id as double precision))"
        table["freshness"] = {"error_after": {"count": round(max_age_hours), "period": "hour"}}
    if len(relation.key) > 1:
        table["data_tests"] = [_unique(relation.key)]
    table["columns"] = [_column(column, relation.key) for column in relation.columns]
    return table


def _unique(key: Sequence[str]) -> dict[str, Any]:
    """The test that no two rows have the same values in these columns."""
    values = " || '/' || ".join(f"coalesce(cast({column} as varchar), '')" for column in key)
    return {"unique": {"arguments": {"column_name": f"({values})"}}}


def _column(column: Column, key: Sequence[str]) -> dict[str, Any]:
    described: dict[str, Any] = {"name": column.name, "description": column.meaning}
    if column.name in key:
        described["data_tests"] = ["not_null", "unique"] if len(key) == 1 else ["not_null"]
    return described


def _yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=120, allow_unicode=True).strip()
