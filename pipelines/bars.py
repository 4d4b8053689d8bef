"""Amounts as bars of block characters, eight steps to each."""

from collections.abc import Sequence
from decimal import Decimal

_RISING, _GROWING = " ▁▂▃▄▅▆▇█", " ▏▎▍▌▋▊▉█"


def bar(part: Decimal, whole: Decimal, width: int) -> str:
    """A bar from the left, as wide as the part of the whole; the least part is seen."""
    steps = _steps(part, whole, 8 * width)
    return ("█" * (steps // 8) + _GROWING[steps % 8].strip())[:width]


def columns(amounts: Sequence[Decimal], height: int = 2) -> list[str]:
    """Lines of one column for each amount, with a space between; the highest amount fills them."""
    most = max(amounts, default=Decimal(0))
    steps = [_steps(amount, most, 8 * height) for amount in amounts]
    floors = reversed(range(height))
    return [" ".join(_RISING[min(8, max(0, step - 8 * floor))] for step in steps) for floor in floors]


def _steps(part: Decimal, whole: Decimal, most: int) -> int:
    if part <= 0 or whole <= 0:
        return 0
    return max(1, round(most * part / whole))
