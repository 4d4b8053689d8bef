"""Bars made of characters."""

from collections.abc import Sequence
from decimal import Decimal

_RISING = " ▁▂▃▄▅▆▇█"


def bar(part: Decimal, whole: Decimal, width: int) -> str:
    """A horizontal bar: `width` characters for the whole, at least half a character for any part above 0."""
    halves = _steps(part, whole, 2 * width)
    return "━" * (halves // 2) + "╸" * (halves % 2)


def columns(amounts: Sequence[Decimal], height: int = 2) -> list[str]:
    """The lines of a column chart: a column per amount, spaces between; the highest amount has the full height."""
    most = max(amounts, default=Decimal(0))
    steps = [_steps(amount, most, 8 * height) for amount in amounts]
    floors = reversed(range(height))
    return [" ".join(_RISING[min(8, max(0, step - 8 * floor))] for step in steps) for floor in floors]


def _steps(part: Decimal, whole: Decimal, most: int) -> int:
    if part <= 0 or whole <= 0:
        return 0
    return max(1, round(most * part / whole))
