"""H3 cell counts of 1 M points: ours against the h3 library's loop, and against h3ronpy where it is installed.

Run as ``python -m tests.bench.hexes [--json] [--points N] [--resolution R]``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import h3.api.basic_int as h3
import numpy as np

from gisapp.analytics.hexes import count_cells, point_cells

PEERS_INSIDE = True
"""Set-up runs this module in the environment of the peers, which holds the application's packages too."""


def best(function: Callable[[], Any], rounds: int = 5) -> float:
    """Least seconds of several runs: the machine's other work only ever adds."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _h3ronpy(lon: np.ndarray, lat: np.ndarray, resolution: int) -> Callable[[], Any] | None:
    if importlib.util.find_spec("h3ronpy") is None:
        return None
    from h3ronpy import vector  # the peer's own environment has it

    return lambda: np.unique(
        np.asarray(vector.coordinates_to_cells(lat, lon, resolution)), return_counts=True
    )


def measure(points: int = 1_000_000, resolution: int = 9) -> dict[str, Any]:
    """Rates in million points per second, for a city's points and for points all over the globe."""
    rng = np.random.default_rng(0)
    places = {
        "city": (rng.normal(120.17, 0.05, points), rng.normal(30.28, 0.05, points)),
        "globe": (rng.uniform(-180, 180, points), np.degrees(np.arcsin(rng.uniform(-1, 1, points)))),
    }
    found: dict[str, Any] = {
        "bench": "hexes",
        "points": points,
        "resolution": resolution,
        "unit": "M points/s",
    }
    for name, (lon, lat) in places.items():
        pairs = list(zip(lat.tolist(), lon.tolist(), strict=True))
        count_cells(lon[:10], lat[:10], resolution)
        mine = points / best(lambda lon=lon, lat=lat: count_cells(lon, lat, resolution)) / 1e6
        loop = points / best(lambda p=pairs: Counter([h3.latlng_to_cell(*q, resolution) for q in p]), 2) / 1e6
        cells = np.array([h3.latlng_to_cell(*q, resolution) for q in pairs])
        row: dict[str, Any] = {"ours": mine, "h3_loop": loop, "ratio": mine / loop}
        row["different"] = int((cells != point_cells(lon, lat, resolution)).sum())
        peer = _h3ronpy(lon, lat, resolution)
        if peer is not None:
            row["h3ronpy"] = points / best(peer) / 1e6
            row["ratio"] = mine / row["h3ronpy"]
        found[name] = {key: round(value, 3) for key, value in row.items()}
    found["peer"] = "h3ronpy" if "h3ronpy" in found["city"] else "h3 loop"
    found["ratio"] = min(found["city"]["ratio"], found["globe"]["ratio"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON only")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--resolution", type=int, default=9)
    given = parser.parse_args()
    found = measure(given.points, given.resolution)
    print(json.dumps(found, ensure_ascii=False, indent=None if given.json else 2))


if __name__ == "__main__":
    main()
