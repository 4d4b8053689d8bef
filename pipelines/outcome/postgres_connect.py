"""Why a connection to PostgreSQL failed or was lost: a transient error, or one that a person must fix.

libpq gives no SQLSTATE for this, only a text. Its own texts are English; the server's are in the language of its
lc_messages. A transient error is recognised by its text or, if the text is unknown, by asking the server once more.

Source: https://www.postgresql.org/docs/current/libpq-connect.html and its protocol-message-formats.html, read
November 2026.
"""

import re
import socket
import struct
from collections.abc import Iterator, Sequence

from sources.errors import Busy, ConfigError, FaxSyncError, WarehouseError

CREDENTIALS = "[destination.warehouse] credentials"
GRANTS = "docs/postgres.md lists the GRANTs that the role needs"
_NEEDED = {"schema": "usage, create", "database": "create"}  # privileges on one that exists
REFUSED = f"it refused the user or the password: see {CREDENTIALS}"
NO_DATABASE = f"there is no such database: see {CREDENTIALS}"
TRANSIENT_STATES = (  # SQLSTATEs: connection, serialization, connections, idle, lock time-out, shutdown, start
    *("08000", "08001", "08003", "08006", "40", "53300", "25P03", "55P03"),
    *("57P01", "57P02", "57P03", "57P05"),
)
LOST = (
    "the connection to the warehouse is lost: the server or a pooler has ended it, perhaps for a restart or because a "
    "person did, or the network has; run again later"
)
TOO_MANY = (
    "has too many connections: run again later; if it happens again, raise the limit of the role (alter role … "
    "connection limit), of the database, of the server or of the pooler: a sync needs three connections, and two more "
    "for each further account that it reads at the same time"
)
FULL_STATE = "53300"
_FULL = re.compile(r"too many (?:connections|clients)|connection slots|no more connections allowed|query_wait_timeout")
_ANSWER_SECONDS = 5
_PROTOCOL = 196608  # 3.0
_PLACE = re.compile(  # as libpq names the places that it tried to connect to
    r'at "(?P<host>[^"]+)"(?: \([^)]*\))?, port (?P<port>\d+)|socket "(?P<socket>[^"]+)"|host name "(?P<unknown>[^"]+)"'
)
_SETTINGS = {  # libpq's text -> what is wrong with the credentials
    r'invalid (?:connection option|URI query parameter):? "(\w+)"': "have an unknown parameter: {}",
    r'invalid (?:integer )?value .* for connection option "(\w+)"|^invalid (\w+) value': "have a wrong value of {}",
    r"invalid port number": "have a wrong port",
    r"does not support SSL, but SSL was required": "require TLS by sslmode, but the server does not offer it: switch "
    "it on there, or set another sslmode",
    r"(?i)certificate|private key file|SSL error: .*(?:alert|version|handshake)": "name a server with which no TLS "
    "connection can be made: check sslmode, sslrootcert, sslcert and sslkey in them",
    r"unsupported startup parameter": "name a pooler that refuses the options of the connection: remove options from "
    "them, and unset PGOPTIONS, or set ignore_startup_parameters = options in PgBouncer, or connect directly",
    r"^invalid |^definition of service|^GSSAPI encryption required|channel binding|authentication method requirement": (
        "cannot be used: check their parameters"
    ),
}
_NO_HOST = r'could not translate host name "([^"]+)".*(?:Name or service not known|nodename nor servname|No address)'
_PERMANENT = {  # the server's or the pooler's text -> the reason
    r'database "([^"]+)" does not exist|no such database: (\S+)': f"there is no database {{}}: see {CREDENTIALS}",
    r'password authentication failed for user "([^"]+)"|no such user: (\S+)': (
        f"it refused the password of the role {{}}, or has no role of this name: see {CREDENTIALS}"
    ),
    r"no password supplied": f"it wants a password: see {CREDENTIALS}",
    r'(?:Peer|Ident) authentication failed for user "([^"]+)"': (
        f"it does not let this user of the operating system be the role {{}}: name host and password in {CREDENTIALS}"
    ),
    r'role "([^"]+)" does not exist': f"there is no role {{}}: see {CREDENTIALS}",
    r'role "([^"]+)" is not permitted': "the role {0} may not log in: alter role {0} login",
    r'no pg_hba\.conf entry for (host "[^"]+", user "[^"]+", database "[^"]+"(?:, [\w ]+)?)': (
        f"no line of its pg_hba.conf allows {{}}: add one, or correct {CREDENTIALS}, also sslmode"
    ),
    r'permission denied for database "?([^"\n]+)"?': (
        f'the role may not connect to the database {{0}}: grant connect on database "{{0}}" to the role; {GRANTS}'
    ),
    r"password authentication failed|no pg_hba\.conf entry|no such user|no such database": REFUSED,
}
_TRANSIENT_WORDS = re.compile(
    r"Connection refused|Connection reset|Broken pipe|timeout expired|timed out|could not translate host name|"
    r"Network is (?:unreachable|down)|No route to host|Host is (?:unreachable|down)|Cannot assign requested address|"
    r'socket "[^"]+" failed: No such file|closed the connection unexpectedly|closed unexpectedly|no connection to the|'
    r"SYSCALL error|EOF detected|unexpected eof|could not (?:receive|send) |lost synchronization|"
    r"shutting down|system is (?:starting up|in recovery|not yet accepting|not accepting)|terminating connection|"
    r"client_login_timeout|server conn crashed|connect failed"
)


