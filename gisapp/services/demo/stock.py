"""The building stock: houses of all lots as columns, named, numbered along their streets, with entrances and rooms.

All coordinates: EPSG:4549, metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gisapp.services.demo.frame import Floats
from gisapp.services.demo.geography import Geoms, Ground, Ints
from gisapp.services.demo.houses import House
from gisapp.services.demo.layouts import lay_out_lot
from gisapp.services.demo.lots import HOMES, Lots
from gisapp.services.demo.names import estate_name, stems
from gisapp.services.demo.roads import Roads, chainage
from gisapp.services.demo.seeding import stream

Words = NDArray[np.object_]

_YEARS = {
    "slab": (1982, 2000),
    "mid": (1998, 2014),
    "tower": (2004, 2021),
    "old": (1935, 1978),
    "village": (1992, 2006),
    "shops": (1988, 2015),
    "office": (1995, 2020),
}
_OWN_PLATE = ("old", "village", "shops")
"""Kinds whose houses have a door plate each; elsewhere the lot's gate has it."""
_LOT_NAMES = {
    "office": ("大厦", "商务中心", "广场", "科创园"),
    "mall": ("购物中心", "商业广场", "百货"),
    "hotel": ("宾馆", "酒店", "饭店"),
    "industry": ("工业园", "产业园", "仓储中心"),
    "market": ("农贸市场",),
    "public": ("综合楼", "文化中心", "政务服务楼"),
    "hospital": ("医院",),
    "school": ("小学", "中学", "学校"),
    "kindergarten": ("幼儿园",),
    "park": ("公园", "绿地", "广场绿地"),
}


@dataclass(slots=True)
class Stock:
    """Buildings, units and rooms as columns.

    Attributes:
        shape: footprints, (n,).
        door: (n, 2) a point at the entrance of each building.
        lot_name: name of each lot (compound, school, park, …), by lot.
        road, plate: street and door plate of each building's address; ``plate`` like ``123号``.
        unit_building, unit_number, unit_door: units (entrances), (u,).
        room_unit, room_floor, room_number, room_area: rooms, (r,); ``room_home`` tells flats from shops and offices.
    """

    shape: Geoms
    lot: Ints
    kind: Words
    use: Words
    floors: Ints
    height: Floats
    year: Ints
    estate: Words
    number: Words
    door: Floats
    road: Ints
    plate: Words
    plate_value: Ints
    lot_name: Words
    greens: list[tuple[int, str, shapely.Geometry]]
    unit_building: Ints
    unit_number: Ints
    unit_door: Floats
    room_unit: Ints
    room_building: Ints
    room_floor: Ints
    room_number: Words
    room_area: Floats
    room_home: NDArray[np.bool_]


def build_stock(ground: Ground, roads: Roads, lots: Lots, seed: int, cell: tuple[int, int] = (0, 0)) -> Stock:
    """Put buildings on all lots of the full streets."""
    houses: list[House] = []
    lot_of: list[int] = []
    greens: list[tuple[int, str, shapely.Geometry]] = []
    for community in ground.communities:
        if community.street not in ground.full:
            continue
        rng = stream(seed, "layout", community.code)
        for lot in community.lots:
            yard = lots.yards[lot]
            if yard.is_empty:
                continue
            centre = yard.centroid
            made, soft = lay_out_lot(
                lots.use[lot],
                yard,
                ground.field.angle(centre.x, centre.y),
                lots.sides[lot],
                rng,
                old_town=community.street < 4,
            )
            houses += made
            lot_of += [lot] * len(made)
            greens += [(lot, name, shape) for name, shape in soft if not shape.is_empty]
    lot_array = np.array(lot_of, dtype=np.int64)
    shape = np.array([h.shape for h in houses], dtype=object)
    kind = np.array([h.kind for h in houses], dtype=object)
    rng = stream(seed, "stock", *cell)
    lot_name = _name_lots(ground, lots, seed, cell)
    estate = np.array(
        [lot_name[lot] if k not in _OWN_PLATE else "" for lot, k in zip(lot_array, kind, strict=True)],
        dtype=object,
    )
    year = np.zeros(len(houses), dtype=np.int64)
    lot_luck = rng.random(len(ground.lots))
    for name in np.unique(kind.astype(str)):
        low, high = _YEARS.get(name, (1990, 2018))
        mine = kind == name
        year[mine] = (low + (high - low) * lot_luck[lot_array[mine]]).astype(np.int64)
    number = _number_in_lots(shape, kind, lot_array)
    door = _doors(shape)
    road, plate_value = _plates(roads, lots, shape, kind, lot_array, door)
    plate = np.array([f"{v}号" if v else "" for v in plate_value], dtype=object)
    floors = np.array([h.floors for h in houses], dtype=np.int64)
    units = np.array([h.units for h in houses], dtype=np.int64)
    flats = np.array([h.flats for h in houses], dtype=np.int64)
    shops = np.array([h.shops for h in houses], dtype=np.int64)
    unit_building, unit_number, unit_door = _units(shape, units, shops)
    rooms = _rooms(rng, kind, floors, flats, shops, unit_building, unit_number)
    return Stock(
        shape,
        lot_array,
        kind,
        np.array([h.use for h in houses], dtype=object),
        floors,
        np.array([h.height for h in houses]),
        year,
        estate,
        number,
        door,
        road,
        plate,
        plate_value,
        lot_name,
        greens,
        unit_building,
        unit_number,
        unit_door,
        *rooms,
    )


