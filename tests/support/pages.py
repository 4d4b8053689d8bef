"""The pages of documentation: README.md, CONTRIBUTING.md, CHANGELOG.md and docs/."""

import re
from pathlib import Path

from tests.conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
GUIDE = [path for path in PAGES if path.name != "CHANGELOG.md"]  # what describes the present


def page(name: str) -> str:
    """The text of `docs/<name>.md`."""
    return (ROOT / "docs" / f"{name}.md").read_text()


def guide() -> str:
    """The text of every page except CHANGELOG.md."""
    return "\n".join(path.read_text() for path in GUIDE)


def blocks(language: str, path: Path | None = None) -> list[str]:
    """The code blocks of a language, of one page or of all pages except CHANGELOG.md."""
    text = path.read_text() if path else guide()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
