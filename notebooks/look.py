"""What the notebook shows, as HTML that fits any width and light and dark pages; `fax_costs.css` has how it looks.

Every bar has its figure beside it, made from Decimal; only the length of a bar is a float.
"""

import csv
from base64 import b64encode
from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape
from io import StringIO
from typing import Any

Row = dict[str, Any]
MAX_ROWS = 500  # in the table below a chart; the CSV has all


def page(*parts: str) -> str:
    """Parts side by side where there is room, else one below the other."""
    return f'<div class="fax fax-pair">{"".join(f"<div>{part}</div>" for part in parts)}</div>'


def figures(cells: Iterable[tuple[str, str, str]]) -> str:
    """Figures side by side: each value above its name and a remark."""
    made = (
        f"<div><b>{escape(value)}</b>{escape(name)}<small>{escape(remark)}</small></div>"
        for value, name, remark in cells
    )
    return f'<div class="fax"><div class="fax-figures">{"".join(made)}</div></div>'


def columns(panels: Sequence[tuple[str, Sequence[Row]]], title: str, remark: str = "") -> str:
    """Upright bars: for each panel its name above them, and a scale of its own.

    A row has `name`, `cost`, `text`, `told` on hovering, `is_chosen`, and whether its name or text may be left out on a
    narrow page: `is_minor_name`, `is_minor_text`.
    """
    shown = "".join(
        f'<div class="fax-panel">{escape(name)}<div class="fax-columns">{"".join(_columns(rows))}</div></div>'
        for name, rows in panels
    )
    names = "".join(
        f'<span><span class="{"fax-minor" if row["is_minor_name"] else ""}">{escape(row["name"])}</span></span>'
        for row in (panels[-1][1] if panels else ())
    )
    return _figure(title, remark, f'{shown}<div class="fax-names">{names}</div>' if panels else "")


def _columns(rows: Sequence[Row]) -> Iterable[str]:
    for row, share in zip(rows, _shares([row["cost"] for row in rows]), strict=True):
        chosen, minor = "fax-chosen" if row["is_chosen"] else "", "fax-minor" if row["is_minor_text"] else ""
        yield (
            f'<span class="{chosen}" title="{escape(row["told"])}"><b class="{minor}">{escape(row["text"])}</b>'
            f'<i style="height:calc((100% - 1.1rem) * {share:.4f})"></i></span>'
        )


def bars(rows: Sequence[Row], title: str, remark: str = "") -> str:
    """Bars from the left, one for each row: its `name`, a bar for its `cost`, its `text`; `told` on hovering."""
    shares = _shares([row["cost"] for row in rows])
    return _bars(((row, 0.0, share) for row, share in zip(rows, shares, strict=True)), title, remark)


def spans(rows: Sequence[Row], title: str, remark: str = "") -> str:
    """The same from `low` to `high`, which are not negative."""
    most = max((row["high"] for row in rows), default=0) or 1
    return _bars(((row, row["low"] / most, (row["high"] - row["low"]) / most) for row in rows), title, remark)


def _bars(places: Iterable[tuple[Row, float, float]], title: str, remark: str) -> str:
    made = "".join(
        f"<span>{escape(row['name'])}</span>"
        f'<i title="{escape(row["told"])}"><b style="left:{left:.2%};width:max(2px,{width:.2%})"></b></i>'
        f"<span>{escape(row['text'])}</span>"
        for row, left, width in places
    )
    return _figure(title, remark, f'<div class="fax-bars">{made}</div>' if made else "")


def _shares(costs: Sequence[float]) -> list[float]:
    """Each cost as a share of the highest; what is below zero has no bar."""
    most = max(costs, default=0)
    return [max(cost, 0) / most if most > 0 else 0.0 for cost in costs]


def _figure(title: str, remark: str, body: str) -> str:
    body = body or '<p class="fax-none">none in this month</p>'
    caption = f"{escape(title)} <small>{escape(remark)}</small>"
    return f'<figure class="fax"><figcaption>{caption}</figcaption>{body}</figure>'


def rows_behind(rows: Sequence[Row], file: str) -> str:
    """The rows behind a chart, folded away: a table, and a link that saves them as CSV, exactly."""
    if not rows:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join(f"<tr>{''.join(map(_cell, row.values()))}</tr>" for row in rows[:MAX_ROWS])
    link = (
        f'<a download="{escape(file)}.csv" href="data:text/csv;base64,{_csv(rows)}">Save {len(rows):,} rows as CSV</a>'
    )
    table = f'<div class="fax-rows"><table><tr>{head}</tr>{body}</table></div>'
    return f'<div class="fax"><details><summary>Rows</summary>{table}{link}</details></div>'


def _cell(value: Any) -> str:
    css = ' class="fax-number"' if isinstance(value, int | float | Decimal) else ""
    return f"<td{css}>{'' if value is None else escape(str(value))}</td>"


def _csv(rows: Sequence[Row]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return b64encode(text.getvalue().encode()).decode()
