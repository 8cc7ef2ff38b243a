"""Background programs: started with a note, recognised by number and start time, stopped exactly."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gisapp.bootstrap import launch
from gisapp.bootstrap.layout import read_json


def folder_of(pid: int) -> Path | None:
    """Working folder of a process; None when it is gone or not ours to see."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return None


def command_of(pid: int) -> str:
    """Command line of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _all_processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def processes_in(folder: Path) -> list[int]:
    """Processes of PostgreSQL whose working folder this is."""
    folder = folder.resolve()
    return [pid for pid in _all_processes() if folder_of(pid) == folder and "postgres" in command_of(pid)]


def signal_all(pids: Sequence[int], *, force: bool) -> None:
    """Ask processes to end, or end them."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL if force else signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Account:
    """A system user that a program runs as.

    Attributes:
        groups: further groups.
    """

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As the plan keeps it."""
        return {"name": self.name, "uid": self.uid, "gid": self.gid, "groups": list(self.groups)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Account:
        """What ``as_json`` made."""
        return cls(kept["name"], kept["uid"], kept["gid"], tuple(kept["groups"]))


@dataclass(frozen=True, slots=True)
class Background:
    """A background program of one running copy.

    Attributes:
        note: file that names the process.
        log: file that takes its output.
    """

    note: Path
    log: Path

    def about(self) -> dict[str, Any]:
        """The note, if its process is alive; else empty."""
        about = read_json(self.note)
        pid = about.get("pid")
        try:
            alive = (
                isinstance(pid, int) and launch.start_of(pid) == about.get("start") and not _is_zombie(pid)
            )
        except (OSError, ValueError, IndexError):
            alive = False
        return about if alive else {}

    @property
    def state(self) -> Path:
        """File in which a watcher tells of its program."""
        return self.note.with_suffix(".state")

    def watched(self) -> dict[str, Any]:
        """What the watcher told last: ``pid`` of the program, ``good``, ``restarts``, ``failures``, ``last``."""
        return read_json(self.state)

    def start(
        self, command: Sequence[str | Path], env: Mapping[str, str], facts: Mapping[str, Any]
    ) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own.

        Args:
            facts: kept in the note, for the next start to compare.
        """
        words = [sys.executable, "-S", launch.__file__, str(self.note), str(self.log)]
        more = {"ONEMAP_NOTE": json.dumps(dict(facts))}
        return subprocess.Popen([*words, *map(str, command)], env={**env, **more}, stdin=subprocess.DEVNULL)

    def forget(self) -> None:
        """Remove note and state of a program that does not run."""
        for path in (self.note, self.state):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    def stop(self, seconds: float = 12) -> bool:
        """End the program, by force after the time; False when it was not running."""
        about = self.about()
        if about:
            pid = int(about["pid"])
            signal_all([pid], force=False)
            deadline = time.monotonic() + seconds
            while self.about():
                if time.monotonic() > deadline:
                    # it leads a session of its own, so its group is itself and what it started
                    signal_all([-pid], force=True)
                    deadline += 5
                time.sleep(0.05)
        self.forget()
        return bool(about)

    def last_words(self, lines: int = 15) -> str:
        """The last lines of the log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


def _is_zombie(pid: int) -> bool:
    text = Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2] in "ZX"


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _listening(port: int) -> set[str]:
    """What the sockets that listen on a port are called among the open files of processes."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found


def _has_open(pid: int, names: set[str]) -> bool:
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if str(descriptor.readlink()) in names:
                    return True
    return False


def listens(pid: int, port: int) -> bool:
    """Whether a process of ours listens on a port, and not another program."""
    wanted = _listening(port)
    return bool(wanted) and _has_open(pid, wanted)


def holder_of_port(port: int) -> tuple[int, str] | None:
    """Process number and command line of who listens on a port, as far as this user may see."""
    wanted = _listening(port)
    for pid in _all_processes() if wanted else ():
        if _has_open(pid, wanted):
            return pid, command_of(pid)
    return None


def run_here(command: Sequence[str | Path], env: dict[str, str], cwd: Path | None = None) -> int:
    """Run a program in the foreground with our terminal; its exit status."""
    process = subprocess.Popen([str(word) for word in command], env=env, cwd=cwd)
    while True:
        try:
            status = process.wait()
            break
        except KeyboardInterrupt:
            # the terminal has told the program too; wait for how it ends
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    return status if status >= 0 else 128 - status
