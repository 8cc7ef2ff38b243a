"""The three sizes of the demo place: a street, the district, a city of 25 districts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gisapp.domain.codes import Division, divisions
from gisapp.domain.keys import Level, PlaceKey
from gisapp.services.demo.frame import EDGE_A, EDGE_B
from gisapp.services.demo.generate import Plan
from gisapp.services.demo.names import stems
from gisapp.services.demo.seeding import stream

SIZES = ("street", "district", "city")
DEMO_STREET = "330103003"
DEMO_COMMUNITY = "330103003055"
DEMO_GRID = "330103003055001"
"""Scopes of the demo users: a street leader's, a grid manager's and a grid worker's."""

_DISTRICTS = 25
_FIRST_INVENTED = 330_150
"""Division codes 330150 … 330173 were never assigned."""
_COMMUNITIES = (6, 7, 7, 9, 12, 8, 16, 10)


def plans(size: str, seed: int, now: datetime) -> Iterator[Plan]:
    """What to generate for a size, the real district first."""
    real = divisions()
    if size == "street":
        streets = [str(d.key) for d in real if d.level is Level.STREET]
        yield Plan(seed, real, (streets.index(DEMO_STREET),), now, tracks=10)
        return
    every = tuple(range(len(_COMMUNITIES)))
    cells = _cells()
    yield Plan(
        seed,
        real,
        every,
        now,
        tracks=40,
        drawn=_drawn((0, 0), cells) if size == "city" else (),
        around=size != "city",
    )
    if size == "city":
        names = iter(stems(stream(seed, "districts")))
        for serial, cell in enumerate(cells[1:], start=1):
            made = _invented(serial, names, real[0], real[1])
            yield Plan(seed, made, every, now, serial, cell, 10, _drawn(cell, cells), False)


def count(size: str) -> int:
    """Number of districts of a size."""
    return _DISTRICTS if size == "city" else 1


def _cells() -> list[tuple[int, int]]:
    """Cells of the lattice nearest to the middle of the city, the first one first."""
    every = [(i, j) for i in range(-4, 5) for j in range(-3, 4)]

    def away(cell: tuple[int, int]) -> float:
        i, j = cell
        return (i * EDGE_A[0] + j * EDGE_B[0]) ** 2 + (i * EDGE_A[1] + j * EDGE_B[1]) ** 2

    return sorted(every, key=lambda c: (round(away(c)), c))[:_DISTRICTS]


def _drawn(cell: tuple[int, int], cells: list[tuple[int, int]]) -> tuple[str, ...]:
    """Sides of the outline whose avenue the neighbour draws."""
    i, j = cell
    return tuple(key for key, other in (("环南", (i, j - 1)), ("环西", (i - 1, j))) if other in cells)


def _invented(serial: int, names: Iterator[str], province: Division, city: Division) -> tuple[Division, ...]:
    """Divisions of an invented district."""
    district = PlaceKey(str(_FIRST_INVENTED + serial - 1))
    made = [province, city, Division(district, next(names) + "区", Level.DISTRICT, city.key)]
    for index, communities in enumerate(_COMMUNITIES, start=1):
        street = PlaceKey(f"{district}{index:03d}")
        made.append(Division(street, next(names) + "街道", Level.STREET, district))
        for number in range(1, communities + 1):
            made.append(
                Division(PlaceKey(f"{street}{number:03d}"), next(names) + "社区", Level.COMMUNITY, street)
            )
    return tuple(made)
