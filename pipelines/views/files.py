"""The SQL files of the views, the project's and the user's: which of them are usable, and in which order.

A file that is not usable stops no other: it gets a sentence that names the file, the line and the reason.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import takewhile
from pathlib import Path

from pipelines.outcome.logs import escaped

HERE = Path(__file__).parent
MAX_NAME_BYTES = 63  # PostgreSQL truncates longer names without an error
_SCHEMA = re.compile(r"\b(from|join)(\s+)(raw|fax)\.(\w+)(?:\.(\w+))?", re.IGNORECASE)
_COLUMNS = re.compile(r"--   (\w+(?:, \w+)*): (.+)")

_NOTHING: Mapping[str, str] = {}


class Unusable(Exception):
    """A file cannot be a view; the message tells the user why."""


@dataclass(frozen=True)
class ViewFile:
    """A file with one query; `sql` is its text as written."""

    path: Path
    sql: str

    @property
    def name(self) -> str:
        """The name of the view."""
        return self.path.stem

    def line(self, number: int) -> int:
        """The line of the file that holds a line of `named`'s query, which lacks the comments; both count from 1."""
        kept = [(at, line) for at, line in enumerate(self.sql.splitlines(), 1) if not line.startswith("--")]
        first = next((place for place, (_, line) in enumerate(kept) if line.strip()), 0)
        return kept[min(first + number - 1, len(kept) - 1)][0]


def view_files(folders: Sequence[Path], taken: Collection[str]) -> tuple[list[ViewFile], list[str]]:
    """The folders' usable files, each after those that it reads, and one sentence for each unusable file.

    `taken` are names of views that no file may have; nor may a file have the name of one in a folder before its own.
    """
    files: dict[str, ViewFile] = {}
    problems = []
    names = {name.lower() for name in taken}
    for path in _paths(folders):
        try:
            files[path.stem] = ViewFile(path, _read(path, names))
            names.add(path.stem.lower())
        except Unusable as reason:
            problems.append(f"{shown(path)}: {reason}")
    circular = _circular(files)
    problems += [f"{shown(files[name].path)}: the view reads itself, perhaps through others" for name in circular]
    usable = {name: file for name, file in files.items() if name not in circular}
    return [usable[name] for name in TopologicalSorter(_reads(usable)).static_order()], problems


def file_names(folders: Sequence[Path]) -> set[str]:
    """The names of all files, usable or not, in lower case: DuckDB ignores case in names."""
    return {path.stem.lower() for path in _paths(folders)}


def _paths(folders: Sequence[Path]) -> Iterator[Path]:
    """The folders' SQL files, without those that editors and file managers leave; names in lower case come first."""
    for folder in folders:
        found = (path for path in folder.glob("*.sql") if not path.name.startswith("."))
        yield from sorted(found, key=lambda path: (path.stem != path.stem.lower(), path.stem))


def head(sql: str) -> str:
    """The head comment of a file on one line, without the lines about columns; empty if there is none."""
    return " ".join(line.removeprefix("--").strip() for line in _head_lines(sql) if not _COLUMNS.match(line))


def columns_in_head(sql: str) -> dict[str, str]:
    """The meaning of each column that a line of the head comment, `--   name, name: meaning`, explains."""
    found = filter(None, map(_COLUMNS.match, _head_lines(sql)))
    return {name: match[2].strip() for match in found for name in match[1].split(", ")}


def _head_lines(sql: str) -> Iterator[str]:
    return takewhile(lambda line: line.startswith("--"), sql.splitlines())


def tables_read(sql: str, schema: str) -> list[str]:
    """The names of the tables or views that a query reads from `schema`, `raw` or `fax`, in their order."""
    return list(dict.fromkeys(match[4] for match in _SCHEMA.finditer(sql) if match[3].lower() == schema))


def named(sql: str, schema: str, raw: str, provider: str, replaced: Mapping[str, str] = _NOTHING) -> str:
    """The query with the real names of schemas and provider, without comments and the last semicolon.

    `raw.<provider>.<table>` is the table of any provider, `raw.<table>` that of the schema `raw`.
    `replaced` are queries in parentheses, by raw table, that are read in its place.
    """
    names = {"raw": raw, "fax": schema}

    def table(match: re.Match[str]) -> str:
        if match[5]:
            return f'{match[1]}{match[2]}"{schema}_{match[4]}"."{match[5]}"'
        if match[3].lower() != "raw" or not (query := replaced.get(match[4])):
            return f'{match[1]}{match[2]}"{names[match[3].lower()]}"."{match[4]}"'
        alias = "" if match.string.startswith(" as ", match.end()) else f" as {match[4]}"
        return f"{match[1]}{match[2]}{query}{alias}"

    text = "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
    text = _SCHEMA.sub(table, text)
    return text.replace(":provider", f"'{provider}'").strip().rstrip("; \t\r\n")


def shown(path: Path) -> str:
    """The last two folders and the name of a file, on one line, in characters that every terminal can show."""
    text = f"{path.parent.parent.name}/{path.parent.name}/{path.name}"
    return escaped(text.encode(errors="backslashreplace").decode())


def _read(path: Path, taken: Collection[str]) -> str:
    """The text of a file.

    Raises:
        Unusable: the file cannot be a view.
    """
    name = path.stem.encode(errors="surrogateescape")
    if b'"' in name or len(name) > MAX_NAME_BYTES or name != path.stem.encode(errors="replace"):
        raise Unusable(f"the file's name cannot name a view: use letters, digits and _, {MAX_NAME_BYTES} bytes at most")
    if path.stem.lower() in taken:
        raise Unusable("another view has this name: rename the file")
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise Unusable(f"the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Unusable(f"line {line}: the text is not UTF-8: save the file as UTF-8") from None
    if "\0" in text:
        raise Unusable(f"line {text[: text.index(chr(0))].count(chr(10)) + 1}: the text holds a NUL character")
    for match in _SCHEMA.finditer(text):
        if match[3].lower() == "raw" and not match[5]:
            line = text[: match.start()].count("\n") + 1
            raise Unusable(f"line {line}: raw.{match[4]} lacks the provider: write raw.<provider>.{match[4]}")
    if not named(text, "", "", ""):
        raise Unusable("the file holds no query")
    return text


def _reads(files: Mapping[str, ViewFile]) -> dict[str, list[str]]:
    return {name: sorted(files.keys() & tables_read(file.sql, "fax")) for name, file in files.items()}


def _circular(files: Mapping[str, ViewFile]) -> list[str]:
    """The names of views that read themselves, directly or through others, sorted."""
    left, circular = _reads(files), set[str]()
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            circular |= {*error.args[1]}
            rest = {name: of for name, of in left.items() if name not in circular}
            left = {name: [other for other in of if other in rest] for name, of in rest.items()}
        else:
            return sorted(circular)
