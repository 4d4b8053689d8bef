"""The declared settings as text for .dlt/config.toml, .dlt/example.secrets.toml and docs/settings.md."""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from msgspec import Struct

import sources
from pipelines.config.declaration import Setting, settings_of
from pipelines.config.settings import SECTIONS, WarehouseSettings
from sources.load.settings import SourceSettings
from sources.window import rfc3339


def config_toml() -> str:
    """The part of .dlt/config.toml with every setting that is not a secret: its default and its meaning."""
    return "\n\n".join(_sections(secrets=False))


def secrets_toml() -> str:
    """The part of .dlt/example.secrets.toml with the secrets of every provider."""
    return "\n\n".join(section for section in _sections(secrets=True) if section.startswith("[sources."))


def markdown() -> str:
    """The table of docs/settings.md."""
    rows = (
        f"| `[{heading}] {setting.name}` | {_linked(meaning)} | {setting.allowed} | {_shown(setting.default)} |"
        for heading, settings in _declared()
        for setting, meaning in settings.items()
    )
    return "\n".join(("| setting | what it does | allowed values | default |", "|---|---|---|---|", *rows))


def meanings(heading: str) -> dict[Setting, str]:
    """The settings of a section, with their meanings."""
    return dict(_declared())[heading]


def _declared() -> Iterator[tuple[str, dict[Setting, str]]]:
    """Each section with its settings and their meanings."""
    models: dict[str, type[Struct]] = {section.heading: section for section in SECTIONS}
    models |= {WarehouseSettings.heading: WarehouseSettings, "sources": SourceSettings}
    models |= {f"sources.{name}": sources.provider(name).Settings for name in sources.providers()}
    for heading, model in models.items():
        texts = _meanings(model)
        yield heading, {setting: texts[setting.name] for setting in settings_of(model) if setting.name in texts}


def _meanings(model: type[Struct]) -> dict[str, str]:
    """The docstring below each field in the source of the model, by the field's name."""
    texts = {}
    body = next(node.body for node in ast.parse(inspect.getsource(model)).body if isinstance(node, ast.ClassDef))
    for field, below in pairwise(body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(meaning))):
                texts[name] = meaning
    return texts


def _sections(*, secrets: bool) -> Iterator[str]:
    for heading, settings in _declared():
        lines = [_line(setting, meaning) for setting, meaning in settings.items() if setting.is_secret == secrets]
        if lines:
            yield "\n".join((f"[{heading}]", *lines))


def _line(setting: Setting, meaning: str) -> str:
    if setting.default is None:
        return f"# {setting.name} = {_toml(setting.example)} # {meaning}"
    return f"{setting.name} = {_toml('' if setting.is_secret else setting.default)}".ljust(26) + f" # {meaning}"


def _toml(value: Any) -> str:
    return rfc3339(value) if isinstance(value, datetime) else json.dumps(value)


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return f"`{_toml(default)}`"
    return "none" if default in (None, "", []) else f"`{default}`"


def _linked(meaning: str) -> str:
    return re.sub(r"\bdocs/(\w+\.md)", r"[\1](\1)", meaning)
