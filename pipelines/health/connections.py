"""Tries an account's credentials, and the connection to the warehouse, quickly and without anything else."""

from datetime import UTC, datetime

from msgspec import structs

from pipelines.config import destination
from pipelines.config.accounts import Account
from pipelines.config.settings import PrivacySettings
from pipelines.health.account_findings import refusal
from pipelines.health.warehouse_findings import version_of
from pipelines.lake import reading
from pipelines.outcome.postgres_errors import require_privileges
from pipelines.outcome.provider_advice import advised
from pipelines.warehouse import load
from sources.http.origin import host

_SECONDS = 1.0  # for retries, of a request or of a connection


def try_provider(account: Account) -> str:
    """A sentence that the provider accepts the credentials; it makes one request.

    Raises:
        FaxSyncError: it does not, or a setting is wrong.
    """
    settings = structs.replace(account.settings(), retry_seconds=_SECONDS)
    source = account.source(settings, PrivacySettings.read().handling())
    client = source.connect()
    try:
        if refused := refusal(source.api.fetch_pages, client, datetime.now(UTC)):
            raise advised(refused, account)
    finally:
        client.close()
    return f"credentials accepted, the provider at {host(client.base_url)} lists faxes"


def try_warehouse(account: Account, schema: str) -> str:
    """A sentence with the kind and version of the warehouse.

    Raises:
        Exception: it cannot be opened, another run has locked it, or the role lacks a privilege for a load.
    """
    if output := destination.delta_url():
        with reading.delta_tables(output, account.provider, account.name, schema):
            return "warehouse opened: Delta tables"
    with load.opened(account.provider, account.name, schema, patience=_SECONDS) as opened:
        if opened.session.kind == "postgres":
            require_privileges(opened.client, schema, opened.raw)
        return f"warehouse opened: {version_of(opened)}"
