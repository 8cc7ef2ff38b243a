"""Rows of registers: places of interest, organisations, people, components."""

from __future__ import annotations

import numpy as np
import shapely

from gisapp.services.demo.frame import geographic, to_geographic
from gisapp.services.demo.geography import Ints
from gisapp.services.demo.rows_base import SOURCE, Columns, Rows, Words, morton, serials


class RegisterRows(Rows):
    """Rows of registers."""

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
        serial = serials(kind)
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
