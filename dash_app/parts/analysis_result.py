"""Results of the analysis page: figures, table rows, legend, what is behind a cell, runs so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dash_app.parts import states
from dash_app.parts.icons import icon
from gisapp.domain import clock
from gisapp.domain.vocabulary import label, term
from gisapp.services.hotspots import CLASS_TITLES
from layers.classes import LegendItem
from layers.colours import ACCENT, COLD, GREY, HOT, NOT_SIGNIFICANT, THEMES

MOST_ROWS = 2_000
_COLOURS = {"none": NOT_SIGNIFICANT} | {
    f"{side}_{level}": colour
    for side, ramp in (("hot", HOT), ("cold", COLD))
    for level, colour in zip((90, 95, 99), ramp, strict=True)
}
_KINDS = {"hotspot": label("hotspot"), "allocation": label("allocation")}

CELL_COLUMNS: list[dict[str, Any]] = [
    {
        "field": "class_title",
        "headerName": "级别",
        "flex": 2,
        "cellClass": {"function": "'analysis-class ' + params.data.class"},
    },
    {"field": "count", "headerName": label("demand"), "type": "numericColumn", "filter": False, "flex": 1},
    {
        "field": "z",
        "headerName": "Gi*",
        "type": "numericColumn",
        "filter": False,
        "flex": 1,
        "valueFormatter": {"function": "params.value == null ? '—' : params.value.toFixed(2)"},
    },
    {
        "field": "p",
        "headerName": "双侧概率",
        "type": "numericColumn",
        "filter": False,
        "flex": 1,
        "valueFormatter": {"function": "params.value < 0.0001 ? '<0.0001' : params.value.toFixed(4)"},
    },
]
STATION_COLUMNS: list[dict[str, Any]] = [
    {"field": "rank", "headerName": "序号", "filter": False, "width": 62, "minWidth": 56},
    {
        "field": "name",
        "headerName": label("station"),
        "filter": False,
        "flex": 3,
        "minWidth": 120,
        "tooltipField": "name",
    },
    {"field": "state", "headerName": "状态", "filter": False, "width": 62, "minWidth": 56},
    {
        "field": "demand",
        "headerName": "需求",
        "type": "numericColumn",
        "filter": False,
        "width": 72,
        "minWidth": 64,
        "valueFormatter": {"function": "d3.format(',.0f')(params.value)"},
    },
    {
        "field": "mean_distance",
        "headerName": "步行/米",
        "headerTooltip": f"到该服务点的平均{label('walking_distance')}：{term('walking_distance').definition}",
        "type": "numericColumn",
        "filter": False,
        "width": 88,
        "minWidth": 84,
        "valueFormatter": {"function": "params.value == null ? '—' : d3.format(',.0f')(params.value)"},
    },
]


def moment(text: str | datetime) -> str:
    """An instant in local time, to the minute."""
    found = datetime.fromisoformat(text) if isinstance(text, str) else text
    return f"{clock.local(found):%m-%d %H:%M}"


def cell_rows(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the table of cells: significant ones, then the hottest of the rest."""
    marked = [c for c in cells if c["class"] != "none"]
    plain = [c for c in cells if c["class"] == "none"]
    chosen = (marked + plain)[:MOST_ROWS]
    names = ("id", "class", "class_title", "count", "z", "p")
    return sorted(({n: c[n] for n in names} for c in chosen), key=lambda row: -(row["z"] or 0.0))


