"""The judge of every sync: does the warehouse hold exactly what the provider holds, and is it sound in itself?"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tests.support.warehouse.rows import Held, named_rows, reading, rows

Record = dict[str, Any]
CHILDREN = {  # child table -> table of faxes, and the column with the fax's id
    "fax_recipients": ("faxes", "fax_id"),
    "fax_tags": ("faxes", "fax_id"),
    "fax_barcodes": ("faxes", "fax_id"),
    "fax_labels": ("faxes", "fax_id"),
    "fax_bar_codes": ("faxes", "fax_id"),
    "fax_log_charge_details": ("fax_logs", "fax_log_id"),
}


def assert_holds(held: Held, provider: str, truth: Iterable[Record]) -> None:
    """Raises an AssertionError that lists the offenders, unless the warehouse holds this truth and nothing else."""
    with reading(held) as connection:
        offenders = [*_against_truth(connection, provider, list(truth)), *unsound(connection, f"fax_{provider}")]
    _require_none(offenders)


def assert_holds_account(held: Held, provider: str, fake: Any) -> None:
    """The same of the account of a fake as it is, with the raw tables of all its lists."""
    assert_holds(held, provider, fake.truth())
    assert_holds_lists(held, provider, fake)


def assert_holds_lists(held: Held, provider: str, fake: Any) -> None:
    """Raises an AssertionError, unless the raw tables of the further lists hold what the fake's lists had."""
    with reading(held) as connection:
        offenders = [
            offender
            for table, truth in getattr(fake, "truth_of_lists", dict)().items()
            for offender in _against_list(connection, f"fax_{provider}.{table}", truth)
        ]
    _require_none(offenders)


def _require_none(offenders: list[str]) -> None:
    if offenders:
        raise AssertionError("\n".join([*offenders[:20], f"… {len(offenders)} in all"]))


def _against_list(connection: Any, table: str, truth: dict[str, Record]) -> Iterable[str]:
    held = {row["id"]: row for row in named_rows(connection, f"select * from {table}")}
    yield from (f"lost: {id} of {table}" for id in truth.keys() - held.keys())
    yield from (f"invented: {id} in {table}" for id in held.keys() - truth.keys())
    for id in truth.keys() & held.keys():
        for name, value in truth[id].items():
            if held[id].get(name) != value:  # a column that was never filled may not be there
                yield f"stale or wrong: {id} {name} of {table}: expected {value!r}, held {held[id].get(name)!r}"


def _against_truth(connection: Any, provider: str, truth: list[Record]) -> Iterable[str]:
    expected = {fax["id"]: _canonical(fax) for fax in truth}
    held = _held(connection, provider)
    yield from (f"lost: {id}" for id in expected.keys() - held.keys())
    yield from (f"invented: {id}" for id in held.keys() - expected.keys())
    for id in expected.keys() & held.keys():
        if len(held[id]) > 1:
            yield f"doubled: {id} has {len(held[id])} rows"
        for name, value in expected[id].items():
            if held[id][0][name] != value:
                yield f"stale or wrong: {id} {name}: expected {value!r}, held {held[id][0][name]!r}"
    cost = sum((fax["cost_usd"] or Decimal(0) for fax in truth), Decimal(0))
    sql = "select coalesce(sum(cost_usd), 0) from fax.faxes where provider = ?"
    if (total := rows(connection, sql, provider)[0][0]) != cost:
        yield f"money: expected {cost}, held {total!r}"


def runs_amiss(connection: Any, said: dict[str, Any]) -> Iterable[str]:
    """Where `sync_runs` differs from the summary that a run has printed: whose row lacks, is twice, or says otherwise.

    A run that wrote nothing, though all went well, has no row; nor one that could not begin, or whose raw schema is not
    there yet.
    """
    for account in said["accounts"]:
        schema, name = f"fax_{account['provider']}", f"{account['provider']}/{account['account']}"
        there = "select 1 from information_schema.tables where table_schema = ? and table_name = 'sync_runs'"
        if not rows(connection, there, schema):
            if account.get("new") or account.get("changed"):
                yield f"run untold: {name} has loaded faxes, and there is no {schema}.sync_runs"
            continue
        columns = "exit_code, rows_new, rows_changed, requests, retries"
        sql = f"select {columns} from {schema}.sync_runs where run_id = ? and account = ?"
        written = rows(connection, sql, said["run_id"], account["account"])
        if "new" not in account:
            yield from (f"run invented: {name} could not begin, and has {row}" for row in written)
            continue
        told = tuple(account[key] for key in ("exit_code", "new", "changed", "requests", "retries"))
        if not written and (any(told[:3]) or account["purged"]):
            yield f"run untold: {name} said {told}, and has no row"
        yield from (f"run told otherwise: {name} said {told}, and its row says {row}" for row in written if row != told)
        if len(written) > 1:
            yield f"run doubled: {name} has {len(written)} rows"


def _canonical(fax: Record) -> Record:
    return {**fax, "recipients": sorted(fax["recipients"], key=repr), "tags": sorted(fax["tags"].items())}


def _held(connection: Any, provider: str) -> dict[str, list[Record]]:
    recipients, tags = defaultdict(list), defaultdict(list)
    sql = "select fax_id, position, phone_number, provider_status from fax.fax_recipients where provider = ?"
    for id, *recipient in rows(connection, sql, provider):
        recipients[id].append(tuple(recipient))
    for id, *tag in rows(connection, "select fax_id, name, value from fax.fax_tags where provider = ?", provider):
        tags[id].append(tuple(tag))
    held = defaultdict(list)
    for fax in named_rows(connection, "select * from fax.faxes where provider = ?", provider):
        children = {"recipients": sorted(recipients[fax["id"]], key=repr), "tags": sorted(tags[fax["id"]])}
        held[fax["id"]].append(fax | children)
    orphans = (recipients.keys() | tags.keys()) - held.keys()
    for id in orphans:  # a child without a fax counts as a fax that nobody sent
        held[f"{id} (child without fax)"] = [{}]
    return held


def unsound(connection: Any, schema: str) -> Iterable[str]:
    """What no warehouse may hold, whatever the provider says: variant columns, equal keys, orphans, stale children."""
    sql = "select table_name, column_name from information_schema.columns where table_schema = ?"
    columns = rows(connection, sql, schema)
    yield from (f"variant column: {table}.{column}" for table, column in columns if "__v_" in column)
    tables = {table for table, column in columns if column == "_dlt_id"}
    for table in sorted(tables):
        keys = Counter(key for (key,) in rows(connection, f"select _dlt_id from {schema}.{table}"))
        yield from (f"_dlt_id {key} is {count} times in {table}" for key, count in keys.items() if count > 1)
    for child, (parent, foreign) in CHILDREN.items():
        if child in tables and parent in tables:
            sql = (
                f"select c.{foreign} from {schema}.{child} as c left join {schema}.{parent} as p"
                f" on p.id = c.{foreign} and p.account = c.account and p._dlt_id = c._dlt_parent_id"
                " where p._dlt_id is null"
            )
            yield from (f"orphan or stale child in {child}: {id}" for (id,) in rows(connection, sql))
