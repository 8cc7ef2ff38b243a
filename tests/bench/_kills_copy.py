"""The running copy of ``tests.bench.kills``: started with ``./onemap up`` on a small disk of its own, killed and asked from outside."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg2
from sqlalchemy import text

from gisapp.bootstrap import databases, plan
from gisapp.bootstrap.cluster import ADMIN_ROLE, Cluster
from gisapp.bootstrap.layout import IS_ROOT, ROOT, DataDirectory
from gisapp.bootstrap.testing import own_environment
from gisapp.domain.access import SYSTEM, Role
from gisapp.services import accounts
from gisapp.store.database import Database

PASSWORD = secrets.token_urlsafe(12)
PROGRAMS = (plan.CLUSTER, plan.SERVER, plan.SIMULATOR)
GATEWAYS, DESKS = 4, 2
_WORKERS = 25


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[tuple[Path, bool]]:
    """A folder on a file system of its own, of so many MB, and whether it is one: only root can mount."""
    folder = Path(tempfile.mkdtemp(prefix="onemap-kills-"))
    folder.chmod(0o755)
    image, mounted = folder / "disk.img", folder / "disk"
    mounted.mkdir()
    own = IS_ROOT and _mount(image, mounted, megabytes)
    try:
        yield mounted, own
    finally:
        if own:
            _run("umount", "--lazy", mounted)
        shutil.rmtree(folder, ignore_errors=True)


def _mount(image: Path, mounted: Path, megabytes: int) -> bool:
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    # No blocks kept back for root: full is full for everybody.
    return _run("mkfs.ext4", "-q", "-m", "0", image) and _run("mount", "-o", "loop", image, mounted)


def _run(*command: str | Path) -> bool:
    try:
        return subprocess.run(list(map(str, command)), capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@dataclass
class Copy:
    """One running copy.

    Attributes:
        port: of the server.
        community: that is divided anew; codes: its grids; line: what splits the first.
        spots: points well within those grids, half of them in the first.
        workers: id, longitude and latitude of the workers of each gateway, the last being the probe's.
    """

    data: DataDirectory
    port: int
    community: str = ""
    codes: set[str] = field(default_factory=set)
    line: list[list[float]] = field(default_factory=list)
    spots: list[tuple[float, float]] = field(default_factory=list)
    workers: list[list[tuple[int, float, float]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def cluster(self) -> Cluster:
        """Its database."""
        return databases.private_cluster(self.data)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of ``./onemap`` on this copy."""
        env = own_environment() | {"ONEMAP_DATA": str(self.data.path)}
        env.pop("ONEMAP_TEST_DATABASE_URL", None)
        command = [str(ROOT / "onemap"), *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    def up(self) -> None:
        """Start everything.

        Raises:
            RuntimeError: it did not start.
        """
        done = self.command("up", "--data", str(self.data.path), "--port", str(self.port))
        if done.returncode:
            raise RuntimeError(f"up ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    def down(self) -> None:
        """Stop everything."""
        self.command("down", "--data", str(self.data.path))

    def sql(self, question: str, values: Any = None) -> list[tuple[Any, ...]]:
        """Rows of a question of the owner's."""
        connection = psycopg2.connect(self.cluster.address(ADMIN_ROLE), connect_timeout=5)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(question, values)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def prepare(self) -> None:
        """Accounts, workers, and a community that can be split."""
        database = Database(self.cluster.address(ADMIN_ROLE), connections=2)
        try:
            street = self._choose_ground(database)
            for name, role in (*((f"gateway{n}", Role.DEVICE) for n in range(GATEWAYS + 1)), *_DESKS):
                accounts.save_user(
                    database, login=f"kills-{name}", name=name, role=role, scopes=[street], password=PASSWORD
                )
            with database.begin(SYSTEM) as connection:
                rows = connection.execute(
                    text(
                        "WITH g AS (SELECT place, ST_PointOnSurface(geom) AS at, row_number() OVER (ORDER BY place) - 1 AS n, "
                        "  count(*) OVER () AS all_ FROM onemap.grid WHERE valid_to IS NULL AND place ^@ :street), "
                        "made AS (INSERT INTO onemap.grid_worker (place, code, name) "
                        "  SELECT g.place, 'K' || i, '甲' FROM generate_series(1, :count) AS i "
                        "  JOIN g ON g.n = i % g.all_ RETURNING id, place) "
                        "SELECT made.id, ST_X(g.at), ST_Y(g.at) FROM made JOIN g USING (place) ORDER BY made.id"
                    ),
                    {"street": street, "count": GATEWAYS * _WORKERS + 1},
                ).all()
            found = [(int(worker), float(lon), float(lat)) for worker, lon, lat in rows]
            self.workers = [found[i : i + _WORKERS] for i in range(0, len(found), _WORKERS)]
        finally:
            database.close()

    def _choose_ground(self, database: Database) -> str:
        with database.begin(SYSTEM) as connection:
            row = connection.execute(
                text(
                    "SELECT community, array_agg(place) FROM onemap.grid WHERE valid_to IS NULL "
                    "GROUP BY community ORDER BY count(*) DESC, community LIMIT 1"
                )
            ).one()
            self.community, self.codes = str(row[0]), set(row[1])
            points = connection.execute(
                text(
                    "SELECT ST_X(p.geom), ST_Y(p.geom) FROM onemap.grid AS g, LATERAL ST_Dump(ST_GeneratePoints("
                    "  ST_Buffer(g.geom, -1e-5), CASE WHEN g.place = :first THEN 40 * :grids ELSE 40 END, 7)) AS p "
                    "WHERE g.valid_to IS NULL AND g.community = :community"
                ),
                {"community": self.community, "first": min(self.codes), "grids": len(self.codes)},
            ).all()
            self.spots = [(round(float(lon), 7), round(float(lat), 7)) for lon, lat in points]
        return self.community[:9]

    def find_line(self, client: httpx.Client) -> None:
        """A line that splits the first grid of the community, found by drawing.

        Raises:
            RuntimeError: there is none among those that were tried.
        """
        draft = f"/api/v1/grids/{self.community}/draft"
        west, south, east, north = map(float, self.sql(
            "SELECT ST_XMin(geom), ST_YMin(geom), ST_XMax(geom), ST_YMax(geom) FROM onemap.grid "
            "WHERE valid_to IS NULL AND place = %s", (min(self.codes),)
        )[0])  # fmt: skip
        for share in (0.5, 0.4, 0.6, 0.3, 0.7):
            lon, lat = west + share * (east - west), south + share * (north - south)
            for line in (
                [[lon, south - 0.01], [lon, north + 0.01]],
                [[west - 0.01, lat], [east + 0.01, lat]],
            ):
                revision = client.post(draft).json()["revision"]
                operation = {"kind": "split", "line": line, "code": min(self.codes)}
                drawn = client.post(
                    f"{draft}/operations", json={"revision": revision, "operation": operation}
                )
                client.delete(draft)
                if drawn.status_code == 200:
                    self.line = line
                    return
        raise RuntimeError("no line splits the first grid of the community")

    # -- processes --------------------------------------------------------------------------------------------------

    def pid_of(self, target: str) -> int:
        """Process number of what a kill is aimed at; 0 where it does not run.

        Args:
            target: ``server``, ``simulator``, ``cluster``, ``back end``, or ``watcher of …``.
        """
        if target.startswith("watcher of "):
            return int(plan.watcher_of(self.data, target.removeprefix("watcher of ")).about().get("pid") or 0)
        if target == plan.CLUSTER:
            return self.cluster.running() or 0
        if target == "back end":
            return self._back_end()
        return int(plan.watcher_of(self.data, target).watched().get("pid") or 0)

    def _back_end(self) -> int:
        with contextlib.suppress(psycopg2.Error):
            rows = self.sql(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename = 'onemap_app' "
                "ORDER BY state = 'active' DESC, query_start DESC LIMIT 1"
            )
            return int(rows[0][0]) if rows else 0
        return 0

    def kill(self, target: str) -> int:
        """Kill, as the kernel does when memory is short; the process number."""
        deadline = time.monotonic() + 30
        while True:
            pid = self.pid_of(target)
            if pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    return pid
            if time.monotonic() > deadline:
                raise RuntimeError(f"{target} does not run")
            time.sleep(0.1)

    def missing(self, killed: int, client: httpx.Client) -> str:
        """What is not as it should be; empty where everything runs, is ready, shows and stores.

        Args:
            killed: process that must have been replaced.
            client: with the account of the probe's gateway; it posts a position.
        """
        for name in PROGRAMS:
            if plan.watcher_of(self.data, name).about().get("pid") in (None, killed):
                return f"watcher of {name}"
            pid = self.pid_of(name)
            if pid in (0, killed) or not Path("/proc", str(pid)).exists():
                return name
        try:
            if client.get(f"{self.url}/readyz").status_code != 200:
                return "readyz"
            return self._stores(client)
        except httpx.TransportError:
            return "no answer"

    def _stores(self, client: httpx.Client) -> str:
        worker, lon, lat = self.workers[-1][0]
        fix = {
            "worker": worker,
            "at": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
            "lon": lon,
            "lat": lat,
        }
        answer = client.post(f"{self.url}/api/v1/tracks", json={"fixes": [fix]})
        if answer.status_code == 401:
            sign_in(client, self.url, f"kills-gateway{GATEWAYS}")
            answer = client.post(f"{self.url}/api/v1/tracks", json={"fixes": [fix]})
        if answer.status_code != 200 or answer.json()["refused"]:
            return f"a position is answered {answer.status_code}"
        return ""


_DESKS = tuple((f"desk{n}", Role.MANAGER) for n in range(DESKS + 2))


def sign_in(client: httpx.Client, url: str, login: str) -> None:
    """Open a session."""
    client.post(f"{url}/api/v1/session", json={"login": login, "password": PASSWORD})


class Filler:
    """Takes all room of a disk, and keeps it taken until it is closed.

    PostgreSQL keeps files of its log for later use; ``use_up`` has it begin one after another, so that it soon needs room.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "filler"
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.bytes = 0

    def fill(self) -> None:
        """Take what is free now."""
        size = 8 << 20
        while size >= 512:
            try:
                self.bytes += os.write(self._file, bytes(size))
            except OSError:
                size //= 2

    @staticmethod
    def use_up(copy: Copy) -> None:
        """Let the database begin the next file of its log."""
        with contextlib.suppress(psycopg2.Error):
            copy.sql("SELECT pg_switch_wal()")

    def close(self) -> None:
        """Give all of it back."""
        os.close(self._file)
        self.path.unlink()
