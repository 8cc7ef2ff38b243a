"""The watcher of the server, and who the server runs as when set-up is root."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gisapp.bootstrap import doctor, launch, unprivileged, up
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.databases import Addresses
from gisapp.bootstrap.layout import INSTALLED, IS_ROOT, ROOT, DataDirectory
from gisapp.bootstrap.processes import Account, Background
from gisapp.bootstrap.trouble import SetupError
from gisapp.services.importing.keys import digest_key

SELF = Account("me", os.geteuid(), os.getegid(), tuple(os.getgroups()))
COUNT = "import pathlib,sys; p=pathlib.Path(sys.argv[1]); n=len(p.read_text()) if p.exists() else 0; p.write_text('x'*(n+1)); "


def wait_until(condition: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


class Watched:
    """A watcher in a process of its own, over a Python program."""

    def __init__(self, folder: Path, program: str, *, quick: float, pauses: tuple[float, ...]) -> None:
        self.state, self.runs = folder / "program.state", folder / "runs"
        words = [sys.executable, "-c", COUNT + program, str(self.runs)]
        script = (
            "import sys; from pathlib import Path; from gisapp.bootstrap.watch import Watcher; "
            f"sys.exit(Watcher(Path({str(self.state)!r}), {words!r}, quick={quick}, pauses={pauses}).run())"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", script],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )

    def told(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self.state.read_text())
        except (OSError, ValueError):
            return {}
        return found

    def count(self) -> int:
        return len(self.runs.read_text()) if self.runs.exists() else 0


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    made: list[Watched] = []

    def start(program: str, quick: float = 1000.0, pauses: tuple[float, ...] = (0.0, 0.0)) -> Watched:
        made.append(Watched(tmp_path, program, quick=quick, pauses=pauses))
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.communicate()


def gone(pid: int) -> bool:
    """Whether a process has ended (one that nobody has waited for yet counts as ended)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return text[text.rindex(")") + 2] in "ZX"


def test_a_program_that_dies_is_started_again(watch: Callable[..., Watched]) -> None:
    watched = watch("import time; time.sleep(600)")
    wait_until(lambda: watched.count() == 1 and watched.told().get("pid"))
    os.kill(watched.told()["pid"], signal.SIGKILL)
    wait_until(lambda: watched.count() == 2)
    wait_until(lambda: watched.told().get("restarts") == 1 and watched.told().get("pid"))
    assert "信号 9" in watched.told()["last"]
    assert watched.process.poll() is None


def test_it_gives_up_when_that_does_not_help(watch: Callable[..., Watched]) -> None:
    watched = watch("sys.exit(3)")
    _, words = watched.process.communicate(timeout=120)
    assert watched.process.returncode == 1
    assert watched.count() == 3, "once, and once after each pause"
    assert watched.told()["gave_up"] is True
    assert "退出码 3" in words and "不再重试" in words


def test_who_ran_for_long_is_always_started_again(watch: Callable[..., Watched]) -> None:
    watched = watch("n < 6 and sys.exit(1); import time; time.sleep(600)", quick=0.0, pauses=(0.0,))
    wait_until(lambda: watched.count() == 7)
    wait_until(lambda: watched.told().get("restarts") == 6)
    assert watched.told()["failures"] == 1


def test_asked_to_stop_it_ends_the_program_first(watch: Callable[..., Watched], tmp_path: Path) -> None:
    bye = tmp_path / "bye"
    watched = watch(
        f"import signal,time,os; signal.signal(15, lambda *_: (open({str(bye)!r}, 'w').close(), os._exit(0))); "
        f"open({str(tmp_path / 'ready')!r}, 'w').close(); time.sleep(600)"
    )
    wait_until((tmp_path / "ready").exists)
    child = watched.told()["pid"]
    watched.process.terminate()
    assert watched.process.wait(60) == 0
    assert bye.exists() and gone(child)
    assert watched.count() == 1


def test_asked_to_stop_in_a_pause_it_starts_nothing_more(watch: Callable[..., Watched]) -> None:
    watched = watch("sys.exit(1)", pauses=(600.0,))
    wait_until(lambda: watched.told().get("failures") == 1)
    watched.process.terminate()
    assert watched.process.wait(60) == 0
    assert watched.count() == 1


