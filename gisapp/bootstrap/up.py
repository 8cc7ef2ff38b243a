"""``up`` and ``down``: from whatever state to a running application, and back."""

from __future__ import annotations

import os
import pwd
from argparse import Namespace
from typing import Any

from gisapp.bootstrap import cluster as clusters
from gisapp.bootstrap import content, databases, health, plan
from gisapp.bootstrap import runtime as runtimes
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.layout import (
    INSTALLED,
    IS_ROOT,
    ROOT,
    DataDirectory,
    choose_data,
    digest,
    known_data_paths,
    locked,
    read_json,
    remember_data,
)
from gisapp.bootstrap.started import (
    keep_cluster,
    keep_simulator,
    require_port,
    same,
    server_of,
    simulator_of,
    start_server,
    stop_all,
    stop_server,
)
from gisapp.bootstrap.toolchain import ensure_application
from gisapp.bootstrap.trouble import SetupError, require_writable

__all__ = [
    "code_version",
    "data_lock",
    "demo_users",
    "down",
    "install",
    "install_lock",
    "server_of",
    "simulator_of",
    "up",
]

DEFAULT_PORT = 8050
_SETTLE_SECONDS = 10.0
_GATEWAY = "device"
"""The demo account that reports positions; it sees nothing and is no user of a demo place by itself."""


def install_lock(console: Console) -> Any:
    """The lock of everything that set-up installs in this checkout."""
    require_writable(INSTALLED.home, "程序目录", "把程序复制到自己的目录里运行")
    return locked(INSTALLED.home / "lock", lambda: console.line("另一个 onemap 正在安装，等它结束……"))


def data_lock(console: Console, data: DataDirectory) -> Any:
    """The lock of starting and stopping one running copy."""
    return locked(data.run / "lock", lambda: console.line("另一个 onemap 正在启动或停止，等它结束……"))


def install(console: Console) -> None:
    """Have everything that the application needs installed."""
    with install_lock(console) as descriptor:
        console.lock_descriptor = descriptor
        try:
            ensure_application(console)
        finally:
            console.lock_descriptor = None


def code_version() -> str:
    """Changes when the program on disk changes, so that a running server is known to be old."""
    parts = []
    for folder in ("gisapp", "layers", "dash_app", "data"):
        for path in sorted((ROOT / folder).rglob("*")):
            if "__pycache__" not in path.parts and path.is_file():
                found = path.stat()
                parts.append(f"{path.relative_to(ROOT)}:{found.st_size}:{found.st_mtime_ns}")
    stamps = (INSTALLED.venv / ".onemap-run", ROOT / "node_modules" / ".onemap-stamp")
    return digest("\n".join(parts), *(path for path in stamps if path.exists()))


def up(options: Namespace) -> int:
    """Start everything; each part only where it is not running already.

    Whatever can be refused is refused before a running server is stopped.

    Raises:
        SetupError: with the remedy.
    """
    console = Console(INSTALLED.log, quiet_below=0.0)
    data = choose_data(options.data)
    host, port = _where(options, data)
    require_port(data, host, port)
    data.prepare()
    install(console)
    remember_data(data)
    with data_lock(console, data) as descriptor:
        console.lock_descriptor = descriptor
        addresses = databases.connect(console, data)
        code = code_version()
        facts = {
            "host": host,
            "port": port,
            "code": code,
            "database": digest(addresses.admin),
            "user": clusters.SERVER_USER if IS_ROOT else user_name(),
        }
        about, wanted = server_of(data).about(), plan.programs(data)
        running = plan.SERVER in wanted and same(about, facts) and health.settles(host, port, _SETTLE_SECONDS)
        if running:
            content.prepare_database(console, data, addresses, options.size)
        else:
            if about or wanted:
                content.require_not_newer(console, data, addresses)
            runtime = runtimes.choose(console, data, port, code)
            stop_server(console, data)
            require_port(data, host, port)
        keep_cluster(data, code, external=databases.external_url() is not None)
        if not running:
            content.prepare_database(console, data, addresses, options.size)
            runtime.require_database(data, addresses)
            start_server(data, console, addresses, facts, runtime)
            runtimes.clear(data, runtime)
        # Real data have no demo users, and nobody may walk about in them who does not exist.
        people = [user for user in demo_users(data) if user["login"] != _GATEWAY]
        simulates = not options.no_simulator and bool(people)
        keep_simulator(data, console, facts, wanted=simulates)
        console.lock_descriptor = None
    _announce(console, data, host, port)
    return 0


