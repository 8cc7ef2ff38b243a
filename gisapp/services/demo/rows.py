"""A generated district as rows of the store's tables: columns by table, geometries in EPSG:4490 lon/lat."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gisapp.domain.keys import Level
from gisapp.services.demo.frame import Floats, geographic, to_geographic
from gisapp.services.demo.generate import District
from gisapp.services.demo.geography import Geoms, Ints
from gisapp.services.demo.matters import MATTERS
from gisapp.services.demo.roads import WATER_SUFFIX

Columns = dict[str, Any]
Words = NDArray[np.object_]

ROOM_FOR_IDS = 10_000_000
"""Ids of one district: from ``serial`` times this, so that districts can be loaded one after another."""
GRIDS_SINCE = date(2024, 1, 1)
SOURCE = "demo"


def tables(district: District) -> dict[str, Columns]:
    """All rows, in an order in which every parent comes before its children."""
    return _Rows(district).all()


def morton(lonlat: Floats) -> Ints:
    """Morton number of points in the web-mercator tile grid of zoom 22; neighbours on the map are neighbours in it."""
    x = ((lonlat[:, 0] + 180) / 360 * 4194304).astype(np.int64)
    phi = np.radians(lonlat[:, 1])
    y = ((1 - np.log(np.tan(phi) + 1 / np.cos(phi)) / np.pi) / 2 * 4194304).astype(np.int64)
    result = np.zeros(len(x), dtype=np.int64)
    for bit in range(22):
        result |= ((x >> bit) & 1) << (2 * bit) | ((y >> bit) & 1) << (2 * bit + 1)
    return result


def _multi(shapes: Geoms) -> Geoms:
    """Polygons as multipolygons, which is what the columns hold."""
    flat = shapely.get_type_id(shapes) == 3
    result = shapes.copy()
    if flat.any():
        result[flat] = shapely.multipolygons(shapes[flat], indices=np.arange(int(flat.sum())))
    return result


def _utc(instants: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    return instants.astype("datetime64[us]")


class _Rows:
    def __init__(self, district: District) -> None:
        self.d = district
        self.base = district.plan.serial * ROOM_FOR_IDS
        self.code = str(next(d.key for d in district.plan.divisions if d.level is Level.DISTRICT))
        ground, grids = district.ground, district.grids
        codes = np.array([c.code for c in ground.communities], dtype=object)
        self.lot_place = codes[ground.lot_community]
        inside = grids.lot_grid >= 0
        self.lot_place[inside] = np.array(grids.code, dtype=object)[grids.lot_grid[inside]]

    def ids(self, count: int) -> Ints:
        return np.arange(1, count + 1, dtype=np.int64) + self.base

    def all(self) -> dict[str, Columns]:
        building_place = self.lot_place[self.d.stock.lot]
        return {
            "region": self._regions(),
            "grid_version": self._versions(),
            "grid": self._grids(),
            "road": self._roads(),
            "water": self._water(),
            "green": self._green(),
            "building": self._buildings(building_place),
            "building_unit": self._units(building_place),
            "room": self._rooms(building_place),
            "address": self._addresses(building_place),
            "poi": self._places(building_place),
            "organisation": self._organisations(building_place),
            "person": self._people(building_place),
            "component": self._components(),
            "grid_worker": self._workers(),
            "event": self._events(),
            "event_step": self._steps(),
            "fix": self._fixes(),
        }

    # -- places ---------------------------------------------------------------------------------------------------

    def _regions(self) -> Columns:
        plan, ground, workers = self.d.plan, self.d.ground, self.d.workers
        shape: dict[str, Any] = {self.code: ground.outline}
        duty: dict[str, list[dict[str, str]]] = {}
        for index, street in enumerate(plan.on(Level.STREET)):
            shape[str(street.key)] = ground.streets[index]
            duty[str(street.key)] = [{"name": workers.street_head[index], "duty": "街道网格化工作负责人", "phone": ""}]
        for index, community in enumerate(ground.communities):
            shape[community.code] = community.polygon
            duty[community.code] = [{"name": workers.community_head[index], "duty": "社区网格长", "phone": ""}]
        # Province and city are told once, by the first district.
        listed = [d for d in plan.divisions if d.level >= Level.DISTRICT or plan.serial == 0]
        places = [str(d.key) for d in listed]
        known = [i for i, p in enumerate(places) if p in shape]
        geom = np.full(len(places), None, dtype=object)
        geom[known] = _multi(geographic([shape[places[i]] for i in known]))
        return {
            "id": self.ids(len(places)),
            "place": places,
            "level": [int(d.level) for d in listed],
            "name": [d.name for d in listed],
            "responsible": [duty.get(p, []) for p in places],
            "geom": geom,
            "source": SOURCE,
            "source_key": places,
        }

    def _versions(self) -> Columns:
        used = sorted({self.d.ground.communities[i].code for i in self.d.grids.community})
        return {
            "id": self.ids(len(used)),
            "place": used,
            "version": np.ones(len(used), dtype=np.int64),
            "valid_from": [GRIDS_SINCE] * len(used),
            "status": "in_force",
            "note": "演示数据的首个版本",
            "published_by": np.zeros(len(used), dtype=np.int64),
        }

    def _grids(self) -> Columns:
        grids, workers = self.d.grids, self.d.workers
        count = len(grids.code)
        return {
            "id": self.ids(count),
            "place": grids.code,
            "version": np.ones(count, dtype=np.int64),
            "community": [code[:12] for code in grids.code],
            "name": grids.name,
            "valid_from": [GRIDS_SINCE] * count,
            "responsible": [
                [{"name": n, "duty": t, "phone": p}]
                for n, t, p in zip(workers.name, workers.team, workers.phone, strict=True)
            ],
            "geom": geographic(grids.shape),
            "source": SOURCE,
            "source_key": grids.code,
        }

    def _roads(self) -> Columns:
        roads = self.d.roads
        count = len(roads.edges)
        return {
            "id": self.ids(count),
            "place": self.code,
            "name": [roads.streets[s].name for s in roads.edge_street],
            "class": roads.stored_class(),
            "bridge": roads.bridge,
            "walkable": np.ones(count, dtype=bool),
            "geom": geographic(roads.edges),
            "source": SOURCE,
            "source_key": [f"{self.code}R{i:06d}" for i in range(count)],
        }

    def _water(self) -> Columns:
        named = [(n, s) for n, s in self.d.roads.water if not s.is_empty]
        return {
            "id": self.ids(len(named)),
            "place": self.code,
            "name": [n for n, _ in named],
            "geom": _multi(geographic([s for _, s in named])),
            "source": SOURCE,
            "source_key": [f"{self.code}H{i:04d}" for i in range(len(named))],
        }

    def _green(self) -> Columns:
        d = self.d
        name = [WATER_SUFFIX] * len(d.roads.strips)
        name += [n if n != "park" else d.stock.lot_name[lot] for lot, n, _ in d.stock.greens]
        shapes = [*d.roads.strips, *(s for _, _, s in d.stock.greens)]
        place = [self.code] * len(d.roads.strips) + [str(self.lot_place[lot]) for lot, _, _ in d.stock.greens]
        return {
            "id": self.ids(len(shapes)),
            "place": place,
            "name": name,
            "geom": _multi(geographic(shapes)),
            "source": SOURCE,
            "source_key": [f"{self.code}G{i:05d}" for i in range(len(shapes))],
        }

    # -- buildings ------------------------------------------------------------------------------------------------

    def _buildings(self, place: Words) -> Columns:
        stock = self.d.stock
        count = len(stock.shape)
        alone = np.bincount(stock.lot[stock.number != ""], minlength=len(stock.lot_name)) == 1
        homes = stock.use == "residential"
        number = np.where(alone[stock.lot] & ~homes, "", stock.number)
        code = np.char.add(f"{self.code}B", np.char.zfill(np.arange(count).astype(str), 7)).astype(object)
        return {
            "id": self.ids(count),
            "place": place,
            "code": code,
            "name": stock.estate + number,
            "estate": stock.estate,
            "use": stock.use,
            "floors": stock.floors,
            "height": stock.height,
            "built_year": stock.year,
            "geom": _multi(geographic(stock.shape)),
            "source": SOURCE,
            "source_key": code,
        }

    def _units(self, place: Words) -> Columns:
        stock = self.d.stock
        count = len(stock.unit_building)
        business = ~np.isin(stock.use[stock.unit_building], ["residential"])
        name = np.char.add(stock.unit_number.astype(str), "单元").astype(object)
        return {
            "id": self.ids(count),
            "place": place[stock.unit_building],
            "building_id": stock.unit_building + 1 + self.base,
            "name": np.where(business, "商务", name),
            "number": stock.unit_number,
        }

    def _rooms(self, place: Words) -> Columns:
        stock = self.d.stock
        return {
            "id": self.ids(len(stock.room_unit)),
            "place": place[stock.room_building],
            "building_id": stock.room_building + 1 + self.base,
            "unit_id": stock.room_unit + 1 + self.base,
            "floor": stock.room_floor,
            "number": stock.room_number,
            "use": self.d.room_use,
            "area": stock.room_area,
        }

    def _addresses(self, place: Words) -> Columns:
        a = self.d.addresses
        lonlat = to_geographic(a.point)
        order = np.argsort(morton(lonlat), kind="stable")
        code = np.char.add(f"{self.code}D", np.char.zfill(np.arange(len(order)).astype(str), 8)).astype(object)
        return {
            "id": self.ids(len(order)),
            "place": place[a.building[order]],
            "code": code,
            "full_text": a.text[order],
            "road": a.road[order],
            "plate": a.plate[order],
            "estate": a.estate[order],
            "building_no": a.building_no[order],
            "unit": a.unit[order],
            "aliases": [a.aliases[i] for i in order],
            "building_id": a.building[order] + 1 + self.base,
            "geom": (lonlat[order, 0], lonlat[order, 1]),
            "source": SOURCE,
            "source_key": code,
        }

    # -- who and what is there --------------------------------------------------------------------------------------

    def _short(self, building: Ints) -> Words:
        """Street, plate, compound and number of buildings; empty for −1."""
        stock, roads = self.d.stock, self.d.roads
        names = np.array([s.name for s in roads.streets], dtype=object)
        words = names[stock.road] + stock.plate + stock.estate + stock.number
        return np.where(building >= 0, words[building], "").astype(object)

    def _places(self, place: Words) -> Columns:
        p = self.d.places
        lonlat = to_geographic(p.point)
        order = np.argsort(morton(lonlat), kind="stable")
        return {
            "id": self.ids(len(order)),
            "place": self.lot_place[p.lot[order]],
            "name": p.name[order],
            "kind": p.kind[order],
            "address": self._short(p.building)[order],
            "opening_hours": p.hours[order],
            "phone": p.phone[order],
            "geom": (lonlat[order, 0], lonlat[order, 1]),
            "source": SOURCE,
            "source_key": [f"{self.code}P{i:06d}" for i in range(len(order))],
        }

    def _organisations(self, place: Words) -> Columns:
        o, stock = self.d.organisations, self.d.stock
        lonlat = to_geographic(o.point)
        order = np.argsort(morton(lonlat), kind="stable")
        room = np.where(o.room >= 0, stock.room_number[o.room] + "室", "").astype(object)
        return {
            "id": self.ids(len(order)),
            "place": place[o.building[order]],
            "name": o.name[order],
            "credit_code": o.credit_code[order],
            "kind": o.kind[order],
            "address": (self._short(o.building) + room)[order],
            "phone": o.phone[order],
            "building_id": o.building[order] + 1 + self.base,
            "geom": (lonlat[order, 0], lonlat[order, 1]),
            "source": SOURCE,
            "source_key": o.credit_code[order],
        }

    def _people(self, place: Words) -> Columns:
        p, stock = self.d.people, self.d.stock
        return {
            "id": self.ids(len(p.room)),
            "place": place[stock.room_building[p.room]],
            "room_id": p.room + 1 + self.base,
            "kinship": p.kinship,
            "name": p.name,
            "id_number": p.id_number,
            "phone": p.phone,
            "birth_date": p.birth.astype("datetime64[D]"),
            "sex": np.where(p.female, "女", "男").astype(object),
            "residence": p.residence,
            "education": p.education,
            "occupation": p.occupation,
            "source": SOURCE,
        }

    def _components(self) -> Columns:
        c = self.d.components
        shape = geographic(c.shape)
        lonlat = shapely.get_coordinates(shapely.point_on_surface(shape))
        order = np.argsort(morton(lonlat), kind="stable")
        kind = c.type_code[order]
        serial = _serials(kind)
        code = np.char.add(
            np.char.add(self.code, kind.astype("U5")), np.char.zfill(serial.astype(str), 6)
        ).astype(object)
        return {
            "id": self.ids(len(order)),
            "place": self.lot_place[c.lot[order]],
            "code": code,
            "type_code": kind,
            "class": np.array([k[:2] for k in kind], dtype=object),
            "name": c.name[order],
            "state": c.state[order],
            "department": c.department[order],
            "geom": shape[order],
            "source": SOURCE,
            "source_key": code,
        }

    # -- work -------------------------------------------------------------------------------------------------------

    def _workers(self) -> Columns:
        grids, workers, tracks = self.d.grids, self.d.workers, self.d.tracks
        count = len(grids.code)
        at = np.full(count, np.datetime64("NaT"), dtype="datetime64[us]")
        where = np.full(count, None, dtype=object)
        point = np.full((count, 2), np.nan)
        speed = np.full(count, np.nan)
        lonlat = to_geographic(tracks.point)
        # In order of time, so the last one written stands.
        at[tracks.worker] = _utc(tracks.at)
        point[tracks.worker] = lonlat
        speed[tracks.worker] = tracks.speed
        where[tracks.worker] = self._track_places()
        return {
            "id": self.ids(count),
            "place": grids.code,
            "code": workers.code,
            "name": workers.name,
            "phone": workers.phone,
            "team": workers.team,
            "active": np.ones(count, dtype=bool),
            "last_at": at,
            "last_place": where,
            "last_geom": (point[:, 0], point[:, 1]),
            "last_speed": speed,
            "source": SOURCE,
            "source_key": workers.code,
        }

    def _track_places(self) -> Words:
        tracks = self.d.tracks
        return np.where(tracks.lot >= 0, self.lot_place[np.maximum(tracks.lot, 0)], self.code).astype(object)

    def _events(self) -> Columns:
        c = self.d.cases
        lonlat = to_geographic(c.point)
        grid = self.d.grids.lot_grid[c.lot]
        rounds = np.isin(c.channel, ["grid_worker", "patrol"])
        return {
            "id": self.ids(len(c.matter)),
            "place": self.lot_place[c.lot],
            "number": self._numbers(),
            "matter_code": c.matter,
            "class": np.array([m[:2] for m in c.matter], dtype=object),
            "channel": c.channel,
            "title": c.title,
            "description": c.description,
            "address": c.address,
            "state": c.state,
            "assignee": c.unit,
            "worker_id": np.ma.masked_array(grid + 1 + self.base, ~rounds | (grid < 0)),
            "reported_at": _utc(c.reported),
            "due_at": _utc(c.due),
            "closed_at": _utc(c.closed.astype("datetime64[s]")),
            "geom": (lonlat[:, 0], lonlat[:, 1]),
            "source": SOURCE,
            "source_key": self._numbers(),
        }

    def _numbers(self) -> Words:
        """Day and serial number; each district of a city has a thousand of its own a day."""
        local = self.d.cases.reported + np.timedelta64(8 * 3600, "s")
        day = local.astype("datetime64[D]")
        serial = _serials(day) + self.d.plan.serial * 1000
        text = np.char.replace(day.astype(str), "-", "")
        return np.char.add(text, np.char.zfill(serial.astype(str), 5)).astype(object)

    def _steps(self) -> Columns:
        c = self.d.cases
        grid = self.d.grids.lot_grid[c.lot][c.step_case]
        worker = self.d.workers.name[np.maximum(grid, 0)]
        unit = self._units_of_cases()[c.step_case]
        rounds = np.isin(c.channel, ["grid_worker", "patrol"])[c.step_case]
        actor = np.select(
            [c.step_by_unit, c.step_action == "assign", rounds], [unit, "街道指挥中心", worker], default="受理平台"
        )
        at = _utc(c.step_at)
        return {
            "id": self.ids(len(c.step_case)),
            "place": self.lot_place[c.lot[c.step_case]],
            "event_id": c.step_case + 1 + self.base,
            "number": c.step_number,
            "action": c.step_action,
            "from_state": c.step_from,
            "to_state": c.step_to,
            "actor_id": np.zeros(len(c.step_case), dtype=np.int64),
            "actor": actor.astype(object),
            "note": c.step_note,
            "at": at,
            "recorded_at": at,
        }

    def _units_of_cases(self) -> Words:
        unit = {m.code: m.unit for m in MATTERS}
        return np.array([unit[m] for m in self.d.cases.matter], dtype=object)

    def _fixes(self) -> Columns:
        tracks = self.d.tracks
        lonlat = to_geographic(tracks.point)
        at = _utc(tracks.at)
        return {
            "worker_id": tracks.worker + 1 + self.base,
            "at": at,
            "place": self._track_places(),
            "received_at": at + np.timedelta64(2, "s"),
            "accuracy": tracks.accuracy,
            "speed": tracks.speed,
            "geom": (lonlat[:, 0], lonlat[:, 1]),
        }


def _serials(keys: NDArray[Any]) -> Ints:
    """1, 2, 3 … within equal keys, in order of rows."""
    _, inverse = np.unique(keys.astype(str), return_inverse=True)
    inverse = np.ravel(inverse)
    order = np.argsort(inverse, kind="stable")
    ordered = inverse[order]
    result = np.empty(len(keys), dtype=np.int64)
    result[order] = np.arange(len(keys)) - np.searchsorted(ordered, ordered) + 1
    return result


def days_of_fixes(columns: Columns) -> list[date]:
    """Local days that fixes fall on, for their partitions."""
    local = columns["at"] + np.timedelta64(8, "h")
    return [date.fromisoformat(str(d)) for d in np.unique(local.astype("datetime64[D]"))]


def moment(now: datetime) -> datetime:
    """The end of the year of cases: the last full hour, so that two loads within an hour are equal."""
    return now.replace(minute=0, second=0, microsecond=0)
