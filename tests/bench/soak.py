"""The big screen left open under simulation: memory flat, and nothing missed when the server is restarted midway.

Run as ``python -m tests.bench.soak [--minutes 30] [--json]`` (``./onemap bench soak``). A database of its own with the
demo street, the application's server, the simulator, and a browser on ``/screen``. Twice a minute the page's heap (after a
collection), nodes that have left the document and the server's memory are read. At half time the server is stopped for ten seconds, while
another process goes on raising alerts. In the end every alert of the database must have reached the page, and each worker
must stand on the map where the database has it. There is no peer: the figures are growth, and what was missed.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright
from sqlalchemy import create_engine, text

from gisapp.domain import clock
from gisapp.domain.access import SYSTEM
from gisapp.services import tracks
from gisapp.services.accounts import DEMO_PASSWORD
from gisapp.store.database import Database, engine_url
from gisapp.store.migrate import upgrade
from tests.browser.conftest import ARGUMENTS, CHROMIUM, free_port, start_server, stop_server
from tests.browser.test_screen import walkers
from tests.browser.world import load_world

ROLE = "onemap_bench"
ROOT = Path(__file__).resolve().parents[2]
EVERY_S = 30.0
DOWN_S = 10.0
#: what a later quarter of the run may hold more than an earlier one, beside the noise of a collector
GROWTH_SHARE, GROWTH_MB, GROWTH_NODES = 0.08, 4.0, 80.0


@dataclass
class Samples:
    """What was read, twice a minute."""

    minutes: list[float] = field(default_factory=list)
    heap: list[float] = field(default_factory=list)
    detached: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)

    def after(self, start: float) -> Samples:
        """The samples from a minute on."""
        keep = [i for i, minute in enumerate(self.minutes) if minute >= start]
        return Samples(
            *([getattr(self, name)[i] for i in keep] for name in ("minutes", "heap", "detached", "server"))
        )


def growth(values: list[float]) -> float:
    """Last quarter less the second one, medians; the first is warming up."""
    quarter = max(1, len(values) // 4)
    return statistics.median(values[-quarter:]) - statistics.median(
        values[quarter : 2 * quarter] or values[:1]
    )


def flat(values: list[float], least: float = GROWTH_MB) -> bool:
    """Whether later values stay near earlier ones, but for a share or this least that is noise."""
    return growth(values) <= max(least, GROWTH_SHARE * statistics.median(values))


@contextmanager
def soak_database() -> Iterator[tuple[str, str]]:
    """A database with the demo street; addresses of owner and application."""
    url = os.environ["ONEMAP_TEST_DATABASE_URL"]
    name, password = f"onemap_bench_soak_{secrets.token_hex(3)}", secrets.token_hex(8)
    engine = create_engine(engine_url(url), isolation_level="AUTOCOMMIT")
    role = f"{ROLE}_{secrets.token_hex(3)}"
    with engine.connect() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{password}'"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin = engine_url(url).set(drivername="postgresql", database=name)
    app = admin.set(username=role, password=password)
    try:
        upgrade(admin.render_as_string(hide_password=False), role)
        load_world(admin.render_as_string(hide_password=False), "")
        yield admin.render_as_string(hide_password=False), app.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            connection.execute(text(f"DROP ROLE IF EXISTS {role}"))
        engine.dispose()


_STANDING = """(() => {
  const walker = document.createTreeWalker(document, NodeFilter.SHOW_ALL);
  let count = 1;
  while (walker.nextNode()) count += 1;
  return count;
})()"""


def memory_mb(process: subprocess.Popen[bytes]) -> float:
    """Resident memory of a process in MB."""
    for line in Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def read_page(session: CDPSession) -> tuple[float, float]:
    """Heap in MB after a collection, and the nodes that are in memory but not in the document."""
    session.send("HeapProfiler.collectGarbage")
    counters = session.send("Memory.getDOMCounters")
    # What stands in the document follows what happens in the street; what has left it must be gone.
    counted = session.send("Runtime.evaluate", {"expression": _STANDING, "returnByValue": True})
    left_over = counters["nodes"] - counted["result"]["value"]
    return session.send("Runtime.getHeapUsage")["usedSize"] / 2**20, float(left_over)


class Soak:
    """One run."""

    def __init__(self, app_url: str, page: Page, port: int) -> None:
        self.app_url, self.page, self.port = app_url, page, port
        self.database = Database(app_url, connections=2)
        self.server, self.url = start_server(app_url, port=port)
        # Left out by the simulator: two phones of one worker would contradict each other.
        everybody = walkers(self.database, 100_000)
        self.simulated, self.others = len(everybody) - 3, everybody[-3:]
        self.samples = Samples()
        self.began = time.monotonic()
        self.since = clock.now()

    def open(self) -> CDPSession:
        """Sign in and open the screen."""
        self.page.context.request.post(
            f"{self.url}/api/v1/session", data={"login": "leader", "password": DEMO_PASSWORD}
        )
        self.page.goto(f"{self.url}/screen")
        self.page.wait_for_selector("#screen-map[data-idle]", timeout=120_000)
        session = self.page.context.new_cdp_session(self.page)
        session.send("HeapProfiler.enable")
        self.began, self.since = time.monotonic(), clock.now()
        return session

    def simulate(self) -> subprocess.Popen[bytes]:
        """The simulator as a process of its own, as ``onemap up`` starts it."""
        command = [sys.executable, "-m", "gisapp.cli", "simulate", "--url", self.url]
        options = ["--stray-first", "5", "--stray-every", "40", "--case-every", "15", "--interval", "5"]
        options += ["--workers", str(self.simulated)]
        environ = {**os.environ, "ONEMAP_DATABASE_URL": self.app_url, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen([*command, *options], env=environ, stdout=subprocess.DEVNULL)

    def sample(self, session: CDPSession) -> None:
        """Read once."""
        heap, detached = read_page(session)
        self.samples.minutes.append((time.monotonic() - self.began) / 60)
        self.samples.heap.append(heap)
        self.samples.detached.append(detached)
        self.samples.server.append(memory_mb(self.server))

    def restart(self) -> float:
        """Stop the server, let alerts be raised without it, start it again; seconds until the page is live again."""
        stop_server(self.server)
        for walker in self.others:
            tracks.take_in(self.database, SYSTEM, walker.leaves())
        time.sleep(DOWN_S)
        self.server, _ = start_server(self.app_url, port=self.port)
        up = time.monotonic()
        self.page.wait_for_selector('.wall[data-line="live"]', timeout=60_000)
        return time.monotonic() - up

    def missed(self) -> tuple[int, int, int]:
        """Alerts of the run, those the page never saw, and workers who stand elsewhere on the map."""
        for _ in range(20):
            with self.database.begin(SYSTEM) as connection:
                raised = connection.execute(
                    text(
                        "SELECT a.id FROM onemap.alert a JOIN onemap.app_user u ON u.login = 'leader' "
                        "WHERE a.place ^@ ANY (u.scopes) AND a.withdrawn_at IS NULL AND a.raised_at >= :since"
                    ),
                    {"since": self.since},
                ).scalars()
                ids = set(raised)
                standing = connection.execute(
                    text(
                        "SELECT w.id, ST_X(w.last_geom) AS lon, ST_Y(w.last_geom) AS lat FROM onemap.grid_worker w "
                        "JOIN onemap.app_user u ON u.login = 'leader' AND w.place ^@ ANY (u.scopes) "
                        "WHERE w.last_at IS NOT NULL"
                    )
                ).all()
            seen, shown = self._page_state()
            unseen = len(ids - seen)
            astray = sum(not _near(shown.get(str(row.id)), row.lon, row.lat) for row in standing)
            if not unseen and not astray:
                break
            time.sleep(0.5)
        return len(ids), unseen, astray

    def _page_state(self) -> tuple[set[int], dict[str, list[float]]]:
        script = """async () => {
          const api = await window.onemapReady;
          const things = api.map('screen-map').gliders.get('workers').things;
          const screen = document.querySelector('.wall').onemapScreen;
          return [[...screen.stream.seen], Object.fromEntries([...things].map(([id, t]) => [id, t.to]))];
        }"""
        seen, shown = self.page.evaluate(script)
        return set(seen), shown

    def close(self) -> None:
        """Stop what was started."""
        stop_server(self.server)
        self.database.close()


def _near(shown: list[float] | None, lon: float, lat: float) -> bool:
    # The feed rounds to seven decimals, a centimetre.
    return shown is not None and abs(shown[0] - lon) < 2e-7 and abs(shown[1] - lat) < 2e-7


def run(minutes: float) -> dict[str, Any]:
    """Leave the screen open for some minutes."""
    with soak_database() as (_, app_url), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(ARGUMENTS))
        context = browser.new_context(
            viewport={"width": 1280, "height": 720}, locale="zh-CN", timezone_id="Asia/Shanghai"
        )
        soak = Soak(app_url, context.new_page(), free_port())
        simulator = None
        try:
            session = soak.open()
            simulator = soak.simulate()
            back_s, restarted = None, 0.0
            while (passed := (time.monotonic() - soak.began) / 60) < minutes:
                soak.page.wait_for_timeout(EVERY_S * 1000)
                soak.sample(session)
                print(
                    f"{passed:5.1f} min  heap {soak.samples.heap[-1]:6.1f} MB  "
                    f"detached {soak.samples.detached[-1]:5.0f}  server {soak.samples.server[-1]:6.1f} MB",
                    file=sys.stderr,
                )
                if back_s is None and passed >= minutes / 2:
                    back_s, restarted = soak.restart(), (time.monotonic() - soak.began) / 60
            simulator.terminate()
            simulator.wait(20)
            alerts, unseen, astray = soak.missed()
        finally:
            if simulator is not None and simulator.poll() is None:
                simulator.kill()
            soak.close()
            browser.close()
    samples, served = soak.samples, soak.samples.after(restarted)
    heap_flat, detached_flat, server_flat = (
        flat(samples.heap),
        flat(samples.detached, GROWTH_NODES),
        flat(served.server),
    )
    return {
        "bench": "soak",
        "minutes": round(samples.minutes[-1], 1),
        "heap_mb": [round(samples.heap[0], 1), round(samples.heap[-1], 1)],
        "heap_growth_mb": round(growth(samples.heap), 2),
        "detached": [samples.detached[0], samples.detached[-1]],
        "server_mb": [round(served.server[0], 1), round(served.server[-1], 1)],
        "server_growth_mb": round(growth(served.server), 2),
        "live_again_s": None if back_s is None else round(back_s, 1),
        "alerts": alerts,
        "missed": unseen,
        "astray": astray,
        "flat": heap_flat and detached_flat and server_flat,
    }


def main() -> int:
    """Command line; the exit status says whether it held."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = run(given.minutes)
    if given.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        for name, value in found.items():
            print(f"{name:18} {value}")
    return 0 if found["flat"] and not found["missed"] and not found["astray"] else 1


if __name__ == "__main__":
    sys.exit(main())
