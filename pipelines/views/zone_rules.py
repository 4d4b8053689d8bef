"""Local time by the rules of the `tzdata` package, also where those of an SQL engine are others.

https://data.iana.org/time-zones/tzdb/NEWS, read November 2026, lists a few changes of rules a year. DuckDB has the
rules of the day of its version, PostgreSQL those of its version or of its system.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

import duckdb
from dlt.destinations.exceptions import DatabaseException

from pipelines.config.settings import time_zone
from sources.errors import ConfigError

Ask = Callable[[str], Iterable[Sequence[Any]] | None]  # the rows of a query
Shift = tuple[datetime, datetime, int]  # from when, until when, and the seconds that the engine's local time lacks
# PostgreSQL reads these names as abbreviations, which have no daylight saving time. The names beside them have their
# clocks: https://data.iana.org/time-zones/tzdb/backward, read November 2026.
_ZONES = {"CET": "Europe/Brussels", "MET": "Europe/Brussels", "EET": "Europe/Athens", "WET": "Europe/Lisbon"}
_FIRST_YEAR = 2010  # no account of a provider is older
_WEEK, _QUARTER = 7 * 24 * 3600, 900  # seconds
_CONVERSION = re.compile(r"([\w.]+(?:\([^()]*\))?) at time zone :timezone")


def missing_shifts(ask: Ask, timezone: str) -> list[Shift]:
    """The spans in which the engine's rules for a zone differ from the package's, until the end of next year.

    A difference of less than a week, such as that of an hour of the night in which clocks change, is not looked for.

    Raises:
        ConfigError: the engine does not have the zone.
    """
    if timezone == "UTC":
        return []
    try:
        return _missing_shifts(ask, timezone)
    except (DatabaseException, duckdb.Error) as error:
        if timezone not in str(error):
            raise
        raise ConfigError(f"the warehouse does not know the time zone {timezone}: correct [report] timezone") from error


def _missing_shifts(ask: Ask, timezone: str) -> list[Shift]:
    first, last = (
        int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (_FIRST_YEAR, datetime.now(UTC).year + 2)
    )
    weeks = _lacking(ask, timezone, range(first, last, _WEEK))
    changes = [(before, after) for before, after in pairwise(weeks) if before[1] != after[1]]
    for (before, _), (after, _) in changes:
        weeks += _lacking(ask, timezone, range(before + _QUARTER, after, _QUARTER))
    return [*_spans(sorted(weeks))]


def with_zone(sql: str, timezone: str, shifts: Sequence[Shift] = ()) -> str:
    """A query with the zone in place of `:timezone`. The shifts are added to each local time, if written as in ours."""
    if shifts:
        cases = " ".join(
            rf"when \1 >= timestamptz '{start}' and \1 < timestamptz '{end}' then interval '{seconds} seconds'"
            for start, end, seconds in shifts
        )
        sql = _CONVERSION.sub(rf"(\1 at time zone :timezone + case {cases} else interval '0 seconds' end)", sql)
    return sql.replace(":timezone", f"'{_ZONES.get(timezone, timezone)}'")


def _lacking(ask: Ask, timezone: str, moments: range) -> list[tuple[int, int]]:
    """Each moment, in seconds since 1970, with the seconds that the engine's local time lacks."""
    local = with_zone("cast(date_part('epoch', to_timestamp(moment) at time zone :timezone) as bigint)", timezone)
    rows = ask(
        f"select moment, {local} from generate_series({moments.start}, {moments.stop - 1}, {moments.step}) as s(moment)"
    )
    zone = time_zone(timezone)
    return [
        (moment, moment + round(offset.total_seconds()) - shown)
        for moment, shown in rows or ()
        if (offset := datetime.fromtimestamp(moment, zone).utcoffset()) is not None
    ]


def _spans(lacking: Sequence[tuple[int, int]]) -> Iterator[Shift]:
    starts = [next(alike) for _, alike in groupby(lacking, itemgetter(1))]
    for (start, seconds), (end, _) in pairwise([*starts, lacking[-1]]):
        if seconds:
            yield datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC), seconds
