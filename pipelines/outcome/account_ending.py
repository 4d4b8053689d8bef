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
    """The error that ended an account's run, None if all went well; once it is settled, nothing changes it."""

    error: FaxSyncError | None = None
    is_settled: bool = False

    def note(self, failure: BaseException, run: Run | None) -> None:
        """Takes in what has stopped the run, unless that is settled."""
        if not self.is_settled:
            self.error = _interrupted(failure, run) or always_fax_sync_error(failure)

    @property
    def exit_code(self) -> int:
        """0, or that of the error."""
        return self.error.exit_code if self.error else 0


def _interrupted(failure: BaseException, run: Run | None) -> signals.Interrupted | None:
    """The failure as what a signal has brought about; None if it has another reason."""
    stopped = signals.behind(failure)
    if stopped is None and isinstance(to_fax_sync_error(failure), TryAgain):
        stopped = signals.received()  # which has cancelled what was waited for, or left less time to wait
    return signals.Interrupted(f"stopped by {stopped.name}: {_loaded(run)}", stopped.number) if stopped else None


def _loaded(run: Run | None) -> str:
    """How much of an interrupted run was loaded, and what the next one has to read again."""
    if run is None or not run.loads or (reached := run.tally.reached) is None:
        return "nothing was loaded, and the next run reads all of it again"
    tally = run.tally
    loaded = f"{tally.new + tally.changed:,} new or changed faxes were loaded, created up to {rfc3339(reached)}"
    return f"{loaded}; the next run " + ("has none of them to read again" if run.has_arrived else "reads on from there")
