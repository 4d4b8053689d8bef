"""The queries of the views in Spark SQL. Expressions that sqlglot cannot translate are rewritten first.

Source: https://spark.apache.org/docs/latest/api/sql/, read November 2026.
"""

from typing import Any

import sqlglot
from sqlglot import ErrorLevel, exp


def to_spark(query: str) -> str:
    """The Spark SQL of a query in DuckDB's dialect. The Spark session has to be in UTC.

    Raises:
        UnsupportedError: sqlglot cannot translate a part of the query.
    """
    tree = sqlglot.parse_one(query, read="duckdb").transform(_rewrite)
    written: str = tree.sql("spark", unsupported_level=ErrorLevel.RAISE)
    return written


def _rewrite(node: Any) -> Any:
    if isinstance(node, exp.Anonymous) and node.name == "date_part" and node.expressions[0].name == "epoch":
        return exp.paren(_seconds(node.expressions[1].unnest()))
    if isinstance(node, exp.WithinGroup) and isinstance(node.this, exp.PercentileCont):
        (ordered,) = node.expression.expressions
        return exp.func("percentile", ordered.this, node.this.this)  # PERCENTILE_APPROX does not interpolate
    if isinstance(node, exp.CTE):
        node.set("materialized", None)  # Spark SQL has no `not materialized`
    if isinstance(node, exp.Window) and isinstance(node.this, exp.Count) and node.args["spec"]:
        return _without_exclusion(node)
    return node


def _seconds(time: Any) -> Any:
    """The seconds since 1970 of a time, or of an interval of two times; Spark's `date_part` has no `epoch`."""
    if isinstance(time, exp.Sub):
        return exp.paren(exp.Sub(this=_seconds(time.this), expression=_seconds(time.expression)))
    return exp.Div(this=exp.func("unix_micros", time.copy()), expression=exp.Literal.number("1e6"))


def _without_exclusion(window: Any) -> Any:
    """A count with `exclude group`, as the count of the frame minus the count of the row's peers."""
    spec = window.args["spec"]
    if str(spec.args.get("exclude") or "").upper() != "GROUP":
        return window
    frame, peers = window.copy(), window.copy()
    frame.args["spec"].set("exclude", None)
    here = {"start": "CURRENT ROW", "start_side": None, "end": "CURRENT ROW", "end_side": None}
    peers.set("spec", exp.WindowSpec(kind="RANGE", **here))
    return exp.paren(exp.Sub(this=frame, expression=peers))
