"""The lines of invoices, as a CSV file or the table `fax.invoices` has them, each checked cell by cell."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipelines.config.accounts import DEFAULT, Account
from pipelines.warehouse.read_only import no_account
from sources.errors import WrongUsage

COLUMNS = ("provider", "account", "period_from", "period_to", "currency", "amount", "kind")
FAXES = "faxes"
KINDS = (FAXES, "numbers", "top-up", "tax", "other")
USD = "USD"
_AMOUNT = re.compile(r"-?\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_DATE = re.compile(r"20\d\d-\d\d-\d\d", re.ASCII)
_TOLD, _LONGEST = 3, 40  # problems in one message, characters of a cell in it

Cells = Mapping[str, str | None]


@dataclass(frozen=True)
class Line:
    """A line of an invoice; both dates are days of the period. `place` is where it stands, for messages."""

    place: str
    provider: str
    account: str
    period_from: date
    period_to: date
    currency: str
    amount: Decimal
    kind: str

    @property
    def account_name(self) -> str:
        """The account, as the summary of a sync names it."""
        return str(Account(self.provider, self.account))

    @property
    def period(self) -> str:
        """The first and the last day of the period."""
        return f"{self.period_from} to {self.period_to}"


def parse_lines(rows: Iterable[tuple[str, Cells]], known: Collection[tuple[str, str]]) -> list[Line]:
    """The lines, of the places and cells given; `known` has the provider and account of all that is loaded.

    Raises:
        WrongUsage: a cell is not what its column holds, or two periods of an account overlap.
    """
    lines, problems = [], []
    for place, cells in rows:
        found = [f"{place}: {problem}" for problem in _problems(cells, known)]
        problems += found
        if not found:
            lines.append(_line(place, cells))
    refuse(problems or _overlaps(lines))
    return lines


def refuse(problems: Collection[str]) -> None:
    """Raises the first of the problems.

    Raises:
        WrongUsage: there is one.
    """
    if problems:
        more = len(problems) - _TOLD
        first = "; ".join(list(problems)[:_TOLD])
        raise WrongUsage(first + (f"; and {more} more" if more > 0 else ""))


def _problems(cells: Cells, known: Collection[tuple[str, str]]) -> Iterable[str]:
    """What is wrong with the cells of a line, and what to write instead."""
    provider, account = _account(cells)
    if (provider, account) not in known:
        yield no_account(_quoted(f"{provider}/{account}"), known)
    days = [_day(cells[column]) for column in ("period_from", "period_to")]
    for column, day in zip(("period_from", "period_to"), days, strict=True):
        if day is None:
            yield f"{column} {_quoted(cells[column])} is not a day: write 2026-10-31"
    if all(days) and days[0] > days[1]:  # type: ignore[operator]
        yield f"the period ends on {days[1]}, before it begins on {days[0]}: period_to is its last day"
    if not re.fullmatch(r"[A-Za-z]{3}", _text(cells["currency"])):
        yield f"currency {_quoted(cells['currency'])} is not a currency: write USD"
    if not _AMOUNT.fullmatch(_text(cells["amount"])):
        yield (
            f"amount {_quoted(cells['amount'])} is not an amount: write 1234.56, with a point before the cents, "
            "at most six decimals, and nothing between the thousands"
        )
    if _text(cells["kind"]).lower() not in KINDS:
        yield f"kind {_quoted(cells['kind'])} is not a kind: write one of {', '.join(KINDS)}"


def _line(place: str, cells: Cells) -> Line:
    provider, account = _account(cells)
    first, last = (date.fromisoformat(_text(cells[column])) for column in ("period_from", "period_to"))
    amount = Decimal(_text(cells["amount"]))
    currency, kind = _text(cells["currency"]).upper(), _text(cells["kind"]).lower()
    return Line(place, provider, account, first, last, currency, amount, kind)


def _overlaps(lines: Collection[Line]) -> list[str]:
    """One sentence for each period that overlaps another one of the same account."""
    firsts: dict[tuple[str, date, date], Line] = {}  # the first line of each period
    for line in lines:
        firsts.setdefault((line.account_name, line.period_from, line.period_to), line)
    problems = []
    furthest: dict[str, Line] = {}  # by account, the line whose period ends last
    for line in (firsts[key] for key in sorted(firsts)):
        before = furthest.get(line.account_name)
        if before and line.period_from <= before.period_to:
            problems.append(
                f"{line.place}: the period {line.period} of {line.account_name} overlaps {before.period} of "
                f"{before.place}: give all lines of an invoice its period, and each day one invoice"
            )
        if not before or line.period_to > before.period_to:
            furthest[line.account_name] = line
    return problems


def _account(cells: Cells) -> tuple[str, str]:
    return _text(cells["provider"]).lower(), _text(cells["account"]) or DEFAULT


def _day(cell: str | None) -> date | None:
    try:
        return date.fromisoformat(_text(cell)) if _DATE.fullmatch(_text(cell)) else None
    except ValueError:
        return None


def _text(cell: str | None) -> str:
    return (cell or "").strip()


def _quoted(cell: str | None) -> str:
    text = _text(cell)
    return ascii(text if len(text) <= _LONGEST else text[:_LONGEST] + "...")
