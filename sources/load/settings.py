"""The settings under `[sources]`, which every provider has, each declared once.

A declaration is a field with its type, its limits, its default and, below it, one sentence of meaning.
`pipelines/config` reads, checks and describes settings by their declarations.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import FieldInfo

from sources.http.limits import DEFAULT_LIMITS, Limits
from sources.load.run_request import Horizon
from sources.records.new_fields import Contract

Days = Annotated[float, Meta(ge=0, le=36_500)]
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
StartDate = Annotated[
    datetime | None,
    Meta(
        examples=[datetime(2024, 1, 1, tzinfo=UTC)],
        extra={"allowed": "a date or a time such as 2024-01-01 or 2024-01-01T12:00:00Z"},
    ),
]
Secret = Annotated[str, Meta(extra={"secret": True})]  # read from the environment and secrets.toml only


def metas_of(field: FieldInfo) -> list[Meta]:
    """The `Meta` annotations of a setting: limits, examples, whether it is secret."""
    return [meta for meta in getattr(field.type, "__metadata__", ()) if isinstance(meta, Meta)]


def is_secret(field: FieldInfo) -> bool:
    """The setting is declared as a `Secret`."""
    return any((meta.extra or {}).get("secret") for meta in metas_of(field))


class SourceSettings(Struct, kw_only=True, frozen=True):
    """How an account is read. A provider's `Settings` add its credentials and the default of `base_url`."""

    base_url: str
    start_date: StartDate = None
    """How far back the first run reads; by default, everything the provider has."""
    lookback_days: Days = 3.0
    """How many days each run reads again, because faxes change after they are created."""
    reread_days: Days = 30.0
    """An open fax older than the look-back is requested by its id until it is this many days old."""
    reread_calls: Annotated[int, Meta(ge=0, le=1_000_000)] = 100
    """One run makes at most this many of these requests."""
    lag_seconds: Seconds = 60.0
    """How late a fax may appear in the provider's list; each run reads this time again."""
    schema_contract: Contract = "evolve"
    """A new field becomes a column (evolve), is left out (discard), or ends the run (freeze)."""
    retry_seconds: Seconds = DEFAULT_LIMITS.retry_seconds
    """How long one run retries in total, when the provider fails."""
    connections: Annotated[int, Meta(ge=1, le=100)] = DEFAULT_LIMITS.connections
    """How many requests run at the same time."""
    requests_per_second: Annotated[float, Meta(ge=0, le=10_000)] = DEFAULT_LIMITS.requests_per_second
    """How many requests may start in a second; 0 sets no limit."""
    proxy: str = ""
    """`http://host:port` of a proxy; with a password in it, put it into secrets.toml."""
    ca_bundle: str = ""
    """A file of CA certificates to trust instead of the public ones."""

    def limits(self) -> Limits:
        """The limits of the HTTP client: retry, connections, rate, proxy."""
        return Limits(
            retry_seconds=self.retry_seconds,
            connections=self.connections,
            requests_per_second=self.requests_per_second,
            proxy=self.proxy,
            ca_bundle=self.ca_bundle,
        )

    def horizon(self, earliest: datetime) -> Horizon:
        """How far a run reads; the provider has nothing created before `earliest` (UTC)."""
        return Horizon(
            start=self.start_date or earliest,
            lookback=timedelta(days=self.lookback_days),
            reread_age=timedelta(days=self.reread_days),
            max_rereads=self.reread_calls,
            contract=self.schema_contract,
            lag=timedelta(seconds=self.lag_seconds),
        )
