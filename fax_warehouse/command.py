"""`fax-warehouse COMMAND`: runs the script of that name in `pipelines/`, with the options that follow.

In a clone, `pipelines/` is beside this package; in a wheel it is inside, so that nothing in site-packages is called
`pipelines` or `sources`.
"""

import os
import signal
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).resolve().parent
CODE = HERE if (HERE / "pipelines").is_dir() else HERE.parent
NAME = "fax-warehouse"
COMMANDS = {
    "init": "ask for your keys, try them, and write .dlt/secrets.toml",
    "sync": "load every new or changed fax",
    "status": "show the last runs, how far each account is, and what to do next",
    "check": "check that every fax is there and the next sync can run",
    "report": "show what a month's faxes cost",
    "reconcile": "compare a provider's invoice with the warehouse",
    "describe": "describe the tables, views and columns",
    "pseudonym": "print the pseudonyms of phone numbers",
    "demo": "sync made-up faxes into demo.duckdb (sync --demo)",
    "completion": "print the completion script for bash, zsh or fish",
}
USAGE_CODE = 64


def main() -> int:
    """Runs the command that the arguments name; returns its exit code."""
    project, arguments = _split(sys.argv[1:])
    name, *options = arguments or ["--help"]
    if name in ("--help", "-h", "--version"):
        print(_help() if name != "--version" else f"{NAME} {_version()}")
        return 0 if arguments else USAGE_CODE
    if name not in COMMANDS:
        return _refuse(f"there is no command {name!r}: choose from {', '.join(COMMANDS)}")
    if project is not None:
        if not Path(project).is_dir():
            return _refuse(f"--project: there is no directory {project}")
        os.environ["FAX_WAREHOUSE_PROJECT"] = project
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback during the imports; later the command listens
    options = ["--demo", *options] if name == "demo" else options
    sys.argv = [f"{NAME} {name}", *options]
    sys.path.insert(0, str(CODE))
    import_module("pipelines")  # says so in one line if the dependencies are not installed
    module = import_module("fax_warehouse.completion" if name == "completion" else f"pipelines.{script_of(name)}")
    module.leave(module.main(options))
    return 0


def _split(arguments: list[str]) -> tuple[str | None, list[str]]:
    """The value of --project, which may be before the command or behind it, and the other arguments."""
    for place, argument in enumerate(arguments):
        if argument == "--project":
            return next(iter(arguments[place + 1 :]), ""), [*arguments[:place], *arguments[place + 2 :]]
        if argument.startswith("--project="):
            return argument.partition("=")[2], [*arguments[:place], *arguments[place + 1 :]]
    return None, arguments


def script_of(name: str) -> str:
    """The script in `pipelines/` that a command runs."""
    return "sync" if name == "demo" else name


def _refuse(message: str) -> int:
    print(f"{NAME}: {message}", file=sys.stderr)
    return USAGE_CODE


def _help() -> str:
    lines = [f"  {name:<10} {COMMANDS[name]}" for name in COMMANDS]
    return "\n".join(
        [
            f"usage: {NAME} [--project DIRECTORY] COMMAND [options]",
            "",
            "Loads the faxes of your providers' accounts into a warehouse, incrementally.",
            "",
            *lines,
            "",
            f"`{NAME} COMMAND --help` shows the options of a command; `{NAME} --version` the version.",
            "Settings are in .dlt/ of the project: --project, FAX_WAREHOUSE_PROJECT, or the current directory.",
        ]
    )


def _version() -> str:
    """The version of the wheel, or of the clone."""
    if CODE == HERE:
        try:
            return version(NAME)
        except PackageNotFoundError:
            return "unknown"
    import tomllib  # noqa: PLC0415  # an old Python, which is told to go, has none

    text = (CODE / "pyproject.toml").read_text("utf-8")
    return str(tomllib.loads(text)["project"]["version"])