def _name_lots(ground: Ground, lots: Lots, seed: int, cell: tuple[int, int]) -> Words:
    """Names of compounds and institutions; the largest compound of a community may bear the community's own name."""
    rng = stream(seed, "lot names", *cell)
    pool = iter(stems(rng))
    named = np.full(len(ground.lots), "", dtype=object)
    taken: set[str] = set()
    for community in ground.communities:
        if community.street not in ground.full:
            continue
        base = community.name.removesuffix("社区")
        homes = [i for i in community.lots if lots.use[i] in HOMES and lots.use[i] != "old"]
        own = max(homes, key=lambda i: float(shapely.area(lots.yards[i])), default=None)
        for lot in community.lots:
            use = lots.use[lot]
            if lots.yards[lot].is_empty:
                continue
            if lot == own and base[-1] in "苑园村家坊城区":
                name = base
            elif use in HOMES:
                name = "" if use == "old" else estate_name(next(pool), use in {"mid", "tower"}, rng)
            else:
                endings = _LOT_NAMES[use]
                name = next(pool) + endings[int(rng.integers(len(endings)))]
            if name in taken:
                name = next(pool) + name
            taken.add(name)
            named[lot] = name
    return named


def _number_in_lots(shape: Geoms, kind: Words, lot: Ints) -> Words:
    """``5幢`` within a compound: counted from the south-west, row by row; houses with a plate of their own have none."""
    number = np.full(len(shape), "", dtype=object)
    bounds = shapely.bounds(shape)
    own = np.isin(kind, _OWN_PLATE)
    row = np.round(bounds[:, 1] / 18.0)
    order = np.lexsort((bounds[:, 0], row, lot, own))
    counter: dict[int, int] = {}
    for index in order:
        if own[index]:
            continue
        counter[int(lot[index])] = counter.get(int(lot[index]), 0) + 1
        number[index] = f"{counter[int(lot[index])]}幢"
    return number


def _north_edge(shape: shapely.Polygon) -> Floats:
    """West and east end of the side on which a building is entered."""
    xy = shapely.get_coordinates(shape)
    if len(xy) == 5:
        edges = [(xy[i], xy[i + 1]) for i in range(4)]
        one, two = max(
            edges, key=lambda e: (round(float(np.hypot(*(e[1] - e[0]))), 3), float((e[0] + e[1])[1]))
        )
    else:
        one, two = xy[6], xy[7]
    return np.array([one, two]) if one[0] <= two[0] else np.array([two, one])


def _doors(shape: Geoms) -> Floats:
    """A point at the middle of the entrance side, half a metre inside the footprint."""
    edges = np.array([_north_edge(s) for s in shape])
    middle = edges.mean(axis=1)
    centre = shapely.get_coordinates(shapely.centroid(shape))
    inward = centre - middle
    return np.asarray(middle + inward / np.maximum(np.hypot(*inward.T), 1e-9)[:, None] * 0.5)


