"""Accounts of both providers behind one server, each with faxes of its own, told apart by their credentials."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import sources
from pipelines.config.declaration import secrets_of
from sources.fakes.server import FakeServer, serve
from tests.support.every_list import EVERY_LIST

OWN_KEY = {"phaxio": "api_key", "signalwire": "project_id"}  # by which a fake's accounts differ
SPAN = timedelta(days=60)  # short, so that each account has faxes within the look-back


@dataclass
class Served:
    """The fakes by provider, in the order of their accounts; `settings` are the environment of a run."""

    server: FakeServer
    fakes: dict[str, list[Any]] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)


@contextmanager
def served(accounts: int, faxes: int, latency_ms: float = 0, every_list: bool = False) -> Iterator[Served]:
    """So many accounts, by turns of each provider, with so many faxes in all: the first account has the most.

    Each is read from all lists of its provider if `every_list` says so.
    """
    by_key: dict[str, Any] = {}
    now = datetime.now(UTC).replace(microsecond=0)
    shares = [accounts - number for number in range(accounts)]

    def answer(request: Any) -> Any:
        return replace(by_key[request.headers["Authorization"]].answer(request), delay_seconds=latency_ms / 1000)

    with serve(answer) as server:
        found = Served(server)
        for number, share in enumerate(shares):
            provider = [*OWN_KEY][number % len(OWN_KEY)]
            module = import_module(f"sources.{provider}.fake")
            count = faxes * share // sum(shares)
            records = module.generate(count, start=now - SPAN, end=now - timedelta(minutes=5), seed=number)
            switches = EVERY_LIST.get(provider, {}) if every_list else {}
            fake = module.Fake(records, **{OWN_KEY[provider]: f"canary key {number}"}, **switches)
            keys = fake.settings(server.url)
            by_key[authorization(provider, keys)] = fake
            found.fakes.setdefault(provider, []).append(fake)
            prefix = f"SOURCES__{provider}__ACCOUNTS__A{number:03}".upper()
            found.settings |= {f"{prefix}__{name.upper()}": value for name, value in keys.items()}
        yield found


def authorization(provider: str, keys: dict[str, str]) -> str:
    """The header by which requests of an account with these settings are known."""
    *_, user, password = (keys[name] for name in secrets_of(sources.provider(provider).Settings))
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
