"""One account's task, on an executor or in this process: the same batches as the sync's, staged as Parquet files.

The files are on storage that driver and executors share. A task that Spark runs again stages its files under other
names, and only the names that it reports are merged, so that it changes nothing.
"""

import math
import pickle
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from pipelines.lake.stored import LakeStored
from sources.errors import FaxSyncError, Unforeseen
from sources.extract.page import Balance
from sources.extract.source import Source
from sources.http.usage import Usage
from sources.load.batches import Batch, Batches
from sources.load.plan import Position
from sources.load.run import Run
from sources.load.run_request import RunRequest
from sources.load.tally import Tally
from sources.records.new_fields import NewFields
from sources.records.privacy import Privacy
from sources.records.rows import Rows
from sources.records.schema import DataType, Table
from sources.spark.executor_settings import account_settings, privacy_with_key
from sources.window import SECOND, Window

REPORT_SCHEMA = "report binary"  # of what a Spark job of these tasks gives, in Spark's DDL


@dataclass(frozen=True)
class AccountTask:
    """What an executor needs to read one account; its credentials are not among that.

    `root` is where the provider's tables are, and `columns` are theirs by table; `staging` is where the files go.
    `listing` says which of the provider's lists is read, and `seconds` how long the task may take.
    """

    provider: str
    account: str
    settings: Mapping[str, Any]
    privacy: Privacy
    request: RunRequest
    position: Position
    started_at: datetime
    kept_from: datetime | None
    root: str
    staging: str
    columns: Mapping[str, Mapping[str, DataType]]
    listing: int = 0
    secrets: str | None = None
    seconds: float = math.inf

    @property
    def reads_all_again(self) -> bool:
        """What is stored does not tell how far the run has come, so that one task has to read to the end."""
        return self.request.full_refresh or self.request.refetch


@dataclass
class Report:
    """How a task ended: its loads in order, each as staged files by table, and what the summary tells.

    `moved` is how far the account is now read; None if its cursor is to stay. `kept_from` is the earliest creation time
    that is kept, if the provider's clock confirms it.
    """

    loads: list[dict[str, str]] = field(default_factory=list)
    moved: Position | None = None
    kept_from: datetime | None = None
    finished: bool = True
    is_first: bool = False
    tally: Tally = field(default_factory=Tally)
    spans: list[Window] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    rate: float | None = None
    seconds: float = 0.0
    balance: Balance | None = None
    error: FaxSyncError | None = None


@dataclass(frozen=True)
class _StagedTables:
    """The tables as the driver has seen them; undeclared fields stay JSON until it has seen those of all accounts."""

    held: Mapping[str, Mapping[str, DataType]]

    def columns(self, name: str) -> Mapping[str, DataType] | None:
        """The columns of a table; None if it is not there yet."""
        return self.held.get(name)

    def normalize(self, key: str) -> str:
        """The key itself: the driver names the columns."""
        return key

    def with_new_fields(self, table: Table, rows: Rows, new_fields: NewFields) -> Batch:
        """The rows as they are."""
        new_fields.problems += rows.problems
        return rows.tables


def run_tasks(tasks: Sequence[AccountTask], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Runs the tasks whose numbers come in the column `id`, and gives their pickled reports: for `mapInArrow`."""
    for batch in batches:
        for number in batch.column("id").to_pylist():
            report = pickle.dumps((number, run_task(tasks[number])))
            yield pa.RecordBatch.from_arrays([pa.array([report], pa.binary())], ["report"])


def read_report(pickled: bytes) -> tuple[int, Report]:
    """The number of a task and its report, as an executor of this run has pickled them."""
    number, report = pickle.loads(pickled)  # noqa: S301  # Spark itself trusts its executors so
    return number, report


def run_task(
    task: AccountTask, source: Source | None = None, progress: Callable[[Run], None] = lambda run: None
) -> Report:
    """One load of the account, or all if it reads everything again: what is new is staged.

    `source` is the account's, where this process has its settings; else the environment has its credentials. Every
    error is reported, so that the tasks of other accounts go on.
    """
    began, report = time.monotonic(), Report()
    try:
        _read(task, source or _source_of(task), report, began, progress)
    except FaxSyncError as error:
        report.error = error
    except Exception as error:
        report.error = Unforeseen(_unforeseen(error))
    report.seconds = time.monotonic() - began
    return report


def _source_of(task: AccountTask) -> Source:
    settings = account_settings(task.provider, task.account, task.settings, task.secrets)
    return Source(task.provider, task.account, settings, privacy_with_key(task.privacy), task.listing)


def _read(task: AccountTask, source: Source, report: Report, began: float, progress: Callable[[Run], None]) -> None:
    run = Run(
        replace(task.request, deadline=began + task.seconds),
        source,
        source.connect(),
        LakeStored(task.root, task.account, source.table.ledger),
        task.started_at,
        task.kept_from,
        progress=progress,
    )
    report.tally, report.spans, report.warnings, report.usage = run.tally, run.spans, run.warnings, run.client.usage
    try:
        progress(run)
        batches = Batches(run, task.position, _StagedTables(task.columns))
        report.is_first = run.is_first
        is_recorded = False
        with run.skipping_if_forbidden():
            while not run.finished:
                found: list[Batch] = [*batches.load_batches()] if batches.prepare_load() else []
                if found and not run.stop.requested:
                    report.loads.append(_stage(task, found))
                is_recorded = is_recorded or batches.writes_ledger
                if run.must_stop or not task.reads_all_again:  # else the next task begins again
                    break
        report.spans, report.finished, report.rate = run.spans, run.finished, run.pace
        report.kept_from = run.kept_from if run.client.has_server_time else None
        if is_recorded and (reached := run.cursor()):
            cursor = proven_until(run.tally, reached, task.position.cursor)
            report.moved = Position(cursor, run.started_at, batches.reread_until)
        if report.loads and run.finished and not task.listing:
            report.balance = source.balance(run.client)
    finally:
        run.cleanup.close()
        run.client.close()


def proven_until(tally: Tally, reached: datetime, before: datetime | None) -> datetime:
    """How far the cursor moves: to the first window that is not proven, and not back behind where it was `before`.

    A window of a second counts as proven: the provider serves no more of it.
    """
    unproven = (
        result.window.start for result in tally.windows if result.proof == "unproven" and result.window.length > SECOND
    )
    cursor = min((reached, *unproven))
    return max(cursor, min(before, reached)) if before else cursor


def _stage(task: AccountTask, batches: Sequence[Batch]) -> dict[str, str]:
    """The files that hold the batches, by table."""
    parts: dict[str, list[pa.Table]] = {}
    for batch in batches:
        for name, table in batch.items():
            parts.setdefault(name, []).append(table)
    if not parts:
        return {}
    filesystem, folder = pafs.FileSystem.from_uri(task.staging)
    filesystem.create_dir(folder, recursive=True)
    files = {}
    for name, tables in parts.items():
        files[name] = f"{folder}/{uuid4().hex}.parquet"
        whole = pa.concat_tables([table.replace_schema_metadata() for table in tables], promote_options="default")
        pq.write_table(whole, files[name], filesystem=filesystem)
    return files


def _unforeseen(error: Exception) -> str:
    """The place of an error in our code, without its text, which may quote a row."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/sources/" in frame.filename or "/pipelines/" in frame.filename]
    frame = (ours or frames)[-1]
    file = "/".join(frame.filename.rsplit("/", 3)[1:])
    return f"unexpected {type(error).__name__} at {file}:{frame.lineno} {frame.name}: please report this"
