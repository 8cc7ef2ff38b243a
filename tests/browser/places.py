"""Known things of the demo place that browser tests go to."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sqlalchemy import Connection, text

_BUSIEST = text(
    """
    SELECT b.id, b.place, b.name, ST_X(p.geom) AS lon, ST_Y(p.geom) AS lat,
           (SELECT min(q.id) FROM onemap.person q JOIN onemap.room r ON r.id = q.room_id AND r.place = q.place
             WHERE r.building_id = b.id) AS person
      FROM onemap.building b JOIN onemap.building_population p ON p.building_id = b.id
     ORDER BY p.people DESC, b.id LIMIT 1
    """
)


@dataclass(frozen=True, slots=True)
class Building:
    """A building: id, place key, name, a point in it (lon, lat, EPSG:4490), and somebody who lives there."""

    id: int
    place: str
    name: str
    at: tuple[float, float]
    person: int

    @property
    def tile(self) -> str:
        """Its tile at zoom 16 as ``z/x/y``."""
        x, y = tile_of(*self.at, 16)
        return f"16/{x}/{y}"


def tile_of(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    """Column and row of the web-mercator tile that a place lies in."""
    phi = math.radians(lat)
    size = 2**zoom
    return int((lon + 180) / 360 * size), int(
        (1 - math.log(math.tan(phi) + 1 / math.cos(phi)) / math.pi) / 2 * size
    )


def busiest_building(connection: Connection) -> Building:
    """The building with the most people."""
    row = connection.execute(_BUSIEST).one()
    return Building(row.id, row.place, row.name, (row.lon, row.lat), row.person)
