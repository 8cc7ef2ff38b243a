"""The check of keyed rows: nothing to say of a sound place, and each row that is put in a wrong grid is named."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
import shapely
from sqlalchemy import create_engine, text

from gisapp.cli import main
from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Reader
from gisapp.services import derived, grid_publishing, grids, tracks
from gisapp.store.database import Database, engine_url
from gisapp.store.grid_checks import Misplaced
from tests.db.grid_world import EAST, LAT, LON, NORTH, SIZE, SOUTH, SPLIT, WEST, draw, insert, rows

NEW = f"{WEST}003"
#: well inside the southern and the northern grid of the west, and far from everything
IN_SOUTH, IN_NORTH, AWAY = (
    (LON + SIZE / 2, LAT + SIZE / 4),
    (LON + SIZE / 2, LAT + SIZE * 0.75),
    (121.0, 30.0),
)


@pytest.fixture
def sound(world: Database) -> Database:
    """The world with all that is derived from it."""
    with world.begin(SYSTEM) as connection:
        derived.refresh(connection, [""])
    assert found(world) == []
    return world


def found(world: Database, place: str = "") -> list[tuple[str, str, str | None]]:
    """Table, stored and wanted of each difference, counts left out."""
    counts = ("density", "demand_cell", "case_density")
    return [
        (row.table, row.stored, row.wanted)
        for row in grids.check_rows(world, SYSTEM, place, all_positions=True)
        if row.table not in counts
    ]


def put(world: Database, table: str, point: tuple[float, float], place: str) -> int:
    """A thing at a point with a key."""
    named = {
        "address": {"code": "X", "full_text": "X"},
        "organisation": {"credit_code": "X", "name": "X", "kind": "企业"},
        "component": {"code": "X", "type_code": "01001", "class": "01"},
        "poi": {"name": "X", "kind": "学校"},
        "event": {
            "number": "X",
            "matter_code": "01001",
            "class": "01",
            "channel": "patrol",
            "title": "X",
            "state": "reported",
            "reported_at": clock.now(),
            "due_at": clock.now(),
        },
    }[table]
    with world.begin(SYSTEM) as connection:
        identifier = insert(connection, table, place=place, **named, geom=_point(point))
        derived.refresh(connection, [""])
    return identifier


def _point(point: tuple[float, float]) -> shapely.Point:

    return shapely.Point(point)


@pytest.mark.parametrize("table", ["address", "organisation", "component", "poi", "event"])
def test_a_thing_in_a_wrong_grid_is_named(sound: Database, table: str) -> None:
    identifier = put(sound, table, IN_NORTH, SOUTH)
    assert grids.check_rows(sound, SYSTEM) == [Misplaced(table, str(identifier), SOUTH, NORTH)]
    assert found(sound, SOUTH) == [(table, SOUTH, NORTH)] and found(sound, NORTH) == [] == found(sound, EAST)


@pytest.mark.parametrize(
    ("point", "place", "wanted"),
    [
        (IN_NORTH, NORTH, []),
        (IN_NORTH, WEST, [("poi", WEST, NORTH)]),  # a key of the community although a grid holds it
        (AWAY, "3301", []),  # no grid holds it, and its key is none's
        (AWAY, SOUTH, [("poi", SOUTH, None)]),
        (IN_NORTH, f"{WEST}009", [("poi", f"{WEST}009", NORTH)]),
    ],
)
def test_keys_of_regions_and_of_grids(
    sound: Database, point: tuple[float, float], place: str, wanted: list[object]
) -> None:
    put(sound, "poi", point, place)
    assert found(sound) == wanted


def test_a_point_on_a_border_belongs_to_the_lowest_code(sound: Database) -> None:
    (corner,) = rows(
        sound,
        "SELECT ST_X(p) AS x, ST_Y(p) AS y FROM (SELECT ST_PointN(ST_ExteriorRing(n.geom), 1) AS p FROM grid n WHERE place = :n) "
        "AS q WHERE (SELECT ST_Intersects(geom, p) FROM grid WHERE place = :s) "
        "UNION SELECT ST_X(d.geom), ST_Y(d.geom) FROM grid n, ST_DumpPoints(n.geom) AS d, grid s WHERE n.place = :n "
        "AND s.place = :s AND ST_Intersects(s.geom, d.geom) LIMIT 1",
        n=NORTH,
        s=SOUTH,
    )
    identifier = put(sound, "poi", (corner.x, corner.y), SOUTH)
    assert found(sound) == []
    with sound.begin(SYSTEM) as connection:
        connection.execute(text("UPDATE poi SET place = :n WHERE id = :i"), {"n": NORTH, "i": identifier})
        derived.refresh(connection, [""])
    assert found(sound) == [("poi", NORTH, SOUTH)]


def test_what_a_border_corner_left_beside_its_grid_stays(sound: Database) -> None:
    """A tenth of a millimetre outside; a metre outside is a fault."""
    west = LON
    put(sound, "poi", (west - 1e-9, LAT + SIZE * 0.3), SOUTH)
    assert found(sound) == []
    put(sound, "component", (west - 1e-5, LAT + SIZE * 0.3), SOUTH)
    assert found(sound) == [("component", SOUTH, None)]


def test_a_closed_case_is_a_fact(sound: Database) -> None:
    identifier = put(sound, "event", IN_NORTH, SOUTH)
    with sound.begin(SYSTEM) as connection:
        connection.execute(text("UPDATE event SET closed_at = now() WHERE id = :i"), {"i": identifier})
        derived.refresh(connection, [""])
    assert grids.check_rows(sound, SYSTEM) == []


def test_a_building_its_children_and_their_entries(sound: Database) -> None:
    (building,) = rows(sound, "SELECT id FROM building WHERE place = :s ORDER BY id LIMIT 1", s=SOUTH)
    with sound.begin(SYSTEM) as connection:  # children follow by foreign key, entries of the search do not
        connection.execute(
            text("UPDATE building SET place = :n WHERE id = :i"), {"n": NORTH, "i": building.id}
        )
    wrong = found(sound)
    assert ("building", NORTH, SOUTH) in wrong and ("search_entry", SOUTH, NORTH) in wrong
    assert {table for table, _, _ in wrong} == {"building", "search_entry"}


def test_a_child_that_lies_elsewhere_than_its_parent(sound: Database, server_url: str) -> None:
    """No program can do that; a restore that skips the foreign keys can."""
    (unit,) = rows(sound, "SELECT id FROM building_unit WHERE place = :s ORDER BY id LIMIT 1", s=SOUTH)
    admin = engine_url(server_url).set(database=sound.url.database)
    engine = create_engine(admin)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(
            text("UPDATE onemap.building_unit SET place = :n WHERE id = :i"), {"n": NORTH, "i": unit.id}
        )
    engine.dispose()
    wrong = found(sound)
    assert ("building_unit", NORTH, SOUTH) in wrong and ("room", SOUTH, NORTH) in wrong


def test_who_and_what_names_a_grid_that_is_not_in_force(sound: Database) -> None:
    gone = f"{WEST}008"
    with sound.begin(SYSTEM) as connection:
        worker = insert(connection, "grid_worker", place=gone, code="X", name="X", active=False)
        statement = (
            "INSERT INTO rule_state (rule, worker_id, place, at, state) VALUES ('*', :w, :p, now(), '{}')"
        )
        connection.execute(text(statement), {"w": worker, "p": gone})
        for returned in (None, clock.now()):  # one that is over is a fact
            insert(
                connection,
                "alert",
                place=gone,
                rule="outside_grid",
                title="X",
                opened_at=clock.now(),
                returned_at=returned,
            )
        account = "INSERT INTO app_user (login, name, role, scopes, password_hash) VALUES ('x', 'x', 'worker', :s, '')"
        connection.execute(text(account), {"s": [gone, SOUTH, WEST]})
    assert found(sound) == [
        (table, gone, None) for table in ("alert", "app_user", "grid_worker", "rule_state")
    ]


def test_an_entry_of_the_search_without_its_thing(sound: Database) -> None:
    with sound.begin(SYSTEM) as connection:
        statement = "UPDATE search_entry SET subject_id = -1 WHERE kind = 'grid' AND place = :s"
        connection.execute(text(statement), {"s": SOUTH})
    assert found(sound) == [("search_entry", SOUTH, None)]


@pytest.mark.parametrize(
    ("table", "narrowed"),
    [
        ("density", "layer = 'component' AND cell_zoom = 16"),
        ("density", "layer = 'people' AND cell_zoom = 16"),
        ("demand_cell", "resolution = 8"),
        ("case_density", "cell_zoom = 14 AND month IS NULL"),
    ],
)
def test_counts_that_are_not_the_number_of_things(sound: Database, table: str, narrowed: str) -> None:
    condition = f"place = '{SOUTH}' AND {narrowed}"
    (before,) = rows(sound, f"SELECT sum(n) AS n FROM {table} WHERE {condition}")
    with sound.begin(SYSTEM) as connection:
        one = f"(SELECT min(id) FROM {table} WHERE {condition})"
        connection.execute(text(f"UPDATE {table} SET n = n + 3 WHERE id = {one}"))
    assert grids.check_rows(sound, SYSTEM) == [Misplaced(table, SOUTH, str(before.n + 3), str(before.n))]
    with sound.begin(SYSTEM) as connection:
        connection.execute(text(f"DELETE FROM {table} WHERE {condition}"))
    assert grids.check_rows(sound, SYSTEM) == [Misplaced(table, SOUTH, "0", str(before.n))]


# -- positions --------------------------------------------------------------------------------------------------------


def fix(
    world: Database, at: datetime, point: tuple[float, float], place: str, received: datetime | None = None
) -> None:
    with world.begin(SYSTEM) as connection:
        connection.execute(text("SELECT ensure_fix_partitions(:d, :d)"), {"d": clock.local(at).date()})
        connection.execute(
            text(
                "INSERT INTO fix (worker_id, at, place, received_at, geom) "
                "VALUES (1, :at, :place, :received, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490))"
            ),
            {"at": at, "place": place, "received": received or at, "lon": point[0], "lat": point[1]},
        )


def test_positions_are_compared_with_the_grids_of_their_instant(sound: Database, manager: Reader) -> None:
    draft = draw(sound, manager, SPLIT)
    labels = {f["properties"]["code"]: f["properties"] for f in draft["grids"]["features"]}
    point = (labels[NEW]["label_lon"], labels[NEW]["label_lat"])
    early = clock.now() - timedelta(hours=1)
    done = grid_publishing.publish(sound, manager, WEST, draft["revision"])
    at = datetime.fromisoformat(done["valid_from"])
    just = timedelta(microseconds=1)
    for instant, place in ((early, SOUTH), (at - just, SOUTH), (at, NEW), (at + just, NEW)):
        fix(sound, instant, point, place, received=at + timedelta(seconds=1))
    assert found(sound) == []
    fix(sound, early - just, point, NEW, received=at + timedelta(seconds=1))
    fix(sound, at + 2 * just, point, SOUTH, received=at + timedelta(seconds=1))
    fix(sound, at + 3 * just, point, WEST, received=at + timedelta(seconds=1))
    assert found(sound) == [("fix", NEW, SOUTH), ("fix", SOUTH, NEW), ("fix", WEST, NEW)]


def test_a_position_keeps_the_grid_of_what_was_known_when_it_came(sound: Database, manager: Reader) -> None:
    """As in a place of before, whose versions held by days: published at 22:56 and stored as from midnight."""
    draft = draw(sound, manager, SPLIT)
    labels = {f["properties"]["code"]: f["properties"] for f in draft["grids"]["features"]}
    point = (labels[NEW]["label_lon"], labels[NEW]["label_lat"])
    grid_publishing.publish(sound, manager, WEST, draft["revision"])
    midnight = datetime(2026, 3, 1, tzinfo=clock.ZONE)
    evening = midnight + timedelta(hours=22, minutes=56)
    with sound.begin(SYSTEM) as connection:
        connection.execute(
            text("UPDATE grid SET valid_from = :m WHERE community = :c AND version = 2"),
            {"m": midnight, "c": WEST},
        )
        connection.execute(
            text("UPDATE grid SET valid_to = :m WHERE community = :c AND version = 1"),
            {"m": midnight, "c": WEST},
        )
        connection.execute(
            text(
                "UPDATE grid_version SET valid_from = :m, published_at = :e WHERE place = :c AND version = 2"
            ),
            {"m": midnight, "e": evening, "c": WEST},
        )
        connection.execute(
            text("UPDATE grid_version SET published_at = :m WHERE version = 1"),
            {"m": midnight - timedelta(days=9)},
        )
    morning = midnight + timedelta(hours=9)
    fix(sound, morning, point, SOUTH, received=morning)
    fix(sound, morning + timedelta(seconds=1), point, NEW, received=evening + timedelta(minutes=1))
    assert found(sound) == []
    fix(sound, morning + timedelta(seconds=2), point, NORTH, received=morning)
    assert found(sound) == [("fix", NORTH, NEW)]


def test_of_many_positions_one_of_so_many_is_looked_at(
    sound: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = clock.now() - timedelta(hours=1)
    for second in range(60):
        fix(sound, at + timedelta(seconds=second), IN_NORTH, SOUTH)
    assert len(found(sound)) == 60 == len(grids.check_rows(sound, SYSTEM))
    monkeypatch.setattr(grids, "_POSITIONS", 20)
    assert 5 < len(grids.check_rows(sound, SYSTEM)) < 40
    assert len(found(sound)) == 60


def test_what_the_intake_stores_is_right(sound: Database) -> None:
    (worker,) = rows(sound, "SELECT id FROM grid_worker WHERE place = :s", s=SOUTH)
    at = clock.now() - timedelta(minutes=1)
    messages = [
        {"worker": worker.id, "at": (at + timedelta(seconds=s)).isoformat(), "lon": lon, "lat": lat}
        for s, (lon, lat) in enumerate((IN_SOUTH, IN_NORTH, AWAY))
    ]
    assert tracks.take_in(sound, SYSTEM, messages).stored == 3
    assert found(sound) == []


def test_the_command_lists_them_and_ends_with_1(
    sound: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONEMAP_DATABASE_URL", sound.url.render_as_string(hide_password=False))
    monkeypatch.setenv("ONEMAP_DATA", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words: str) -> tuple[int, str]:
        status = 0
        try:
            main(["grids", "check", *words])
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return status, said.out + said.err

    status, said = run("--all-positions")
    assert status == 0 and "各类对象的网格编码与其位置相符。" in said
    identifier = put(sound, "poi", IN_NORTH, SOUTH)
    status, said = run()
    assert status == 1 and "1 项的网格编码或计数不符。" in said
    (line,) = (line for line in said.splitlines() if "poi" in line)
    assert all(word in line for word in (str(identifier), SOUTH, NORTH))
    assert run("--place", EAST)[0] == 0
