"""Points into grids: the raster fence against geopandas.sjoin and against the exact library, in one run.

Run as ``python -m tests.bench.fence [--json] [--points N] [--grids N]``. A crooked tiling of about 5,000 grids, the
points in random order and sorted by place; every point is compared with the exact library, a sample with sjoin, and the
malicious points of ``tests/unit/test_fencing.py`` with them. Rates are on one core, in million points a second.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from gisapp.analytics.fencing import NOWHERE, Fence
from gisapp.analytics.raster_fence import RasterFence
from tests.unit.test_fencing import code, malicious, tiling


def best(function: Callable[[], Any], rounds: int) -> float:
    """Least seconds of several runs: the machine's other work only ever adds."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def by_sjoin(frame: gpd.GeoDataFrame, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Index of each point's grid as geopandas finds it; on a shared border the lowest."""
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat), crs=frame.crs)
    joined = points.sjoin(frame, how="inner", predicate="intersects")
    found = np.full(len(lon), NOWHERE, dtype=np.int32)
    order = np.argsort(-joined["index_right"].to_numpy(), kind="stable")
    found[joined.index.to_numpy()[order]] = joined["index_right"].to_numpy()[order]
    return found


def measure(count: int = 5_000_000, grids: int = 5_000, sample: int = 500_000) -> dict[str, Any]:
    """Rates, ratios, and how many points differ."""
    side = round(math.sqrt(grids))
    shapes = tiling(side, side, 1, size=0.0031)
    codes = [code(i) for i in range(len(shapes))]
    RasterFence(codes[:2], shapes[:2]).locate(np.zeros(1), np.zeros(1))  # compiles
    start = time.perf_counter()
    fast = RasterFence(codes, shapes)
    built = time.perf_counter() - start
    exact = Fence(codes, shapes)
    dice = np.random.default_rng(2)
    west, south, east, north = shapely.total_bounds(exact.polygons)
    lon, lat = dice.uniform(west, east, count), dice.uniform(south, north, count)
    order = np.lexsort((lon, np.floor((lat - south) / 0.0003)))
    sorted_lon, sorted_lat = lon[order].copy(), lat[order].copy()
    frame = gpd.GeoDataFrame(geometry=list(exact.polygons), crs=4490)

    some_lon, some_lat = lon[:sample], lat[:sample]
    rate_sjoin = sample / best(lambda: by_sjoin(frame, some_lon, some_lat), 2) / 1e6
    rate_exact = sample / best(lambda: exact.locate(some_lon, some_lat), 2) / 1e6
    rate_random = count / best(lambda: fast.locate(lon, lat), 5) / 1e6
    rate_sorted = count / best(lambda: fast.locate(sorted_lon, sorted_lat), 5) / 1e6
    batches = []
    for start_at in range(0, min(count, 3_000_000) - 1000, 1000):
        begin = time.perf_counter()
        fast.locate(lon[start_at : start_at + 1000], lat[start_at : start_at + 1000])
        batches.append((time.perf_counter() - begin) * 1e3)

    bad_lon, bad_lat = malicious(list(shapes), 1, 100_000)
    differing = int((by_sjoin(frame, some_lon, some_lat) != fast.locate(some_lon, some_lat)).sum())
    for x, y in ((lon, lat), (bad_lon, bad_lat)):
        differing += int((exact.locate(x, y) != fast.locate(x, y)).sum())
    return {
        "bench": "fence",
        "unit": "M points/s",
        "points": count,
        "grids": len(shapes),
        "build_s": round(built, 2),
        "random": round(rate_random, 1),
        "sorted": round(rate_sorted, 1),
        "sjoin": round(rate_sjoin, 3),
        "exact_library": round(rate_exact, 3),
        "ratio_random": round(rate_random / rate_sjoin, 1),
        "ratio_sorted": round(rate_sorted / rate_sjoin, 1),
        "batch_1000_ms": {
            "p50": round(float(np.percentile(batches, 50)), 3),
            "p99": round(float(np.percentile(batches, 99)), 3),
        },
        "compared": sample + count + len(bad_lon),
        "differing": differing,
    }


def main() -> int:
    """Command line; the exit status says whether any point differed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=5_000_000)
    parser.add_argument("--grids", type=int, default=5_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.points, given.grids)
    if given.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        for name, value in found.items():
            print(f"{name:18} {value}")
    return 1 if found["differing"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
