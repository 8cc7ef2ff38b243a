"""Analyses: hotspots of demand, and where service points should stand."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gisapp.api.fields import Code, Day, Id, Place, Title, number, whole
from gisapp.api.session import DatabaseHere, ReaderHere
from gisapp.services import allocation, analysis_runs, demand, hotspots
from gisapp.services.allocation import AllocationRequest
from gisapp.services.demand import Demand
from gisapp.services.hotspots import HotspotRequest

router = APIRouter(prefix="/api/v1/analysis", tags=["analysis"])


class DemandIn(BaseModel):
    """Which demand, where and when."""

    place: Place = Field(description="place key: 2, 4, 6, 9, 12 or 15 digits")
    kind: Code = Field(demand.CASES, description="event, people, elders, children or floating")
    since: Day | None = Field(None, description="first local day; cases only")
    until: Day | None = Field(None, description="last local day, included; cases only")
    matter_class: Code | None = Field(None, description="first two digits of the matter code; cases only")


class HotspotIn(DemandIn):
    """A hotspot analysis."""

    resolution: Annotated[int, whole("分辨率", 0, 15)] | None = Field(
        None, description="H3 resolution 6–13; chosen by the place's size when left out"
    )
    rings: Annotated[int, whole("邻域圈数", 0, 100)] = Field(
        1, description="neighbours lie at most so many steps away"
    )
    correction: bool = Field(True, description="class by the false discovery rate (Benjamini–Hochberg)")
    title: Title = ""


class AllocationIn(DemandIn):
    """An allocation of service points."""

    p: Annotated[int, whole("新增服务点", 0, 1000)] = Field(2, description="number of new service points")
    service_distance: Annotated[float, number("服务半径", 0.0, 1e6)] = Field(
        500.0, description="metres on foot"
    )
    candidates: Code = Field("junction", description="junction, building, poi or poi:KIND")
    existing: Code | None = Field(None, description="kind of public places that serve already")
    objective: Literal["distance", "coverage"] = "distance"
    title: Title = ""


class Begun(BaseModel):
    """A run that has begun."""

    run: int


def _demand(given: DemandIn) -> Demand:
    return Demand(given.place, given.kind, given.since, given.until, given.matter_class)


@router.get("/demand")
def show_demand(reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """Kinds of demand, classes of matters, and the days that there are cases of."""
    return demand.options(database, reader)


@router.get("/places")
def list_places(reader: ReaderHere, database: DatabaseHere) -> list[dict[str, Any]]:
    """Places that the reader may analyse."""
    return analysis_runs.places_to_choose(database, reader)


@router.post("/hotspots", status_code=202)
def start_hotspots(what: HotspotIn, reader: ReaderHere, database: DatabaseHere) -> Begun:
    """Begin a hotspot analysis; its progress stands in the run."""
    request = HotspotRequest(_demand(what), what.resolution, what.rings, what.correction, what.title)
    return Begun(run=hotspots.start(database, reader, request))


@router.post("/allocations", status_code=202)
def start_allocation(what: AllocationIn, reader: ReaderHere, database: DatabaseHere) -> Begun:
    """Begin an allocation of service points; its progress stands in the run."""
    request = AllocationRequest(
        _demand(what),
        what.p,
        what.service_distance,
        what.candidates,
        what.existing,
        what.objective,
        title=what.title,
    )
    return Begun(run=allocation.start(database, reader, request))


@router.get("/runs")
def list_runs(
    reader: ReaderHere, database: DatabaseHere, kind: Literal["hotspot", "allocation"] | None = None
) -> list[dict[str, Any]]:
    """Runs within the reader's scope, the newest first."""
    return analysis_runs.recent(database, reader, kind)


@router.get("/runs/{run_id}")
def show_run(run_id: Id, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """One run: parameters, state, and its summary, progress or error."""
    return analysis_runs.get(database, reader, run_id)


@router.delete("/runs/{run_id}", status_code=204)
def remove_run(run_id: Id, reader: ReaderHere, database: DatabaseHere) -> None:
    """Delete one's own run with its results."""
    analysis_runs.remove(database, reader, run_id)


@router.get("/runs/{run_id}/cells")
def list_cells(run_id: Id, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """Cells of a hotspot run as GeoJSON."""
    return hotspots.feature_collection(hotspots.cells(database, reader, run_id))


@router.get("/runs/{run_id}/cells/{cell_id}")
def show_cell(run_id: Id, cell_id: Id, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """One cell of a hotspot run with the cases behind its number."""
    return hotspots.records(database, reader, run_id, cell_id)


@router.get("/runs/{run_id}/stations")
def list_stations(run_id: Id, reader: ReaderHere, database: DatabaseHere) -> list[dict[str, Any]]:
    """Service points of an allocation run, new ones first."""
    return allocation.stations(database, reader, run_id)
