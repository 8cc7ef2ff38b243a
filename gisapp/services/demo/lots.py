"""What each lot is used for, and the yard on it that may be built upon.

All coordinates: EPSG:4549, metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gisapp.services.demo.frame import Floats
from gisapp.services.demo.geography import RANK, Geoms, Ground, Ints
from gisapp.services.demo.roads import Roads
from gisapp.services.demo.seeding import stream

HOMES = ("slab", "mid", "tower", "old", "village")
"""Uses that people live in: walk-up slabs, mid-rise slabs, towers, small old houses, farmers' terraces."""

# Flats per square metre of yard that the layouts of each use reach on average (measured).
YIELD = {"slab": 0.0158, "mid": 0.0168, "tower": 0.0205, "old": 0.0150, "village": 0.0062}

# Share of the lived-in ground by use, for the old town in the south, the middle and the new north.
_MIX = {
    "south": {"slab": 0.60, "old": 0.12, "mid": 0.14, "tower": 0.14},
    "middle": {"slab": 0.62, "mid": 0.18, "tower": 0.20},
    "north": {"slab": 0.24, "mid": 0.30, "tower": 0.32, "village": 0.14},
}
_ZONE = ("south", "south", "south", "south", "middle", "middle", "north", "north")

PEOPLE = (20_000, 26_000, 30_000, 35_000, 60_000, 46_000, 98_000, 85_000)
"""People wanted in each street (街道), in the order of their codes: 400,000 in all."""

_HECTARE = 10_000.0


@dataclass(slots=True)
class Lots:
    """Lots of the streets generated in full.

    Attributes:
        yards: ground inside the lot's border that may be built upon; may be empty.
        use: home kinds, office, mall, hotel, school, kindergarten, hospital, market, public, industry, park.
        frontage: index of the street (街路巷) that the lot's address counts by, −1 for none.
        gate: (n, 2) where that street is entered.
        sides: for each lot its bordering pieces as (kind, LineString, street).
        full: whether the lot belongs to a street (街道) generated in full.
    """

    yards: Geoms
    use: NDArray[np.object_]
    frontage: Ints
    gate: Floats
    sides: list[list[tuple[str, shapely.LineString, int]]]
    full: NDArray[np.bool_]


def survey(ground: Ground, roads: Roads) -> Lots:
    """Yards and street fronts of all lots; uses are still empty."""
    count = len(ground.lots)
    area_of = np.array([c.street for c in ground.communities])[ground.lot_community]
    full = np.isin(area_of, list(ground.full))
    chosen = np.flatnonzero(full)
    yards = np.full(count, shapely.Polygon(), dtype=object)
    tree = shapely.STRtree(roads.paved)
    lot, surface = tree.query(ground.lots[chosen], predicate="intersects")
    order = np.argsort(lot, kind="stable")
    lot, surface = lot[order], surface[order]
    starts = np.searchsorted(lot, np.arange(len(chosen) + 1))
    for row, index in enumerate(chosen):
        covers = roads.paved[surface[starts[row] : starts[row + 1]]]
        yard = shapely.difference(ground.lots[index], shapely.union_all(covers))
        if shapely.intersects(yard, roads.banks):
            yard = shapely.difference(yard, roads.banks)
        parts = shapely.get_parts(yard)
        if len(parts):
            yards[index] = shapely.simplify(parts[int(np.argmax(shapely.area(parts)))], 0.15)

    sides: list[list[tuple[str, shapely.LineString, int]]] = [[] for _ in range(count)]
    middle = shapely.line_interpolate_point(ground.pieces, 0.5, normalized=True)
    piece, near = shapely.STRtree(ground.lots).query(middle, predicate="dwithin", distance=0.01)
    for p, n in sorted(zip(piece.tolist(), near.tolist(), strict=True)):
        line = int(ground.piece_line[p])
        sides[n].append((ground.lines[line].kind, ground.pieces[p], int(roads.line_street[line])))
    frontage = np.full(count, -1, dtype=np.int64)
    gate = shapely.get_coordinates(shapely.point_on_surface(ground.lots))
    for index in chosen:
        best = 0.0
        for kind, line, street in sides[index]:
            if street < 0:
                continue
            # The longest front wins; avenues count a little more, expressways hardly.
            weight = line.length * {"expressway": 0.1, "arterial": 1.0, "secondary": 1.2, "branch": 1.1}.get(
                kind, 0.8
            )
            if weight > best:
                best = weight
                frontage[index] = street
                gate[index] = shapely.get_coordinates(line.interpolate(0.5, normalized=True))[0]
    return Lots(yards, np.full(count, "", dtype=object), frontage, gate, sides, full)


