"""What is counted beforehand for low zooms: the same numbers as counting one by one, whatever span is chosen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.clock import ZONE
from gisapp.domain.events import Action
from gisapp.domain.keys import Scope
from gisapp.domain.tiles import Tile
from gisapp.services import derived, events
from gisapp.services.events import Report
from gisapp.store.database import Database, engine_url
from gisapp.store.migrate import upgrade
from gisapp.store.tiles import instant
from tests.db.tiling import read_tile

COMMUNITY = "330103003051"
WEST, EAST = COMMUNITY + "001", COMMUNITY + "002"
CENTRE = (120.161, 30.2705)
_CASES = """
INSERT INTO event(place, number, matter_code, class, channel, title, state, reported_at, due_at, closed_at, geom)
SELECT CASE WHEN i % 3 = 0 THEN :east ELSE :west END, 'n' || i, '06010', '06', 'patrol', '暴露垃圾',
       CASE WHEN i % 7 = 0 THEN 'assigned' ELSE 'closed' END, at, at + interval '1 day',
       CASE WHEN i % 7 = 0 THEN NULL ELSE at + interval '2 hours' END,
       ST_SetSRID(ST_MakePoint(120.155 + 0.012 * ((i * 37) % 500) / 500, 30.265 + 0.011 * ((i * 53) % 400) / 400), 4490)
  FROM generate_series(1, 900) i CROSS JOIN LATERAL
       -- Every ten hours for a year; some exactly at midnight of a first of a month.
       (SELECT CASE WHEN i % 50 = 0 THEN date_trunc('month', t) ELSE t END AT TIME ZONE 'Asia/Shanghai' AS at
          FROM (SELECT timestamp '2025-06-03 05:00' + i * interval '10 hours' AS t) s) d
"""
_PEOPLE = """
WITH b AS (
  INSERT INTO building(place, code, geom)
  SELECT CASE WHEN i % 2 = 0 THEN :east ELSE :west END, 'b' || i,
         ST_Multi(ST_MakeEnvelope(x, 30.268, x + 0.0003, 30.2683, 4490))
    FROM generate_series(0, 9) i CROSS JOIN LATERAL (SELECT 120.156 + 0.001 * i AS x) s RETURNING id, place, code
), u AS (
  INSERT INTO building_unit(place, building_id, name, number) SELECT place, id, '1单元', 1 FROM b RETURNING id, place, building_id
), r AS (
  INSERT INTO room(place, building_id, unit_id, floor, number) SELECT place, building_id, id, 1, '101' FROM u
  RETURNING id, place, building_id
)
INSERT INTO person(place, room_id, name, id_number, birth_date, sex, residence)
SELECT r.place, r.id, '测试', r.id || '-' || i, '1980-01-01', '女', 'registered'
  FROM r JOIN b ON b.id = r.building_id CROSS JOIN LATERAL generate_series(0, substr(b.code, 2)::integer) i
