"""Counts of the big screen against the plain count, within scope and narrowed to a place."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.keys import Scope
from gisapp.errors import Forbidden, InputError
from gisapp.services import situation as situations
from gisapp.services.situation import ON_DUTY, Board, Openings, opening, situation
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


def test_screens_that_connect_at_once_share_a_state_that_is_read_after_they_asked(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, begun = threading.Event(), threading.Event()
    read: list[Reader] = []

    def slow(_: Database, reader: Reader) -> dict[str, object]:
        read.append(reader)
        number = len(read)
        begun.set()
        assert gate.wait(20)
        return {"number": number}

    monkeypatch.setattr(situations, "opening", slow)
    planner = Reader(3, "planner", "规划", Role.PLANNER, LEADER.scope)

    async def ask() -> list[int]:
        openings = Openings(database)
        early = [asyncio.create_task(openings.frame(LEADER)) for _ in range(3)]
        assert await asyncio.to_thread(begun.wait, 20)
        # What has happened since the first read began is not in it: those who ask now wait for another.
        late = [asyncio.create_task(openings.frame(LEADER)) for _ in range(3)]
        other = asyncio.create_task(openings.frame(planner))
        for _ in range(20):
            await asyncio.sleep(0)
        late[0].cancel()  # a screen that leaves does not take the state away from the others
        gate.set()
        frames = await asyncio.gather(*early, *late[1:], other)
        return [json.loads(frame)["number"] for frame in frames]

    numbers = asyncio.run(ask())
    assert numbers[:3] == [1, 1, 1]
    assert numbers[3] == numbers[4] != 1
    # Who may not watch workers shares nothing with who may.
    assert numbers[5] not in numbers[:5]
    assert len(read) == 3


def test_a_state_that_cannot_be_read_is_read_anew_by_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [RuntimeError("power cut")]

    def fail(_: Database, __: Reader) -> dict[str, object]:
        if failures:
            raise failures.pop()
        return {}

    monkeypatch.setattr(situations, "opening", fail)

    async def ask() -> str:
        openings = Openings(database)
        with pytest.raises(RuntimeError):
            await openings.frame(LEADER)
        return await openings.frame(LEADER)

    assert json.loads(asyncio.run(ask())) == {"type": "state", "scope": ["330103001"]}
