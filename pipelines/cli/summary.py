"""What a run came to: for each account a line or an object, and one exit code for all."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipelines.config.accounts import Account
from sources.errors import FaxSyncError, Incomplete
from sources.load.ledger import SCHEMA_CHANGES, SYNC_PROBLEMS
from sources.load.run import Run
from sources.window import rfc3339

SIGNALLED = 128  # an exit code above this is a signal's
PRECEDENCE = (78, 77, 70, 65, 69, 74, 75)  # the first of these that any account came to is the command's exit code


@dataclass(frozen=True)
class Outcome:
    """How one account's run ended; `error` is None if all went well, and `run` is None if it could not begin."""

    account: Account
    run: Run | None
    seconds: float
    error: FaxSyncError | None = None

    @property
    def exit_code(self) -> int:
        """0, or that of the error."""
        return self.error.exit_code if self.error else 0

    def line(self, verbose: bool = False) -> str:
        """One line for a person; if `verbose`, with the pace that the provider allowed."""
        run = self.run
        loaded = run is not None and run.span is not None and (run.loads > 0 or self.error is None)
        parts = [_told(run, self.seconds)] if run and loaded else _warned(run) if run else []
        parts += ["nothing to read: all of it is proven already"] if run and not parts and not self.error else []
        parts += [f"{run.purged} faxes deleted, as they were too old"] if run and run.purged else []
        if verbose and run and run.pace is not None:
            parts.append(f"the provider limits the rate: {run.pace:.2f} requests a second at the end")
        parts += [str(self.error) if self.exit_code > SIGNALLED else f"FAILED: {self.error}"] if self.error else []
        return f"{self.account}: {'; '.join(parts)}"

    def as_json(self) -> dict[str, Any]:
        """The same for a program."""
        run = self.run
        told: dict[str, Any] = {
            "provider": self.account.provider,
            "account": self.account.name,
            "exit_code": self.exit_code,
        }
        told |= {"error": str(self.error) if self.error else None, "seconds": round(self.seconds, 3)}
        if run is None:
            return told
        return told | {
            "new": run.tally.new,
            "changed": run.tally.changed,
            "unchanged": run.tally.unchanged,
            "deleted": run.tally.deleted,
            "purged": run.purged,
            "rows": dict(sorted(children(run).items())),
            "problems": run.tally.rows[SYNC_PROBLEMS],
            "new_columns": run.new_columns,
            "warnings": run.warnings,
            "from": rfc3339(run.span.start) if run.span else None,
            "to": rfc3339(run.span.end) if run.span else None,
            "reached": rfc3339(run.tally.reached) if run.tally.reached else None,
            "requests": run.client.usage.requests,
            "retries": run.client.usage.retries,
            "requests_per_second": run.pace,
            "completeness": completeness(run),
        }


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """The most pressing of the accounts' exit codes."""
    codes = {outcome.exit_code for outcome in outcomes} - {0}
    return next((code for code in PRECEDENCE if code in codes), max(codes, default=0))


def children(run: Run) -> dict[str, int]:
    """The rows loaded into the tables split off from the faxes, by table."""
    return {
        name: count
        for name, count in run.tally.rows.items()
        if name not in (run.source.table.name, SYNC_PROBLEMS, SCHEMA_CHANGES)
    }


def completeness(run: Run) -> str:
    """How far the run can vouch for being complete, and why."""
    if run.tally.reached is None:
        return "nothing read"
    unproven = [result for result in run.tally.windows if result.proof == "unproven"]
    if unproven:
        return f"not proven: {unproven[0].window}"
    counted = all(result.proof == "counted" for result in run.tally.windows)
    gaps = [result.window for result in run.tally.windows if result.proof == "gap"]
    told = f"{'proven complete' if counted else 'all pages read'} up to {rfc3339(run.tally.reached)}"
    return f"{told}; {gaps[0]} is beyond the provider's history" if gaps else told


def require_proof(run: Run) -> None:
    """Raises:
    Incomplete: a window's count did not come out, although it was walked several times.
    """
    unproven = [result for result in run.tally.windows if result.proof == "unproven"]
    if unproven:
        result, many = unproven[0], "1 window" if len(unproven) == 1 else f"{len(unproven)} windows"
        totals = dict.fromkeys((result.total, result.total_last))
        claims = ", then ".join("more than it counts" if total is None else str(total) for total in totals)
        raise Incomplete(
            f"{many} could not be proven complete, first {result.window}: {result.rows_seen} faxes "
            f"came and the provider claims {claims}; what came is loaded, and the next runs read it again"
        )


def _told(run: Run, seconds: float) -> str:
    faxes = f"{run.tally.new} new, {run.tally.changed} changed, {run.tally.unchanged} unchanged faxes"
    rows = [f"{count} {name}" for name, count in sorted(children(run).items()) if count]
    loaded = f" with {', '.join(rows)}" if rows else ""
    usage = run.client.usage
    requests = f"{usage.requests} request{'' if usage.requests == 1 else 's'}, {usage.retries} retried, {seconds:.1f} s"
    parts = [f"{faxes}{loaded}", f"created {run.span}", requests, completeness(run)]
    if run.tally.rows[SYNC_PROBLEMS]:
        parts.append(f"{run.tally.rows[SYNC_PROBLEMS]} values did not fit, see sync_problems")
    columns = [f"{table}.{column}" for table, added in run.new_columns.items() for column in added]
    parts += _warned(run)
    if columns:
        parts.append(f"new fields {', '.join(columns)}")
    return "; ".join(parts)


def _warned(run: Run) -> list[str]:
    return [f"WARNING: {warning}" for warning in run.warnings]
