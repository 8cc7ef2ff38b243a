"""Hotspots and service points on a real database: under row security, kept, shown as layers, interrupted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
import shapely
from sqlalchemy import text

from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.tiles import Tile
from gisapp.errors import Forbidden, InputError, NotFound
from gisapp.services import allocation, analysis_runs, demand, events, hotspots, siting
from gisapp.services.allocation import AllocationRequest
from gisapp.services.demand import Demand
from gisapp.services.hotspots import HotspotRequest
from gisapp.store.analysis import Points, Site
from gisapp.store.database import Database
from layers.features import features
from tests.db import analysis_world as world
from tests.db.tiling import read_tile

CASES = 1500


@pytest.fixture(scope="module", autouse=True)
def _town(database: Database) -> None:
    with database.begin(SYSTEM) as connection:
        world.build(connection, CASES)


@pytest.fixture
def planner(reader: Callable[..., Reader]) -> Reader:
    return reader(Role.PLANNER, world.STREET, user_id=31)


def test_the_hotspot_is_found_where_it_was_put(database: Database, planner: Reader) -> None:
    frame = hotspots.compute(database, planner, HotspotRequest(Demand(world.STREET)))
    assert frame["count"].sum() == CASES and frame.attrs["total"] == CASES
    assert frame["class"].iloc[0] == "hot_99"
    hot = frame[frame["class"] == "hot_99"].geometry
    assert shapely.contains_xy(shapely.union_all(hot.to_numpy()), *world.lonlat(*world.HOT))
    assert shapely.union_all(hot.to_numpy()).area < 0.1 * shapely.union_all(frame.geometry.to_numpy()).area
    assert len(frame) > 600 and not frame.attrs["few"]


def test_demand_by_class_time_and_residents(database: Database, planner: Reader) -> None:
    def total(wanted: Demand) -> float:
        return float(demand.points_of(database, planner, demand.checked(planner, wanted)).weight.sum())

    today = clock.today()
    assert total(Demand(world.STREET, matter_class="06")) == CASES / 3
    assert total(Demand(world.STREET, since=today - timedelta(days=9), until=today)) < CASES / 4
    halves = [total(Demand(place)) for place in (world.WEST, world.EAST)]
    assert sum(halves) == CASES and min(halves) > 0
    assert total(Demand(world.STREET, "people")) == 120 * 90
    assert 0 < total(Demand(world.STREET, "elders")) < 120 * 40


def test_a_kept_run_is_shown_by_the_layer_and_opens_its_cases(database: Database, planner: Reader) -> None:
    run = hotspots.run(
        database, planner, HotspotRequest(Demand(world.STREET), resolution=10, title="测试热点")
    )
    found = analysis_runs.get(database, planner, run)
    assert (found["state"], found["title"], found["place"]) == ("done", "测试热点", world.STREET)
    assert found["summary"]["cells"] == sum(found["summary"]["classes"].values())
    cells = hotspots.cells(database, planner, run)
    assert len(cells) == found["summary"]["cells"] and cells[0]["class"] == "hot_99"
    z = [c["z"] for c in cells]
    assert z == sorted(z, reverse=True)
    opened = hotspots.records(database, planner, run, cells[0]["id"])
    assert opened["count"] == len(opened["cases"]) or len(opened["cases"]) == 200
    shown = features(database, planner, "hotspots", limit=50_000)
    assert shown.count('"type": "Feature"') + shown.count('"type" : "Feature"') == len(cells)
    named = features(database, planner, "hotspots", given={"run": str(run)}, limit=50_000)
    assert len(named) == len(shown)
    analysis_runs.remove(database, planner, run)
    with pytest.raises(NotFound):
        analysis_runs.get(database, planner, run)


def test_scopes(database: Database, planner: Reader, reader: Callable[..., Reader]) -> None:
    run = hotspots.run(database, planner, HotspotRequest(Demand(world.STREET), resolution=9))
    narrow = reader(Role.PLANNER, world.WEST, user_id=32)
    with pytest.raises(NotFound):
        analysis_runs.get(database, narrow, run)
    assert analysis_runs.recent(database, narrow) == []
    with pytest.raises(Forbidden):
        hotspots.compute(database, narrow, HotspotRequest(Demand(world.EAST)))
    with pytest.raises(Forbidden):
        hotspots.start(database, reader(Role.WORKER, world.STREET), HotspotRequest(Demand(world.STREET)))
    other = reader(Role.LEADER, world.STREET, user_id=33)
    assert analysis_runs.get(database, other, run)["mine"] is False
    with pytest.raises(Forbidden):
        analysis_runs.remove(database, other, run)
    mine = hotspots.compute(database, narrow, HotspotRequest(Demand(world.WEST), resolution=10))
    assert 0 < mine["count"].sum() < CASES
    (only,) = analysis_runs.places_to_choose(database, narrow)
    west, south, east, north = only["bounds"]
    assert only["place"] == world.WEST and west < east and south < north


@pytest.mark.parametrize("candidates", ["junction", "building", "poi", "poi:购物"])
def test_stations_are_placed_and_coverage_grows(database: Database, planner: Reader, candidates: str) -> None:
    request = AllocationRequest(
        Demand(world.STREET, "elders"), p=2, service_distance=400, candidates=candidates, existing="卫生"
    )
    placed = allocation.compute(database, planner, request)
    stations = placed.stations
    assert stations["existing"].sum() == 1 and (~stations["existing"]).sum() == 2
    assert placed.after.share > placed.before.share
    assert placed.after.mean_distance < placed.before.mean_distance
    assert placed.solution.bound <= placed.solution.objective and placed.solution.proven
    assert stations["demand"].sum() == pytest.approx(placed.after.total - placed.after.unreached)
    assert stations["covered"].sum() == pytest.approx(placed.after.covered)
    assert stations["rank"].tolist() == list(range(1, len(stations) + 1))


def test_coverage_is_at_least_that_of_the_median(database: Database, planner: Reader) -> None:
    wanted = Demand(world.STREET)
    by = {
        name: allocation.compute(
            database, planner, AllocationRequest(wanted, p=2, service_distance=300, objective=name)
        ).after.covered
        for name in ("distance", "coverage")
    }
    assert by["coverage"] >= by["distance"] > 0


def test_an_allocation_is_kept_with_its_numbers(database: Database, planner: Reader) -> None:
    run = allocation.run(
        database, planner, AllocationRequest(Demand(world.STREET, "elders"), p=2, existing="卫生")
    )
    summary = analysis_runs.get(database, planner, run)["summary"]
    assert summary["before"]["share"] < summary["after"]["share"] <= 1
    assert summary["proven"] and summary["gap"] <= 1e-6 and summary["existing"] == 1
    stations = allocation.stations(database, planner, run)
    assert [s["existing"] for s in stations] == [False, False, True]
    assert stations[0]["name"].endswith("路口") and stations[2]["name"] == "东卫生站"
    shown = features(database, planner, "stations", given={"run": str(run)})
    assert all(s["name"] in shown for s in stations)


def test_started_runs_end_and_tell_their_errors(database: Database, planner: Reader) -> None:
    good = hotspots.start(database, planner, HotspotRequest(Demand(world.STREET)))
    bad = allocation.start(
        database, planner, AllocationRequest(Demand(world.STREET, "elders"), p=9, candidates="poi:购物")
    )
    until = time.monotonic() + 60
    states: list[str] = []
    while time.monotonic() < until:
        states = [analysis_runs.get(database, planner, run)["state"] for run in (good, bad)]
        if "running" not in states:
            break
        time.sleep(0.1)
    assert states == ["done", "failed"]
    told = analysis_runs.get(database, planner, bad)["summary"]
    assert "候选点" in told["message"] and told["remedy"]


def test_a_run_that_fell_silent_counts_as_interrupted(database: Database, planner: Reader) -> None:
    run = hotspots.run(database, planner, HotspotRequest(Demand(world.STREET), resolution=9))
    with database.begin(SYSTEM) as connection:
        connection.execute(
            text(
                "UPDATE onemap.analysis_run SET state = 'running', summary = '{}', created_at = now() - interval '1 hour' "
                "WHERE id = :id"
            ),
            {"id": run},
        )
    found = analysis_runs.get(database, planner, run)
    assert found["state"] == "failed" and "中断" in found["summary"]["message"]


def test_refusals(database: Database, planner: Reader) -> None:
    with pytest.raises(InputError, match="晚于"):
        today = clock.today()
        wanted = Demand(world.STREET, since=today, until=today - timedelta(days=1))
        hotspots.compute(database, planner, HotspotRequest(wanted))
    with pytest.raises(InputError, match="没有事件"):
        hotspots.compute(
            database, planner, HotspotRequest(Demand(world.STREET, until=clock.today() - timedelta(days=400)))
        )
    with pytest.raises(InputError, match="没有“x”这种需求"):
        hotspots.compute(database, planner, HotspotRequest(Demand(world.STREET, "x")))
    with pytest.raises(InputError, match="超过上限"):
        hotspots.compute(database, planner, HotspotRequest(Demand(world.STREET), resolution=13))
    with pytest.raises(InputError, match="没有事项大类"):
        hotspots.compute(database, planner, HotspotRequest(Demand(world.STREET, matter_class="99")))
    with pytest.raises(InputError, match="候选点类型"):
        allocation.compute(database, planner, AllocationRequest(Demand(world.STREET), candidates="tree"))
    with pytest.raises(InputError, match="没有“文化”这类公共服务场所"):
        allocation.compute(database, planner, AllocationRequest(Demand(world.STREET), candidates="poi:文化"))


def test_the_demand_layer_counts_what_there_is(
    database: Database, planner: Reader, reader: Callable[..., Reader]
) -> None:
    with database.begin(SYSTEM) as connection:
        assert demand.recount(connection, [""]) == CASES

    def shown(who: Reader, **given: str) -> int:
        found = json.loads(features(database, who, "demand", given=given, limit=50_000))
        return sum(f["properties"]["n"] for f in found["features"])

    assert shown(planner) == CASES
    halves = [shown(reader(Role.LEADER, place)) for place in (world.WEST, world.EAST)]
    assert sum(halves) == CASES and min(halves) > 0
    today = clock.today()
    week = {"from": (today - timedelta(days=6)).isoformat(), "to": (today + timedelta(days=1)).isoformat()}
    points = demand.points_of(
        database, planner, Demand(world.STREET, since=today - timedelta(days=6), until=today)
    )
    assert shown(planner, **week) == len(points)
    west, south = len(demand.points_of(database, planner, Demand(world.WEST))), shown(planner)
    with database.begin(planner) as connection:
        connection.execute(text("DELETE FROM onemap.event WHERE place ^@ :p"), {"p": world.WEST})
        assert demand.recount(connection, [world.WEST]) == 0
    assert shown(planner) == south - west


def test_the_number_of_a_cell_stands_in_one_tile(database: Database, planner: Reader) -> None:
    """Cells cross the borders of tiles; their outlines are in each of these tiles, their numbers in one."""
    with database.begin(SYSTEM) as connection:
        assert demand.recount(connection, [""]) > 0
    hotspots.run(database, planner, HotspotRequest(Demand(world.STREET), resolution=10))
    for layer, part, name in (("demand", "demand", "n"), ("hotspots", "hotspot", "count")):
        cells = json.loads(features(database, planner, layer, limit=50_000))["features"]
        expected = sorted(f["properties"][name] for f in cells)
        xs, ys = zip(*(xy for f in cells for xy in f["geometry"]["coordinates"][0]), strict=True)
        first, last = Tile.at(15, min(xs), max(ys)), Tile.at(15, max(xs), min(ys))
        tiles = [
            read_tile(database, planner, layer, Tile(15, x, y))
            for x in range(first.x, last.x + 1)
            for y in range(first.y, last.y + 1)
        ]
        labels = [f.properties[name] for tile in tiles for f in tile.get(f"{part}_label", [])]
        outlines = [f.properties[name] for tile in tiles for f in tile.get(part, [])]
        assert sorted(labels) == expected and len(outlines) > len(labels), layer


def test_a_reported_case_is_counted_at_once(database: Database, reader: Callable[..., Reader]) -> None:
    manager = reader(Role.MANAGER, world.EAST)
    layer = "demand"

    def total() -> int:
        found = json.loads(features(database, manager, layer, limit=50_000))
        return sum(f["properties"]["n"] for f in found["features"])

    before = total()
    lon, lat = world.lonlat(1201.0, 401.0)
    for _ in range(2):
        events.report(database, manager, events.Report(lon=lon, lat=lat, matter_code="01001"))
    assert total() == before + 2


def test_demand_is_gathered_without_losing_any() -> None:
    rng = np.random.default_rng(0)
    points = Points(
        rng.normal(120.17, 0.02, 20_000), rng.normal(30.28, 0.02, 20_000), rng.uniform(0, 3, 20_000)
    )
    few = siting.gathered(points)
    assert len(few) <= siting.MAX_DEMAND and few.weight.sum() == pytest.approx(points.weight.sum())
    assert (few.lon * few.weight).sum() == pytest.approx((points.lon * points.weight).sum())
    sites = [Site("poi", k, "", float(x), float(y)) for k, (x, y) in enumerate(rng.uniform(0, 1, (900, 2)))]
    kept = siting.thinned(sites, 50)
    assert len(kept) == 50 and len({s.id for s in kept}) == 50
