"""Progress that a newcomer can follow: one line a step with the seconds since the start, everything else in a log."""

from __future__ import annotations

import collections
import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from gisapp.bootstrap.trouble import ProgramFailed, from_os_error


def clip(text: str, columns: int) -> str:
    """As much of a text as fits into columns, Chinese characters counting two."""
    width = 0
    for index, character in enumerate(text):
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width > columns:
            return text[:index]
    return text


class Console:
    """Writes progress to standard error, so that the output of commands stays clean.

    Args:
        quiet_below: a step that took less than this many seconds leaves no line.
    """

    def __init__(self, log: Path, *, quiet_below: float = 0.0, stream: TextIO | None = None) -> None:
        self.log = log
        self.quiet_below = quiet_below
        self.stream = stream or sys.stderr
        self.started = time.monotonic()
        self.lock_descriptor: int | None = None
        self._live = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self._drawn = False

    @property
    def elapsed(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self.started

    def line(self, text: str, mark: str = "·") -> None:
        """Print one line with the elapsed seconds in front."""
        self._clear()
        print(f"{self.elapsed:7.1f} s  {mark} {text}", file=self.stream, flush=True)

    def _clear(self) -> None:
        if self._drawn:
            self.stream.write("\r\x1b[K")
            self._drawn = False

    def _draw(self, text: str) -> None:
        columns = shutil.get_terminal_size().columns - 1
        self.stream.write("\r\x1b[K" + clip(f"{self.elapsed:7.1f} s  … {text}", columns))
        self.stream.flush()
        self._drawn = True

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """One step: its line appears when it is done; while it runs, a terminal shows what it is doing."""
        step = Step(self, title)
        ticker = threading.Thread(target=step.tick, daemon=True)
        ticker.start()
        try:
            yield step
        except BaseException:
            step.done.set()
            ticker.join()
            self.line(title, "✗")
            raise
        step.done.set()
        ticker.join()
        self._clear()
        seconds = time.monotonic() - step.started
        if step.note or seconds >= self.quiet_below:
            note = f"：{step.note}" if step.note else ""
            self.line(f"{title}{note}（{seconds:.1f} 秒）", "✓")


class Step:
    """A step under way.

    Attributes:
        note: short result, printed behind the title.
        doing: what it is doing at the moment, for the terminal.
    """

    def __init__(self, console: Console, title: str) -> None:
        self.console = console
        self.title = title
        self.note = ""
        self.doing = ""
        self.started = time.monotonic()
        self.done = threading.Event()

    def tick(self) -> None:
        """Show life: redraw the line on a terminal, else a line every 15 seconds."""
        console, said = self.console, 0
        live = console._live
        while not self.done.wait(0.25 if live else 1.0):
            seconds = time.monotonic() - self.started
            if live:
                console._draw(f"{self.title}  {self.doing}")
            elif int(seconds) // 15 > said:
                said = int(seconds) // 15
                console.line(f"{self.title}……（{seconds:.0f} 秒）{clip(self.doing, 60)}")

    def run(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
        check: bool = True,
        hold_lock: bool = True,
        leave_out: str = r"(?!)",
    ) -> subprocess.CompletedProcess[str]:
        """Run a program, its output into the log.

        Args:
            user: system user to run as (needs root).
            check: raise when it fails.
            hold_lock: let the program inherit set-up's lock (not for one that leaves a server behind).
            leave_out: pattern of the beginning of lines that are neither logged nor kept, as they may hold personal data.

        Returns:
            The finished process with the last 200 lines of output.

        Raises:
            ProgramFailed: it ended with an error and ``check`` is set.
        """
        words = [str(word) for word in command]
        console = self.console
        inherit = (console.lock_descriptor,) if hold_lock and console.lock_descriptor is not None else ()
        tail: collections.deque[str] = collections.deque(maxlen=200)
        try:
            console.log.parent.mkdir(parents=True, exist_ok=True)
            with console.log.open("a", encoding="utf-8") as log:
                log.write(f"\n$ {' '.join(words)}\n")
                log.flush()
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=None if env is None else dict(env),
                    cwd=cwd,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    pass_fds=inherit,
                    user=user,
                    group=user,
                    extra_groups=[] if user else None,
                )
                assert process.stdout is not None
                for line in process.stdout:
                    if re.match(leave_out, line):
                        continue
                    log.write(line)
                    tail.append(line)
                    self.doing = line.strip() or self.doing
                returncode = process.wait()
        except OSError as error:
            raise from_os_error(error) from error
        output = "".join(tail)
        if check and returncode != 0:
            raise ProgramFailed(self.title, words, returncode, output, console.log)
        return subprocess.CompletedProcess(words, returncode, output)