def explain_connection(text: str) -> FaxSyncError:
    """The error for the text with which libpq or a pooler reports a failed or lost connection."""
    for words, meaning in _SETTINGS.items():
        if found := re.search(words, text):
            return ConfigError(f"{CREDENTIALS} {meaning.format(next(filter(None, found.groups()), ''))}")
    if found := re.search(_NO_HOST, text):
        return ConfigError(f"there is no host {found[1]}: see {CREDENTIALS}")
    for words, meaning in _PERMANENT.items():
        if found := re.search(words, text):
            return WarehouseError(f"PostgreSQL{_where(text)}: {meaning.format(*filter(None, found.groups()))}")
    place, is_full, is_transient = _where(text), _FULL.search(text), _TRANSIENT_WORDS.search(text)
    states = [] if is_transient or is_full else [*_states(text)]
    if is_full or FULL_STATE in states:
        return Busy(f"the warehouse{place} {TOO_MANY}")
    if is_transient or any(state.startswith(TRANSIENT_STATES) for state in states):
        return Busy(
            f"the warehouse{place} cannot be reached: run again later, or correct {CREDENTIALS}" if place else LOST
        )
    return WarehouseError(
        f"PostgreSQL{place} refused the connection for a reason that the sync does not know; psql shows it: "
        f"check user, password, database and parameters of {CREDENTIALS}"
    )


def grants_to_read(schema: str, role: str) -> str:
    """The GRANTs for a role that reads the views and nothing else."""
    return (
        f'grant usage on schema {schema} to "{role}"; grant select on all tables in schema {schema} to "{role}"; '
        f"{GRANTS}"
    )


def grant_for(denial: str, role: str, tables: Sequence[str] = ()) -> str:
    """The statement that helps the role by the server's text, or where the GRANTs are listed.

    `tables`: the tables and views of the denied statement, with their schemas.
    """
    if found := re.match(r"must be owner of (table|view) (\S+)$", denial):
        named = next((table for table in tables if table.endswith(f".{found[2]}")), found[2])
        return f'alter {found[1]} {named} owner to "{role}"; the role must own all tables and views of the sync'
    if found := re.search(r"permission denied for (schema|database) (\S+)$", denial):
        return f'grant {_NEEDED[found[1]]} on {found[1]} {found[2]} to "{role}"; {GRANTS}'
    if found := re.search(r'permission denied to create temporary tables in database "([^"]+)"', denial):
        return f'grant temporary on database {found[1]} to "{role}"; {GRANTS}'
    return GRANTS


def _where(text: str) -> str:
    """The hosts and ports, or sockets, that libpq tried, after " at "; empty if an open connection was lost."""
    places = [
        f"[{found['host']}]:{found['port']}"
        if ":" in (found["host"] or "")
        else f"{found['host']}:{found['port']}"
        if found["host"]
        else found["socket"] or f"{found['unknown']} (unknown host)"
        for found in _PLACE.finditer(text)
    ]
    return f" at {' and '.join(places)}" if places else ""


def _states(text: str) -> Iterator[str]:
    """The SQLSTATEs with which the places that libpq tried refuse a connection now.

    A server that is starting, stopping or full refuses before it checks the user, so the request names none of its own.
    """
    for found in _PLACE.finditer(text):
        try:
            with _connected(found) as connection:
                connection.settimeout(_ANSWER_SECONDS)
                names = b"user\0fax-sync\0database\0postgres\0\0"
                connection.sendall(struct.pack("!ii", 8 + len(names), _PROTOCOL) + names)
                with connection.makefile("rb") as answer:
                    kind, length = struct.unpack("!ci", answer.read(5))
                    fields = answer.read(min(length - 4, 10_000)).split(b"\0") if kind == b"E" else []
        except (OSError, struct.error):
            continue
        yield from (field[1:].decode("ascii", "replace") for field in fields if field[:1] == b"C")


def _connected(place: re.Match[str]) -> socket.socket:
    if place["host"]:
        return socket.create_connection((place["host"], int(place["port"])), _ANSWER_SECONDS)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(place["socket"] or "")
    return connection
