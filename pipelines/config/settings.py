"""The settings of the commands: every section of .dlt/config.toml but `[sources]` and dlt's own, declared here once."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct

from pipelines.config.declaration import read
from sources.errors import ConfigError
from sources.load.settings import Secret
from sources.records.privacy import Handling, Privacy
from sources.window import whole_second

KEY_BYTES = 32  # of HMAC-SHA-256: as long as its digest, RFC 2104
DestinationType = Literal["duckdb", "postgres", "filesystem"]
_CENTURY = 36_500  # days


class Section(Struct, kw_only=True, frozen=True):
    """The settings under one heading."""

    heading: ClassVar[str]

    @classmethod
    def read(cls) -> Self:
        """What is set now, and the defaults of the others.

        Raises:
            ConfigError: one of them is of another type, or not allowed.
        """
        return cls(**read(cls, (cls.heading,), prefix=f"{cls.heading}."))


class SyncSettings(Section, kw_only=True, frozen=True):
    """How a sync loads."""

    heading = "sync"
    schema: Annotated[
        str,
        Meta(
            pattern=r"^[a-z][a-z0-9_]{0,35}\Z",
            description="the schema of the views; the names of the raw schemas start with it",
            extra={"allowed": "a-z, 0-9 and _, begin with a letter, and have 36 letters at most"},
        ),
    ] = "fax"
    heartbeat_minutes: Annotated[
        float,
        Meta(ge=0, le=_CENTURY * 24 * 60, description="how often a run that finds nothing new records that it ran"),
    ] = 60.0
    busy_seconds: Annotated[
        float, Meta(ge=0, le=86_400, description="how long to wait while another program has the DuckDB file open")
    ] = 30.0
    duckdb_memory: Annotated[
        str,
        Meta(
            pattern=r"^(?i:(?=.*[1-9])\s*[0-9]+(\.[0-9]+)?\s*[KMGT](i?B)?\s*)\Z",
            description="how much memory DuckDB uses while it loads",
            extra={"allowed": "a size such as 40MB or 1GB"},
        ),
    ] = "40MB"
    accounts_at_a_time: Annotated[
        int, Meta(ge=1, le=100, description="how many accounts are read side by side, into PostgreSQL")
    ] = 4
    rows_per_load: Annotated[
        int,
        Meta(ge=1, le=1_000_000_000, description="a long backfill commits after about this many rows"),
    ] = 100_000


class ReportSettings(Section, kw_only=True, frozen=True):
    """What the views and reports show.

    Raises:
        ConfigError: there is no such time zone; local files such as `localtime` are none to the warehouse.
    """

    heading = "report"
    timezone: Annotated[str, Meta(description="the time zone of days and months, for example America/Chicago")] = "UTC"

    def __post_init__(self) -> None:
        try:
            known = self.timezone[0].isupper() and bool(ZoneInfo(self.timezone))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            known = False
        if not known:
            raise ConfigError(f"setting report.timezone must be a name such as America/Chicago, not {self.timezone}")


class PrivacySettings(Section, kw_only=True, frozen=True):
    """What becomes of phone numbers and names, and for how long faxes are kept."""

    heading = "privacy"
    phone_numbers: Annotated[
        Handling,
        Meta(description="keep, replace by pseudonyms (hmac) or drop numbers and names: docs/privacy.md"),
    ] = "keep"
    key: Annotated[
        Secret,
        Meta(description="the key of hmac: what `openssl rand -hex 32` prints; keep a copy in a safe place"),
    ] = ""
    key_id: Annotated[
        str,
        Meta(
            pattern=r"^[a-z][a-z0-9]{0,15}\Z",
            description="a part of each pseudonym; give each new key another",
            extra={"allowed": "a-z and 0-9, begin with a letter, and have 16 letters at most"},
        ),
    ] = "k1"
    tags: Annotated[
        list[str],
        Meta(
            description="tags and undeclared fields whose values are replaced whole",
            extra={"allowed": 'a list of names such as ["patient"]'},
        ),
    ] = []
    keep_days: Annotated[
        float,
        Meta(
            ge=0,
            le=700_000,  # more lead to before the year 1
            description="faxes created longer ago are deleted, and not loaded again; 0 keeps everything",
            extra={"allowed": "a number of days, or 0 to keep everything"},
        ),
    ] = 0.0

    def handling(self) -> Privacy:
        """What becomes of phone numbers and names.

        Raises:
            ConfigError: they are to be replaced by pseudonyms, and there is no key, or one that is too short.
        """
        key = self.key.encode()
        if self.phone_numbers == "hmac" and len(key) < KEY_BYTES:
            raise ConfigError(
                f"setting privacy.key must have {KEY_BYTES} bytes at least: put what `openssl rand -hex 32` prints "
                "under [privacy] in .dlt/secrets.toml"
            )
        return Privacy(self.phone_numbers, key, self.key_id, frozenset(map(str.lower, self.tags)))

    def kept_from(self, now: datetime) -> datetime | None:
        """The earliest creation time of what is kept, in whole seconds, UTC; None if everything is."""
        return whole_second(now - timedelta(days=self.keep_days)) if self.keep_days else None


class CheckSettings(Section, kw_only=True, frozen=True):
    """What check.py reports."""

    heading = "check"
    max_age_hours: Annotated[
        float, Meta(ge=0, le=_CENTURY * 24, description="a last good run older than this is a finding of check.py")
    ] = 24.0


class NotifySettings(Section, kw_only=True, frozen=True):
    """Who is told of runs."""

    heading = "notify"
    ping_url: Annotated[
        str,
        Meta(description="a URL of healthchecks.io to notify when a run starts and ends; better in secrets.toml"),
    ] = ""


class WarehouseSettings(Section, kw_only=True, frozen=True):
    """Where faxes are loaded; dlt reads these itself, and more that its documentation lists."""

    heading = "destination.warehouse"
    destination_type: Annotated[
        DestinationType,
        Meta(description="what the warehouse is; filesystem is Parquet files: docs/files.md"),
    ] = "duckdb"
    credentials: Annotated[
        Secret,
        Meta(description="postgresql://user:password@host:5432/database, or the path of the DuckDB file"),
    ] = "warehouse.duckdb"
    bucket_url: Annotated[
        str | None, Meta(description="where the Parquet files are", examples=["s3://bucket/faxes"])
    ] = None


SECTIONS: tuple[type[Section], ...] = (SyncSettings, ReportSettings, PrivacySettings, CheckSettings, NotifySettings)
