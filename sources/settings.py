"""The settings that every provider has: what may stand under `[sources]`, and is told there."""

from datetime import datetime, timedelta

from dlt.common.configuration import configspec
from dlt.common.configuration.specs import BaseConfiguration

from sources.allowed import require_allowed
from sources.learnt import Contract
from sources.limits import Limits
from sources.plan import Horizon


@configspec
class SourceSettings(BaseConfiguration):
    """How an account is read; a provider adds its credentials."""

    base_url: str = ""
    start_date: datetime | None = None
    lookback_days: float = 3.0
    reread_days: float = 30.0
    reread_calls: int = 100
    schema_contract: Contract = "evolve"
    retry_seconds: float = 120.0
    connections: int = 4
    requests_per_second: float = 0.0
    ca_bundle: str = ""

    def require_allowed(self) -> None:
        """Raises:
        ConfigError: a number is out of its range.
        """
        for key in self.get_resolvable_fields():
            require_allowed(key, getattr(self, key))

    def limits(self) -> Limits:
        """How the provider is asked."""
        return Limits(
            retry_seconds=self.retry_seconds,
            connections=self.connections,
            requests_per_second=self.requests_per_second,
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
        )
