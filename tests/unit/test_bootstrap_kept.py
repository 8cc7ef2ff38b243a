"""What a watcher keeps running, as real processes: its output, its end, its user."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gisapp.bootstrap import kept
from gisapp.bootstrap.kept import Child
from gisapp.bootstrap.layout import IS_ROOT, ROOT
from gisapp.bootstrap.logs import RotatingLog
from gisapp.bootstrap.processes import Account, listens


def until(condition: Callable[[], Any], child: Child, seconds: float = 30) -> None:
    """Wait for a condition while the child's output is taken, as its watcher does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        child.ended(0.02)


def ending(child: Child, seconds: float = 30) -> str:
    """How a child ends."""
    deadline = time.monotonic() + seconds
    while not (how := child.ended(0.05)):
        assert time.monotonic() < deadline, "waited too long"
    return how


@pytest.fixture
def log(tmp_path: Path) -> RotatingLog:
    return RotatingLog(tmp_path / "program.log", most=2000, older=50)


@pytest.fixture
def start(log: RotatingLog) -> Iterator[Callable[..., Child]]:
    made: list[Child] = []

    def make(program: str | Sequence[str], **more: Any) -> Child:
        words = [sys.executable, "-c", program] if isinstance(program, str) else list(program)
        made.append(Child(words, dict(os.environ), log, **more))
        made[-1].start()
        return made[-1]

    yield make
    for child in made:
        process = child._process
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
        child._close()


def test_every_line_reaches_the_log_through_all_changes_of_files(
    start: Callable[..., Child], log: RotatingLog
) -> None:
    child = start("for n in range(3000): print(f'line {n:05d}')")
    assert "退出码 0" in ending(child)
    files = sorted(log.path.parent.glob("program.*.log"), key=lambda path: -int(path.suffixes[0][1:]))
    text = "".join(path.read_text() for path in [*files, log.path])
    assert text.split() == " ".join(f"line {n:05d}" for n in range(3000)).split()
    assert len(files) == 16, "3,000 lines of 11 bytes, 181 to a file of 2,000"


def test_how_it_ended_is_told(start: Callable[..., Child]) -> None:
    assert "退出码 3" in ending(start("import sys; sys.exit(3)"))
    child = start(["/bin/sleep", "600"])
    assert child.ended(0.05) == ""
    assert child._process is not None
    child._process.send_signal(signal.SIGKILL)
    assert "信号 9" in ending(child)


def test_who_outlives_the_program_and_holds_its_output_is_not_waited_for(start: Callable[..., Child]) -> None:
    child = start("import subprocess; subprocess.Popen(['/bin/sleep', '30']); print('done')")
    began = time.monotonic()
    assert "退出码 0" in ending(child)
    assert time.monotonic() - began < 15


def test_a_program_that_closes_its_output_runs_on(start: Callable[..., Child]) -> None:
    child = start("import os, time; os.close(1); os.close(2); time.sleep(600)")
    until(lambda: child._output == -1, child)
    assert child.ended(0.05) == ""


def test_asked_to_stop_it_says_good_bye(start: Callable[..., Child], log: RotatingLog) -> None:
    child = start(
        "import os, signal, time; signal.signal(15, lambda *_: (os.write(1, b'bye\\n'), os._exit(0))); "
        "os.write(1, b'ready\\n'); time.sleep(600)"
    )
    until(lambda: "ready\n" in log.path.read_text(), child)
    child.stop()
    assert log.path.read_text() == "ready\nbye\n"


def test_who_does_not_hear_is_ended_by_force(
    start: Callable[..., Child], log: RotatingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_STOP_S", 0.3)
    child = start(
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    until(lambda: "deaf" in log.path.read_text(), child)
    child.stop()
    assert child._process is not None and child._process.returncode == -signal.SIGKILL


def test_without_its_watcher_it_ends(tmp_path: Path) -> None:
    script = (
        "import os, sys, time; from pathlib import Path; from gisapp.bootstrap.kept import Child; "
        "from gisapp.bootstrap.logs import RotatingLog; "
        "print(Child(['/bin/sleep', '600'], dict(os.environ), RotatingLog(Path(sys.argv[1]))).start(), flush=True); "
        "time.sleep(600)"
    )
    watcher = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert watcher.stdout is not None
    pid = int(watcher.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    watcher.kill()
    watcher.communicate()
    deadline = time.monotonic() + 30
    while (found := Path(f"/proc/{pid}/stat")).exists() and found.read_text().rpartition(")")[2].split()[
        0
    ] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_server_is_good_when_it_listens_itself(start: Callable[..., Child]) -> None:
    """Another program on the port does not make it good: a server that cannot have its port would be tried for ever."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        silent = start(["/bin/sleep", "600"], port=port)
        assert not silent.good()
        other.listen()
        assert listens(os.getpid(), port)
        assert not silent.good()
    listening = start(
        f"import socket, time; s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(('127.0.0.1', {port})); "
        "s.listen(); time.sleep(600)",
        port=port,
    )
    until(listening.good, listening)


def test_without_a_port_ten_seconds_make_it_good(
    start: Callable[..., Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    child = start(["/bin/sleep", "600"])
    began = child._began
    monkeypatch.setattr(kept.time, "monotonic", lambda: began + 9.9)
    assert not child.good()
    monkeypatch.setattr(kept.time, "monotonic", lambda: began + 10.0)
    assert child.good()


@pytest.mark.skipif(not IS_ROOT, reason="only root can become somebody else")
def test_a_program_of_root_becomes_its_user(start: Callable[..., Child], log: RotatingLog) -> None:
    account = Account("somebody", 64_123, 64_124, (64_125,))
    child = start(["/bin/sh", "-c", "id -u; id -g; id -G; pwd; sleep 600"], account=account)
    until(lambda: len(log.path.read_text().splitlines()) == 4, child)
    assert log.path.read_text().splitlines() == ["64123", "64124", "64124 64125", "/"]
    assert child._process is not None
    status = Path(f"/proc/{child._process.pid}/status").read_text()
    assert "CapEff:\t0000000000000000" in status
    assert log.path.stat().st_uid == 0, "what it prints is written by its watcher"
    assert Account.from_json(account.as_json()) == account
