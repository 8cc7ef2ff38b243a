"""Watch over a background program: start it again when it ends by itself, and give up when that does not help.

Run as a script in the place of the program: ``watch.py STATE PROGRAM ARGUMENT…``. STATE is a file that it keeps up to
date for ``doctor``; what it says in words goes where the program's output goes. It ends when it is asked to (SIGTERM), the
program first; and if it is itself killed, the program goes with it, so that none is ever left without its watcher.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from types import FrameType

QUICK_S = 60.0
"""Who ran for less than this has failed quickly."""
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Pause before each further try; after as many quick failures in a row it gives up."""
_PR_SET_PDEATHSIG = 1


class Watcher:
    """One program and what became of it so far.

    Args:
        state: file that tells of it.
        quick: seconds below which an end is a quick failure.
        pauses: seconds before each further try.
    """

    def __init__(
        self,
        state: Path,
        command: Sequence[str],
        *,
        quick: float = QUICK_S,
        pauses: Sequence[float] = PAUSES_S,
    ) -> None:
        self.state = state
        self.command = list(command)
        self.quick = quick
        self.pauses = tuple(pauses)
        self.restarts = 0
        self.failures = 0
        self.last = ""
        self.stopping = False
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Watch until asked to stop (0) or until it is hopeless (1)."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while True:
            began = time.monotonic()
            with subprocess.Popen(self.command, preexec_fn=_go_with_parent()) as child:
                self._child = child
                if self.stopping:
                    child.terminate()
                self._tell(pid=child.pid)
                status = child.wait()
                self._child = None
            if self.stopping:
                return 0
            if not self._go_on(status, time.monotonic() - began):
                return 1
            if self.stopping:
                return 0
            self.restarts += 1

    def _go_on(self, status: int, lived: float) -> bool:
        """Note an end and wait before the next try; False when there shall be none."""
        self.failures = self.failures + 1 if lived < self.quick else 1
        self.last = f"{datetime.now():%m-%d %H:%M:%S} {_how(status)}"
        if self.failures > len(self.pauses):
            say(f"连续 {self.failures} 次启动后不到 {self.quick:.0f} 秒就结束（{_how(status)}），不再重试。")
            self._tell(gave_up=True)
            return False
        pause = self.pauses[self.failures - 1]
        say(f"程序意外结束（{_how(status)}，运行了 {lived:.0f} 秒），{pause:.0f} 秒后重新启动。")
        self._tell()
        until = time.monotonic() + pause
        while not self.stopping and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))
        return True

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.terminate()

    def _tell(self, *, pid: int | None = None, gave_up: bool = False) -> None:
        """Write the state in place: its folder belongs to set-up, only the file is ours."""
        facts = {
            "pid": pid,
            "restarts": self.restarts,
            "failures": self.failures,
            "last": self.last,
            "gave_up": gave_up,
        }
        try:
            self.state.write_text(json.dumps(facts), encoding="utf-8")
        except OSError as error:
            say(f"写不进 {self.state}：{error.strerror}")


def say(text: str) -> None:
    """A line of the watcher's own in the program's log."""
    print(f"{datetime.now():%Y-%m-%d %H:%M:%S} 看护：{text}", file=sys.stderr, flush=True)


def _how(status: int) -> str:
    return f"信号 {-status}" if status < 0 else f"退出码 {status}"


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


if __name__ == "__main__":
    sys.exit(Watcher(Path(sys.argv[1]), sys.argv[2:]).run())