def test_a_killed_watcher_leaves_no_program_behind(watch: Callable[..., Watched]) -> None:
    watched = watch("import time; time.sleep(600)")
    wait_until(lambda: watched.told().get("pid"))
    child = watched.told()["pid"]
    watched.process.kill()
    wait_until(lambda: gone(child))


def test_background_program_under_a_watcher(tmp_path: Path) -> None:
    background = Background(tmp_path / "server.json", tmp_path / "server.log")
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    process = background.start(command, dict(os.environ), {"port": 8101}, watch=True)
    try:
        wait_until(lambda: background.about() and background.watched().get("pid"))
        assert background.about()["pid"] == process.pid
        child = background.watched()["pid"]
        assert child != process.pid
        assert background.stop()
        assert gone(child)
        assert list(tmp_path.glob("server.[js]*")) == []
    finally:
        process.kill()
        process.wait()


def test_the_watcher_runs_on_the_programs_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set-up may run on an interpreter that only root can read; the project's own is what was tried for the account."""
    monkeypatch.setattr(sys, "executable", os.path.realpath(sys.executable))
    background = Background(tmp_path / "server.json", tmp_path / "server.log")
    process = background.start(["/bin/sleep", "600"], dict(os.environ), {}, watch=True)
    try:
        wait_until(lambda: background.watched().get("pid"))
        words = Path(f"/proc/{process.pid}/cmdline").read_text().split("\0")
        assert words[0] == str(INSTALLED.python)
    finally:
        background.stop()
        process.wait(30)


def test_a_first_start_that_fails_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataDirectory(tmp_path / "data")
    data.prepare()
    words = [sys.executable, "-c", "import sys; sys.exit('no such table')"]
    monkeypatch.setattr(up, "command_line", lambda *_: words)
    monkeypatch.setattr(up, "healthy", lambda *_: False)
    addresses = Addresses("postgresql://owner@/x", "postgresql://app@/x")
    with pytest.raises(SetupError, match="no such table"):
        up.start_server(Console(tmp_path / "log"), data, addresses, {"host": "127.0.0.1", "port": 8101}, None)
    assert up.server_of(data).about() == {}
    assert not up.server_of(data).state.exists()


# --- doctor ----------------------------------------------------------------------------------------------------------


def test_doctor_says_that_the_watcher_gave_up(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.prepare()
    program = up.server_of(data)
    assert doctor._server(data).mark == "·"
    program.state.write_text(json.dumps({"gave_up": True, "last": "11-22 08:00:00 退出码 3\x1b[2J"}))
    finding = doctor._server(data)
    assert finding.mark == "✗"
    assert "退出码 3" in finding.text and "./onemap up" in finding.text and str(program.log) in finding.text
    assert "\x1b" not in finding.text
    program.forget()
    assert doctor._server(data).mark == "·"


def test_doctor_names_server_watcher_user_and_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = DataDirectory(tmp_path)
    data.prepare()
    monkeypatch.setattr(doctor, "healthy", lambda *_: True)
    about = {
        "pid": os.getpid(),
        "start": launch.start_of("self"),
        "host": "h",
        "port": 1,
        "user": "onemap-web",
    }
    up.server_of(data).note.write_text(json.dumps(about))
    assert f"进程 {os.getpid()}，以 onemap-web 运行" in doctor._server(data).text
    told = {"pid": 7, "restarts": 2, "last": "11-22 08:00:00 信号 9", "gave_up": False}
    up.server_of(data).state.write_text(json.dumps(told))
    text = doctor._server(data).text
    assert f"进程 7（看护进程 {os.getpid()}）" in text and "重新启动过 2 次" in text and "信号 9" in text


# --- another user ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not IS_ROOT, reason="only root can become somebody else")
def test_a_program_of_root_becomes_its_user_and_its_notes_stay_roots(tmp_path: Path) -> None:
    tmp_path.chmod(0o711)
    background = Background(tmp_path / "note.json", tmp_path / "program.log")
    account = Account("somebody", 64_123, 64_124, (64_125,))
    process = background.start(
        ["/bin/sh", "-c", "id -u; id -g; id -G; pwd; sleep 600"], dict(os.environ), {}, account=account
    )
    try:
        wait_until(lambda: len(background.last_words().splitlines()) == 4)
        assert background.last_words().splitlines() == ["64123", "64124", "64124 64125", "/"]
        assert background.about()["pid"] == process.pid
        assert background.note.stat().st_uid == background.log.stat().st_uid == 0
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert "CapEff:\t0000000000000000" in status
    finally:
        background.stop()
        process.wait(30)


def test_nobody_else_is_chosen_where_set_up_is_not_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unprivileged, "IS_ROOT", False)
    addresses = Addresses("postgresql://owner@/x", "postgresql://app@/x")
    assert unprivileged.choose(Console(tmp_path / "log"), DataDirectory(tmp_path), addresses, 8050) is None


