"""What a first run prints at its end: where the faxes are, and how to look at them."""

import os
import shlex
from importlib.util import find_spec
from pathlib import Path

from pipelines.config import bootstrap
from pipelines.config.destination import delta_url
from pipelines.config.settings import SyncSettings
from pipelines.warehouse import read_only


def print_next_steps() -> None:
    """Prints where the faxes are, and a command for the report, for the notebook and for a query."""
    schema = SyncSettings.read().schema
    sql = f"select provider, count(*) as faxes, sum(cost_usd) as usd from {schema}.faxes group by 1"
    place, output = read_only.place(), delta_url()
    if output:
        where = f"Delta tables below {output}"
        opened = f"from pipelines.lake.engine_views import connect; lake = connect({output!r}, {schema!r})"
        query = _in_python(f"{opened}; print(lake.sql('{sql}'))")
    elif place is None:
        print("The faxes are Parquet files: docs/files.md says how to query them.")
        return
    elif isinstance(place, Path):
        where = os.path.relpath(place) if place.is_relative_to(Path.cwd()) else str(place)
        query = _in_python(f"import duckdb; print(duckdb.connect({where!r}, read_only=True).sql('{sql}'))")
    else:
        where, query = f"schema {schema} of {place}", f"psql {_quoted(place)} -c {_quoted(sql)}"
    demo = " --demo" if place == bootstrap.DEMO_DATABASE else ""
    print(f"The faxes are in {where}. Look at them:")
    print(f"  {bootstrap.command('report')}{demo}")
    by_uv = bootstrap.python() == "uv run python"  # which installs marimo if it is not there
    if not bootstrap.IS_INSTALLED and (by_uv or find_spec("marimo")):
        marimo = "uv run marimo" if by_uv else f"{bootstrap.python()} -m marimo"
        print(f"  {marimo} run {shlex.quote(os.path.relpath(bootstrap.ROOT / 'notebooks' / 'fax_costs.py'))}")
    print(f"  {query}")


def _in_python(code: str) -> str:
    """The command that runs the code."""
    return f"{bootstrap.python()} -c {_quoted(code)}"


def _quoted(text: str) -> str:
    """The text as one word of a shell's command, in double quotes if they are enough."""
    return shlex.quote(text) if set(text) & set('"$`\\!') else f'"{text}"'
