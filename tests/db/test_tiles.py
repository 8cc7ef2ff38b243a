"""Tiles on a real PostGIS: the right features, nothing outside the scope, and labels that change with the data only."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.keys import Scope
from gisapp.domain.tiles import Tile
from gisapp.errors import InputError, NotFound
from gisapp.services.live import Fanout
from gisapp.store.database import Database, engine_url
from layers.endpoint import answer, watch_tables
from layers.features import features
from layers.registry import layers_by_id, tilesets
from layers.tiling import Tiles, served
from tests import mvt
from tests.db.tiling import read_tile as _tile

HERE, THERE = "330103001001001", "330103002001001"
CENTRE = (120.17, 30.29)


class App:
    """What the tile endpoint needs of an application."""

    def __init__(self, database: Database, cache_mb: int = 16) -> None:
        self.state: Any = type("State", (), {})()
        self.state.database = database
        self.state.tiles = Tiles(database, cache_mb=cache_mb, connections=3)


@pytest.fixture(scope="module", autouse=True)
def _world(database: Database) -> None:
    """Two grids side by side with 400 lamps, cases, a building with a person; the border runs through a tile of zoom 16."""
    lon, lat = CENTRE
    with database.begin(SYSTEM) as connection:
        run = connection.execute
        for place, west in ((HERE, lon - 0.004), (THERE, lon)):
            box = f"st_makeenvelope({west}, {lat - 0.004}, {west + 0.004}, {lat + 0.004}, 4490)"
            for length in (2, 4, 6, 9, 12):
                run(
                    text(
                        f"INSERT INTO region(place, level, name, geom) VALUES (:p, :l, '区' || :p, st_multi({box})) ON CONFLICT DO NOTHING"
                    ),
                    {"p": place[:length], "l": length},
                )
            run(
                text(
                    f"INSERT INTO grid(place, version, community, name, valid_from, valid_to, geom) VALUES "
                    f"(:p, 1, left(:p, 12), '从前', '2025-01-01', '2026-01-01', {box}), "
                    f"(:p, 2, left(:p, 12), '网格', '2026-01-01', NULL, {box})"
                ),
                {"p": place},
            )
            run(
                text(
                    "INSERT INTO component(place, code, type_code, class, name, geom) "
                    "SELECT :p, :p || i, '01037', '01', '路灯', "
                    "st_setsrid(st_makepoint(:w + 0.00002 * ((i * 37) % 200), :s + 0.00004 * ((i * 53) % 200)), 4490) "
                    "FROM generate_series(0, 199) i"
                ),
                {"p": place, "w": west, "s": lat - 0.004},
            )
            run(
                text(
                    "INSERT INTO event(place, number, matter_code, class, channel, title, state, reported_at, due_at, closed_at, geom) "
                    "SELECT :p, :p || i, '06010', '06', 'patrol', '暴露垃圾', CASE WHEN i < 5 THEN 'assigned' ELSE 'closed' END, "
                    "timestamptz '2026-03-01 08:00+08' + i * interval '1 day', timestamptz '2026-03-02 08:00+08', "
                    "CASE WHEN i < 5 THEN NULL ELSE timestamptz '2026-04-20 08:00+08' END, st_setsrid(st_makepoint(:w + 0.00005 * i, :s), 4490) "
                    "FROM generate_series(0, 19) i"
                ),
                {"p": place, "w": west, "s": lat},
            )
        run(
            text(
                "INSERT INTO water(place, name, geom) SELECT '330103', '河', st_multi(st_makeenvelope(120.1, 30.28, 120.2, 30.281, 4490))"
            )
        )


def _reader(*scopes: str, role: Role = Role.LEADER) -> Reader:
    return Reader(7, "r", "读者", role, Scope(scopes))


def test_two_scopes_see_different_tiles(database: Database) -> None:
    tile = Tile.at(15, *CENTRE)
    here = _tile(database, _reader(HERE[:9]), "borders", tile)
    both = _tile(database, _reader("330103"), "borders", tile)
    assert {f.properties["place"] for f in here["grid"]} == {HERE}
    assert {f.properties["place"] for f in both["grid"]} == {HERE, THERE}
    assert {f.id for f in both["grid"]} == {int(HERE), int(THERE)}
    assert _tile(database, _reader("330104"), "borders", tile).get("grid", []) == []


def test_grids_of_the_past_are_not_drawn(database: Database) -> None:
    found = _tile(database, _reader("330103"), "borders", Tile.at(15, *CENTRE))
    assert {f.properties["name"] for f in found["grid"]} == {"网格"}


def test_labels_stand_once_over_neighbouring_tiles(database: Database) -> None:
    middle = Tile.at(16, *CENTRE)
    names = [
        feature.id
        for dx in (-2, -1, 0, 1, 2)
        for dy in (-2, -1, 0, 1, 2)
        for feature in _tile(
            database, _reader("330103"), "borders", Tile(16, middle.x + dx, middle.y + dy)
        ).get("grid_label", [])
    ]
    assert sorted(names) == [int(HERE), int(THERE)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(zoom=st.integers(14, 22), dx=st.floats(-0.005, 0.005), dy=st.floats(-0.005, 0.005))
def test_morton_range_equals_intersection(database: Database, zoom: int, dx: float, dy: float) -> None:
    tile = Tile.at(zoom, CENTRE[0] + dx, CENTRE[1] + dy)
    west, south, east, north = tile.box()
    first, last = tile.keys()
    with database.begin(SYSTEM) as connection:
        by_key = set(
            connection.scalars(
                text("SELECT id FROM component WHERE tile_key >= :a AND tile_key < :b"),
                {"a": first, "b": last},
            )
        )
        by_shape = set(
            connection.scalars(
                text(
                    "SELECT id FROM component WHERE st_intersects(geom, st_makeenvelope(:w, :s, :e, :n, 4490))"
                ),
                {"w": west, "s": south, "e": east, "n": north},
            )
        )
    assert by_key == by_shape


def test_points_lie_where_they_are(database: Database) -> None:
    tile = Tile.at(16, *CENTRE)
    found = {f.id: f.points[0] for f in _tile(database, _reader("330103"), "components", tile)["component"]}
    west, south, east, north = tile.box()
    with database.begin(SYSTEM) as connection:
        rows = connection.execute(
            text("SELECT id, st_x(geom) AS x, st_y(geom) AS y FROM component WHERE id = ANY(:ids)"),
            {"ids": list(found)},
        ).all()
    assert len(rows) == len(found) > 20
    for row in rows:
        x = (row.x - west) / (east - west) * 4096
        y = (north - row.y) / (north - south) * 4096  # straight within a tile of 500 m
        assert abs(found[row.id][0] - x) <= 1.01 and abs(found[row.id][1] - y) <= 1.5


def test_low_zooms_count_everything_once(database: Database, admin_url: str) -> None:
    from gisapp.services import derived

    engine = create_engine(engine_url(admin_url))
    with engine.begin() as connection:
        derived.refresh(connection, ["330103"])
    engine.dispose()
    for zoom in (9, 12, 13, 15):
        middle = Tile.at(zoom, *CENTRE)
        total = 0
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                tile = Tile(zoom, middle.x + dx, middle.y + dy)
                found = _tile(database, _reader("330103"), "components", tile).get("component", [])
                assert all("class" not in f.properties for f in found)
                total += sum(f.properties["n"] for f in found)
        assert total == 400, zoom
    here = _tile(database, _reader(HERE[:9]), "components", Tile.at(9, *CENTRE))["component"]
    assert sum(f.properties["n"] for f in here) == 200


def test_time_filter_is_half_open(database: Database) -> None:
    tile = Tile.at(15, CENTRE[0] - 0.0039, CENTRE[1])
    every = _tile(database, _reader(HERE), "cases", tile)
    assert (len(every["case"]), len(every["case_closed"])) == (5, 15)
    some = _tile(database, _reader(HERE), "cases", tile, **{"from": "2026-03-03", "to": "2026-03-08"})
    days = {f.properties["at"] // 86400 for f in [*some["case"], *some.get("case_closed", [])]}
    assert len(some["case"]) == 3 and len(some["case_closed"]) == 2 and len(days) == 5
    with pytest.raises(InputError, match="from"):
        _tile(database, _reader(HERE), "cases", tile, **{"from": "2026-03-03'; DROP TABLE event"})


def test_no_personal_column_is_in_any_layer() -> None:
    from gisapp.store.tables import SCHEMA, metadata

    for layer in layers_by_id().values():
        for part in layer.parts:
            for table in part.source.tables:
                personal = {
                    c.name for c in metadata.tables[f"{SCHEMA}.{table}"].columns if c.info.get("personal")
                }
                assert not personal & {c.column or c.name for c in layer.columns(part)}


def test_every_tileset_answers_at_every_zoom(database: Database) -> None:
    for name in tilesets():
        low, high = served(name, SYSTEM).zooms
        for zoom in range(low, high + 1):
            _tile(database, SYSTEM, name, Tile.at(zoom, *CENTRE))


def test_every_layer_gives_features(database: Database) -> None:
    given = {"worker": "1", "day": "2026-11-20", "run": "1"}
    for layer in layers_by_id().values():
        for part in layer.parts:
            found = json.loads(features(database, SYSTEM, layer.id, part=part.name, given=given, limit=3))
            assert found["type"] == "FeatureCollection", layer.id
            assert all(f["geometry"]["type"] and "id" in f["properties"] for f in found["features"])


def test_features_of_a_box_and_their_limit(database: Database) -> None:
    box = (CENTRE[0] - 0.001, CENTRE[1] - 0.001, CENTRE[0], CENTRE[1] + 0.001)
    inside = json.loads(features(database, _reader("330103"), "components", box=box))
    assert 0 < len(inside["features"]) < 200 and not inside["truncated"]
    for feature in inside["features"]:
        x, y = feature["geometry"]["coordinates"]
        assert box[0] <= x <= box[2] and box[1] <= y <= box[3]
    assert json.loads(features(database, _reader("330103"), "components", limit=3))["truncated"]
    with pytest.raises(InputError, match="worker"):
        features(database, _reader("330103"), "tracks")
    with pytest.raises(NotFound):
        features(database, _reader("330103", role=Role.PLANNER), "workers")


# -- the address ----------------------------------------------------------------------------------------------------


@pytest.fixture
def get(database: Database) -> Iterator[Callable[..., tuple[int, dict[bytes, bytes], bytes]]]:
    """Run a script of requests on one loop, with the process listening to the database."""
    yield _Client(database)


class _Client:
    def __init__(self, database: Database) -> None:
        self.database = database

    def __call__(self, script: Callable[[Callable[..., Awaitable[Any]]], Awaitable[None]]) -> None:
        async def run() -> None:
            app = App(self.database)
            fanout = Fanout(self.database)
            watch_tables(app, fanout)
            await fanout.start()
            assert await fanout.wait_connected()

            async def ask(path: str, reader: Reader, **headers: str) -> tuple[int, dict[bytes, bytes], bytes]:
                sent: list[Any] = []

                async def send(message: Any) -> None:
                    sent.append(message)

                path, _, query = path.partition("?")
                given = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
                scope = {
                    "type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": given,
                    "app": app, "state": {"reader": reader},
                }  # fmt: skip
                await answer(scope, None, send)  # type: ignore[arg-type]
                return (
                    sent[0]["status"],
                    dict(sent[0]["headers"]),
                    b"".join(m.get("body", b"") for m in sent[1:]),
                )

            try:
                await script(ask)
            finally:
                await fanout.stop()
                app.state.tiles.close()

        asyncio.run(run())


def _address(name: str, zoom: int = 16) -> str:
    tile = Tile.at(zoom, *CENTRE)
    return f"/tiles/{name}/{tile.z}/{tile.x}/{tile.y}.mvt"


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(600):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("did not happen within half a minute")


def test_etag_changes_only_with_the_layers_data(get: Any, database: Database) -> None:
    async def script(ask: Any) -> None:
        reader, path = _reader("330103"), _address("components")
        status, head, body = await ask(path, reader, accept_encoding="gzip")
        etag = head[b"etag"].decode()
        assert status == 200 and head[b"content-encoding"] == b"gzip" and b"private" in head[b"cache-control"]
        assert mvt.read(gzip.decompress(body))["component"]
        assert (await ask(path, reader, if_none_match=etag))[0] == 304

        def change(statement: str) -> None:
            with database.begin(SYSTEM) as connection:
                connection.execute(text(statement))

        await asyncio.to_thread(
            change, "UPDATE event SET title = title WHERE id = (SELECT min(id) FROM event)"
        )
        await asyncio.sleep(0.3)
        assert (await ask(path, reader, if_none_match=etag))[0] == 304, "another table's change"

        await asyncio.to_thread(
            change, "UPDATE component SET name = '新灯' WHERE id = (SELECT min(id) FROM component)"
        )

        async def changed() -> bool:
            return bool((await ask(path, reader, if_none_match=etag))[0] == 200)

        await _until(changed)
        _, head, _ = await ask(path, reader)
        assert head[b"etag"].decode() != etag

    get(script)


def test_a_tile_is_never_newer_than_its_label(get: Any, database: Database) -> None:
    """Whatever the order of reading and writing, equal labels mean equal tiles."""

    async def script(ask: Any) -> None:
        reader, path = _reader("330103"), _address("components")
        seen: dict[bytes, list[str]] = {}
        done = False

        def write() -> None:
            for i in range(25):
                with database.begin(SYSTEM) as connection:
                    connection.execute(text("UPDATE component SET name = :n"), {"n": f"灯{i}"})

        async def read() -> None:
            while not done:
                _, head, body = await ask(path, reader)
                # A seen label is compared by what the tile holds: the order is the database's own affair.
                features = sorted(f"{f.id} {f.properties} {f.points}" for f in mvt.read(body)["component"])
                assert seen.setdefault(head[b"etag"], features) == features
                await asyncio.sleep(0)  # a ready tile is given without waiting for anything

        readers = [asyncio.create_task(read()) for _ in range(4)]
        await asyncio.to_thread(write)

        async def newest() -> bool:
            _, _, body = await ask(path, reader)
            return {f.properties["name"] for f in mvt.read(body)["component"]} == {"灯24"}

        await _until(newest)
        done = True
        await asyncio.gather(*readers)
        assert len(seen) > 1

    get(script)


def test_scopes_do_not_share_ready_tiles(get: Any) -> None:
    async def script(ask: Any) -> None:
        path = _address("components")
        _, one, here = await ask(path, _reader(HERE[:9]))
        _, two, both = await ask(path, _reader("330103"))
        assert one[b"etag"] != two[b"etag"]
        assert len(mvt.read(here)["component"]) < len(mvt.read(both)["component"])

    get(script)


def test_refusals(get: Any) -> None:
    async def script(ask: Any) -> None:
        reader = _reader("330103")
        assert (await ask("/tiles/nothing/16/1/1.mvt", reader))[0] == 404
        assert (await ask("/tiles/components/3/9/1.mvt", reader))[0] == 404
        assert (await ask("/tiles/components/16/x/1.mvt", reader))[0] == 404
        assert (await ask("/tiles/workers/16/1/1.mvt", reader))[0] == 404
        assert (await ask("/tiles/components/16/1/1.mvt", reader))[0] == 204
        assert (await ask(_address("components"), _reader()))[0] == 401
        status, _, body = await ask(_address("cases") + "?from=yesterday", reader)
        assert status == 422 and "from" in json.loads(body)["message"]

    get(script)
