"""``onemap demo``: generate a believable place and load it."""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from gisapp.store.database import Database


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    size: Annotated[
        str, typer.Option(help="规模：street 一个街道约 3 万人，district 全区约 40 万人，city 约 1000 万人。")
    ] = "street",
    seed: Annotated[int, typer.Option(help="随机种子；同一种子生成同一个地方。", min=0)] = 1,
    now: Annotated[
        str | None, typer.Option(help="案件与轨迹截止的时刻，例如 2025-11-21T15:00；默认为当前整点。")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="先清除数据库中原有的数据（账号保留）。")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="清除前不再询问。")] = False,
) -> None:
    """生成一个可信的演示地区并载入空的数据库：真实的区划名称，虚构的街巷、楼栋、人口、单位、部件与一年的案件。"""
    from gisapp.config import load_settings
    from gisapp.errors import InputError
    from gisapp.services.demo import loading, sizes
    from gisapp.store.database import Database

    if size not in sizes.SIZES:
        raise InputError(f"没有规模“{size}”。", remedy=f"请从 {'、'.join(sizes.SIZES)} 中选择。")
    settings = load_settings()
    if not settings.admin_database_url:
        raise InputError(
            "没有设置表的所有者的数据库地址 ONEMAP_ADMIN_DATABASE_URL。",
            remedy="请用 ./onemap demo 运行，它会给出地址；或自行设置该变量。",
        )
    started = time.monotonic()
    database = Database(settings.admin_database_url, connections=8)
    try:
        if replace and not yes:
            _ask_to_clear(database)
        with _progress() as bar:
            result = loading.load(
                database,
                size,
                seed,
                now=_instant(now),
                replace=replace,
                processes=max(1, min(4, (os.cpu_count() or 2) - 1)),
                progress=_Teller(bar),
            )
        loading.note_users(settings.data_dir, result.users)
    finally:
        database.close()
    seconds = time.monotonic() - started
    if not result.rows:
        typer.echo("数据库中已有这一演示地区，没有改动。")
        return
    words = "、".join(f"{_WORDS[name]} {count:,}" for name, count in loading.summary(result.rows).items())
    typer.echo(f"已载入 {words}，用时 {seconds:.1f} 秒。")
    for user in result.users:
        typer.echo(f"  {user['title']}：{user['login']} / {user['password']}")


_WORDS = {"person": "人口", "building": "楼栋", "address": "标准地址", "component": "部件", "event": "案件"}
_STAGES = {"generate": "生成", "load": "载入", "derive": "汇总与建立检索", "district": "载入各区"}


def _instant(written: str | None) -> datetime | None:
    """A local instant as the user wrote it.

    Raises:
        InputError: not an instant.
    """
    from gisapp.domain import clock, incoming

    return None if written is None else clock.local(incoming.instant(written, "at", "时刻"))


def _ask_to_clear(database: Database) -> None:
    """Name what will go, and go on only when the user says so."""
    from gisapp.domain.access import SYSTEM
    from gisapp.store import whole

    with database.begin(SYSTEM) as connection:
        filled = whole.filled_tables(connection)
    if filled:
        listed = "、".join(f"{name} {count:,} 行" for name, count in filled.items())
        typer.confirm(f"将清除以下数据（账号保留）：{listed}。继续吗？", abort=True)


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=Console(stderr=True),
    )  # fmt: skip


class _Teller:
    """Moves one bar through the stages."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._stage = ""
        self._task = bar.add_task("准备", total=None)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show a stage, and rows or districts done of those wanted."""
        if stage != self._stage:
            self._stage = stage
            self._bar.reset(self._task, description=_STAGES[stage], total=total or None)
        self._bar.update(self._task, completed=done, total=total or None)