def user_name() -> str:
    """Login of whoever runs this."""
    return pwd.getpwuid(os.geteuid()).pw_name


def _where(options: Namespace, data: DataDirectory) -> tuple[str, int]:
    """Host and port: as asked, else where the server is running or was before the machine stopped, else the default."""
    about = server_of(data).about() or plan.programs(data).get(plan.SERVER, {}).get("facts", {})
    text = os.environ.get("ONEMAP_PORT", "")
    if text and not text.isdigit():
        raise SetupError(
            f"环境变量 ONEMAP_PORT 的值“{text}”不是端口号。", remedy="请填写 1 到 65535 之间的整数。"
        )
    port = options.port or int(text or 0) or int(about.get("port", 0)) or DEFAULT_PORT
    if not 1 <= port <= 65535:
        raise SetupError(f"端口 {port} 无效。", remedy="请用 --port 指定 1 到 65535 之间的整数。")
    return options.host or os.environ.get("ONEMAP_HOST") or about.get("host") or "127.0.0.1", port


def _announce(console: Console, data: DataDirectory, host: str, port: int) -> None:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    address = f"http://{shown}:{port}"
    lines = [
        "",
        f"社区一张图已启动（{console.elapsed:.1f} 秒）",
        f"  地图      {address}/",
        f"  大屏      {address}/screen",
        f"  数据目录  {data.path}",
        "  停止      ./onemap down",
        *demo_warning(demo_users(data)),
        "",
    ]
    print("\n".join(lines), flush=True)


def demo_users(data: DataDirectory) -> list[dict[str, str]]:
    """Login, name and password of the demo users that the last start found with the published password."""
    found = read_json(data.run / "demo-users.json").get("users", [])
    return found if isinstance(found, list) else []


def demo_warning(users: list[dict[str, str]]) -> list[str]:
    """Lines that warn of the published password; none where no demo user has it."""
    if not users:
        return []
    lines = ["", "⚠ 警告：以下账号的密码是公开的，谁都能用它登录，查看数据或上报定位，只可用于演示。"]
    lines += [f"    {user['login']} / {user['password']}  {user.get('name', '')}" for user in users]
    lines += [
        "  → 录入真实数据或让其他电脑访问之前，请逐个改密码：用 ./onemap users list 查看各账号的姓名、岗位和范围，",
        "    再用 ./onemap users add 用户名 --name 姓名 --role 岗位 --place 范围 换上新密码。",
    ]
    return lines


# --- down -----------------------------------------------------------------------------------------------------------


def down(options: Namespace) -> int:
    """Stop what ``up`` started: of one data directory, or of all that this checkout has used."""
    console = Console(INSTALLED.log)
    paths = [choose_data(options.data).path] if options.data else known_data_paths()
    stopped = False
    for path in paths or [choose_data(None).path]:
        if path.is_dir():
            stopped |= _stop(console, DataDirectory(path))
    if not stopped:
        print("没有正在运行的程序。")
    return 0


def _stop(console: Console, data: DataDirectory) -> bool:
    if not data.run.is_dir():
        return False
    with data_lock(console, data):
        stopped = stop_all(data, console)
        cluster = databases.private_cluster(data)
        if cluster.running():
            with console.step("停止数据库") as step:
                clusters.stop(step, cluster)
            stopped = True
    return stopped
