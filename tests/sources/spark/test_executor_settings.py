"""What an executor takes its settings from: the environment or a callable for what is secret, options for the rest."""

import subprocess
import sys

import pytest

import sources
from sources.errors import ConfigError
from sources.phaxio import Settings as Phaxio
from sources.spark.executor_settings import account_settings, environment_of, private_names
from tests.conftest import ROOT
from tests.support.credentials import CREDENTIALS
from tests.support.environment import child_environment

every_provider = pytest.mark.parametrize("provider", sources.providers())


def secrets(provider: str, account: str) -> dict[str, str]:
    """What `secrets` may name."""
    return {"space": "s", **CREDENTIALS[provider], "api_key": f"{account}'s key"}


@every_provider
def test_the_environment_of_an_account_gives_its_settings(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = sources.provider(provider).Settings
    given = model(**CREDENTIALS[provider], **({"space": "s"} if provider == "signalwire" else {}), connections=7)
    public = {name: getattr(given, name) for name in model.__struct_fields__ if name not in private_names(model)}
    for name, value in environment_of(provider, "north", given).items():
        monkeypatch.setenv(name, value)

    assert account_settings(provider, "north", public) == given
    assert repr(public).find("canary") == -1
    with pytest.raises(ConfigError, match=r"lacks .* on the executor"):
        account_settings(provider, "south", public)


def test_a_callable_gives_the_secrets_of_each_account() -> None:
    settings = account_settings("phaxio", "north", {"connections": "2"}, f"{__name__}:secrets")

    assert isinstance(settings, Phaxio)
    assert (settings.api_key, settings.connections) == ("north's key", 2)
    with pytest.raises(ConfigError, match="module:function"):
        account_settings("phaxio", "north", {}, "no.such:thing")


@every_provider
def test_no_secret_is_taken_from_an_option(provider: str) -> None:
    for name in private_names(sources.provider(provider).Settings):
        with pytest.raises(ConfigError, match="must not be an option"):
            account_settings(provider, "default", {name: "canary"}, f"{__name__}:secrets")


@pytest.mark.slow
def test_the_sync_imports_nothing_of_spark() -> None:
    code = (
        "import sys; sys.argv = ['pipelines/sync.py']; import pipelines.sync, pipelines.syncing.account_sync;"
        " print({name.partition('.')[0] for name in sys.modules} & {'pyspark', 'py4j', 'deltalake', 'pandas'})"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=child_environment(PYTHONPATH=str(ROOT)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout == "set()\n"
