"""A clock for tests: `sleep` advances it without waiting."""

from dataclasses import dataclass, field


@dataclass
class Clock:
    """The seconds passed, and the sleeps."""

    seconds: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        """The current time, seconds."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Advances the clock."""
        self.slept.append(seconds)
        self.seconds += seconds
