"""``doctor``: what was started and not taken down must run; what was not started is no fault."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from gisapp.bootstrap import doctor, health, launch, plan, up
from gisapp.bootstrap.doctor import Finding
from gisapp.bootstrap.layout import DataDirectory


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDirectory:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    found = DataDirectory(tmp_path / "data")
    found.prepare()
    return found


def started(data: DataDirectory, *names: str, external: bool = False) -> None:
    with plan.changing(data) as wanted:
        wanted["external"] = external
        wanted["programs"] = {name: {"facts": {}} for name in names}


def running(data: DataDirectory, name: str, **told: Any) -> None:
    """As if this very process were the watcher of a program."""
    about = {
        "pid": os.getpid(),
        "start": launch.start_of("self"),
        "host": "h",
        "port": 1,
        "user": "onemap-web",
    }
    plan.watcher_of(data, name).note.write_text(json.dumps(about))
    plan.watcher_of(data, name).state.write_text(json.dumps({"pid": 7, "restarts": 0, "last": "", **told}))


def marks(findings: list[Finding]) -> dict[str, str]:
    return {finding.title: finding.mark for finding in findings}


def test_what_was_never_started_is_no_fault(data: DataDirectory) -> None:
    found = marks([*doctor._running(data), *doctor._database(data)])
    assert found["服务器"] == found["模拟器"] == found["自带数据库"] == "·"


def test_what_was_started_and_does_not_run_is_a_fault(data: DataDirectory) -> None:
    started(data, "cluster", "server", "simulator")
    found = marks([*doctor._running(data), *doctor._database(data)])
    assert found == {
        "服务器": "✗",
        "模拟器": "✗",
        "数据库的看护": "✗",
        "自带数据库": "✗",
    }


def test_a_server_of_an_earlier_version_that_has_ended_is_a_fault(data: DataDirectory) -> None:
    up.server_of(data).note.write_text(json.dumps({"pid": 1, "start": "before"}))
    assert marks(doctor._running(data))["服务器"] == "✗"


def test_without_the_simulator_its_absence_is_no_fault(data: DataDirectory) -> None:
    started(data, "cluster", "server")
    assert marks(doctor._running(data))["模拟器"] == "·"


def test_the_exit_status_is_1_with_and_without_json(
    data: DataDirectory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def status(as_json: bool) -> int:
        return doctor.doctor(Namespace(data=str(data.path), json=as_json))

    monkeypatch.setattr(doctor, "_machine", lambda _data: [])
    assert (status(False), status(True)) == (0, 0)
    started(data, "cluster", "server")
    assert (status(False), status(True)) == (1, 1)
    printed = {line["title"]: line for line in json.loads(capsys.readouterr().out.splitlines()[-1])}
    assert printed["服务器"]["mark"] == "✗" and printed["服务器"]["pids"] == {}
    plan.remove(data)
    assert (status(False), status(True)) == (0, 0)


def test_a_server_that_is_not_ready_is_a_fault(data: DataDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    started(data, "cluster", "server")
    running(data, "server")
    monkeypatch.setattr(health, "missing", lambda *_: "数据库没有应答。")
    finding = doctor._running(data)[0]
    assert finding.mark == "✗" and "数据库没有应答" in finding.text
    monkeypatch.setattr(health, "missing", lambda *_: "")
    assert doctor._running(data)[0].mark == "✓"


def test_processes_users_and_restarts_are_named(data: DataDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "missing", lambda *_: "")
    started(data, "cluster", "server", "simulator")
    for name in ("server", "simulator"):
        running(data, name, restarts=2, last="11-22 08:00:00 信号 9\x1b[2J")
    running(data, "cluster", restarts=1, last="11-22 08:00:00 数据库意外结束")
    server, simulator, watcher = doctor._running(data)
    for finding in (server, simulator):
        assert finding.mark == "✓"
        assert finding.pids == {"watcher": os.getpid(), "program": 7}
        assert f"进程 7（看护进程 {os.getpid()}），以 onemap-web 运行" in finding.text
        assert "重新启动过 2 次" in finding.text and "信号 9" in finding.text and "\x1b" not in finding.text
        assert finding.as_json()["pids"]["program"] == 7
    assert watcher.mark == "✓" and watcher.pids == {"watcher": os.getpid()}


def test_a_simulator_in_a_pause_is_a_fault(data: DataDirectory) -> None:
    started(data, "cluster", "server", "simulator")
    running(data, "simulator", pid=None, last="11-22 08:00:00 退出码 1")
    finding = doctor._simulator(data, wanted=True)
    assert finding.mark == "✗" and "等待重新启动" in finding.text and "退出码 1" in finding.text


def test_a_database_of_the_users_is_told_by_the_server(data: DataDirectory) -> None:
    started(data, "guard", "server", external=True)
    found = marks([*doctor._running(data), *doctor._database(data)])
    assert found["看护"] == "✗"
    assert found["外部数据库"] == "·" and "自带数据库" not in found


def test_the_published_password_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor._demo([]) == []
    (finding,) = doctor._demo(["leader", "worker"])
    assert finding.mark == "⚠"
    assert "leader、worker" in finding.text and "公开的密码" in finding.text and "users add" in finding.text


def test_up_warns_of_the_published_password(
    data: DataDirectory, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from gisapp.bootstrap.console import Console

    console = Console(tmp_path / "log")
    up._announce(console, data, "127.0.0.1", 8101)
    assert "警告" not in capsys.readouterr().out
    users = [{"login": "leader", "name": "街道领导（演示）", "password": "onemap-demo"}]
    (data.run / "demo-users.json").write_text(json.dumps({"users": users}))
    up._announce(console, data, "127.0.0.1", 8101)
    shown = capsys.readouterr().out
    assert "⚠ 警告" in shown and "公开" in shown and "只可用于演示" in shown
    assert "leader / onemap-demo" in shown and "./onemap users add" in shown
    assert "演示登录" not in shown
