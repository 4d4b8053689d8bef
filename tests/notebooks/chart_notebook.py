"""A page with every chart of the notebook, with rows of every number: what tests/notebooks/test_charts.py looks at."""

import marimo

app = marimo.App(width="medium")

with app.setup:
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

    import marimo as mo

    from notebooks import look

    LONG = "a name that is much longer than there is room for it beside a chart " * 3


@app.function
def rows(count, name="name {}", cost=1.25, providers=2):
    """Rows that fit every chart."""
    return [
        {
            "name": name.format(number if providers == 1 else number // 2),
            "cost": cost * number,
            "text": f"${cost * number:.2f}",
            "told": f"{number}",
            "month": f"month {number // providers % 13}",
            "day": number % 31 + 1,
            "label": "",
            "provider": f"provider {number % providers}",
            "median": 1.5 * number,
            "p95": 4.5 * number,
        }
        for number in range(count)
    ]


@app.cell
def _():
    cases = {
        "none": rows(0),
        "one": rows(1),
        "one provider": rows(10, providers=1),
        "two providers": rows(20),
        "twenty accounts": rows(40, providers=20),
        "no cost": rows(6, cost=0.0),
        "credits": rows(6, cost=-3.5),
        "long names": rows(6, name=LONG + "{}"),
    }
    shown = []
    for title, made in cases.items():
        providers = sorted({row["provider"] for row in made})
        shown += [
            look.months(made, "month 0", title),
            look.days(made, title),
            mo.hstack([look.across(made[::2], title), look.across(made[:10], title)], widths="equal", gap=2),
            mo.hstack([look.spans(made[:13], title), look.compared(made, providers, title)], widths="equal", gap=2),
        ]
    mo.vstack(shown)


if __name__ == "__main__":
    app.run()
