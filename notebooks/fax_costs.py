"""What faxes cost: a page to look at, made by marimo from the views `fax.*`.

`uv run marimo run notebooks/fax_costs.py` serves it; `uv run python notebooks/fax_costs.py` runs it without a page.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Fax costs")

with app.setup:
    import os
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

    import marimo as mo

    from notebooks import look, words
    from pipelines import demo
    from pipelines.config import bootstrap
    from pipelines.config.settings import ReportSettings
    from pipelines.costs.money import PAGE_PRICE, ZERO, change, dollars
    from pipelines.costs.month_in_words import minutes
    from pipelines.costs.months import days_of, month_before
    from pipelines.lake import reading
    from pipelines.warehouse import read_only
    from sources.errors import FaxSyncError

    OF_ACCOUNT = "(%s = '' or provider || '/' || account = %s)"  # '' stands for all of them


@app.function
def ask(sql, *values):
    """The rows of a query; the warehouse is open for no longer than that takes."""
    with reading.opened() as read:
        return read(sql, *values)


@app.function
def bar(name, cost, told=""):
    """A row for a chart: how long its bar is, and the amount as text."""
    return {"name": name, "cost": float(cost), "text": dollars(cost), "told": told or f"{name}: {dollars(cost)}"}


@app.cell
def _():
    try:
        if (_file := read_only.database_file()) and not _file.exists() and bootstrap.DEMO_DATABASE.exists():
            os.environ |= demo.warehouse_settings(bootstrap.DEMO_DATABASE)
        is_demo = read_only.database_file() == bootstrap.DEMO_DATABASE
        known = ask("select distinct month, provider, account from fax.monthly_costs order by month desc, 2, 3")
        timezone = ReportSettings.read().timezone
    except FaxSyncError as error:
        mo.stop(
            True,
            mo.callout(
                mo.md(f"No costs to show: {error}. To see some first: `uv run python pipelines/sync.py --demo`")
            ),
        )
    mo.stop(not known, mo.callout(mo.md("There are no faxes in the warehouse yet.")))
    return is_demo, known, timezone


@app.cell
def _(is_demo, known, timezone):
    _months = {f"{row['month']:%Y-%m}": row["month"] for row in known}
    _names = sorted({(row["provider"], row["account"]) for row in known})
    _accounts = {"all accounts": ""} | {"/".join(name).removesuffix("/default"): "/".join(name) for name in _names}
    month = mo.ui.dropdown(_months, value=next(iter(_months)), label="Month")
    account = mo.ui.dropdown(_accounts, value="all accounts", label="Account")
    _what = "Made-up faxes of the demonstration" if is_demo else "Your warehouse"
    mo.vstack(
        [
            mo.md(f"# Fax costs\n\n{_what} · US dollars · days and months of {timezone} · test faxes are left out"),
            mo.hstack([month, account], justify="start", gap=2),
        ]
    )
    return account, month


@app.cell
def _(account, month):
    _sql = f"""
        select month
            , cast(sum(faxes) as bigint) as faxes
            , cast(sum(open_faxes) as bigint) as still
            , cast(sum(pages) as bigint) as pages
            , sum(cost_usd) as cost_usd
        from fax.monthly_costs
        where month in (%s, %s) and {OF_ACCOUNT}
        group by 1
    """
    _none = {"faxes": 0, "still": 0, "pages": 0, "cost_usd": ZERO}
    _rows = {row["month"]: row for row in ask(_sql, month.value, month_before(month.value), *[account.value] * 2)}
    _now, _then = _rows.get(month.value, _none), _rows.get(month_before(month.value), _none)
    _so_far = ask(
        f"select * from fax.month_to_date where month = %s and {OF_ACCOUNT}", month.value, *[account.value] * 2
    )
    _against = sum((row["last_month_cost_usd"] for row in _so_far), ZERO) if _so_far else _then["cost_usd"]
    _likely = [row["forecast_usd"] for row in _so_far]
    _pages = _now["pages"]
    mo.Html(
        look.figures(
            [
                (dollars(_now["cost_usd"]), f"in {month.value:%B %Y}", "so far" if _so_far else ""),
                (
                    change(_now["cost_usd"], _against).partition(" ")[0],
                    f"against {month_before(month.value):%B}",
                    f"{dollars(_against)}{' by the same day' if _so_far else ''}",
                ),
                *(
                    [(dollars(sum(_likely, ZERO)), "forecast", "for the whole month")]
                    if _so_far and all(_likely)
                    else []
                ),
                (f"{_now['faxes']:,}", "faxes", f"{_now['still']:,} still open" if _now["still"] else ""),
                (f"{_pages:,}", "pages", f"{dollars(_now['cost_usd'] / _pages, PAGE_PRICE)} a page" if _pages else ""),
            ]
        )
    )
    return


@app.cell
def _(account, month):
    _rows = ask(
        f"select month, provider, sum(cost_usd) as cost_usd from fax.monthly_costs where {OF_ACCOUNT} group by 1, 2",
        *[account.value] * 2,
    )
    _latest = sorted({row["month"] for row in _rows})[-13:]
    _bars = [
        bar("", row["cost_usd"], f"{row['provider']}, {row['month']:%B %Y}: {dollars(row['cost_usd'])}")
        | {"month": f"{row['month']:%b %Y}", "provider": row["provider"]}
        for row in sorted(_rows, key=lambda row: (row["month"], row["provider"]))
        if row["month"] in _latest
    ]
    look.months(_bars, f"{month.value:%b %Y}", "What each month cost at each provider, US$")
    return


@app.cell
def _(account, month):
    _sql = f"""
        select day, sum(cost_usd) as cost_usd from fax.daily_costs
        where day >= %s and day < %s + interval '1 month' and {OF_ACCOUNT}
        group by 1
    """
    _spent = {row["day"]: row["cost_usd"] for row in ask(_sql, month.value, month.value, *[account.value] * 2)}
    _most = max(_spent.values(), default=ZERO)
    _days = [
        bar("", cost, f"{day:%A, %-d %B}: {dollars(cost)}")
        | {"day": day, "label": dollars(cost) if cost == _most else ""}
        for day in days_of(month.value)
        for cost in [_spent.get(day, ZERO)]
    ]
    look.days([{**row, "day": row["day"].day} for row in _days], f"What each day of {month.value:%B} cost, US$")
    return


@app.cell
def _(account, month):
    _sql = f"""
        select country_code, area_code, sum(cost_usd) as cost_usd, count(*) as deliveries
        from fax.deliveries
        where month = %s and direction = 'sent' and {OF_ACCOUNT}
        group by 1, 2
        order by cost_usd desc, 1, 2
        limit 10
    """
    _rows = ask(_sql, month.value, *[account.value] * 2)
    by_destination = look.across(
        [bar(words.destination(row), row["cost_usd"], f"{row['deliveries']:,} deliveries") for row in _rows],
        "Sent faxes by destination, US$",
    )
    return (by_destination,)


@app.cell
def _(account, month):
    _sql = f"""
        select name, value, sum(cost_usd) as cost_usd, cast(sum(faxes) as bigint) as faxes
        from fax.cost_by_tag
        where month = %s and (is_tagged or name is null) and {OF_ACCOUNT}
        group by 1, 2
        order by cost_usd desc, 1, 2
        limit 10
    """
    _rows = ask(_sql, month.value, *[account.value] * 2)
    by_tag = look.across(
        [bar(words.tag(row), row["cost_usd"], f"{row['faxes']:,} faxes") for row in _rows],
        "By tag, US$; a fax stands under each of its tags",
    )
    return (by_tag,)


@app.cell
def _(by_destination, by_tag):
    mo.hstack([by_destination, by_tag], widths="equal", gap=2)
    return


@app.cell
def _(account, month):
    _sql = f"""
        select provider, error_type, error_code
            , cast(sum(failures) as bigint) as failures
            , cast(sum(retried) as bigint) as retried
            , sum(cost_usd) as cost_usd
        from fax.delivery_failures
        where month = %s and {OF_ACCOUNT}
        group by 1, 2, 3
        order by failures desc, cost_usd desc, 1, 2, 3
    """
    _rows = ask(_sql, month.value, *[account.value] * 2)
    _failed, _cost = sum(row["failures"] for row in _rows), sum((row["cost_usd"] for row in _rows), ZERO)
    failures = look.across(
        [
            bar(words.error(row), row["cost_usd"], f"{row['retried']:,} of {row['failures']:,} were tried again")
            | {"cost": row["failures"], "text": f"{row['failures']:,}, {dollars(row['cost_usd'])}"}
            for row in _rows[:10]
        ],
        f"Failed deliveries: {_failed:,}, which cost {dollars(_cost)}",
    )
    return (failures,)


@app.cell
def _(account, month):
    _sql = f"""
        select month, provider, account, median_seconds, p95_seconds from fax.time_to_deliver
        where month <= %s and {OF_ACCOUNT} order by month, provider, account
    """
    _rows = ask(_sql, month.value, *[account.value] * 2)
    _slowest = {row["month"]: row for row in sorted(_rows, key=lambda row: row["p95_seconds"])}
    to_deliver = look.spans(
        [
            {
                "month": f"{row['month']:%b}",
                "median": float(row["median_seconds"]) / 60,
                "p95": float(row["p95_seconds"]) / 60,
                "told": f"{minutes(row['median_seconds'])}, 95 of 100 {minutes(row['p95_seconds'])}",
            }
            for _, row in sorted(_slowest.items())[-6:]
        ],
        f"From creation to delivery, minutes{', of the slowest account' if len(_rows) > len(_slowest) else ''}",
    )
    return (to_deliver,)


@app.cell
def _(failures, to_deliver):
    mo.hstack([failures, to_deliver], widths="equal", gap=2)
    return


@app.cell
def _(month):
    _sql = """
        select country_code, area_code, provider, usd_per_page, is_cheapest from fax.cost_per_page
        where month = %s and direction = 'sent' and providers > 1 and usd_per_page is not null
        order by country_code, area_code, provider
    """
    _rows = ask(_sql, month.value)
    _marks = [
        bar(
            words.destination(row),
            row["usd_per_page"],
            f"{row['provider']}: {dollars(row['usd_per_page'], PAGE_PRICE)}",
        )
        | {"provider": row["provider"]}
        for row in _rows
    ]
    compared = look.compared(
        _marks, sorted({row["provider"] for row in _rows}), "The same where both sent, by destination, US$"
    )
    return (compared,)


@app.cell
def _(month):
    _sql = """
        select provider, sum(cost_usd) as cost_usd, cast(sum(delivered_pages) as bigint) as pages
        from fax.cost_per_page
        where month = %s and direction = 'sent'
        group by 1
        order by 1
    """
    _prices = {row["provider"]: row["cost_usd"] / row["pages"] for row in ask(_sql, month.value) if row["pages"]}
    per_page = look.across(
        [bar(provider, price) | {"text": dollars(price, PAGE_PRICE)} for provider, price in _prices.items()],
        "A delivered page of all sent faxes, US$",
    )
    return (per_page,)


@app.cell
def _(compared, per_page):
    mo.hstack([per_page, compared], widths="equal", gap=2)
    return


if __name__ == "__main__":
    app.run()
