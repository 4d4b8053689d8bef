"""The settings that every provider has: what may stand under `[sources]`, declared here once.

A declaration is a field with its type, its default, its limits and one sentence of meaning. `pipelines/config` reads,
checks and describes settings by their declarations.
"""

from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from sources.http.limits import DEFAULT_LIMITS, Limits
from sources.load.run_request import Horizon
from sources.records.new_fields import Contract

Secret = Annotated[str, Meta(extra={"secret": True})]  # is read from the environment and secrets.toml only
BaseUrl = Annotated[str, Meta(description="the address of the provider's API")]
_CENTURY = 36_500  # days


class SourceSettings(Struct, kw_only=True, frozen=True):
    """How an account is read; a provider adds its credentials, and the default of its address."""

    base_url: BaseUrl
    start_date: Annotated[
        datetime | None,
        Meta(
            description="how far back the first run reads; by default everything that the provider has",
            examples=["2024-01-01T00:00:00Z"],
            extra={"allowed": "a date or a time such as 2024-01-01 or 2024-01-01T12:00:00Z"},
        ),
    ] = None
    lookback_days: Annotated[
        float,
        Meta(ge=0, le=_CENTURY, description="each run reads these days again: a fax changes after it is created"),
    ] = 3.0
    reread_days: Annotated[
        float,
        Meta(ge=0, le=_CENTURY, description="an open fax beyond the look-back is requested by its id until this age"),
    ] = 30.0
    reread_calls: Annotated[
        int, Meta(ge=0, le=1_000_000, description="the most requests of this kind that one run makes")
    ] = 100
    lag_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=86_400,
            description="how late a fax may appear in the provider's list; each run reads this again",
        ),
    ] = 60.0
    schema_contract: Annotated[
        Contract,
        Meta(
            description="evolve makes a field that is not declared a column, discard leaves it out, freeze ends the run"
        ),
    ] = "evolve"
    retry_seconds: Annotated[
        float, Meta(ge=0, le=86_400, description="how long one run retries in total when the provider fails")
    ] = DEFAULT_LIMITS.retry_seconds
    connections: Annotated[int, Meta(ge=1, le=100, description="how many requests run at the same time")] = (
        DEFAULT_LIMITS.connections
    )
    requests_per_second: Annotated[
        float, Meta(ge=0, le=10_000, description="how many requests start in a second; 0 sets no limit")
    ] = DEFAULT_LIMITS.requests_per_second
    proxy: Annotated[
        str, Meta(description="http://host:port of a proxy; one with a password belongs into secrets.toml")
    ] = ""
    ca_bundle: Annotated[str, Meta(description="a file of CA certificates to trust instead of the public ones")] = ""

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
