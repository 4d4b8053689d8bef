"""What the warehouse holds of one account. A load counts once dlt has entered it into `_dlt_loads`."""

from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import count
from typing import Any

from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.destinations.sql_client import SqlClientBase

from sources.load.ledger import SCHEMA_CHANGES, SYNC_PROBLEMS, SYNC_RUNS, SYNC_WINDOWS
from sources.load.stored import SYSTEM_COLUMNS, OpenFax
from sources.records.schema import ChildTable, Table
from sources.window import Window


class StoredFaxes:
    """The rows of one account in a raw schema; all times are UTC, and all answers empty before the first load.

    `ledger` is the table of the windows that were walked, which is asked for proofs and holes.

    Where loads only ever append, as to files, `appends` has every row count in its newest version alone.
    """

    reserved_columns = SYSTEM_COLUMNS  # whichever the warehouse is, so that a column has the same name in all

    def __init__(
        self, client: SqlClientBase[Any], account: str, appends: bool = False, ledger: str = SYNC_WINDOWS
    ) -> None:
        self._client = client
        self._account = account
        self._appends = appends
        self._ledger = ledger

    def of_ledger(self, ledger: str) -> "StoredFaxes":
        """The same account with another ledger."""
        return StoredFaxes(self._client, self._account, self._appends, ledger)

    def fingerprints(self, table: Table, span: Window) -> Mapping[Any, str]:
        """The `_dlt_id` of each fax created in the span, by id; empty for one whose load was cut off."""
        sql = (
            f"select id, case when {self._is_committed()} then _dlt_id else '' end as _dlt_id"
            f" from {self._current(table.name)}"
            f" where account = %s and {table.created_at} >= %s and {table.created_at} <= %s"
        )
        return {row["id"]: row["_dlt_id"] for row in self._select(sql, self._account, span.start, span.end)}

    def fingerprints_of(self, table: str, ids: Collection[Any]) -> Mapping[Any, str]:
        """The same of the faxes with these ids, whenever they were created."""
        if not ids:
            return {}
        sql = (
            f"select id, case when {self._is_committed()} then _dlt_id else '' end as _dlt_id"
            f" from {self._current(table)} where account = %s and id in {_unnested(ids)}"
        )
        return {row["id"]: row["_dlt_id"] for row in self._select(sql, self._account, *_joined(ids))}

    def open_faxes(self, table: Table, span: Window) -> list[OpenFax]:
        """The faxes created in the span that are not final."""
        awaits = "".join(f" or status = %s and {column} is null" for column in table.awaits.values())
        sql = (
            f"select id, _dlt_id, {table.created_at} as created_at from {self._current(table.name)}"
            f" where account = %s and {table.created_at} >= %s and {table.created_at} < %s"
            f" and (coalesce(status, '') not in ({_places(table.final)}){awaits}) and {self._is_committed()}"
            " order by id"
        )
        rows = self._select(sql, self._account, span.start, span.end, *table.final, *table.awaits)
        return [OpenFax(row["id"], row["_dlt_id"], row["created_at"]) for row in rows]

    def child_counts(self, table: str, child: str, ids: Collection[Any]) -> Mapping[str, int]:
        """The rows that a table split off from `table` has for the faxes with these ids, by fingerprint, if any."""
        if not ids:
            return {}
        sql = f"""
            select _dlt_parent_id as fingerprint, count(distinct position) as held from {self._named(child)}
            where account = %s and _dlt_parent_id in (
                select _dlt_id from {self._named(table)} where account = %s and id in {_unnested(ids)}
            )
            group by 1
        """
        rows = self._select(sql, self._account, self._account, *_joined(ids))
        return {row["fingerprint"]: int(row["held"]) for row in rows}

    def lacking_children(self, table: Table, child: ChildTable, start: datetime) -> tuple[int, Window] | None:
        """How many faxes created from `start` on lack rows of a table split off from theirs, and between when.

        They lack rows if one before the last is not there, or if there is none and there has to be one.
        """
        sql = f"""
            with held as (
                select _dlt_parent_id as fingerprint, count(distinct position) as there, max(position) + 1 as due
                from {self._named(child.name)} where account = %s group by 1
            )
            select count(*) as faxes, min({table.created_at}) as earliest, max({table.created_at}) as latest
            from {self._current(table.name)} as faxes left join held on held.fingerprint = faxes._dlt_id
            where faxes.account = %s and faxes.{table.created_at} >= %s and {self._is_committed()}
                and (held.there < held.due or held.there is null and {_requires_row(child)})
        """
        texts = [text for condition in child.required_if for text in condition.texts]
        rows = self._select(sql, self._account, self._account, start, *texts)
        if not rows or not rows[0]["faxes"]:
            return None
        return int(rows[0]["faxes"]), Window(rows[0]["earliest"], rows[0]["latest"])

    def problem_ids(self) -> Collection[str]:
        """The `_dlt_id` of every row of `sync_problems`."""
        sql = f"select _dlt_id from {self._named(SYNC_PROBLEMS)} where account = %s and {self._is_committed()}"
        return {row["_dlt_id"] for row in self._select(sql, self._account)}

    def rows(self, table: str, column: str, values: Collection[Any]) -> list[dict[str, Any]]:
        """The rows of a table in which the column has one of the values, those of a load that was cut off as well."""
        if not values:
            return []
        rows = self._current(table, "account, id" if column == "id" else "_dlt_id")
        sql = f"select * from {rows} where account = %s and {column} in {_unnested(values)}"
        return self._select(sql, self._account, *_joined(values))

    def holes(self, span: Window, proofs: Collection[str] | None) -> list[Window]:
        """The parts of a span that no window of the ledger covers; of these proofs only, if any are given."""
        proven = f"and proof in ({_places(proofs)})" if proofs else ""
        sql = f"""
            with walked as (
                select from_at, to_at from {self._named(self._ledger)}
                where account = %s and to_at > %s and from_at < %s {proven} and {self._is_committed()}
            ), steps as (
                select from_at, max(to_at) over (
                    order by from_at, to_at rows between unbounded preceding and 1 preceding
                ) as reached
                from walked
            )
            select reached, from_at from steps where reached is null or from_at > reached
            union all
            select max(to_at), null from walked having count(*) > 0
        """
        rows = self._select(sql, self._account, span.start, span.end, *(proofs or ()))
        edges = [(row["reached"] or span.start, row["from_at"] or span.end) for row in rows] or [(span.start, span.end)]
        return sorted(Window(start, end) for start, end in edges if start < end)

    def covered(self) -> Window | None:
        """From the start of the earliest window of the ledger to the end of the latest; None before the first run."""
        sql = (
            f"select min(from_at) as earliest, max(to_at) as latest from {self._named(self._ledger)}"
            f" where account = %s and {self._is_committed()}"
        )
        rows = self._select(sql, self._account)
        return Window(rows[0]["earliest"], rows[0]["latest"]) if rows and rows[0]["latest"] else None

    def short_windows(self, table: Table, start: datetime) -> list[tuple[Window, int, int]]:
        """The windows, from `start` on, that hold fewer faxes than were taken from them; the faxes taken, and held."""
        sql = f"""
            with walked as (
                select from_at, to_at, rows_taken from {self._named(self._ledger)}
                where account = %s and from_at >= %s and {self._is_committed()}
            ), instants as (
                select from_at as instant, 0 as faxes, from_at, to_at, rows_taken from walked
                union all
                select to_at, 0, from_at, to_at, rows_taken from walked
                union all
                select {table.created_at}, 1, null, null, null from {self._current(table.name)} as held
                where account = %s and {table.created_at} >= %s
            ), counted as (
                select *, sum(faxes) over (order by instant, faxes rows unbounded preceding) as earlier from instants
            )
            select from_at, to_at, rows_taken, max(earlier) - min(earlier) as rows_held
            from counted
            where faxes = 0
            group by 1, 2, 3
            having max(earlier) - min(earlier) < rows_taken
            order by 1, 2
        """  # one sorted pass: a join of windows and faxes took minutes on the ledger of a year
        rows = self._select(sql, self._account, start, self._account, start)
        return [(Window(row["from_at"], row["to_at"]), row["rows_taken"], int(row["rows_held"])) for row in rows]

    def proofs(self, kinds: Collection[str]) -> list[tuple[str, Window, str, datetime]]:
        """The ledger's rows of these proofs: key, window, proof, and when it had been walked."""
        sql = (
            f"select _dlt_id, from_at, to_at, proof, finished_at from {self._named(self._ledger)}"
            f" where account = %s and proof in ({_places(kinds)}) and {self._is_committed()}"
        )
        rows = self._select(sql, self._account, *kinds)
        return [
            (row["_dlt_id"], Window(row["from_at"], row["to_at"]), row["proof"], row["finished_at"]) for row in rows
        ]

    def last_walk(self, other_than: str) -> datetime | None:
        """When a run other than this one last wrote to the ledger; None if none did."""
        sql = (
            f"select max(finished_at) as finished_at from {self._named(self._ledger)}"
            f" where account = %s and run_id <> %s and {self._is_committed()}"
        )
        rows = self._select(sql, self._account, other_than)
        return rows[0]["finished_at"] if rows else None

    def failing_since(self, exit_codes: Collection[int], last_good: datetime | None) -> datetime | None:
        """When the first of the runs began that have failed with one of these codes since the last good one."""
        good = "" if last_good is None else "and started_at > %s"
        sql = f"""
            select min(started_at) as since from {self._named(SYNC_RUNS)}
            where account = %s and exit_code in ({_places(exit_codes)}) {good} and started_at > coalesce(
                (select max(started_at) from {self._named(SYNC_RUNS)} where account = %s and exit_code = 0),
                timestamp with time zone '1970-01-01 00:00:00+00'
            )
        """
        bounds = () if last_good is None else (last_good,)
        rows = self._select(sql, self._account, *exit_codes, *bounds, self._account)
        return rows[0]["since"] if rows else None

    def open_problems(self) -> list[tuple[str, str | None, int]]:
        """Table, column (None for whole records) and number of the values that did not fit."""
        sql = (
            f"select table_name, column_name, count(*) as problems from {self._named(SYNC_PROBLEMS)}"
            f" where account = %s and {self._is_committed()} group by 1, 2 order by 1, 2"
        )
        rows = self._select(sql, self._account)
        return [(row["table_name"], row["column_name"], int(row["problems"])) for row in rows]

    def new_columns(self, since: datetime) -> list[tuple[str, str]]:
        """Table and name of the columns that a provider has added since."""
        sql = (
            f"select table_name, column_name from {self._named(SCHEMA_CHANGES)}"
            f" where account = %s and first_seen_at >= %s and {self._is_committed()} order by 1, 2"
        )
        return [(row["table_name"], row["column_name"]) for row in self._select(sql, self._account, since)]

    def count(self, table: Table, span: Window) -> int:
        """The faxes created in the span."""
        sql = (
            f"select count(*) as faxes from {self._current(table.name)}"
            f" where account = %s and {table.created_at} >= %s and {table.created_at} < %s and {self._is_committed()}"
        )
        rows = self._select(sql, self._account, span.start, span.end)
        return int(rows[0]["faxes"]) if rows else 0

    def most_rows_per_request(self) -> int | None:
        """The most faxes a request that a window of the ledger took on average; None before the first run."""
        sql = (
            f"select max(rows_seen / requests) as faxes from {self._named(self._ledger)}"
            f" where account = %s and requests > 0 and {self._is_committed()}"
        )
        rows = self._select(sql, self._account)
        return int(rows[0]["faxes"]) if rows and rows[0]["faxes"] is not None else None

    def has_faxes(self, table: str) -> bool:
        """There is a fax, whenever it was created."""
        sql = f"select 1 as found from {self._named(table)} where account = %s and {self._is_committed()} limit 1"
        return bool(self._select(sql, self._account))

    def deleted_unread(self, table: Table) -> int:
        """The faxes of which the provider has told nothing but that they were deleted."""
        if table.stub is None:
            return 0
        sql = (
            f"select count(*) as faxes from {self._current(table.name)}"
            f" where account = %s and {table.stub} is not null and {table.stub_unless_key} is null"
            f" and {self._is_committed()}"
        )
        rows = self._select(sql, self._account)
        return int(rows[0]["faxes"]) if rows else 0

    def other_currencies(self, table: Table) -> list[tuple[str | None, int]]:
        """Currency (None if it is not named) and number of the faxes that have a price, but not in US dollars."""
        if table.price is None:
            return []
        amount, currency = table.price
        sql = (
            f"select {currency} as currency, count(*) as faxes from {self._current(table.name)}"
            f" where account = %s and {amount} is not null and coalesce({currency}, '') <> 'USD'"
            f" and {self._is_committed()} group by 1 order by 1"
        )
        return [(row["currency"], int(row["faxes"])) for row in self._select(sql, self._account)]

    def deliveries(self, table: Table, child: str, span: Window) -> int:
        """The rows of a child table that belong to the faxes created in the span, and one for each fax without any."""
        sql = f"""
            select count(*) as deliveries
            from {self._current(table.name)} as held
            left join {self._current(child, "_dlt_id")} as delivered on delivered._dlt_parent_id = held._dlt_id
            where held.account = %s and held.{table.created_at} >= %s and held.{table.created_at} < %s
                and held.{self._is_committed()}
        """
        rows = self._select(sql, self._account, span.start, span.end)
        return int(rows[0]["deliveries"]) if rows else 0

    def _select(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        try:
            with self._client.execute_query(sql, *parameters) as cursor:
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except DestinationUndefinedEntity:
            return []

    def _named(self, table: str) -> str:
        return self._client.make_qualified_table_name(table)

    def _current(self, table: str, key: str = "account, id") -> str:
        """The table, or the newest version of each of its rows."""
        if not self._appends:
            return self._named(table)
        newest = f"row_number() over (partition by {key} order by _dlt_load_id desc) = 1"
        return f"(select * from {self._named(table)} qualify {newest})"

    def _is_committed(self) -> str:
        return f"_dlt_load_id in (select load_id from {self._named('_dlt_loads')} where status = 0)"


def _requires_row(child: ChildTable) -> str:
    """The SQL condition on which a fax has one row of the table at least; a column that is null fulfils none."""
    conditions = [
        f"cast({condition.column} as text) {'not in' if condition.is_not else 'in'} ({_places(condition.texts)})"
        for condition in child.required_if
    ]
    return " and ".join(conditions) or "false"


def _places(values: Collection[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _unnested(values: Collection[Any]) -> str:
    """The SQL subquery that gives the values, all texts or all integers, from what `_joined` makes of them."""
    data_type = "bigint" if all(isinstance(value, int) for value in values) else "text"
    return f"(select cast(unnest(string_to_array(%s, %s)) as {data_type}))"


def _joined(values: Collection[Any]) -> tuple[str, str]:
    """The values as one text, and what separates them in it.

    For each parameter DuckDB looks twice for pandas: where that is not installed, a thousand take 0.2 s.
    """
    texts = [str(value) for value in values]
    separator = next(character for character in map(chr, count(1)) if not any(character in text for text in texts))
    return separator.join(texts), separator
