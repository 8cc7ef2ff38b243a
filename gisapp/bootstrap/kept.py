"""What watchers keep running: server and simulator as programs of theirs, the cluster by PostgreSQL's own tools."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

from gisapp.bootstrap import cluster as clusters
from gisapp.bootstrap.cluster import Cluster
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.logs import RotatingLog, prune
from gisapp.bootstrap.processes import Account, listens
from gisapp.bootstrap.trouble import SetupError

_GOOD_S = 10.0
_STOP_S = 10.0
_CHUNK = 2**16
_PRUNE_S = 30.0
_MOST_LOG_BYTES = 50 * 2**20
_LOG_DAYS = 7.0
_PR_SET_PDEATHSIG = 1


class Child:
    """A program of the watcher's own: what it prints goes to the log, and it ends with its watcher.

    Args:
        account: user to run as; None for who we are.
        port: where it listens when all is well; None for a program that is well when it has run for ten seconds.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        log: RotatingLog,
        *,
        account: Account | None = None,
        port: int | None = None,
    ) -> None:
        self._command = list(command)
        self._env = dict(env)
        self._log = log
        self._account = account
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._output = -1
        self._began = 0.0

    def start(self) -> int:
        """Start it."""
        ours, theirs = os.pipe()
        account = self._account
        try:
            self._process = subprocess.Popen(
                self._command,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                # Where set-up was called may be closed to the account, and vanish for everybody.
                cwd="/",
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=list(account.groups) if account else None,
                preexec_fn=_go_with_parent(),
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        os.set_blocking(ours, False)
        self._output = ours
        self._began = time.monotonic()
        return self._process.pid

    def ended(self, seconds: float) -> str:
        """How it ended, or empty; meanwhile takes what it prints."""
        process = self._process
        assert process is not None
        if self._output >= 0:
            ready, _, _ = select.select([self._output], [], [], seconds)
            if ready and not self._take():
                self._close()
        else:  # it has closed its output and runs on
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
        status = process.poll()
        if status is None:
            return ""
        # What is in the pipe still belongs to it; what outlives it may hold the pipe open for ever.
        while self._output >= 0 and self._take():
            pass
        self._close()
        how = f"信号 {-status}" if status < 0 else f"退出码 {status}"
        return f"程序意外结束（{how}，运行了 {time.monotonic() - self._began:.0f} 秒）"

    def _take(self) -> bool:
        """Put what has been printed into the log; False when there is nothing more."""
        try:
            data = os.read(self._output, _CHUNK)
        except BlockingIOError:
            return False
        if data:
            self._log.write(data)
        return bool(data)

    def _close(self) -> None:
        if self._output >= 0:
            os.close(self._output)
            self._output = -1

    def good(self) -> bool:
        """Whether it listens; without a port, whether it has run for ten seconds."""
        assert self._process is not None
        if self._port is not None:
            return listens(self._process.pid, self._port)
        return time.monotonic() - self._began >= _GOOD_S

    def stop(self) -> None:
        """Ask it to end, and end it by force after ten seconds."""
        process = self._process
        assert process is not None
        process.terminate()
        deadline = time.monotonic() + _STOP_S
        while not self.ended(0.1):
            if time.monotonic() > deadline:
                process.kill()


class PrivateCluster:
    """The private cluster: it does not end with its watcher, and a running one is taken over.

    Args:
        console: where the steps of a start are told.
    """

    def __init__(self, cluster: Cluster, console: Console, say: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._console = console
        self._say = say
        self._pid = 0
        self._pruned = float("-inf")

    def start(self) -> int:
        """Start it as ``up`` does; returns when it takes connections.

        Raises:
            SetupError: it cannot be started, or its files have gone.
        """
        if self._cluster.version() is None:
            raise SetupError(f"数据库目录 {self._cluster.folder} 不见了。", remedy="请从备份恢复。")
        before = self._cluster.running()
        clusters.start(self._console, self._cluster)
        self._pid = self._cluster.running() or 0
        if before is None:
            self._say(f"数据库已启动（进程 {self._pid}）。")
        return self._pid

    def ended(self, seconds: float) -> str:
        """How it ended, or empty."""
        time.sleep(seconds)
        if time.monotonic() - self._pruned > _PRUNE_S:
            self._pruned = time.monotonic()
            prune(self._cluster.folder / "log", most=_MOST_LOG_BYTES, days=_LOG_DAYS)
        if self._cluster.running() == self._pid:
            return ""
        return f"数据库意外结束（进程 {self._pid}）"

    def good(self) -> bool:
        """It takes connections: the start waits for that."""
        return True

    def stop(self) -> None:
        """It is left alone: who takes it down ends it with PostgreSQL's own tools."""


class Nothing:
    """No program: its watcher is there for the other watchers only."""

    def start(self) -> int:
        """Nothing to start."""
        return os.getpid()

    def ended(self, seconds: float) -> str:
        """It never ends."""
        time.sleep(seconds)
        return ""

    def good(self) -> bool:
        """It always is."""
        return True

    def stop(self) -> None:
        """Nothing to end."""


def _go_with_parent() -> Callable[[], None] | None:
    """What a child does before it becomes the program: ask the kernel to be killed when its parent ends."""
    try:
        import ctypes

        control = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return None  # no Linux, or a Python without it: the port stays taken until somebody ends the program
    parent = os.getpid()

    def ask() -> None:
        control(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask
