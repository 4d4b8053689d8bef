"""The Spark data source `spark.read.format("fax")`: executors read the faxes, one task for each account.

Source: https://spark.apache.org/docs/latest/api/python/tutorial/sql/python_data_source.html, read November 2026.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, DataSourceStreamReader, InputPartition

import sources
from sources.errors import ConfigError, Incomplete
from sources.extract.read_windows import read_windows
from sources.extract.source import Source
from sources.load.settings import SourceSettings
from sources.records.coerce import parse_instant
from sources.spark.executor_settings import account_settings, private_names
from sources.spark.nested import fax_batches, fax_schema, window_batch, window_schema
from sources.window import SECOND, Window, rfc3339, whole_second

TABLES = ("faxes", "windows")
_UNTIL = "until"  # in an offset of a stream
_STREAM_OPTIONS = ("lookback_days", "max_days_per_trigger")
SOURCE_OPTIONS = (  # the others are settings of the provider
    "provider",
    "accounts",
    "since",
    "until",
    "table",
    "secrets",
    *_STREAM_OPTIONS,
)


class FaxDataSource(DataSource):
    """The data source `fax`.

    Options, with defaults in parentheses: `provider`; `accounts`, separated by commas (`default`); `since` and `until`,
    dates or times in UTC (everything that the provider has); `table`, which is `faxes` (one row per fax of the first
    list, child rows nested), `windows` (one row per window, with its proof), or the raw table or ledger of any list,
    such as `compat_faxes` (`faxes`); `secrets`, as `module:function`; for a stream, `lookback_days` (3) and
    `max_days_per_trigger` (no limit); and the provider's settings that are no credentials, such as `connections`.
    """

    @classmethod
    def name(cls) -> str:
        """The name of the format, `fax`."""
        return "fax"

    def schema(self) -> str:
        """The columns, in Spark's DDL."""
        options = _Options.of(self.options)
        return window_schema() if options.reads_windows else fax_schema(options.source.table)

    def reader(self, schema: object) -> "FaxReader":
        """The reader of a batch query."""
        return FaxReader(_Options.of(self.options))

    def streamReader(self, schema: object) -> "FaxStreamReader":
        """The reader of a streaming query."""
        return FaxStreamReader(_Options.of(self.options))


@dataclass(frozen=True)
class _Options:
    provider: str
    accounts: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    listing: int
    reads_windows: bool
    secrets: str | None
    lookback: timedelta
    step: timedelta | None
    settings: Mapping[str, str]

    @property
    def source(self) -> Source:
        """The list that is read, without an account."""
        return Source(self.provider, listing=self.listing)

    @property
    def earliest(self) -> datetime:
        """The earliest creation time to read (UTC)."""
        return self.since or self.source.api.EARLIEST

    def latest(self) -> datetime:
        """The latest creation time to read now (UTC): a minute ago, because a provider may list a fax that late.

        Raises:
            ConfigError: it is before the provider's first fax.
        """
        now = datetime.now(UTC)
        self.source.require_time(now)
        latest = whole_second(now - timedelta(minutes=1))
        return min(self.until or latest, latest)

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "_Options":
        """The options of a data frame.

        Raises:
            ConfigError: one is missing, unknown, or not allowed.
        """
        options = {name.lower(): value for name, value in given.items()}
        provider = options.get("provider", "")
        model = _model(provider)
        settings = {name: value for name, value in options.items() if name not in SOURCE_OPTIONS}
        if unknown := sorted(settings.keys() - {*model.__struct_fields__}):
            raise ConfigError(f"there is no option {unknown[0]}: see docs/scale.md")
        if "start_date" in settings:
            raise ConfigError("option start_date has no effect here: set since")
        if shown := [name for name in private_names(model) if name in settings]:
            raise ConfigError(
                f"option {shown[0]} is refused, because Spark shows options: set it in the environment of the "
                "executors (docs/scale.md)"
            )
        listing, reads_windows = _list_of(provider, options.get("table", TABLES[0]))
        named = (name.strip() for name in options.get("accounts", "default").split(","))
        accounts = tuple(dict.fromkeys(name for name in named if name))  # one that is named twice is read once
        if not accounts:
            raise ConfigError("option accounts names no account: leave it out to read the account default")
        since, until = (_instant(name, options.get(name)) for name in ("since", "until"))
        if since and since > datetime.now(UTC):
            raise ConfigError("option since is in the future, so that nothing would be read: correct it")
        if since and until and until <= since:
            raise ConfigError("option until is not after since")
        lookback = _days("lookback_days", options.get("lookback_days", "3"))
        most = options.get("max_days_per_trigger")
        step = _days("max_days_per_trigger", most, SECOND) if most else None
        secrets = options.get("secrets")
        return cls(provider, accounts, since, until, listing, reads_windows, secrets, lookback, step, settings)


@dataclass(frozen=True)
class AccountPartition(InputPartition):
    """One account and the window to read. Each account is one task, so that its rate limit holds."""

    account: str
    window: Window

    def __repr__(self) -> str:
        return f"{self.account} {self.window}"


