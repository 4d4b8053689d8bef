"""How the notebook's charts look: dark on light, one hue for what matters, every bar with its figure beside it.

Nothing is told by colour alone. Colours are of Okabe and Ito, https://jfly.uni-koeln.de/color, read November 2026, in
an order that differs in grey as well. Labels are made from Decimal; only the length of a bar is a float.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import altair as alt

Row = dict[str, Any]
INK, QUIET, PALE, BLUE = "#1f2933", "#616e7c", "#c3ccd5", "#0072B2"
HUES, SHAPES = (BLUE, "#E69F00", "#009E73", "#CC79A7"), ("circle", "square", "triangle-up", "diamond")
WIDE, HALF = 1010, 320  # pixels of the plot alone


def figures(cells: Iterable[tuple[str, str, str]]) -> str:
    """HTML of figures side by side: each value above its name and a remark."""
    card = (
        '<div style="flex:1 1 150px;color:{ink}">'
        '<div style="font-size:2rem;line-height:1.2;font-weight:600">{value}</div>'
        '<div>{name}</div><div style="color:{quiet};font-size:.85rem">{remark}</div></div>'
    )
    made = (
        card.format(ink=INK, quiet=QUIET, value=escape(value), name=escape(name), remark=escape(remark))
        for value, name, remark in cells
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:1rem 2.5rem;padding:.5rem 0 1rem">{"".join(made)}</div>'


def months(rows: Sequence[Row], chosen: str, title: str) -> alt.Chart:
    """Bars by `month`, a row of them for each `provider`; those of the chosen month are dark."""
    if not rows:
        return _empty(title, WIDE)
    dark = alt.condition(alt.datum.month == chosen, alt.value(BLUE), alt.value(PALE))
    base = alt.Chart(_data(rows)).encode(x=alt.X("month:O", title=None, sort=None, axis=alt.Axis(labelAngle=0)))
    bars = base.mark_bar(size=44).encode(
        y=alt.Y("cost:Q", title=None, axis=None, scale=_from_zero([row["cost"] for row in rows])),
        color=dark,
        tooltip=_told(),
    )
    labels = base.mark_text(dy=-8, fontSize=11, color=INK).encode(y="cost:Q", text="text:N")
    row = alt.Row("provider:N", title=None, header=alt.Header(labelAngle=0, labelAlign="left", labelFontSize=13))
    layered = alt.layer(bars, labels).properties(width=WIDE - 90, height=80)
    return _finished(layered.facet(row=row, spacing=6), title)


def days(rows: Sequence[Row], title: str) -> alt.Chart:
    """Bars by `day`, the highest with its figure."""
    if not rows:
        return _empty(title, WIDE)
    base = alt.Chart(_data(rows)).encode(x=alt.X("day:O", title=None, axis=alt.Axis(labelAngle=0)))
    bars = base.mark_bar(color=BLUE, size=20).encode(
        y=alt.Y("cost:Q", title=None, axis=None, scale=_from_zero([row["cost"] for row in rows])), tooltip=_told()
    )
    labels = base.mark_text(dy=-8, fontSize=11, color=INK).encode(y="cost:Q", text="label:N")
    return _finished(alt.layer(bars, labels).properties(width=WIDE, height=110), title)


def across(rows: Sequence[Row], title: str) -> alt.Chart:
    """Bars from the left, one for each `name` in the order of the rows, each with its `text`."""
    if not rows:
        return _empty(title)
    names = [row["name"] for row in rows]
    base = alt.Chart(_data(rows)).encode(
        y=alt.Y("name:N", title=None, sort=names, axis=alt.Axis(labelLimit=170)),
        x=alt.X("cost:Q", title=None, axis=None, scale=_from_zero([row["cost"] for row in rows], nice=False)),
    )
    bars = base.mark_bar(color=BLUE, size=15).encode(tooltip=_told())
    labels = base.mark_text(align="left", dx=5, fontSize=12, color=INK).encode(text="text:N")
    return _finished(alt.layer(bars, labels).properties(width=HALF, height=alt.Step(24)), title)


def spans(rows: Sequence[Row], title: str) -> alt.Chart:
    """By `month`, a line from `median` to `p95`, both in minutes: a full circle and an open diamond."""
    if not rows:
        return _empty(title)
    base = alt.Chart(_data(rows)).encode(x=alt.X("month:O", title=None, sort=None, axis=alt.Axis(labelAngle=0)))
    minutes = _from_zero([row["p95"] for row in rows])
    line = base.mark_rule(color=PALE, strokeWidth=3).encode(y=alt.Y("median:Q", title=None, scale=minutes), y2="p95:Q")
    half = base.mark_point(shape="circle", filled=True, size=75, color=BLUE, opacity=1).encode(
        y="median:Q", tooltip=_told()
    )
    most = base.mark_point(shape="diamond", filled=False, size=75, color=INK, opacity=1).encode(
        y="p95:Q", tooltip=_told()
    )
    last = [{**row, "at": row[name], "note": note} for row in rows[-1:] for name, note in _ENDS.items()]
    if rows[-1]["median"] == rows[-1]["p95"]:
        last = [{**last[0], "note": " and ".join(_ENDS.values())}]
    notes = (
        alt.Chart(_data(last))
        .mark_text(align="left", dx=12, color=INK, fontSize=12)
        .encode(x=alt.X("month:O", sort=None), y="at:Q", text="note:N")
    )
    return _finished(alt.layer(line, half, most, notes).properties(width=HALF + 40, height=190), title)


_ENDS = {"median": "median", "p95": "95 of 100"}


def compared(rows: Sequence[Row], providers: Sequence[str], title: str) -> alt.Chart:
    """By `name`, a mark for the `cost` at each `provider`, joined by a line: shape, hue and grey tell which."""
    if not rows:
        return _empty(title, none="no destination in this month that two providers sent to")
    names = list(dict.fromkeys(row["name"] for row in rows))
    base = alt.Chart(_data(rows)).encode(y=alt.Y("name:N", title=None, sort=names))
    price = alt.X(
        "cost:Q", title=None, axis=alt.Axis(format="$.2f", tickCount=5), scale=_from_zero([row["cost"] for row in rows])
    )
    line = base.mark_line(color=PALE, strokeWidth=3).encode(x=price, detail="name:N")
    marks = base.mark_point(filled=True, size=110, opacity=1).encode(
        x=price,
        color=alt.Color("provider:N", scale=alt.Scale(domain=providers, range=HUES[: len(providers)]), legend=_KEY),
        shape=alt.Shape("provider:N", scale=alt.Scale(domain=providers, range=SHAPES[: len(providers)]), legend=_KEY),
        tooltip=_told(),
    )
    return _finished(alt.layer(line, marks).properties(width=HALF + 40, height=alt.Step(26)), title)


def _from_zero(values: Sequence[float], nice: bool = True) -> alt.Scale:
    """A scale that holds zero and, if all values are zero, one more: Vega puts a span of nothing in the middle."""
    if any(values):
        return alt.Scale(zero=True, nice=nice)
    return alt.Scale(domain=[0, 1], nice=nice)


def _empty(title: str, width: int = HALF, none: str = "none in this month") -> alt.Chart:
    """The title above a remark; a band scale without rows makes Vega draw millions of pixels."""
    remark = alt.Chart(_data([{"none": none}])).mark_text(align="left", color=QUIET, fontSize=12)
    chart = remark.encode(text="none:N", x=alt.value(0), y=alt.value(8)).properties(width=width, height=20)
    return _finished(chart, title)


_ROOM = {"left": 0, "right": 5, "top": 5, "bottom": 18}
_KEY = alt.Legend(title=None, orient="top", labelFontSize=12, symbolSize=110, columns=4, labelLimit=90)


def _data(rows: Sequence[Row]) -> alt.Data:
    return alt.Data(values=list(rows))  # type: ignore[no-untyped-call]


def _told() -> alt.Tooltip:
    return alt.Tooltip("told:N", title=" ")


def _finished(chart: Any, title: str) -> alt.Chart:
    """The chart with its title, without frame, grid or menu."""
    finished: alt.Chart = (
        chart.properties(
            title=title, usermeta={"embedOptions": {"actions": False}}, background="transparent", padding=_ROOM
        )
        .configure(font="PT Sans, sans-serif")
        .configure_view(stroke=None)
        .configure_title(anchor="start", fontSize=15, fontWeight=600, color=INK, offset=12)
        .configure_axis(grid=False, ticks=False, domainColor=PALE, labelColor=INK, labelFontSize=12, labelPadding=6)
    )
    return finished
