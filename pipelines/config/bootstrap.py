"""Sets up the process before dlt is imported: garbage collection, signals, umask, and the project's directory."""

import gc
import importlib.util
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEMO_DATABASE = ROOT / "demo.duckdb"

if importlib.util.find_spec("dlt") is None:
    sys.stderr.write(f"dlt is not installed for {sys.executable}: run this with `uv run python` in {ROOT}\n")
    raise SystemExit(78)

gc.set_threshold(200_000, 50, 100)  # records have no cycles; the default thresholds took a tenth of a backfill
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # Arrow's own pool retains 50 MB

# On a signal dlt would cancel its load; pipelines/outcome/signals.py lets it finish.
os.environ["RUNTIME__INTERCEPT_SIGNALS"] = "false"
if Path(sys.argv[0]).resolve().parent == ROOT / "pipelines":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback during the imports; later a command listens

os.umask(0o077)  # other users of the machine may not read fax logs
os.environ.setdefault("DLT_PROJECT_DIR", str(ROOT))
os.environ.setdefault("DLT_LOCAL_DIR", str(ROOT))
os.environ.setdefault("PGAPPNAME", "fax-sync")


def settings_directory() -> Path:
    """The directory of config.toml and secrets.toml."""
    return Path(os.environ["DLT_PROJECT_DIR"]) / ".dlt"