def _plates(
    roads: Roads, lots: Lots, shape: Geoms, kind: Words, lot: Ints, door: Floats
) -> tuple[Ints, Ints]:
    """Street and door number of every building.

    Numbers grow along the street, odd on its left and even on its right (in the direction of growth: east to west, south
    to north); every plate exists once on its street. Houses behind a gate share the gate's number.
    """
    own = np.isin(kind, _OWN_PLATE)
    road = np.where(own, -1, lots.frontage[lot])
    rows, streets = _nearest_fronts(lots, shape, lot, np.flatnonzero(own))
    road[rows] = streets
    road = np.where(road < 0, lots.frontage[lot], road)
    # One holder of a number: a house with its own plate, or a lot's gate.
    holder = np.where(own, np.arange(len(shape)), -1 - lot)
    holders, first, inverse = np.unique(holder, return_index=True, return_inverse=True)
    place = np.where(own[first][:, None], door[first], lots.gate[lot[first]])
    inside = np.where(
        own[first][:, None],
        door[first],
        shapely.get_coordinates(shapely.point_on_surface(lots.yards[lot[first]])),
    )
    holder_road = road[first]
    value = np.zeros(len(holders), dtype=np.int64)
    for street in np.unique(holder_road[holder_road >= 0]):
        mine = np.flatnonzero(holder_road == street)
        item = roads.streets[int(street)]
        along, _, _ = chainage(item, place[mine])
        _, left, _ = chainage(item, inside[mine])
        step = 9.0 if item.kind in {"lane", "alley"} else 12.0
        for side, start in ((True, 1), (False, 2)):
            rows_of_side = mine[left == side]
            order = np.argsort(along[left == side], kind="stable")
            last = start - 2
            for row, at in zip(rows_of_side[order], np.sort(along[left == side], kind="stable"), strict=True):
                last = max(last + 2, start + 2 * int(at // step))
                value[row] = last
    return road, value[np.ravel(inverse)]


def _nearest_fronts(lots: Lots, shape: Geoms, lot: Ints, rows: Ints) -> tuple[list[int], list[int]]:
    """For each of some buildings the street of its lot that it lies nearest to."""
    found: list[int] = []
    streets: list[int] = []
    centre = shapely.centroid(shape[rows])
    for row, point in zip(rows.tolist(), centre, strict=True):
        best, pick = 1e9, -1
        for kind, line, street in lots.sides[int(lot[row])]:
            if street >= 0 and kind != "expressway":
                distance = line.distance(point)
                if distance < best:
                    best, pick = distance, street
        found.append(row)
        streets.append(pick)
    return found, streets


def _units(shape: Geoms, units: Ints, shops: Ints) -> tuple[Ints, Ints, Floats]:
    """Units of all buildings, from west to east, with a point at each entrance; business floors count as one unit."""
    count = np.where(units > 0, units, np.where(shops > 0, 1, 0))
    building = np.repeat(np.arange(len(shape)), count)
    position = np.arange(len(building)) - np.repeat(np.cumsum(count) - count, count)
    edges = np.array([_north_edge(s) for s in shape])
    share = (position + 0.5) / count[building]
    at = edges[building, 0] + (edges[building, 1] - edges[building, 0]) * share[:, None]
    centre = shapely.get_coordinates(shapely.centroid(shape))[building]
    inward = centre - (edges[building, 0] + edges[building, 1]) / 2
    at = at + inward / np.maximum(np.hypot(*inward.T), 1e-9)[:, None] * 0.5
    return building.astype(np.int64), (position + 1).astype(np.int64), at


_AREA = {"slab": (48, 78), "mid": (82, 118), "tower": (78, 136), "old": (22, 46), "village": (60, 110)}


def _rooms(
    rng: np.random.Generator,
    kind: Words,
    floors: Ints,
    flats: Ints,
    shops: Ints,
    unit_building: Ints,
    unit_number: Ints,
) -> tuple[Ints, Ints, Ints, Words, Floats, NDArray[np.bool_]]:
    """Rooms of all units: flats on every floor, or rooms for business (shops below, offices up to the top)."""
    home = flats[unit_building] > 0
    office = kind[unit_building] == "office"
    storeys = np.where(home | office, floors[unit_building], 1)
    per_floor = np.where(
        home,
        flats[unit_building],
        np.where(office, np.minimum(shops[unit_building], 6), shops[unit_building]),
    )
    count = storeys * per_floor
    unit = np.repeat(np.arange(len(unit_building)), count)
    index = np.arange(len(unit)) - np.repeat(np.cumsum(count) - count, count)
    floor = index // per_floor[unit] + 1
    door = index % per_floor[unit] + 1
    number = np.char.add(floor.astype(str), np.char.zfill(door.astype(str), 2)).astype(object)
    building = unit_building[unit]
    area = np.full(len(unit), 60.0)
    for name, (low, high) in _AREA.items():
        mine = kind[building] == name
        # Flats above each other are alike.
        luck = ((building * 7 + unit_number[unit] * 13 + door * 29) * 2654435761 % 1000) / 1000
        area[mine] = low + (high - low) * luck[mine]
    area[~home[unit]] = rng.uniform(25, 160, int((~home[unit]).sum()))
    return unit.astype(np.int64), building, floor.astype(np.int64), number, np.round(area, 1), home[unit]
