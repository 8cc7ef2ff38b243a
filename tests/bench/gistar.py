"""Gi* on 20,000 hexagons: ours against esda, both from a finished neighbourhood to scores and probabilities.

Run as ``python -m tests.bench.gistar [--json] [--rings N]``.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from typing import Any

import h3.api.basic_int as h3
import numpy as np
from scipy.special import ndtr

from gisapp.analytics.hotspots import cell_weights, gi_star, gi_z
from tests.bench.hexes import best


def measure(rings: int = 81) -> dict[str, Any]:
    """Seconds of each, the ratio, and the largest difference of a score."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import esda
        import libpysal

        cells = np.array(sorted(h3.grid_disk(h3.latlng_to_cell(30.28, 120.17, 10), rings)))
        values = np.random.default_rng(0).poisson(3, len(cells)).astype(float)
        start = time.perf_counter()
        weights = cell_weights(cells)
        neighbourhood = time.perf_counter() - start
        rows = zip(weights.indptr[:-1], weights.indptr[1:], strict=True)
        others = {i: [j for j in weights.indices[a:b].tolist() if j != i] for i, (a, b) in enumerate(rows)}
        w = libpysal.weights.W(others, silence_warnings=True)
        w.transform = "B"
        peer = best(lambda: esda.G_Local(values, w, transform="B", star=True, permutations=0), 3)
        result = esda.G_Local(values, w, transform="B", star=True, permutations=0)

    def ours() -> tuple[np.ndarray, np.ndarray]:
        z = gi_z(values, weights)
        return z, ndtr(-np.abs(z))

    z, p = ours()
    mine = best(ours, 50)
    whole = best(lambda: gi_star(values, weights), 20)
    return {
        "bench": "gistar",
        "cells": len(cells),
        "peer": f"esda {esda.__version__}",
        "esda_s": round(peer, 4),
        "ours_s": round(mine, 6),
        "ratio": round(peer / mine),
        "with_false_discovery_and_classes_s": round(whole, 6),
        "ratio_whole": round(peer / whole),
        "neighbourhood_s": round(neighbourhood, 4),
        "largest_difference_z": float(np.abs(z - result.Zs).max()),
        "largest_difference_p": float(np.abs(p - result.p_norm).max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON only")
    parser.add_argument("--rings", type=int, default=81, help="81 rings are 19,927 cells")
    given = parser.parse_args()
    print(json.dumps(measure(given.rings), ensure_ascii=False, indent=None if given.json else 2))


if __name__ == "__main__":
    main()
