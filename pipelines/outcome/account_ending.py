"""How the sync of one account ended, in the operator's terms."""

from dataclasses import dataclass

from pipelines.outcome import signals
from pipelines.outcome.error_mapping import to_fax_sync_error
from pipelines.outcome.unforeseen import always_fax_sync_error
from sources.errors import FaxSyncError, TryAgain
from sources.load.run import Run
from sources.window import rfc3339


@dataclass
class Ending:
    """The error that ended an account's run, None if it succeeded. A settled ending no longer changes."""

    error: FaxSyncError | None = None
    is_settled: bool = False

    def note(self, failure: BaseException, run: Run | None) -> None:
        """Records the failure that ended the run, unless the ending is settled."""
        if not self.is_settled:
            self.error = interrupted(failure, run) or always_fax_sync_error(failure)

    @property
    def exit_code(self) -> int:
        """0, or that of the error."""
        return self.error.exit_code if self.error else 0


def interrupted(failure: BaseException, run: Run | None) -> signals.Interrupted | None:
    """The failure as an interruption by a signal; None if no signal caused it."""
    stopped = signals.behind(failure)
    if stopped is None and isinstance(to_fax_sync_error(failure), TryAgain):
        stopped = signals.received()  # it may have cancelled a wait, or shortened one
    return signals.Interrupted(stopped, kept(run)) if stopped else None


def kept(run: Run | None) -> str:
    """How many faxes a paused run loaded, and where the next run continues."""
    if run is None or not run.loads or (reached := run.tally.reached) is None:
        return "nothing was loaded; the next run reads all of it again"
    tally = run.tally
    loaded = f"{tally.new + tally.changed:,} new or changed faxes were loaded, created up to {rfc3339(reached)}"
    return f"{loaded}; the next run " + ("reads none of them again" if run.has_reached_end else "continues from there")
