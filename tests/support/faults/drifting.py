"""Schema evolution at random: fields appear, disappear, nest, change their type, and collide with others."""

from collections.abc import Callable
from random import Random
from typing import Any

NAMES = ("Region", "region", "REGION", "region_", "Cost Center", "cost-center", "costCenter", "status2", "a__b", "日本")
NESTED = ("meta", "Meta", "marks", "line info")
VALUES: tuple[Callable[[int], Any], ...] = (  # each is like no other value, by the number of the change
    lambda number: 700_000 + number,
    lambda number: -700_000 - number,
    lambda number: 2**63 + number,
    lambda number: 700_000.5 + number,
    lambda number: f"text {number}, ünï",
    lambda number: str(800_000 + number),
    lambda number: [number, f"x{number}"],
    lambda number: {"a": {"b": [number]}},
    lambda number: number % 2 == 0,
)


class Drift:
    """The new fields of a provider's records, which change from time to time."""

    def __init__(self, seed: int) -> None:
        self.fields: dict[str, Any] = {}
        self._random = Random(seed)
        self._count = 0

    def change(self) -> None:
        """Changes the fields once."""
        self._count += 1
        kind = self._random.choice(("new", "new", "nested", "flip", "flip", "vanish", "collide"))
        if kind == "vanish" and self.fields:
            del self.fields[self._random.choice(sorted(self.fields))]
        elif kind == "flip" and self.fields:
            self.fields[self._random.choice(sorted(self.fields))] = self._value()
        elif kind == "nested":
            self.fields[self._random.choice(NESTED)] = {f"key {self._count}": [self._value()]}
        elif kind == "collide":
            self.fields[self._random.choice(NAMES)] = self._value()
        else:
            self.fields[f"field {self._random.randint(1, 40)}"] = self._value()

    def _value(self) -> Any:
        return self._random.choice(VALUES)(self._count)
