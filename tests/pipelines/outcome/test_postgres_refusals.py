"""A connection that PostgreSQL refuses: what passes is 75, what a person must mend is not, in any language."""

from urllib.parse import quote

import psycopg2
import pytest

from pipelines.outcome.error_mapping import to_fax_sync_error
from pipelines.outcome.postgres_connect import explain_connection
from tests.conftest import ServeFake, Settings, Sync
from tests.support.credentials import PASSWORD
from tests.support.servers.postgres import Server
from tests.support.servers.protocol_server import refusing
from tests.support.tiers import first_quick

CREDENTIALS = "DESTINATION__WAREHOUSE__CREDENTIALS"
REFUSALS = {  # SQLSTATE and text, whether a password is asked for before, exit code and what is told
    "a wrong password in Russian": (
        "28P01",
        "пользователь fax не прошёл проверку подлинности (по паролю)",
        True,
        69,
        "user, password, database",
    ),
    "no such database in German": ("3D000", "Datenbank »fax« existiert nicht", True, 69, "user, password, database"),
    "no such role in Chinese": ("28000", "角色 fax 不存在", False, 69, "user, password, database"),
    "a start in Russian": ("57P03", "система баз данных запускается", False, 75, "run again later"),
    "a stop in French": ("57P03", "le système de bases de données s'arrête", False, 75, "run again later"),
    "too many in Japanese": ("53300", "現在クライアント数が多すぎます", False, 75, "too many connections"),
    "too many in English": ("53300", 'too many connections for role "fax"', True, 75, "too many connections"),
    "a pooler that takes no options": (
        "08P01",
        "unsupported startup parameter: options",
        False,
        78,
        "ignore_startup_parameters",
    ),
    "a pooler without such a database": ("08P01", "no such database: fax", False, 69, "there is no database fax:"),
    "a pooler whose server is gone": (
        "08P01",
        "server login has been failing, cached error: connect failed (server_login_retry)",
        False,
        75,
        "run again later",
    ),
}


@pytest.mark.parametrize("name", first_quick(REFUSALS, 4))
def test_a_refusal_is_classed_whatever_language_it_is_in(
    name: str, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    state, text, after_password, exit_code, words = REFUSALS[name]
    served = serve_fake("phaxio")
    settings |= {"DESTINATION__WAREHOUSE__DESTINATION_TYPE": "postgres", "SYNC__BUSY_SECONDS": "0"}
    with refusing(state, text, after_password) as port:
        settings[CREDENTIALS] = f"postgresql://fax:{quote(PASSWORD)}@127.0.0.1:{port}/fax"
        synced = sync()

    assert (synced.exit_code, words in synced.told, served.server.requests) == (exit_code, True, []), synced.told
    assert text not in synced.told


PARAMETERS = {
    "?bogus=1": "unknown parameter: bogus",
    "?sslmode=bogus": "wrong value of sslmode",
    "?sslmode=require": "sslmode",
    "?sslmode=verify-full": "sslmode",
    "?connect_timeout=soon": "invalid connect_timeout",
    "?target_session_attrs=bogus": "wrong value of target_session_attrs",
    "?service=nowhere": "check their parameters",
    "?keepalives=often": "wrong value of keepalives",
}


@pytest.mark.parametrize("parameter", first_quick(PARAMETERS, 3))
def test_a_parameter_of_the_credentials_that_cannot_be_had_is_configuration(
    parameter: str, serve_fake: ServeFake, sync: Sync, settings: Settings
) -> None:
    served = serve_fake("phaxio")
    settings["DESTINATION__WAREHOUSE__DESTINATION_TYPE"] = "postgres"
    with refusing("57P03", "the database system is starting up") as port:
        settings[CREDENTIALS] = f"postgresql://fax:Zebra99@127.0.0.1:{port}/fax{parameter}"
        synced = sync()

    assert (synced.exit_code, served.server.requests) == (78, []), synced.told
    assert PARAMETERS[parameter] in synced.told
    assert "[destination.warehouse] credentials" in synced.told
    assert "Zebra99" not in synced.told


def test_a_password_with_a_slash_is_no_port(serve_fake: ServeFake, sync: Sync, settings: Settings) -> None:
    serve_fake("phaxio")
    settings |= {"DESTINATION__WAREHOUSE__DESTINATION_TYPE": "postgres", "SYNC__BUSY_SECONDS": "0"}
    settings[CREDENTIALS] = "postgresql://fax:12/34#5@127.0.0.1:9/fax"

    assert sync().exit_code == 75


@pytest.mark.parametrize("port", ["x1", "99999999"])
def test_a_port_that_is_none_is_configuration(port: str, serve_fake: ServeFake, sync: Sync, settings: Settings) -> None:
    serve_fake("phaxio")
    settings["DESTINATION__WAREHOUSE__DESTINATION_TYPE"] = "postgres"
    settings[CREDENTIALS] = f"postgresql://fax:Zebra99@127.0.0.1:{port}/fax"
    synced = sync()

    assert (synced.exit_code, "[destination.warehouse] credentials" in synced.told) == (78, True), synced.told


@pytest.mark.parametrize(
    ("text", "exit_code"),
    [
        ("server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally", 75),
        ("SSL connection has been closed unexpectedly\n", 75),
        ("SSL SYSCALL error: EOF detected\n", 75),
        ("could not receive data from server: Connection reset by peer\n", 75),
        ('connection to server at "db", port 5432 failed: SSL error: certificate verify failed\n', 78),
        ('connection to server at "db", port 5432 failed: root certificate file "/x" does not exist\n', 78),
        ('connection to server at "db", port 5432 failed: Operation timed out\n', 75),
        ('could not translate host name "db" to address: Temporary failure in name resolution\n', 75),
    ],
)
def test_what_libpq_says_of_a_connection_is_classed(text: str, exit_code: int) -> None:
    assert explain_connection(text).exit_code == exit_code


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('database "company" does not exist', "PostgreSQL at db:5432: there is no database company: see"),
        ('role "fax" does not exist', "there is no role fax: see"),
        ('role "fax" is not permitted to log in', "the role fax may not log in: alter role fax login"),
        ('password authentication failed for user "fax"', "refused the password of the role fax, or has no role"),
        ('Peer authentication failed for user "fax"', "be the role fax: name host and password in"),
        (
            'no pg_hba.conf entry for host "10.0.0.7", user "fax", database "company", no encryption',
            'host "10.0.0.7", user "fax", database "company", no encryption: add one',
        ),
        ('permission denied for database "company"', 'grant connect on database "company" to the role'),
    ],
)
def test_a_refused_connection_names_what_is_refused(text: str, words: str) -> None:
    error = explain_connection(f'connection to server at "db" (10.0.0.1), port 5432 failed: FATAL:  {text}\n')

    assert (error.exit_code, words in str(error)) == (69, True), str(error)


def test_a_statement_that_takes_longer_than_the_role_may_names_the_setting(
    serve_fake: ServeFake, sync: Sync, settings: Settings, postgres: Server, database: str, role: str
) -> None:
    postgres.query(database, f"grant create, temporary on database {database} to {role}")
    serve_fake("phaxio")
    settings["PGOPTIONS"] = "-c statement_timeout=1ms"
    synced = sync()

    assert (synced.exit_code, "raise statement_timeout of the role" in synced.told) == (75, True), synced.told


def test_a_wrong_call_of_the_driver_is_no_refusal(postgres: Server, database: str) -> None:
    with (
        postgres.connect(database) as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.ProgrammingError) as raised,
    ):
        cursor.execute("select %s", [object()])

    assert to_fax_sync_error(raised.value) is None
