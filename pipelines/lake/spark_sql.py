"""The views' queries in Spark SQL: what sqlglot cannot write there is put into other words first.

Source: https://spark.apache.org/docs/latest/api/sql/, read November 2026.
"""

from typing import Any

import sqlglot
from sqlglot import ErrorLevel, exp


def to_spark(query: str) -> str:
    """A query of DuckDB's dialect in Spark SQL; times need a session in UTC.

    Raises:
        UnsupportedError: sqlglot would leave something out.
    """
    tree = sqlglot.parse_one(query, read="duckdb").transform(_in_other_words)
    written: str = tree.sql("spark", unsupported_level=ErrorLevel.RAISE)
    return written


def _in_other_words(node: Any) -> Any:
    if isinstance(node, exp.Extract) and node.name.upper() == "EPOCH":
        return exp.paren(_seconds(node.expression.unnest()))
    if isinstance(node, exp.WithinGroup) and isinstance(node.this, exp.PercentileCont):
        (ordered,) = node.expression.expressions
        return exp.func("percentile", ordered.this, node.this.this)  # PERCENTILE_APPROX does not interpolate
    if isinstance(node, exp.Window) and isinstance(node.this, exp.Count) and node.args["spec"]:
        return _without_exclusion(node)
    return node


def _seconds(time: Any) -> Any:
    """The seconds of a time since 1970, or of the time between two; Spark has no extract(epoch)."""
    if isinstance(time, exp.Sub):
        return exp.paren(exp.Sub(this=_seconds(time.this), expression=_seconds(time.expression)))
    return exp.Div(this=exp.func("unix_micros", time.copy()), expression=exp.Literal.number("1e6"))


def _without_exclusion(window: Any) -> Any:
    """A count `exclude group` as the count of the frame less that of the row's peers."""
    spec = window.args["spec"]
    if str(spec.args.get("exclude") or "").upper() != "GROUP":
        return window
    frame, peers = window.copy(), window.copy()
    frame.args["spec"].set("exclude", None)
    here = {"start": "CURRENT ROW", "start_side": None, "end": "CURRENT ROW", "end_side": None}
    peers.set("spec", exp.WindowSpec(kind="RANGE", **here))
    return exp.paren(exp.Sub(this=frame, expression=peers))
