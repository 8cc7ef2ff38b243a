"""``doctor``: what is installed, what is running, what is missing, on one screen."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gisapp.bootstrap import databases, health, plan, postgis
from gisapp.bootstrap.databases import application_environment
from gisapp.bootstrap.layout import INSTALLED, ROOT, DataDirectory, choose_data
from gisapp.bootstrap.processes import Background, holder_of_port
from gisapp.bootstrap.toolchain import REQUIREMENTS
from gisapp.bootstrap.trouble import SetupError
from gisapp.bootstrap.tuning import memory_mb
from gisapp.bootstrap.up import DEFAULT_PORT, server_of, simulator_of

_GOOD, _MISSING, _BAD, _WARNING = "✓", "·", "✗", "⚠"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        mark: ✓ good, · not there and not needed, ⚠ a warning, ✗ wrong.
        pids: process numbers by what they are (``program``, ``watcher``), for scripts.
    """

    mark: str
    title: str
    text: str
    pids: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {"mark": self.mark, "title": self.title, "text": self.text, "pids": self.pids}


def doctor(options: Namespace) -> int:
    """Print the report; exit status 1 when something is wrong.

    What has been started and not taken down by ``down`` is wrong when it does not run as it should; what was never
    started, or has been taken down, is not.
    """
    data = choose_data(options.data)
    findings = [*_machine(data), *_installed(), *_running(data), *_database(data)]
    if options.json:
        print(json.dumps([finding.as_json() for finding in findings], ensure_ascii=False))
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


def _is_started(data: DataDirectory) -> bool:
    """Whether it has been started and not been taken down."""
    # A server of an earlier version of this program left a note, but no plan.
    return plan.plan_path(data).exists() or server_of(data).note.exists()


def _running(data: DataDirectory) -> list[Finding]:
    started, wanted = _is_started(data), plan.programs(data)
    findings = [_server(data, started=started)]
    if not server_of(data).about() and not started:
        holder = holder_of_port(DEFAULT_PORT)
        text = f"被进程 {holder[0]}（{holder[1][:60]}）占用" if holder else "空闲"
        findings.append(Finding(_MISSING if holder else _GOOD, f"端口 {DEFAULT_PORT}", text))
    findings.append(_simulator(data, wanted=plan.SIMULATOR in wanted))
    for name in (plan.CLUSTER, plan.GUARD):
        if name in wanted:
            findings.append(_watcher(data, name))
    return findings


def _server(data: DataDirectory, *, started: bool) -> Finding:
    program = server_of(data)
    about = program.about()
    if not about:
        if not started:
            return Finding(_MISSING, "服务器", "没有运行")
        text = f"没有运行，而它应当运行。输出见 {program.log}；请运行 ./onemap up，或用 ./onemap down 停用"
        return Finding(_BAD, "服务器", text)
    host, port = str(about.get("host", "")), int(about.get("port", 0))
    text, pids, _ = _watched(program, about)
    obstacle = health.missing(host, port)
    text = f"{text}，http://{host}:{port}/，{obstacle or '应答正常'}{_restarts(program)}"
    return Finding(_BAD if obstacle else _GOOD, "服务器", text, pids)


def _simulator(data: DataDirectory, *, wanted: bool) -> Finding:
    program = simulator_of(data)
    about = program.about()
    if not about:
        if not wanted:
            return Finding(_MISSING, "模拟器", "没有运行")
        return Finding(_BAD, "模拟器", f"没有运行，而它应当运行。输出见 {program.log}；请运行 ./onemap up")
    text, pids, runs = _watched(program, about)
    return Finding(_GOOD if runs else _BAD, "模拟器", text + _restarts(program), pids)


def _watcher(data: DataDirectory, name: str) -> Finding:
    program = plan.watcher_of(data, name)
    about = program.about()
    title = "数据库的看护" if name == plan.CLUSTER else "看护"
    if not about:
        return Finding(_BAD, title, "没有运行，数据库若中断不会自动恢复；请运行 ./onemap up")
    return Finding(_GOOD, title, f"进程 {about['pid']}{_restarts(program)}", {"watcher": int(about["pid"])})


def _watched(program: Background, about: dict[str, Any]) -> tuple[str, dict[str, int], bool]:
    """Words about a watched program and its watcher, their process numbers, and whether the program runs now."""
    pids = {"watcher": int(about["pid"])}
    pid = program.watched().get("pid")
    text = f"看护进程 {about['pid']}，等待重新启动"
    if isinstance(pid, int):
        pids["program"] = pid
        text = f"进程 {pid}（看护进程 {about['pid']}）"
    return text + _as_user(about), pids, "program" in pids


def _restarts(program: Background) -> str:
    told = program.watched()
    last = "".join(c for c in str(told.get("last", "")) if c.isprintable())[:120]
    if not last:
        return ""
    return f"；自动重新启动过 {told.get('restarts', 0)} 次，最近一次 {last}"


def _as_user(about: dict[str, Any]) -> str:
    return f"，以 {about['user']} 运行" if about.get("user") else ""


def _demo(logins: list[str]) -> list[Finding]:
    if not logins:
        return []
    text = f"{'、'.join(logins)} 仍用公开的密码，谁都能登录，只可用于演示；正式使用前请用 ./onemap users add 逐个改密码"
    return [Finding(_WARNING, "演示账号", text)]


def _database(data: DataDirectory) -> list[Finding]:
    external = databases.external_url()
    if external is None and plan.read(data).get("external"):
        # Only whoever knows the address can ask; the server has told above whether it answers.
        return [Finding(_MISSING, "外部数据库", "没有设置 DATABASE_URL，无法查询；服务器一项说明它是否应答")]
    wanted = plan.CLUSTER in plan.programs(data)
    pids: dict[str, int] = {}
    try:
        if external is not None:
            addresses = databases.external_addresses(external, data, os.environ.get("ONEMAP_DATABASE_URL"))
            title = "外部数据库"
        else:
            cluster = databases.private_cluster(data)
            pid = cluster.running()
            if pid is None:
                state = f"没有运行（PostgreSQL {cluster.version()}）" if cluster.version() else "尚未建立"
                if wanted:
                    state += f"，而它应当运行。输出见 {data.log / 'cluster.log'}；请运行 ./onemap up"
                return [Finding(_BAD if wanted else _MISSING, "自带数据库", state)]
            pids = {"program": pid}
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
    differs = "" if told["current"] else "，与本程序不同，请运行 ./onemap up"
    return [
        Finding(
            marks[told["current"]],
            title,
            f"{told['server']}，结构版本 {told['version'] or '无'}{differs}",
            pids,
        ),
        Finding(
            _GOOD,
            "扩展",
            "，".join(f"{name} {version}" for name, version in told["extensions"].items()) or "无",
        ),
        Finding(marks[told["secure"]], "应用角色", told["role"]),
        Finding(_GOOD, "数据", f"{told['megabytes']} MB"),
        *_demo(told["demo_users"]),
    ]