def assign_uses(ground: Ground, roads: Roads, lots: Lots, seed: int, cell: tuple[int, int] = (0, 0)) -> None:
    """Give every lot of the full streets its use, so that each street (街道) can house its people."""
    for street in sorted(ground.full):
        _assign_street(ground, roads, lots, street, stream(seed, "uses", *cell, street))


def _assign_street(ground: Ground, roads: Roads, lots: Lots, street: int, rng: np.random.Generator) -> None:
    members = [c for c in ground.communities if c.street == street]
    zone = _ZONE[street]
    area = shapely.area(lots.yards)
    compact = 4 * np.pi * area / np.maximum(shapely.length(lots.yards), 1.0) ** 2
    every = np.array([i for c in members for i in c.lots], dtype=np.int64)
    every = every[np.argsort(rng.random(len(every)))]
    water_near = shapely.distance(lots.yards[every], roads.banks) < 25
    front = np.array([min((RANK[k] for k, _, s in lots.sides[i] if s >= 0), default=9) for i in every])
    use = lots.use
    hectares = area[every] / _HECTARE

    use[every[(area[every] < 250) | (compact[every] < 0.12)]] = "park"

    def give(kind: str, wanted: int, suits: NDArray[np.bool_], score: Floats) -> None:
        free = np.flatnonzero((use[every] == "") & suits)
        for row in free[np.argsort(-score[free], kind="stable")][:wanted]:
            use[every[row]] = kind

    jitter = rng.random(len(every))
    neat = compact[every] > 0.45
    count = len(members)
    people = PEOPLE[street]
    total = float(hectares.sum())
    give("school", max(1, round(people / 9000)), neat & (hectares > 1.0) & (hectares < 4.2), jitter)
    give("hospital", 1 + (people > 60_000), neat & (hectares > 0.9) & (front <= RANK["secondary"]), jitter)
    give("kindergarten", max(2, round(people / 6500)), neat & (hectares > 0.25) & (hectares < 0.9), jitter)
    give("market", max(1, round(people / 13_000)), (hectares > 0.3) & (hectares < 1.1), jitter)
    give(
        "public",
        max(1, count // 4),
        neat & (hectares > 0.35) & (hectares < 1.8),
        jitter + (front <= RANK["secondary"]),
    )
    park_share = {"south": 0.05, "middle": 0.06, "north": 0.13}[zone]
    parks = max(1, round(park_share * total / max(float(hectares[hectares > 0.5].mean()), 0.5)))
    give("park", parks, hectares > 0.5, jitter * 1.2 + water_near)
    give("mall", max(1, round(total / 90)), neat & (hectares > 0.8) & (front <= RANK["arterial"]), jitter)
    give(
        "hotel",
        max(1, round(total / 70)),
        neat & (hectares > 0.25) & (hectares < 1.2),
        jitter + (front <= RANK["arterial"]),
    )

    # Homes until the street can house its people at an occupancy of about nine in ten.
    wanted = people / 2.47 / 0.905
    mix = _MIX[zone]
    kinds = list(mix)
    share = np.array([mix[k] for k in kinds]) / sum(mix.values())
    housed = np.zeros(len(kinds))
    free = np.flatnonzero(use[every] == "")
    # Quiet lots first: avenues draw offices.
    order = free[np.argsort(0.55 * (front[free] <= RANK["arterial"]) + rng.random(len(free)), kind="stable")]
    for row in order:
        if housed.sum() >= wanted:
            break
        lack = share - housed / max(housed.sum(), 1.0)
        size = hectares[row]
        fits = np.array(
            [
                not (k == "tower" and size < 0.7)
                and not (k == "mid" and size < 0.4)
                and not (k == "old" and size > 2.2)
                for k in kinds
            ]
        )
        lack = np.where(fits, lack + rng.normal(0, 0.12, len(kinds)), -9.0)
        pick = int(np.argmax(lack))
        use[every[row]] = kinds[pick]
        housed[pick] += YIELD[kinds[pick]] * area[every[row]]
    rest = np.flatnonzero(use[every] == "")
    for row in rest:
        draw = rng.random()
        if zone == "north":
            kind = (
                "industry"
                if draw < 0.42
                else "office"
                if draw < 0.74
                else "park"
                if draw < 0.92
                else "public"
            )
        else:
            kind = "office" if draw < 0.72 else "hotel" if draw < 0.8 else "public" if draw < 0.9 else "park"
        use[every[row]] = kind
