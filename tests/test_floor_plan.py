"""Who may import whom, and what every file owes its reader."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT

import sources

FILES = sorted(path for folder in ("sources", "pipelines") for path in (ROOT / folder).rglob("*.py"))
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))


def imported(path: Path) -> Iterator[str]:
    """The full name of every module or name that a file imports, also within its functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def folder_of(path: Path) -> str:
    """The provider's name, or nothing for a file that is shared."""
    parent = path.relative_to(ROOT).parts
    return parent[1] if parent[0] == "sources" and len(parent) == 3 else ""


@every_file
def test_imports_point_down_only(path: Path) -> None:
    provider, names = folder_of(path), set(imported(path))
    others = {f"sources.{name}" for name in sources.providers() if name != provider}
    upward = {name for name in names if name.startswith("pipelines")} if "sources" in path.parts[-3:] else set()
    sideways = {name for name in names if ".".join(name.split(".")[:2]) in others}

    assert (set(), set()) == (upward, sideways)


@pytest.mark.parametrize("path", [path for path in FILES if path.name.startswith("fake")], ids=lambda path: path.stem)
def test_a_fake_shares_nothing_with_what_it_tests(path: Path) -> None:
    allowed = (*("sources.fake_",), f"sources.{folder_of(path)}.fake_")
    foreign = {
        name
        for name in imported(path)
        if not name.startswith(allowed) and name.split(".")[0] not in sys.stdlib_module_names
    }

    assert set() == foreign


@pytest.mark.parametrize("provider", sources.providers())
def test_pipelines_know_no_provider_by_name(provider: str) -> None:
    files = [path for path in (ROOT / "pipelines").rglob("*") if path.suffix in (".py", ".sql", ".toml")]

    assert [str(path) for path in files if provider in path.read_text().lower()] == []


@pytest.mark.parametrize("provider", sources.providers())
def test_a_shared_file_names_no_module_of_a_provider(provider: str) -> None:
    shared = list((ROOT / "sources").glob("*.py"))

    assert [path.name for path in shared for name in imported(path) if name.startswith(f"sources.{provider}")] == []


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
