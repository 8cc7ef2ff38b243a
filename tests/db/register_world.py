"""A small believable world for tests of search and profiles: two streets, one with a building full of everything."""

from __future__ import annotations

from sqlalchemy import Connection, text

from gisapp.domain.access import SYSTEM
from gisapp.services import derived
from gisapp.store.database import Database

STREET, OTHER = "330103001", "330103002"
COMMUNITY, GRID = "330103001001", "330103001001001"
OTHER_GRID = "330103002001001"

_NAMES = {
    "33": "浙江省", "3301": "杭州市", "330103": "下城区", STREET: "长庆街道", OTHER: "武林街道",
    COMMUNITY: "柳营社区", "330103002001": "竹竿巷社区",
}  # fmt: skip


def make(database: Database) -> dict[str, int]:
    """Fill the database; ids of the things by kind."""
    with database.begin(SYSTEM) as connection:
        for key, name in _NAMES.items():
            _run(
                connection,
                "INSERT INTO region(place, level, name, responsible, geom) VALUES (:p, :l, :n, "
                """'[{"name": "王主任", "duty": "负责人", "phone": "0571-1"}]', """
                "st_multi(st_makeenvelope(120.16, 30.27, 120.18, 30.29, 4490)))",
                p=key, l=len(key), n=name,
            )  # fmt: skip
        ids: dict[str, int] = {}
        for place, west in ((GRID, 120.16), (OTHER_GRID, 120.17)):
            _run(
                connection,
                "INSERT INTO grid(place, version, community, name, valid_from, geom) VALUES (:p, 1, left(:p, 12), '第1网格', "
                "'2025-01-01', st_makeenvelope(:w, 30.27, :w + 0.01, 30.28, 4490))",
                p=place, w=west,
            )  # fmt: skip
            ids = ids or _things(connection, place, west)
            if place == OTHER_GRID:
                _things(connection, place, west)
        derived.refresh(connection, ["330103"])
        derived.refresh_search(connection, ["33"])
    return ids


def _run(connection: Connection, statement: str, **values: object) -> int:
    result = connection.execute(text(statement), values)
    return int(result.scalar() or 0) if result.returns_rows else 0


def _things(connection: Connection, place: str, west: float) -> dict[str, int]:
    at = {"p": place, "w": west}
    point = "st_setsrid(st_makepoint(:w + 0.002, 30.272), 4490)"
    building = _run(
        connection,
        "INSERT INTO building(place, code, name, estate, floors, height, geom) VALUES (:p, 'B' || :p, '3幢', '朝晖一区', 2, 6, "
        "st_multi(st_makeenvelope(:w + 0.001, 30.271, :w + 0.002, 30.272, 4490))) RETURNING id",
        **at,
    )
    unit = _run(
        connection,
        "INSERT INTO building_unit(place, building_id, name, number) VALUES (:p, :b, '2单元', 2) RETURNING id",
        b=building, **at,
    )  # fmt: skip
    rooms = [
        _run(
            connection,
            "INSERT INTO room(place, building_id, unit_id, floor, number, use, area) VALUES (:p, :b, :u, :f, :n, :k, 80) RETURNING id",
            b=building, u=unit, f=floor, n=f"{floor}0{door}", k="owner_occupied" if door == 1 else "vacant", **at,
        )
        for floor in (1, 2) for door in (1, 2)
    ]  # fmt: skip
    person = 0
    for i, (room, birth, kind) in enumerate(
        (
            (rooms[0], "1950-05-01", "registered"),
            (rooms[0], "1980-01-01", "registered"),
            (rooms[2], "2020-01-01", "floating"),
        )
    ):
        found = _run(
            connection,
            "INSERT INTO person(place, room_id, name, id_number, phone, birth_date, sex, residence) "
            "VALUES (:p, :r, '欧阳测试', '99000019500501' || :i || right(:p, 6), '19900000000', :d, '女', :k) RETURNING id",
            r=room, i=str(i), d=birth, k=kind, **at,
        )  # fmt: skip
        person = person or found
    address = _run(
        connection,
        "INSERT INTO address(place, code, full_text, road, plate, estate, building_no, building_id, aliases, geom) VALUES "
        "(:p, 'D' || :p, '浙江省杭州市下城区凤起路88号朝晖一区3幢', '凤起路', '88号', '朝晖一区', '3幢', :b, "
        "'{老粮站宿舍}', " + point + ") RETURNING id",
        b=building, **at,
    )  # fmt: skip
    organisation = _run(
        connection,
        "INSERT INTO organisation(place, name, credit_code, kind, building_id, geom) VALUES (:p, '杭州柳营食品有限公司', "
        f"'91330103MA' || right(:p, 8), '企业', :b, {point}) RETURNING id",
        b=building, **at,
    )  # fmt: skip
    poi = _run(
        connection,
        f"INSERT INTO poi(place, name, kind, geom) VALUES (:p, '长寿桥小学', '学校', {point}) RETURNING id",
        **at,
    )
    component = _run(
        connection,
        "INSERT INTO component(place, code, type_code, class, name, geom) VALUES "
        f"(:p, '33010301037' || right(:p, 9), '01037', '01', '', {point}) RETURNING id",
        **at,
    )
    worker = _run(
        connection,
        "INSERT INTO grid_worker(place, code, name, team, last_at, last_place, last_geom) "
        f"VALUES (:p, 'W' || :p, '王伟', '网格长', now(), :p, {point}) RETURNING id",
        **at,
    )
    event = _run(
        connection,
        "INSERT INTO event(place, number, matter_code, class, channel, title, state, worker_id, reported_at, due_at, geom) "
        "VALUES (:p, '20261121' || right(:p, 6), '06010', '06', 'patrol', '暴露垃圾', 'handling', :k, "
        f"now() - interval '2 days', now() - interval '1 day', {point}) RETURNING id",
        k=worker, **at,
    )  # fmt: skip
    for number, action in enumerate(("report", "assign", "handle"), start=1):
        _run(
            connection,
            "INSERT INTO event_step(place, event_id, number, action, from_state, to_state, actor_id, actor, note, at) VALUES "
            "(:p, :e, :n, :a, 'x', 'y', 1, '王伟', '已到场', now())",
            e=event, n=number, a=action, **at,
        )  # fmt: skip
    return {
        "building": building, "room": rooms[0], "person": person, "address": address, "organisation": organisation,
        "poi": poi, "component": component, "grid_worker": worker, "event": event,
    }  # fmt: skip
