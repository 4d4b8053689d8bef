"""What a run is asked to do, by the options of the command line and the settings."""

import argparse
import math
from datetime import timedelta

from pipelines.config.settings import SyncSettings
from sources.load.run_request import Horizon, RunRequest


def run_request(options: argparse.Namespace, run_id: str, horizon: Horizon, deadline: float = math.inf) -> RunRequest:
    """What a run is asked to do, by the options and the settings; the deadline is in seconds of the monotonic clock."""
    loading = SyncSettings.read()
    return RunRequest(
        run_id,
        horizon,
        since=options.since,
        until=options.until,
        refetch=options.refetch,
        full_refresh=options.full_refresh,
        heartbeat=timedelta(minutes=loading.heartbeat_minutes),
        rows_per_load=loading.rows_per_load,
        deadline=deadline,
    )
