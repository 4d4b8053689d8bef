"""Reconciliations on a terminal: a table for each invoice, its verdict, and what to do."""

from collections.abc import Collection
from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.config.bootstrap import command
from pipelines.costs.money import CENT, dollars
from pipelines.invoices.period import billing_zone
from pipelines.invoices.reconciliation import AGREES, DIFFERS, Class, Reconciliation

WIDEST = 100
_STYLES = {AGREES: "green", DIFFERS: "red"}


def show(reconciliations: Collection[Reconciliation]) -> None:
    """Prints the tables."""
    console = Console(highlight=False)
    console.width = min(console.width, WIDEST) if console.is_terminal else WIDEST
    for place, each in enumerate(reconciliations):
        if place:
            console.print()
        _show(console, each)


def _show(console: Console, found: Reconciliation) -> None:
    line, faxes = found.lines[0], found.faxes
    head = f"{line.account_name}, {line.period} ({billing_zone(line.provider)}): "
    style = _STYLES.get(found.verdict, "yellow")
    console.print(Text.assemble(head, (found.verdict, "bold"), style=style), soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right", style="dim")
    table.add_column(justify="right", no_wrap=True)
    table.add_row("invoice", _count(len(found.lines), "line"), exact(found.invoice_usd))
    table.add_row("warehouse, by creation", _count(faxes.created, "fax", "es"), exact(faxes.by_creation_usd))
    if faxes.by_completion_usd != faxes.by_creation_usd:
        table.add_row("warehouse, by completion", "", exact(faxes.by_completion_usd), style="dim")
    table.add_row("difference", "", exact(found.difference_usd), style="bold")
    for each in found.classes:
        if each.count or each.explains_usd:
            table.add_row(f"  {each.meaning}", _detail(each), exact(each.explains_usd))
    table.add_row("unexplained", "", exact(found.unexplained_usd), style="bold")
    console.print(table)
    for note in notes(found):
        console.print(note, markup=False, soft_wrap=True)


def notes(found: Reconciliation) -> list[str]:
    """One sentence for each thing that a reader of the figures must know, with what to do."""
    line, faxes = found.lines[0], found.faxes
    told = [found.reason] if found.reason else []
    if found.verdict == DIFFERS:
        told.append(
            f"{exact(found.unexplained_usd)} is not explained: look for a line that is missing or has the wrong kind, "
            f"run {command('sync')} --since {found.window.start:%Y-%m-%d} --until {found.window.end:%Y-%m-%dT%H:%M} "
            "--refetch, then ask the provider"
        )
    told += [f"these classes explain as much: {'; '.join(other)}" for other in found.others]
    if not faxes.created:
        told.append(
            f"{line.account_name} has no fax created in the period: check the account and the dates of the line"
        )
    told += [
        f"{each.place}: {each.amount} {each.currency} counts as a credit: if it is a charge, remove the sign"
        for each in found.lines
        if each.amount < 0
    ]
    told += [f"{amount:,f} {currency} is not compared" for currency, amount in found.other_currencies.items()]
    if unknown := sum(part.unknown for part in (*faxes.without_cost, faxes.deleted)):
        told.append(
            f"{_count(unknown, 'fax', 'es')} without a price, and none can be computed: what the invoice has for "
            "them is in the unexplained amount"
        )
    return told


def exact(amount: Decimal) -> str:
    """The amount in dollars, with all the decimals that it has, at least two."""
    return dollars(amount, CENT if amount == amount.quantize(CENT) else amount.normalize())


def _detail(each: Class) -> str:
    """How many there are, and their amount if it explains nothing."""
    count = f"{each.count:,}" if each.count else ""
    return count if each.explains_usd == each.possible_usd else f"{count}, worth {exact(each.possible_usd)}"


def _count(count: int, noun: str, plural: str = "s") -> str:
    return f"{count:,} {noun}{'' if count == 1 else plural}"
