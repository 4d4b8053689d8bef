"""Somebody holds what we need: the run ends in bounded time, and so does the waiting of whoever stands behind it."""

from contextlib import closing

import pytest

import sources
from tests.faults.conftest import StartServerTrial

every_provider = pytest.mark.parametrize("provider", sources.providers())
SOON = "-c lock_timeout=300ms"


@every_provider
@pytest.mark.parametrize("mode", ["access exclusive", "share row exclusive"])
@pytest.mark.parametrize("point", ["merging the faxes", "merging what is split off"])
def test_a_table_that_somebody_holds_is_given_up_in_time(
    provider: str, mode: str, point: str, server_trial: StartServerTrial
) -> None:
    trying = server_trial(provider)
    trying.settings["PGOPTIONS"] = SOON
    trying.fails(75, "another session has locked a table", under=trying.locked(trying.table(point), mode))
    trying.recovers()


def test_a_statement_that_a_person_cancels_is_told_so(server_trial: StartServerTrial) -> None:
    trying = server_trial("phaxio")
    trying.query("comment on view fax.faxes is 'out of date'")
    synced = trying.at_lock("fax.faxes", lambda pid: trying.query(f"select pg_cancel_backend({pid})"), "access share")

    assert (synced.exit_code, "a person did (pg_cancel_backend)" in synced.told) == (75, True), synced.told
    trying.recovers()


def test_views_that_somebody_holds_are_given_up_in_time(server_trial: StartServerTrial) -> None:
    trying = server_trial("phaxio")
    trying.settings["PGOPTIONS"] = SOON
    trying.query("comment on view fax.faxes is 'out of date'")
    with trying.locked("fax.monthly_costs"):
        synced = trying.sync()

    assert (synced.exit_code, "another session has locked a table" in synced.told) == (75, True)
    trying.recovers()


def test_a_run_whose_row_cannot_be_written_warns(server_trial: StartServerTrial) -> None:
    trying = server_trial("phaxio")
    trying.settings["PGOPTIONS"] = SOON
    with trying.locked("fax_phaxio.sync_runs"):
        synced = trying.sync()

    (warning,) = synced.accounts["phaxio"]["warnings"]
    assert (synced.exit_code, warning[:28]) == (0, "the run is not in sync_runs,"), synced.told
    assert "another session has locked a table" in warning


def test_a_session_behind_ours_waits_no_longer_than_we_do(server_trial: StartServerTrial) -> None:
    trying = server_trial("phaxio")
    trying.settings["PGOPTIONS"] = SOON
    trying.query("comment on view fax.faxes is 'out of date'")  # so that the views are made anew
    behind = []

    def read(waiting: int) -> None:
        with closing(trying.server.connect(trying.database)) as reader, reader.cursor() as cursor:
            cursor.execute("set statement_timeout = '20s'")
            cursor.execute("select count(*) from fax.faxes")  # waits behind our exclusive lock, until we give up
            behind.extend(cursor.fetchall())

    synced = trying.at_lock("fax.faxes", read, "access share")

    assert (synced.exit_code, len(behind)) == (75, 1)
    trying.recovers()
