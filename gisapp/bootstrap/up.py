"""``up`` and ``down``: from whatever state to a running application, and back."""

from __future__ import annotations

import os
import pwd
import time
import urllib.error
import urllib.request
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from gisapp.bootstrap import cluster as clusters
from gisapp.bootstrap import databases, unprivileged
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.content import command_line, prepare_database
from gisapp.bootstrap.databases import Addresses
from gisapp.bootstrap.layout import (
    INSTALLED,
    ROOT,
    DataDirectory,
    choose_data,
    digest,
    known_data_paths,
    locked,
    read_json,
    remember_data,
)
from gisapp.bootstrap.processes import Account, Background, holder_of_port, port_is_free
from gisapp.bootstrap.toolchain import ensure_application
from gisapp.bootstrap.trouble import SetupError, require_writable

DEFAULT_PORT = 8050
_HEALTH_SECONDS = 120


def server_of(data: DataDirectory) -> Background:
    """The server of a data directory."""
    return Background(data.run / "server.json", data.log / "server.log")


def simulator_of(data: DataDirectory) -> Background:
    """The simulator of a data directory."""
    return Background(data.run / "simulator.json", data.log / "simulator.log")


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

    Raises:
        SetupError: with the remedy.
    """
    console = Console(INSTALLED.log, quiet_below=0.0)
    data = choose_data(options.data)
    host, port = _where(options, data)
    _require_port(data, host, port)
    data.prepare()
    install(console)
    remember_data(data)
    with data_lock(console, data) as descriptor:
        console.lock_descriptor = descriptor
        addresses = databases.connect(console, data)
        basis = {"host": host, "port": port, "code": code_version(), "database": digest(addresses.admin)}
        about = server_of(data).about()
        running = _same(about, basis) and healthy(host, port)
        if not running:
            stop_old(console, data)
            _require_port(data, host, port)
            prepare_database(console, data, addresses, options.size)
        settled = running and about.get("user") == clusters.SERVER_USER
        account = unprivileged.choose(console, data, addresses, port, settled=settled)
        current = basis | {"user": account.name if account else user_name()}
        if running and about.get("user") != current["user"]:
            stop_old(console, data)
            running = False
        if not running:
            start_server(console, data, addresses, current, account)
        # Real data have no demo users, and nobody may walk about in them who does not exist.
        wanted = not options.no_simulator and bool(demo_sign_in(data))
        keep_simulator(console, data, addresses, current, account, wanted=wanted)
        console.lock_descriptor = None
    _announce(console, data, host, port)
    return 0


def user_name() -> str:
    """Login of whoever runs this."""
    return pwd.getpwuid(os.geteuid()).pw_name


def stop_old(console: Console, data: DataDirectory) -> None:
    """Stop a server that is running, and with it the simulator that talks to it."""
    if server_of(data).about():
        with console.step("停止旧的服务器"):
            simulator_of(data).stop()
            server_of(data).stop()


def _same(about: Mapping[str, Any], current: Mapping[str, Any]) -> bool:
    return bool(about) and all(about.get(key) == value for key, value in current.items())


def _where(options: Namespace, data: DataDirectory) -> tuple[str, int]:
    """Host and port: as asked, else where the server is running, else the default."""
    about = server_of(data).about()
    text = os.environ.get("ONEMAP_PORT", "")
    if text and not text.isdigit():
        raise SetupError(
            f"环境变量 ONEMAP_PORT 的值“{text}”不是端口号。", remedy="请填写 1 到 65535 之间的整数。"
        )
    port = options.port or int(text or 0) or int(about.get("port", 0)) or DEFAULT_PORT
    if not 1 <= port <= 65535:
        raise SetupError(f"端口 {port} 无效。", remedy="请用 --port 指定 1 到 65535 之间的整数。")
    return options.host or os.environ.get("ONEMAP_HOST") or about.get("host") or "127.0.0.1", port


def _require_port(data: DataDirectory, host: str, port: int) -> None:
    """Refuse a port that somebody else holds.

    Raises:
        SetupError: naming the holder where it can be found.
    """
    if port_is_free(host, port):
        return
    about = server_of(data).about()
    if about and about.get("port") == port:
        return
    who = "占用，或当前用户无权使用" if port < 1024 else "另一个程序占用"
    if holder := holder_of_port(port):
        who = f"进程 {holder[0]}（{holder[1][:80]}）占用"
    raise SetupError(
        f"端口 {port} 被{who}。", remedy=f"请换一个端口：./onemap up --port {port + 10}，或先停止那个程序。"
    )


def healthy(host: str, port: int) -> bool:
    """Whether the server answers."""
    return _status(host, port) == 200


def _status(host: str, port: int) -> int:
    place = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    # a proxy of the environment must not be asked for this machine
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{place}:{port}/healthz", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, ValueError):
        return 0


# --- background programs --------------------------------------------------------------------------------------------


def _environment(
    data: DataDirectory, addresses: Addresses, facts: Mapping[str, Any], account: Account | None
) -> dict[str, str]:
    env = addresses.environment(data, admin=False)
    env |= {"ONEMAP_HOST": str(facts["host"]), "ONEMAP_PORT": str(facts["port"])}
    return unprivileged.environment(env, data, account) if account else env


def start_server(
    console: Console,
    data: DataDirectory,
    addresses: Addresses,
    facts: Mapping[str, Any],
    account: Account | None,
) -> None:
    """Start the server under its watcher, and wait until it answers.

    Raises:
        SetupError: it ended, or never answered.
    """
    host, port = str(facts["host"]), int(facts["port"])
    env = _environment(data, addresses, facts, account)
    server = server_of(data)
    with console.step("启动服务器"):
        process = server.start(command_line("serve"), env, facts, account=account, watch=True)
        deadline = time.monotonic() + _HEALTH_SECONDS
        while not healthy(host, port):
            # A first start that fails is told here and now, not tried again behind the user's back.
            ended = process.poll() is not None or bool(server.watched().get("failures"))
            if ended or time.monotonic() > deadline:
                raise _server_failed(server, data, host, port, ended)
            time.sleep(0.1)


def _server_failed(server: Background, data: DataDirectory, host: str, port: int, ended: bool) -> SetupError:
    words = server.last_words()
    if "address already in use" in words.lower():
        _require_port(data, host, port)
    what = "服务器启动后退出了。" if ended else f"服务器 {_HEALTH_SECONDS} 秒内没有应答。"
    server.stop()
    tail = "\n".join("    " + line for line in words.splitlines())
    return SetupError(f"{what}\n{tail}", remedy=f"全部输出见 {server.log}；排除原因后再次运行 ./onemap up。")


def keep_simulator(
    console: Console,
    data: DataDirectory,
    addresses: Addresses,
    facts: Mapping[str, Any],
    account: Account | None,
    *,
    wanted: bool,
) -> None:
    """Have the simulator running, or stopped."""
    simulator = simulator_of(data)
    about = simulator.about()
    if not wanted:
        if about:
            with console.step("停止模拟器"):
                simulator.stop()
        return
    if _same(about, facts):
        return
    simulator.stop()
    env = _environment(data, addresses, facts, account)
    with console.step("启动模拟器"):
        # Whether it goes well is not waited for: without it the map works, and doctor tells.
        simulator.start(command_line("simulate"), env, facts, account=account)


def _announce(console: Console, data: DataDirectory, host: str, port: int) -> None:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    address = f"http://{shown}:{port}"
    lines = [
        "",
        f"社区一张图已启动（{console.elapsed:.1f} 秒）",
        f"  地图      {address}/",
        f"  大屏      {address}/screen",
        f"  数据目录  {data.path}",
    ]
    lines += [f"  {title}  {text}" for title, text in demo_sign_in(data)]
    lines += ["  停止      ./onemap down", ""]
    print("\n".join(lines), flush=True)


def demo_sign_in(data: DataDirectory) -> list[tuple[str, str]]:
    """Login names and passwords of the demo users that the last start found."""
    users = read_json(data.run / "demo-users.json").get("users", [])
    texts = [
        f"{user['login']} / {user['password']}  {user.get('name') or user.get('title', '')}" for user in users
    ]
    return [("演示登录" if index == 0 else "        ", text) for index, text in enumerate(texts)]


# --- down -----------------------------------------------------------------------------------------------------------


def down(options: Namespace) -> int:
    """Stop what ``up`` started: of one data directory, or of all that this checkout has used."""
    console = Console(INSTALLED.log)
    paths = [choose_data(options.data).path] if options.data else known_data_paths()
    stopped = False
    for path in paths or [choose_data(None).path]:
        if path.is_dir():
            stopped |= _stop_all(console, DataDirectory(path))
    if not stopped:
        print("没有正在运行的程序。")
    return 0


def _stop_all(console: Console, data: DataDirectory) -> bool:
    if not data.run.is_dir():
        return False
    stopped = False
    with data_lock(console, data):
        for title, program in (("停止模拟器", simulator_of(data)), ("停止服务器", server_of(data))):
            if program.about():
                with console.step(title):
                    program.stop()
                stopped = True
            else:
                program.forget()
        cluster = databases.private_cluster(data)
        if cluster.running():
            with console.step("停止数据库") as step:
                clusters.stop(step, cluster)
            stopped = True
    return stopped
