"""A small town for tests of analyses: a lattice of streets, cases with one hotspot, residents and two clinics."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from gisapp.analytics.crs import points_from_metric, points_to_metric
from gisapp.domain import clock

STREET = "330103003"
WEST, EAST = STREET + "051", STREET + "052"
ZONE = 40
SIZE = 1600.0
STEP = 100.0
HOT = (400.0, 1200.0)
_X, _Y = points_to_metric(np.array([120.16]), np.array([30.28]), ZONE)


def lonlat(x: float, y: float) -> tuple[float, float]:
    """Metres from the south-west corner → longitude, latitude."""
    lon, lat = points_from_metric(np.array([_X[0] + x]), np.array([_Y[0] + y]), ZONE)
    return round(float(lon[0]), 9), round(float(lat[0]), 9)


def _ring(west: float, south: float, east: float, north: float) -> str:
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return ",".join("{} {}".format(*lonlat(x, y)) for x, y in corners)


def _place(x: float) -> str:
    return WEST if x < SIZE / 2 else EAST


def build(connection: Connection, cases: int = 1500, now: datetime | None = None) -> None:
    """Fill an empty database; the same every time."""
    rng = np.random.default_rng(7)
    now = now or clock.now()

    def insert(sql: str, rows: list[dict[str, Any]]) -> None:
        connection.execute(text(sql), rows)

    halves = {STREET: (0.0, SIZE), WEST: (0.0, SIZE / 2), EAST: (SIZE / 2, SIZE)}
    names = {STREET: "天水街道", WEST: "西社区", EAST: "东社区"}
    insert(
        "INSERT INTO onemap.region(place, level, name, geom) VALUES (:p, :l, :n, ST_GeomFromText(:g, 4490))",
        [
            {"p": p, "l": len(p), "n": names[p], "g": f"MULTIPOLYGON((({_ring(a, 0, b, SIZE)})))"}
            for p, (a, b) in halves.items()
        ],
    )
    insert(
        "INSERT INTO onemap.grid(place, version, community, name, valid_from, geom) "
        "VALUES (:p, 1, :c, :n, '2025-01-01', ST_GeomFromText(:g, 4490))",
        [
            {
                "p": c + "001",
                "c": c,
                "n": names[c] + "第一网格",
                "g": f"POLYGON(({_ring(*halves[c][:1], 0, halves[c][1], SIZE)}))",
            }
            for c in (WEST, EAST)
        ],
    )
    roads = []
    for k in range(int(SIZE / STEP) + 1):
        at = k * STEP
        for name, a, b in ((f"横{k}路", (0, at), (SIZE, at)), (f"纵{k}路", (at, 0), (at, SIZE))):
            line = ",".join("{} {}".format(*lonlat(*p)) for p in (a, b))
            roads.append({"p": STREET, "n": name, "g": f"LINESTRING({line})"})
    insert(
        "INSERT INTO onemap.road(place, name, class, geom) VALUES (:p, :n, 'local', ST_GeomFromText(:g, 4490))",
        roads,
    )
    rows = []
    for k in range(cases):
        hot = k % 4 == 0
        x, y = rng.normal(HOT, 60) if hot else rng.uniform(5, SIZE - 5, 2)
        lon, lat = lonlat(float(x), float(y))
        at = now - timedelta(days=float(rng.uniform(0, 60)))
        rows.append(
            {
                "p": _place(x) + "001",
                "num": f"T{k:06d}",
                "c": "01" if k % 3 else "06",
                "x": lon,
                "y": lat,
                "at": at,
            }
        )
    insert(
        "INSERT INTO onemap.event(place, number, matter_code, class, channel, title, state, reported_at, due_at, geom) "
        "VALUES (:p, :num, :c || '001', :c, 'patrol', '测试案件', 'reported', :at, :at + interval '1 day', "
        "ST_SetSRID(ST_MakePoint(:x, :y), 4490))",
        rows,
    )
    for k in range(120):
        x, y = rng.uniform(20, SIZE - 20, 2)
        lon, lat = lonlat(float(x), float(y))
        found = connection.execute(
            text(
                "INSERT INTO onemap.building(place, code, name, geom) VALUES (:p, :c, :n, "
                "ST_Multi(ST_Envelope(ST_Buffer(ST_SetSRID(ST_MakePoint(:x, :y), 4490), 0.0001)))) RETURNING id"
            ),
            {"p": _place(x) + "001", "c": f"B{k}", "n": f"{k} 幢", "x": lon, "y": lat},
        ).scalar_one()
        connection.execute(
            text(
                "INSERT INTO onemap.building_population(place, building_id, people, households, registered, resident, "
                "floating, elders, children, geom) VALUES (:p, :b, 90, 30, 60, 20, 10, :e, 9, "
                "ST_SetSRID(ST_MakePoint(:x, :y), 4490))"
            ),
            {"p": _place(x) + "001", "b": found, "e": int(rng.integers(0, 40)), "x": lon, "y": lat},
        )
    insert(
        "INSERT INTO onemap.poi(place, name, kind, geom) VALUES (:p, :n, :k, ST_SetSRID(ST_MakePoint(:x, :y), 4490))",
        [
            {"p": _place(x) + "001", "n": name, "k": kind, "x": lonlat(x, y)[0], "y": lonlat(x, y)[1]}
            for name, kind, x, y in (
                ("东卫生站", "卫生", 1500.0, 300.0),
                ("西小学", "学校", 300.0, 300.0),
                ("北超市", "购物", 500.0, 1300.0),
                ("南超市", "购物", 900.0, 200.0),
                ("东超市", "购物", 1300.0, 900.0),
            )
        ],
    )