def test_environment_of_the_server_has_nothing_of_roots(tmp_path: Path) -> None:
    given = {
        "HOME": "/root",
        "USER": "root",
        "SUDO_USER": "x",
        "TMPDIR": str(tmp_path / "private"),
        "LANG": "C",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    (tmp_path / "private").mkdir(mode=0o700)
    env = unprivileged.environment(given, DataDirectory(tmp_path), SELF)
    assert env["LANG"] == "C" and env["USER"] == "me"
    assert not {"SUDO_USER", "TMPDIR", "PYTHONDONTWRITEBYTECODE"} & set(env)
    caches = {env[name] for name in ("HOME", "PYTHONPYCACHEPREFIX", "NUMBA_CACHE_DIR")}
    assert all(path.startswith(str(tmp_path / "cache")) for path in caches)


def test_the_owners_address_never_reaches_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner:secret@db/x")
    addresses = Addresses("postgresql://owner:secret@db/x", "postgresql://app@db/x")
    env = addresses.environment(DataDirectory(tmp_path), admin=False)
    assert not [name for name, value in env.items() if "owner:secret" in value]


def test_ports_that_only_root_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unprivileged.obstacle_of_port(8050) == ""
    monkeypatch.setattr(Path, "read_text", lambda *_a, **_k: "1024\n")
    assert "反向代理" in unprivileged.obstacle_of_port(80)


def test_the_folder_that_closes_a_path_is_named(tmp_path: Path) -> None:
    inner = tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, *inner.parents[:2]):
        folder.chmod(0o755)
    open_above = unprivileged.closed_folder(inner / "file")
    (tmp_path / "closed").chmod(0o700)
    # pytest's own folders are closed to others already
    assert unprivileged.closed_folder(inner / "file") == (open_above or tmp_path / "closed")
    message = unprivileged._closed(DataDirectory(tmp_path), SELF, inner / "file")
    assert "chmod o+x" in message and "--data" in message and "./onemap up" in message


def test_the_probe_finds_what_is_closed_and_an_unreachable_database(tmp_path: Path) -> None:
    def probe(*parts: Path) -> str:
        env = {
            **os.environ,
            "ONEMAP_DATA": str(tmp_path),
            "ONEMAP_DATABASE_URL": "postgresql://x@127.0.0.1:1/x",
        }
        command = [sys.executable, "-c", unprivileged._PROBE, *map(str, parts)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        return done.stderr.strip()

    assert probe() == f"file {tmp_path}/uploads"
    for name in ("uploads", "cache"):
        (tmp_path / name).mkdir()
    assert probe(tmp_path / "missing") == f"file {tmp_path}/missing"
    assert probe(tmp_path).startswith("database ")


def test_the_server_owns_two_folders_and_reads_one_secret(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    data.prepare()
    (data.path / "uploads" / "3").mkdir(parents=True)
    unprivileged.hand_over(data, SELF)
    key = unprivileged.import_key(data)
    assert key.stat().st_mode & 0o777 == 0o640 and key.parent.stat().st_mode & 0o777 == 0o750
    for name in ("uploads", "cache"):
        assert (data.path / name).stat().st_uid == SELF.uid
    before = key.read_text()
    unprivileged.hand_over(data, SELF)
    assert key.read_text() == before
    # the application reads the very file
    assert digest_key(data.path) == bytes.fromhex(before.strip())
