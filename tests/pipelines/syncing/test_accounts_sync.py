"""Many accounts in one run: they read concurrently and load in turn; a failure of one does not affect the others."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable

import pytest

import sources
from pipelines.config.accounts import Account, Shard
from sources.fakes.server import Answer, Request
from tests.conftest import Settings, Sync
from tests.pipelines.syncing.conftest import NAMES, Serve, ids
from tests.support.servers.postgres import Server
from tests.support.tiers import first_quick


@pytest.mark.slow
@pytest.mark.parametrize("provider", sources.providers())
def test_concurrent_accounts_load_the_same_rows_as_single_ones(
    provider: str, serve_accounts: Serve, sync: Sync, settings: Settings, postgres: Server, database: str
) -> None:
    served = serve_accounts(provider)

    assert sync().exit_code == 0
    assert ids(postgres, database, provider) == {name: len(one.fake.records) for name, one in served.items()}

    before = postgres.query(database, f"select * from fax_{provider}._dlt_loads")
    quiet = sync()

    assert [account["new"] + account["changed"] for account in quiet.summaries] == [0] * len(NAMES)
    assert postgres.query(database, f"select * from fax_{provider}._dlt_loads") == before


def test_a_failing_account_does_not_affect_the_others(
    serve_accounts: Serve, sync: Sync, postgres: Server, database: str
) -> None:
    served = serve_accounts("phaxio")
    served["north"].server.answer = lambda request: Answer(401, b"{}")

    synced = sync()

    assert [account["exit_code"] for account in synced.summaries] == [0, 77, 0, 0]
    assert ids(postgres, database, "phaxio") == {"east": 30, "south": 30, "west": 30}


@pytest.mark.slow
def test_while_one_account_waits_for_its_load_the_others_are_read(
    serve_accounts: Serve, sync: Sync, postgres: Server, database: str
) -> None:
    served, other_run = serve_accounts("signalwire"), postgres.connect(database)
    turn = "select pg_advisory_lock(hashtextextended('fax-sync/fax_signalwire', 0))"
    requests, read = Counter[str](), list[int]()
    all_have_read = threading.Barrier(len(NAMES), action=lambda: read.append(len(requests)))

    def counted(name: str, honest: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            requests[name] += 1
            if requests[name] == 20:
                all_have_read.wait(timeout=20)
                other_run.close()
            return honest(request)

        return answer

    for name, one in served.items():
        one.server.answer = counted(name, one.server.answer)
    with other_run.cursor() as cursor:
        cursor.execute(turn)

    assert sync().exit_code == 0
    assert read == [len(NAMES)]
    assert ids(postgres, database, "signalwire") == dict.fromkeys(NAMES, 30)


@pytest.mark.slow
@pytest.mark.parametrize("number", first_quick([20, 2]))
def test_an_account_that_fails_during_read_ahead_is_completed_by_the_next_run(
    number: int, serve_accounts: Serve, sync: Sync, postgres: Server, database: str
) -> None:
    served, count = serve_accounts("signalwire"), iter(range(1, 1000))
    honest = served["north"].server.answer
    served["north"].server.answer = lambda request: Answer(401) if next(count) == number else honest(request)

    failed, again = sync(), sync()

    assert [account["exit_code"] for account in failed.summaries] == [0, 77, 0, 0]
    assert [account["new"] for account in failed.summaries] == [30, 0, 30, 30]
    assert again.exit_code == 0
    assert ids(postgres, database, "signalwire") == dict.fromkeys(NAMES, 30)


@pytest.mark.slow
@pytest.mark.parametrize("at_a_time", first_quick([1, 3]))
def test_accounts_at_a_time_limits_how_many_are_read_concurrently(
    at_a_time: int, serve_accounts: Serve, sync: Sync, settings: Settings, database: str
) -> None:
    served = serve_accounts("signalwire")
    settings["SYNC__ACCOUNTS_AT_A_TIME"], settings["SOURCES__CONNECTIONS"] = str(at_a_time), "2"
    assert sync().exit_code == 0
    lock, open_requests, most = threading.Lock(), Counter[str](), list[tuple[int, int]]()
    together = threading.Barrier(at_a_time)

    def counting(name: str, honest: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            with lock:
                open_requests[name] += 1
                most.append((sum(open_requests.values()), max(open_requests.values())))
            try:
                together.wait(timeout=5)  # requests of this many accounts are open at the same time
            except threading.BrokenBarrierError:
                together.reset()  # the last ones are fewer
            with lock:
                open_requests[name] -= 1
            return honest(request)

        return answer

    for name, one in served.items():
        one.server.answer = counting(name, one.server.answer)

    assert sync().exit_code == 0
    assert max(total for total, _ in most) == at_a_time
    assert max(of_one for _, of_one in most) <= 2


@pytest.mark.slow
def test_a_signal_ends_all_concurrent_reads(
    serve_accounts: Serve, sync: Sync, settings: Settings, postgres: Server, database: str
) -> None:
    served, asked = serve_accounts("signalwire"), threading.Barrier(len(NAMES))
    settings["SYNC__ACCOUNTS_AT_A_TIME"] = str(len(NAMES))
    freed = threading.Event()

    def held(request: Request) -> Answer:
        if asked.wait() == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        freed.wait(timeout=30)
        return Answer(500)

    for one in served.values():
        one.server.answer = held
    synced = sync()
    freed.set()

    assert synced.exit_code == 128 + signal.SIGTERM
    assert [account["exit_code"] for account in synced.summaries] == [143] * len(NAMES)
    assert postgres.query(database, "select pid from pg_locks where locktype = 'advisory'") == []


@pytest.mark.slow
@pytest.mark.parametrize("number", first_quick([2, 20, 60]))
def test_after_a_signal_between_loads_the_next_run_loads_the_rest(
    number: int, serve_accounts: Serve, sync: Sync, settings: Settings, postgres: Server, database: str
) -> None:
    served, requests = serve_accounts("signalwire"), Counter[str]()
    settings["SYNC__ACCOUNTS_AT_A_TIME"] = "2"

    def ending(honest: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            requests["all"] += 1
            if requests["all"] == number:
                os.kill(os.getpid(), signal.SIGTERM)
            return honest(request)

        return answer

    for one in served.values():
        one.server.answer = ending(one.server.answer)
    stopped = sync()

    assert stopped.exit_code == 128 + signal.SIGTERM
    assert stopped.accounts["signalwire"]["exit_code"] == 143  # the last account was not started, or was cancelled
    assert sync().exit_code == 0
    assert ids(postgres, database, "signalwire") == dict.fromkeys(NAMES, 30)


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_every_account_is_in_exactly_one_shard(count: int) -> None:
    accounts = [Account(provider, f"account_{number}") for provider in sources.providers() for number in range(200)]
    every = [Shard(number, count) for number in range(1, count + 1)]
    shards = [{str(account) for account in accounts if account.is_in(shard)} for shard in every]

    assert sum(map(len, shards)) == len(accounts) == len(set().union(*shards))
    assert max(map(len, shards)) <= 3 * len(accounts) / count + 10


def test_the_shard_of_an_account_never_changes() -> None:
    found = [name for name in ("default", *NAMES) if Account("phaxio", name).is_in(Shard(2, 4))]

    assert found == ["east", "west"]


@pytest.mark.slow
def test_each_shard_loads_its_own_accounts(serve_accounts: Serve, sync: Sync, postgres: Server, database: str) -> None:
    serve_accounts("phaxio")
    synced = [sync("--shard", f"{number}/3") for number in (1, 2, 3)]
    told = [account["account"] for one in synced for account in one.summaries]

    assert [one.exit_code for one in synced] == [0, 0, 0]
    assert sorted(told) == sorted(NAMES)
    assert ids(postgres, database, "phaxio") == dict.fromkeys(NAMES, 30)


def test_account_can_be_given_several_times(serve_accounts: Serve, sync: Sync, database: str) -> None:
    serve_accounts("phaxio")
    synced = sync("--account", "west", "--account", "east")

    assert [account["account"] for account in synced.summaries] == ["east", "west"]
    assert sync("--account", "west", "--account", "nowhere").exit_code == 64


@pytest.mark.parametrize("shard", ["0/4", "5/4", "1", "1/0", "a/b", "-1/4"])
def test_an_impossible_shard_is_refused(shard: str, sync: Sync) -> None:
    assert sync("--shard", shard).exit_code == 64
