"""Sets up the process before dlt is imported: garbage collection, signals, umask, dlt's settings, and the project.

The project is the directory with `.dlt` and, by default, the warehouse: `FAX_WAREHOUSE_PROJECT`, or else the clone, or
the current directory if the commands are installed.
"""

import gc
import importlib.util
import os
import re
import shlex
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IS_INSTALLED = (ROOT / "command.py").is_file()  # the wheel has the folders of the repository in `fax_warehouse`
COMMAND = "fax-warehouse"
_CHOSEN = os.environ.get("FAX_WAREHOUSE_PROJECT")
try:
    Path.cwd()
except FileNotFoundError:  # the current directory was removed, and dlt fails without one
    if IS_INSTALLED and not _CHOSEN:
        sys.stderr.write("the current directory was removed: change to the directory of the project\n")
        raise SystemExit(78) from None
    sys.stderr.write(f"the current directory was removed: relative paths begin at {ROOT}\n")
    os.chdir(ROOT)
PROJECT = Path(_CHOSEN or (Path.cwd() if IS_INSTALLED else ROOT)).resolve()
_SCRIPT = re.compile(r"(?<![\w/])(check|describe|init|pseudonym|reconcile|report|status|sync)\.py\b")
_IS_SCRIPT = Path(sys.argv[0]).resolve().parent == ROOT / "pipelines"
DEMO_DATABASE = PROJECT / "demo.duckdb"

# The packages of an earlier version lack msgspec. A zip file is the code on an executor, which has no dlt.
for _name in () if ROOT.is_file() else ("dlt", "msgspec"):
    if importlib.util.find_spec(_name) is None:
        sys.stderr.write(
            f"{_name} is not installed for {sys.executable}: run this with `uv run python` in {ROOT}, or install the "
            "packages of requirements.txt again\n"
        )
        raise SystemExit(78)
if _CHOSEN and not PROJECT.is_dir():
    sys.stderr.write(f"there is no directory {PROJECT}: correct FAX_WAREHOUSE_PROJECT\n")
    raise SystemExit(78)

gc.set_threshold(200_000, 50, 100)  # records have no cycles; the default thresholds took a tenth of a backfill
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # Arrow's own pool retains 50 MB

# On a signal dlt would cancel its load; pipelines/outcome/signals.py lets it finish.
os.environ["RUNTIME__INTERCEPT_SIGNALS"] = "false"
if _IS_SCRIPT:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback during the imports; later a command listens

os.umask(0o077)  # other users of the machine may not read fax logs
for _name in ("DLT_PROJECT_DIR", "DLT_LOCAL_DIR"):
    os.environ[_name] = str(PROJECT) if _CHOSEN else os.environ.get(_name, str(PROJECT))
os.environ.setdefault("PGAPPNAME", "fax-sync")
for _name, _value in {
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "true",  # each row names the load that wrote it
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",  # a file for PostgreSQL is read at once, then deleted
    "ENABLE_RUNTIME_TRACE": "false",  # dlt would write a trace to a file at every step; no command reads it
    "RUNTIME__DLTHUB_TELEMETRY": "false",  # connections to the providers and the warehouse only
    "RUNTIME__LOG_LEVEL": "CRITICAL",  # the commands report errors themselves, without values from the data
}.items():
    os.environ.setdefault(_name, _value)


def command(name: str) -> str:
    """What a user types for the command of this name, in the way in which this process was started."""
    if _is_one():
        # A project that the environment chose is still chosen when the next command starts.
        by_option = any(word.partition("=")[0] == "--project" for word in sys.orig_argv)
        project = f" --project {shlex.quote(_CHOSEN)}" if _CHOSEN and by_option else ""
        return f"{COMMAND}{project} {name}"
    folder = Path(sys.argv[0]).parent if _IS_SCRIPT else "pipelines"
    return f"{python()} {shlex.quote(f'{folder}/{name}.py')}"


def python() -> str:
    """What a user types for the Python with the packages of this project."""
    if _is_one():
        return shlex.quote(sys.executable)
    return "uv run python" if "UV" in os.environ or not _IS_SCRIPT else shlex.quote(sys.orig_argv[0])


def as_typed(text: str) -> str:
    """The text with `sync.py` and the like as the user types it; with `spark_sync.py` in a run of that command."""
    is_spark = Path(sys.argv[0]).name == "spark_sync.py"
    return _SCRIPT.sub(lambda found: command("spark_sync" if is_spark and found[1] == "sync" else found[1]), text)


def _is_one() -> bool:
    return IS_INSTALLED or sys.argv[0].startswith(f"{COMMAND} ")


def settings_directory() -> Path:
    """The directory of config.toml and secrets.toml."""
    return Path(os.environ["DLT_PROJECT_DIR"]) / ".dlt"
