"""What faxes cost: a page to look at, made by marimo from the views `fax.*`.

`uv run marimo run notebooks/fax_costs.py` serves it; `uv run python notebooks/fax_costs.py` runs it without a page.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Fax costs", css_file="fax_costs.css")

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
    from pipelines.costs.figures import balances
    from pipelines.costs.money import PAGE_PRICE, ZERO, change, dollars, share
    from pipelines.costs.month_in_words import balance, minutes
    from pipelines.costs.months import days_of, month_after, month_before
    from pipelines.costs.selection import Selection
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
def bar(name, cost, told="", whole=ZERO):
    """A row for a chart: how long its bar is, and the amount as text, with its share of the whole if one is given."""
    text = f"{dollars(cost)} · {share(cost, whole)}" if whole else dollars(cost)
    return {"name": name, "cost": float(cost), "text": text, "told": told or f"{name}: {text}"}


@app.cell
def _():
    try:
        if (_file := read_only.database_file()) and not _file.exists() and bootstrap.DEMO_DATABASE.exists():
            os.environ |= demo.warehouse_settings(bootstrap.DEMO_DATABASE)
        is_demo = read_only.database_file() == bootstrap.DEMO_DATABASE
        known = ask("select distinct month, provider, account from fax.monthly_costs order by month desc, 2, 3")
        # First the names whose values stand on the most faxes each: a customer rather than an order.
        tag_names = ask(
            "select name from fax.cost_by_tag where is_tagged group by 1"
            " order by sum(faxes) / count(distinct coalesce(value, '')) desc, 1"
        )
        timezone = ReportSettings.read().timezone
    except FaxSyncError as error:
        mo.stop(
            True,
            mo.callout(
                mo.md(f"No costs to show: {error}. To see some first: `uv run python pipelines/sync.py --demo`")
            ),
        )
    mo.stop(not known, mo.callout(mo.md("There are no faxes in the warehouse yet.")))
    return is_demo, known, tag_names, timezone


@app.cell
def _(is_demo, known, tag_names, timezone):
    _months = {f"{row['month']:%Y-%m}": row["month"] for row in known}
    _names = sorted({(row["provider"], row["account"]) for row in known})
    _accounts = {"all accounts": ""} | {"/".join(name).removesuffix("/default"): "/".join(name) for name in _names}
    _tags = {row["name"]: row["name"] for row in tag_names} or {"no tags": ""}
    month = mo.ui.dropdown(_months, value=next(iter(_months)), label="Month")
    account = mo.ui.dropdown(_accounts, value="all accounts", label="Account")
    tag = mo.ui.dropdown(_tags, value=next(iter(_tags)), label="Tag")
    _what = "Made-up faxes of the demonstration" if is_demo else "Your warehouse"
    mo.vstack(
        [
            mo.md(f"# Fax costs\n\n{_what} · US dollars · days and months of {timezone} · test faxes are left out"),
            mo.hstack([month, account, tag], justify="start", gap=2, wrap=True),
        ]
    )
    return account, month, tag


@app.cell
def _(account, month):
    _sql = f"""
        select month
            , cast(sum(faxes) as bigint) as faxes
            , cast(sum(open_faxes) as bigint) as still
            , cast(sum(unpriced_faxes) as bigint) as unpriced
            , cast(sum(pages) as bigint) as pages
            , coalesce(sum(cost_usd), 0) as cost_usd
        from fax.monthly_costs
        where month in (%s, %s) and {OF_ACCOUNT}
        group by 1
    """
    _none = {"faxes": 0, "still": 0, "unpriced": 0, "pages": 0, "cost_usd": ZERO}
    _rows = {row["month"]: row for row in ask(_sql, month.value, month_before(month.value), *[account.value] * 2)}
    _now, _then = _rows.get(month.value, _none), _rows.get(month_before(month.value), _none)
    _so_far = ask(
        f"select * from fax.month_to_date where month = %s and {OF_ACCOUNT}", month.value, *[account.value] * 2
    )
    _against = sum((row["last_month_cost_usd"] for row in _so_far), ZERO) if _so_far else _then["cost_usd"]
    _likely = [row["forecast_usd"] for row in _so_far]
    _pages = _now["pages"]
    _remarks = (("still open", _now["still"]), ("without a cost in US$", _now["unpriced"]))
    mo.Html(
        look.figures(
            [
                (dollars(_now["cost_usd"]), f"in {month.value:%B %Y}", "so far" if _so_far else ""),
                (
                    change(_now["cost_usd"], _against).partition(" ")[0],
                    f"against {month_before(month.value):%B}",
                    f"{change(_now['cost_usd'], _against).partition(' ')[2].strip('()')}, from {dollars(_against)}"
                    f"{' by the same day' if _so_far else ''}".removeprefix(", "),
                ),
                *(
                    [(dollars(sum(_likely, ZERO)), "forecast", "for the whole month")]
                    if _so_far and all(_likely)
                    else []
                ),
                (
                    f"{_now['faxes']:,}",
                    "faxes",
                    ", ".join(f"{faxes:,} {name}" for name, faxes in _remarks if faxes),
                ),
                (f"{_pages:,}", "pages", f"{dollars(_now['cost_usd'] / _pages, PAGE_PRICE)} a page" if _pages else ""),
            ]
        )
    )
    return


@app.cell
def _(account, month):
    with reading.opened() as _read:
        _balance = balance(balances(_read, month.value, Selection(account=account.value)))
    mo.md(f"Balance: {_balance}" if _balance else "")
    return


@app.cell
def _(account, month):
    _rows = ask(
        f"""
        select month, provider, cast(sum(faxes) as bigint) as faxes, cast(sum(pages) as bigint) as pages
            , coalesce(sum(cost_usd), 0) as cost_usd
        from fax.monthly_costs where {OF_ACCOUNT} group by 1, 2 order by 1, 2
        """,
        *[account.value] * 2,
    )
    _latest = sorted({row["month"] for row in _rows})[-13:]
    _costs = {(row["provider"], row["month"]): row["cost_usd"] for row in _rows}
    _panels = [
        (
            provider,
            [
                bar(f"{one:%b %y}", cost, f"{provider}, {one:%B %Y}: {dollars(cost)}")
                | {"is_chosen": one == month.value, "is_minor_text": one != month.value}
                | {"is_minor_name": one.month % 3 != month.value.month % 3}
                for one in _latest
                for cost in [_costs.get((provider, one), ZERO)]
            ],
        )
        for provider in sorted({row["provider"] for row in _rows})
    ]
    mo.Html(
        look.columns(_panels, "What each month cost, US$", "each provider on a scale of its own")
        + look.rows_behind(_rows, "fax-months")
    )
    return


@app.cell
def _(account, month):
    _sql = f"""
        select day, cast(sum(faxes) as bigint) as faxes, cast(sum(pages) as bigint) as pages
            , coalesce(sum(cost_usd), 0) as cost_usd
        from fax.daily_costs
        where day >= %s and day < %s and {OF_ACCOUNT}
        group by 1
        order by 1
    """
    _rows = ask(_sql, month.value, month_after(month.value), *[account.value] * 2)
    _spent = {row["day"]: row["cost_usd"] for row in _rows}
    _most = max(_spent.values(), default=ZERO)
    _days = [
        bar(f"{day:%-d}", cost, f"{day:%A, %-d %B}: {dollars(cost)}")
        | {"text": dollars(cost) if cost == _most and cost else "", "is_chosen": True}
        | {"is_minor_text": False, "is_minor_name": day.day % 7 != 1}
        for day in days_of(month.value)
        for cost in [_spent.get(day, ZERO)]
    ]
    mo.Html(
        look.columns([("", _days)], f"What each day of {month.value:%B} cost, US$")
        + look.rows_behind(_rows, f"fax-days-{month.value:%Y-%m}")
    )
    return


@app.cell
def _(account, month):
    _sql = f"""
        select provider, direction, cast(sum(faxes) as bigint) as faxes, cast(sum(pages) as bigint) as pages
            , coalesce(sum(cost_usd), 0) as cost_usd
        from fax.monthly_costs
        where month = %s and {OF_ACCOUNT}
        group by 1, 2
        order by cost_usd desc, 1, 2
    """
    _rows = ask(_sql, month.value, *[account.value] * 2)
    _whole = sum((row["cost_usd"] for row in _rows), ZERO)
    sent_and_received = look.bars(
        [
            bar(
                f"{row['provider']} {row['direction'] or 'unknown'}", row["cost_usd"], f"{row['faxes']:,} faxes", _whole
            )
            for row in _rows
        ],
        "Sent and received, US$",
    ) + look.rows_behind(_rows, f"fax-directions-{month.value:%Y-%m}")
    return (sent_and_received,)


@app.cell
def _(account, month):
    _sql = f"""
        select country_code, area_code, count(*) as deliveries, cast(sum(pages) as bigint) as pages
            , coalesce(sum(cost_usd), 0) as cost_usd
        from fax.deliveries
        where month = %s and direction = 'sent' and {OF_ACCOUNT}
        group by 1, 2
        order by cost_usd desc, 1, 2
    """
    _rows = ask(_sql, month.value, *[account.value] * 2)
    _whole = sum((row["cost_usd"] for row in _rows), ZERO)
    by_destination = look.bars(
        [
            bar(words.destination(row), row["cost_usd"], f"{row['deliveries']:,} deliveries", _whole)
            for row in _rows[:10]
        ],
        "Sent faxes by destination, US$",
        f"10 of {len(_rows):,}" if len(_rows) > 10 else "",
    ) + look.rows_behind(_rows, f"fax-destinations-{month.value:%Y-%m}")
    return (by_destination,)


@app.cell
def _(account, month, tag):
    _sql = f"""
        select name, is_tagged, value, cast(sum(faxes) as bigint) as faxes, cast(sum(pages) as bigint) as pages
            , coalesce(sum(cost_usd), 0) as cost_usd
        from fax.cost_by_tag
        where month = %s and name = %s and {OF_ACCOUNT}
        group by 1, 2, 3
        order by is_tagged desc, cost_usd desc, 3
    """
    _rows = ask(_sql, month.value, tag.value, *[account.value] * 2)
    _whole = sum((row["cost_usd"] for row in _rows), ZERO)
    _shown = [*[row for row in _rows if row["is_tagged"]][:9], *[row for row in _rows if not row["is_tagged"]]]
    by_tag = look.bars(
        [bar(words.tag(row), row["cost_usd"], f"{row['faxes']:,} faxes", _whole) for row in _shown],
        f"By the tag {tag.value}, US$" if tag.value else "By tag, US$",
        f"{len(_shown)} of {len(_rows):,}" if len(_rows) > len(_shown) else "",
    ) + look.rows_behind(_rows, f"fax-tags-{month.value:%Y-%m}")
    return (by_tag,)


@app.cell
def _(account, month):
    _sql = f"""
        select recipients.provider, recipients.error_type, recipients.error_code
            , max(recipients.error_message) as error_message
            , count(*) as failures
            , sum(recipients.cost_usd) as cost_usd
        from fax.fax_recipients as recipients
        inner join fax.calendar as calendar
            on calendar.quarter = cast(floor(date_part('epoch', recipients.created_at) / 900) as bigint)
        where calendar.month = %s and recipients.outcome = 'failed' and recipients.is_test is not true
            and {OF_ACCOUNT}
        group by 1, 2, 3
        order by failures desc, cost_usd desc, 1, 2, 3
    """
    _rows = ask(_sql, month.value, *[account.value] * 2)
    _failed, _cost = sum(row["failures"] for row in _rows), sum((row["cost_usd"] or ZERO for row in _rows), ZERO)
    failures = look.bars(
        [
            bar(words.error(row), row["cost_usd"] or ZERO)
            | {"cost": row["failures"], "text": f"{row['failures']:,} · {dollars(row['cost_usd'] or ZERO)}"}
            for row in _rows[:10]
        ],
        f"Failed deliveries: {_failed:,}, which cost {dollars(_cost)}",
        f"10 of {len(_rows):,} errors" if len(_rows) > 10 else "",
    ) + look.rows_behind(_rows, f"fax-failures-{month.value:%Y-%m}")
    return (failures,)


@app.cell
def _(account, month):
    _sql = f"""
        select month, provider, account, deliveries, median_seconds, p95_seconds from fax.time_to_deliver
        where month <= %s and {OF_ACCOUNT} order by month, provider, account
    """
    _rows = ask(_sql, month.value, *[account.value] * 2)
    _slowest = {row["month"]: row for row in sorted(_rows, key=lambda row: row["p95_seconds"])}
    to_deliver = look.spans(
        [
            {
                "name": f"{one:%b %Y}",
                "low": float(row["median_seconds"]),
                "high": float(row["p95_seconds"]),
                "text": f"{minutes(row['median_seconds'])} – {minutes(row['p95_seconds'])}",
                "told": f"{row['provider']}: {row['deliveries']:,} deliveries",
            }
            for one, row in sorted(_slowest.items())[-6:]
        ],
        "From creation to delivery",
        f"median to 95th percentile{', of the slowest account' if len(_rows) > len(_slowest) else ''}",
    ) + look.rows_behind(_rows, "fax-times")
    return (to_deliver,)


@app.cell
def _(month):
    _sql = """
        select provider, cast(sum(priced_pages) as bigint) as priced_pages, coalesce(sum(cost_usd), 0) as cost_usd
        from fax.cost_per_page
        where month = %s and direction = 'sent'
        group by 1
        order by 1
    """
    _rows = ask(_sql, month.value)
    _prices = {row["provider"]: row["cost_usd"] / row["priced_pages"] for row in _rows if row["priced_pages"]}
    per_page = look.bars(
        [bar(provider, price) | {"text": dollars(price, PAGE_PRICE)} for provider, price in _prices.items()],
        "A delivered page of all sent faxes, US$",
    ) + look.rows_behind(_rows, f"fax-pages-{month.value:%Y-%m}")
    return (per_page,)


@app.cell
def _(month):
    _sql = """
        select country_code, area_code, provider, deliveries, usd_per_page, is_cheapest from fax.cost_per_page
        where month = %s and direction = 'sent' and providers > 1 and usd_per_page is not null
        order by country_code, area_code, provider
    """
    _rows = ask(_sql, month.value)
    compared = look.bars(
        [
            bar(
                f"{words.destination(row)} · {row['provider']}",
                row["usd_per_page"],
                f"{row['deliveries']:,} deliveries",
            )
            | {"text": dollars(row["usd_per_page"], PAGE_PRICE) + (" ✓ cheapest" if row["is_cheapest"] else "")}
            for row in _rows
        ],
        "A delivered page where several providers sent, US$",
    ) + look.rows_behind(_rows, f"fax-compared-{month.value:%Y-%m}")
    return (compared,)


@app.cell
def _(by_destination, by_tag, compared, failures, per_page, sent_and_received, to_deliver):
    mo.Html(look.page(sent_and_received, per_page, by_destination, by_tag, failures, to_deliver, compared))
    return


if __name__ == "__main__":
    app.run()
