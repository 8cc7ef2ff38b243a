"""``onemap status``: the state of the database."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="只输出一行 JSON，供脚本使用。")] = False,
) -> None:
    """显示数据库服务器和扩展的版本、表结构的版本、应用角色是否受行级权限约束，以及数据的大小。"""
    from gisapp.config import load_settings
    from gisapp.services.demo_accounts import open_demo_accounts
    from gisapp.services.opening import opened
    from gisapp.store.state import describe

    settings = load_settings()
    state = describe(settings.admin_database_url or settings.database_url, settings.database_url)
    if as_json:
        logins: list[str] = []
        if state["current"]:
            with opened() as database:
                logins = [user["login"] for user in open_demo_accounts(database)]
        typer.echo(json.dumps({**state, "demo_users": logins}, ensure_ascii=False))
        return
    extensions = "，".join(f"{name} {number}" for name, number in state["extensions"].items())
    current = "最新" if state["current"] else "与本程序不同，请运行 ./onemap migrate"
    typer.echo(f"服务器：{state['server']}（{extensions or '没有扩展'}）")
    typer.echo(f"表结构：{state['version'] or '尚未建立'}（{current}）")
    typer.echo(f"应用角色：{state['role']}")
    typer.echo(f"数据：{state['megabytes']} MB")
