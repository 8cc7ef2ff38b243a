"""Where demand is high: H3 counts of a place with Getis-Ord Gi*, kept as a run that can be shown and shared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from sqlalchemy import Connection

from gisapp.analytics.hexes import area_cells, cell_polygons, count_cells
from gisapp.analytics.hotspots import Hotspots, cell_weights, gi_star
from gisapp.domain import clock, incoming
from gisapp.domain.access import Reader
from gisapp.errors import InputError, NotFound
from gisapp.services import analysis_runs, demand
from gisapp.services.analysis_runs import Report, no_report
from gisapp.services.demand import Demand
from gisapp.store import analysis
from gisapp.store.database import Database

KIND = "hotspot"
CLASSES: Mapping[int, str] = {
    3: "hot_99",
    2: "hot_95",
    1: "hot_90",
    0: "none",
    -1: "cold_90",
    -2: "cold_95",
    -3: "cold_99",
}
CLASS_TITLES: Mapping[str, str] = {
    "hot_99": "热点 99%",
    "hot_95": "热点 95%",
    "hot_90": "热点 90%",
    "none": "不显著",
    "cold_90": "冷点 90%",
    "cold_95": "冷点 95%",
    "cold_99": "冷点 99%",
}
MAX_CELLS = 50_000
_WANTED_CELLS = 700
_CASES_SHOWN = 200


@dataclass(frozen=True, slots=True)
class HotspotRequest:
    """What to analyse.

    Attributes:
        demand: which demand, where and when.
        resolution: H3 resolution 6–13; None chooses one that gives some hundreds of cells.
        rings: neighbours of a cell are those at most so many steps away.
        correction: class by the false discovery rate (recommended) or by each cell's own probability.
        title: name of the run; made from the demand when empty.
    """

    demand: Demand
    resolution: int | None = None
    rings: int = 1
    correction: bool = True
    title: str = ""


def _checked(reader: Reader, request: HotspotRequest) -> HotspotRequest:
    demand.checked(reader, request.demand)
    if request.resolution is not None:
        incoming.whole(request.resolution, "分辨率", "resolution", 6, 13)
    incoming.whole(request.rings, "邻域圈数", "rings", 1, 5)
    return replace(request, title=incoming.text(request.title, incoming.TITLE, "title"))


def suggested_resolution(area: shapely.Geometry) -> int:
    """Coarsest resolution, 7 to 12, that divides an area into some hundreds of cells."""
    for resolution in range(7, 12):
        if len(area_cells(area, resolution)) >= _WANTED_CELLS:
            return resolution
    return 12


def compute(
    database: Database, reader: Reader, request: HotspotRequest, report: Report = no_report
) -> gpd.GeoDataFrame:
    """Gi* of a place's cells, without keeping it: what a notebook calls.

    Cells cover the whole place, so that cells without demand count as 0 and not as missing.

    Returns:
        one row a cell, the hottest first: ``cell`` (int64), ``count``, ``z``, ``p``, ``q``, ``neighbours``, ``class``
        (hot_99 … cold_99) and ``geometry`` (EPSG:4490); ``attrs`` holds ``resolution``, ``few`` and ``total``.

    Raises:
        InputError: nothing to analyse, a place that is not drawn, or more than 50,000 cells.
        Forbidden: the place lies outside the reader's scope, or the role does not analyse.
    """
    _checked(reader, request)
    report("读取需求", 0.05)
    points = demand.points_of(database, reader, request.demand)
    if not len(points):
        raise InputError(
            f"所选范围内没有{request.demand.words()}。", remedy="请扩大范围、放宽时间或改选需求类型。"
        )
    with database.begin(reader) as connection:
        area = analysis.area_of(connection, request.demand.place)
    if area.is_empty:
        raise InputError(f"地点 {request.demand.place} 没有边界。", remedy="请先导入该区域或网格的边界。")
    report("按六边形汇总", 0.3)
    resolution = request.resolution or suggested_resolution(area)
    held, sums = count_cells(points.lon, points.lat, resolution, points.weight)
    cells = np.union1d(area_cells(area, resolution, limit=MAX_CELLS), held)
    counts = np.zeros(len(cells))
    counts[np.searchsorted(cells, held)] = sums
    report("计算 Gi*", 0.6)
    found = gi_star(counts, cell_weights(cells, request.rings), correction=request.correction)
    return _frame(cells, counts, found, resolution)


def _frame(
    cells: np.ndarray[Any, np.dtype[np.int64]],
    counts: np.ndarray[Any, np.dtype[np.float64]],
    found: Hotspots,
    resolution: int,
) -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame(
        {
            "cell": cells,
            "count": counts,
            "z": found.z,
            "p": found.p,
            "q": found.q,
            "neighbours": found.neighbours,
            "class": [CLASSES[int(level)] for level in found.level],
        },
        geometry=cell_polygons(cells),
        crs="EPSG:4490",
    ).sort_values("z", ascending=False, ignore_index=True)
    frame.attrs = {"resolution": resolution, "few": found.few, "total": float(counts.sum())}
    return frame


def _title(database: Database, reader: Reader, request: HotspotRequest) -> str:
    place = analysis_runs.name_of_place(database, reader, request.demand.place)
    return request.title or f"{place} {request.demand.what()}热点"


def _parameters(request: HotspotRequest) -> dict[str, Any]:
    return {**asdict(request), "demand": request.demand.as_json()}


def _work(database: Database, reader: Reader, request: HotspotRequest) -> analysis_runs.Work:
    def work(report: Report) -> analysis_runs.Keep:
        frame = compute(database, reader, request, report)

        def keep(connection: Connection, run_id: int, place: str) -> dict[str, Any]:
            columns = {name: frame[name].tolist() for name in ("cell", "count", "z", "p", "class")}
            columns["significant"] = (frame["class"] != "none").tolist()
            analysis.add_cells(connection, run_id, place, {**columns, "outline": frame.geometry.to_numpy()})
            return summary_of(frame, request)

        return keep

    return work


def summary_of(frame: gpd.GeoDataFrame, request: HotspotRequest) -> dict[str, Any]:
    """The numbers of a result: cells, demand, cells by class, and when it was computed."""
    by_class = frame["class"].value_counts().to_dict()
    bounds = frame.total_bounds
    return {
        "cells": len(frame),
        "resolution": frame.attrs["resolution"],
        "total": frame.attrs["total"],
        "unit": demand.unit_of(request.demand.kind),
        "few": frame.attrs["few"],
        "classes": {name: int(by_class.get(name, 0)) for name in CLASS_TITLES},
        "bounds": [float(v) for v in bounds],
        "demand": request.demand.words(),
        "as_of": clock.now().isoformat(timespec="seconds"),
    }


def _job(database: Database, reader: Reader, request: HotspotRequest) -> analysis_runs.Job:
    request = _checked(reader, request)
    demand.require_known_place(database, reader, request.demand.place)
    return analysis_runs.Job(
        KIND,
        request.demand.place,
        _title(database, reader, request),
        _parameters(request),
        _work(database, reader, request),
    )


def run(database: Database, reader: Reader, request: HotspotRequest) -> int:
    """Compute and keep; returns the run's number when it is done."""
    return analysis_runs.run(database, reader, _job(database, reader, request))


