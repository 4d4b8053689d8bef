"""The stored faxes and the ledger of one account. Rows count once their load is committed (listed in `_dlt_loads`).

In Delta tables every row counts, because every commit is atomic.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any

from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.destinations.sql_client import SqlClientBase

from pipelines.warehouse.connection import rows_of
from sources.load.ledger import IS_PAST, SCHEMA_CHANGES, SYNC_PROBLEMS, SYNC_RUNS, SYNC_WINDOWS, WINDOW_IS_PAST
from sources.load.stored import LedgerRow, OpenFax, ledger_row
from sources.records.schema import ChildTable, Table
from sources.window import Window


class StoredFaxes:
    """The rows of one account in a raw schema. Times are UTC. Before the first load, all results are empty.

    `ledger` is the name of the ledger table. `appends`: loads only append rows, as to files, so only the newest version
    of a row counts. `counts_every_row`: no row is of a load that was not committed.
    """

    def __init__(
        self,
        client: SqlClientBase[Any],
        account: str,
        appends: bool = False,
        ledger: str = SYNC_WINDOWS,
        counts_every_row: bool = False,
    ) -> None:
        self._client = client
        self._account = account
        self._appends = appends
        self._ledger = ledger
        self._counts_every_row = counts_every_row

    def of_ledger(self, ledger: str) -> "StoredFaxes":
        """The same account with another ledger."""
        return StoredFaxes(self._client, self._account, self._appends, ledger, self._counts_every_row)

    def fingerprints(self, table: Table, span: Window) -> Mapping[Any, str]:
        """Id -> fingerprint of each fax created in the span; an empty fingerprint if its load was not committed."""
        created = f"{table.created_at} >= %s and {table.created_at} <= %s"
        return self._fingerprints(table.name, created, span.start, span.end)

    def fingerprints_of(self, table: str, ids: Collection[Any]) -> Mapping[Any, str]:
        """Id -> fingerprint of the stored faxes with these ids, whatever their creation time."""
        return self._fingerprints(table, f"id in {_split_values(ids)}", *_join_values(ids)) if ids else {}

    def _fingerprints(self, table: str, condition: str, *parameters: Any) -> dict[Any, str]:
        sql = (
            f"select id, case when {self._is_committed()} then _dlt_id else '' end as _dlt_id"
            f" from {self._current(table)} where account = %s and {condition}"
        )
        return {row["id"]: row["_dlt_id"] for row in self._select(sql, self._account, *parameters)}

    def open_faxes(self, table: Table, span: Window) -> list[OpenFax]:
        """The open faxes created in the span, without those that the provider has deleted."""
        deleted = f" and {table.stub} is null" if table.stub else ""
        awaits = "".join(f" or status = %s and {column} is null" for column in table.awaits.values())
        sql = (
            f"select id, _dlt_id, {table.created_at} as created_at from {self._current(table.name)}"
            f" where account = %s and {table.created_at} >= %s and {table.created_at} < %s"
            f" and (coalesce(status, '') not in ({_placeholders(table.final)}){awaits}){deleted}"
            f" and {self._is_committed()} order by id"
        )
        rows = self._select(sql, self._account, span.start, span.end, *table.final, *table.awaits)
        return [OpenFax(row["id"], row["_dlt_id"], row["created_at"]) for row in rows]

    def child_counts(self, child: ChildTable, ids: Collection[Any]) -> Mapping[str, int]:
        """Fingerprint -> number of rows in the child table, for the versions of these faxes that have any."""
        if not ids:
            return {}
        sql = (
            f"select _dlt_parent_id as fingerprint, count(distinct position) as held from {self._qualified(child.name)}"
            f" where account = %s and {child.parent_id} in {_split_values(ids)} group by 1"
        )
        rows = self._select(sql, self._account, *_join_values(ids))
        return {row["fingerprint"]: int(row["held"]) for row in rows}

    def lacking_children(self, table: Table, child: ChildTable, start: datetime) -> tuple[int, Window] | None:
        """The number of faxes created from `start` on that lack child rows, and the span of their creation times.

        A fax lacks child rows if a position before the last one is missing, or if it needs a child row and has none,
        unless `sync_problems` has the value that did not fit.
        """
        # A killed load leaves rows in files, which the next one repeats. Counting rows takes half the time.
        there = "count(distinct position)" if self._appends else "count(*)"
        sql = f"""
            with held as (
                select _dlt_parent_id as fingerprint, {there} as there, max(position) + 1 as due
                from {self._qualified(child.name)} where account = %s group by 1
            )
            select count(*) as faxes, min({table.created_at}) as earliest, max({table.created_at}) as latest
            from {self._current(table.name)} as faxes left join held on held.fingerprint = faxes._dlt_id
            where faxes.account = %s and faxes.{table.created_at} >= %s and {self._is_committed()}
                and (held.there < held.due or held.there is null and {_requires_row(child)} and faxes._dlt_id not in (
                    select record_version from {self._qualified(SYNC_PROBLEMS)}
                    where account = %s and column_name = %s and record_version is not null
                ))
        """
        texts = [text for condition in child.required_if for text in condition.texts]
        rows = self._select(sql, self._account, self._account, start, *texts, self._account, child.source)
        if not rows or not rows[0]["faxes"]:
            return None
        return int(rows[0]["faxes"]), Window(rows[0]["earliest"], rows[0]["latest"])

    def problem_ids(self) -> Collection[str]:
        """The `_dlt_id` of every row of `sync_problems`."""
        sql = f"select _dlt_id from {self._qualified(SYNC_PROBLEMS)} where account = %s and {self._is_committed()}"
        return {row["_dlt_id"] for row in self._select(sql, self._account)}

    def rows(self, table: str, column: str, values: Collection[Any]) -> list[dict[str, Any]]:
        """The rows of a table whose column has one of the values, also rows of loads that were not committed."""
        if not values:
            return []
        rows = self._current(table, "account, id" if column == "id" else "_dlt_id")
        sql = f"select * from {rows} where account = %s and {column} in {_split_values(values)}"
        return self._select(sql, self._account, *_join_values(values))

    def holes(self, span: Window, proofs: Collection[str] | None, walked_by: datetime) -> list[Window]:
        """The parts of a span that no window with one of these proofs covers; None: any proof.

        Windows of the ledger count if they had been walked, and end, by then (UTC).
        """
        proven = f"and proof in ({_placeholders(proofs)})" if proofs else ""
        sql = f"""
            with walked as (
                select from_at, to_at from {self._qualified(self._ledger)}
                where account = %s and to_at > %s and from_at < %s and finished_at <= %s and to_at <= %s {proven}
                    and {self._is_committed()}
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
        rows = self._select(sql, self._account, span.start, span.end, walked_by, walked_by, *(proofs or ()))
        edges = [(row["reached"] or span.start, row["from_at"] or span.end) for row in rows] or [(span.start, span.end)]
        return sorted(Window(start, end) for start, end in edges if start < end)

    def covered(self) -> Window | None:
        """From the start of the earliest window of the ledger to the end of the latest; None before the first run."""
        sql = (
            f"select min(from_at) as earliest, max(to_at) as latest from {self._qualified(self._ledger)}"
            f" where account = %s and {WINDOW_IS_PAST} and {self._is_committed()}"
        )
        rows = self._select(sql, self._account)
        return Window(rows[0]["earliest"], rows[0]["latest"]) if rows and rows[0]["latest"] else None

    def short_windows(self, table: Table, start: datetime) -> list[tuple[Window, int, int]]:
        """The windows from `start` on with fewer stored faxes than `rows_taken`: window, faxes taken, faxes stored."""
        sql = f"""
            with walked as (
                select from_at, to_at, rows_taken from {self._qualified(self._ledger)}
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

    def proofs(self, kinds: Collection[str]) -> list[LedgerRow]:
        """The ledger rows with one of these proofs."""
        sql = (
            f"select _dlt_id, from_at, to_at, proof, finished_at from {self._qualified(self._ledger)}"
            f" where account = %s and proof in ({_placeholders(kinds)}) and {WINDOW_IS_PAST}"
            f" and {self._is_committed()}"
        )
        return [ledger_row(row) for row in self._select(sql, self._account, *kinds)]

    def last_walk(self, other_than: str) -> datetime | None:
        """The last `finished_at` of another run in the ledger; None if there is none."""
        sql = (
            f"select max(finished_at) as finished_at from {self._qualified(self._ledger)}"
            f" where account = %s and run_id <> %s and {IS_PAST} and {self._is_committed()}"
        )
        latest: datetime | None = self._value(sql, self._account, other_than)
        return latest

    def failing_since(self, exit_codes: Collection[int], last_good: datetime | None) -> datetime | None:
        """The start of the first run that failed with one of these codes since the last success; None without one."""
        good = "" if last_good is None else "and started_at > %s"
        sql = f"""
            select min(started_at) as since from {self._qualified(SYNC_RUNS)}
            where account = %s and exit_code in ({_placeholders(exit_codes)}) {good} and started_at > coalesce(
                (
                    select max(started_at) from {self._qualified(SYNC_RUNS)}
                    where account = %s and exit_code = 0 and {IS_PAST}
                ),
                timestamp with time zone '1970-01-01 00:00:00+00'
            )
        """
        bounds = () if last_good is None else (last_good,)
        since: datetime | None = self._value(sql, self._account, *exit_codes, *bounds, self._account)
        return since

    def open_problems(self) -> list[tuple[str, str | None, int]]:
        """The misfits, counted: table, column (None for whole records), number."""
        sql = (
            f"select table_name, column_name, count(*) as problems from {self._qualified(SYNC_PROBLEMS)}"
            f" where account = %s and {self._is_committed()} group by 1, 2 order by 1, 2"
        )
        rows = self._select(sql, self._account)
        return [(row["table_name"], row["column_name"], int(row["problems"])) for row in rows]

    def new_columns(self, since: datetime) -> list[tuple[str, str]]:
        """Table and name of the columns for fields that the provider has added since then."""
        sql = (
            f"select table_name, column_name from {self._qualified(SCHEMA_CHANGES)}"
            f" where account = %s and first_seen_at >= %s and {self._is_committed()} order by 1, 2"
        )
        return [(row["table_name"], row["column_name"]) for row in self._select(sql, self._account, since)]

    def counts(self, table: Table, spans: Sequence[Window]) -> list[int]:
        """The number of faxes created in each span."""
        return self._in_spans(f"{self._current(table.name)} as held", table.created_at, spans)

    def most_rows_per_request(self) -> int | None:
        """The largest number of faxes per request in any window of the ledger; None before the first run."""
        sql = (
            f"select max(rows_seen / requests) as faxes from {self._qualified(self._ledger)}"
            f" where account = %s and requests > 0 and {self._is_committed()}"
        )
        most = self._value(sql, self._account)
        return None if most is None else int(most)

    def has_faxes(self, table: str) -> bool:
        """There is at least one fax."""
        sql = f"select 1 as found from {self._qualified(table)} where account = %s and {self._is_committed()} limit 1"
        return self._value(sql, self._account) is not None

    def deleted_unread(self, table: Table) -> int:
        """The number of deleted faxes of which only the tombstone is known."""
        if table.stub is None:
            return 0
        sql = (
            f"select count(*) as faxes from {self._current(table.name)}"
            f" where account = %s and {table.stub} is not null and status is null"
            f" and {self._is_committed()}"
        )
        return int(self._value(sql, self._account) or 0)

    def accounts(self) -> set[str]:
        """The accounts in the ledger, this one and others."""
        return {row["account"] for row in self._select(f"select distinct account from {self._qualified(self._ledger)}")}

    def also_held_by(self, table: Table, accounts: Collection[str]) -> list[str]:
        """Those of the other `accounts` that hold some of a hundred faxes of this one, spread over its whole time."""
        others = sorted({*accounts} - {self._account})
        if not others:
            return []
        sample = f"""
            select min(id) as id from (
                select id, ntile(100) over (order by {table.created_at}) as part
                from {self._current(table.name)} where account = %s
            ) as parts group by part
        """
        ids = [row["id"] for row in self._select(sample, self._account)]
        sql = (
            f"select distinct account from {self._qualified(table.name)}"
            f" where account in ({_placeholders(others)}) and id in {_split_values(ids)} order by 1"
        )
        return [row["account"] for row in self._select(sql, *others, *_join_values(ids))] if ids else []

    def other_currencies(self, table: Table) -> list[tuple[str | None, int]]:
        """Faxes whose price is not in US dollars, counted: currency (None if not named), number."""
        if table.price is None:
            return []
        amount, currency = table.price
        sql = (
            f"select nullif(upper({currency}), '') as currency, count(*) as faxes from {self._current(table.name)}"
            f" where account = %s and {amount} is not null and coalesce(upper({currency}), '') <> 'USD'"
            f" and {self._is_committed()} group by 1 order by 1"
        )
        return [(row["currency"], int(row["faxes"])) for row in self._select(sql, self._account)]

    def deliveries(self, table: Table, child: ChildTable, spans: Sequence[Window]) -> list[int]:
        """The number of child rows of the faxes created in each span, plus one for each fax without a child row."""
        rows = f"""
            {self._current(table.name)} as held left join {self._current(child.name, "_dlt_id")} as delivered
                on delivered.account = held.account and delivered.{child.parent_id} = held.id
                and delivered._dlt_parent_id = held._dlt_id
        """
        return self._in_spans(rows, table.created_at, spans)

    def _in_spans(self, rows: str, created_at: str, spans: Sequence[Window]) -> list[int]:
        """The number of rows of the faxes created in each span, in one query: the spans of a month overlap."""
        counts = ", ".join(
            f"count(*) filter (where held.{created_at} >= %s and held.{created_at} < %s) as span_{number}"
            for number in range(len(spans))
        )
        sql = (
            f"select {counts} from {rows}"
            f" where held.account = %s and held.{created_at} >= %s and held.{created_at} < %s"
            f" and {self._is_committed('held.')}"
        )
        bounds = [bound for span in spans for bound in (span.start, span.end)]
        found = self._select(sql, *bounds, self._account, min(bounds), max(bounds))
        return [int(number) for number in found[0].values()] if found else [0] * len(spans)

    def _select(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        try:
            with self._client.execute_query(sql, *parameters) as cursor:
                return rows_of(cursor)
        except DestinationUndefinedEntity:
            return []

    def _value(self, sql: str, *parameters: Any) -> Any:
        """The first value of the first row; None without a row, or if a table does not exist."""
        return next((value for row in self._select(sql, *parameters) for value in row.values()), None)

    def _qualified(self, table: str) -> str:
        return self._client.make_qualified_table_name(table)

    def _current(self, table: str, key: str = "account, id") -> str:
        """The table, or a subquery of the newest version of each row."""
        if not self._appends:
            return self._qualified(table)
        newest = f"row_number() over (partition by {key} order by _dlt_load_id desc) = 1"
        return f"(select * from {self._qualified(table)} qualify {newest})"

    def _is_committed(self, of: str = "") -> str:
        if self._counts_every_row:
            return "true"
        return f"{of}_dlt_load_id in (select load_id from {self._qualified('_dlt_loads')} where status = 0)"


def _requires_row(child: ChildTable) -> str:
    """The SQL condition for faxes that need at least one row in the child table; false if a column is null."""
    conditions = [
        f"cast({condition.column} as text) {'not in' if condition.is_not else 'in'} ({_placeholders(condition.texts)})"
        for condition in child.required_if
    ]
    return " and ".join(conditions) or "false"


def _placeholders(values: Collection[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _split_values(values: Collection[Any]) -> str:
    """The SQL subquery that splits the parameters made by `_join_values` into values: all integers, or all texts."""
    data_type = "bigint" if {*map(type, values)} <= {int} else "text"
    return f"(select cast(unnest(string_to_array(%s, %s)) as {data_type}))"


def _join_values(values: Collection[Any]) -> tuple[str, str]:
    """The values joined into one text, and their separator: two parameters instead of one for each value.

    DuckDB tries to import pandas twice for each parameter. Without pandas, a thousand parameters take 0.2 s.
    """
    texts = [str(value) for value in values]
    every_text = "".join(texts)
    separator = next(character for character in map(chr, count(1)) if character not in every_text)
    return separator.join(texts), separator