"""
SPANS: list[dict[str, str]] = [
    {},
    {"from": "2025-06-01", "to": "2026-07-01"},
    {"from": "2025-09-01", "to": "2025-10-01"},
    {"from": "2025-09-14", "to": "2026-01-20"},
    {"from": "2025-09-14", "to": "2025-09-21"},
    {"from": "2025-09-30", "to": "2025-10-02"},
    {"from": "2025-09-14", "to": "2025-10-14"},
    {"from": "2025-12-01T00:00:00+08:00", "to": "2026-01-01T00:00:01+08:00"},
    {"from": "2025-11-30T23:59:59+08:00", "to": "2026-02-01"},
    {"from": "2026-01-15"},
    {"to": "2025-09-02"},
]


@pytest.fixture(scope="module", autouse=True)
def _world(database: Database, admin_url: str) -> None:
    with database.begin(SYSTEM) as connection:
        for place, west in ((WEST, 120.155), (EAST, 120.161)):
            connection.execute(
                text(
                    "INSERT INTO grid(place, version, community, name, valid_from, geom) VALUES (:p, 1, :c, :p, "
                    "'2025-01-01', ST_MakeEnvelope(:w, 30.265, :w + 0.006, 30.276, 4490))"
                ),
                {"p": place, "c": COMMUNITY, "w": west},
            )
        connection.execute(text(_CASES), {"east": EAST, "west": WEST})
        connection.execute(text(_PEOPLE), {"east": EAST, "west": WEST})
    _refresh(admin_url)


def _refresh(admin_url: str) -> None:
    engine = create_engine(engine_url(admin_url))
    with engine.begin() as connection:
        derived.refresh(connection, ["330103"])
    engine.dispose()


def _reader(scope: str) -> Reader:
    return Reader(7, "r", "读者", Role.LEADER, Scope([scope]))


def _drawn(
    database: Database,
    scope: str,
    zoom: int,
    span: dict[str, str],
    layer: str = "cases",
    part: str = "case_closed",
) -> int:
    """What the tiles around the place say in sum."""
    middle, total = Tile.at(zoom, *CENTRE), 0
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            tile = Tile(zoom, middle.x + dx, middle.y + dy)
            found = read_tile(database, _reader(scope), layer, tile, **span).get(part, [])
            total += sum(feature.properties["n"] for feature in found)
    return total


def _counted(database: Database, scope: str, span: dict[str, str]) -> int:
    given = {name: instant(span[name]) if name in span else None for name in ("from", "to")}
    with database.begin(SYSTEM) as connection:
        return int(
            connection.scalar(
                text(
                    "SELECT count(*) FROM event WHERE closed_at IS NOT NULL AND place ^@ :scope "
                    "AND (CAST(:from AS timestamptz) IS NULL OR reported_at >= :from) "
                    "AND (CAST(:to AS timestamptz) IS NULL OR reported_at < :to)"
                ),
                {"scope": scope, **given},
            )
            or 0
        )


@pytest.mark.parametrize("span", SPANS, ids=lambda span: "..".join(span.values()) or "all")
def test_tiles_say_what_counting_says(database: Database, span: dict[str, str]) -> None:
    for scope in ("330103", EAST):
        wanted = _counted(database, scope, span)
        assert wanted > 0
        assert [_drawn(database, scope, zoom, span) for zoom in (8, 10, 11, 13, 14)] == [wanted] * 5


def test_people_are_added_up_by_cell(database: Database) -> None:
    for scope, wanted in (("330103", 55), (EAST, 1 + 3 + 5 + 7 + 9)):
        assert [_drawn(database, scope, zoom, {}, "people", "people") for zoom in (8, 11, 14)] == [wanted] * 3
    with database.begin(SYSTEM) as connection:
        rows = connection.execute(
            text(
                "SELECT d.cell_zoom, sum(d.n * ST_X(d.geom)) / sum(d.n) AS x, "
                "(SELECT sum(people * ST_X(geom)) / sum(people) FROM building_population) AS wanted "
                "FROM density d WHERE d.layer = 'people' GROUP BY 1"
            )
        ).all()
    assert len(rows) == 3
    for row in rows:  # crowded houses weigh more
        assert row.x == pytest.approx(row.wanted, abs=1e-9)


def test_low_zooms_do_not_read_the_cases_one_by_one(database: Database) -> None:
    """What is counted beforehand is what is drawn: without it there is nothing."""
    with database.begin(SYSTEM) as connection:
        kept = connection.execute(text("SELECT sum(n) FROM case_density WHERE month IS NULL")).scalar_one()
        assert kept == 3 * _counted(database, "330103", {})
        by_month = connection.execute(
            text("SELECT sum(n) FROM case_density WHERE month = '2025-09-01' AND cell_zoom = 16")
        ).scalar_one()
    assert by_month == _counted(database, "330103", {"from": "2025-09-01", "to": "2025-10-01"})


def _rows(database: Database) -> dict[tuple[Any, ...], tuple[int, float, float]]:
    """Counts by grid, month, size and cell."""
    with database.begin(SYSTEM) as connection:
        rows = connection.execute(
            text(
                "SELECT place, month, cell_zoom, tile_key >> (2 * (22 - cell_zoom)) AS cell, sum(n) AS n, count(*) AS rows, "
                "sum(n * ST_X(geom)) / sum(n) AS x, sum(n * ST_Y(geom)) / sum(n) AS y FROM case_density GROUP BY 1, 2, 3, 4"
            )
        ).all()
    assert all(row.rows == 1 for row in rows)
    return {tuple(row[:4]): (int(row.n), float(row.x), float(row.y)) for row in rows}


def test_a_case_that_is_closed_is_counted_at_once(
    database: Database, admin_url: str, reader: Callable[..., Reader]
) -> None:
    manager = reader(Role.MANAGER, COMMUNITY)
    now = datetime.now(ZONE)
    month = {
        "from": now.strftime("%Y-%m-01"),
        "to": f"{now.year + now.month // 12}-{now.month % 12 + 1:02d}-01",
    }
    before = _drawn(database, "330103", 11, {}), _drawn(database, "330103", 11, month)
    for lon in (120.1605, 120.1605, 120.1556):
        case = events.report(database, manager, Report(lon=lon, lat=30.2705, matter_code="01001"))
        events.act(database, manager, case["id"], Action.ASSIGN, assignee="市政养护所")
        events.act(database, manager, case["id"], Action.HANDLE)
        assert _drawn(database, "330103", 11, {}) == before[0]
        events.act(database, manager, case["id"], Action.CLOSE, note="已更换")
        before = before[0] + 1, before[1] + 1
        assert (_drawn(database, "330103", 11, {}), _drawn(database, "330103", 11, month)) == before
    # One by one and all at once come to the same.
    grown = _rows(database)
    _refresh(admin_url)
    anew = _rows(database)
    assert grown.keys() == anew.keys()
    for key, (n, x, y) in anew.items():
        assert grown[key][0] == n
        assert grown[key][1:] == pytest.approx((x, y), abs=1e-9)


def test_an_older_database_is_counted_when_it_is_brought_up_to_date(
    older_database: Callable[[str], str], app_role: str
) -> None:
    url = older_database("0002")
    engine = create_engine(engine_url(url))
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL search_path = onemap, public"))
        connection.execute(text(_CASES), {"east": EAST, "west": WEST})
        connection.execute(text(_PEOPLE), {"east": EAST, "west": WEST})
        connection.execute(text("SELECT refresh_population('{330103}')"))
    upgrade(url, app_role)
    counts = text(
        "SELECT 'cases' AS what, cell_zoom, month, place, tile_key, n FROM onemap.case_density UNION ALL "
        "SELECT layer, cell_zoom, NULL, place, tile_key, n FROM onemap.density ORDER BY 1, 2, 3, 4, 5"
    )
    with engine.begin() as connection:
        brought = connection.execute(counts).all()
        derived.refresh(connection, ["330103"])
        assert brought == connection.execute(counts).all()
    sums = {
        what: sum(row.n for row in brought if row.what == what and row.month is None)
        for what in ("cases", "people")
    }
    assert sums == {"cases": 3 * (900 - 900 // 7), "people": 3 * 55}
    engine.dispose()
