"""A running copy, real to the last process: whatever is killed is back by itself, and ``down`` ends all of it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import pytest

from gisapp.bootstrap import databases, doctor, health, layout, plan, up
from gisapp.bootstrap.cluster import ADMIN_ROLE, SERVER_USER, Cluster
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.layout import IS_ROOT, DataDirectory
from gisapp.bootstrap.processes import command_of, signal_all
from gisapp.bootstrap.started import server_of, simulator_of
from gisapp.bootstrap.trouble import SetupError
from gisapp.domain.access import SYSTEM
from gisapp.services import accounts
from gisapp.store.database import Database
from tests.db import grid_world

PROMISED_S = 15.0
"""From a kill until the server is ready again, on a machine that is not overloaded."""


def limit() -> float:
    """The promised seconds, more on a machine whose processors have to be shared by several others at this moment."""
    return PROMISED_S * max(1.0, 1.5 * os.getloadavg()[0] / (os.cpu_count() or 1))


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60 + 3 * limit()
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Running:
    """A copy that ``up`` has started."""

    data: DataDirectory
    port: int
    options: Namespace

    @property
    def cluster(self) -> Cluster:
        return databases.private_cluster(self.data)

    def ready(self) -> bool:
        return health.ready("127.0.0.1", self.port)

    def pid(self, name: str) -> int | None:
        """Process number of a program, None while it does not run."""
        if name == plan.CLUSTER:
            return self.cluster.running()
        found = plan.watcher_of(self.data, name).watched().get("pid")
        return found if isinstance(found, int) else None

    def watcher(self, name: str) -> int | None:
        found = plan.watcher_of(self.data, name).about().get("pid")
        return found if isinstance(found, int) else None

    def ask(self, statement: str) -> Any:
        """Run a statement as the owner of the tables."""
        connection = psycopg2.connect(self.cluster.address(ADMIN_ROLE))
        connection.autocommit = True
        try:
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
        finally:
            connection.close()

    def doctor(self) -> int:
        return doctor.doctor(Namespace(data=str(self.data.path), json=True))

    def processes(self) -> list[str]:
        """Command lines of all that belongs to this copy."""
        place = str(self.data.path)
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [line for pid in pids if pid != os.getpid() and place in (line := command_of(pid))]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def load(cluster: Cluster) -> None:
    """Two communities with their workers, and the demo users that the simulator and a sign-in need."""
    database = Database(cluster.address(ADMIN_ROLE), connections=2)
    try:
        with database.begin(SYSTEM) as connection:
            grid_world.build(connection)
        for login, role in (("device", "device"), ("leader", "leader")):
            accounts.save_user(
                database,
                login=login,
                name=login,
                role=role,
                scopes=["330103001"],
                password=accounts.DEMO_PASSWORD,
            )
    finally:
        database.close()


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """A copy of its own, in a folder that the system users can reach, with a small place instead of the demo."""
    folder = Path(tempfile.mkdtemp(prefix="onemap-copy-"))
    folder.chmod(0o755)
    options = Namespace(data=str(folder / "data"), port=free_port(), host=None, size=None, no_simulator=False)
    found = Running(DataDirectory(folder / "data"), options.port, options)
    with pytest.MonkeyPatch.context() as patch:
        # The checkout's own copy stays the one that commands without --data mean.
        patch.setattr(layout, "_REMEMBERED", folder / "remembered.json")
        for name in ("DATABASE_URL", "ONEMAP_DATABASE_URL", "ONEMAP_ADMIN_DATABASE_URL", "ONEMAP_DATA"):
            patch.delenv(name, raising=False)
        try:
            assert up.up(options) == 0
            assert simulator_of(found.data).about() == {}, "without demo users nobody walks about"
            load(found.cluster)
            assert up.up(options) == 0
            yield found
        finally:
            up._stop(Console(folder / "log"), found.data)
            left = found.processes()
            shutil.rmtree(found.cluster.socket_folder(), ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)
            assert left == []


def killed(running: Running, *names: str) -> float:
    """Kill programs, and wait until others have taken their place and the server is ready; the seconds."""
    wait_until(lambda: all(running.pid(name) for name in names))
    before = {name: running.pid(name) for name in names}
    began = time.monotonic()
    signal_all([pid for pid in before.values() if pid], force=True)
    for name, pid in before.items():
        wait_until(lambda name=name, pid=pid: running.pid(name) not in (None, pid))
    wait_until(running.ready)
    return time.monotonic() - began


def test_nothing_of_the_server_runs_as_root(running: Running) -> None:
    wait_until(lambda: running.pid(plan.SIMULATOR))
    for name in (plan.SERVER, plan.SIMULATOR):
        uid = Path(f"/proc/{running.pid(name)}").stat().st_uid
        assert uid != 0
        about = plan.watcher_of(running.data, name).about()
        assert about["user"] == (SERVER_USER if IS_ROOT else up.user_name())


@pytest.mark.parametrize(
    "names",
    [
        (plan.CLUSTER,),
        (plan.SERVER,),
        (plan.SIMULATOR,),
        (plan.CLUSTER,),
        (plan.CLUSTER, plan.SERVER, plan.SIMULATOR),
        (plan.SIMULATOR,),
    ],
    ids=lambda names: "+".join(names),
)
def test_what_is_killed_is_back_by_itself(running: Running, names: tuple[str, ...]) -> None:
    seconds = killed(running, *names)
    assert seconds < limit(), f"{names} back after {seconds:.1f} s"
    assert running.ask("SELECT count(*) FROM onemap.grid_worker") > 0


def test_a_killed_watcher_is_back_too_and_its_program_with_it(running: Running) -> None:
    server, cluster = running.pid(plan.SERVER), running.pid(plan.CLUSTER)
    for name in (plan.SERVER, plan.CLUSTER):
        before = running.watcher(name)
        assert before is not None
        os.kill(before, signal.SIGKILL)
        wait_until(lambda name=name, before=before: running.watcher(name) not in (None, before))
    wait_until(lambda: running.pid(plan.SERVER) not in (None, server))
    wait_until(running.ready)
    assert running.pid(plan.CLUSTER) == cluster, "the cluster runs on and is taken over"
    wait_until(lambda: plan.watcher_of(running.data, plan.CLUSTER).watched().get("pid") == cluster)


def test_the_simulator_reports_again(running: Running) -> None:
    """After all those kills: a position that is newer than now."""
    now = running.ask("SELECT clock_timestamp()")
    wait_until(lambda: (running.ask("SELECT max(last_at) FROM onemap.grid_worker") or now) > now)


def test_everybody_is_told_the_truth_while_the_database_is_away(running: Running) -> None:
    url = f"http://127.0.0.1:{running.port}"
    with httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
        signed = client.post("/api/v1/session", json={"login": "leader", "password": accounts.DEMO_PASSWORD})
        assert signed.status_code == 200
        cookies = [{}, {accounts.COOKIE: "never-given"}, dict(client.cookies)]
    assert running.doctor() == 0
    watcher = running.watcher(plan.CLUSTER)
    assert watcher is not None
    os.kill(watcher, signal.SIGSTOP)  # so that it stays away for as long as this test looks
    try:
        signal_all([running.pid(plan.CLUSTER) or 0], force=True)
        wait_until(lambda: not running.ready())
        for cookie in cookies:
            with httpx.Client(base_url=url, timeout=10, trust_env=False, cookies=cookie) as client:
                assert client.get("/healthz").status_code == 200
                told = client.get("/readyz")
                assert told.status_code == 503
                assert told.json()["details"] == {"missing": "database"}
                assert set(told.json()) == {"error", "message", "remedy", "details"}
        assert running.doctor() == 1
        # Any other command may start it meanwhile; the watcher takes over what it finds.
        databases.connect(Console(running.data.path / "log" / "test.log"), running.data)
        cluster = running.pid(plan.CLUSTER)
        wait_until(running.ready)
    finally:
        os.kill(watcher, signal.SIGCONT)
    wait_until(lambda: plan.watcher_of(running.data, plan.CLUSTER).watched().get("pid") == cluster)
    assert running.pid(plan.CLUSTER) == cluster


def test_an_older_program_refuses_before_it_stops_anything(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = running.ask("SELECT version_num FROM onemap.alembic_version")
    server, watcher = running.pid(plan.SERVER), running.watcher(plan.SERVER)
    before = plan.read(running.data)
    running.ask("UPDATE onemap.alembic_version SET version_num = '9999'")
    try:
        wait_until(lambda: not running.ready())
        assert "9999" in health.missing("127.0.0.1", running.port)
        assert doctor._server(running.data, started=True).mark == "✗"
        monkeypatch.setattr(up, "code_version", lambda: "older")
        with pytest.raises(SetupError, match=r"9999.*比本程序新") as refused:
            up.up(running.options)
        assert "升级本程序" in str(refused.value.remedy)
        assert (running.pid(plan.SERVER), running.watcher(plan.SERVER)) == (server, watcher)
        assert plan.read(running.data) == before
        assert running.ask("SELECT version_num FROM onemap.alembic_version") == "9999"
    finally:
        running.ask(f"UPDATE onemap.alembic_version SET version_num = '{version}'")
    wait_until(running.ready)


def test_a_changed_password_is_noticed_by_the_next_up(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    assert up.up(running.options) == 0
    shown = capsys.readouterr().out
    assert "⚠ 警告" in shown and "leader / onemap-demo" in shown and "device / onemap-demo" in shown
    database = Database(running.cluster.address(ADMIN_ROLE), connections=2)
    try:
        accounts.save_user(
            database,
            login="leader",
            name="leader",
            role="leader",
            scopes=["330103001"],
            password="another-password",
        )
    finally:
        database.close()
    server = running.pid(plan.SERVER)
    assert up.up(running.options) == 0
    shown = capsys.readouterr().out
    assert "leader" not in shown
    assert "⚠ 警告" in shown and "device / onemap-demo" in shown, "a gateway that anybody may be"
    assert running.pid(plan.SERVER) == server, "for that the server is not restarted"
    assert not simulator_of(running.data).about(), "and nobody walks about any more"


def test_down_in_a_pause_ends_everything(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    pid = running.pid(plan.SERVER)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server_of(running.data).watched().get("pid") is None)
    assert up.down(Namespace(data=str(running.data.path))) == 0
    assert running.processes() == [], "nothing is left that could start anything again"
    assert running.cluster.running() is None
    assert plan.read(running.data) == {}
    capsys.readouterr()
    assert running.doctor() == 0, "what has been taken down is no fault"
