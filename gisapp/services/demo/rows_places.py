"""Rows of places: regions, grids, streets, water, green, buildings, units, rooms, addresses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from gisapp.domain.clock import ZONE
from gisapp.domain.keys import Level
from gisapp.services.demo.frame import geographic, to_geographic
from gisapp.services.demo.roads import WATER_SUFFIX
from gisapp.services.demo.rows_base import SOURCE, Columns, Rows, Words, morton, multi

GRIDS_SINCE = datetime(2024, 1, 1, tzinfo=ZONE)


class PlaceRows(Rows):
    """Rows of places."""

    def _regions(self) -> Columns:
        plan, ground, workers = self.d.plan, self.d.ground, self.d.workers
        shape: dict[str, Any] = {self.code: ground.outline}
        duty: dict[str, list[dict[str, str]]] = {}
        for index, street in enumerate(plan.on(Level.STREET)):
            shape[str(street.key)] = ground.streets[index]
            duty[str(street.key)] = [
                {"name": workers.street_head[index], "duty": "街道网格化工作负责人", "phone": ""}
            ]
        for index, community in enumerate(ground.communities):
            shape[community.code] = community.polygon
            duty[community.code] = [
                {"name": workers.community_head[index], "duty": "社区网格长", "phone": ""}
            ]
        # Province and city are told once, by the first district.
        listed = [d for d in plan.divisions if d.level >= Level.DISTRICT or plan.serial == 0]
        places = [str(d.key) for d in listed]
        known = [i for i, p in enumerate(places) if p in shape]
        geom = np.full(len(places), None, dtype=object)
        geom[known] = multi(geographic([shape[places[i]] for i in known]))
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
        base = self.d.base
        count = len(base.edges)
        return {
            "id": self.ids(count),
            "place": self.code,
            "name": base.name,
            "class": base.stored_class,
            "bridge": base.bridge,
            "walkable": np.ones(count, dtype=bool),
            "geom": geographic(base.edges),
            "source": SOURCE,
            "source_key": [f"{self.code}R{i:06d}" for i in range(count)],
        }

    def _water(self) -> Columns:
        named = [(n, s) for n, s in self.d.base.water if not s.is_empty]
        return {
            "id": self.ids(len(named)),
            "place": self.code,
            "name": [n for n, _ in named],
            "geom": multi(geographic([s for _, s in named])),
            "source": SOURCE,
            "source_key": [f"{self.code}H{i:04d}" for i in range(len(named))],
        }

    def _green(self) -> Columns:
        d = self.d
        # Crumbs between a bridge and the next bear no name: it would be written over and over.
        name = [WATER_SUFFIX if s.area > 9000 else "" for s in d.base.strips]
        name += [n if n != "park" else d.stock.lot_name[lot] for lot, n, _ in d.stock.greens]
        shapes = [*d.base.strips, *(s for _, _, s in d.stock.greens)]
        place = [self.code] * len(d.base.strips) + [str(self.lot_place[lot]) for lot, _, _ in d.stock.greens]
        return {
            "id": self.ids(len(shapes)),
            "place": place,
            "name": name,
            "geom": multi(geographic(shapes)),
            "source": SOURCE,
            "source_key": [f"{self.code}G{i:05d}" for i in range(len(shapes))],
        }

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
            "geom": multi(geographic(stock.shape)),
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
        code = np.char.add(f"{self.code}D", np.char.zfill(np.arange(len(order)).astype(str), 8)).astype(
            object
        )
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
