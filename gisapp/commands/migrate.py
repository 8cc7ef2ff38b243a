"""``onemap migrate``: bring the database to this program's version."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("migrate")(migrate)


def migrate(
    as_json: Annotated[bool, typer.Option("--json", help="只输出一行 JSON，供脚本使用。")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="只检查数据库是否比本程序新，不做任何改动。")
    ] = False,
) -> None:
    """把数据库升级到本程序的版本：没有数据库和应用角色时先建立，已是最新时不做任何改动。"""
    from gisapp.config import load_settings
    from gisapp.errors import InputError
    from gisapp.services.demo_accounts import open_demo_accounts
    from gisapp.services.opening import opened
    from gisapp.store import migrate as schema
    from gisapp.store import roles

    settings = load_settings()
    if not settings.admin_database_url:
        raise InputError(
            "没有设置表的所有者的数据库地址 ONEMAP_ADMIN_DATABASE_URL。",
            remedy="请用 ./onemap migrate 运行，它会给出地址；或自行设置该变量。",
        )
    if check:
        schema.refuse_newer(settings.admin_database_url)
        typer.echo("数据库不比本程序新。")
        return
    created = roles.ensure_database(settings.admin_database_url)
    role = roles.ensure_app_role(settings.admin_database_url, settings.database_url)
    roles.ensure_extensions(settings.admin_database_url)
    version = schema.upgrade(settings.admin_database_url, role)
    empty = roles.is_empty(settings.admin_database_url)
    if as_json:
        with opened() as database:
            users = open_demo_accounts(database)
        told = {"version": version, "created": created, "empty": empty, "demo_users": users}
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        typer.echo(f"数据库版本 {version}，{'尚无数据' if empty else '已有数据'}。")
