"""Tiles of the web-mercator scheme and their Morton numbers, as plain arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass

KEY_ZOOM = 22
"""Zoom of the Morton numbers in the column ``tile_key``: 44 bits, cells of about 8 m."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Address of a tile in the web-mercator scheme (x from the west, y from the north)."""

    z: int
    x: int
    y: int

    @classmethod
    def at(cls, z: int, lon: float, lat: float) -> Tile:
        """The tile of a zoom in which a point lies (degrees); points beyond the scheme's edge take its last row."""
        n = 1 << z
        x = math.floor((lon + 180) / 360 * n)
        phi = math.radians(max(-85.05112877, min(85.05112877, lat)))
        y = math.floor((1 - math.asinh(math.tan(phi)) / math.pi) / 2 * n)
        return cls(z, min(n - 1, max(0, x)), min(n - 1, max(0, y)))

    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        n = 1 << self.z

        def latitude(row: int) -> float:
            return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / n))))

        return self.x / n * 360 - 180, latitude(self.y + 1), (self.x + 1) / n * 360 - 180, latitude(self.y)

    def keys(self) -> tuple[int, int]:
        """Range of Morton numbers of zoom 22 that lie in the tile: first, and first of the next tile."""
        shift = 2 * (KEY_ZOOM - self.z)
        number = interleave(self.x) | interleave(self.y) << 1
        return number << shift, (number + 1) << shift


def interleave(value: int) -> int:
    """The bits of a whole number below 2^22 with a zero between each two of them."""
    value = (value | value << 16) & 0x0000FFFF0000FFFF
    value = (value | value << 8) & 0x00FF00FF00FF00FF
    value = (value | value << 4) & 0x0F0F0F0F0F0F0F0F
    value = (value | value << 2) & 0x3333333333333333
    return (value | value << 1) & 0x5555555555555555
