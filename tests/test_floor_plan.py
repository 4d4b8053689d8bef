"""The house: which room may import which, and what every file owes its reader."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import sources
from tests.conftest import ROOT

FILES = sorted(path for folder in ("sources", "pipelines") for path in (ROOT / folder).rglob("*.py"))
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}
PROVIDERS = sources.providers()
MAX_FILES = 14  # in one folder, its `__init__.py` included
READING = ("sources/http", "sources/records", "sources/extract")  # rooms that must work without dlt
BELOW = {  # room -> the rooms that it may import
    "sources": set(),
    "sources/fakes": set(),
    "sources/http": {"sources"},
    "sources/records": {"sources"},
    "sources/extract": {"sources", "sources/http", "sources/records"},
    "sources/load": {"sources", "sources/http", "sources/records", "sources/extract"},
    "sources/spark": {"sources", *READING, "sources/load"},
    **{f"sources/{name}": {"sources", *READING, "sources/load"} for name in PROVIDERS},
    **{f"sources/{name}/fake": {"sources/fakes"} for name in PROVIDERS},
}
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))


def room_of(path: Path) -> str:
    """The folder of a file, as a path from the project's root."""
    return str(path.parent.relative_to(ROOT))


@cache
def imported(path: Path) -> list[str]:
    """The full name of every module or name that a file imports, also within its functions."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found += (f"{node.module}.{alias.name}" for alias in node.names)
    return found


def modules_imported(path: Path) -> set[Path]:
    """The files of this project that a file imports."""
    found = (MODULES.get(name) or MODULES.get(name.rpartition(".")[0]) for name in imported(path))
    return {module for module in found if module}


def rooms() -> dict[str, set[str]]:
    """Each room with the other rooms that it imports."""
    edges: dict[str, set[str]] = {room_of(path): set() for path in FILES}
    for path in FILES:
        edges[room_of(path)] |= {room_of(module) for module in modules_imported(path)} - {room_of(path)}
    return edges


def test_the_rules_see_the_house() -> None:
    edges = rooms()

    assert len(FILES) > 80
    assert set(BELOW) <= set(edges)
    assert sum(map(len, edges.values())) > 40


@pytest.mark.parametrize("room", BELOW)
def test_imports_point_down(room: str) -> None:
    assert rooms()[room] <= BELOW[room]


def test_no_circle_of_rooms() -> None:
    order = list(TopologicalSorter(rooms()).static_order())

    assert order.index("sources/extract") < order.index("sources/load") < order.index("pipelines")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_fake_shares_nothing_with_what_it_tests(provider: str) -> None:
    fakes = [path for path in FILES if room_of(path) in (f"sources/{provider}/fake", "sources/fakes")]
    allowed = (f"sources.{provider}.fake", "sources.fakes")
    foreign = {
        name
        for path in fakes
        for name in imported(path)
        if not name.startswith(allowed) and name.split(".")[0] not in sys.stdlib_module_names
    }

    assert len(fakes) > 5
    assert foreign == set()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_file_outside_a_providers_folder_names_it(provider: str) -> None:
    folders = [ROOT / folder for folder in ("sources", "pipelines")]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".sql", ".toml")]
    outside = [path for path in files if ROOT / "sources" / provider not in path.parents]

    assert len(outside) > 80
    assert [str(path.relative_to(ROOT)) for path in outside if provider in without_successor(path).lower()] == []


def without_successor(path: Path) -> str:
    """The text of a file without the value of `IF_GONE`, which may name the provider that follows."""
    text = path.read_text()
    if path.name != "__init__.py":
        return text
    named = [node for node in ast.parse(text).body if isinstance(node, ast.Assign) and "IF_GONE" in ast.unparse(node)]
    return text.replace("".join(ast.get_source_segment(text, node.value) or "" for node in named) or "\0", "")


def test_reading_imports_no_dlt() -> None:
    files = {path for path in FILES if path.is_relative_to(ROOT / "sources")} - {ROOT / "sources/load/resources.py"}

    assert len(files) > 20
    assert [path.name for path in files if any(name.split(".")[0] == "dlt" for name in imported(path))] == []


PRIVATE_OF_DLT = (
    "dlt.destinations.impl",
    "dlt.destinations.job_impl",
    "dlt.destinations.sql_jobs",
    "dlt.common.destination.client",
    "dlt.common.normalizers",
    "dlt.common.storages",
    "dlt.load",
    "dlt.normalize",
    "dlt.pipeline",
)
PRIVATE_NAMES = (
    "config_params",
    "data_item_normalizer",
    "_get_load_storage",
    "_inject_schema",
    "job_metrics",
    '["parent"]',
)


def test_only_one_room_touches_what_dlt_does_not_document() -> None:
    seam = "pipelines/warehouse/dlt_internals"
    outside = {path for path in FILES for name in imported(path) if name.startswith(PRIVATE_OF_DLT)}
    outside |= {path for path in FILES if any(name in path.read_text() for name in PRIVATE_NAMES)}
    inside = {path for path in outside if room_of(path) == seam}

    assert inside
    assert {str(path.relative_to(ROOT)) for path in outside - inside} == set()


def test_a_room_holds_about_a_dozen_files() -> None:
    counts = {room: sum(room_of(path) == room for path in FILES) for room in rooms()}

    assert {room: count for room, count in counts.items() if count > MAX_FILES} == {}


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """The functions and classes of a module, and the methods of its classes, that no underscore hides."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            methods = node.body if isinstance(node, ast.ClassDef) else []
            yield from (method for method in methods if isinstance(method, ast.FunctionDef) and method.name[0] != "_")


@every_file
def test_everything_public_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text())

    assert ast.get_docstring(tree)
    assert [node.name for node in public(tree) if not ast.get_docstring(node)] == []
