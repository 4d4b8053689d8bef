"""The program that `Relay` starts: it walks on from where that stood, and reports each window, as rows."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # a script's own folder comes first otherwise

import gc
import os
import pickle
import signal
from collections.abc import Callable
from dataclasses import replace
from queue import Queue
from threading import Thread
from types import ModuleType
from typing import BinaryIO

import sources
from sources.errors import FaxSyncError
from sources.relay import Order, Report
from sources.walked import Walked

WINDOWS_AHEAD = 4  # that wait for whoever loads them, besides one in the pipe


def main() -> None:
    """Walks until the end of the span, or of the process that wants it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells us as well: who started us will end us
    gc.set_threshold(200_000)  # records hold no cycles
    _leave_out_packages()
    order: Order = pickle.load(sys.stdin.buffer)  # noqa: S301  # from our own program, through a pipe of our own
    Thread(target=_end_with, args=(sys.stdin.buffer,), daemon=True).start()
    reports: Queue[Report] = Queue(WINDOWS_AHEAD)
    telling = Thread(target=_tell, args=(reports, sys.stdout.buffer), daemon=True)
    telling.start()
    try:
        walk(order, reports.put)
    except Exception:  # whoever started us reads on without us, meets it again and tells
        os._exit(1)
    telling.join()
    os._exit(0)  # Python's own way to end waits for those who still read


def walk(order: Order, report: Callable[[Report], None]) -> None:
    """Reports each window of the order's span, and then the end, or what went wrong."""
    walker, usage = order.walker, order.client.usage
    order.client.take_turn()
    try:
        for walked in walker.walk(order.span, order.takes_newer, goes_on=True):
            walked.pack(walker.prover.table, walker.prover.account)
            report(Report(walked, replace(usage)))
        report(Report(None, replace(usage)))
    except FaxSyncError as error:
        report(Report(error, replace(usage)))


def _tell(reports: "Queue[Report]", out: BinaryIO) -> None:
    try:
        while True:
            report = reports.get()
            pickle.dump(report, out, protocol=5)
            out.flush()
            if not isinstance(report.came, Walked):
                return
    except Exception:  # nobody would take the next one out of the queue
        os._exit(1)


def _leave_out_packages() -> None:
    """Has the modules of each provider imported without the package's own, which imports dlt: memory and time."""
    for name in sources.providers():
        package = ModuleType(f"sources.{name}")
        package.__path__ = [str(Path(sources.__path__[0]) / name)]
        sys.modules[package.__name__] = package


def _end_with(orders: BinaryIO) -> None:
    orders.read()
    os._exit(1)


if __name__ == "__main__":
    main()
