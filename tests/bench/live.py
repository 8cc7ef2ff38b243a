"""The live path at the size of a city: from a posted position to the alert on every screen, on two cores.

Run as ``python -m tests.bench.live [--seconds 120] [--json]`` (``./onemap bench live``). A private cluster with the
product's settings (it waits for the disk at every commit) with the demo district and 20,000 workers, and the real server,
both kept to two cores; on the other cores processes that post one position per worker every ten seconds, most in batches
of gateways, a tenth by phones of their own, and screens of different scopes. A share of the workers walks out of its grid,
so that the fence fires. After the measured time the server is killed without a warning and started again, and the posts go
on; what was not acknowledged is posted again.

Latency is from the beginning of the POST that carries the proving position to the arrival at each screen that may see the
alert. In the end every acknowledged position must be in the table once, and the alerts must be those that the plain rule
with the exact library finds in the acknowledged positions, each told once to each screen on one line. There is no peer.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import pickle
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import text

from gisapp.bootstrap.processes import processes_in
from gisapp.domain.access import SYSTEM
from tests.bench._live_load import Log, Share, post_share
from tests.bench._live_plan import EVERY_S, Acknowledged, instant, make_plan, proven
from tests.bench._live_screens import Screen, Seen, watch_screens
from tests.bench._live_world import (
    Server,
    World,
    choose_cores,
    cpu_seconds,
    live_world,
    open_sessions,
    place,
)

#: seconds before what is measured, so that every worker has been heard of, and after the crash
WARM_S, CRASH_S = 20.0, 40.0
GATEWAY_WORKERS = 1000
POSTERS = 2
#: seconds to post what the strays did before the start
HEAD_START_S = 10.0


def screens_of(world: World, copies: int) -> tuple[list[dict[str, Any]], list[Screen]]:
    """Who looks: the whole place, its district, streets, communities, a grid, and a planner who may see no alerts."""
    places = sorted({place for _, place in world.workers})
    district, streets = places[0][:6], sorted({place[:9] for place in places})
    communities = sorted({place[:12] for place in places})
    wanted = [
        ("everything", "admin", "", False),
        ("district wall", "leader", district, True),
        ("street wall 1", "leader", streets[0], True),
        ("street wall 2", "leader", streets[-1], True),
        ("street desk", "manager", streets[len(streets) // 2], False),
        ("community desk", "manager", communities[len(communities) // 3], False),
        ("grid phone", "worker", places[len(places) // 5], False),
        ("planner", "planner", "", False),
    ]
    accounts, screens = [], []
    for name, role, scope, counts in wanted:
        for copy in range(copies):
            accounts.append({"login": f"{name} {copy}", "role": role, "scopes": [scope]})
            screens.append(Screen(f"{name} {copy}", "", counts, scope, role != "planner"))
    tokens = open_sessions(world.database, accounts)
    return accounts, [
        Screen(s.name, token, s.counts, s.scope, s.watches) for s, token in zip(screens, tokens, strict=True)
    ]


class Run:
    """One run in a world."""

    def __init__(self, world: World, given: argparse.Namespace, folder: Path, load_cores: set[int]) -> None:
        self.world, self.given, self.folder, self.load_cores = world, given, folder, load_cores
        self.total_s = WARM_S + given.seconds + (0.0 if given.no_crash else CRASH_S)
        self.ticks = round(self.total_s / EVERY_S)
        self.plan = make_plan(
            world.workers, world.grids, ticks=self.ticks, strays=given.strays, seed=given.seed
        )
        _, self.screens = screens_of(world, given.screens)
        self.server = Server(world, folder / "server.log")
        self.cpu: dict[str, float] = {}
        self.facts: dict[str, Any] = {}

    def shares(self) -> list[Share]:
        """The plan, dealt out to the processes that post it."""
        rows = list(range(len(self.plan.worker)))
        phones = rows[:: max(1, round(1 / self.given.phones))] if self.given.phones else []
        others = sorted(set(rows) - set(phones))
        gateways = [others[i : i + GATEWAY_WORKERS] for i in range(0, len(others), GATEWAY_WORKERS)]
        scopes = [{"login": f"gateway {i}", "role": "admin", "scopes": [""]} for i in range(len(gateways))]
        people = [
            {
                "login": f"phone {row}",
                "role": "worker",
                "scopes": [self.plan.place[row]],
                "worker": int(self.plan.worker[row]),
            }
            for row in phones
        ]
        gateway_tokens = open_sessions(self.world.database, scopes)
        phone_tokens = open_sessions(self.world.database, people)
        return [
            Share(
                self.plan,
                self.server.port,
                gateways[i::POSTERS],
                phones[i::POSTERS],
                gateway_tokens[i::POSTERS] + phone_tokens[i::POSTERS],
                self.ticks,
                self.given.seed + i,
            )
            for i in range(POSTERS)
        ]

    def _processes(self) -> tuple[list[Any], list[Path], Any]:
        """Start those who post and those who look; they are ready on return."""
        context = multiprocessing.get_context("spawn")
        watching = context.Process(
            target=watch_screens,
            args=(self.screens, self.server.port, self.folder / "end", self.folder / "seen"),
            daemon=True,
        )
        watching.start()
        posting, logs, shares = [], [], []
        for i, share in enumerate(self.shares()):
            path, out = self.folder / f"share{i}", self.folder / f"log{i}"
            path.write_bytes(pickle.dumps(share))
            process = context.Process(target=post_share, args=(path, self.folder / "go", out), daemon=True)
            process.start()
            posting.append(process)
            logs.append(out)
            shares.append(path)
        while any(path.exists() for path in shares):
            time.sleep(0.1)
        return posting, logs, watching

    def _go(self) -> tuple[float, float]:
        """Say when it begins: monotonic seconds, and the same instant as seconds since 1970."""
        begin = (time.monotonic() + HEAD_START_S, round(time.time() + HEAD_START_S, 3))
        part = self.folder / "go.part"
        part.write_bytes(pickle.dumps(begin))
        part.rename(self.folder / "go")
        return begin

    def run(self) -> dict[str, Any]:
        """Post, measure, kill, judge."""
        place([os.getpid()], self.load_cores, self.world.nice)
        self.facts["server_start_s"] = round(self.server.start(), 1)
        posting, logs, watching = self._processes()
        start, wall = self._go()
        load = os.getloadavg()[0]
        measured = (start + WARM_S, start + WARM_S + self.given.seconds)
        _sleep_until(measured[0])
        before = self._cpu()
        _sleep_until(measured[1])
        after = self._cpu()
        loads = (round(load, 1), round(os.getloadavg()[0], 1))
        down = None
        if not self.given.no_crash:
            # Between two ticks, so that posts are under way.
            time.sleep(EVERY_S * 0.4)
            killed = time.monotonic()
            self.server.kill()
            self.facts["restart_s"] = round(self.server.start(), 1)
            down = (killed, time.monotonic())
        for process in posting:
            process.join(self.total_s + 300)
        time.sleep(2.0)
        (self.folder / "end").touch()
        watching.join(30)
        if any(process.exitcode != 0 for process in (*posting, watching)):
            raise RuntimeError(f"a process failed: {[p.exitcode for p in (*posting, watching)]}")
        found = [pickle.loads(path.read_bytes()) for path in logs]
        told: list[Seen] = pickle.loads((self.folder / "seen").read_bytes())
        seconds = measured[1] - measured[0]
        return {
            "bench": "live",
            "workers": len(self.plan.worker),
            "grids": len(self.world.grids),
            "seconds": self.given.seconds,
            "cores": sorted(self.world.cores) or f"not restricted: {os.cpu_count()} shared with the load",
            "load": loads,
            "nice": self.world.nice,
            "cpu_server": round((after["server"] - before["server"]) / seconds, 2),
            "cpu_database": round((after["database"] - before["database"]) / seconds, 2),
            **self.facts,
            **_posts(found, measured),
            **self._alerts(found, told, measured, down, wall),
        }

    def _cpu(self) -> dict[str, float]:
        return {
            "server": cpu_seconds(self.server.pids),
            "database": cpu_seconds(processes_in(self.world.cluster.folder)),
        }

    def _alerts(
        self,
        logs: list[Log],
        told: list[Seen],
        measured: tuple[float, float],
        down: tuple[float, float] | None,
        wall: float,
    ) -> dict[str, Any]:
        """Compare what was acknowledged with the table, the alerts and what each screen was told."""
        plan = self.plan
        begun: dict[tuple[int, Any], float] = {}
        acknowledged: Acknowledged = {}
        for log in logs:
            lon, lat = plan.positions([f[0] for f in log.fixes], [f[1] for f in log.fixes])
            for (row, tick, number), x, y in zip(log.fixes, lon.tolist(), lat.tolist(), strict=True):
                at = instant(wall, tick, float(plan.offset[row]))
                acknowledged.setdefault(int(plan.worker[row]), []).append((at, x, y))
                begun[int(plan.worker[row]), at] = log.posts[number][0]
        stored, table_alerts = self._table()
        keys = {(worker, at) for worker, found in acknowledged.items() for at, _, _ in found}
        place_of = dict(zip(plan.worker.tolist(), plan.place, strict=True))
        expected = proven(acknowledged, place_of, self.world.grids)
        actual = [(a.worker_id, a.rule, a.opened_at, a.raised_at, a.returned_at) for a in table_alerts]
        steady: list[float] = []
        crash: list[float] = []
        missed = doubled = wrong = 0
        for screen, one in zip(self.screens, told, strict=True):
            visible = {a.id: a for a in table_alerts if screen.watches and a.place.startswith(screen.scope)}
            missed += len(visible.keys() - one.raised.keys())
            wrong += len(one.raised.keys() - visible.keys())
            doubled += sum(n - 1 for n in one.told.values())
            for identifier, at in one.raised.items():
                alert = visible.get(identifier)
                if alert is None:
                    continue
                posted = begun[alert.worker_id, alert.raised_at]
                if measured[0] <= posted <= measured[1]:
                    steady.append(at - posted)
                elif down is not None and posted >= down[0] - 1.0:
                    crash.append(at - posted)
        return {
            "alerts": len(table_alerts),
            "alerts_measured": len(steady),
            **{f"alert_p{q}_ms": _percentile(steady, q) for q in (50, 95, 99)},
            "alert_max_ms": round(max(steady, default=0.0) * 1000),
            "crash_alert_max_s": round(max(crash, default=0.0), 1),
            "acknowledged": len(keys),
            "lost": len(keys - stored),
            "not_acknowledged": len(stored - keys),
            "alerts_lost": len(expected - set(actual)),
            "alerts_wrong": len(set(actual) - expected),
            "alerts_doubled": len(actual) - len(set(actual)),
            "screens": len(self.screens),
            "screen_missed": missed,
            "screen_doubled": doubled,
            "screen_wrong": wrong,
            "screen_frames_s": round(sum(one.frames for one in told) / self.total_s),
            "screen_kb_s": round(sum(one.bytes for one in told) / self.total_s / 1024),
            "moves_told": sum(one.moves for one in told),
            "astray": self._astray(told, acknowledged),
        }

    def _table(self) -> tuple[set[tuple[int, Any]], list[Any]]:
        values = {"workers": self.plan.worker.tolist()}
        with self.world.database.begin(SYSTEM) as connection:
            rows = connection.execute(
                text("SELECT worker_id, at FROM onemap.fix WHERE worker_id = ANY(:workers)"), values
            )
            stored = {(row.worker_id, row.at) for row in rows}
            alerts = connection.execute(
                text(
                    "SELECT id, worker_id, place, rule, opened_at, raised_at, returned_at FROM onemap.alert "
                    "WHERE worker_id = ANY(:workers) AND withdrawn_at IS NULL"
                ),
                values,
            ).all()
        return stored, list(alerts)

    def _astray(self, told: list[Seen], acknowledged: Acknowledged) -> int:
        """Workers who, in the end, stand elsewhere on a screen than where they last said they were."""
        last = {worker: max(found) for worker, found in acknowledged.items()}
        place_of = dict(zip(self.plan.worker.tolist(), self.plan.place, strict=True))
        astray = 0
        for screen, one in zip(self.screens, told, strict=True):
            for worker, (at, lon, lat) in last.items():
                if not screen.watches or not place_of[worker].startswith(screen.scope):
                    continue
                shown = one.positions.get(worker)
                astray += shown is None or shown[2] != round(at.timestamp() * 1000) or shown[:2] != (lon, lat)
        return astray


def _posts(logs: list[Log], measured: tuple[float, float]) -> dict[str, Any]:
    """Figures of the posts that were begun within the measured time."""
    posts = [post for log in logs for post in log.posts if measured[0] <= post[0] <= measured[1]]
    acknowledged = sum(
        size for log in logs for _, done, size, _ in log.posts if measured[0] <= done <= measured[1]
    )
    waits = [done - begun for begun, done, _, _ in posts]
    seconds = measured[1] - measured[0]
    return {
        "fixes_s": round(acknowledged / seconds),
        "posts_s": round(len(posts) / seconds),
        "post_median_size": statistics.median([size for _, _, size, _ in posts]) if posts else 0,
        **{f"post_p{q}_ms": _percentile(waits, q) for q in (50, 95, 99)},
        "repeated": sum(tries > 1 for log in logs for _, _, _, tries in log.posts),
        "refused": sum(len(log.refused) for log in logs),
        "stored": sum(log.stored for log in logs),
        "doubled": sum(log.doubled for log in logs),
        "behind_s": round(max(log.late_s for log in logs), 2),
    }


def _percentile(values: list[float], q: int) -> int:
    """In milliseconds, the nearest value that is not below."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, -(-len(ordered) * q // 100) - 1)] * 1000) if ordered else -1


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def main() -> int:
    """Command line; the exit status says whether nothing was lost, doubled or wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=120.0, help="measured time, after 20 s of warming up"
    )
    parser.add_argument("--workers", type=int, default=20_000)
    parser.add_argument(
        "--size", choices=("street", "district"), default="district", help="of the demo place"
    )
    parser.add_argument("--strays", type=float, default=0.1, help="share of workers who walk out")
    parser.add_argument("--phones", type=float, default=0.1, help="share of workers who post by themselves")
    parser.add_argument("--screens", type=int, default=3, help="screens of each of the eight scopes")
    parser.add_argument("--cores", type=int, default=2, help="for server and database together")
    parser.add_argument(
        "--nice", type=int, default=0, help="priority, where others work on the machine too (root)"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--no-crash", action="store_true", help="leave out the killed server")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    cores, load_cores = choose_cores(given.cores)
    folder = Path(tempfile.mkdtemp(prefix="onemap-bench-live-run-"))
    try:
        with live_world(given.size, given.workers, cores, given.seed, given.nice) as world:
            run = Run(world, given, folder, load_cores)
            try:
                found = run.run()
            finally:
                run.server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        for name, value in found.items():
            print(f"{name:18} {value}")
    good = (
        "lost",
        "alerts_lost",
        "alerts_wrong",
        "alerts_doubled",
        "screen_missed",
        "screen_doubled",
        "screen_wrong",
    )
    return 1 if any(found[name] for name in good) else 0


if __name__ == "__main__":
    sys.exit(main())
