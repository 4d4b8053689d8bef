"""The run of one list of an account, over all its rounds: what its tasks have reported, and its error."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Optional

from pipelines.config.accounts import Account
from pipelines.lake import errors
from pipelines.lake.account_task import Report
from pipelines.outcome.account_outcome import require_proof
from pipelines.outcome.provider_advice import advised
from pipelines.outcome.unforeseen import always_fax_sync_error
from sources.errors import FaxSyncError
from sources.load.run import Run

LOG = logging.getLogger("fax-sync")


@dataclass
class AccountRun:
    """The run of an account for the summary, and its error.

    `kept_from` is the start of the retention, once the provider's clock has confirmed it. `seconds` is the time that
    tasks and merges took. `first_list` is the run of the faxes, if this one reads another list.
    """

    account: Account
    run: Run
    finished: bool = False
    kept_from: datetime | None = None
    seconds: float = 0.0
    error: FaxSyncError | None = None
    first_list: Optional["AccountRun"] = None

    def fail(self, failure: BaseException) -> None:
        """Ends the account's run with the failure, as a `FaxSyncError`."""
        self.error, self.finished = to_fax_sync_error(self.account, failure), True
        if self.first_list:
            self.first_list.error = self.error

    def add_seconds(self, seconds: float) -> None:
        """Adds to the time of the account, which is that of all its lists."""
        (self.first_list or self).seconds += seconds

    def note_task(self, report: Report) -> None:
        """Adds the requests and the time of a task, and its error."""
        self.add_seconds(report.seconds)
        self.run.client.usage.add(report.usage)
        if report.error:
            self.fail(report.error)

    def add_loaded(self, report: Report) -> None:
        """Adds the counts of a task, whose rows are merged; after the last one, requires a proof of every window."""
        run, tally, more = self.run, self.run.tally, report.tally
        run.loads += len(report.loads)
        tally.add_faxes(more.new, more.changed, more.unchanged)
        tally.deleted += more.deleted
        tally.rows.update(more.rows)
        tally.windows += more.windows
        tally.reached = more.reached or tally.reached
        run.spans = [*run.spans[:1], *report.spans] if run.spans else report.spans
        run.warnings += [text for text in report.warnings if text not in run.warnings]
        run.is_first = run.is_first or report.is_first
        if report.rate is not None:
            run.client.pace.rate, run.client.pace.refusals = report.rate, 1
        run.balance = report.balance or run.balance
        self.finished, self.kept_from = report.finished, report.kept_from or self.kept_from
        if not self.finished:
            return
        if self.first_list:
            self.first_list.run.merge(run)
        try:
            require_proof(run)
        except FaxSyncError as error:
            self.fail(error)


def by_list(runs: Iterable[AccountRun]) -> list[list[AccountRun]]:
    """The runs in groups of one provider and list, which share their tables."""
    groups: dict[tuple[str, int], list[AccountRun]] = {}
    for one in runs:
        groups.setdefault((one.account.provider, one.run.source.listing), []).append(one)
    return [*groups.values()]


def to_fax_sync_error(account: Account, failure: BaseException) -> FaxSyncError:
    """The failure as a `FaxSyncError`, with advice if the account's settings or its provider's folder have some."""
    LOG.debug("%s failed", account, exc_info=failure)
    return advised(errors.to_fax_sync_error(failure) or always_fax_sync_error(failure), account)
