"""The task of one account, on an executor or in this process: it reads new faxes, and stages them as Parquet files.

Driver and executors share the storage of the files. A task is idempotent: if Spark runs it again, it stages files under
other names, and the driver merges only the files of the report that it receives.
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

from pipelines.lake.errors import to_fax_sync_error
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
from sources.window import Window

REPORT_SCHEMA = "report binary"  # the result of a Spark job of these tasks, in Spark's DDL


@dataclass(frozen=True)
class AccountTask:
    """What an executor needs to read one account, except the credentials.

    `root` is the URL of the provider's tables, and `columns` their columns by table. `staging` is the URL of the folder
    for files. `listing` is the number of the provider's list; `seconds` is the deadline of the task.
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
        """One task has to read to the end, because the stored cursor does not show how far the run has come."""
        return self.request.full_refresh or self.request.refetch


@dataclass
class Report:
    """The result of a task: its loads in order, each as table -> staged file, and the counts for the summary.

    `moved` is the new position of the account; None if the cursor does not move. `kept_from` is the start of the
    retention, if the provider's clock confirms it.
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
    """The columns as the driver knows them. New fields stay JSON: the driver infers types from all accounts."""

    known: Mapping[str, Mapping[str, DataType]]

    def columns(self, name: str) -> Mapping[str, DataType] | None:
        """Column -> type of a table; None if the table does not exist yet."""
        return self.known.get(name)

    def normalize(self, key: str) -> str:
        """The key itself: the driver names the columns."""
        return key

    def with_new_fields(self, table: Table, rows: Rows, new_fields: NewFields) -> Batch:
        """Table name -> the rows, whose new fields stay JSON."""
        new_fields.problems += rows.problems
        return rows.tables


def run_tasks(tasks: Sequence[AccountTask], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The pickled reports of the tasks whose numbers are in the column `id`. A function for Spark's `mapInArrow`."""
    for batch in batches:
        for number in batch.column("id").to_pylist():
            report = pickle.dumps((number, run_task(tasks[number])))
            yield pa.RecordBatch.from_arrays([pa.array([report], pa.binary())], ["report"])


def read_report(pickled: bytes) -> tuple[int, Report]:
    """The number of a task and its report, as pickled by an executor of this run."""
    number, report = pickle.loads(pickled)  # noqa: S301  # Spark trusts its executors in the same way
    return number, report


def run_task(
    task: AccountTask, source: Source | None = None, progress: Callable[[Run], None] = lambda run: None
) -> Report:
    """The report of the task, after it has staged one load, or all loads if it `reads_all_again`.

    Without `source`, the credentials come from the environment. Errors are part of the report, so that the tasks of
    other accounts continue.
    """
    began, report = time.monotonic(), Report()
    try:
        _read(task, source or _create_source(task), report, began, progress)
    except Exception as error:
        report.error = to_fax_sync_error(error) or Unforeseen(_describe_unexpected(error))
    report.seconds = time.monotonic() - began
    return report


def _create_source(task: AccountTask) -> Source:
    settings = account_settings(task.provider, task.account, task.settings, task.secrets)
    return Source(task.provider, task.account, settings, privacy_with_key(task.privacy), task.listing)


def _read(task: AccountTask, source: Source, report: Report, began: float, progress: Callable[[Run], None]) -> None:
    deadline = began + task.seconds
    run = Run(
        replace(task.request, deadline=deadline),
        source,
        source.connect(deadline),
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
        writes_ledger = False
        with run.skipping_if_forbidden():
            while not run.finished:
                found: list[Batch] = [*batches.load_batches()] if batches.prepare_load() else []
                if found and not run.stop.requested:
                    report.loads.append(_stage(task, found))
                writes_ledger = writes_ledger or batches.writes_ledger
                if run.must_stop or not task.reads_all_again:  # the next task continues
                    break
        report.spans, report.finished, report.rate = run.spans, run.finished, run.pace
        report.kept_from = run.kept_from if run.client.has_server_time else None
        if writes_ledger and (reached := run.cursor()):
            report.moved = Position(reached, run.started_at, batches.reread_until)
        if report.loads and run.finished and not task.listing:
            report.balance = source.balance(run.client)
    finally:
        run.cleanup.close()
        run.client.close()
        run.doing = ""
        progress(run)


def _stage(task: AccountTask, batches: Sequence[Batch]) -> dict[str, str]:
    """Table -> path of the Parquet file with its rows of these batches."""
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


def _describe_unexpected(error: Exception) -> str:
    """The type and place of an error, without its text, which may quote a row."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/sources/" in frame.filename or "/pipelines/" in frame.filename]
    frame = (own or frames)[-1]
    file = "/".join(frame.filename.rsplit("/", 3)[1:])
    return f"unexpected {type(error).__name__} at {file}:{frame.lineno} {frame.name}: please report this"
