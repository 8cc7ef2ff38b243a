"""Vector tiles of 1 M points at zoom 16, 8 clients: this server against pgbench running the same SQL, and against TiPg.

Run as ``python -m tests.bench.tiles [--json] [--rows N] [--seconds S]``. Everything is made by the benchmark itself and
removed at the end: a database with the points, the application's own server (sign-in, row security and compression
included), TiPg with four workers on the same table. ``cold`` is with the memory for ready tiles switched off, every
request being a query; ``warm`` is with it on, as in use. Clients ask for tiles in random order over one connection each.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from gisapp.domain.access import Reader, Role
from gisapp.domain.keys import Scope
from gisapp.domain.tiles import Tile
from gisapp.services import accounts
from gisapp.store.database import Database, engine_url
from gisapp.store.migrate import upgrade
from gisapp.store.tile_connections import scope_statement
from gisapp.store.tiles import tile_statement
from layers.tiling import served
from tests.bench.tile_clients import Load, run_clients

ZOOM = 16
CLIENTS = 8
BOX = (120.00, 30.15, 120.31, 30.42)
"""Longitude and latitude of the points: about 900 km², some 300 points a tile."""
ROLE = "onemap_bench"
DATABASE = "onemap_bench_tiles"
_POINTS = """
INSERT INTO onemap.component (place, code, type_code, class, name, geom)
SELECT '330103' || lpad((1 + i % 8)::text, 3, '0') || '001' || lpad((1 + i % 9)::text, 3, '0'), 'c' || i,
       '0' || (1 + i % 5) || '001', '0' || (1 + i % 5), '部件',
       st_setsrid(st_makepoint(:west + (:east - :west) * random(), :south + (:north - :south) * random()), 4490)
  FROM generate_series(1, :rows) i
"""


def _admin_url() -> str:
    return os.environ["ONEMAP_TEST_DATABASE_URL"]


@contextmanager
def bench_database(rows: int) -> Iterator[tuple[str, str]]:
    """A database with the points, on disk in the order of their tiles; addresses of owner and application."""
    password = secrets.token_hex(8)
    engine = create_engine(engine_url(_admin_url()), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in (
            f"DO $$ BEGIN CREATE ROLE {ROLE} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            f"ALTER ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{password}'",
            f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)",
            f"CREATE DATABASE {DATABASE}",
        ):
            connection.execute(text(statement))
    admin = engine_url(_admin_url()).set(drivername="postgresql", database=DATABASE)
    app = admin.set(username=ROLE, password=password)
    try:
        upgrade(admin.render_as_string(hide_password=False), ROLE)
        owner = create_engine(engine_url(admin), isolation_level="AUTOCOMMIT")
        with owner.connect() as connection:
            west, south, east, north = BOX
            connection.execute(text("SELECT setseed(0.5)"))
            box = {"west": west, "south": south, "east": east, "north": north, "rows": rows}
            connection.execute(text(_POINTS), box)
            connection.execute(text("CLUSTER onemap.component USING ix_component_tile_key"))
            connection.execute(text("VACUUM ANALYZE onemap.component"))
        owner.dispose()
        yield admin.render_as_string(hide_password=False), app.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"))
        engine.dispose()


def tile_range() -> tuple[Tile, Tile]:
    """North-western and south-eastern tile of the points, those on the edge left out."""
    west, south, east, north = BOX
    first, last = Tile.at(ZOOM, west, north), Tile.at(ZOOM, east, south)
    return Tile(ZOOM, first.x + 1, first.y + 1), Tile(ZOOM, last.x - 1, last.y - 1)


def _interleaved(name: str) -> str:
    """pgbench's arithmetic for ``gisapp.domain.tiles.interleave``."""
    steps = (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    )
    return "".join(f"\\set {name} (:{name} | (:{name} << {shift})) & {mask}\n" for shift, mask in steps)  # fmt: skip


def pgbench_script(reader: Reader) -> str:
    """The server's own statement with the tile's numbers as variables."""
    source = served("components", reader)
    sample = Tile(ZOOM, 54612, 26949)
    first, last = sample.keys()
    statement = scope_statement(reader) + tile_statement(source.parts, source.families, sample)
    for number, variable in ((first, ":a"), (last, ":b"), (sample.x, ":x"), (sample.y, ":y")):
        if str(number) not in statement:
            raise RuntimeError("the statement has not the shape that this benchmark knows")
        statement = statement.replace(str(number), variable)
    low, high = tile_range()
    shift = 2 * (22 - ZOOM)
    return (
        f"\\set x random({low.x}, {high.x})\n\\set y random({low.y}, {high.y})\n\\set p :x\n\\set q :y\n"
        + _interleaved("p")
        + _interleaved("q")
        + f"\\set a (:p | (:q << 1)) << {shift}\n\\set b :a + {1 << shift}\n"
        # One simple query of two statements, as the server sends it.
        + statement.replace("; SELECT onemap", " \\; SELECT onemap")
        + ";\n"
    )


