"""``/healthz`` and ``/readyz`` tell everybody the truth, whatever is busy or dead, and every connection comes back."""

from __future__ import annotations

import asyncio
import gc
import os
import pwd
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import psycopg2
import pytest
from starlette.testclient import TestClient

from dash_app.server import _settle_memory, create_app
from gisapp.bootstrap import cluster as clusters
from gisapp.bootstrap.cluster import ADMIN_ROLE, APP_ROLE, Cluster
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.layout import IS_ROOT
from gisapp.bootstrap.processes import processes_in, signal_all
from gisapp.config import Settings
from gisapp.domain.access import SYSTEM
from gisapp.errors import Unavailable
from gisapp.services import accounts, grid_calendar, upkeep
from gisapp.store import readiness, roles
from gisapp.store.database import Database
from gisapp.store.migrate import upgrade
from gisapp.store.notices import notify
from gisapp.store.readiness import Readiness, newest_version
from gisapp.store.state import _head
from layers.endpoint import tiles_of


def wait_until(condition: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


class OwnCluster:
    """A migrated database on a cluster that may be killed."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.console = Console(log)
        # A durable one: what was committed before the kill must be there after it.
        self.cluster = Cluster(folder / "cluster", folder.name)
        clusters.ensure_system_user()
        if IS_ROOT:
            os.chown(folder, pwd.getpwnam(clusters.SYSTEM_USER).pw_uid, -1)
        self.start()
        self.admin = self.cluster.address(ADMIN_ROLE)
        self.app = self.cluster.address(APP_ROLE)
        roles.ensure_database(self.admin)
        roles.ensure_app_role(self.admin, self.app)
        roles.ensure_extensions(self.admin)
        upgrade(self.admin, APP_ROLE)

    def start(self) -> None:
        clusters.start(self.console, self.cluster)

    def kill(self) -> None:
        os.kill(self.cluster.running() or 0, signal.SIGKILL)
        wait_until(lambda: self.cluster.running() is None)

    def run(self, statement: str) -> None:
        connection = psycopg2.connect(self.admin)
        connection.autocommit = True
        connection.cursor().execute(statement)
        connection.close()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnCluster]:
    folder = Path(tempfile.mkdtemp(prefix="onemap-health-"))
    found = OwnCluster(folder, tmp_path_factory.mktemp("log") / "setup.log")
    yield found
    signal_all(processes_in(found.cluster.folder), force=True)
    shutil.rmtree(found.cluster.socket(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def client(own: OwnCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(database_url=own.app, data_dir=tmp_path_factory.mktemp("data"))
    with (
        pytest.MonkeyPatch.context() as patch,
        TestClient(create_app(settings), client=("127.0.0.1", 1)) as found,
    ):
        patch.setattr(grid_calendar, "_AFTER_FAILURE_S", (0.3,))
        patch.setattr(upkeep, "_AFTER_FAILURE_S", 0.3)
        yield found


def ready(client: TestClient) -> bool:
    return bool(client.get("/readyz").status_code == 200)


def state(client: TestClient) -> Any:
    return client.app.state  # type: ignore[attr-defined]


def portal(client: TestClient) -> Any:
    found = client.portal
    assert found is not None
    return found


def test_the_version_read_from_files_is_alembics() -> None:
    assert newest_version() == _head()


def test_the_collection_of_garbage_that_serve_puts_off_goes_on() -> None:
    gc.disable()
    try:
        _settle_memory()
        assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


def test_no_session_is_looked_up(client: TestClient) -> None:
    class Broken:
        def knows(self, _token: str) -> bool:
            return True

        async def reader(self, _token: str) -> None:
            raise AssertionError("a session was looked up")

    app = state(client)
    real, app.sessions = app.sessions, Broken()
    try:
        client.cookies.set(accounts.COOKIE, "x")
        with pytest.raises(AssertionError):
            client.get("/")
        for path, body in (("/healthz", {"status": "ok"}), ("/readyz", {"status": "ready"})):
            signed = client.get(path)
            client.cookies.clear()
            for answer in (signed, client.get(path)):
                assert (answer.status_code, answer.json()) == (200, body)
                assert answer.headers["cache-control"] == "no-store"
            client.cookies.set(accounts.COOKIE, "x")
    finally:
        app.sessions = real
        client.cookies.clear()


def test_busy_threads_delay_neither(client: TestClient) -> None:
    """Both pools of threads full: the event loop's own, and that of synchronous routes."""
    release = threading.Event()
    busy: list[int] = []

    def block() -> None:
        busy.append(1)
        release.wait(60)

    async def saturate() -> list[asyncio.Task[Any]]:
        waiting = [asyncio.create_task(asyncio.to_thread(block)) for _ in range(100)]
        waiting += [asyncio.create_task(anyio.to_thread.run_sync(block)) for _ in range(100)]  # type: ignore[arg-type]
        return waiting

    async def finish(tasks: list[asyncio.Task[Any]]) -> None:
        await asyncio.gather(*tasks)

    tasks = portal(client).call(saturate)
    try:
        wait_until(lambda: len(busy) >= 40)
        for path in ("/healthz", "/readyz"):
            began = time.monotonic()
            assert client.get(path).status_code == 200
            assert time.monotonic() - began < 5, path
        assert len(busy) < 200, "the pools are still full"
    finally:
        release.set()
        portal(client).call(finish, tasks)


def test_many_who_ask_at_once_cost_one_question(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    find = Readiness._find

    async def counted(self: Readiness) -> Any:
        asked.append(time.monotonic())
        return await find(self)

    monkeypatch.setattr(Readiness, "_find", counted)
    monkeypatch.setattr(readiness, "REMEMBERED_S", 60.0)

    async def ask() -> None:
        found: Readiness = state(client).readiness
        found._until = float("-inf")
        await asyncio.gather(*(found.check() for _ in range(50)))
        found._until = float("-inf")

    portal(client).call(ask)
    assert len(asked) == 1


def test_an_answer_holds_for_a_moment_only(client: TestClient, own: OwnCluster) -> None:
    found: Readiness = state(client).readiness
    wait_until(lambda: ready(client))
    assert 0 < found._until - time.monotonic() <= readiness.REMEMBERED_S == 0.5


@pytest.mark.parametrize(
    ("change", "back", "found"),
    [
        (
            "UPDATE onemap.alembic_version SET version_num = '9999'",
            "UPDATE onemap.alembic_version SET version_num = '{}'",
            "9999",
        ),
        (
            "ALTER TABLE onemap.alembic_version RENAME TO away",
            "ALTER TABLE onemap.away RENAME TO alembic_version",
            "",
        ),
    ],
    ids=["newer", "none"],
)
def test_another_schema_is_not_ready(
    client: TestClient, own: OwnCluster, change: str, back: str, found: str
) -> None:
    wait_until(lambda: ready(client))
    own.run(change)
    try:
        wait_until(lambda: not ready(client))
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["error"] == "unavailable"
        assert answer.json()["details"] == {"missing": "schema", "found": found, "expected": _head()}
        assert "./onemap up" in answer.json()["remedy"]
        assert client.get("/healthz").status_code == 200
    finally:
        own.run(back.format(_head()))
    wait_until(lambda: ready(client))


def test_a_database_that_hangs_is_not_ready_within_its_time(client: TestClient, own: OwnCluster) -> None:
    assert readiness.LONGEST_S == 2.0, "as documented"
    wait_until(lambda: ready(client))
    everything = processes_in(own.cluster.folder)
    for pid in everything:
        os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: time.monotonic() > state(client).readiness._until)
        began = time.monotonic()
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["details"] == {"missing": "database"}
        assert readiness.LONGEST_S * 0.9 < time.monotonic() - began < readiness.LONGEST_S + 5
        assert client.get("/healthz").status_code == 200
    finally:
        for pid in everything:
            os.kill(pid, signal.SIGCONT)
    wait_until(lambda: ready(client))


def test_every_connection_comes_back_after_the_database(
    client: TestClient, own: OwnCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the kill each way to the database is used, so that all of them hold a connection that then is dead."""
    app = state(client)
    database: Database = app.database
    session = accounts.lend(database, login="watcher", name="watcher", role="manager", scopes=["330103"])
    done: list[str] = []

    def noted(name: str, work: Callable[[Database], Any]) -> Callable[[Database], Any]:
        def run(found: Database) -> Any:
            result = work(found)
            done.append(name)
            return result

        return run

    monkeypatch.setattr(grid_calendar, "activate_due", noted("calendar", grid_calendar.activate_due))
    monkeypatch.setattr(upkeep, "fold_changes", noted("upkeep", upkeep.fold_changes))
    monkeypatch.setattr("gisapp.api.session.RECHECK_SECONDS", 0.0)
    heard: list[dict[str, Any]] = []
    app.fanout.watch(heard.append, lambda _alive: None)

    async def tile() -> Any:
        return await tiles_of(client.app)._connections.fetch("SELECT 7")

    async def reader() -> Any:
        return await app.sessions.reader(session.token)

    def begin() -> bool:
        with database.begin(SYSTEM):
            return True

    def works(use: Callable[[], Any]) -> bool:
        try:
            return bool(use())
        except Unavailable:
            return False

    def say() -> None:
        with database.begin(SYSTEM) as connection:
            notify(connection, "revision", "", family="health")

    def chores() -> list[Any]:
        works = (grid_calendar.keep_current, upkeep.keep_small)
        return [portal(client).start_task_soon(work, database) for work in works]

    wait_until(lambda: ready(client) and app.fanout.listening)
    assert portal(client).call(tile) == (7,) and portal(client).call(reader) is not None and begin()
    own.kill()
    wait_until(lambda: not ready(client))
    assert not works(begin) and not works(lambda: portal(client).call(tile))
    assert not works(lambda: portal(client).call(reader))
    assert client.get("/readyz").json()["details"] == {"missing": "database"}
    # Their first round comes while the database is away: it fails, and is tried again soon.
    running = chores()
    try:
        own.start()
        began = time.monotonic()
        wait_until(lambda: ready(client))
        for use in (begin, lambda: portal(client).call(tile), lambda: portal(client).call(reader)):
            wait_until(lambda use=use: works(use))
        wait_until(lambda: app.fanout.listening)
        say()
        wait_until(lambda: {"kind": "revision", "place": "", "family": "health"} in heard)
        wait_until(lambda: {"calendar", "upkeep"} <= set(done))
        assert time.monotonic() - began < 60
        assert not any(chore.done() for chore in running), "both go on"
    finally:
        for chore in running:
            chore.cancel()