def station_rows(stations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the table of service points."""
    names = ("id", "rank", "name", "demand", "mean_distance", "lon", "lat", "existing")
    return [{**{n: s[n] for n in names}, "state": "现有" if s["existing"] else "新增"} for s in stations]


def legend(kind: str) -> dict[str, Any]:
    """What the colours on the map mean, by theme; hot points up and cold points down."""
    if kind == "hotspot":
        signs = [
            LegendItem(
                title,
                _COLOURS[name],
                "up" if name.startswith("hot") else "down" if name != "none" else "fill",
            )
            for name, title in CLASS_TITLES.items()
        ]
        return {theme: {"title": "Gi* 分级", "items": [s.as_json(theme) for s in signs]} for theme in THEMES}
    signs = [LegendItem("新增服务点", ACCENT), LegendItem("现有服务点", GREY, "ring")]
    return {
        theme: {"title": label("station"), "items": [s.as_json(theme) for s in signs]} for theme in THEMES
    }


def _share(part: float | None) -> str:
    return "—" if part is None else f"{100 * part:.1f}"


def _metres(value: float | None) -> str:
    return "—" if value is None else f"{value:,.0f}"


def _change(name: str, before: str, after: str, unit: str) -> html.Div:
    return html.Div(
        [
            html.Div(name, className="figure-label"),
            html.Div(
                [
                    html.Span(before),
                    html.Span("→", className="arrow"),
                    html.B(after),
                    html.Span(unit, className="figure-unit"),
                ],
                className="analysis-change",
            ),
        ],
        className="figure",
    )


def figures(run: Mapping[str, Any]) -> html.Div:
    """The numbers of a finished run."""
    found = run["summary"]
    if run["kind"] == "hotspot":
        classes = found["classes"]
        hot = sum(n for name, n in classes.items() if name.startswith("hot"))
        cold = sum(n for name, n in classes.items() if name.startswith("cold"))
        tiles: list[Component] = [
            states.figure(f"{found['total']:,.0f}", label("demand"), found["unit"]),
            states.figure(f"{hot:,}", "热点", "个六边形"),
            states.figure(f"{cold:,}", "冷点", "个六边形"),
        ]
        notes = [f"共 {found['cells']:,} 个六边形，分辨率 {found['resolution']} 级。"]
        if found["few"]:
            notes.append("六边形不足 30 个，显著性仅供参考，请选更细的分辨率。")
        if not hot and not cold:
            notes.append("没有显著的热点或冷点：需求的分布与随机无异。")
    else:
        before, after = found["before"], found["after"]
        tiles = [
            _change(label("coverage"), _share(before["share"]), _share(after["share"]), "%"),
            _change(
                f"平均{label('walking_distance')}",
                _metres(before["mean_distance"]),
                _metres(after["mean_distance"]),
                "米",
            ),
        ]
        notes = [_proof(found)]
        if found["candidates"] > found["candidates_kept"]:
            notes.append(f"候选点 {found['candidates']:,} 处，按间距均匀保留 {found['candidates_kept']} 处。")
        else:
            notes.append(f"候选点 {found['candidates']:,} 处，现有服务点 {found['existing']} 处。")
        if found["left_out"] > 0:
            notes.append(f"有 {found['left_out']:,.0f} {found['unit']}需求附近没有连通的街道，按未覆盖计。")
    notes.append(f"{found['demand']}，截至 {moment(found['as_of'])}。")
    return html.Div(
        [
            html.Div(tiles, className="analysis-figures"),
            html.Div([html.Div(n) for n in notes], className="analysis-notes"),
        ]
    )


def _proof(found: Mapping[str, Any]) -> str:
    reach = f"{label('service_distance')} {found['service_distance']:,.0f} 米，目标：{found['objective']}。"
    if found["proven"]:
        return f"{reach}已证明为最优解。"
    return f"{reach}与最优解的差距不超过 {100 * found['gap']:.2f}%。"


def progress(run: Mapping[str, Any]) -> html.Div:
    """How far a run is."""
    share = float(run["summary"].get("share", 0.0))
    return html.Div(
        [
            html.Div(
                [html.B(run["summary"].get("step", "准备")), html.Span(f"{share:.0%}")],
                className="analysis-step",
            ),
            dmc.Progress(value=max(4.0, 100 * share), striped=True, animated=True, size="sm"),
            html.Div("可以离开本页，结果会留在“分析结果”中。", className="analysis-notes"),
        ],
        className="analysis-progress",
        role="status",
    )


def failed(run: Mapping[str, Any]) -> html.Div:
    """Why a run gave no result, and what to do."""
    return html.Div(
        [
            icon("alert"),
            html.Div(run["summary"].get("message", "计算没有完成。"), className="state-title"),
            html.Div(run["summary"].get("remedy") or "", className="state-text"),
        ],
        className="state error",
        role="alert",
    )


def records(cell: Mapping[str, Any]) -> list[Component]:
    """The cases behind a cell's number."""
    head = html.Div(
        [
            html.Span(cell["class_title"], className=f"analysis-class {cell['class']}"),
            html.B(f"{cell['count']:,.0f} {cell['unit']}"),
            html.Button(icon("close"), id="analysis-cell-close", className="icon-button", title="关闭"),
        ],
        className="analysis-cell-head",
    )
    if not cell["cases"]:
        text = "这里没有需求。" if not cell["count"] else "居民需求按楼栋汇总，请在一张图上打开楼栋查看。"
        return [head, html.Div(text, className="analysis-notes")]
    rows = [
        html.Li(
            dcc.Link(
                [html.Span(case["title"]), html.Span(moment(case["reported_at"]), className="num")],
                href=f"/cases?id={case['id']}",
            )
        )
        for case in cell["cases"]
    ]
    more = int(cell["count"]) - len(cell["cases"])
    tail = [html.Div(f"另有 {more:,} 件", className="analysis-notes")] if more > 0 else []
    return [head, html.Ul(rows, className="analysis-records"), *tail]


def runs(found: Sequence[Mapping[str, Any]], chosen: int | None) -> list[Component]:
    """Runs so far, the newest first."""
    if not found:
        return [states.empty("还没有分析结果", "选择需求与范围，再点上方的按钮。", symbol="chart")]
    words = {"running": "计算中", "failed": "未完成", "done": ""}
    return [
        dcc.Link(
            [
                html.Span(run["title"], className="name"),
                html.Span(
                    [_KINDS[run["kind"]], " · ", moment(run["created_at"]), " ", words[run["state"]]],
                    className="sub",
                ),
            ],
            href=f"?run={run['id']}",
            className="analysis-run here" if run["id"] == chosen else "analysis-run",
        )
        for run in found[:30]
    ]
