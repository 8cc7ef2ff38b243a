"""Publications under load: cases and positions without a pause while grids are split and merged; no row in a wrong grid.

Run as ``python -m tests.bench.publications [--count 100] [--json]`` (``./onemap bench publications``). A private cluster with
the product's settings (it waits for the disk at every commit) with the demo street. Two processes report cases and close
some, two post positions of 200 workers, a fifth of them late by up to 15 minutes; meanwhile grids of communities by chance
are split and merged and published, a fifth of them as planned versions whose day comes. In the end every row that carries a
place key is compared with the grid that it should be in, positions with the grids of their instant, and every case and
position that was acknowledged must be there once. There is no peer.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import time
from typing import Any

from tests.bench._live_world import live_world
from tests.bench._publications_load import (
    GOOD,
    Told,
    communities_of,
    publish_some,
    report_cases,
    send_positions,
    verdict,
    workers_of,
)

SOURCES = 2


def _report(url: str, communities: dict[str, bytes], seed: int, stop: Any, out: Any) -> None:
    out.put(("case", report_cases(url, communities, seed, stop)))


def _send(url: str, communities: dict[str, bytes], workers: Any, seed: int, stop: Any, out: Any) -> None:
    out.put(("position", send_positions(url, communities, workers, seed, stop)))


def run(size: str, count: int, workers: int, seed: int) -> dict[str, Any]:
    """The whole benchmark; figures by name."""
    with live_world(size, workers, set(), seed, 0) as world:
        communities = communities_of(world.database)
        people = workers_of(world.database)
        context = multiprocessing.get_context("spawn")
        stop, out = context.Event(), context.Queue()
        load = [
            context.Process(target=_report, args=(world.app_url, communities, seed + i, stop, out))
            for i in range(SOURCES)
        ]
        load += [
            context.Process(
                target=_send, args=(world.app_url, communities, people[i::SOURCES], seed + 10 + i, stop, out)
            )
            for i in range(SOURCES)
        ]
        for process in load:
            process.start()
        begun = time.monotonic()
        try:
            seconds = publish_some(world.database, list(communities), count, random.Random(seed))
        finally:
            stop.set()
        lasted = time.monotonic() - begun
        told: list[tuple[str, Told]] = [out.get(timeout=120) for _ in load]
        for process in load:
            process.join(60)
        begun = time.monotonic()
        found = verdict(world.database, [one for _, one in told])
        checked = time.monotonic() - begun
    return {
        "publications": len(seconds),
        "seconds": round(lasted, 1),
        "publication_ms": _spread(seconds),
        "case_ms": _spread([s for kind, one in told if kind == "case" for s in one.seconds]),
        "post_ms": _spread([s for kind, one in told if kind == "position" for s in one.seconds]),
        "check_s": round(checked, 1),
        **found,
    }


def _spread(seconds: list[float]) -> dict[str, int]:
    """Milliseconds: median, 99th of a hundred, longest."""
    ordered = sorted(seconds)
    at = [ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], ordered[-1]]
    return {name: round(value * 1000) for name, value in zip(("p50", "p99", "most"), at, strict=True)}


def main() -> int:
    """Command line; the exit status says whether every row stands in its right grid and nothing was lost or doubled."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100, help="publications")
    parser.add_argument("--size", choices=("street", "district"), default="street", help="of the demo place")
    parser.add_argument("--workers", type=int, default=200, help="workers besides those of the demo place")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = run(given.size, given.count, given.workers, given.seed)
    if given.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        for name, value in found.items():
            print(f"{name:18} {value}")
    return 1 if any(found[name] for name in GOOD) else 0


if __name__ == "__main__":
    sys.exit(main())
