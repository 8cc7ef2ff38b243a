"""``onemap status``: the state of the database, and grids that wait for somebody to act."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="只输出一行 JSON，供脚本使用。")] = False,
) -> None:
    """显示数据库服务器和扩展的版本、表结构的版本、应用角色是否受行级权限约束、数据的大小，以及未能按期生效的网格版本。"""
    from gisapp.config import load_settings
    from gisapp.services.demo_accounts import open_demo_accounts
    from gisapp.services.opening import opened
    from gisapp.store.state import describe

    settings = load_settings()
    state = describe(settings.admin_database_url or settings.database_url, settings.database_url)
    stuck = _stuck_grids() if state["current"] else []
    if as_json:
        logins: list[str] = []
        if state["current"]:
            with opened() as database:
                logins = [user["login"] for user in open_demo_accounts(database)]
        typer.echo(
            json.dumps({**state, "stuck_grids": stuck, "demo_users": logins}, ensure_ascii=False, default=str)
        )
        return
    extensions = "，".join(f"{name} {number}" for name, number in state["extensions"].items())
    current = "最新" if state["current"] else "与本程序不同，请运行 ./onemap migrate"
    typer.echo(f"服务器：{state['server']}（{extensions or '没有扩展'}）")
    typer.echo(f"表结构：{state['version'] or '尚未建立'}（{current}）")
    typer.echo(f"应用角色：{state['role']}")
    typer.echo(f"数据：{state['megabytes']} MB")
    for one in stuck:
        typer.echo(
            f"网格：{one['name']}（{one['community']}）的第 {one['version']} 版（计划 {one['planned_for']} 生效）"
            f"未能生效：{one['problem']}{one['remedy']}"
        )


def _stuck_grids() -> list[dict[str, Any]]:
    from gisapp.domain.access import SYSTEM
    from gisapp.services.grids import stuck
    from gisapp.services.opening import opened

    with opened() as database:
        return stuck(database, SYSTEM)
