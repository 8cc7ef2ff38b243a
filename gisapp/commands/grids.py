"""``onemap grids``: list, check, export, and bring scheduled versions into force."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from gisapp.store.grid_checks import Misplaced


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="查看、检查、导出网格，使到期的网格版本生效。", no_args_is_help=True)
    group.command("list")(list_communities)
    group.command("check")(check)
    group.command("export")(export)
    group.command("activate")(activate)
    app.add_typer(group, name="grids")


def list_communities(place: Annotated[str, typer.Option(help="只列此地点编码以内的社区。")] = "") -> None:
    """列出各社区的网格数，以及是否有未发布的草稿。"""
    from gisapp.domain.access import SYSTEM
    from gisapp.services import grids
    from gisapp.services.opening import opened

    table = Table("社区编码", "街道", "社区", "网格数", "草稿")
    with opened() as database:
        for row in grids.list_communities(database, SYSTEM, place):
            draft = "有" if row["draft"] else ""
            table.add_row(row["place"], row["street"], row["name"], str(row["grids"]), draft)
    Console().print(table)


def check(
    place: Annotated[str, typer.Option(help="只检查此地点编码以内。")] = "",
    all_positions: Annotated[
        bool, typer.Option("--all-positions", help="检查全部定位点；不给出则抽查约十万个。")
    ] = False,
) -> None:
    """检查现行网格是否恰好铺满各自的社区，以及每个对象的网格编码是否正确。

    有空隙、重叠、图形错误或编码不符时逐项列出，并以状态 1 结束。
    """
    from gisapp.domain.access import SYSTEM
    from gisapp.services import grids
    from gisapp.services.opening import opened

    with opened() as database:
        results = grids.check(database, SYSTEM, place)
        rows = grids.check_rows(database, SYSTEM, place, all_positions=all_positions)
    table = Table("社区编码", "社区", "问题", "位置（经度，纬度）")
    bad = 0
    for result in results:
        for problem in result.problems:
            bad += 1
            at = problem.geometry.representative_point() if problem.geometry is not None else None
            where = f"{at.x:.6f}，{at.y:.6f}" if at is not None and not at.is_empty else ""
            table.add_row(result.community, result.name, problem.message, where)
    if bad:
        Console().print(table)
    if rows:
        _show_misplaced(rows)
    if bad or rows:
        raise typer.Exit(1)
    count = sum(result.grids for result in results)
    typer.echo(f"{len(results)} 个社区的 {count} 个网格恰好铺满各自的社区，没有空隙，也没有重叠。")
    typer.echo("各类对象的网格编码与其位置相符。")


_SHOWN = 20
"""Rows of one table that are listed."""


def _show_misplaced(rows: list[Misplaced]) -> None:
    table = Table("数据表", "编号", "现有", "应为")
    by_table: dict[str, list[Misplaced]] = {}
    for row in rows:
        by_table.setdefault(row.table, []).append(row)
    for name, found in by_table.items():
        for row in found[:_SHOWN]:
            table.add_row(name, row.id, row.stored, row.wanted or "无")
        if len(found) > _SHOWN:
            table.add_row(name, f"…… 共 {len(found)} 项", "", "")
    Console().print(table)
    typer.echo(f"{len(rows)} 项的网格编码或计数不符。", err=True)


def export(
    file: Annotated[Path, typer.Argument(help="写入的 GeoJSON 文件。")],
    place: Annotated[str, typer.Option(help="地点编码：街道、社区或更高一级；不给出则全部。")] = "",
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="某一天结束时的网格；默认现在。")
    ] = None,
) -> None:
    """把某一天的网格导出为 GeoJSON（CGCS2000 经纬度，EPSG:4490）。"""
    from gisapp.domain.access import SYSTEM
    from gisapp.services import grids
    from gisapp.services.opening import opened

    with opened() as database:
        found = grids.grids_on(database, SYSTEM, place, on.date() if on else None)
    file.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    typer.echo(f"已导出 {len(found['features'])} 个网格到 {file}。")


def activate(
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="到期日，默认今天。")] = None,
) -> None:
    """使生效日期已到的网格版本逐个生效，并更新变动范围内全部对象的网格编码；可反复运行。

    不能生效的列出社区、原因和处理办法，不影响其他社区，并以状态 1 结束。
    """
    from gisapp.services import grid_activation
    from gisapp.services.opening import opened

    with opened() as database:
        found = grid_activation.activate_due(database, on.date() if on else None)
    for item in found.done:
        moved = sum(item["moved"].values())
        typer.echo(
            f"社区 {item['community']} 的第 {item['version']} 版网格已生效，更新 {moved} 个对象的网格编码。"
        )
    for item in found.failed:
        typer.echo(
            f"{item['name']}（{item['community']}）的第 {item['version']} 版网格（计划 {item['planned_for']} 生效）"
            f"没有生效：{item['message']}{item['remedy']}",
            err=True,
        )
    if found.failed:
        raise typer.Exit(1)
    if not found.done:
        typer.echo("没有到期的网格版本。")
