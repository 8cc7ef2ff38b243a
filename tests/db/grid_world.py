"""Two neighbouring communities with everything that is keyed to grids, for the tests of drawing and publishing."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

import shapely
from sqlalchemy import Connection, text

from gisapp.analytics.fabric import Fabric, adopt_border, border_inserts, locate_one, put_corners, split
from gisapp.analytics.fabric.lattice import rounded
from gisapp.domain.access import SYSTEM, Reader
from gisapp.domain.clock import ZONE
from gisapp.services import grid_drafts
from gisapp.store.database import Database

WEST, EAST = "330103001001", "330103001002"
LON, LAT, SIZE = 120.168, 30.284, 0.004
MIDDLE = round(LON + SIZE, 9)
START = date(2026, 1, 1)


def border(community: str) -> shapely.Polygon:
    """The square of a community; the two share a slanting side."""
    left, right = (LON, MIDDLE) if community == WEST else (MIDDLE, MIDDLE + SIZE)
    lean = {LON: 0.0, MIDDLE: 0.000333333, MIDDLE + SIZE: 0.0}
    corners = [(left, LAT), (right, LAT), (right + lean[right], LAT + SIZE), (left + lean[left], LAT + SIZE)]
    shape: shapely.Polygon = rounded(shapely.Polygon(corners))
    return shape


def two_grids(community: str, shape: shapely.Polygon) -> Fabric:
    """South and north halves of a community."""
    whole = Fabric(community, shape, {f"{community}001": shape})
    west, _, east, _ = shape.bounds
    half = LAT + SIZE / 2
    line = [(west - 0.001, half), (east + 0.001, half + 0.0001)]
    return split(whole, f"{community}001", line, f"{community}002")


def first_grids() -> dict[str, Fabric]:
    """Both communities; each has the corners that the other's grids put into the common side."""
    west = two_grids(WEST, border(WEST))
    ground = put_corners(border(EAST), border_inserts(border(WEST), west.border))
    assert ground is not None
    east = two_grids(EAST, ground)
    shared = put_corners(west.border, border_inserts(ground, east.border))
    assert shared is not None
    return {WEST: adopt_border(west, shared), EAST: east}


def wkt(shape: shapely.Geometry) -> str:
    return shapely.to_wkt(shape, rounding_precision=-1)


def insert(connection: Connection, table: str, **values: Any) -> int:
    """Insert a row; geometries are given as shapely."""
    names, marks, bound = [], [], {}
    for name, value in values.items():
        names.append(f'"{name}"')
        if isinstance(value, shapely.Geometry):
            marks.append(f"ST_GeomFromText(:{name}, 4490)")
            value = wkt(value)
        else:
            marks.append(f":{name}")
        bound[name] = value
    statement = f"INSERT INTO {table}({', '.join(names)}) VALUES ({', '.join(marks)}) RETURNING id"
    return int(connection.execute(text(statement), bound).scalar_one())


def build(connection: Connection, seed: int = 1) -> None:
    """Everything, in the transaction of a reader who sees all."""
    rng = random.Random(seed)
    fabrics = first_grids()
    shapes = {community: fabric.border for community, fabric in fabrics.items()}
    street = shapely.MultiPolygon([shapely.coverage_union(shapes[WEST], shapes[EAST])])
    for place, level, shape in (
        ("330103001", 9, street),
        (WEST, 12, shapely.MultiPolygon([shapes[WEST]])),
        (EAST, 12, shapely.MultiPolygon([shapes[EAST]])),
    ):
        insert(connection, "region", place=place, level=level, name=f"区域{place[-3:]}", geom=shape)
    for community in fabrics:
        insert(
            connection,
            "grid_version",
            place=community,
            version=1,
            valid_from=START,
            status="in_force",
            published_by=0,
        )
        for code, shape in fabrics[community].grids.items():
            insert(
                connection,
                "grid",
                place=code,
                version=1,
                community=community,
                name=f"网格{code[-3:]}",
                valid_from=START,
                responsible=f'[{{"name": "负责人{code[-3:]}"}}]',
                geom=shape,
            )
            insert(connection, "grid_worker", place=code, code=f"W{code}", name="员")
        _fill(connection, fabrics[community], rng)
    connection.execute(text("SELECT onemap.refresh_population('{3301}')"))
    insert(
        connection,
        "road",
        place="330103001",
        name="南北路",
        **{"class": "local"},
        geom=shapely.LineString([(LON + SIZE / 3, LAT - 0.001), (LON + SIZE / 3, LAT + SIZE + 0.001)]),
    )


