"""``onemap import``: data of every kind from the files of others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from gisapp.services.importing.locating import Fallback
    from gisapp.services.importing.order import Progress
    from gisapp.services.importing.report import Outcome


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="导入数据：先检查每一行，合格的一次写入，不合格的列明原因。", no_args_is_help=True
    )
    group.command("layer")(layer)
    group.command("osm")(osm)
    group.command("kinds")(kinds)
    app.add_typer(group, name="import")


_Place = Annotated[
    str, typer.Option(help="不在任何网格或区划内的行归入的地点编码；境外用 99 开头的编码。", metavar="编码")
]
_PlaceName = Annotated[str, typer.Option(help="上述地点的名称；该地点还没有登记时必须给出。", metavar="名称")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="只检查和比对，不写入任何数据。")]
_Report = Annotated[
    Path | None,
    typer.Option(help="导入报告（Excel）写到哪里；默认写在数据目录的 reports 下。", metavar="文件"),
]


def layer(
    kind: Annotated[str, typer.Argument(help="数据的种类，用 onemap import kinds 查看。", metavar="种类")],
    file: Annotated[
        Path,
        typer.Argument(
            help="GeoJSON、Shapefile（或其 zip）、GeoPackage、CSV 或 Excel 文件。", metavar="文件"
        ),
    ],
    crs: Annotated[
        str,
        typer.Option(
            help="文件的坐标系：WGS84、CGCS2000、GCJ02、BD09 或 EPSG 代号。从不猜测，必须声明。",
            metavar="坐标系",
        ),
    ] = "",
    place: _Place = "",
    place_name: _PlaceName = "",
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="指明某个字段用哪一列，写成 字段=列名；可以重复。", metavar="字段=列名"),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", help="给所有行的某个字段同一个值，写成 字段=值；可以重复。", metavar="字段=值"),
    ] = None,
    source: Annotated[
        str, typer.Option(help="来源的名称；凭来源和编号认出同一条数据，默认用文件名。", metavar="名称")
    ] = "",
    sheet: Annotated[
        str,
        typer.Option(
            "--layer", help="Excel 的工作表或 GeoPackage 的图层，有多个时必须指明。", metavar="名称"
        ),
    ] = "",
    timezone: Annotated[
        str, typer.Option(help="没有写明时区的时间按哪个时区理解。", metavar="时区")
    ] = "Asia/Shanghai",
    dry_run: _DryRun = False,
    report: _Report = None,
) -> None:
    """导入一个文件。

    每一行都检查；不合格的行不导入，连同行号、字段、值、原因和办法写入报告。全部写入在一个事务中，中途停止不留下任何数据。
    同一文件再次导入不会改变任何数据。
    """
    from gisapp.config import load_settings
    from gisapp.domain import incoming
    from gisapp.domain.access import SYSTEM
    from gisapp.services.importing.keys import key_for
    from gisapp.services.importing.order import Order
    from gisapp.services.importing.run import import_layer
    from gisapp.services.opening import opened

    with _in_options():
        key = key_for(kind, load_settings().data_dir)
    order = Order(
        kind,
        file,
        crs,
        source=source,
        fallback=_fallback(place, place_name),
        mapping=_pairs(mapping, "--map"),
        values=_pairs(values, "--set"),
        layer=sheet or None,
        zone=incoming.zone(timezone),
        dry_run=dry_run,
        key=key,
    )
    with _in_options(), opened() as database, _shown() as progress:
        outcome = import_layer(database, SYSTEM, order, progress)
    _say([outcome], report)


def osm(
    file: Annotated[Path, typer.Argument(help=".osm.pbf、.osm、.osm.gz 或 .osm.bz2 文件。", metavar="文件")],
    place: _Place = "",
    place_name: _PlaceName = "",
    dry_run: _DryRun = False,
    report: _Report = None,
) -> None:
    """导入 OpenStreetMap 数据：楼栋、道路、水系、绿地、公共服务场所、部件和地址。

    灯杆、树木、井盖、座椅等按 GB/T 47678.5 编为部件；在数据边缘被截断的轮廓和道路保留范围内的部分，并写入报告。
    """
    from gisapp.domain.access import SYSTEM
    from gisapp.services.importing.order import Order
    from gisapp.services.importing.osm import import_osm
    from gisapp.services.opening import opened

    order = Order("", file, "", fallback=_fallback(place, place_name), dry_run=dry_run)
    with _in_options(), opened() as database, _shown() as progress:
        outcomes = import_osm(database, SYSTEM, order, progress)
    _say(outcomes, report)


def kinds(
    kind: Annotated[str, typer.Argument(help="只看某一种数据的字段。", metavar="种类")] = "",
) -> None:
    """列出可以导入的数据种类和各自的字段。"""
    from rich.console import Console

    from gisapp.services.importing.registry import importer_for, importers

    console = Console()
    if not kind:
        table = _table("种类", "数据", "几何", "必填")
        for word, importer in importers().items():
            needed = "、".join(f.zh for f in importer.fields if f.required)
            table.add_row(word, importer.title, importer.shape.value, needed)
        console.print(table)
        return
    importer = importer_for(kind)
    table = _table("字段", "类型", "必填", "认识的列名", "说明", title=f"{importer.title}（{importer.kind}）")
    for f in importer.all_fields:
        table.add_row(
            f.zh, f.kind.value, "是" if f.required else "", "、".join((*f.words, f.name)[:6]), f.help
        )
    console.print(table)


def _table(*headings: str, title: str | None = None) -> Table:
    """A table that breaks Chinese text, which has no blanks to break at."""
    from rich.table import Table

    table = Table(title=title)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    from gisapp.errors import InputError

    found: dict[str, str] = {}
    for text in given or ():
        name, sign, value = text.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise InputError(
                f"{option} 的写法“{text}”无效。", remedy=f"请写成 {option} 字段=内容，例如 {option} 名称=mc。"
            )
        found[name.strip()] = value.strip()
    return found


def _fallback(place: str, name: str) -> Fallback | None:
    from gisapp.domain.keys import PlaceKey
    from gisapp.errors import InputError
    from gisapp.services.importing.locating import Fallback

    if name and not place:
        raise InputError("给出了地点名称，没有给出编码。", remedy="请同时给出 --place 编码。")
    return Fallback(PlaceKey(place), name or None) if place else None


@contextmanager
def _in_options() -> Iterator[None]:
    """Errors from within name options where they name fields of the form."""
    from gisapp.errors import OnemapError
    from gisapp.services.importing.wording import for_command_line

    try:
        yield
    except OnemapError as error:
        error.remedy = error.remedy and for_command_line(error.remedy)
        raise


@contextmanager
def _shown() -> Iterator[Progress]:
    """A line of progress while the work lasts; nothing where nobody watches."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("准备", total=None)

        def progress(what: str, done: int, of: int) -> None:
            bar.update(task, description=what, completed=done, total=of or None)

        yield progress


