"""What has to hold before dlt is imported: the project's own settings, wherever a command is started from."""

import ctypes
import gc
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
DEMO_DATABASE = ROOT / "demo.duckdb"

_ARENAS = 2  # of the C library: with one for each thread, 50 MB lie about unused
_MMAP_BYTES = 131_072  # what is larger is given back at once

with suppress(OSError, AttributeError):  # the C library is another than glibc
    ctypes.CDLL(None).mallopt(-8, _ARENAS)  # M_ARENA_MAX
    ctypes.CDLL(None).mallopt(-3, _MMAP_BYTES)  # M_MMAP_THRESHOLD

os.environ.setdefault("MALLOC_ARENA_MAX", str(_ARENAS))  # both for the process that reads
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(_MMAP_BYTES))

gc.set_threshold(200_000, 50, 100)  # records hold no cycles, and to look for some took a tenth of a backfill
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # Arrow's own keeps 50 MB for later

os.umask(0o077)  # fax logs are nobody else's business
os.environ.setdefault("DLT_PROJECT_DIR", str(ROOT))
os.environ.setdefault("DLT_LOCAL_DIR", str(ROOT))

# PostgreSQL: our DDL waits for nobody, and has nobody wait for it, for longer than this.
os.environ.setdefault("PGOPTIONS", "-c lock_timeout=30s -c idle_in_transaction_session_timeout=60s")
os.environ.setdefault("PGAPPNAME", "fax-sync")


def leave(code: int) -> NoReturn:
    """Ends the process."""
    gc.freeze()  # or Python looks through all that was ever imported for cycles: a tenth of a run with nothing new
    sys.exit(code)


def settings_directory() -> Path:
    """Where config.toml and secrets.toml are."""
    return Path(os.environ["DLT_PROJECT_DIR"]) / ".dlt"
