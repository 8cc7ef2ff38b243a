"""What shall be running in a data directory: written by ``up``, followed by the watchers, removed by ``down``.

The file exists from the moment ``up`` begins to start things until ``down``. It holds everything that starting a program
again takes, its environment included, so only its owner can read it.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gisapp.bootstrap.databases import application_environment
from gisapp.bootstrap.layout import DataDirectory, locked, read_json, write_json
from gisapp.bootstrap.processes import Background
from gisapp.bootstrap.trouble import SetupError

CLUSTER, SERVER, SIMULATOR = "cluster", "server", "simulator"
GUARD = "guard"
"""Stands in for the cluster's watcher where the database is a server of the user's: it only looks after the others."""
_NOTED_SECONDS = 10.0

Plan = dict[str, Any]


def watcher_of(data: DataDirectory, name: str) -> Background:
    """The watcher of a program: its note, the state that it tells, and the log that it writes."""
    return Background(data.run / f"{name}.json", data.log / f"{name}.log")


def plan_path(data: DataDirectory) -> Path:
    """The file of the plan."""
    return data.secrets / "running.json"


def read(data: DataDirectory) -> Plan:
    """The plan; empty where nothing has been started, or all has been taken down."""
    return read_json(plan_path(data))


def programs(data: DataDirectory) -> dict[str, dict[str, Any]]:
    """What the plan says of each program that shall run, by its name."""
    found = read(data).get("programs")
    return found if isinstance(found, dict) else {}


def is_gone(data: DataDirectory, name: str) -> bool:
    """Whether a program shall not run any more. A file that cannot be read now says nothing."""
    try:
        text = plan_path(data).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    with contextlib.suppress(ValueError, AttributeError):
        return name not in json.loads(text)["programs"]
    return False


def write(data: DataDirectory, plan: Plan) -> None:
    """Put a plan in the place of the one before; only while it is being changed."""
    write_json(plan_path(data), plan, 0o600)


@contextlib.contextmanager
def changing(data: DataDirectory, seconds: float = 60.0) -> Iterator[Plan]:
    """Change the plan; meanwhile no watcher starts another one.

    Raises:
        SetupError: somebody else holds it for longer than that.
    """
    with locked(data.run / "plan.lock", lambda: None, seconds):
        plan = read(data) or {"programs": {}}
        before = json.dumps(plan)
        yield plan
        if json.dumps(plan) != before:
            write(data, plan)


def remove(data: DataDirectory) -> None:
    """Let nothing be started again from now on."""
    with locked(data.run / "plan.lock", lambda: None, 60.0), contextlib.suppress(FileNotFoundError):
        plan_path(data).unlink()


def start_watcher(data: DataDirectory, name: str, entry: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    """Start the watcher of a program, and wait until it has noted itself; only while the plan is being changed."""
    command = [sys.executable, "-P", "-m", "gisapp.bootstrap.keeper", str(data.path), name]
    env = application_environment()
    # The owner's address is for set-up alone.
    for secret in ("DATABASE_URL", "ONEMAP_ADMIN_DATABASE_URL"):
        env.pop(secret, None)
    watcher = watcher_of(data, name)
    process = watcher.start(command, env, entry.get("facts", {}))
    deadline = time.monotonic() + _NOTED_SECONDS
    while watcher.about().get("pid") != process.pid and process.poll() is None:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return process


class Others:
    """The other watchers, as one of them sees them: whichever has been killed is started again.

    Args:
        own: name of the program of the watcher that looks.
        every: seconds between two looks.
    """

    def __init__(self, data: DataDirectory, own: str, *, every: float = 1.0) -> None:
        self._data = data
        self._own = own
        self._every = every
        self._looked = float("-inf")
        self._started: list[subprocess.Popen[bytes]] = []

    def look(self) -> list[str]:
        """Start those again that have been killed; their names."""
        if time.monotonic() - self._looked < self._every:
            return []
        self._looked = time.monotonic()
        # One that has ended stays in the table of processes until its parent has asked for its end.
        self._started = [process for process in self._started if process.poll() is None]
        return self._start_killed() if self._killed(programs(self._data)) else []

    def _killed(self, wanted: Mapping[str, Any]) -> list[str]:
        return [name for name in wanted if name != self._own and not watcher_of(self._data, name).about()]

    def _start_killed(self) -> list[str]:
        try:
            # Who holds the plan is about to start or stop it.
            with changing(self._data, seconds=0.0) as plan:
                killed = self._killed(plan["programs"])
                for name in killed:
                    self._started.append(start_watcher(self._data, name, plan["programs"][name]))
                return killed
        except (SetupError, OSError):
            return []
