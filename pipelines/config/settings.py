"""The settings of the commands: every section of .dlt/config.toml except `[sources]` and dlt's own."""

from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from pipelines.config import bootstrap
from pipelines.config.declaration import read
from pipelines.config.directory import path_of
from sources.errors import ConfigError
from sources.load.settings import Seconds, Secret
from sources.records.privacy import Handling, Privacy
from sources.window import whole_second

KEY_BYTES = 32  # of HMAC-SHA-256: as long as its digest, RFC 2104
DestinationType = Literal["duckdb", "postgres", "filesystem"]
TableFormat = Literal["parquet", "delta"]
SchemaName = Annotated[
    str,
    Meta(
        pattern=r"^(?!(?:information_schema|pg_catalog|pg_toast)\Z)[a-z][a-z0-9_]{0,35}\Z",
        extra={
            "allowed": "a-z, 0-9 and _, begin with a letter, have 36 letters at most, and not name a schema of the "
            "database itself such as information_schema"
        },
    ),
]
Memory = Annotated[
    str,
    Meta(
        pattern=r"^(?i:(?=.*[1-9])\s*[0-9]+(\.[0-9]+)?\s*[KMGT](i?B)?\s*)\Z",
        extra={"allowed": "a size such as 40MB or 1GB"},
    ),
]
KeyId = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9]{0,15}\Z",
        extra={"allowed": "a-z and 0-9, begin with a letter, and have 16 letters at most"},
    ),
]
KeptDays = Annotated[
    float,  # more days would reach back before the year 1
    Meta(ge=0, le=700_000, extra={"allowed": "a number of days, or 0 to keep everything"}),
]


class Section(Struct, kw_only=True, frozen=True):
    """The settings under one heading."""

    heading: ClassVar[str]

    @classmethod
    def read(cls) -> Self:
        """The section with the values that are set now, and defaults for the others.

        Raises:
            ConfigError: a value has another type, or is not allowed.
        """
        return cls(**read(cls, (cls.heading,), prefix=f"{cls.heading}."))


class SyncSettings(Section, kw_only=True, frozen=True):
    """How a sync loads."""

    heading = "sync"
    schema: SchemaName = "fax"
    """The schema of the views; the names of the raw schemas start with it."""
    heartbeat_minutes: Annotated[float, Meta(ge=0, le=52_560_000)] = 60.0
    """How often a run that finds nothing new adds a row to the ledger."""
    busy_seconds: Seconds = 30.0
    """How long to wait while another program has the DuckDB file open."""
    duckdb_memory: Memory = "40MB"
    """DuckDB's memory limit while it loads."""
    read_copy: str = ""
    """The path of a copy of the DuckDB file for readers, replaced after each run that changed the file."""
    accounts_at_a_time: Annotated[int, Meta(ge=1, le=100)] = 4
    """How many accounts are read side by side, into PostgreSQL (two connections each) or Delta tables."""
    rows_per_load: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 100_000
    """A long backfill commits after about this many rows."""


def time_zone(name: str) -> ZoneInfo:
    """The time zone of this name by the rules of the `tzdata` package; those of the machine may be years old.

    Raises:
        OSError: the package has no such zone.
        ValueError: the name is that of another file, or a path.
    """
    if ".." in name:
        raise ValueError(name)
    with (resources.files("tzdata") / "zoneinfo" / name).open("rb") as file:
        return ZoneInfo.from_file(file, name)


class ReportSettings(Section, kw_only=True, frozen=True):
    """What the views and reports show.

    Raises:
        ConfigError: the warehouse knows no such time zone; `localtime` and other local files are not time zones there.
    """

    heading = "report"
    timezone: Annotated[str, Meta(extra={"allowed": "a name such as America/Chicago"})] = "UTC"
    """The time zone of days and months in the views."""
    views: str = "views"
    """The folder with the SQL files of your own views: docs/asking.md."""

    def own_views(self) -> Path:
        """The folder of the user's own views, which may not exist; a relative path begins where `.dlt` is."""
        return path_of(self.views, bootstrap.settings_directory().parent)

    def __post_init__(self) -> None:
        try:
            known = self.timezone[0].isupper() and bool(time_zone(self.timezone))
        except (ValueError, OSError):
            known = False
        if not known:
            raise ConfigError(f"setting report.timezone must be a name such as America/Chicago, not {self.timezone}")


class PrivacySettings(Section, kw_only=True, frozen=True):
    """How phone numbers and names are stored, and how long faxes are kept."""

    heading = "privacy"
    phone_numbers: Handling = "keep"
    """Whether phone numbers and names are kept, pseudonymized (hmac) or dropped: docs/privacy.md."""
    key: Annotated[Secret, Meta(extra={"allowed": f"{KEY_BYTES} bytes or more"})] = ""
    """The key of hmac: what `openssl rand -hex 32` prints; keep a copy in a safe place."""
    key_id: KeyId = "k1"
    """The id of the key, a part of each pseudonym: give each new key another."""
    tags: Annotated[list[str], Meta(extra={"allowed": 'a list of names such as ["patient"]'})] = []
    """Tags and undeclared fields whose values are replaced whole."""
    keep_days: KeptDays = 0.0
    """Faxes created longer ago are deleted, and not loaded again; 0 keeps everything."""

    def handling(self) -> Privacy:
        """How phone numbers and names are stored.

        Raises:
            ConfigError: pseudonyms are required, but the key is missing or too short.
        """
        key = self.key.encode()
        if self.phone_numbers == "hmac" and len(key) < KEY_BYTES:
            raise ConfigError(
                f"setting privacy.key must have {KEY_BYTES} bytes at least: put what `openssl rand -hex 32` prints "
                "under [privacy] in .dlt/secrets.toml"
            )
        return Privacy(self.phone_numbers, key, self.key_id, frozenset(map(str.lower, self.tags)))

    def kept_from(self, now: datetime) -> datetime | None:
        """The earliest creation time of a fax that is kept, in whole seconds, UTC; None if every fax is kept."""
        return whole_second(now - timedelta(days=self.keep_days)) if self.keep_days else None


class CheckSettings(Section, kw_only=True, frozen=True):
    """What check.py reports."""

    heading = "check"
    max_age_hours: Annotated[float, Meta(ge=0, le=876_000)] = 24.0
    """check.py reports a last good run that is older than this."""


class NotifySettings(Section, kw_only=True, frozen=True):
    """Where runs are reported."""

    heading = "notify"
    ping_url: str = ""
    """A URL to notify of each run, as healthchecks.io defines it; better in secrets.toml."""


class WarehouseSettings(Section, kw_only=True, frozen=True):
    """Where faxes are loaded. dlt reads these settings itself, and others that its documentation lists."""

    heading = "destination.warehouse"
    destination_type: DestinationType = "duckdb"
    """duckdb is a file, filesystem is Parquet files or Delta tables (docs/files.md)."""
    credentials: Secret = "warehouse.duckdb"
    """`postgresql://user:password@host:5432/database`, or the path of the DuckDB file."""
    bucket_url: Annotated[str | None, Meta(examples=["s3://bucket/faxes"])] = None
    """Where the Parquet files or Delta tables are."""
    table_format: TableFormat = "parquet"
    """What filesystem writes: parquet appends versions of rows, delta replaces rows."""


SECTIONS: tuple[type[Section], ...] = (SyncSettings, ReportSettings, PrivacySettings, CheckSettings, NotifySettings)
