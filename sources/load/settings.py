"""The settings that every provider has: what may stand under `[sources]`, and is told there."""

from datetime import datetime, timedelta

from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration

from sources.http.limits import Limits
from sources.load.ranges import Range, number_within, require_within
from sources.load.run_request import Horizon
from sources.records.new_fields import Contract

_CENTURY = 36_500  # days
_RANGES: dict[str, Range] = {
    "lookback_days": (0, _CENTURY),
    "reread_days": (0, _CENTURY),
    "reread_calls": (0, 1_000_000),
    "lag_seconds": (0, 86_400),
    "retry_seconds": (0, 86_400),
    "connections": (1, 100),
    "requests_per_second": (0, 10_000),
}
_WORDS = {
    "start_date": "a date or a time such as 2024-01-01 or 2024-01-01T12:00:00Z",
    "schema_contract": "one of evolve, discard and freeze",
}


def allowed(key: str) -> str:
    """What the setting of this key may be, in words."""
    return number_within(_RANGES[key]) if key in _RANGES else _WORDS.get(key, "of another type")


@configspec
class SourceSettings(BaseConfiguration):
    """How an account is read; a provider adds its credentials."""

    base_url: str = ""
    start_date: datetime | None = None
    lookback_days: float = 3.0
    reread_days: float = 30.0
    reread_calls: int = 100
    schema_contract: Contract = "evolve"
    lag_seconds: float = 60.0
    retry_seconds: float = 120.0
    connections: int = 4
    requests_per_second: float = 0.0
    proxy: str = ""
    ca_bundle: str = ""

    def require_allowed(self) -> None:
        """Raises:
        ConfigError: a number is out of its range.
        """
        for key in self.get_resolvable_fields():
            require_within(key, getattr(self, key), _RANGES.get(key))

    def limits(self) -> Limits:
        """How the provider is asked."""
        return Limits(
            retry_seconds=self.retry_seconds,
            connections=self.connections,
            requests_per_second=self.requests_per_second,
            proxy=self.proxy,
            ca_bundle=self.ca_bundle,
        )

    def horizon(self, earliest: datetime) -> Horizon:
        """How far a run looks, if the provider has nothing before `earliest`."""
        return Horizon(
            start=self.start_date or earliest,
            lookback=timedelta(days=self.lookback_days),
            reread=timedelta(days=self.reread_days),
            calls=self.reread_calls,
            contract=self.schema_contract,
            lag=timedelta(seconds=self.lag_seconds),
        )
