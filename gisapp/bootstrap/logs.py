"""Log files with a bound: a full one becomes ``NAME.1.log``, the one before ``NAME.2.log``, and the oldest goes.

Whoever writes goes on writing: nothing is restarted, no line is lost or torn at the change of files.
"""

from __future__ import annotations

import contextlib
import os
import time
from datetime import datetime
from pathlib import Path

MOST_BYTES = 10 * 2**20
"""Size of one file at which the next is begun."""
OLDER = 4
"""How many older files are kept."""
_LONGEST_LINE = 2**20
_MODE = 0o640


class RotatingLog:
    """One program's log, written by its watcher.

    Args:
        path: the file that is being written.
        most: bytes of one file; a line is never cut, unless it is longer than 1 MiB.
        older: how many older files are kept.
        standard: let what this process itself prints go to the file that is being written too.
    """

    def __init__(
        self, path: Path, *, most: int = MOST_BYTES, older: int = OLDER, standard: bool = False
    ) -> None:
        self.path = path
        self.most = most
        self.older = older
        self._standard = standard
        self._whole = True
        self._missed = 0
        self._file = -1
        self._open()

    def write(self, data: bytes) -> None:
        """Append what a program wrote; where the disk is full it is left out, and the number of lines is said later."""
        try:
            if not self._is_current():
                self._open()
            while data:
                part = self._part(data)
                if part:
                    self._put(data[:part])
                    data = data[part:]
                else:
                    self._rotate()
        except OSError:
            self._missed += max(1, data.count(b"\n"))

    def say(self, text: str) -> None:
        """A line of the watcher's own."""
        start = b"" if self._whole else b"\n"
        self.write(start + f"{datetime.now():%Y-%m-%d %H:%M:%S} 看护：{text}\n".encode())

    def _part(self, data: bytes) -> int:
        """How many bytes belong into the file that is being written; 0 to begin the next."""
        size = os.fstat(self._file).st_size
        if size + len(data) <= self.most:
            return len(data)
        whole_lines = data.rfind(b"\n", 0, max(0, self.most - size)) + 1
        if whole_lines:
            return whole_lines
        if self._whole and size > 0:
            return 0
        # A line that has begun is ended in its own file, unless it has no end.
        if size < self.most + _LONGEST_LINE:
            return data.find(b"\n") + 1 or len(data)
        return 0

    def _put(self, data: bytes) -> None:
        if self._missed:
            self._append(f"磁盘写不进，这里缺少 {self._missed} 行。\n".encode())
            self._missed = 0
        self._append(data)
        self._whole = data.endswith(b"\n")

    def _append(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._file, left) :]

    def _rotate(self) -> None:
        for number in range(self.older, 0, -1):
            newer = older_log(self.path, number - 1) if number > 1 else self.path
            with contextlib.suppress(FileNotFoundError):
                newer.replace(older_log(self.path, number))
        self._whole = True
        self._open()

    def _is_current(self) -> bool:
        """Whether the open file is still the one of that name: somebody may have removed it."""
        try:
            return os.path.samestat(os.fstat(self._file), self.path.stat())
        except FileNotFoundError:
            return False

    def _open(self) -> None:
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _MODE)
        if self._file >= 0:
            os.close(self._file)
        self._file = file
        if self._standard:
            for number in (1, 2):
                os.dup2(file, number)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def older_log(path: Path, number: int) -> Path:
    """Name of an older file: ``server.log`` → ``server.1.log``."""
    return path.with_name(f"{path.stem}.{number}{path.suffix}")


def prune(folder: Path, *, most: int, days: float) -> list[str]:
    """Remove the oldest logs of a folder that another program writes; which.

    Args:
        most: bytes that all of them together may have; the newest stays in any case.
        days: age from which one is removed though there is room.
    """
    gone = []
    with contextlib.suppress(OSError):
        # By the open folder: its owner may be somebody who puts a link in its place.
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            with os.scandir(opened) as entries:
                names = [entry.name for entry in entries if entry.name.endswith(".log")]
            found = {name: os.stat(name, dir_fd=opened, follow_symlinks=False) for name in names}
            total, oldest = 0, time.time() - days * 86400
            newest_first = sorted(found, key=lambda name: (found[name].st_mtime, name), reverse=True)
            for number, name in enumerate(newest_first):
                total += found[name].st_size
                if number and (total > most or found[name].st_mtime < oldest):
                    os.unlink(name, dir_fd=opened)
                    gone.append(name)
        finally:
            os.close(opened)
    return gone


def trim(path: Path, most: int = MOST_BYTES) -> None:
    """Put a file that has grown too large aside as its first older file; for logs that only short commands write."""
    with contextlib.suppress(OSError):
        if path.stat().st_size > most:
            path.replace(older_log(path, 1))