class FaxReader(DataSourceReader):
    """Reads each account in a task of its own."""

    def __init__(self, options: _Options) -> None:
        self._options = options

    def partitions(self) -> Sequence[AccountPartition]:
        """One partition for each account, all with the same bounds."""
        window = Window(self._options.earliest, self._options.latest())
        return [AccountPartition(account, window) for account in self._options.accounts]

    def read(self, partition: AccountPartition) -> Iterator[pa.RecordBatch]:
        """The account's faxes, or its windows.

        Raises:
            Incomplete: a window could not be proven complete. With `table` = `windows`, its row says so instead.
        """
        yield from _read(self._options, partition)


class FaxStreamReader(DataSourceStreamReader):
    """Reads in each micro-batch the faxes created since the batch before, and the look-back before that.

    An offset is the creation time up to which all accounts have been read. A batch that is read again, after a failure
    or from an older checkpoint, holds the current versions of its faxes. So merge each batch (it is idempotent), and
    never skip one by its number.
    """

    def __init__(self, options: _Options) -> None:
        self._options = options

    def initialOffset(self) -> dict[str, str]:
        """The offset at which a stream without a checkpoint begins."""
        return {_UNTIL: rfc3339(self._options.earliest)}

    def latestOffset(self, start: dict[str, str] | None = None, limit: object = None) -> dict[str, str]:
        """The offset of the latest creation time to read now, at most `max_days_per_trigger` after `start`.

        Raises:
            ConfigError: `max_days_per_trigger` is set, and Spark (before 4.2) does not pass `start`.
        """
        latest, step = self._options.latest(), self._options.step
        if step and start is None:
            raise ConfigError("option max_days_per_trigger needs PySpark 4.2")
        if step and start and latest - parse_instant(start[_UNTIL]) > step:
            latest = whole_second(parse_instant(start[_UNTIL]) + step)
        return {_UNTIL: rfc3339(latest)}

    def partitions(self, start: dict[str, str], end: dict[str, str]) -> Sequence[AccountPartition]:
        """One partition for each account, from the look-back before `start` to `end`; none if there is nothing new."""
        options = self._options
        if start == end:
            return []
        reread = max(options.earliest, parse_instant(start[_UNTIL]) - options.lookback)
        window = Window(reread, max(reread, parse_instant(end[_UNTIL])))
        return [AccountPartition(account, window) for account in options.accounts]

    def read(self, partition: AccountPartition) -> Iterator[pa.RecordBatch]:
        """The account's faxes, or its windows.

        Raises:
            Incomplete: a window could not be proven complete. The stream stops before it.
        """
        yield from _read(self._options, partition)


def _read(options: _Options, partition: AccountPartition) -> Iterator[pa.RecordBatch]:
    settings = account_settings(options.provider, partition.account, options.settings, options.secrets)
    source = replace(options.source, account=partition.account, settings=settings)
    seen: set[object] = set()  # two windows may hold a fax whose creation time changes during the reading
    for result in read_windows(source, partition.window):
        if options.reads_windows:
            yield window_batch(partition.account, result, datetime.now(UTC))
            continue
        if result.proof == "unproven":
            raise Incomplete(
                f"{options.provider}/{partition.account}: {result.window} could not be proven complete: "
                f"{result.rows_seen} faxes came, and the provider's total is {result.total}"
            )
        result.faxes = {id: digest for id, digest in result.faxes.items() if id not in seen}
        seen.update(result.faxes)
        yield from fax_batches(source.table, partition.account, result)


def _model(provider: str) -> type[SourceSettings]:
    """The settings model of a provider. On executors this package may be an archive, which cannot be listed."""
    try:
        model: type[SourceSettings] = sources.provider(provider).Settings
    except (ImportError, AttributeError):
        known = ", ".join(sources.providers())
        raise ConfigError(f"option provider must be the name of a provider: {known}") from None
    return model


def _list_of(provider: str, table: str) -> tuple[int, bool]:
    """The number of the list with this table, and whether its windows are read instead of its faxes."""
    names = [(raw.name, raw.ledger) for raw in Source(provider).tables]
    for listing, of_list in enumerate([TABLES, *names]):
        if table in of_list:
            return max(listing - 1, 0), table == of_list[1]
    known = dict.fromkeys([*TABLES, *(name for of_list in names for name in of_list)])
    raise ConfigError(f"option table must be one of {', '.join(known)}")


def _days(name: str, text: str, least: timedelta = timedelta()) -> timedelta:
    try:
        days = timedelta(days=float(text))
    except (ValueError, OverflowError):
        raise ConfigError(f"option {name} must be a number") from None
    if days < least:
        raise ConfigError(f"option {name} must be {'more than' if least else 'at least'} 0")
    return days


def _instant(name: str, text: str | None) -> datetime | None:
    try:
        return parse_instant(text) if text else None
    except ValueError:
        now = rfc3339(datetime.now(UTC))
        raise ConfigError(f"option {name} is no date or time: write it as {now[:10]} or {now}") from None
