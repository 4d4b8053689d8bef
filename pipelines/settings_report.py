"""Where each setting of an account came from; a secret is only said to be set, or not."""

import os
from collections.abc import Iterator

import dlt

import sources
from pipelines.accounts import Account


def settings_of(account: Account) -> Iterator[str]:
    """One line for each credential, and for the warehouse."""
    for key in sources.provider(account.provider).SECRETS:
        places = [".".join((*place, key)) for place in (account.section, account.section[:2])]
        found = next((place for place in places if dlt.secrets.get(place)), None)
        yield f"{places[0]}: {_origin(found)}"
    for key in ("destination_type", "credentials"):
        place = f"destination.warehouse.{key}"
        found = place if any(place_of.get(place) for place_of in (dlt.secrets, dlt.config)) else None
        yield f"{place}: {_origin(found, 'not set, so the default holds')}"


def _origin(place: str | None, otherwise: str = "NOT SET") -> str:
    if place is None:
        return otherwise
    name = place.replace(".", "__").upper()
    return f"set by the environment, {name}" if os.environ.get(name) else f"set in a file of .dlt, as {place}"
