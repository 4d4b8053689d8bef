"""An invoice and the faxes of its period: the difference, and the classes that explain it to the cent.

No provider documents what its invoices leave out. Each class of faxes therefore explains its whole amount or nothing:
of all choices, the one with the fewest classes that leaves less than the rounding of an invoice, else the one that
leaves least.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from pipelines.config.bootstrap import command
from pipelines.costs.money import ZERO
from pipelines.invoices.faxes import Faxes
from pipelines.invoices.lines import FAXES, KINDS, USD, Line
from sources.window import Window

ROUNDING = Decimal("0.005")  # the most that the amount of an invoice in whole cents is off
AGREES, DIFFERS, NO_VERDICT = "agrees", "does not agree", "no verdict"


@dataclass(frozen=True)
class Class:
    """A class of what may differ: `possible_usd` is its whole amount, `explains_usd` what it has of the difference."""

    name: str
    meaning: str
    count: int
    possible_usd: Decimal
    explains_usd: Decimal = ZERO


@dataclass(frozen=True)
class Reconciliation:
    """An account's invoice of a period, held against the warehouse; amounts are US dollars, invoice less warehouse."""

    lines: tuple[Line, ...]
    window: Window
    faxes: Faxes
    not_proven: tuple[Window, ...]
    classes: tuple[Class, ...]
    unexplained_usd: Decimal
    others: tuple[tuple[str, ...], ...]  # the meanings of other classes that explain as much

    @property
    def invoice_usd(self) -> Decimal:
        """The sum of the lines in US dollars."""
        return _total(self.lines)

    @property
    def difference_usd(self) -> Decimal:
        """The invoice less the cost of the faxes created in its period."""
        return self.invoice_usd - self.faxes.by_creation_usd

    @property
    def other_currencies(self) -> dict[str, Decimal]:
        """The sum of the lines in each other currency, which are compared with nothing."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for line in self.lines:
            if line.currency != USD:
                sums[line.currency] += line.amount
        return dict(sums)

    @property
    def reason(self) -> str:
        """Why there is no verdict, and what to do; empty if there is one."""
        if self.not_proven:
            hole = self.not_proven[0]
            more = f" and {len(self.not_proven) - 1} more" if len(self.not_proven) > 1 else ""
            return (
                f"{hole}{more} is not proven: run {command('sync')} after the end of the period, then "
                f"{command('check')}, which says what keeps it from being proven"
            )
        if foreign := [line for line in self.lines if line.kind == FAXES and line.currency != USD]:
            return f"{foreign[0].place}: faxes in {foreign[0].currency} are compared with nothing: costs are in {USD}"
        return ""

    @property
    def verdict(self) -> str:
        """Whether the two agree; a verdict needs every part of the period proven, and faxes in US dollars only."""
        if self.reason:
            return NO_VERDICT
        return DIFFERS if self.unexplained_usd else AGREES


def reconcile(lines: Collection[Line], window: Window, faxes: Faxes, not_proven: Collection[Window]) -> Reconciliation:
    """The lines of one account and period, held against its faxes."""
    candidates = list(_of_faxes(faxes))
    no_faxes = list(_of_lines(lines))
    rest = _total(line for line in lines if line.kind == FAXES) - faxes.by_creation_usd
    chosen, *others = _explanations(rest, candidates)
    rest -= sum((candidate.possible_usd for candidate in chosen), ZERO)
    explained = [_explaining(each, each.possible_usd if each in chosen else ZERO) for each in candidates]
    rounding = rest if abs(rest) <= ROUNDING else ZERO
    rest -= rounding
    missing = rest if not_proven and rest > 0 else ZERO  # faxes that were not read can only add to an invoice
    classes = (
        *explained,
        *no_faxes,
        Class("rounding", "rounding, half a cent at most", 0, rounding, rounding),
        Class("not_proven", "parts of the period that are not proven", len(not_proven), missing, missing),
    )
    named = tuple(tuple(each.meaning for each in other) for other in others)
    return Reconciliation(tuple(lines), window, faxes, tuple(not_proven), classes, rest - missing, named)


def _of_faxes(faxes: Faxes) -> Iterator[Class]:
    """What an invoice may have, or leave out, other than the sum of the costs."""
    yield Class("open", "open faxes, without their cost so far", faxes.open.faxes, -faxes.open.cost_usd)
    yield Class(
        "unpriced",
        "final faxes without a price, at the usual price a page",
        faxes.unpriced.faxes,
        faxes.unpriced.cost_usd,
    )
    yield Class(
        "other_currency",
        f"final faxes priced in other currencies than {USD}, at the usual price a page",
        faxes.foreign.faxes,
        faxes.foreign.cost_usd,
    )
    yield Class(
        "completed_elsewhen",
        "faxes by their completion, in or out of the period",
        faxes.earlier.faxes + faxes.later.faxes,
        faxes.earlier.cost_usd - faxes.later.cost_usd,
    )
    yield Class("deleted", "deleted faxes, left out", faxes.deleted.faxes, -faxes.deleted.cost_usd)
    yield Class("test", "test faxes, charged", faxes.test.faxes, faxes.test.cost_usd)


def _of_lines(lines: Collection[Line]) -> Iterator[Class]:
    """The lines that are no faxes, by kind, and those in other currencies."""
    for kind in KINDS:
        if kind != FAXES:
            of_kind = [line for line in lines if line.kind == kind and line.currency == USD]
            amount = _total(of_kind)
            yield Class(kind, f"lines of kind {kind}", len(of_kind), amount, amount)
    foreign = sum(line.currency != USD for line in lines)
    yield Class("lines_in_other_currencies", f"lines in other currencies than {USD}, not compared", foreign, ZERO)


def _explanations(difference: Decimal, candidates: Collection[Class]) -> list[tuple[Class, ...]]:
    """The choices of classes whose amounts together come nearest to the difference, with as few classes as possible."""
    with_amount = [candidate for candidate in candidates if candidate.possible_usd]
    choices = [chosen for count in range(len(with_amount) + 1) for chosen in combinations(with_amount, count)]

    def rank(chosen: tuple[Class, ...]) -> tuple[Decimal, int]:
        rest = abs(difference - sum((candidate.possible_usd for candidate in chosen), ZERO))
        return (ZERO if rest <= ROUNDING else rest), len(chosen)

    best = min(map(rank, choices))
    return [chosen for chosen in choices if rank(chosen) == best]


def _explaining(candidate: Class, amount: Decimal) -> Class:
    return Class(candidate.name, candidate.meaning, candidate.count, candidate.possible_usd, amount)


def _total(lines: Iterable[Line]) -> Decimal:
    """The sum of the lines in US dollars."""
    return sum((line.amount for line in lines if line.currency == USD), ZERO)
