"""The private PostGIS cluster: made, started, stopped and repaired; reached by a socket only.

It belongs to the system user ``onemap`` when set-up runs as root (PostgreSQL refuses root), else to the user. It opens
no port; who may connect is decided by the operating system (peer authentication on a folder that only the owner, root
and the server's own system user can enter, and that user as the application's role only).
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from gisapp.bootstrap.console import Console, Step
from gisapp.bootstrap.layout import IS_ROOT, locked, private_folder, write_whole
from gisapp.bootstrap.postgis import Programs, ensure_programs
from gisapp.bootstrap.processes import folder_of, processes_in, signal_all
from gisapp.bootstrap.trouble import ProgramFailed, SetupError, require_space
from gisapp.bootstrap.tuning import settings_text

SYSTEM_USER = "onemap"
SERVER_USER = "onemap-web"
ADMIN_ROLE = "onemap_admin"
APP_ROLE = "onemap_app"
DATABASE = "onemap"
PORT = 5432  # only a part of the socket's name
_ASK_ORPHANS_S, _END_ORPHANS_S, _GIVE_UP_ORPHANS_S = 0.5, 2.0, 20.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster on disk.

    Attributes:
        folder: PostgreSQL's data folder.
        socket_name: name of the private folder of its socket.
        throwaway: a cluster for tests: durable against nothing, any role may connect.
    """

    folder: Path
    socket_name: str
    throwaway: bool = False

    @property
    def owner(self) -> str:
        """System user that the cluster runs as."""
        return SYSTEM_USER if IS_ROOT else pwd.getpwuid(os.geteuid()).pw_name

    @property
    def as_user(self) -> str | None:
        """User to switch to for its programs; None when that is who we are."""
        return SYSTEM_USER if IS_ROOT else None

    def version(self) -> int | None:
        """Major version that made it; None when there is no cluster yet."""
        try:
            return int((self.folder / "PG_VERSION").read_text().strip())
        except FileNotFoundError:
            return None
        except ValueError:
            raise SetupError(
                f"数据库目录 {self.folder} 已损坏（PG_VERSION 不可读）。",
                remedy="请从备份恢复，或换一个 --data 目录。",
            ) from None

    def notes(self) -> list[str]:
        """Lines of ``postmaster.pid``: process, folder, start, port, socket folder, …"""
        try:
            return (self.folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def running(self) -> int | None:
        """Process number of the running postmaster, or None."""
        notes = self.notes()
        if not notes or not notes[0].strip().isdigit():
            return None
        pid = int(notes[0])
        # A number alone proves nothing after a crash: it may have gone to another process.
        return pid if folder_of(pid) == self.folder.resolve() else None

    def socket(self) -> Path:
        """Folder of the socket: of the running cluster, else the one that the next start will use."""
        notes = self.notes()
        if self.running() and len(notes) > 4 and notes[4]:
            return Path(notes[4])
        return self.socket_folder()

    def socket_folder(self) -> Path:
        """The folder of the socket, made when there is none."""
        owner = pwd.getpwnam(self.owner)
        return private_folder(self.socket_name, owner.pw_uid, owner.pw_gid if self.shared else None)

    @property
    def shared(self) -> bool:
        """Whether the server connects as another system user than the cluster's, by its group."""
        return IS_ROOT and not self.throwaway

    def address(self, role: str, database: str = DATABASE) -> str:
        """Address of a database for a role, as libpq and SQLAlchemy read it."""
        return f"postgresql://{role}@/{database}?host={self.socket()}&port={PORT}"


def ensure_system_user(name: str = SYSTEM_USER) -> None:
    """Create a system user, that of clusters unless named (as root only).

    Raises:
        SetupError: it cannot be created.
    """
    if not IS_ROOT:
        return
    with contextlib.suppress(KeyError):
        pwd.getpwnam(name)
        return
    tool = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if tool is None:
        raise SetupError(f"没有 useradd，无法建立系统用户 {name}。", remedy=f"请先建立系统用户 {name}。")
    command = [tool, "--system", "--user-group", "--no-create-home", "--home-dir", "/var/lib/onemap"]
    done = subprocess.run(
        [*command, "--shell", "/usr/sbin/nologin", name], capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 9):  # 9: made meanwhile by somebody else
        raise SetupError(
            f"无法建立系统用户 {name}：{done.stderr.strip()}",
            remedy=f"请先建立系统用户 {name}。",
        )


def _require_reachable(cluster: Cluster) -> None:
    """The system user must be able to walk to its folder, which it cannot below ``/root``."""
    if not IS_ROOT:
        return
    seen = subprocess.run(
        ["test", "-x", cluster.folder.parent], user=SYSTEM_USER, extra_groups=[], check=False
    )
    if seen.returncode != 0:
        raise SetupError(
            f"数据库以系统用户 {SYSTEM_USER} 运行，它进不去 {cluster.folder.parent}。",
            remedy="请用 --data 指定它能到达的目录，例如 /var/lib/onemap/我的数据。",
        )


def create(step: Step, cluster: Cluster, programs: Programs) -> None:
    """Make a new cluster: under another name first, so that a killed start leaves nothing that looks finished.

    Raises:
        SetupError: the place is not usable or too full.
    """
    if cluster.folder.exists() and any(cluster.folder.iterdir()):
        raise SetupError(
            f"{cluster.folder} 里有文件，却不是数据库目录。",
            remedy="请把它移走，或用 --data 指定另一个目录。",
        )
    require_space(cluster.folder.parent, 400, "新建数据库")
    fresh = cluster.folder.with_name(cluster.folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if IS_ROOT:
        shutil.chown(fresh, SYSTEM_USER, SYSTEM_USER)
    options = f"-U {ADMIN_ROLE} --auth=peer --encoding=UTF8 --locale=C.UTF-8 --no-instructions".split()
    options.append("--no-sync" if cluster.throwaway else "--data-checksums")
    command = [str(programs.folder / "initdb"), "-D", str(fresh), *options]
    step.run(command, env=programs.environment(), user=cluster.as_user, cwd=Path("/"))
    own = fresh / "postgresql.conf"
    own.write_text(
        own.read_text()
        + "\n# Written by onemap at every start; put what shall stay into site.conf, which is read last.\n"
        + "include_if_exists = 'onemap.conf'\ninclude_if_exists = 'site.conf'\n"
    )
    if cluster.folder.exists():
        cluster.folder.rmdir()
    fresh.rename(cluster.folder)


def _who_connects(cluster: Cluster) -> str:
    """``pg_ident.conf``: its owner and who set it up as either role, the server as the application's only."""
    owners = dict.fromkeys((cluster.owner, pwd.getpwuid(os.geteuid()).pw_name))
    pairs = [(owner, role) for owner in owners for role in (ADMIN_ROLE, APP_ROLE)]
    if cluster.shared:
        pairs.append((SERVER_USER, APP_ROLE))
    return "".join(f'onemap "{user}" {role}\n' for user, role in pairs)


def _configure(cluster: Cluster, socket: Path) -> None:
    method = "trust" if cluster.throwaway else "peer map=onemap"
    files = {
        "onemap.conf": settings_text(socket, throwaway=cluster.throwaway, shared=cluster.shared),
        "pg_hba.conf": f"local all all {method}\n",
        "pg_ident.conf": _who_connects(cluster),
    }
    for name, text in files.items():
        _write_own(cluster, name, text)


def _write_own(cluster: Cluster, name: str, text: str) -> None:
    write_whole(cluster.folder / name, text, 0o600)
    if IS_ROOT:
        shutil.chown(cluster.folder / name, SYSTEM_USER, SYSTEM_USER)


def _admit_server(cluster: Cluster, pid: int) -> None:
    """Let the server's user connect to a cluster that an earlier version of this program started."""
    wanted = _who_connects(cluster)
    if not cluster.shared or (cluster.folder / "pg_ident.conf").read_text() == wanted:
        return
    owner, socket = pwd.getpwnam(cluster.owner), cluster.socket()
    for path, mode in ((socket, 0o710), (socket / f".s.PGSQL.{PORT}", 0o770)):
        os.chown(path, owner.pw_uid, owner.pw_gid)
        path.chmod(mode)
    _write_own(cluster, "pg_ident.conf", wanted)
    os.kill(pid, signal.SIGHUP)  # read again


def _clear_remains(step: Step, cluster: Cluster, socket: Path) -> None:
    """Remove what a killed cluster left and PostgreSQL would stumble over.

    Back ends that outlived their postmaster hold its memory: idle ones end by themselves, whichever is in the middle of a
    statement is asked to end and then ended; what it had not committed was lost with the postmaster. Lock files whose
    process number now belongs to something else are removed; for a number that is free PostgreSQL does that itself.
    """
    began = time.monotonic()
    while left := processes_in(cluster.folder):
        step.doing = "等待旧的数据库进程结束"
        waited = time.monotonic() - began
        if waited > _ASK_ORPHANS_S:
            signal_all(left, force=waited > _END_ORPHANS_S)
        if waited > _GIVE_UP_ORPHANS_S:
            raise SetupError(
                f"旧的数据库进程 {', '.join(map(str, left))} 结束不了。",
                remedy="请重启这台机器后再运行 ./onemap up。",
            )
        time.sleep(0.1)
    for path in (cluster.folder / "postmaster.pid", socket / f".s.PGSQL.{PORT}.lock"):
        with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
            if Path("/proc", str(int(path.read_text().split()[0]))).exists():
                path.unlink()


def _pg_ctl(programs: Programs, cluster: Cluster, *words: str) -> list[str]:
    """A call of ``pg_ctl`` that waits until it is done; long enough for recovery after a power cut."""
    return [str(programs.folder / "pg_ctl"), "-D", str(cluster.folder), "-s", "-w", "-t", "180", *words]


def start(console: Console, cluster: Cluster, title: str = "启动数据库") -> Programs:
    """Have the cluster running, made first when there is none.

    Its watcher and any command may ask for it at the same time: one starts it, the others find it running.

    Raises:
        SetupError: it cannot be made or started; the message holds the last lines of its log.
    """
    ensure_system_user()
    programs = ensure_programs(console, cluster.version())
    with _alone(cluster):
        if pid := cluster.running():
            _admit_server(cluster, pid)
        else:
            _start(console, cluster, programs, title)
    return programs


def _alone(cluster: Cluster) -> contextlib.AbstractContextManager[int]:
    """The lock of whoever starts or stops a cluster."""
    return locked(cluster.folder.with_name(f"{cluster.folder.name}.lock"), lambda: None)


def _start(console: Console, cluster: Cluster, programs: Programs, title: str) -> None:
    _require_reachable(cluster)
    if cluster.version() is None:
        with console.step("新建数据库") as step:
            create(step, cluster, programs)
    with console.step(title) as step:
        require_space(cluster.folder, 64, "启动数据库")
        socket = cluster.socket_folder()
        _clear_remains(step, cluster, socket)
        _configure(cluster, socket)
        log = cluster.folder / "startup.log"
        with contextlib.suppress(FileNotFoundError):
            log.unlink()
        command = _pg_ctl(programs, cluster, "-l", str(log), "start")
        try:
            step.run(
                command, env=programs.environment(), user=cluster.as_user, cwd=Path("/"), hold_lock=False
            )
        except ProgramFailed as error:
            raise ProgramFailed(
                title, ["pg_ctl"], error.returncode, last_words(cluster), console.log
            ) from None


def last_words(cluster: Cluster) -> str:
    """The last lines that the cluster wrote about itself."""
    texts = []
    newest = sorted((cluster.folder / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)[-1:]
    for path in (cluster.folder / "startup.log", *newest):
        with contextlib.suppress(OSError):
            texts.append(path.read_text(errors="replace"))
    return "\n".join("\n".join(texts).splitlines()[-12:])


def stop(step: Step, cluster: Cluster, *, at_once: bool = False) -> bool:
    """Stop the cluster; False when it was not running.

    Args:
        at_once: without a checkpoint, for a cluster that is thrown away.
    """
    version = cluster.version()
    if version is None:
        return False
    with _alone(cluster):
        if cluster.running() is None:
            return False
        programs = ensure_programs(step.console, version)
        command = _pg_ctl(programs, cluster, "-m", "immediate" if at_once else "fast", "stop")
        step.run(command, env=programs.environment(), user=cluster.as_user, cwd=Path("/"))
    return True
