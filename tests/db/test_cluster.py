"""The private cluster through its life: made, started, killed, repaired, stopped. Uses the real programs."""

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
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest

from gisapp.bootstrap import cluster as clusters
from gisapp.bootstrap import postgis, testing
from gisapp.bootstrap.cluster import ADMIN_ROLE, APP_ROLE, Cluster
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.layout import IS_ROOT
from gisapp.bootstrap.processes import processes_in, signal_all
from gisapp.bootstrap.trouble import SetupError


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return Console(tmp_path / "setup.log")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A place for a cluster that the system user can reach; whatever is left of it is removed."""
    clusters.ensure_system_user()
    folder = Path(tempfile.mkdtemp(prefix="onemap-life-"))
    if IS_ROOT:
        os.chown(folder, pwd.getpwnam(clusters.SYSTEM_USER).pw_uid, -1)
    found = Cluster(folder / "cluster", folder.name, throwaway=True)
    yield found
    signal_all(processes_in(found.folder), force=True)
    shutil.rmtree(found.socket(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def ask(cluster: Cluster, question: str, role: str = ADMIN_ROLE) -> object:
    connection = psycopg2.connect(cluster.address(role, "postgres"))
    try:
        with connection.cursor() as cursor:
            cursor.execute(question)
            row = cursor.fetchone()
            return row[0] if row else None
    finally:
        connection.close()


def kill(cluster: Cluster) -> int:
    """Kill the postmaster as a power cut would; its number."""
    pid = cluster.running()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while cluster.running() is not None:
        time.sleep(0.01)
    return pid


def stop(console: Console, cluster: Cluster) -> bool:
    with console.step("stop") as step:
        return clusters.stop(step, cluster, at_once=True)


def test_life_of_a_cluster(console: Console, cluster: Cluster) -> None:
    assert cluster.version() is None
    assert cluster.running() is None
    clusters.start(console, cluster)
    pid = cluster.running()
    assert pid is not None
    clusters.start(console, cluster)
    assert cluster.running() == pid, "a second start leaves a running cluster alone"
    assert ask(cluster, "SHOW listen_addresses") == ""
    assert (
        ask(cluster, "SELECT count(*) FROM pg_available_extensions WHERE name IN ('postgis', 'pg_trgm')") == 2
    )
    assert cluster.socket().stat().st_mode & 0o777 == 0o700
    assert stop(console, cluster)
    assert not stop(console, cluster)
    assert cluster.running() is None


def test_killed_cluster_starts_again(console: Console, cluster: Cluster) -> None:
    durable = replace(cluster, throwaway=False)
    clusters.start(console, durable)
    connection = psycopg2.connect(durable.address(ADMIN_ROLE, "postgres"))
    connection.autocommit = True
    connection.cursor().execute("CREATE TABLE kept AS SELECT 7 AS n")
    pid = kill(durable)
    connection.close()
    clusters.start(console, durable)
    assert durable.running() != pid
    assert ask(durable, "SELECT n FROM kept") == 7
    assert stop(console, durable)


def test_stale_lock_files_of_another_process_are_recognised(console: Console, cluster: Cluster) -> None:
    clusters.start(console, cluster)
    socket = cluster.socket()
    stop(console, cluster)
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        for path in (cluster.folder / "postmaster.pid", socket / ".s.PGSQL.5432.lock"):
            path.write_text(f"{other.pid}\n{cluster.folder}\n1\n5432\n{socket}\n\n")
            if IS_ROOT:
                shutil.chown(path, clusters.SYSTEM_USER)
        assert cluster.running() is None
        clusters.start(console, cluster)
        assert cluster.running() not in (None, other.pid)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
        stop(console, cluster)


def test_half_made_cluster_is_made_anew(console: Console, cluster: Cluster) -> None:
    half = cluster.folder.with_name("cluster.new")
    half.mkdir()
    (half / "PG_VERSION").write_text("15\n")
    cluster.folder.mkdir()
    clusters.start(console, cluster)
    assert cluster.running()
    assert not half.exists()
    stop(console, cluster)


def test_foreign_files_are_never_overwritten(console: Console, cluster: Cluster) -> None:
    cluster.folder.mkdir()
    (cluster.folder / "letter.txt").write_text("dear")
    with pytest.raises(SetupError, match="不是数据库目录"):
        clusters.start(console, cluster)
    assert (cluster.folder / "letter.txt").read_text() == "dear"


def test_cluster_that_cannot_start_says_why(console: Console, cluster: Cluster) -> None:
    clusters.start(console, cluster)
    stop(console, cluster)
    (cluster.folder / "site.conf").write_text("shared_buffers = 'much'\n")
    with pytest.raises(SetupError, match="shared_buffers"):
        clusters.start(console, cluster)
    (cluster.folder / "site.conf").write_text("work_mem = 7MB\n")
    clusters.start(console, cluster)
    assert ask(cluster, "SHOW work_mem") == "7MB", "site.conf has the last word"
    stop(console, cluster)


def test_operating_system_decides_who_connects(console: Console, cluster: Cluster) -> None:
    durable = replace(cluster, throwaway=False)
    clusters.start(console, durable)
    assert ask(durable, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is True
    connection = psycopg2.connect(durable.address(ADMIN_ROLE, "postgres"))
    connection.autocommit = True
    connection.cursor().execute(f"CREATE ROLE {APP_ROLE} LOGIN; CREATE ROLE stranger LOGIN SUPERUSER")
    connection.close()
    assert ask(durable, "SELECT current_user", APP_ROLE) == APP_ROLE
    with pytest.raises(psycopg2.OperationalError, match="eer authentication failed"):
        ask(durable, "SELECT 1", "stranger")
    stop(console, durable)


def connects(cluster: Cluster, user: str, role: str) -> bool:
    """Whether a system user, with the cluster's group, may connect as a role."""
    programs = postgis.choose(cluster.version())
    assert programs is not None
    owner, entry = pwd.getpwnam(clusters.SYSTEM_USER), pwd.getpwnam(user)
    done = subprocess.run(
        [programs.folder / "psql", "-qAtX", "-c", "SELECT current_user", cluster.address(role, "postgres")],
        env=programs.environment(),
        cwd="/",
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[owner.pw_gid],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0 and done.stdout.strip() == role


@pytest.mark.skipif(not IS_ROOT, reason="without root cluster and server run as the same user")
def test_the_servers_user_connects_as_the_applications_role_only(
    console: Console, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable = replace(cluster, throwaway=False)
    cluster.folder.parent.chmod(0o755)
    clusters.ensure_system_user(clusters.SERVER_USER)
    with monkeypatch.context() as before:
        # as an earlier version of this program started it: for its owner and root alone
        before.setattr(Cluster, "shared", False)
        clusters.start(console, durable)
        connection = psycopg2.connect(durable.address(ADMIN_ROLE, "postgres"))
        connection.autocommit = True
        connection.cursor().execute(f"CREATE ROLE {APP_ROLE} LOGIN")
        connection.close()
        pid = durable.running()
        assert not connects(durable, clusters.SERVER_USER, APP_ROLE)
    for step in ("admitted while it runs", "and from the start"):
        clusters.start(console, durable)
        deadline = time.monotonic() + 30
        while not connects(durable, clusters.SERVER_USER, APP_ROLE):
            assert time.monotonic() < deadline, step
            time.sleep(0.1)
        assert not connects(durable, clusters.SERVER_USER, ADMIN_ROLE), step
        assert not connects(durable, "nobody", APP_ROLE), step
        assert connects(durable, clusters.SYSTEM_USER, ADMIN_ROLE), step
        assert durable.socket().stat().st_mode & 0o777 == 0o710
        if durable.running() == pid:
            stop(console, durable)
    stop(console, durable)


def test_database_of_a_killed_test_run_is_swept(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing, "_prefix", lambda: f"onemap-sweep-{os.getpid()}-")
    dead = subprocess.Popen(["true"])
    dead.wait()
    run = testing.throwaway_database(console)
    url = run.__enter__()
    folder = next(Path(tempfile.gettempdir()).glob(f"onemap-sweep-{os.getpid()}-*"))
    assert url.startswith(f"postgresql://{ADMIN_ROLE}@/postgres")
    left = folder.with_name(
        folder.name.replace(f"-{os.getpid()}-{os.getpid()}-", f"-{os.getpid()}-{dead.pid}-")
    )
    run.__exit__(None, None, None)
    assert not folder.exists()
    left.mkdir()
    testing._sweep()
    assert not left.exists()


def test_orphans_of_a_killed_postmaster_do_not_block(console: Console, cluster: Cluster) -> None:
    clusters.start(console, cluster)
    connection = psycopg2.connect(cluster.address(ADMIN_ROLE, "postgres"))
    connection.autocommit = True
    kill(cluster)
    started = time.monotonic()
    clusters.start(console, cluster)
    assert time.monotonic() - started < 30
    assert ask(cluster, "SELECT 1") == 1
    stop(console, cluster)


@pytest.mark.parametrize("stopped", [False, True], ids=["busy", "stopped"])
def test_a_back_end_in_the_middle_of_a_statement_is_ended(
    console: Console, cluster: Cluster, stopped: bool
) -> None:
    """It does not notice that its postmaster is gone; a stopped one does not even hear that it shall end."""
    clusters.start(console, cluster)
    connection = psycopg2.connect(cluster.address(ADMIN_ROLE, "postgres"))
    pid = connection.info.backend_pid

    def work() -> None:
        with contextlib.suppress(psycopg2.Error):
            connection.cursor().execute("DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$")

    thread = threading.Thread(target=work)
    thread.start()
    while ask(cluster, f"SELECT state FROM pg_stat_activity WHERE pid = {pid}") != "active":
        time.sleep(0.02)
    kill(cluster)
    if stopped:
        os.kill(pid, signal.SIGSTOP)
    assert pid in processes_in(cluster.folder)
    started = time.monotonic()
    clusters.start(console, cluster)
    assert time.monotonic() - started < 15
    assert pid not in processes_in(cluster.folder)
    thread.join(10)
    assert ask(cluster, "SELECT 1") == 1
    stop(console, cluster)


def test_two_starts_at_once_make_one_cluster(console: Console, cluster: Cluster) -> None:
    """A watcher and a command: one starts it, the other finds it running."""
    failures: list[BaseException] = []

    def start() -> None:
        try:
            clusters.start(console, cluster)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert cluster.running() is not None
    log = (cluster.folder / "startup.log").read_text()
    assert log.count("ready to accept connections") == 1
    stop(console, cluster)
