"""`spark.read.format("fax")`: the faxes of accounts, read on executors, one account at a time in each.

Source: https://spark.apache.org/docs/latest/api/python/tutorial/sql/python_data_source.html, read November 2026.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, DataSourceStreamReader, InputPartition

import sources
from sources.errors import ConfigError, Incomplete
from sources.extract.read_window import read_windows
from sources.extract.source import Source
from sources.load.settings import SourceSettings
from sources.records.schema import Table
from sources.spark.executor_settings import account_settings, private_names
from sources.spark.nested import fax_batches, fax_schema, window_batch, window_schema
from sources.window import SECOND, Window, parse_instant, rfc3339, whole_second

TABLES = ("faxes", "windows")
_UNTIL = "until"  # in an offset of a stream
_OF_STREAM = ("lookback_days", "max_days_per_trigger")
OWN = ("provider", "accounts", "since", "until", "table", "secrets", *_OF_STREAM)  # no settings of a provider


class FaxDataSource(DataSource):
    """The data source `fax`.

    Options: `provider`; `accounts`, separated by commas (`default`); `since` and `until`, a date or time in UTC (all
    that the provider has); `table`, `faxes` (one row per fax of the provider's first list, children nested) or
    `windows` (how complete they are); `secrets`, as `module:function`; of a stream `lookback_days` (3) and
    `max_days_per_trigger` (no limit); and the provider's settings that are no credentials, such as `connections`.
    """

    @classmethod
    def name(cls) -> str:
        """The name of the format."""
        return "fax"

    def schema(self) -> str:
        """The columns in Spark's DDL."""
        options = _Options.of(self.options)
        return window_schema() if options.table == "windows" else fax_schema(options.raw_table)

    def reader(self, schema: object) -> "FaxReader":
        """What reads the accounts."""
        return FaxReader(_Options.of(self.options))

    def streamReader(self, schema: object) -> "FaxStreamReader":
        """What reads the accounts again and again."""
        return FaxStreamReader(_Options.of(self.options))


@dataclass(frozen=True)
class _Options:
    provider: str
    accounts: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    table: str
    secrets: str | None
    lookback: timedelta
    step: timedelta | None
    settings: Mapping[str, str]

    @property
    def raw_table(self) -> Table:
        """The table of the provider's faxes."""
        return Source(self.provider).table

    @property
    def earliest(self) -> datetime:
        """Where reading begins."""
        return self.since or Source(self.provider).api.EARLIEST

    def latest(self) -> datetime:
        """Where reading ends by now: a provider may list a fax a minute late."""
        latest = whole_second(datetime.now(UTC) - timedelta(minutes=1))
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
        settings = {name: value for name, value in options.items() if name not in OWN}
        if unknown := sorted(settings.keys() - {*model.__struct_fields__}):
            raise ConfigError(f"there is no option {unknown[0]}: see docs/scale.md")
        if shown := [name for name in private_names(model) if name in settings]:
            raise ConfigError(
                f"option {shown[0]} is refused, because Spark shows options: set it in the environment of the "
                "executors (docs/scale.md)"
            )
        table = options.get("table", TABLES[0])
        if table not in TABLES:
            raise ConfigError(f"option table must be {' or '.join(TABLES)}")
        accounts = tuple(name.strip() for name in options.get("accounts", "default").split(",") if name.strip())
        since, until = (_instant(name, options.get(name)) for name in ("since", "until"))
        lookback = _days("lookback_days", options.get("lookback_days", "3"))
        most = options.get("max_days_per_trigger")
        step = _days("max_days_per_trigger", most, SECOND) if most else None
        return cls(provider, accounts, since, until, table, options.get("secrets"), lookback, step, settings)


@dataclass(frozen=True)
class AccountPartition(InputPartition):
    """One account and what of it is to be read: a task of its own, so that nobody else asks for it meanwhile."""

    account: str
    window: Window

    def __repr__(self) -> str:
        return f"{self.account} {self.window}"


class FaxReader(DataSourceReader):
    """Reads one account in each task."""

    def __init__(self, options: _Options) -> None:
        self._options = options

    def partitions(self) -> Sequence[AccountPartition]:
        """One for each account, all with the same bounds, which are fixed here."""
        window = Window(self._options.earliest, self._options.latest())
        return [AccountPartition(account, window) for account in self._options.accounts]

    def read(self, partition: AccountPartition) -> Iterator[pa.RecordBatch]:
        """The account's faxes, or its windows.

        Raises:
            Incomplete: a window of faxes could not be proven complete; `table` = `windows` gives its line instead.
        """
        yield from _read(self._options, partition)


class FaxStreamReader(DataSourceStreamReader):
    """Reads in each micro-batch what was created since the one before, and the look-back before that.

    An offset is the creation time up to which all accounts have been read. A batch that is read again, after a failure
    or from an older checkpoint, holds the faxes as they are by then: merge it, and never skip it by its number.
    """

    def __init__(self, options: _Options) -> None:
        self._options = options

    def initialOffset(self) -> dict[str, str]:
        """Where a stream without a checkpoint begins."""
        return {_UNTIL: rfc3339(self._options.earliest)}

    def latestOffset(self, start: dict[str, str] | None = None, limit: object = None) -> dict[str, str]:
        """Up to where faxes are listed by now, but `max_days_per_trigger` after `start` at most.

        Raises:
            ConfigError: Spark does not say where the batch starts, as 4.1, and there is such a limit.
        """
        latest, step = self._options.latest(), self._options.step
        if step and start is None:
            raise ConfigError("option max_days_per_trigger needs PySpark 4.2")
        if step and start and latest - parse_instant(start[_UNTIL]) > step:
            latest = whole_second(parse_instant(start[_UNTIL]) + step)
        return {_UNTIL: rfc3339(latest)}

    def partitions(self, start: dict[str, str], end: dict[str, str]) -> Sequence[AccountPartition]:
        """One for each account; an account is read by one task at a time."""
        options = self._options
        if start == end:
            return []
        reread = max(options.earliest, parse_instant(start[_UNTIL]) - options.lookback)
        window = Window(reread, max(reread, parse_instant(end[_UNTIL])))
        return [AccountPartition(account, window) for account in options.accounts]

    def read(self, partition: AccountPartition) -> Iterator[pa.RecordBatch]:
        """The account's faxes, or its windows.

        Raises:
            Incomplete: a window of faxes could not be proven complete, and the stream stops before it.
        """
        yield from _read(self._options, partition)


def _read(options: _Options, partition: AccountPartition) -> Iterator[pa.RecordBatch]:
    settings = account_settings(options.provider, partition.account, options.settings, options.secrets)
    source = Source(options.provider, partition.account, settings)
    seen: set[object] = set()  # a fax whose creation time changes meanwhile may come with two windows
    for result in read_windows(source, partition.window):
        if options.table == "windows":
            yield window_batch(partition.account, result, datetime.now(UTC))
            continue
        if result.proof == "unproven":
            raise Incomplete(
                f"{options.provider}/{partition.account}: {result.window} could not be proven complete: "
                f"{result.rows_seen} faxes came, and the provider claims {result.total}"
            )
        result.faxes = {id: digest for id, digest in result.faxes.items() if id not in seen}
        seen.update(result.faxes)
        yield from fax_batches(source.table, partition.account, result)


def _model(provider: str) -> type[SourceSettings]:
    """The settings of a provider; executors may have this package as an archive, which cannot be listed."""
    try:
        model: type[SourceSettings] = sources.provider(provider).Settings
    except (ImportError, AttributeError):
        known = ", ".join(sources.providers())
        raise ConfigError(f"option provider must be the name of a provider: {known}") from None
    return model


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