def awkward_points(fabric: Fabric, rng: random.Random, count: int) -> list[tuple[float, float]]:
    """Points inside the community: anywhere, on corners, and on shared borders."""
    west, south, east, north = fabric.border.bounds
    points: list[tuple[float, float]] = []
    corners = [tuple(p) for shape in fabric.grids.values() for p in shapely.get_coordinates(shape).tolist()]
    while len(points) < count:
        kind = rng.random()
        if kind < 0.2:
            points.append(rng.choice(corners))
            continue
        if kind < 0.4:
            line = rng.choice(list(fabric.grids.values())).exterior
            on = line.interpolate(rng.random(), normalized=True)
            point = (round(on.x, 9), round(on.y, 9))
        else:
            point = (rng.uniform(west, east), rng.uniform(south, north))
        if locate_one(fabric.grids, *point) is not None:
            points.append(point)
    return points


def _fill(connection: Connection, fabric: Fabric, rng: random.Random) -> None:
    community = fabric.community
    names = iter(range(10**6))

    def key(x: float, y: float) -> str:
        return locate_one(fabric.grids, x, y) or community

    for x, y in awkward_points(fabric, rng, 30):
        block = shapely.MultiPolygon([shapely.box(x - 0.00008, y - 0.00005, x + 0.00008, y + 0.00005)])
        inside = block.point_on_surface()
        place = key(inside.x, inside.y)
        number = next(names)
        building = insert(
            connection, "building", place=place, code=f"B{community}{number}", geom=block, floors=2
        )
        unit = insert(connection, "building_unit", place=place, building_id=building, name="1单元", number=1)
        for floor in (1, 2):
            room = insert(
                connection,
                "room",
                place=place,
                building_id=building,
                unit_id=unit,
                floor=floor,
                number=f"{floor}01",
            )
            for person in range(rng.randint(0, 3)):
                insert(
                    connection,
                    "person",
                    place=place,
                    room_id=room,
                    name="测试",
                    id_number=f"{community}{number:04d}{floor}{person}",
                    birth_date=date(1980, 1, 1),
                    sex="男",
                    residence="registered",
                )
        point = shapely.Point(inside.x, inside.y)
        insert(
            connection,
            "address",
            place=place,
            code=f"A{community}{number}",
            full_text=f"测试路{number}号",
            building_id=building,
            geom=point,
        )
        insert(
            connection,
            "search_entry",
            place=place,
            kind="building",
            subject_id=building,
            title=f"{number}幢",
            key=f"{number}幢",
            grams=[],
            weight=5,
            geom=point,
        )
    for x, y in awkward_points(fabric, rng, 60):
        place, point, number = key(x, y), shapely.Point(x, y), next(names)
        insert(
            connection,
            "component",
            place=place,
            code=f"C{community}{number}",
            type_code="01001",
            **{"class": "01"},
            geom=point,
        )
        if number % 4 == 0:
            insert(
                connection,
                "address",
                place=place,
                code=f"P{community}{number}",
                full_text=f"空地{number}",
                geom=point,
            )
        if number % 4 == 1:
            insert(connection, "poi", place=place, name=f"场所{number}", kind="学校", geom=point)
        if number % 4 == 2:
            insert(
                connection,
                "organisation",
                place=place,
                name="单位",
                credit_code=f"{community}{number}",
                kind="企业",
                geom=point,
            )
        now = datetime(2026, 1, 5, 9, tzinfo=ZONE)
        event = insert(
            connection,
            "event",
            place=place,
            number=f"E{community}{number}",
            matter_code="01001",
            **{"class": "01"},
            channel="patrol",
            title="事",
            state="closed" if number % 2 else "reported",
            reported_at=now,
            due_at=now + timedelta(days=1),
            closed_at=now if number % 2 else None,
            geom=point,
        )
        insert(
            connection,
            "event_step",
            place=place,
            event_id=event,
            number=1,
            action="report",
            from_state="",
            to_state="reported",
            actor_id=1,
            actor="员",
            at=now,
        )


