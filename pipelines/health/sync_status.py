"""How far each account is read and proven, how the last runs ended, and what to do next, by the warehouse alone."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

import sources
from pipelines.config.accounts import Account
from pipelines.config.bootstrap import as_typed
from pipelines.warehouse.read_only import Read, Row
from sources.extract.window_result import PROVEN_OR_GAP
from sources.load.ledger import IS_PAST, RUN_COLUMNS, WINDOW_IS_PAST

ENDINGS = {  # exit code -> how the run ended, and what to do about it; docs/operating.md has more
    0: ("complete", ""),
    65: ("not proven", "check.py names what is not proven; the log of the run has the provider's answer"),
    69: ("warehouse refused", "the log of the run names the remedy"),
    70: ("unexpected error", "report the line in the log of the run"),
    74: ("no disk or memory", "free some disk or memory on the machine of the sync"),
    75: ("temporary", "the next run continues; check.py says whether the provider answers"),
    77: ("credentials refused", "renew the key, or correct its scope, in .dlt/secrets.toml"),
    78: ("wrong setting", "the log of the run names the setting"),
    130: ("paused by SIGINT", "the next run continues"),
    143: ("paused by SIGTERM", "the next run continues"),
}
_ACCOUNTS = f"""
    with proven as (
        select provider, account, from_at, to_at, max(to_at) over (
            partition by provider, account, table_name order by from_at, to_at
            rows between unbounded preceding and 1 preceding
        ) as reached
        from fax.sync_windows where {WINDOW_IS_PAST} and proof in ({", ".join(f"'{proof}'" for proof in PROVEN_OR_GAP)})
    ), proofs as (
        select
            provider, account
            , coalesce(min(case when from_at > reached then reached end), max(to_at)) as proven_to
            , count(case when from_at > reached then 1 end) as holes
        from proven group by 1, 2
    ), reads as (
        select provider, account, min(from_at) as read_from, max(to_at) as read_to, max(finished_at) as looked_at
        from fax.sync_windows where {WINDOW_IS_PAST} group by 1, 2
    ), ranked as (
        select *, row_number() over (partition by provider, account order by finished_at desc) as place
        from fax.sync_runs where {IS_PAST}
    ), open_ones as (
        select provider, account, count(*) as open_faxes from fax.open_faxes group by 1, 2
    )
    select
        coalesce(reads.provider, ranked.provider) as provider
        , coalesce(reads.account, ranked.account) as account
        , read_from, read_to, proven_to, coalesce(holes, 0) as holes, looked_at
        , ranked.finished_at as last_run_at, ranked.exit_code, coalesce(open_faxes, 0) as open_faxes
    from reads
    full join (select * from ranked where place = 1) as ranked
        on ranked.provider = reads.provider and ranked.account = reads.account
    left join proofs on proofs.provider = reads.provider and proofs.account = reads.account
    left join open_ones on open_ones.provider = reads.provider and open_ones.account = reads.account
    order by 1, 2
"""
_RUNS = """
    select started_at, finished_at, provider, account, cast(exit_code as bigint) as exit_code
        , cast(rows_new as bigint) as rows_new, cast(rows_changed as bigint) as rows_changed
        , cast(requests as bigint) as requests, date_part('epoch', finished_at - started_at) as seconds
    from {} as runs order by started_at desc, provider, account limit %s
"""
_PLACES = "select table_schema from information_schema.tables where table_name = 'sync_runs'"
_NOTHING_READ = dict.fromkeys(("read_from", "read_to", "proven_to", "looked_at")) | {"holes": 0, "open_faxes": 0}
_MAX_RUNS = 1_000  # that failed before any run made the views


def read_status(read: Read, schema: str, most: int) -> tuple[list[Row], list[Row]]:
    """One row for each account of which anything was read or a run failed, and the last runs, the latest first.

    A run has a row for each account, if it wrote something or failed. Until a run of a provider ends well, the views in
    `schema` know nothing of it, or are not there: its runs are then in its raw table only, and nothing counts as read.
    """
    places = {row["table_schema"] for row in read(_PLACES)}
    raw = {name: f"{schema}_{name}" for name in sources.providers() if f"{schema}_{name}" in places}
    states, runs = list[Row](), list[Row]()
    if schema in places or not raw:
        states, runs = read(_ACCOUNTS), read(_RUNS.format("fax.sync_runs"), most)
    if failed := [name for name in raw if name not in {state["provider"] for state in states}]:
        columns = ", ".join(column.name for column in RUN_COLUMNS)
        of_each = [f"select '{name}' as provider, {columns} from \"{raw[name]}\".sync_runs" for name in failed]
        runs_of_failed = read(_RUNS.format(f"({' union all '.join(of_each)})"), _MAX_RUNS)
        latest = {(run["provider"], run["account"]): run for run in reversed(runs_of_failed)}
        states += [
            {"provider": provider, "account": account, "last_run_at": run["finished_at"], "exit_code": run["exit_code"]}
            | _NOTHING_READ
            for (provider, account), run in latest.items()
        ]
        runs += runs_of_failed
    states.sort(key=lambda state: (state["provider"], state["account"]))
    return states, sorted(runs, key=lambda run: run["started_at"], reverse=True)[:most]


def name_of(row: Row) -> str:
    """The account of a row, as the summary of a sync names it."""
    return str(Account(row["provider"], row["account"]))


def ending_of(exit_code: int | None) -> tuple[str, str]:
    """How a run with this exit code ended, and what to do about it."""
    return ENDINGS.get(exit_code or 0, (f"exit code {exit_code}", "docs/operating.md lists the exit codes"))


def next_steps(
    states: Collection[Row], configured: Collection[tuple[str, str]], max_age_hours: float, now: datetime
) -> list[str]:
    """What to do next, one sentence for each account that needs something."""
    known = {(state["provider"], state["account"]) for state in states}
    new = [{"provider": provider, "account": account} for provider, account in configured]
    missing = [f"{name_of(row)}: nothing is loaded yet: run sync.py" for row in new if tuple(row.values()) not in known]
    steps = (f"{name_of(state)}: {step}" for state in states for step in _steps(state, max_age_hours, now))
    return [as_typed(step) for step in (*missing, *steps)]


def _steps(state: Row, max_age_hours: float, now: datetime) -> Iterator[str]:
    looked_at, last_run_at = state["looked_at"], state["last_run_at"]
    has_failed = state["exit_code"] and (looked_at is None or last_run_at >= looked_at)
    if has_failed:
        ending, remedy = ending_of(state["exit_code"])
        when, code = f"{last_run_at:%Y-%m-%d %H:%M} UTC", state["exit_code"]  # a later one may have found nothing new
        yield f"the run at {when} ended with {code} ({ending}); unless one has succeeded since: {remedy}"
    if state["holes"]:
        yield f"the time from {state['proven_to']:%Y-%m-%d %H:%M} UTC on has parts that are not proven: run check.py"
    if not has_failed and looked_at and now - looked_at > timedelta(hours=max_age_hours):
        yield f"no run has looked since {looked_at:%Y-%m-%d %H:%M} UTC: check whether the schedule still runs"
