"""Putting programs into the plan and taking them out: a first start that fails, watchers that fit the program."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gisapp.bootstrap import health, plan, started, up
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.databases import Addresses
from gisapp.bootstrap.layout import DataDirectory
from gisapp.bootstrap.runtime import Runtime
from gisapp.bootstrap.trouble import SetupError

ADDRESSES = Addresses("postgresql://owner:secret@/x", "postgresql://app@/x")
HERE = Runtime(None, Path(sys.executable))


def wait_until(condition: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataDirectory]:
    found = DataDirectory(tmp_path / "data")
    found.prepare()
    yield found
    started.stop_all(found, Console(tmp_path / "end.log"))


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return Console(tmp_path / "setup.log")


def facts(port: int = 8101) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": port, "code": "1", "user": "me"}


def test_a_first_start_that_fails_is_told_at_once_and_not_tried_again(
    data: DataDirectory, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [sys.executable, "-c", "import sys; sys.exit('no such table')"]
    monkeypatch.setattr(started, "command_line", lambda *_: words)
    monkeypatch.setattr(health, "ready", lambda *_: False)
    with pytest.raises(SetupError, match="退出了") as refused:
        started.start_server(data, console, ADDRESSES, facts(), HERE)
    assert "no such table" in refused.value.message
    assert str(started.server_of(data).log) in str(refused.value.remedy)
    assert started.server_of(data).about() == {}
    assert not started.server_of(data).state.exists()
    assert plan.programs(data) == {}


def test_a_server_that_never_is_ready_says_what_is_missing(
    data: DataDirectory, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        started, "command_line", lambda *_: [sys.executable, "-c", "import time; time.sleep(600)"]
    )
    monkeypatch.setattr(started, "_READY_SECONDS", 0.5)
    monkeypatch.setattr(health, "ready", lambda *_: False)
    monkeypatch.setattr(health, "missing", lambda *_: "数据库没有应答。")
    with pytest.raises(SetupError, match="没有就绪：数据库没有应答"):
        started.start_server(data, console, ADDRESSES, facts(), HERE)
    assert started.server_of(data).about() == {}


def test_server_and_simulator_are_kept_as_told(
    data: DataDirectory, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        started, "command_line", lambda word: ["python", "-c", f"import time; time.sleep(600)  # {word}"]
    )
    monkeypatch.setattr(health, "ready", lambda *_: True)
    started.start_server(data, console, ADDRESSES, facts(), HERE)
    entry = plan.programs(data)[plan.SERVER]
    assert entry["env"]["ONEMAP_PORT"] == "8101" and entry["env"]["ONEMAP_HOST"] == "127.0.0.1"
    assert "secret" not in str(entry)
    started.keep_simulator(data, console, facts(), wanted=True)
    simulator = started.simulator_of(data)
    wait_until(lambda: simulator.watched().get("pid"))
    first = simulator.about()["pid"]
    command = plan.programs(data)[plan.SIMULATOR]["command"]
    assert command[0] == sys.executable and "simulate" in command[2]
    started.keep_simulator(data, console, facts(), wanted=True)
    assert simulator.about()["pid"] == first, "with the same facts it is left alone"
    started.keep_simulator(data, console, facts() | {"code": "2"}, wanted=True)
    assert simulator.about()["pid"] != first
    started.keep_simulator(data, console, facts(), wanted=False)
    assert simulator.about() == {} and plan.SIMULATOR not in plan.programs(data)
    assert started.server_of(data).about()
    assert started.stop_all(data, console)
    assert started.server_of(data).about() == {} and plan.read(data) == {}
    assert not started.stop_all(data, console)


def test_with_a_database_of_the_users_a_guard_takes_the_place_of_the_clusters_watcher(
    data: DataDirectory,
) -> None:
    started.keep_cluster(data, "1", external=True)
    guard = plan.watcher_of(data, plan.GUARD)
    first = guard.about()["pid"]
    assert list(plan.programs(data)) == [plan.GUARD] and plan.read(data)["external"] is True
    started.keep_cluster(data, "1", external=True)
    assert guard.about()["pid"] == first
    started.keep_cluster(data, "2", external=True)
    assert guard.about()["pid"] not in (None, first), "a newer program brings its own watcher"
    started.keep_cluster(data, "2", external=False)
    assert guard.about() == {}
    assert list(plan.programs(data)) == [plan.CLUSTER] and plan.read(data)["external"] is False


def test_a_cluster_whose_files_are_gone_is_never_made_anew(data: DataDirectory) -> None:
    started.keep_cluster(data, "1", external=False)
    watcher = plan.watcher_of(data, plan.CLUSTER)
    wait_until(lambda: watcher.watched().get("failures"))
    assert "不见了" in watcher.watched()["last"] and "不见了" in watcher.log.read_text()
    assert not data.cluster.exists()


def test_what_answers_is_waited_for_and_what_does_not_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[tuple[int, int]] = []  # (healthz, readyz) of each round

    def ask(_host: str, _port: int, path: str) -> tuple[int, dict[str, Any]]:
        if path == "/readyz":
            answers.append(rounds.pop(0) if rounds else (200, 503))
            return answers[-1][1], {"message": "数据库没有应答。"}
        return answers[-1][0], {}

    monkeypatch.setattr(health, "_ask", ask)
    rounds = [(200, 503), (200, 200)]
    assert health.settles("h", 1, 60)
    assert len(answers) == 2
    rounds = [(0, 0)]
    assert not health.settles("h", 1, 60)
    assert len(answers) == 3
    rounds = []
    began = time.monotonic()
    assert not health.settles("h", 1, 0.5)
    assert time.monotonic() - began < 10
    rounds = [(200, 503)]
    assert health.missing("h", 1) == "数据库没有应答。"
    rounds = [(200, 200)]
    assert health.missing("h", 1) == ""


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    import http.server
    import threading

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"message": "\xe7\xbc\xba"}'
            self.send_response(503 if self.path == "/readyz" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing is logged."""

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        assert health.alive("0.0.0.0", port)
        assert not health.ready("127.0.0.1", port)
        assert health.missing("127.0.0.1", port) == "缺"
        server.shutdown()
    assert not health.alive("127.0.0.1", port)
    assert health.missing("127.0.0.1", port) == "没有应答"
    assert os.environ["http_proxy"]


def test_up_goes_where_the_server_was_before_the_machine_stopped(
    data: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ONEMAP_PORT", "ONEMAP_HOST"):
        monkeypatch.delenv(name, raising=False)
    asked = Namespace(port=None, host=None)
    assert up._where(asked, data) == ("127.0.0.1", 8050)
    with plan.changing(data) as wanted:
        wanted["programs"][plan.SERVER] = {"facts": {"host": "0.0.0.0", "port": 8151}}
    assert up._where(asked, data) == ("0.0.0.0", 8151)
    assert up._where(Namespace(port=8160, host="127.0.0.1"), data) == ("127.0.0.1", 8160)
