"""What is read is read when nobody else can change it any more: alerts, accounts, analyses, counts, search, uploads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from gisapp.api.session import Sessions
from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.errors import Conflict, NotSignedIn, TooMany
from gisapp.services import accounts, alerts, analysis_runs, demand, derived
from gisapp.services.analysis_runs import Job
from gisapp.services.importing import run, uploads
from gisapp.services.importing.report import Outcome
from gisapp.services.signing_in import SignIns
from gisapp.store import analysis
from gisapp.store import derived as derived_store
from gisapp.store import importing as import_store
from gisapp.store.database import Database
from tests.db import case_world as world
from tests.db.case_world import (
    COMMUNITY,
    NEIGHBOUR,
    STREET,
    WEST,
    Stop,
    holding,
    one,
    person,
    report,
    together,
    wait_for_waiting,
    wait_until,
)
from tests.db.import_world import load, numbers, sheet

PASSWORD = "a-password-of-tests"


@pytest.fixture(scope="module", autouse=True)
def workers(database: Database) -> dict[str, int]:
    return world.build(database)


# --- alerts --------------------------------------------------------------------------------------------------------


@pytest.fixture
def alert(database: Database, workers: dict[str, int]) -> int:
    """An alert of a worker, ended so that the next test may have one too."""
    return int(
        one(
            database,
            "INSERT INTO alert(place, rule, worker_id, title, opened_at, returned_at) "
            "VALUES (:p, 'outside_grid', :w, '离开网格', now(), now()) RETURNING id",
            p=WEST,
            w=workers["west"],
        )
    )


@pytest.fixture(scope="module")
def leaders(database: Database) -> list[Reader]:
    """Two leaders with accounts of their own."""
    made = []
    for login, name in (("wang", "王芳"), ("li", "李强")):
        accounts.save_user(
            database, login=login, name=name, role=Role.LEADER, scopes=[STREET], password=PASSWORD
        )
        made.append(accounts.sign_in(database, login, PASSWORD).reader)
    return made


_ALERT = "SELECT 1 FROM alert WHERE id = :id FOR UPDATE"


def test_of_two_who_take_note_at_once_the_second_is_told_by_whom(
    database: Database, leaders: list[Reader], alert: int
) -> None:
    with together(2) as start:
        with holding(database, _ALERT, id=alert):
            both = [start(alerts.acknowledge, database, who, alert) for who in leaders]
            wait_for_waiting(database, 2)
        done = [each.result() for each in both if each.exception() is None]
        (late,) = [each.exception() for each in both if each.exception() is not None]
    assert isinstance(late, Conflict) and done[0]["acknowledged_by"] in late.message
    assert one(database, "SELECT acknowledged_at >= raised_at FROM alert WHERE id = :id", id=alert)


def test_nobody_takes_note_of_an_alert_that_was_withdrawn_at_that_instant(
    database: Database, leaders: list[Reader], alert: int
) -> None:
    with together(1) as start:
        with holding(database, "UPDATE alert SET withdrawn_at = now() WHERE id = :id", id=alert):
            note = start(alerts.acknowledge, database, leaders[0], alert)
            wait_for_waiting(database, 1)
        with pytest.raises(Conflict, match="已撤销"):
            note.result()
    assert one(database, "SELECT acknowledged_at FROM alert WHERE id = :id", id=alert) is None


# --- accounts and sessions -----------------------------------------------------------------------------------------


def _account(database: Database, login: str) -> None:
    accounts.save_user(
        database, login=login, name=login, role=Role.LEADER, scopes=[STREET], password=PASSWORD
    )


def test_two_places_added_at_once_are_both_there(database: Database) -> None:
    _account(database, "grows")
    with together(2) as start:
        with holding(database, "SELECT 1 FROM app_user WHERE login = 'grows' FOR UPDATE"):
            both = [start(accounts.add_scope, database, "grows", place) for place in ("330104", "330105")]
            wait_for_waiting(database, 2)
        for each in both:
            each.result()
    assert one(database, "SELECT scopes FROM app_user WHERE login = 'grows'") == [STREET, "330104", "330105"]


def test_a_password_that_was_replaced_meanwhile_opens_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _account(database, "replaced")
    stop = Stop(accounts._open)
    monkeypatch.setattr(accounts, "_open", stop)
    with together(1) as start:
        entering = start(accounts.sign_in, database, "replaced", PASSWORD)
        assert stop.reached.wait(30)
        accounts.save_user(
            database, login="replaced", name="x", role=Role.LEADER, scopes=[STREET], password="another-one"
        )
        stop.go.set()
        with pytest.raises(NotSignedIn):
            entering.result()
    assert accounts.sign_in(database, "replaced", "another-one").reader.login == "replaced"


def test_an_account_that_was_withdrawn_meanwhile_opens_nothing_and_a_wider_one_is_wider(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for login, change in (
        ("withdrawn", "UPDATE app_user SET active = false WHERE login = 'withdrawn' RETURNING id"),
        ("wider", "UPDATE app_user SET scopes = '{33}' WHERE login = 'wider' RETURNING id"),
    ):
        _account(database, login)
        stop = Stop(accounts._open)
        with monkeypatch.context() as patched, together(1) as start:
            patched.setattr(accounts, "_open", stop)
            entering = start(accounts.sign_in, database, login, PASSWORD)
            assert stop.reached.wait(30)
            one(database, change)
            stop.go.set()
            if login == "wider":
                assert entering.result().reader.scope.prefixes == ("33",)
            else:
                assert isinstance(entering.exception(), NotSignedIn)


def test_twenty_wrong_passwords_at_once_are_no_more_than_five(database: Database) -> None:
    _account(database, "guessed")

    async def guess() -> list[BaseException]:
        sign_ins = SignIns(database)
        tries = [
            sign_ins.sign_in("guessed", f"wrong-{number}", "192.0.2.7", hours=1, at_page=True)
            for number in range(20)
        ]
        try:
            return [
                e for e in await asyncio.gather(*tries, return_exceptions=True) if isinstance(e, Exception)
            ]
        finally:
            sign_ins.close()

    answers = [type(error) for error in asyncio.run(guess())]
    assert (answers.count(NotSignedIn), answers.count(TooMany)) == (5, 15)


def test_twenty_right_ones_at_once_all_enter(database: Database) -> None:
    _account(database, "busy")
    barrier = threading.Barrier(20)

    def enter() -> str:
        barrier.wait(30)
        return accounts.sign_in(database, "busy", PASSWORD).token

    with together(20) as start:
        tokens = {each.result() for each in [start(enter) for _ in range(20)]}
    assert len(tokens) == 20


def test_a_session_that_ends_while_it_is_looked_up_is_nobody(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _account(database, "leaves")
    token = accounts.sign_in(database, "leaves", PASSWORD).token
    look, found, go = accounts.readers_of, threading.Event(), threading.Event()

    def slow(database: Database, asked: Sequence[str]) -> dict[str, tuple[Reader, datetime]]:
        seen = look(database, asked)
        found.set()
        assert go.wait(30)
        return seen

    monkeypatch.setattr(accounts, "readers_of", slow)

    async def ask() -> list[Reader | None]:
        sessions = Sessions(database)
        asking = asyncio.create_task(sessions.reader(token))
        assert await asyncio.to_thread(found.wait, 30)
        await asyncio.to_thread(accounts.sign_out, database, token)
        sessions.forget(token)
        go.set()
        return [await asking, await sessions.reader(token)]

    assert asyncio.run(ask()) == [None, None]


# --- analyses ------------------------------------------------------------------------------------------------------


def test_a_run_deleted_while_its_result_is_kept_leaves_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner = person(31, "规划", Role.PLANNER, STREET)
    kept, go = threading.Event(), threading.Event()
    note = analysis.note_run

    def note_slowly(*given: Any, **named: Any) -> bool:
        done = note(*given, **named)
        if named.get("state") == "done":
            kept.set()
            assert go.wait(30)
        return done

    def keep(connection: Connection, run_id: int, place: str) -> dict[str, Any]:
        row = {"lon": 120.16, "lat": 30.27, "rank": 1, "demand": 1.0, "covered": 1.0}
        analysis.add_stations(connection, run_id, place, [row])
        return {"stations": 1}

    monkeypatch.setattr(analysis, "note_run", note_slowly)
    job = Job("allocation", STREET, "测试", {}, lambda _say: keep)
    with together(2) as start:
        computing = start(analysis_runs.run, database, planner, job)
        assert kept.wait(30)
        number = one(database, "SELECT max(id) FROM analysis_run")
        removing = start(analysis_runs.remove, database, planner, number)
        wait_for_waiting(database, 1)
        go.set()
        computing.result()
        removing.result()
    assert one(database, "SELECT count(*) FROM analysis_run WHERE id = :id", id=number) == 0
    assert one(database, "SELECT count(*) FROM station WHERE run_id = :id", id=number) == 0


# --- what is derived from the registers ----------------------------------------------------------------------------


class StopAfter(Stop):
    """Stops the first call of a function after it has read."""

    def __call__(self, *given: Any, **named: Any) -> Any:
        found = self._function(*given, **named)
        if not self.reached.is_set():
            self.reached.set()
            assert self.go.wait(30)
        return found


def _refresh(database: Database, what: Callable[[Connection], object]) -> None:
    with database.begin(SYSTEM) as connection:
        what(connection)


def test_a_case_reported_while_cases_are_counted_anew_is_counted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(database, person(1, "王芳"))
    stop = StopAfter(demand.demand.case_places)
    monkeypatch.setattr(demand.demand, "case_places", stop)
    with together(2) as start:
        counting = start(_refresh, database, lambda c: demand.recount(c, [COMMUNITY]))
        assert stop.reached.wait(30)
        reporting = start(report, database, person(2, "李强"))
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        wait_until(lambda: reporting.done() or one(database, waiting) >= 1)
        # elsewhere nobody waits: the count of another district says nothing of this one
        _refresh(database, lambda c: demand.recount(c, ["330104"]))
        stop.go.set()
        counting.result()
        reporting.result()
    cases = one(database, "SELECT count(*) FROM event WHERE place LIKE :c", c=f"{COMMUNITY}%")
    counted = "SELECT sum(n) FROM demand_cell WHERE resolution = :r AND place LIKE :c"
    for resolution in demand.LAYER_RESOLUTIONS:
        assert one(database, counted, r=resolution, c=f"{COMMUNITY}%") == cases


def test_whole_provinces_and_single_districts_take_turns(database: Database) -> None:
    with together(1) as start:
        with database.begin(SYSTEM) as connection:
            derived_store.hold(connection, ["33"])
            beneath = start(_refresh, database, lambda c: derived_store.hold(c, [COMMUNITY]))
            wait_for_waiting(database, 1)
            assert not beneath.done()
        beneath.result()
        with database.begin(SYSTEM) as connection:
            derived_store.hold(connection, [COMMUNITY])
            _refresh(database, lambda c: derived_store.hold(c, ["330104", "330105001"]))
            above = start(_refresh, database, lambda c: derived_store.hold(c, [""]))
            wait_for_waiting(database, 1)
        above.result()


def _poi(connection: Connection, name: str) -> None:
    connection.execute(
        text(
            "INSERT INTO poi(place, name, kind, geom) VALUES (:p, :n, '学校', "
            "ST_SetSRID(ST_MakePoint(120.1605, 30.2705), 4490))"
        ),
        {"p": WEST, "n": name},
    )


def test_what_is_added_while_the_search_is_made_anew_is_found(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = StopAfter(derived_store.searchable)
    monkeypatch.setattr(derived_store, "searchable", stop)

    def add(connection: Connection) -> None:
        _poi(connection, "灯芯巷小学")
        derived.refresh_search(connection, [COMMUNITY])

    with together(2) as start:
        renewing = start(_refresh, database, lambda c: derived.refresh_search(c, [COMMUNITY]))
        assert stop.reached.wait(30)
        adding = start(_refresh, database, add)
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        wait_until(lambda: adding.done() or one(database, waiting) >= 1)
        stop.go.set()
        renewing.result()
        adding.result()
    assert one(database, "SELECT count(*) FROM search_entry WHERE title = '灯芯巷小学'") == 1


@pytest.mark.parametrize("renew", [derived_store.refresh_density, derived_store.refresh_population])
def test_counts_that_two_make_anew_are_there_once(
    database: Database, renew: Callable[[Connection, Sequence[str]], None]
) -> None:
    _refresh(
        database,
        lambda c: c.execute(
            text(
                'INSERT INTO component(place, code, type_code, "class", geom) '
                "VALUES (:p, 'c', '01037', '01', ST_SetSRID(ST_MakePoint(120.1605, 30.2705), 4490))"
            ),
            {"p": WEST},
        ),
    )
    with together(1) as start:
        with database.begin(SYSTEM) as connection:
            renew(connection, [COMMUNITY])
            second = start(_refresh, database, lambda c: renew(c, [COMMUNITY]))
            wait_for_waiting(database, 1)
        second.result()
    derived_store_counts = "SELECT sum(n) FROM density WHERE layer = 'component' AND cell_zoom = 20"
    _refresh(database, lambda c: derived_store.refresh_density(c, [COMMUNITY]))
    assert one(database, derived_store_counts) == one(database, "SELECT count(*) FROM component")


# --- imports -------------------------------------------------------------------------------------------------------


def test_rows_that_move_to_another_grid_during_an_import_are_not_lost_in_silence(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = ["编号", "名称", "类别", "经度", "纬度"]
    path = sheet(tmp_path / "走动.csv", [head, ["1", "甲", "学校", 120.1605, 30.2705]])
    assert numbers(load(database, "places", path)) == (1, 0, 0, 0)
    sheet(path, [head, ["1", "乙", "学校", 120.1605, 30.2705], ["2", "丙", "学校", 120.1605, 30.2705]])
    stop = Stop(import_store.apply)
    monkeypatch.setattr(run.store, "apply", stop)
    with together(1) as start:
        importing = start(load, database, "places", path)
        assert stop.reached.wait(30)
        one(database, "UPDATE poi SET place = :e WHERE source = '走动' RETURNING id", e=world.EAST)
        stop.go.set()
        with pytest.raises(Conflict, match="没有写入任何数据"):
            importing.result()
    assert one(database, "SELECT string_agg(name, '') FROM poi WHERE source = '走动'") == "甲"
    assert numbers(load(database, "places", path)) == (1, 1, 0, 0)


def test_a_report_is_never_fetched_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = Outcome("places", "场所", "a.csv", "WGS84", "a", "行", 0)
    uploads._write_reports(tmp_path, [outcome])
    whole = (tmp_path / "report-places.xlsx").read_bytes()

    def write(_outcome: Outcome, path: Path) -> None:
        path.write_bytes(whole[: len(whole) // 2])
        assert (tmp_path / "report-places.xlsx").read_bytes() == whole
        path.write_bytes(whole + b"anew")

    monkeypatch.setattr(uploads, "write_report", write)
    uploads._write_reports(tmp_path, [outcome])
    assert [found.name for found in tmp_path.iterdir()] == ["report-places.xlsx"]
    assert (tmp_path / "report-places.xlsx").read_bytes() == whole + b"anew"


def test_an_old_upload_that_another_request_removes_first_hinders_nobody(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    uploads._forget_old(tmp_path)


def test_two_managers_import_files_of_one_name_at_once(database: Database, tmp_path: Path) -> None:
    """Of different communities: neither waits in vain, overwrites or sees the other's rows."""
    barrier = threading.Barrier(2)

    def bring(who: Reader, lon: float, folder: Path) -> tuple[int, int, int, int]:
        rows = [
            ["编号", "部件小类", "经度", "纬度"],
            *([str(i), "01037", lon + i / 1e6, 30.2705] for i in range(50)),
        ]
        folder.mkdir()
        path = sheet(folder / "同名.csv", rows)
        barrier.wait(30)
        return numbers(load(database, "components", path, "WGS84", reader=who))

    here, there = person(51, "甲"), person(52, "乙", scope=NEIGHBOUR)
    with together(2) as start:
        both = [
            start(bring, here, 120.1605, tmp_path / "a"),
            start(bring, there, 120.1625, tmp_path / "b"),
        ]
        assert [each.result() for each in both] == [(50, 0, 0, 0)] * 2
    owners = (
        "SELECT string_agg(a || ' ' || n, ' ' ORDER BY a) FROM (SELECT source_account AS a, count(*) AS n "
    )
    assert one(database, owners + "FROM component WHERE source = '同名' GROUP BY 1) s") == "51 50 52 50"
