"""Several accounts of a provider, each with a server of its own."""

from collections import Counter
from collections.abc import Callable

import pytest

import sources
from pipelines.config.declaration import secrets_of
from tests.conftest import Served, ServeFake, Settings, generated
from tests.support.servers.postgres import Server

NAMES = ("east", "north", "south", "west")
Serve = Callable[..., dict[str, Served]]


@pytest.fixture
def serve_accounts(serve_fake: ServeFake, settings: Settings) -> Serve:
    """Serves one account of a provider for each of `NAMES`, each from its own server."""

    def start(provider: str, faxes: int = 30, days: float = 40) -> dict[str, Served]:
        prefix, served = f"SOURCES__{provider}__".upper(), {}
        module = sources.provider(provider)
        own = [*getattr(module, "NAMES_ACCOUNT", secrets_of(module.Settings)[:-1])][-1]
        for number, name in enumerate(NAMES):
            records = generated(provider, faxes, days, seed=number)
            served[name] = serve_fake(provider, records, **{own: f"key-of-{name}"})
            for key in [key for key in settings if key.startswith(prefix) and "__ACCOUNTS__" not in key]:
                settings[f"{prefix}ACCOUNTS__{name.upper()}__{key.removeprefix(prefix)}"] = settings.pop(key)
        return served

    return start


def ids(postgres: Server, database: str, provider: str) -> Counter[str]:
    """Account -> number of its faxes in the warehouse."""
    sql = f"select account, count(*) from fax.faxes where provider = '{provider}' group by account"
    return Counter(dict(postgres.query(database, sql)))