def run_pgbench(url: str, script: Path, seconds: float) -> float:
    """Transactions per second of the script."""
    program = shutil.which("pgbench") or next(
        (str(p) for p in sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), reverse=True)), "pgbench"
    )
    options = "-c search_path=onemap,public -c jit=off -c max_parallel_workers_per_gather=0"
    done = subprocess.run(
        [
            program,
            "-n",
            "-c",
            str(CLIENTS),
            "-j",
            "4",
            "-T",
            str(max(1, round(seconds))),
            "-f",
            str(script),
            url,
        ],
        env={**os.environ, "PGOPTIONS": options},
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("tps"))
    return float(line.split("=")[1].split()[0])


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def process(command: list[str], environment: dict[str, str], port: int) -> Iterator[None]:
    """A server in a process of its own, from the first answer to the end of the block."""
    started = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            if started.poll() is not None:
                raise RuntimeError(f"{command[2]} ended with {started.returncode}")
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        started.terminate()
        try:
            started.wait(10)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def our_server(url: str, *, cache_mb: int, workers: int) -> Iterator[tuple[int, str]]:
    """The application's server; its port and the session cookie of a signed-in reader."""
    database = Database(url)
    password = secrets.token_urlsafe(12)
    accounts.save_user(
        database, login="bench", name="性能测试", role="leader", scopes=["330103"], password=password
    )
    session = accounts.sign_in(database, "bench", password)
    database.close()
    port = _free_port()
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--factory",
        "dash_app.server:create_app",
        "--port",
        str(port),
    ]
    command += ["--workers", str(workers), "--log-level", "error", "--no-access-log"]
    environment = {"ONEMAP_DATABASE_URL": url, "ONEMAP_TILE_CACHE_MB": str(cache_mb)}
    with process(command, environment, port):
        yield port, f"Cookie: onemap_session={session.token}\r\n"


@contextmanager
def tipg_server(url: str, workers: int = 4) -> Iterator[int]:
    """TiPg on the same table, as the owner (no row security)."""
    python = os.environ["ONEMAP_BENCH_PYTHON"]
    port = _free_port()
    command = [
        python,
        "-m",
        "uvicorn",
        "tipg.main:app",
        "--port",
        str(port),
        "--workers",
        str(workers),
        "--log-level",
        "error",
    ]
    environment = {
        "DATABASE_URL": url,
        "TIPG_DB_SCHEMAS": '["onemap"]',
        "TIPG_DB_EXCLUDE_FUNCTION_SCHEMAS": '["onemap","public"]',
    }
    with process(command, environment, port):
        time.sleep(4)  # each worker reads the catalogue of tables first
        yield port


def measure(rows: int, seconds: float, repeat: int) -> dict[str, Any]:
    """Tiles per second of each, medians of interleaved runs, and their ratios."""
    reader = Reader(1, "bench", "性能测试", Role.LEADER, Scope(["330103"]))
    low, high = tile_range()
    found: dict[str, list[float]] = {}
    latency: dict[str, list[float]] = {}
    ours = "/tiles/components/{z}/{x}/{y}.mvt"
    theirs = "/collections/onemap.component/tiles/WebMercatorQuad/{z}/{x}/{y}?properties=class,name,state"

    def clients(name: str, port: int, path: str, headers: str, distinct: bool = False) -> None:
        load = Load(port, path, headers, ZOOM, (low.x, high.x), (low.y, high.y), seconds, distinct)
        run_clients(Load(port, path, headers, ZOOM, (low.x, high.x), (low.y, high.y), 1.0, False), CLIENTS)
        result = run_clients(load, CLIENTS)
        found.setdefault(name, []).append(result.per_second)
        latency.setdefault(name, []).append(result.p95_ms)

    with bench_database(rows) as (admin, app):
        script = Path(os.environ.get("TMPDIR", "/tmp")) / f"onemap-bench-{os.getpid()}.sql"
        script.write_text(pgbench_script(reader), encoding="utf-8")
        try:
            for _ in range(repeat):
                found.setdefault("sql", []).append(run_pgbench(app, script, seconds))
                for workers in (1, 4):
                    with our_server(app, cache_mb=0, workers=workers) as (port, cookie):
                        clients(f"cold_{workers}", port, ours, cookie)
                    with our_server(app, cache_mb=256, workers=workers) as (port, cookie):
                        run_clients(
                            Load(port, ours, cookie, ZOOM, (low.x, high.x), (low.y, high.y), 60, True),
                            CLIENTS,
                        )
                        clients(f"warm_{workers}", port, ours, cookie)
                found.setdefault("sql", []).append(run_pgbench(app, script, seconds))
                if os.environ.get("ONEMAP_BENCH_PYTHON"):
                    with tipg_server(admin) as port:
                        clients("tipg", port, theirs, "")
        finally:
            script.unlink()
    rate = {name: statistics.median(values) for name, values in found.items()}
    summary: dict[str, Any] = {
        "bench": "tiles",
        "rows": rows,
        "zoom": ZOOM,
        "clients": CLIENTS,
        "tiles": (high.x - low.x + 1) * (high.y - low.y + 1),
        "peer": "pgbench with the same SQL; TiPg with 4 workers",
        "pgbench_per_s": round(rate["sql"]),
    }
    for name in ("warm_1", "warm_4", "cold_1", "cold_4", "tipg"):
        if name in rate:
            summary[f"{name}_per_s"] = round(rate[name])
            summary[f"{name}_p95_ms"] = round(statistics.median(latency[name]), 1)
            summary[f"{name}_to_sql"] = round(rate[name] / rate["sql"], 2)
            if "tipg" in rate and name != "tipg":
                summary[f"{name}_to_tipg"] = round(rate[name] / rate["tipg"], 1)
    summary["ratio"] = summary["warm_1_to_sql"]
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON only")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=6.0, help="length of each run")
    parser.add_argument("--repeat", type=int, default=2)
    given = parser.parse_args()
    found = measure(given.rows, given.seconds, given.repeat)
    print(json.dumps(found, ensure_ascii=False, indent=None if given.json else 2))


if __name__ == "__main__":
    main()
