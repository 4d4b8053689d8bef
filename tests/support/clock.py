"""A clock of the test's own: it moves when somebody sleeps, and nobody waits."""

from dataclasses import dataclass, field


@dataclass
class Clock:
    """Seconds that have passed, and how long was slept."""

    seconds: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        """The time now."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Lets so much time pass."""
        self.slept.append(seconds)
        self.seconds += seconds
