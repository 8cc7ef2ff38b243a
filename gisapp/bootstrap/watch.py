"""Watch over one program: start it again whenever it ends by itself, after pauses that grow, and never give up.

This is the part that all watchers share; what a program is stands in ``kept.py``, the process itself in ``keeper.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gisapp.bootstrap.layout import write_json
from gisapp.bootstrap.trouble import SetupError
from gisapp.errors import OnemapError

PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Pause after the first bad run in a row, after the second, and so on; the last one for all further."""
TICK_S = 0.2
"""How long a watcher sleeps at most before it looks again."""


class Program(Protocol):
    """What a watcher keeps running."""

    def start(self) -> int:
        """Start it; its process number.

        Raises:
            OnemapError, OSError: it cannot be started now.
        """

    def ended(self, seconds: float) -> str:
        """Wait at most so long for its end; how it ended, in words, or empty while it runs."""

    def good(self) -> bool:
        """Whether this run has come far enough to call the next end a first one."""

    def stop(self) -> None:
        """End it, or leave it to whoever ends it."""


class Watcher:
    """One program and what became of it so far.

    Args:
        state: file that tells of it (``restarts``, ``failures``, ``last``, ``pid``, ``good``), for ``up`` and ``doctor``.
        say: takes a line for the log.
        between: called at every look, for whatever else there is to do.
        pauses: seconds before each further try.
        sleep: waits; for tests.
    """

    def __init__(
        self,
        program: Program,
        state: Path,
        *,
        say: Callable[[str], None],
        between: Callable[[], None] = lambda: None,
        pauses: Sequence[float] = PAUSES_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.program = program
        self.state = state
        self.pauses = tuple(pauses)
        self.restarts = 0
        self.failures = 0
        self.last = ""
        self.stopping = False
        self._say = say
        self._between = between
        self._sleep = sleep
        self._good = False

    def run(self) -> None:
        """Watch until ``stopping`` is set."""
        while True:
            how = self._one_run()
            if self.stopping:
                return
            self._note_end(how)
            self._wait(self.pause())
            if self.stopping:
                return
            self.restarts += 1

    def pause(self) -> float:
        """Seconds until the next try, after so many bad runs in a row."""
        return self.pauses[min(max(self.failures, 1), len(self.pauses)) - 1]

    def _one_run(self) -> str:
        """Start the program and wait for its end; how it ended."""
        self._good = False
        try:
            pid = self.program.start()
        except OnemapError as error:
            return f"启动没有成功：{error.message}"
        except OSError as error:
            return f"启动没有成功：{error}"
        self._tell(pid)
        while not (how := self.program.ended(TICK_S)):
            if self.stopping:
                self.program.stop()
                return ""
            if not self._good and self.program.good():
                self._good = True
                self._tell(pid)
            self._between()
        return how

    def _note_end(self, how: str) -> None:
        # A good run ends the row of bad ones.
        self.failures = 1 if self._good else self.failures + 1
        self.last = f"{datetime.now():%m-%d %H:%M:%S} {how.splitlines()[0][:200]}"
        self._say(f"{how}；{self.pause():g} 秒后重新启动。")
        self._tell(None)

    def _wait(self, seconds: float) -> None:
        while seconds > 0 and not self.stopping:
            self._sleep(min(TICK_S, seconds))
            seconds -= TICK_S
            self._between()

    def _tell(self, pid: int | None) -> None:
        facts = {
            "pid": pid,
            "good": self._good,
            "restarts": self.restarts,
            "failures": self.failures,
            "last": self.last,
        }
        try:
            write_json(self.state, facts)
        except SetupError as error:
            self._say(f"写不进 {self.state}：{error.message}")
