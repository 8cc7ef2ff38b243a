"""The world of ``tests.bench.live``: a private cluster with the product's settings, the demo district, workers, accounts.

The cluster is one of its own because server and database shall share two cores, and because what is acknowledged must be
on disk: unlike the cluster that tests throw away, this one waits for the disk at every commit.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import shapely
from sqlalchemy import text

from gisapp.bootstrap import cluster as clusters
from gisapp.bootstrap.cluster import ADMIN_ROLE, APP_ROLE, Cluster
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.databases import application_environment
from gisapp.bootstrap.layout import IS_ROOT, ROOT
from gisapp.bootstrap.processes import processes_in
from gisapp.domain.access import SYSTEM
from gisapp.services.demo import loading
from gisapp.store.database import Database
from gisapp.store.migrate import upgrade
from gisapp.store.roles import ensure_app_role, ensure_database
from tests.browser.conftest import free_port

DATABASE = "onemap_bench_live"
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class World:
    """What stands.

    Attributes:
        workers: id and grid; grids: polygon by code (EPSG:4490).
        cores: that server and database may use; empty where they share the machine with the load.
        nice: priority of all that is measured, for a machine on which others work.
    """

    cluster: Cluster
    database: Database
    app_url: str
    cores: set[int]
    nice: int
    workers: list[tuple[int, str]]
    grids: dict[str, Any]


def choose_cores(count: int) -> tuple[set[int], set[int]]:
    """Cores for server and database, and for the load; both empty where there are not more than that."""
    every = sorted(os.sched_getaffinity(0))
    return (set(every[:count]), set(every[count:])) if len(every) > count else (set(), set())


def place(pids: list[int], cores: set[int], nice: int) -> None:
    """Restrict processes, all their threads, to cores where there are any, and set their priority."""
    for pid in pids:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                if cores:
                    os.sched_setaffinity(int(task.name), cores)
                if nice:
                    os.setpriority(os.PRIO_PROCESS, int(task.name), nice)


def cpu_seconds(pids: list[int]) -> float:
    """Processor time that processes have used so far, of children that have ended included."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            line = Path(f"/proc/{pid}/stat").read_text()
            total += sum(map(int, line[line.rindex(")") + 2 :].split()[11:15]))
    return total / _TICK


@contextlib.contextmanager
def live_world(size: str, workers: int, cores: set[int], seed: int, nice: int) -> Iterator[World]:
    """Make all of it, and remove it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="onemap-bench-live-"))
    console = Console(folder / "setup.log")
    cluster = Cluster(folder / "cluster", folder.name)
    try:
        clusters.ensure_system_user()
        if IS_ROOT:
            os.chown(folder, pwd.getpwnam(clusters.SYSTEM_USER).pw_uid, -1)
        clusters.start(console, cluster)
        admin, app = cluster.address(ADMIN_ROLE, DATABASE), cluster.address(APP_ROLE, DATABASE)
        ensure_database(admin)
        ensure_app_role(admin, app)
        upgrade(admin, APP_ROLE)
        database = Database(admin, connections=4)
        try:
            with console.step(f"demo {size}"):
                loading.load(database, size, seed)
            with console.step(f"{workers} workers"):
                people, grids = _employ(database, workers)
            place(processes_in(cluster.folder), cores, nice)
            yield World(cluster, database, app, cores, nice, people, grids)
        finally:
            database.close()
    finally:
        silent = Console(console.log, quiet_below=float("inf"))
        with contextlib.suppress(Exception), silent.step("stop") as step:
            clusters.stop(step, cluster, at_once=True)
        with contextlib.suppress(OSError):
            shutil.rmtree(cluster.socket())
        shutil.rmtree(folder, ignore_errors=True)


def _employ(database: Database, wanted: int) -> tuple[list[tuple[int, str]], dict[str, Any]]:
    """Workers for all grids in turn until there are enough, none of whom has been heard of."""
    with database.begin(SYSTEM) as connection:
        rows = connection.execute(
            text(
                "SELECT place, ST_AsBinary(geom) AS shape FROM onemap.grid WHERE valid_to IS NULL ORDER BY place"
            )
        ).all()
        grids = {row.place: shapely.from_wkb(bytes(row.shape)) for row in rows}
        made = connection.execute(
            text(
                "INSERT INTO onemap.grid_worker (place, code, name, team) "
                "SELECT (CAST(:places AS text[]))[1 + i % :grids], 'B' || i, '网格员' || i, '网格长' "
                "  FROM generate_series(0, :wanted - 1) AS i RETURNING id, place"
            ),
            {"places": list(grids), "grids": len(grids), "wanted": wanted},
        ).all()
    # Outside of a transaction, as an administrator's nightly job would.
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE onemap.grid_worker"))
    return [(row.id, row.place) for row in made], grids


def open_sessions(database: Database, accounts: list[dict[str, Any]]) -> list[str]:
    """Accounts with an open session each; thousands of real sign-ins would spend the time on hashing passwords.

    Args:
        accounts: login, role, scopes, worker.

    Returns:
        their tokens, in order.
    """
    tokens = [secrets.token_urlsafe(24) for _ in accounts]
    with database.begin(SYSTEM) as connection:
        for account, token in zip(accounts, tokens, strict=True):
            connection.execute(
                text(
                    "WITH made AS (INSERT INTO onemap.app_user (login, name, role, scopes, password_hash, worker_id) "
                    "VALUES (:login, :login, :role, :scopes, '!', :worker) RETURNING id) "
                    "INSERT INTO onemap.app_session (token_hash, user_id, expires_at) "
                    "SELECT :digest, id, now() + interval '12 hours' FROM made"
                ),
                {"worker": None, **account, "digest": hashlib.sha256(token.encode()).digest()},
            )
    return tokens


class Server:
    """The application's server, started as ``./onemap up`` does."""

    def __init__(self, world: World, log: Path) -> None:
        self.world, self.log = world, log
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; seconds until it answers."""
        env = {**application_environment(), "ONEMAP_DATABASE_URL": self.world.app_url}
        env.pop("ONEMAP_ADMIN_DATABASE_URL", None)
        env["ONEMAP_DATA"] = str(self.log.parent)
        begun = time.monotonic()
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gisapp.cli", "serve", "--port", str(self.port)],
                cwd=ROOT,
                env=env,
                stdout=out,
                stderr=out,
                preexec_fn=lambda: place([os.getpid()], self.world.cores, self.world.nice),
            )
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended: {self.log.read_text(errors='replace')[-2000:]}")
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=2).status_code == 200:
                    return time.monotonic() - begun
            time.sleep(0.1)

    def kill(self) -> None:
        """End it without a warning."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()

    @property
    def pids(self) -> list[int]:
        return [] if self.process is None else [self.process.pid]
