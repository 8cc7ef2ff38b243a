"""Background programs, locks and files that are written whole."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gisapp.bootstrap import launch, layout
from gisapp.bootstrap.console import Console, clip
from gisapp.bootstrap.processes import Background, holder_of_port, port_is_free
from gisapp.bootstrap.trouble import ProgramFailed, SetupError

SLEEPER = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"]


def wait_until(condition: object, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


@pytest.fixture
def background(tmp_path: Path) -> Background:
    return Background(tmp_path / "note.json", tmp_path / "program.log")


def test_background_program_notes_itself_and_is_stopped(background: Background) -> None:
    process = background.start(SLEEPER, dict(os.environ), {"port": 8101})
    try:
        wait_until(background.about)
        about = background.about()
        assert about["pid"] == process.pid
        assert about["port"] == 8101
        wait_until(lambda: "here" in background.last_words())
        assert os.getsid(process.pid) == process.pid
        assert background.stop()
        assert background.about() == {}
        assert not background.note.exists()
    finally:
        process.kill()
        process.wait()


def test_program_that_ignores_the_request_is_ended_by_force(background: Background) -> None:
    stubborn = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    process = background.start([sys.executable, "-c", stubborn], dict(os.environ), {})
    wait_until(lambda: "deaf" in background.last_words())
    assert background.stop(seconds=0.3)
    assert process.wait(5) == -signal.SIGKILL


def test_note_of_another_process_with_the_same_number_is_stale(background: Background) -> None:
    other = subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL)
    try:
        background.note.write_text(json.dumps({"pid": other.pid, "start": "boot:1"}))
        assert background.about() == {}
        assert not background.stop()
        assert other.poll() is None, "a process that is not ours must live"
    finally:
        other.kill()
        other.wait()


def test_note_of_a_dead_process_or_a_torn_one_is_stale(background: Background) -> None:
    process = subprocess.Popen(["true"])
    start = launch.start_of(process.pid)
    process.wait()
    background.note.write_text(json.dumps({"pid": process.pid, "start": start}))
    assert background.about() == {}
    background.note.write_text('{"pid": 1')
    assert background.about() == {}
    assert not background.stop()


def test_holder_of_a_port_is_found() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not port_is_free("127.0.0.1", port)
        holder = holder_of_port(port)
        assert holder is not None
        assert holder[0] == os.getpid()
    assert port_is_free("127.0.0.1", port)


def test_lock_is_exclusive_and_freed_by_death(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl,os,sys,time; d=os.open(sys.argv[1],os.O_RDWR|os.O_CREAT); fcntl.flock(d,fcntl.LOCK_EX);"
            "print('held',flush=True); time.sleep(60)",
            str(tmp_path / "lock"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    told = threading.Event()
    with (
        pytest.raises(SetupError, match="一直没有结束"),
        layout.locked(tmp_path / "lock", told.set, seconds=0.3),
    ):
        pass
    assert told.is_set()
    holder.kill()
    holder.wait()
    with layout.locked(tmp_path / "lock", lambda: None, seconds=1):
        pass


def test_whole_file_or_none(tmp_path: Path) -> None:
    path = tmp_path / "stamp"
    layout.write_whole(path, "one", 0o600)
    layout.write_whole(path, "two", 0o600)
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["stamp"]


def test_private_folder_is_ours_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(layout, "IS_ROOT", False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    folder = layout.private_folder("onemap-x")
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700
    assert layout.private_folder("onemap-x") == folder
    (tmp_path / "onemap-y").symlink_to(folder)
    with pytest.raises(SetupError, match="占用"):
        layout.private_folder("onemap-y")
    monkeypatch.setattr("tempfile.tempdir", None)


def test_step_keeps_output_in_the_log_and_explains_failure(tmp_path: Path) -> None:
    console = Console(tmp_path / "setup.log", stream=(tmp_path / "screen").open("w"))
    with console.step("做事") as step:
        done = step.run([sys.executable, "-c", "print('quiet work')"])
        step.note = "好"
    assert done.stdout == "quiet work\n"
    with pytest.raises(ProgramFailed, match="磁盘已满"), console.step("写满") as step:
        step.run([sys.executable, "-c", "raise SystemExit('No space left on device')"])
    console.stream.close()
    screen = (tmp_path / "screen").read_text()
    assert "✓ 做事：好" in screen
    assert "✗ 写满" in screen
    assert "quiet work" in (tmp_path / "setup.log").read_text()


def test_clip_counts_chinese_characters_twice() -> None:
    assert clip("网格a", 5) == "网格a"
    assert clip("网格a", 4) == "网格"
    assert clip("网格a", 3) == "网"
