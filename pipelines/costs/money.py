"""US dollars as text: rounded half to even, from Decimal and never through a float."""

from decimal import ROUND_HALF_EVEN, Decimal

CENT, PAGE_PRICE = Decimal("0.01"), Decimal("0.0001")
ZERO = Decimal("0.000000")


def dollars(amount: Decimal, unit: Decimal = CENT) -> str:
    """The amount as `$1,234.56`, or with as many decimals as `unit` has."""
    rounded = amount.quantize(unit, ROUND_HALF_EVEN)
    return f"{'-' if rounded < 0 else ''}${abs(rounded):,f}"


def change(now: Decimal, before: Decimal) -> str:
    """The difference, as `+$3.10 (+12%)`; without the percentage if `before` is 0."""
    rounded = (now - before).quantize(CENT, ROUND_HALF_EVEN)
    sign = "+" if rounded > 0 else ""
    return f"{sign}{dollars(rounded)}{f' ({share(now - before, before, sign)})' if before else ''}"


def share(part: Decimal | int, whole: Decimal | int, sign: str = "") -> str:
    """The part in whole percent of the whole, as `12%`; a dash if the whole is 0."""
    if not whole:
        return "–"
    return f"{sign}{(Decimal(100) * part / whole).quantize(Decimal(1), ROUND_HALF_EVEN):,f}%"
