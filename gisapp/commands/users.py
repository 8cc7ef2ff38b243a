"""``onemap users``: accounts, their roles and what they may see."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="管理用户、岗位与管辖范围。", no_args_is_help=True)
    group.command("list")(list_users)
    group.command("add")(add)
    group.command("scope")(scope)
    app.add_typer(group, name="users")


def list_users() -> None:
    """列出全部用户及其岗位和管辖范围。"""
    from gisapp.domain.vocabulary import label
    from gisapp.services import accounts
    from gisapp.services.opening import opened

    table = Table("用户名", "姓名", "岗位", "管辖范围")
    with opened() as database:
        for user in accounts.list_users(database):
            places = "、".join(prefix or "全部" for prefix in user.scope.prefixes) or "无"
            table.add_row(user.login, user.name, label(user.role), places)
    Console().print(table)


def add(
    login: Annotated[str, typer.Argument(help="登录用的用户名。")],
    name: Annotated[str, typer.Option(help="姓名或岗位名称。")],
    role: Annotated[str, typer.Option(help="岗位：leader、manager、planner、worker、device 或 admin。")],
    place: Annotated[list[str], typer.Option(help="管辖地点编码，可多次给出；all 表示全部。")],
    password: Annotated[
        str | None, typer.Option(help="密码；不给出则随机生成并显示一次。", prompt=False)
    ] = None,
) -> None:
    """建立用户；用户名已存在时更新其岗位、管辖范围与密码。"""
    from gisapp.services import accounts
    from gisapp.services.opening import opened

    chosen = password or secrets.token_urlsafe(9)
    scopes = ["" if key == "all" else key for key in place]
    with opened() as database:
        accounts.save_user(database, login=login, name=name, role=role, scopes=scopes, password=chosen)
    typer.echo(f"已保存用户 {login}。" + ("" if password else f"密码：{chosen}（只显示这一次）"))


def scope(
    login: Annotated[str, typer.Argument(help="用户名。")],
    place: Annotated[str, typer.Argument(help="要加入其管辖范围的地点编码。")],
) -> None:
    """让用户多看到一个地点，例如导入了新区域之后。"""
    from gisapp.services import accounts
    from gisapp.services.opening import opened

    with opened() as database:
        prefixes = accounts.add_scope(database, login, place)
    typer.echo(f"用户 {login} 的管辖范围：{'、'.join(prefix or '全部' for prefix in prefixes)}。")
