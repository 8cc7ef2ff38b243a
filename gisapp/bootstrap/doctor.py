"""``doctor``: what is installed, what is running, what is missing, on one screen."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gisapp.bootstrap import databases, postgis
from gisapp.bootstrap.databases import application_environment
from gisapp.bootstrap.layout import INSTALLED, ROOT, DataDirectory, choose_data
from gisapp.bootstrap.processes import holder_of_port
from gisapp.bootstrap.toolchain import REQUIREMENTS
from gisapp.bootstrap.trouble import SetupError
from gisapp.bootstrap.tuning import memory_mb
from gisapp.bootstrap.up import DEFAULT_PORT, healthy, server_of, simulator_of

_GOOD, _MISSING, _BAD = "✓", "·", "✗"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    mark: str
    title: str
    text: str


def doctor(options: Namespace) -> int:
    """Print the report; exit status 1 when something is wrong (not when it is merely not started)."""
    data = choose_data(options.data)
    findings = [*_machine(data), *_installed(), *_running(data), *_database(data)]
    if options.json:
        print(
            json.dumps(
                [{"mark": f.mark, "title": f.title, "text": f.text} for f in findings], ensure_ascii=False
            )
        )
    else:
        for finding in findings:
            print(f"{finding.mark} {finding.title}：{finding.text}")
    return 1 if any(finding.mark == _BAD for finding in findings) else 0


def _disk(path: Path) -> tuple[str, int]:
    existing = path
    while not existing.exists():
        existing = existing.parent
    try:
        usage = shutil.disk_usage(existing)
    except OSError as error:
        return f"{path} 不可读（{error.strerror}）", 0
    return f"{path}，剩余 {usage.free / 2**30:.1f} GB / {usage.total / 2**30:.1f} GB", usage.free


def _machine(data: DataDirectory) -> list[Finding]:
    release = ""
    if Path("/etc/os-release").exists():
        pairs = dict(
            line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
        )
        release = pairs.get("PRETTY_NAME", "").strip('"')
    findings = [
        Finding(
            _GOOD,
            "系统",
            f"{release or platform.system()}，{os.cpu_count()} 核，内存 {memory_mb() / 1024:.1f} GB",
        ),
        Finding(_GOOD, "Python", f"{platform.python_version()}（{sys.executable}）"),
    ]
    for title, path in (("程序目录", ROOT), ("数据目录", data.path)):
        text, free = _disk(path)
        findings.append(Finding(_GOOD if free > 500 * 2**20 else _BAD, title, text))
    return findings


def _installed() -> list[Finding]:
    findings = []
    for name, title in (("run", "Python 软件包"), ("test", "测试软件包"), ("notebook", "JupyterLab")):
        done = (INSTALLED.venv / f".onemap-{name}").exists()
        count = sum(1 for line in (REQUIREMENTS / f"{name}.txt").read_text().splitlines() if "==" in line)
        text = f"已安装（{count} 个）" if done else "尚未安装"
        findings.append(Finding(_GOOD if done else _MISSING, title, text))
    modules = (ROOT / "node_modules" / ".onemap-stamp").exists()
    findings.append(
        Finding(_GOOD if modules else _MISSING, "浏览器模块", "已安装" if modules else "尚未安装")
    )
    programs = postgis.choose(None)
    text = f"PostgreSQL {programs.version}（{programs.folder}）" if programs else "尚未安装"
    findings.append(Finding(_GOOD if programs else _MISSING, "数据库程序", text))
    return findings


def _running(data: DataDirectory) -> list[Finding]:
    findings = [_server(data)]
    if not server_of(data).about():
        holder = holder_of_port(DEFAULT_PORT)
        text = f"被进程 {holder[0]}（{holder[1][:60]}）占用" if holder else "空闲"
        findings.append(Finding(_MISSING if holder else _GOOD, f"端口 {DEFAULT_PORT}", text))
    simulator = simulator_of(data).about()
    text = f"进程 {simulator['pid']}{_as_user(simulator)}" if simulator else "没有运行"
    findings.append(Finding(_GOOD if simulator else _MISSING, "模拟器", text))
    return findings


def _server(data: DataDirectory) -> Finding:
    program = server_of(data)
    about, told = program.about(), program.watched()
    last = "".join(c for c in str(told.get("last", "")) if c.isprintable())[:80]
    if not about:
        if told.get("gave_up"):
            text = f"多次启动后很快结束，已停止重试（最近一次 {last}）。输出见 {program.log}；排除原因后运行 ./onemap up"
            return Finding(_BAD, "服务器", text)
        return Finding(_MISSING, "服务器", "没有运行")
    host, port = about.get("host", ""), int(about.get("port", 0))
    answers = healthy(host, port)
    text = f"进程 {about['pid']}"
    if told:  # then that process is the watcher
        pid = told.get("pid")
        text = f"进程 {pid}（看护{text}）" if isinstance(pid, int) else f"看护{text}，等待重新启动"
    text += f"{_as_user(about)}，http://{host}:{port}/，{'应答正常' if answers else '没有应答'}"
    if told.get("restarts"):
        text += f"；自动重新启动过 {told['restarts']} 次，最近一次结束于 {last}"
    return Finding(_GOOD if answers else _BAD, "服务器", text)


def _as_user(about: dict[str, Any]) -> str:
    return f"，以 {about['user']} 运行" if about.get("user") else ""


def _database(data: DataDirectory) -> list[Finding]:
    external = databases.external_url()
    try:
        if external is not None:
            addresses = databases.external_addresses(external, data, os.environ.get("ONEMAP_DATABASE_URL"))
            title = "外部数据库"
        else:
            cluster = databases.private_cluster(data)
            pid = cluster.running()
            if pid is None:
                state = f"没有运行（PostgreSQL {cluster.version()}）" if cluster.version() else "尚未建立"
                return [Finding(_MISSING, "自带数据库", state)]
            title = f"自带数据库（进程 {pid}）"
            addresses = databases.Addresses(cluster.address("onemap_admin"), cluster.address("onemap_app"))
    except (SetupError, OSError) as error:
        return [Finding(_BAD, "数据库", str(error))]
    if not INSTALLED.python.exists():
        return [Finding(_MISSING, title, "Python 软件包尚未安装，无法查询")]
    asked = subprocess.run(
        [str(INSTALLED.python), "-m", "gisapp.cli", "status", "--json"],
        env=application_environment()
        | {"ONEMAP_DATABASE_URL": addresses.app, "ONEMAP_ADMIN_DATABASE_URL": addresses.admin},
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode != 0:
        return [Finding(_BAD, title, " ".join(asked.stderr.split())[:300] or "查询失败")]
    told = json.loads(asked.stdout.strip().splitlines()[-1])
    marks = {True: _GOOD, False: _BAD}
    return [
        Finding(marks[told["current"]], title, f"{told['server']}，结构版本 {told['version'] or '无'}"),
        Finding(
            _GOOD,
            "扩展",
            "，".join(f"{name} {version}" for name, version in told["extensions"].items()) or "无",
        ),
        Finding(marks[told["secure"]], "应用角色", told["role"]),
        Finding(_GOOD, "数据", f"{told['megabytes']} MB"),
    ]
