"""The tables of the report's screen."""

from decimal import Decimal

from rich.table import Table
from rich.text import Text

from pipelines.config.accounts import Account
from pipelines.costs.bars import bar
from pipelines.costs.figures import MonthFigures
from pipelines.costs.money import PAGE_PRICE, change, dollars, share
from pipelines.warehouse.read_only import Row

TOP, TOP_FAILURES, TOP_ACCOUNTS, BAR = 8, 4, 4, 10


def accounts(figures: MonthFigures) -> Table:
    """One row per account, with the change from the month before."""
    table = _table("", "faxes", "pages", "delivered", "cost", "a page", "against the month before")
    for account in figures.accounts[:TOP_ACCOUNTS]:
        table.add_row(
            _plain(account),
            f"{account.faxes:,}",
            f"{account.pages:,}",
            share(account.delivered, account.ended),
            dollars(account.cost_usd),
            dollars(account.cost_usd / account.pages, PAGE_PRICE) if account.pages else "–",
            change(account.cost_usd, account.before_usd),
        )
    return table


def most_expensive(figures: MonthFigures) -> Table:
    """The first rows of the breakdown, with a bar for the cost of each."""
    by = figures.selection.by
    heads = {"number": ("own number", "other party"), "tag": ("tag", "value"), "account": ("account", "direction")}
    counted = "deliveries" if by == "number" else "faxes"
    left = [*heads[by], "provider"][: 3 if by != "account" else 2]
    table = _table(*left, counted, "pages", "cost", "", left=len(left))
    table.columns[-1].justify = "left"
    table.columns[-1].min_width = BAR
    most = max((row["cost_usd"] for row in figures.breakdown), default=Decimal(0))
    for row in figures.breakdown[:TOP]:
        counts = (f"{row[counted]:,}", f"{row['pages']:,}", dollars(row["cost_usd"]))
        table.add_row(*_names(by, row), *counts, Text(bar(row["cost_usd"], most, BAR), style="cyan"))
    return table


def _names(by: str, row: Row) -> list[Text]:
    """The cells that name a row of the breakdown."""
    where = Account(row["provider"], row["account"])
    if by == "number":
        arrow = {"sent": "→", "received": "←"}.get(row["direction"], " ")
        return [_plain(row["own_number"]), _plain(f"{arrow} {row['other_number'] or '–'}"), _plain(where)]
    if by == "tag":
        return [*_tag(row), _plain(where)]
    return [_plain(where), _plain(row["direction"])]


def _tag(row: Row) -> list[Text]:
    """The name and the value of a tag; the faxes without it are told from those whose value is empty."""
    if row["name"] is None:
        return [_plain("no tag at all"), _plain(None)]
    value = "(empty)" if row["value"] == "" else row["value"]
    return [_plain(row["name"] or "(empty)"), _plain(value if row["is_tagged"] else "without this tag")]


def failures(figures: MonthFigures) -> Table:
    """One row per error with which deliveries failed."""
    table = _table("", "error", "direction", "failures", "retried", "pages", "cost", left=3)
    for row in figures.failures[:TOP_FAILURES]:
        where = Account(row["provider"], row["account"])
        error = " ".join(filter(None, (row["error_type"], row["error_code"])))
        counts = (f"{row[name]:,}" for name in ("failures", "retried", "pages"))
        table.add_row(_plain(where), _plain(error), _plain(row["direction"]), *counts, dollars(row["cost_usd"]))
    return table


def _table(*heads: str, left: int = 1) -> Table:
    """A table with dim heads; its first `left` columns are left-aligned, the others right-aligned."""
    table = Table(box=None, expand=True, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place < left else "right", no_wrap=True, overflow="ellipsis")
    return table


def _plain(value: object) -> Text:
    """A provider's text, with control characters replaced; a dash for an empty one."""
    text = "–" if value is None or value == "" else str(value)
    return Text("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text))