def start(database: Database, reader: Reader, request: HotspotRequest) -> int:
    """Begin to compute in the background; returns the run's number at once."""
    return analysis_runs.start(database, reader, _job(database, reader, request))


def cells(database: Database, reader: Reader, run_id: int) -> list[dict[str, Any]]:
    """Cells of a run, the hottest first; ``outline`` is GeoJSON text.

    Raises:
        NotFound: no such hotspot run within the reader's scope.
    """
    analysis_runs.get(database, reader, run_id, kind=KIND, called="热点分析")
    with database.begin(reader) as connection:
        rows = analysis.cells_of(connection, run_id)
    return [{**row, "class_title": CLASS_TITLES[row["class"]]} for row in rows]


def feature_collection(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Cells as GeoJSON (EPSG:4490); the H3 index as its usual hexadecimal text, since JSON numbers cannot hold it."""
    features = []
    for row in rows:
        properties = {name: row[name] for name in ("id", "count", "z", "p", "class", "class_title")}
        properties["cell"] = format(row["cell"], "x")
        geometry = json.loads(row["outline"])
        features.append({"type": "Feature", "id": row["id"], "properties": properties, "geometry": geometry})
    return {"type": "FeatureCollection", "features": features}


def records(database: Database, reader: Reader, run_id: int, cell_id: int) -> dict[str, Any]:
    """The cases behind the number of one cell of a run; for demand of residents only the number, no names.

    Raises:
        NotFound: no such run or cell within the reader's scope.
    """
    found = analysis_runs.get(database, reader, run_id)
    wanted = wanted_from(found["parameters"]["demand"]) if found["kind"] == KIND else None
    with database.begin(reader) as connection:
        row = next((c for c in analysis.cells_of(connection, run_id) if c["id"] == cell_id), None)
        if row is None or wanted is None:
            raise NotFound("没有这个六边形。", remedy="结果可能已被删除，请重新选择。")
        cases: list[dict[str, Any]] = []
        if wanted.kind == demand.CASES:
            since = clock.day_bounds(wanted.since)[0] if wanted.since else None
            until = clock.day_bounds(wanted.until)[1] if wanted.until else None
            outline = shapely.from_geojson(row["outline"])
            cases = [
                dict(case)
                for case in analysis.cases_within(
                    connection, outline, wanted.place, since, until, wanted.matter_class, _CASES_SHOWN
                )
            ]
    return {
        **row,
        "class_title": CLASS_TITLES[row["class"]],
        "cases": cases,
        "unit": demand.unit_of(wanted.kind),
    }


def wanted_from(stored: Mapping[str, Any]) -> Demand:
    """The demand that a run's record names."""
    days = {
        name: date.fromisoformat(stored[name]) if stored.get(name) else None for name in ("since", "until")
    }
    return Demand(stored["place"], stored["kind"], matter_class=stored.get("matter_class"), **days)
