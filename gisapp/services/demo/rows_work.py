"""Rows of work: workers, cases with their steps, fixes."""

from __future__ import annotations

import numpy as np

from gisapp.services.demo.frame import to_geographic
from gisapp.services.demo.matters import MATTERS
from gisapp.services.demo.rows_base import SOURCE, Columns, Rows, Words, serials, utc


class WorkRows(Rows):
    """Rows of work."""

    def _workers(self) -> Columns:
        grids, workers, tracks = self.d.grids, self.d.workers, self.d.tracks
        count = len(grids.code)
        at = np.full(count, np.datetime64("NaT"), dtype="datetime64[us]")
        where = np.full(count, None, dtype=object)
        point = np.full((count, 2), np.nan)
        speed = np.full(count, np.nan)
        lonlat = to_geographic(tracks.point)
        # In order of time, so the last one written stands.
        at[tracks.worker] = utc(tracks.at)
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
            "reported_at": utc(c.reported),
            "due_at": utc(c.due),
            "closed_at": utc(c.closed.astype("datetime64[s]")),
            "geom": (lonlat[:, 0], lonlat[:, 1]),
            "source": SOURCE,
            "source_key": self._numbers(),
        }

    def _numbers(self) -> Words:
        """Day and serial number; each district of a city has a thousand of its own a day."""
        local = self.d.cases.reported + np.timedelta64(8 * 3600, "s")
        day = local.astype("datetime64[D]")
        serial = serials(day) + self.d.plan.serial * 1000
        text = np.char.replace(day.astype(str), "-", "")
        return np.char.add(text, np.char.zfill(serial.astype(str), 5)).astype(object)

    def _steps(self) -> Columns:
        c = self.d.cases
        grid = self.d.grids.lot_grid[c.lot][c.step_case]
        worker = self.d.workers.name[np.maximum(grid, 0)]
        unit = self._units_of_cases()[c.step_case]
        rounds = np.isin(c.channel, ["grid_worker", "patrol"])[c.step_case]
        actor = np.select(
            [c.step_by_unit, c.step_action == "assign", rounds],
            [unit, "街道指挥中心", worker],
            default="受理平台",
        )
        at = utc(c.step_at)
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
        at = utc(tracks.at)
        return {
            "worker_id": tracks.worker + 1 + self.base,
            "at": at,
            "place": self._track_places(),
            "received_at": at + np.timedelta64(2, "s"),
            "accuracy": tracks.accuracy,
            "speed": tracks.speed,
            "geom": (lonlat[:, 0], lonlat[:, 1]),
        }
