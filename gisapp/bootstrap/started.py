"""The programs of one running copy: put into the plan and started, or taken out of it and stopped."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from gisapp.bootstrap import health, plan
from gisapp.bootstrap.console import Console
from gisapp.bootstrap.content import command_line
from gisapp.bootstrap.databases import Addresses
from gisapp.bootstrap.layout import DataDirectory
from gisapp.bootstrap.processes import Background, holder_of_port, port_is_free
from gisapp.bootstrap.runtime import Runtime
from gisapp.bootstrap.trouble import SetupError

_READY_SECONDS = 120


def server_of(data: DataDirectory) -> Background:
    """The server of a data directory: its note names the watcher, what the watcher tells names the server."""
    return plan.watcher_of(data, plan.SERVER)


def simulator_of(data: DataDirectory) -> Background:
    """The simulator of a data directory, as ``server_of``."""
    return plan.watcher_of(data, plan.SIMULATOR)


def same(about: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether a running program was started with these facts."""
    return bool(about) and all(about.get(key) == value for key, value in facts.items())


def take_out(data: DataDirectory, *names: str) -> None:
    """Let these programs not be started again, and stop them."""
    with plan.changing(data) as wanted:
        for name in names:
            wanted["programs"].pop(name, None)
    for name in names:
        plan.watcher_of(data, name).stop()


def stop_server(console: Console, data: DataDirectory) -> None:
    """Stop a server that is running, and the simulator that talks to it; neither is started again."""
    running = bool(server_of(data).about())
    with console.step("停止旧的服务器") if running else contextlib.nullcontext():
        take_out(data, plan.SIMULATOR, plan.SERVER)


def put_in(data: DataDirectory, name: str, entry: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    """Have a program kept running from now on, instead of one of that name that may run; its watcher's process."""
    take_out(data, name)
    with plan.changing(data) as wanted:
        wanted["programs"][name] = dict(entry)
        # Written first: a watcher whose program the plan does not name ends at once.
        plan.write(data, wanted)
        return plan.start_watcher(data, name, entry)


def keep_cluster(data: DataDirectory, code: str, *, external: bool) -> None:
    """Have the private cluster watched; with a server of the user's, a watcher that looks after the others only.

    Args:
        code: version of the program; a watcher of another one is replaced.
    """
    facts = {"code": code}
    name, other = (plan.GUARD, plan.CLUSTER) if external else (plan.CLUSTER, plan.GUARD)
    with plan.changing(data) as wanted:
        wanted["external"] = external
        stale = other in wanted["programs"]
        here = name in wanted["programs"] and same(plan.watcher_of(data, name).about(), facts)
    if stale:
        take_out(data, other)
    if not here:
        put_in(data, name, {"facts": facts})


def start_server(
    data: DataDirectory,
    console: Console,
    addresses: Addresses,
    facts: Mapping[str, Any],
    runtime: Runtime,
) -> None:
    """Start the server under its watcher, and wait until it is ready.

    Raises:
        SetupError: it ended, or never was ready.
    """
    host, port = str(facts["host"]), int(facts["port"])
    env = addresses.environment(data, admin=False) | {
        "ONEMAP_HOST": host,
        "ONEMAP_PORT": str(port),
        # What has been printed is in the log also when the program is killed.
        "PYTHONUNBUFFERED": "1",
    }
    entry = {
        "facts": dict(facts),
        "port": port,
        "command": runtime.command(command_line("serve")),
        "env": runtime.environment(env, data),
        "account": runtime.account.as_json() if runtime.account else None,
    }
    server = server_of(data)
    with console.step("启动服务器"):
        process = put_in(data, plan.SERVER, entry)
        deadline = time.monotonic() + _READY_SECONDS
        while not health.ready(host, port):
            # A first start that fails is told here and now, not tried again behind the user's back.
            ended = process.poll() is not None or bool(server.watched().get("failures"))
            if ended or time.monotonic() > deadline:
                raise _server_failed(server, data, host, port, ended)
            time.sleep(0.1)


def _server_failed(server: Background, data: DataDirectory, host: str, port: int, ended: bool) -> SetupError:
    words = server.last_words()
    what = "服务器启动后退出了。"
    if not ended:
        what = f"服务器 {_READY_SECONDS} 秒内没有就绪：{health.missing(host, port)}"
    take_out(data, plan.SERVER)
    if "address already in use" in words.lower():
        require_port(data, host, port)
    tail = "\n".join("    " + line for line in words.splitlines())
    return SetupError(f"{what}\n{tail}", remedy=f"全部输出见 {server.log}；排除原因后再次运行 ./onemap up。")


def require_port(data: DataDirectory, host: str, port: int) -> None:
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


def keep_simulator(data: DataDirectory, console: Console, facts: Mapping[str, Any], *, wanted: bool) -> None:
    """Have the simulator running beside the server, as the server runs, or stopped."""
    simulator = simulator_of(data)
    here = plan.programs(data)
    if not wanted:
        running = bool(simulator.about())
        take_out(data, plan.SIMULATOR)
        if running:
            console.line("模拟器已停止", "✓")
        return
    if plan.SIMULATOR in here and same(simulator.about(), facts):
        return
    server = here[plan.SERVER]
    command = [server["command"][0], *command_line("simulate")[1:]]
    entry = {
        "facts": dict(facts),
        "command": command,
        "env": server["env"],
        "account": server["account"],
    }
    with console.step("启动模拟器"):
        # Whether it goes well is not waited for: without it the map works, and doctor tells.
        put_in(data, plan.SIMULATOR, entry)


def stop_all(data: DataDirectory, console: Console) -> bool:
    """End whatever is kept running but the cluster itself; False when nothing was running."""
    titles = {plan.SIMULATOR: "停止模拟器", plan.SERVER: "停止服务器", plan.CLUSTER: "", plan.GUARD: ""}
    running = [name for name in titles if plan.watcher_of(data, name).about()]
    plan.remove(data)
    for name, title in titles.items():
        watcher = plan.watcher_of(data, name)
        with console.step(title) if title and name in running else contextlib.nullcontext():
            watcher.stop()
    return bool(running)
