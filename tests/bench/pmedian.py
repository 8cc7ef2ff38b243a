"""p-median of 2,000 demands and 200 sites, p = 10: ours against spopt with CBC and against HiGHS, where installed.

Run as ``python -m tests.bench.pmedian [--json] [--peer-seconds 120]``. The peers run in processes of their own, because
spopt's solver and HiGHS cannot be loaded together.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from gisapp.analytics.allocation import p_median


def problem(demands: int = 2000, sites: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Distances in a plane of 10 by 10 km, and whole weights."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 1e4, (demands, 1, 2)), rng.uniform(0, 1e4, (1, sites, 2))
    return np.hypot(*(a - b).transpose(2, 0, 1)), rng.integers(1, 100, demands).astype(float)


PEERS_INSIDE = True
"""Set-up runs this module in the environment of the peers, which holds the application's packages too."""


def solve_spopt(p: int, limit: float, given: tuple[int, int], answer: Any) -> None:
    """spopt's p-median with CBC; its status is not believed, the value found is recomputed."""
    import pulp
    from spopt.locate import PMedian

    d, w = problem(*given)
    start = time.perf_counter()
    model = PMedian.from_cost_matrix(d, w, p)
    model.solve(pulp.PULP_CBC_CMD(msg=False, timeLimit=limit))
    seconds = time.perf_counter() - start
    opened = [j for j, variable in enumerate(model.fac_vars) if (variable.value() or 0) > 0.5]
    value = float((w * d[:, opened].min(axis=1)).sum()) if len(opened) == p else None
    answer.put({"seconds": seconds, "objective": value, "status": pulp.LpStatus[model.problem.status]})


def solve_highs(p: int, limit: float, given: tuple[int, int], answer: Any) -> None:
    """The usual mixed-integer model in HiGHS."""
    import highspy
    from scipy import sparse

    d, w = problem(*given)
    n, m = d.shape
    start = time.perf_counter()
    cost = np.r_[(w[:, None] * d).ravel(), np.zeros(m)]
    every = np.arange(n * m)
    rows = np.concatenate([every // m, n + every, n + every, np.full(m, n + n * m)])
    columns = np.concatenate([every, every, n * m + every % m, n * m + np.arange(m)])
    values = np.concatenate([np.ones(n * m), np.ones(n * m), -np.ones(n * m), np.ones(m)])
    matrix = sparse.csc_array((values, (rows, columns)), shape=(n + n * m + 1, n * m + m))
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = n * m + m, n + n * m + 1
    model.col_cost_, model.col_lower_ = cost, np.zeros(n * m + m)
    model.col_upper_ = np.ones(n * m + m)
    model.row_lower_ = np.r_[np.ones(n), np.full(n * m, -np.inf), p]
    model.row_upper_ = np.r_[np.ones(n), np.zeros(n * m), p]
    model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
    model.a_matrix_.value_ = matrix.data
    whole, real = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
    model.integrality_ = [real] * (n * m) + [whole] * m
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("time_limit", limit)
    solver.passModel(model)
    solver.run()
    info = solver.getInfo()
    found = {"objective": info.objective_function_value, "bound": info.mip_dual_bound}
    answer.put({"seconds": time.perf_counter() - start, **found, "status": str(solver.getModelStatus())})


PEERS = {"spopt": ("spopt", solve_spopt), "highs": ("highspy", solve_highs)}


def _told(solver: Callable[..., None], p: int, limit: float, given: tuple[int, int], answer: Any) -> None:
    """A peer that cannot run says so instead of being waited for; its solver ends together with it."""
    os.setsid()
    try:
        solver(p, limit, given, answer)
    except Exception as error:
        answer.put({"error": f"{type(error).__name__}: {error}"})


def run_peer(name: str, p: int, limit: float, given: tuple[int, int]) -> dict[str, Any] | None:
    """A peer's answer, or None where it is not installed."""
    module, solver = PEERS[name]
    if importlib.util.find_spec(module) is None:
        return None
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=_told, args=(solver, p, limit, given, answer))
    process.start()
    try:
        return dict(answer.get(timeout=limit * 1.5 + 60))
    except Exception as error:
        return {"seconds": limit, "objective": None, "status": f"no answer: {type(error).__name__}"}
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.join()


def measure(demands: int, sites: int, p: int, peer_seconds: float) -> dict[str, Any]:
    """Our time, gap and bound; the peers' times and values."""
    p_median(*problem(60, 20), 3)  # compiled before the clock starts
    d, w = problem(demands, sites)
    start = time.perf_counter()
    mine = p_median(d, w, p, gap=1e-6)
    seconds = time.perf_counter() - start
    found: dict[str, Any] = {
        "bench": "pmedian",
        "demands": demands,
        "sites": sites,
        "p": p,
        "ours_s": round(seconds, 3),
        "objective": mine.objective,
        "bound": mine.bound,
        "gap": mine.gap,
        "proven": mine.proven,
        "branches": mine.nodes,
        "peer": None,
        "ratio": None,
    }
    for name in PEERS:
        answer = run_peer(name, p, peer_seconds, (demands, sites))
        if answer is None:
            continue
        found[name] = answer
        if "error" in answer:
            continue
        ratio = answer["ratio"] = round(answer["seconds"] / seconds, 1)
        if found["peer"] is None:
            found["peer"], found["ratio"] = name, ratio
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON only")
    parser.add_argument("--demands", type=int, default=2000)
    parser.add_argument("--sites", type=int, default=200)
    parser.add_argument("-p", type=int, default=10)
    parser.add_argument("--peer-seconds", type=float, default=120.0, help="time limit of each peer")
    given = parser.parse_args()
    found = measure(given.demands, given.sites, given.p, given.peer_seconds)
    print(json.dumps(found, ensure_ascii=False, indent=None if given.json else 2))


if __name__ == "__main__":
    main()
