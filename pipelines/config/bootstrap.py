"""What has to hold before dlt is imported: the project's own settings, wherever a command is started from."""

import gc
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEMO_DATABASE = ROOT / "demo.duckdb"

gc.set_threshold(200_000, 50, 100)  # records hold no cycles, and to look for some took a tenth of a backfill
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # Arrow's own keeps 50 MB for later

os.environ["RUNTIME__INTERCEPT_SIGNALS"] = (
    "false"  # dlt would cancel its load; pipelines/outcome/signals.py has it finish
)
if Path(sys.argv[0]).resolve().parent == ROOT / "pipelines":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until a command listens: no traceback from the midst of an import

os.umask(0o077)  # fax logs are nobody else's business
os.environ.setdefault("DLT_PROJECT_DIR", str(ROOT))
os.environ.setdefault("DLT_LOCAL_DIR", str(ROOT))
os.environ.setdefault("PGAPPNAME", "fax-sync")


def settings_directory() -> Path:
    """Where config.toml and secrets.toml are."""
    return Path(os.environ["DLT_PROJECT_DIR"]) / ".dlt"
