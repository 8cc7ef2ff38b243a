"""The process of one watcher: ``python -m gisapp.bootstrap.keeper DATA NAME``.

It runs as whoever called ``up``. As root it never becomes the program, it starts it as another user. It ends when it is
asked to (SIGTERM), and when the plan of its data directory does not name its program any more.
"""

from __future__ import annotations

import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

from gisapp.bootstrap import databases, plan
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.kept import Child, Nothing, PrivateCluster
from gisapp.bootstrap.layout import DataDirectory, locked
from gisapp.bootstrap.logs import RotatingLog
from gisapp.bootstrap.processes import Account
from gisapp.bootstrap.trouble import SetupError
from gisapp.bootstrap.watch import Program, Watcher

_PREDECESSOR_S = 15.0


def keep(data: DataDirectory, name: str, log: RotatingLog) -> int:
    """Watch over a program of a data directory until it shall not run any more; the exit status."""
    others = plan.Others(data, name)

    def between() -> None:
        for other in others.look():
            log.say(f"“{other}”的看护进程不见了，已重新启动。")
        if plan.is_gone(data, name):
            watcher.stopping = True

    try:
        entry = plan.programs(data)[name]
    except KeyError:
        return 0
    program = _program(data, name, entry, log)
    watcher = Watcher(program, plan.watcher_of(data, name).state, say=log.say, between=between)

    def stop(_number: int, _frame: FrameType | None) -> None:
        watcher.stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    watcher.run()
    return 0


def _program(data: DataDirectory, name: str, entry: dict[str, Any], log: RotatingLog) -> Program:
    if name == plan.CLUSTER:
        # What the steps of a start say goes to the log too, by way of standard error.
        console = Console(log.path)
        return PrivateCluster(databases.private_cluster(data), console, log.say)
    if name == plan.GUARD:
        return Nothing()
    account = Account.from_json(entry["account"]) if entry.get("account") else None
    return Child(entry["command"], entry["env"], log, account=account, port=entry.get("port"))


def main(arguments: list[str]) -> int:
    """Be the one watcher of a program; a second one ends at once."""
    data, name = DataDirectory(Path(arguments[0])), arguments[1]
    log = RotatingLog(plan.watcher_of(data, name).log, standard=True)
    try:
        with locked(data.run / f"{name}.lock", lambda: None, _PREDECESSOR_S):
            return keep(data, name, log)
    except SetupError as error:
        log.say(error.message)
        return 1
    except Exception:
        log.say(traceback.format_exc())
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
