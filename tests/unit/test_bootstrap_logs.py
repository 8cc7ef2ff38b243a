"""Logs are bounded while they are being written, and no line is lost or torn."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gisapp.bootstrap import logs
from gisapp.bootstrap.layout import ROOT
from gisapp.bootstrap.logs import RotatingLog


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_full_file_becomes_an_older_one_at_the_end_of_a_line(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "server.log", most=30, older=2)
    for number in range(7):  # ten bytes each, three to a file
        log.write(b"line %04d\n" % number)
    assert names(tmp_path) == ["server.1.log", "server.2.log", "server.log"]
    assert (tmp_path / "server.2.log").read_text().split("\n") == ["line 0000", "line 0001", "line 0002", ""]
    assert (tmp_path / "server.1.log").read_text().split("\n") == ["line 0003", "line 0004", "line 0005", ""]
    assert (tmp_path / "server.log").read_text() == "line 0006\n"
    log.write(b"line 0007\nline 0008\nline 0009\n")
    assert (tmp_path / "server.log").read_text() == "line 0009\n"
    assert (tmp_path / "server.2.log").read_text().startswith("line 0003"), "the oldest has gone"
    assert names(tmp_path) == ["server.1.log", "server.2.log", "server.log"]


def test_no_line_is_lost_or_torn_however_they_come(tmp_path: Path) -> None:
    """2,000 lines in pieces of 37 bytes, which end in the middle of lines, through files of 1,000 bytes."""
    text = b"".join(b"%05d %s\n" % (n, b"x" * (n % 61)) for n in range(2000))
    log = RotatingLog(tmp_path / "a.log", most=1000, older=500)
    for start in range(0, len(text), 37):
        log.write(text[start : start + 37])
    files = sorted(tmp_path.glob("a.*.log"), key=lambda path: -int(path.suffixes[0][1:]))
    pieces = [path.read_bytes() for path in [*files, tmp_path / "a.log"]]
    assert len(pieces) > 60
    assert b"".join(pieces) == text
    assert all(piece.endswith(b"\n") for piece in pieces)
    assert max(map(len, pieces)) <= 1000 + 67, "at most the rest of the line that was begun"


def test_a_line_without_end_fills_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_LONGEST_LINE", 100)
    log = RotatingLog(tmp_path / "a.log", most=50, older=2)
    for _ in range(100):
        log.write(b"y" * 40)
    assert names(tmp_path) == ["a.1.log", "a.2.log", "a.log"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3 * (50 + 100 + 40)


def test_others_cannot_read_it_before_or_after(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        log = RotatingLog(tmp_path / "a.log", most=5, older=1)
        log.write(b"one\n")
        log.write(b"two\n")
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o640}
    assert names(tmp_path) == ["a.1.log", "a.log"]


def test_lines_on_a_full_disk_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = RotatingLog(tmp_path / "a.log")
    write = os.write

    def full(_file: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "write", full)
    log.write(b"1\n2\n")
    log.write(b"3\n")
    monkeypatch.setattr(os, "write", write)
    log.write(b"4\n")
    assert (tmp_path / "a.log").read_text() == "磁盘写不进，这里缺少 3 行。\n4\n"


def test_a_file_that_somebody_removed_is_made_again(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "a.log")
    log.write(b"1\n")
    (tmp_path / "a.log").unlink()
    log.write(b"2\n")
    assert (tmp_path / "a.log").read_text() == "2\n"


def test_own_lines_begin_a_line(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "a.log")
    log.write(b"half")
    log.say("程序意外结束")
    first, second = (tmp_path / "a.log").read_text().splitlines()
    assert first == "half"
    assert second.endswith("看护：程序意外结束")


def test_what_the_process_itself_prints_follows_the_change_of_files(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from gisapp.bootstrap.logs import RotatingLog; "
        "log = RotatingLog(Path(sys.argv[1]), most=8, older=1, standard=True); "
        "log.write(b'first\\n'); print('a', flush=True); log.write(b'second\\n'); print('b', file=sys.stderr, flush=True)"
    )
    path = tmp_path / "a.log"
    subprocess.run(
        [sys.executable, "-c", program, str(path)], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert (tmp_path / "a.1.log").read_text() == "first\na\n"
    assert path.read_text() == "second\nb\n"


# --- logs that another program writes ----------------------------------------------------------------------------------


def written(folder: Path, name: str, size: int, age_days: float) -> None:
    path = folder / name
    path.write_bytes(b"x" * size)
    at = path.stat().st_mtime - age_days * 86400
    os.utime(path, (at, at))


def test_the_oldest_logs_go_by_size_and_by_age(tmp_path: Path) -> None:
    written(tmp_path, "new.log", 900, 0)
    written(tmp_path, "second.log", 100, 1)
    written(tmp_path, "third.log", 1, 2)
    written(tmp_path, "note.txt", 5000, 90)
    assert logs.prune(tmp_path, most=1000, days=7) == ["third.log"]
    assert names(tmp_path) == ["new.log", "note.txt", "second.log"]
    assert logs.prune(tmp_path, most=1000, days=0.5) == ["second.log"]
    assert logs.prune(tmp_path, most=10, days=7) == [], "the newest stays"


def test_no_logs_are_removed_through_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    written(real, "a.log", 10, 0)
    written(real, "b.log", 10, 100)
    (tmp_path / "log").symlink_to(real)
    assert logs.prune(tmp_path / "log", most=1, days=1) == []
    assert names(real) == ["a.log", "b.log"]


def test_a_log_of_short_commands_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "setup.log"
    logs.trim(path, most=10)
    path.write_text("0123456789")
    logs.trim(path, most=10)
    assert names(tmp_path) == ["setup.log"]
    path.write_text("0123456789+")
    logs.trim(path, most=10)
    assert names(tmp_path) == ["setup.1.log"]
