"""Where the next service points should stand: p-median or coverage on the walking distance of the stored streets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import Connection

from gisapp.analytics import allocation, network
from gisapp.domain import clock, incoming
from gisapp.domain.access import Reader
from gisapp.domain.vocabulary import label
from gisapp.errors import InputError
from gisapp.services import analysis_runs, demand, siting
from gisapp.services.analysis_runs import Report, no_report
from gisapp.services.demand import Demand
from gisapp.store import analysis
from gisapp.store.analysis import Points, Site
from gisapp.store.database import Database

KIND = "allocation"
Objective = Literal["distance", "coverage"]
OBJECTIVES = {"distance": "平均步行距离最短", "coverage": "服务半径内覆盖最多"}

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AllocationRequest:
    """What to decide.

    Attributes:
        demand: which demand, where and when.
        p: number of new service points.
        service_distance: metres on foot within which demand counts as covered.
        candidates: ``junction`` (street corners), ``building``, ``poi`` (any public place) or ``poi:KIND``.
        existing: kind of public places that serve already and stay; None for none.
        objective: ``distance`` or ``coverage``.
        seconds: longest time for the proof; the bound reached is told in any case.
        title: name of the run; made from the demand when empty.
    """

    demand: Demand
    p: int = 2
    service_distance: float = 500.0
    candidates: str = "junction"
    existing: str | None = None
    objective: Objective = "distance"
    seconds: float = 30.0
    title: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """Result of an allocation.

    Attributes:
        stations: service points, new ones first, each group by the demand it serves: ``rank``, ``name``, ``existing``,
            ``demand``, ``covered``, ``mean_distance`` (metres), ``subject_kind``, ``subject_id``, ``geometry`` (EPSG:4490).
        before, after: coverage within the service distance, over all demand of the place.
        solution: the proven bound and gap.
        left_out: weight of demand that no street of the main network reaches.
        candidates: candidate sites found, and how many of them were kept.
    """

    stations: gpd.GeoDataFrame
    before: allocation.Coverage
    after: allocation.Coverage
    solution: allocation.Allocation
    left_out: float
    candidates: tuple[int, int]


def _checked(reader: Reader, request: AllocationRequest) -> AllocationRequest:
    demand.checked(reader, request.demand)
    incoming.whole(request.p, "新增服务点", "p", 1, 50)
    incoming.number(request.service_distance, "服务半径", "service_distance", 50, 5_000)
    if request.objective not in OBJECTIVES:
        raise InputError(
            f"没有目标“{request.objective}”。",
            remedy="请选择 distance 或 coverage。",
            details={"field": "objective"},
        )
    kind = request.candidates.partition(":")[0]
    if kind not in ("junction", "building", "poi"):
        raise InputError(
            f"没有候选点类型“{request.candidates}”。",
            remedy="请选择 junction、building、poi 或 poi:类别。",
            details={"field": "candidates"},
        )
    return replace(request, title=incoming.text(request.title, incoming.TITLE, "title"))


def _require_kinds(database: Database, reader: Reader, request: AllocationRequest) -> None:
    """Refuse a kind of public places that the place has none of: nothing would be chosen from it, and nothing counted."""
    asked = {"existing": request.existing or "", "candidates": request.candidates.partition(":")[2]}
    if not any(asked.values()):
        return
    with database.begin(reader) as connection:
        there = [kind for kind, _ in analysis.poi_kinds(connection, request.demand.place)]
    for field, kind in asked.items():
        if kind and kind not in there:
            raise InputError(
                f"所选范围内没有“{kind}”这类公共服务场所。",
                remedy=f"可选：{'、'.join(there[:20])}。"
                if there
                else "请先导入公共服务场所，或改选其他候选点。",
                details={"field": field},
            )


def compute(
    database: Database, reader: Reader, request: AllocationRequest, report: Report = no_report
) -> Placement:
    """Choose service points, without keeping them: what a notebook calls.

    Raises:
        InputError: no demand, no streets, no or too few candidates.
        Forbidden: the place lies outside the reader's scope, or the role does not analyse.
    """
    _checked(reader, request)
    _require_kinds(database, reader, request)
    place = request.demand.place
    report("读取需求与街道", 0.05)
    points = siting.gathered(demand.points_of(database, reader, request.demand))
    if not len(points):
        raise InputError(
            f"所选范围内没有{request.demand.words()}。", remedy="请扩大范围、放宽时间或改选需求类型。"
        )
    with database.begin(reader) as connection:
        area, roads = siting.area_and_streets(connection, place)
        report("建立步行网络", 0.15)
        streets = network.build_network(roads.lines, roads.bridge)
        found = siting.candidates(connection, place, request.candidates, streets, roads, area)
        standing = analysis.poi_sites(connection, place, request.existing) if request.existing else []
    taken = {(s.kind, s.id) for s in standing}
    free = siting.thinned([s for s in found if s.id is None or (s.kind, s.id) not in taken])
    sites = [*standing, *free]
    if not sites:
        raise InputError("范围内没有候选点。", remedy="请选择另一类候选点，或扩大范围。")
    report("计算步行距离", 0.3)
    demand_at = network.snap_points(streets, points.lon, points.lat)
    sites_at = network.snap_points(
        streets, np.array([s.lon for s in sites]), np.array([s.lat for s in sites])
    )
    distances = network.walking_distances(streets, demand_at, sites_at)
    report("选择服务点", 0.6)
    return _placed(
        request,
        points,
        sites,
        len(standing),
        (len(found), len(free)),
        distances,
        siting.main_part(streets, demand_at, points.weight),
    )


def _placed(
    request: AllocationRequest,
    points: Points,
    sites: Sequence[Site],
    standing: int,
    candidates: tuple[int, int],
    distances: Floats,
    inside: NDArray[np.bool_],
) -> Placement:
    """Solve, and say how it was before and is after."""
    fixed = np.arange(standing)
    reached = np.isfinite(distances[inside]).any(axis=0)
    columns = np.flatnonzero(reached | (np.arange(len(sites)) < standing))
    if not inside.any() or len(columns) == standing:
        raise InputError(
            "候选点都不在有需求的街道网上，步行无法到达。", remedy="请补全街道、换一类候选点或扩大范围。"
        )
    part, weight = distances[np.ix_(inside, columns)], points.weight[inside]
    if request.objective == "coverage":
        solution = allocation.max_coverage(
            part, weight, request.p, request.service_distance, fixed=fixed, seconds=request.seconds
        )
    else:
        solution = allocation.p_median(part, weight, request.p, fixed=fixed, seconds=request.seconds)
    opened = columns[solution.opened]
    solution = replace(solution, chosen=columns[solution.chosen], opened=opened)
    return Placement(
        _stations(request, points, sites, standing, distances, opened),
        allocation.coverage(distances, points.weight, fixed, request.service_distance),
        allocation.coverage(distances, points.weight, opened, request.service_distance),
        solution,
        float(points.weight[~inside].sum()),
        candidates,
    )


def _stations(
    request: AllocationRequest,
    points: Points,
    sites: Sequence[Site],
    standing: int,
    distances: Floats,
    opened: NDArray[np.int64],
) -> gpd.GeoDataFrame:
    nearest = np.argmin(distances[:, opened], axis=1)
    way = distances[np.arange(len(distances)), opened[nearest]]
    rows = []
    for position, number in enumerate(opened.tolist()):
        mine = (nearest == position) & np.isfinite(way)
        weight = points.weight[mine]
        site = sites[number]
        rows.append(
            {
                "name": site.name or label("station"),
                "existing": number < standing,
                "demand": float(weight.sum()),
                "covered": float(weight[way[mine] <= request.service_distance].sum()),
                "mean_distance": float((weight * way[mine]).sum() / weight.sum()) if weight.sum() else None,
                "subject_kind": site.kind if site.id is not None else "",
                "subject_id": site.id,
                "geometry": shapely.Point(site.lon, site.lat),
            }
        )
    rows.sort(key=lambda row: (row["existing"], -row["demand"]))
    for rank, row in enumerate(rows, 1):
        row["rank"] = rank
    return gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:4490")


def summary_of(placed: Placement, request: AllocationRequest) -> dict[str, Any]:
    """The numbers of a result: coverage and distance before and after, bound and gap, what was left out."""

    def side(found: allocation.Coverage) -> dict[str, float | None]:
        return {name: None if value != value else value for name, value in asdict(found).items()}

    return {
        "before": side(placed.before),
        "after": side(placed.after),
        "unit": demand.unit_of(request.demand.kind),
        "service_distance": request.service_distance,
        "objective": OBJECTIVES[request.objective],
        "gap": placed.solution.gap,
        "proven": placed.solution.proven,
        "seconds": round(placed.solution.seconds, 2),
        "left_out": placed.left_out,
        "candidates": placed.candidates[0],
        "candidates_kept": placed.candidates[1],
        "existing": int(placed.stations["existing"].sum()),
        "bounds": [float(v) for v in placed.stations.total_bounds],
        "demand": request.demand.words(),
        "as_of": clock.now().isoformat(timespec="seconds"),
    }


def _title(database: Database, reader: Reader, request: AllocationRequest) -> str:
    place = analysis_runs.name_of_place(database, reader, request.demand.place)
    return request.title or f"{place} {request.demand.what()} 新增 {request.p} 个{label('station')}"


def _parameters(request: AllocationRequest) -> dict[str, Any]:
    return {**asdict(request), "demand": request.demand.as_json()}


def _work(database: Database, reader: Reader, request: AllocationRequest) -> analysis_runs.Work:
    def work(report: Report) -> analysis_runs.Keep:
        placed = compute(database, reader, request, report)

        def keep(connection: Connection, run_id: int, place: str) -> dict[str, Any]:
            rows = placed.stations.drop(columns="geometry").astype(object)
            rows = rows.where(rows.notna(), None)
            rows["lon"], rows["lat"] = placed.stations.geometry.x, placed.stations.geometry.y
            analysis.add_stations(connection, run_id, place, rows.to_dict("records"))
            return summary_of(placed, request)

        return keep

    return work


def _job(database: Database, reader: Reader, request: AllocationRequest) -> analysis_runs.Job:
    request = _checked(reader, request)
    demand.require_known_place(database, reader, request.demand.place)
    _require_kinds(database, reader, request)
    return analysis_runs.Job(
        KIND,
        request.demand.place,
        _title(database, reader, request),
        _parameters(request),
        _work(database, reader, request),
    )


def run(database: Database, reader: Reader, request: AllocationRequest) -> int:
    """Compute and keep; returns the run's number when it is done."""
    return analysis_runs.run(database, reader, _job(database, reader, request))


def start(database: Database, reader: Reader, request: AllocationRequest) -> int:
    """Begin to compute in the background; returns the run's number at once."""
    return analysis_runs.start(database, reader, _job(database, reader, request))


def stations(database: Database, reader: Reader, run_id: int) -> list[dict[str, Any]]:
    """Service points of a run, new ones first.

    Raises:
        NotFound: no such allocation run within the reader's scope.
    """
    analysis_runs.get(database, reader, run_id, kind=KIND, called="设点优化")
    with database.begin(reader) as connection:
        return [dict(row) for row in analysis.stations_of(connection, run_id)]


def site_kinds(database: Database, reader: Reader, place: str) -> list[dict[str, Any]]:
    """Kinds of public places in a place, which may be candidates or existing service points, with their number."""
    analysis_runs.check_place(reader, place)
    with database.begin(reader) as connection:
        return [{"kind": kind, "n": n} for kind, n in analysis.poi_kinds(connection, place)]
