"""A generated district as rows of the store's tables: columns by table, geometries in EPSG:4490 lon/lat."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np

from gisapp.services.demo.generate import District
from gisapp.services.demo.rows_base import Columns
from gisapp.services.demo.rows_places import PlaceRows
from gisapp.services.demo.rows_registers import RegisterRows
from gisapp.services.demo.rows_work import WorkRows


def tables(district: District) -> dict[str, Columns]:
    """All rows, in an order in which every parent comes before its children."""
    return _AllRows(district).all()


class _AllRows(PlaceRows, RegisterRows, WorkRows):
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


def days_of_fixes(columns: Columns) -> list[date]:
    """Local days that fixes fall on, for their partitions."""
    local = columns["at"] + np.timedelta64(8, "h")
    return [date.fromisoformat(str(d)) for d in np.unique(local.astype("datetime64[D]"))]


def moment(now: datetime) -> datetime:
    """The end of the year of cases: the last full hour, so that two loads within an hour are equal."""
    return now.replace(minute=0, second=0, microsecond=0)
