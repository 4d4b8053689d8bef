"""A page with every figure of the notebook, with rows of every number: what tests/notebooks/test_charts.py looks at."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", css_file="../../notebooks/fax_costs.css")

with app.setup:
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

    import marimo as mo

    from notebooks import look

    LONG = "a name that is much longer than there is room for it beside a bar " * 3


@app.function
def rows(count, name="{}", cost=1.25):
    """Rows that fit every figure."""
    return [
        {
            "name": name.format(number),
            "cost": cost * number,
            "text": f"${cost * number:.2f} · 12%",
            "told": f"{number}",
            "is_chosen": number == 1,
            "is_minor_name": number % 7 != 1,
            "is_minor_text": number != 1,
            "low": 1.5 * number,
            "high": 4.5 * number,
        }
        for number in range(count)
    ]


@app.cell
def _():
    cases = {
        "none": rows(0),
        "one": rows(1),
        "thirteen": rows(13),
        "thirty": rows(31),
        "no cost": rows(6, cost=0.0),
        "credits": rows(6, cost=-3.5),
        "long names": rows(6, name=LONG + "{}"),
        "one long word": rows(6, name=LONG.replace(" ", "") + "{}"),
    }
    shown = []
    for title, made in cases.items():
        shown += [
            look.columns([("one", rows(len(made))), ("two", rows(len(made), cost=-2))] if made else [], title),
            look.page(look.bars(made, title), look.spans(made, title, "remark")),
            look.rows_behind(made, title),
        ]
    mo.Html("".join(shown))


if __name__ == "__main__":
    app.run()