# -- what tests do in it -----------------------------------------------------------------------------------------------

SOUTH, NORTH = f"{WEST}001", f"{WEST}002"
TABLES = ("building", "address", "organisation", "component", "poi")


def rows(database: Database, query: str, **bound: Any) -> list[Any]:
    with database.begin(SYSTEM) as connection:
        return list(connection.execute(text(query), bound).all())


def fabric_now(database: Database, community: str = WEST) -> Fabric:
    with database.begin(SYSTEM) as connection:
        return grid_drafts.fabric_in_force(connection, community)


def draw(
    database: Database, manager: Reader, *operations: dict[str, Any], community: str = WEST
) -> dict[str, Any]:
    draft = grid_drafts.open_draft(database, manager, community)
    for operation in operations:
        draft = grid_drafts.apply(database, manager, community, draft["revision"], operation)
    return draft


def across(y: float) -> list[list[float]]:
    """A line from west to east over the western community, at a share of its height."""
    return [[LON - 0.001, LAT + y * SIZE], [LON + SIZE * 1.3, LAT + y * SIZE + 0.00007]]


def upright(x: float) -> list[list[float]]:
    return [[LON + x * SIZE, LAT - 0.001], [LON + x * SIZE + 0.00003, LAT + SIZE * 0.6]]


SPLIT = {"kind": "split", "code": SOUTH, "line": across(0.2)}


def keys(database: Database, table: str) -> dict[int, str]:
    return {row.id: row.place for row in rows(database, f"SELECT id, place FROM {table}")}


def assert_keys_are_right(database: Database) -> None:
    """Every standing thing has the key that a recomputation from its point gives; children have their parent's."""
    fabrics = {community: fabric_now(database, community) for community in (WEST, EAST)}

    def grid_of(place: str, point: shapely.Point) -> str | None:
        return locate_one(fabrics[place[:12]].grids, point.x, point.y)

    for table in (*TABLES, "event"):
        condition = "WHERE closed_at IS NULL" if table == "event" else ""
        condition = condition or ("WHERE building_id IS NULL" if table in ("address", "organisation") else "")
        for row in rows(database, f"SELECT id, place, ST_AsBinary(geom) AS wkb FROM {table} {condition}"):
            shape = shapely.from_wkb(bytes(row.wkb))
            point = shape if shape.geom_type == "Point" else shape.point_on_surface()
            found = grid_of(row.place, point)
            # A point on the border of two communities can come to lie beside it when the border gets a corner, by
            # less than 0.1 mm: it stays with its community, in a grid that is in force.
            assert row.place == found or (
                found is None
                and row.place in fabrics[row.place[:12]].grids
                and fabrics[row.place[:12]].border.distance(point) < 2e-9
            ), (table, row.id)
    for child, parent, column in (
        ("building_unit", "building", "building_id"),
        ("room", "building_unit", "unit_id"),
        ("person", "room", "room_id"),
        ("address", "building", "building_id"),
        ("building_population", "building", "building_id"),
        ("event_step", "event", "event_id"),
    ):
        loose = rows(
            database,
            f"SELECT c.id FROM {child} c JOIN {parent} p ON p.id = c.{column} WHERE c.place <> p.place",
        )
        assert loose == [], child
    wrong = "SELECT 1 FROM search_entry s JOIN building b ON b.id = s.subject_id "
    wrong += "WHERE s.kind = 'building' AND s.place <> b.place"
    assert rows(database, wrong) == []
