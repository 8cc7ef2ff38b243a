"""``onemap serve``: the server in the foreground, for containers and service managers."""

from __future__ import annotations

import os
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    host: Annotated[str | None, typer.Option(help="监听的地址，默认取 ONEMAP_HOST，否则只在本机。")] = None,
    port: Annotated[int | None, typer.Option(help="监听的端口，默认取 ONEMAP_PORT，否则 8050。")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="进程数；一个进程足够一个街道使用。")] = 1,
    proxy: Annotated[
        str | None,
        typer.Option(
            help="可信的反向代理地址，来自它的请求才采用其转发的客户端地址、协议和主机名；默认取 ONEMAP_PROXY，否则只信本机。"
        ),
    ] = None,
) -> None:
    """在前台运行服务器，按 Ctrl+C 结束。容器和系统服务用它；平时请用 up，它在后台运行并看管数据库。"""
    import gc

    # A million objects are made while everything is imported, and none of them goes; the application turns it on again.
    gc.disable()
    import uvicorn

    from gisapp.api.limits import SOCKET_MESSAGE
    from gisapp.config import VARIABLES, load_settings
    from gisapp.logs import configuration

    if proxy is not None:
        os.environ[VARIABLES["proxy"]] = proxy  # read by every process of the server
    settings = load_settings()
    uvicorn.run(
        "dash_app.server:create_app",
        factory=True,
        host=host or settings.host,
        port=port or settings.port,
        workers=workers,
        log_config=configuration(),
        access_log=False,
        http="gisapp.api.connections:Connection",
        proxy_headers=False,  # gisapp.api.proxy does it, host included
        timeout_graceful_shutdown=5,
        ws_ping_interval=20,
        ws_ping_timeout=30,
        ws_max_size=SOCKET_MESSAGE,
        server_header=False,
    )
