"""The files that views are written in, ours and the user's own: which of them can be views, and in which order.

A file that can be none stops no other: each gives a sentence that names the file, the line and the reason.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import takewhile
from pathlib import Path

from pipelines.outcome.logs import escaped

HERE = Path(__file__).parent
MAX_NAME_BYTES = 63  # of PostgreSQL, which cuts longer names without an error
_SCHEMA = re.compile(r"\b(from|join)(\s+)(raw|fax)\.(\w+)", re.IGNORECASE)

_NO_NULLS: Mapping[str, str] = {}


class Unusable(Exception):
    """A file that no view can be made of; the message is for the user."""


@dataclass(frozen=True)
class ViewFile:
    """A file with one query, `sql` as it is written."""

    path: Path
    sql: str

    @property
    def name(self) -> str:
        """The name of the view."""
        return self.path.stem

    def line(self, number: int) -> int:
        """The line in the file of a line of the query, which `named` gives without comments; both count from 1."""
        kept = [at for at, line in enumerate(self.sql.splitlines(), 1) if not line.startswith("--")]
        lines = self.sql.splitlines()
        first = next((place for place, at in enumerate(kept) if lines[at - 1].strip()), 0)
        return kept[min(first + number - 1, len(kept) - 1)]


def view_files(folder: Path, taken: Collection[str]) -> tuple[list[ViewFile], list[str]]:
    """The folder's files, each after those it reads, and one sentence for each that can be no view.

    `taken` are names of views that no file may have.
    """
    files: dict[str, ViewFile] = {}
    problems = []
    names = {name.lower() for name in taken}
    # DuckDB takes names that differ in case only for one; ours are in lower case and come first.
    for path in sorted(folder.glob("*.sql"), key=lambda path: (path.stem != path.stem.lower(), path.stem)):
        if path.name.startswith("."):
            continue  # what editors and file managers leave behind
        try:
            files[path.stem] = ViewFile(path, _read(path, names))
            names.add(path.stem.lower())
        except Unusable as reason:
            problems.append(f"{shown(path)}: {reason}")
    circular = _circular(files)
    problems += [f"{shown(files[name].path)}: the view reads itself, perhaps through others" for name in circular]
    usable = {name: file for name, file in files.items() if name not in circular}
    return [usable[name] for name in TopologicalSorter(_reads(usable)).static_order()], problems


def head(sql: str) -> str:
    """The comment that a file begins with, as one line; empty if there is none."""
    lines = takewhile(lambda line: line.startswith("--"), sql.splitlines())
    return " ".join(line.removeprefix("--").strip() for line in lines)


def tables_read(sql: str, schema: str) -> set[str]:
    """The names that a query reads in `raw` or in `fax`."""
    return {table for _, _, named, table in _SCHEMA.findall(sql) if named.lower() == schema}


def named(sql: str, schema: str, raw: str, provider: str, nulls: Mapping[str, str] = _NO_NULLS) -> str:
    """The query with the real names of its schemas and its provider, without its comments and its last semicolon.

    `nulls` are columns, by raw table, that the table lacks and is read with.
    """
    names = {"raw": raw, "fax": schema}

    def table(match: re.Match[str]) -> str:
        real = f'"{names[match[3].lower()]}"."{match[4]}"'
        if match[3].lower() != "raw" or not (added := nulls.get(match[4])):
            return f"{match[1]}{match[2]}{real}"
        alias = "" if match.string.startswith(" as ", match.end()) else f" as {match[4]}"
        return f"{match[1]}{match[2]}(select *, {added} from {real}){alias}"

    text = "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
    text = _SCHEMA.sub(table, text)
    return text.replace(":provider", f"'{provider}'").strip().rstrip("; \t\r\n")


def shown(path: Path) -> str:
    """A file's place in the project, in one line of characters that every terminal can show."""
    place = f"{path.parent.parent.name}/{path.parent.name}/{path.name}"
    return escaped(place.encode(errors="backslashreplace").decode())


def _read(path: Path, taken: Collection[str]) -> str:
    """The text of a file that may be a view.

    Raises:
        Unusable: it can be none.
    """
    name = path.stem.encode(errors="surrogateescape")
    if b'"' in name or len(name) > MAX_NAME_BYTES or name != path.stem.encode(errors="replace"):
        raise Unusable(f"the file's name cannot name a view: use letters, digits and _, {MAX_NAME_BYTES} bytes at most")
    if path.stem.lower() in taken:
        raise Unusable("there is another view of this name: rename the file")
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
    if not named(text, "", "", ""):
        raise Unusable("the file holds no query")
    return text


def _reads(files: Mapping[str, ViewFile]) -> dict[str, list[str]]:
    return {name: sorted(tables_read(file.sql, "fax") & files.keys()) for name, file in files.items()}


def _circular(files: Mapping[str, ViewFile]) -> list[str]:
    """The views that would have to be made before themselves."""
    return sorted(_cycles(_reads(files)))


def _cycles(reads: dict[str, list[str]]) -> Iterator[str]:
    left = dict(reads)
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            found = set(error.args[1])
            yield from found
            left = {name: [other for other in of if other not in found] for name, of in left.items()}
            left = {name: of for name, of in left.items() if name not in found}
        else:
            return
