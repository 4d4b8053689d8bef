"""How one account's run ended: in one line, as JSON, and its proof."""

from dataclasses import dataclass
from typing import Any

from pipelines.config.accounts import Account
from pipelines.config.bootstrap import as_typed
from sources.errors import FaxSyncError, Incomplete, masked
from sources.load.ledger import SCHEMA_CHANGES, SYNC_PROBLEMS
from sources.load.run import Run
from sources.window import rfc3339

_PREFIXES = {"failed": "FAILED: ", "skipped": "skipped: ", "paused": ""}  # a pause says by what it was caused


@dataclass(frozen=True)
class Outcome:
    """How one account's run ended; `error` is None if it succeeded, `run` is None if it did not start."""

    account: Account
    run: Run | None
    seconds: float
    error: FaxSyncError | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of the error, or 0."""
        return self.error.exit_code if self.error else 0

    @property
    def status(self) -> str:
        """How it ended in one word: complete, paused, skipped or failed."""
        return self.error.outcome if self.error else "complete"

    @property
    def is_first(self) -> bool:
        """It is the first complete run of the account."""
        return self.error is None and self.run is not None and self.run.is_first

    def line(self, verbose: bool = False) -> str:
        """One line for a person; with the rate that the provider allowed if `verbose`."""
        run = self.run
        loaded = run is not None and run.span is not None and (run.loads > 0 or self.error is None)
        parts = [_loaded(run, self.seconds, verbose)] if run and loaded else []
        parts += ["nothing to read: all windows are proven already"] if run and not parts and not self.error else []
        parts += self.notes()
        if verbose and run and run.pace is not None:
            parts.append(f"the provider limits the rate: {run.pace:.2f} requests a second at the end")
        if self.error:
            parts.append(f"{_PREFIXES[self.error.outcome]}{self.error}")
        return as_typed(f"{self.account}: {'; '.join(parts)}")

    @property
    def is_news(self) -> bool:
        """It changed something in the warehouse, or has something to say."""
        run = self.run
        is_changed = run is not None and bool(run.tally.new or run.tally.changed or run.purged or run.new_columns)
        return is_changed or self.status in ("failed", "paused") or bool(self.notes())

    def notes(self) -> list[str]:
        """One sentence for each thing that deserves a look although the run is complete."""
        run = self.run
        if run is None:
            return []
        notes = [f"WARNING: {warning}" for warning in run.warnings]
        if problems := run.tally.rows[SYNC_PROBLEMS]:
            notes.append(f"{problems} new rows in sync_problems: what did not fit, or is gone at the provider")
        if columns := [f"{table}.{masked(column)}" for table, added in run.new_columns.items() for column in added]:
            notes.append(f"new fields {', '.join(columns)}")
        if run.purged:
            notes.append(f"faxes deleted because of their age: {run.purged}")
        return notes

    def as_json(self) -> dict[str, Any]:
        """The outcome for a program: times as RFC 3339 text in UTC; without the run's figures if it did not start."""
        run = self.run
        outcome: dict[str, Any] = {
            "provider": self.account.provider,
            "account": self.account.name,
            "status": self.status,
            "exit_code": self.exit_code,
            "error": as_typed(str(self.error)) if self.error else None,
            "seconds": round(self.seconds, 3),
        }
        if run is None:
            return outcome
        return outcome | {
            "new": run.tally.new,
            "changed": run.tally.changed,
            "unchanged": run.tally.unchanged,
            "deleted": run.tally.deleted,
            "purged": run.purged,
            "rows": dict(sorted(children(run).items())),
            "problems": run.tally.rows[SYNC_PROBLEMS],
            "new_columns": {table: [*map(masked, added)] for table, added in run.new_columns.items()},
            "warnings": run.warnings,
            "from": rfc3339(run.span.start) if run.span else None,
            "to": rfc3339(run.span.end) if run.span else None,
            "reached": rfc3339(run.tally.reached) if run.tally.reached else None,
            "requests": run.client.usage.requests,
            "retries": run.client.usage.retries,
            "requests_per_second": run.pace,
            "completeness": completeness(run),
        }


def children(run: Run) -> dict[str, int]:
    """The number of rows loaded into each child table, by name."""
    return {
        name: count
        for name, count in run.tally.rows.items()
        if name not in (run.source.table.name, SYNC_PROBLEMS, SCHEMA_CHANGES)
    }


def completeness(run: Run) -> str:
    """Up to which time the run is complete, and how that is known, in words."""
    if run.tally.reached is None:
        return "nothing read"
    unproven = [result for result in run.tally.windows if result.proof == "unproven"]
    if unproven:
        return f"not proven: {unproven[0].window}"
    gaps = [result.window for result in run.tally.windows if result.proof == "gap"]
    proofs = {result.proof for result in run.tally.windows} - {"gap"}
    how = "proven complete" if proofs == {"counted"} else "all pages read"
    read = [f"{how} up to {rfc3339(run.tally.reached)}"] if proofs else []
    return "; ".join([*read, *(f"{gap} is beyond the provider's history" for gap in gaps[:1])])


def require_proof(run: Run) -> None:
    """Requires a proof of every window of the run.

    Raises:
        Incomplete: the provider's count of a window differed from its faxes each time the window was walked.
    """
    unproven = [result for result in run.tally.windows if result.proof == "unproven"]
    if unproven:
        result, windows = unproven[0], "1 window" if len(unproven) == 1 else f"{len(unproven)} windows"
        totals = dict.fromkeys((result.total, result.total_last))
        claimed = ", then ".join("above its limit" if total is None else str(total) for total in totals)
        raise Incomplete(
            f"{windows} could not be proven complete, first {result.window}: {result.rows_seen} faxes "
            f"came, but the provider's total is {claimed}; they are loaded, and the next runs read the window again"
        )


def _loaded(run: Run, seconds: float, verbose: bool) -> str:
    faxes = f"{run.tally.new:,} new, {run.tally.changed:,} changed, {run.tally.unchanged:,} unchanged"
    usage = run.client.usage
    retried = f", {usage.retries:,} retried" if usage.retries else ""
    requests = f"{usage.requests:,} request{'' if usage.requests == 1 else 's'}{retried}, {seconds:.1f} s"
    rows = [f"{count:,} {name}" for name, count in sorted(children(run).items()) if count]
    details = [*([f"with {', '.join(rows)}"] if rows else []), f"read {run.span}"] if verbose else []
    return "; ".join([faxes, requests, *details, completeness(run)])
