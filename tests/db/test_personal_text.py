"""No log holds what somebody typed: not when a statement fails, not when a table is gone, not when a back end is killed.

A real cluster that writes its own log, and server and simulator as processes of their own, as ``up`` starts them.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg2
import pytest
from sqlalchemy import text

from dash_app.server import create_app
from gisapp.bootstrap import cluster as clusters
from gisapp.bootstrap.cluster import ADMIN_ROLE, APP_ROLE, Cluster
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.databases import application_environment
from gisapp.bootstrap.layout import IS_ROOT, ROOT
from gisapp.bootstrap.processes import processes_in, signal_all
from gisapp.config import Settings
from gisapp.domain.access import SYSTEM, Role
from gisapp.services import accounts
from gisapp.store.database import Database
from gisapp.store.migrate import upgrade
from gisapp.store.roles import ensure_app_role, ensure_database
from tests.browser.conftest import free_port
from tests.db import import_world
from tests.db.import_world import COMMUNITY, WEST
from tests.db.log_doors import MARK, Doors, found_in, mark

DATABASE = "onemap_logs"
PASSWORD = "a-password-of-tests"


@dataclass(frozen=True, slots=True)
class Running:
    """What runs, and where it writes."""

    folder: Path
    cluster: Cluster
    admin_url: str
    app_url: str
    url: str

    def texts(self) -> dict[str, str]:
        """Every log by its name."""
        paths = [
            *self.folder.glob("*.log"),
            *(self.cluster.folder / "log").glob("*"),
            self.cluster.folder / "startup.log",
        ]
        return {path.name: path.read_text(errors="replace") for path in paths if path.exists()}

    def execute(self, *statements: str) -> None:
        """Statements of the owner, each by itself."""
        connection = psycopg2.connect(self.admin_url)
        connection.autocommit = True
        try:
            for statement in statements:
                connection.cursor().execute(statement)
        finally:
            connection.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Cluster, server and simulator with a small place whose worker and person are marked."""
    clusters.ensure_system_user()
    folder = Path(tempfile.mkdtemp(prefix="onemap-logs-"))
    if IS_ROOT:
        os.chown(folder, pwd.getpwnam(clusters.SYSTEM_USER).pw_uid, -1)
    console = Console(folder / "setup.log")
    cluster = Cluster(folder / "cluster", folder.name)
    programs: list[subprocess.Popen[bytes]] = []
    try:
        clusters.start(console, cluster)
        admin, app = cluster.address(ADMIN_ROLE, DATABASE), cluster.address(APP_ROLE, DATABASE)
        ensure_database(admin)
        ensure_app_role(admin, app)
        upgrade(admin, APP_ROLE)
        fill(app, tmp_path_factory.mktemp("place"))
        port = free_port()
        env = application_environment() | {"ONEMAP_DATABASE_URL": app, "ONEMAP_DATA": str(folder / "data")}
        url = f"http://127.0.0.1:{port}"
        words = {
            "server": ["serve", "--port", str(port)],
            "simulator": ["simulate", "--url", url, "--login", "device", "--password", PASSWORD, "--interval", "0.5",
                          "--stray-first", "1", "--stray-every", "2", "--case-every", "1"],
        }  # fmt: skip
        for name, command in words.items():
            with (folder / f"{name}.log").open("wb") as log:
                program = [sys.executable, "-m", "gisapp.cli", *command]
                programs.append(subprocess.Popen(program, env=env, cwd=ROOT, stdout=log, stderr=log))
            if name == "server":
                until(lambda: answers(url), 240)
        yield Running(folder, cluster, admin, app, url)
    finally:
        for process in programs:
            process.kill()
            process.wait(20)
        signal_all(processes_in(cluster.folder), force=True)
        shutil.rmtree(cluster.socket(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def fill(app_url: str, folder: Path) -> None:
    database = Database(app_url, connections=2)
    try:
        import_world.build(database, folder)
        with database.begin(SYSTEM) as connection:
            connection.execute(
                text("INSERT INTO onemap.grid_worker (place, code, name) VALUES (:p, 'G01', :name)"),
                {"p": WEST, "name": mark("worker")},
            )
        for role in (Role.MANAGER, Role.PLANNER, Role.LEADER, Role.DEVICE):
            accounts.save_user(
                database,
                login=role.value,
                name=mark("account"),
                role=role,
                scopes=[COMMUNITY],
                password=PASSWORD,
            )
    finally:
        database.close()


def answers(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/healthz", timeout=5, trust_env=False).status_code == 200
    return False


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def doors(running: Running) -> Iterator[Doors]:
    with contextlib.ExitStack() as stack:
        clients = {}
        for role in (Role.MANAGER, Role.PLANNER, Role.LEADER, Role.DEVICE):
            client = stack.enter_context(httpx.Client(base_url=running.url, timeout=60, trust_env=False))
            client.post(
                "/api/v1/session", json={"login": role.value, "password": PASSWORD}
            ).raise_for_status()
            clients[role.value] = client
        worker = int(ask(running, "SELECT min(id) FROM onemap.grid_worker") or 0)
        made = Doors(create_app(Settings(running.app_url)), clients, worker, 1)
        made.try_all()
        made.person = int(ask(running, "SELECT min(id) FROM onemap.person") or 1)
        yield made


def ask(running: Running, question: str) -> object:
    connection = psycopg2.connect(running.admin_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(question)
            row = cursor.fetchone()
            return row[0] if row else None
    finally:
        connection.close()


def assert_clean(running: Running) -> None:
    leaks = {name: found_in(log)[:3] for name, log in running.texts().items() if MARK in log}
    assert not leaks, leaks


@pytest.mark.timeout(600)  # with the start of everything
def test_what_is_sent_while_all_is_well_is_stored_and_in_no_log(running: Running, doors: Doors) -> None:
    # The texts have arrived: a case that was reported, one that was imported, and a person.
    marked = f"FROM onemap.event WHERE title LIKE '%{MARK}%' AND description LIKE '%{MARK}%'"
    assert ask(running, f"SELECT count(DISTINCT channel) {marked}") >= 2
    assert ask(running, f"SELECT count(*) FROM onemap.person WHERE name LIKE '%{MARK}%'") == 1
    doors.statuses.clear()
    doors.try_all()
    assert doors.statuses.get(200, 0) > 30 and doors.statuses.get(422, 0) > 30
    until(lambda: "模拟 1 名网格员" in running.texts()["simulator.log"])
    assert_clean(running)


_FAIL = """
CREATE FUNCTION onemap.fail_with_the_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'this row is refused: %', COALESCE(new, old)::text
  USING DETAIL = COALESCE(new, old)::text, HINT = COALESCE(new, old)::text; END $$;
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT oid::regclass FROM pg_class WHERE relnamespace = 'onemap'::regnamespace
      AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT IN ('app_session', 'app_user') LOOP
    EXECUTE format('CREATE TRIGGER zz_fail BEFORE INSERT OR UPDATE OR DELETE ON %s '
                   'FOR EACH ROW EXECUTE FUNCTION onemap.fail_with_the_row()', name);
  END LOOP; END $$;
"""


def test_rows_that_the_database_refuses_are_in_no_log(running: Running, doors: Doors) -> None:
    running.execute(_FAIL)
    try:
        doors.statuses.clear()
        doors.try_all()
    finally:
        running.execute("DROP FUNCTION onemap.fail_with_the_row CASCADE")
    assert doors.statuses.get(500, 0) > 5
    assert "SQLSTATE P0001" in running.texts()["server.log"]
    assert_clean(running)


def test_statements_on_tables_that_are_gone_are_in_no_log(running: Running, doors: Doors) -> None:
    names = str(
        ask(
            running,
            "SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'onemap'::regnamespace "
            "AND relkind IN ('r', 'p') AND NOT relispartition",
        )
    ).split()
    kept = {"app_session", "app_user"}
    for gone, most in (([n for n in names if n not in kept], 40), ([n for n in names if n in kept], 5)):
        running.execute(*(f"ALTER TABLE onemap.{name} RENAME TO gone_{name}" for name in gone))
        try:
            doors.statuses.clear()
            doors.try_all()
        finally:
            running.execute(*(f"ALTER TABLE onemap.gone_{name} RENAME TO {name}" for name in gone))
        assert doors.statuses.get(500, 0) > most
    assert "SQLSTATE 42P01" in running.texts()["server.log"]
    assert_clean(running)


def test_statements_that_are_cancelled_or_whose_back_end_is_killed_are_in_no_log(
    running: Running, doors: Doors
) -> None:
    waiting = (
        f"SELECT max(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{MARK}%'"
    )
    ends: tuple[Callable[[int], object], ...] = (
        lambda pid: running.execute(f"SELECT pg_cancel_backend({pid})"),
        lambda pid: os.kill(pid, signal.SIGKILL),
    )
    for end in ends:
        doors.statuses.clear()
        holder = psycopg2.connect(running.admin_url)
        holder.cursor().execute("LOCK TABLE onemap.event IN ACCESS EXCLUSIVE MODE")
        attempts = [threading.Thread(target=doors._cases), threading.Thread(target=doors._cases)]
        for attempt in attempts:
            attempt.start()
        until(lambda: ask(running, waiting))
        end(int(ask(running, waiting) or 0))
        with contextlib.suppress(psycopg2.Error):  # a killed back end takes all connections with it
            holder.rollback()
        for attempt in attempts:
            attempt.join(120)
        holder.close()
        assert doors.statuses.get(503, 0) >= 1
    until(
        lambda: any(
            "signal 9" in log for name, log in running.texts().items() if name.startswith("postgresql")
        )
    )
    until(lambda: ask_quietly(running))
    assert_clean(running)


def ask_quietly(running: Running) -> object:
    with contextlib.suppress(psycopg2.OperationalError):
        return ask(running, "SELECT 1")
    return None


def test_without_a_database_nothing_is_written_either(running: Running, doors: Doors) -> None:
    pid = running.cluster.running()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: running.cluster.running() is None)
    doors.statuses.clear()
    doors.try_all()
    assert doors.statuses.get(503, 0) > 20
    assert_clean(running)
