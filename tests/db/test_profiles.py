"""Profiles: every kind, every number opens its records, nothing outside the scope, personal fields only for a purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.errors import Forbidden, InputError, NotFound
from gisapp.services.profile_kinds import DESCRIBE
from gisapp.services.profiles import list_of, profile_of, reveal_person
from gisapp.services.rooms import room_sheet
from gisapp.store.database import Database
from tests.db import register_world as world


@pytest.fixture(scope="module")
def ids(database: Database) -> dict[str, int]:
    return world.make(database)


@pytest.fixture
def manager(reader: Callable[..., Reader]) -> Reader:
    return reader(Role.MANAGER, world.STREET)


def _keys(ids: dict[str, int]) -> Iterator[tuple[str, str]]:
    yield "region", world.STREET
    yield "region", "330103"
    yield "grid", world.GRID
    for kind, identifier in ids.items():
        yield kind, str(identifier)


def test_every_kind(database: Database, ids: dict[str, int], manager: Reader) -> None:
    seen = set()
    for kind, key in _keys(ids):
        profile = profile_of(database, manager, kind, key)
        seen.add(kind)
        assert profile["kind"] == kind and profile["id"] == key and profile["title"] and profile["kind_title"]
        assert profile["origin"] and profile["as_of"]
        assert profile["point"] or profile["geometry"], kind
        for entry in profile["fields"]:
            assert entry["label"]
    assert seen == set(DESCRIBE)


def test_every_number_equals_its_list(database: Database, ids: dict[str, int], manager: Reader) -> None:
    checked = 0
    for kind, key in _keys(ids):
        profile = profile_of(database, manager, kind, key)
        lists = {found["name"]: found for found in profile["lists"]}
        for count in profile["counts"]:
            found = lists[count["list"]]
            pages = list_of(database, manager, kind, key, count["list"], limit=500)
            if count["list"] in ("people", "elders"):
                total = sum(int(row["side"].split()[0]) for row in pages["rows"])
            else:
                assert pages["total"] == len(pages["rows"])
                total = pages["total"]
            assert total == count["value"], (kind, count)
            assert found["rows"] == pages["rows"][: len(found["rows"])]
            checked += bool(count["value"])
    assert checked > 25


def test_drill_down_from_district_to_room(database: Database, ids: dict[str, int], manager: Reader) -> None:
    room = profile_of(database, manager, "room", str(ids["room"]))
    assert [crumb["title"] for crumb in room["breadcrumbs"]] == [
        "下城区",
        "长庆街道",
        "柳营社区",
        "第1网格",
        "朝晖一区3幢",
    ]
    for crumb in room["breadcrumbs"]:
        profile_of(database, manager, crumb["kind"], crumb["id"])
    grid = profile_of(database, manager, "grid", world.GRID)
    building = next(found for found in grid["lists"] if found["name"] == "buildings")["rows"][0]
    assert building["id"] == str(ids["building"])
    rooms = next(
        found
        for found in profile_of(database, manager, "building", building["id"])["lists"]
        if found["name"] == "building_rooms"
    )
    assert rooms["total"] == 4 and rooms["rows"][0]["title"] == "2单元101 室"


def test_pages(database: Database, ids: dict[str, int], manager: Reader) -> None:
    key = str(ids["building"])
    whole = list_of(database, manager, "building", key, "building_rooms")
    parts = [
        list_of(database, manager, "building", key, "building_rooms", offset=i, limit=1)["rows"][0]
        for i in range(4)
    ]
    assert parts == whole["rows"] and whole["total"] == 4
    with pytest.raises(NotFound, match="没有名单"):
        list_of(database, manager, "building", key, "workers")


def test_nothing_outside_the_scope(
    database: Database, ids: dict[str, int], reader: Callable[..., Reader]
) -> None:
    stranger = reader(Role.LEADER, world.OTHER)
    for kind, key in _keys(ids):
        if key != "330103":
            with pytest.raises(NotFound):
                profile_of(database, stranger, kind, key)
    district = profile_of(database, stranger, "region", "330103")
    assert next(c for c in district["counts"] if c["list"] == "buildings")["value"] == 1


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("nothing", "1"),
        ("building", "x"),
        ("building", "999999"),
        ("grid", "1;--"),
        ("region", ""),
        ("poi", "9" * 30),
    ],
)
def test_what_there_is_not(database: Database, manager: Reader, kind: str, key: str) -> None:
    with pytest.raises(NotFound):
        profile_of(database, manager, kind, key)


def test_a_grid_by_its_id(database: Database, ids: dict[str, int], manager: Reader) -> None:
    with database.begin(SYSTEM) as connection:
        identifier = connection.execute(
            text("SELECT id FROM grid WHERE place = :p"), {"p": world.GRID}
        ).scalar_one()
    assert profile_of(database, manager, "grid", str(identifier))["id"] == world.GRID


def test_a_late_case_says_so(database: Database, ids: dict[str, int], manager: Reader) -> None:
    profile = profile_of(database, manager, "event", str(ids["event"]))
    state = next(entry for entry in profile["fields"] if entry["label"] == "状态")
    assert state == {"label": "状态", "value": "办理中，超期", "meaning": "bad"}
    steps = next(found for found in profile["lists"] if found["name"] == "steps")
    assert [row["title"].split(" · ")[0] for row in steps["rows"]] == ["办理", "交办", "上报"]


def test_people_are_masked_everywhere(database: Database, ids: dict[str, int], manager: Reader) -> None:
    texts = [str(profile_of(database, manager, kind, key)) for kind, key in _keys(ids)]
    texts.append(str(room_sheet(database, manager, ids["building"])))
    for found in texts:
        assert "欧阳测试" not in found and "9900001950" not in found and "19900000000" not in found
    assert any("欧***" in found for found in texts)


def test_a_look_needs_a_purpose_and_is_recorded(
    database: Database, ids: dict[str, int], manager: Reader
) -> None:
    with pytest.raises(InputError, match="用途"):
        reveal_person(database, manager, ids["person"], " ")
    found: dict[str, Any] = reveal_person(database, manager, ids["person"], "走访核实")
    assert found["name"] == "欧阳测试" and found["birth_date"] == "1950-05-01"
    with database.begin(SYSTEM) as connection:
        look = connection.execute(text("SELECT user_id, subject_id, purpose FROM look")).one()
    assert tuple(look) == (manager.user_id, ids["person"], "走访核实")


def test_who_may_not_look(database: Database, ids: dict[str, int], reader: Callable[..., Reader]) -> None:
    with pytest.raises(Forbidden):
        reveal_person(database, reader(Role.PLANNER, world.STREET), ids["person"], "走访核实")
    with pytest.raises(NotFound):
        reveal_person(database, reader(Role.MANAGER, world.OTHER), ids["person"], "走访核实")


def test_where_workers_are_is_not_told_to_planners(
    database: Database, ids: dict[str, int], reader: Callable[..., Reader]
) -> None:
    from gisapp.services.search import search

    planner, key = reader(Role.PLANNER, world.STREET), str(ids["grid_worker"])
    profile = profile_of(database, planner, "grid_worker", key)
    assert profile["point"] is None and profile["geometry"] is None
    assert next(entry for entry in profile["fields"] if entry["label"] == "最近定位")["value"] is None
    assert search(database, planner, "王伟")[0].point is None