def _say(outcomes: Sequence[Outcome], report: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table

    from gisapp.config import load_settings
    from gisapp.domain import clock
    from gisapp.services.importing.report import write_report
    from gisapp.services.importing.wording import for_command_line

    console = Console(highlight=False)
    state = "（试运行，没有写入）" if outcomes[0].dry_run else ""
    table = Table("数据", *outcomes[0].counts(), title=f"{outcomes[0].file}{state}", title_justify="left")
    for outcome in outcomes:
        table.add_row(outcome.title, *(f"{n:,}" for n in outcome.counts().values()))
    console.print(table)
    for outcome in outcomes:
        for note in outcome.notes:
            console.print(f"· {outcome.title}：{note}", markup=False)
        for where, reason, rows in outcome.findings.reasons()[:5]:
            console.print(
                f"✗ {outcome.title}：{where}，{reason}（{rows} {outcome.unit}）", style="yellow", markup=False
            )
    folder = load_settings().data_dir / "reports"
    stamp = clock.now().strftime("%Y%m%d-%H%M%S")
    for outcome in outcomes:
        if not outcome.findings.refusals and not outcome.findings.repairs and report is None:
            continue
        path = report or folder / f"import-{stamp}-{outcome.kind}.xlsx"
        if report is not None and len(outcomes) > 1:
            path = report.with_name(f"{report.stem}-{outcome.kind}{report.suffix}")
        write_report(outcome, path, for_command_line)
        console.print(f"报告：{path}", markup=False, soft_wrap=True)
    if all(
        outcome.refused and not outcome.added + outcome.changed + outcome.unchanged for outcome in outcomes
    ):
        raise typer.Exit(1)
