"""``onemap simulate``: grid workers' phones, acted out through the HTTP API."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate")(simulate)


def simulate(
    url: Annotated[str | None, typer.Option(help="服务器地址；默认取 ONEMAP_HOST 与 ONEMAP_PORT。")] = None,
    login: Annotated[str, typer.Option(help="终端网关的用户名。")] = "device",
    password: Annotated[str | None, typer.Option(help="终端网关的密码；默认为演示密码。")] = None,
    interval: Annotated[float, typer.Option(help="每名网格员两次上报之间的秒数。", min=0.5, max=600)] = 5.0,
    workers: Annotated[int, typer.Option(help="最多模拟多少名网格员。", min=1)] = 600,
    place: Annotated[str, typer.Option(help="只模拟这一地点编码之下的网格员。")] = "",
    case_every: Annotated[float, typer.Option(help="平均多少秒上报一起案件；0 表示不上报。", min=0)] = 45.0,
    stray_first: Annotated[float, typer.Option(help="多少秒后第一次有人离开本网格。", min=0)] = 40.0,
    stray_every: Annotated[
        float, typer.Option(help="平均多少秒有一人离开本网格；0 表示没有。", min=0)
    ] = 300.0,
    seconds: Annotated[float, typer.Option(help="运行多少秒后结束；0 表示一直运行。", min=0)] = 0.0,
    seed: Annotated[int, typer.Option(help="随机种子。", min=0)] = 1,
) -> None:
    """模拟网格员的手机：沿已入库的街巷以步行速度巡查，经 HTTP 接口上报位置与案件，偶尔有人走出本网格再返回；服务器重启后自动续报。"""
    from gisapp.config import load_settings
    from gisapp.services import accounts
    from gisapp.services.opening import opened
    from gisapp.services.simulation import run

    settings = load_settings()
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "") else settings.host
    options = run.Options(
        url=url or f"http://{host}:{settings.port}",
        login=login,
        password=password or accounts.DEMO_PASSWORD,
        interval=interval,
        workers=workers,
        place=place,
        case_every=case_every,
        stray_first=stray_first,
        stray_every=stray_every,
        seconds=seconds,
        seed=seed,
    )
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with opened() as database:
        run.simulate(database, options, tell=lambda line: typer.echo(line), stop=stopped.is_set)
