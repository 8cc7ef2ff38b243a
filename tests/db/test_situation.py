"""Counts of the big screen against the plain count, within scope and narrowed to a place."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.keys import Scope
from gisapp.errors import Forbidden, InputError
from gisapp.services.situation import ON_DUTY, Board, opening, situation
from gisapp.store.database import Database

ONE, TWO = "330103001001001", "330103002001001"
LEADER = Reader(2, "leader", "街道领导", Role.LEADER, Scope(["330103001"]))


@pytest.fixture(scope="module", autouse=True)
def world(database: Database) -> None:
    now = clock.now()
    morning = clock.day_bounds(now.date())[0]
    with database.begin(SYSTEM) as connection:

        def put(sql: str, **values: object) -> None:
            connection.execute(text(sql), values)

        for place in (ONE, TWO):
            put("INSERT INTO onemap.region (place, level, name) VALUES (left(:p, 9), 9, '某街道')", p=place)
            put(
                "INSERT INTO onemap.grid_worker (place, code, name, last_at) VALUES "
                "(:p, 'a' || :p, '甲', :fresh), (:p, 'b' || :p, '乙', :old), (:p, 'c' || :p, '丙', NULL)",
                p=place,
                fresh=now - timedelta(minutes=1),
                old=now - ON_DUTY - timedelta(minutes=1),
            )
            cases = [
                ("open", now + timedelta(hours=1), None),
                ("late", now - timedelta(hours=1), None),
                ("kept", morning + timedelta(seconds=2), morning + timedelta(seconds=1)),
                ("missed", morning + timedelta(seconds=1), morning + timedelta(seconds=2)),
                ("before", morning, morning - timedelta(seconds=1)),
            ]
            for number, due, closed in cases:
                put(
                    "INSERT INTO onemap.event (place, number, matter_code, class, channel, title, state, reported_at, "
                    "due_at, closed_at, geom) VALUES (:p, :n, '01001', '01', 'patrol', '暴露垃圾', :s, :r, :d, :c, "
                    "ST_SetSRID(ST_MakePoint(120.1, 30.3), 4490))",
                    p=place, n=number + place, s="closed" if closed else "reported", r=morning, d=due, c=closed,
                )  # fmt: skip
            for returned, withdrawn in ((None, None), (now, None), (None, now)):
                put(
                    "INSERT INTO onemap.alert (place, rule, title, opened_at, raised_at, returned_at, withdrawn_at) "
                    "VALUES (:p, 'outside_grid', '离开', :o, :o, :r, :w)",
                    p=place, o=morning, r=returned, w=withdrawn,
                )  # fmt: skip


def test_counts_are_those_of_the_scope(database: Database) -> None:
    found = situation(database, LEADER).numbers
    assert {
        k: found[k] for k in ("workers", "on_duty", "open", "overdue", "closed", "in_time", "alerts")
    } == {
        "workers": 3,
        "on_duty": 1,
        "open": 2,
        "overdue": 1,
        "closed": 2,
        "in_time": 1,
        "alerts": 1,
    }
    assert found["alerts_today"] == 2
    assert situation(database, SYSTEM).numbers["open"] == 4


def test_a_place_narrows_and_a_foreign_one_is_refused(database: Database) -> None:
    assert situation(database, SYSTEM, TWO).numbers["open"] == 2
    assert situation(database, LEADER, ONE).place == ONE
    with pytest.raises(Forbidden):
        situation(database, LEADER, TWO)
    with pytest.raises(InputError):
        situation(database, LEADER, "33010")


def test_hours_hold_all_cases_of_the_day(database: Database) -> None:
    hours = situation(database, LEADER).by_hour
    assert len(hours) == 24
    assert hours[0] == (5, 2)


def test_a_screen_that_connects_gets_what_it_may_see(database: Database) -> None:
    state = opening(database, LEADER)
    assert all(alert["place"].startswith("330103001") for alert in state["alerts"])
    assert len(state["alerts"]) == 2


def test_a_notice_makes_the_board_count_again(database: Database, system: Reader) -> None:
    """A count that began before a notice may not stand for the situation after it, however fresh it is."""

    async def ask() -> tuple[bool, bool, bool]:
        board = Board(database, fresh=60.0)
        first = await board.get(system)
        again = await board.get(system)
        board.hear({"kind": "fix"})
        moved = await board.get(system)
        board.hear({"kind": "alert"})
        return again is first, moved is first, await board.get(system) is not first

    assert asyncio.run(ask()) == (True, True, True)
