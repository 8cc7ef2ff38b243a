"""Grids (网格划分): split, merge and move borders on the map with the load in sight, then publish a version."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from dash_app.errors import as_onemap_error, toast
from dash_app.page import Page
from dash_app.parts import states
from dash_app.parts.icons import icon
from dash_app.parts.map_view import map_view
from dash_app.parts.sheet import grip, sheet
from dash_app.parts.table import register_export, table
from dash_app.session import call
from dash_app.stores import Draft
from gisapp.domain import clock, incoming
from gisapp.domain.access import Reader, Role
from gisapp.domain.vocabulary import term
from gisapp.services import grid_publishing

_TABLE = "grid-loads"
# Column of the load → term that names it, and its unit.
_MEASURES = {
    "people": ("person", "人"),
    "households": ("household", "户"),
    "buildings": ("building", "幢"),
    "components": ("component", "个"),
    "open_cases": ("open_case", "件"),
    "street_m": ("patrol_length", "米"),
}
_BASE_LAYERS = ("water", "green", "streets", "buildings")
_MOVED = (
    "building",
    "people",
    "households",
    "address",
    "component",
    "event",
    "poi",
    "organisation",
    "grid_worker",
)
_MOVED_TERMS = {"people": "person", "households": "household", "event": "open_case"}


def _columns() -> list[dict[str, Any]]:
    name: dict[str, Any] = {
        "field": "number",
        "headerName": term("grid").zh,
        "width": 84,
        "tooltipField": "name",
        "cellClass": {"function": "params.data.new ? 'grid-new' : params.data.changed ? 'grid-changed' : ''"},
        "cellStyle": {"function": "onemapGridBar(params)"},
        "suppressHeaderFilterButton": True,
        "pinned": "left",
    }
    numbers = [
        {
            "field": column,
            "headerName": f"{term(word).zh}/米" if column == "street_m" else term(word).zh,
            "type": "numericColumn",
            "width": {"street_m": 108, "open_cases": 84}.get(column, 64),
            "minWidth": 60,
            "filter": "agNumberColumnFilter",
            "suppressHeaderFilterButton": True,
            "valueFormatter": {"function": "d3.format(',.0f')(params.value)"},
        }
        for column, (word, unit) in _MEASURES.items()
    ]
    return [name, *numbers]


def layout(reader: Reader) -> html.Div:
    """The map, a panel with the load at its left edge, the tools above."""
    measures = [
        {"id": column, "label": term(word).zh, "unit": unit} for column, (word, unit) in _MEASURES.items()
    ]
    fold = html.Button(
        icon("back"),
        id="grid-fold",
        className="icon-button",
        title="收起",
        **{"aria-expanded": "true", "aria-label": "收起或展开"},
    )
    panel = html.Section(
        [
            grip(),
            html.Header([html.H2("网格划分"), fold]),
            html.Div(
                [
                    html.Div(
                        id="grid-desk",
                        **{"data-onemap": "grid_desk", "data-options": json.dumps({"measures": measures})},
                    ),
                    table(_TABLE, _columns(), export="网格负载", row_key="code", single=True),
                    html.Footer(
                        [
                            html.Button("放弃草稿", id="grid-discard", className="button", disabled=True),
                            html.Button(
                                "发布版本", id="grid-publish-open", className="button primary", disabled=True
                            ),
                        ]
                    ),
                ],
                className="grid-panel-body",
            ),
        ],
        id="grid-panel",
        className="grid-panel floating",
        **{"aria-label": "网格划分", **sheet(fold="#grid-fold")},
    )
    tools = html.Div(
        id="grid-tools", className="grid-tools floating", role="toolbar", **{"aria-label": "绘图工具"}
    )
    refusal = html.Div(id="grid-refusal", className="grid-refusal floating", hidden=True, role="alert")
    hint = html.Div(id="grid-hint", className="grid-hint floating", hidden=True, role="status")
    stage = map_view(
        None,
        reader,
        layers=_BASE_LAYERS,
        legend="folded",
        children=[panel, html.Div([tools, hint, refusal], className="grid-top")],
        source="网格：本平台网格版本",
    )
    stores = [dcc.Store(id="grid-draft"), dcc.Store(id="grid-published"), dcc.Store(id="grid-row")]
    return html.Div([stage, _dialog(), *stores], className="map-page grids-page")


def _dialog() -> dmc.Modal:
    today = clock.today()
    return dmc.Modal(
        html.Div(
            [
                html.Div(states.loading(4), id="grid-effects"),
                dmc.DateInput(
                    id="grid-day",
                    label="生效日期",
                    description="今天：自发布的时刻起生效；以后的日期：到日零时自动生效，现行版本在此之前不变。",
                    value=today.isoformat(),
                    minDate=today.isoformat(),
                    valueFormat="YYYY 年 M 月 D 日",
                    clearable=False,
                ),
                dmc.Textarea(
                    id="grid-note",
                    label="说明",
                    placeholder="例如：第 3 网格人口过多，一分为二",
                    autosize=True,
                    minRows=2,
                ),
                html.Div(
                    [
                        html.Button("取消", id="grid-publish-cancel", className="button"),
                        html.Button("发布版本", id="grid-publish-confirm", className="button primary"),
                    ],
                    className="grid-dialog-buttons",
                ),
            ],
            className="grid-dialog",
        ),
        id="grid-publish",
        title="发布网格版本",
        size="lg",
        centered=True,
        zIndex=600,
    )


def effects_view(effects: dict[str, Any]) -> list[Component]:
    """What publishing will change, in words and numbers."""
    short = [code[-3:] for code in effects["made"]]
    lines: list[Component] = []
    if short:
        lines.append(html.Li(f"新设网格 {'、'.join(short)}"))
    for code, heir in effects["heirs"].items():
        lines.append(html.Li(f"网格 {code[-3:]} 撤销，并入 {heir[-3:]}"))
    changed = [code[-3:] for code in effects["changed"]]
    if changed:
        lines.append(html.Li(f"网格 {'、'.join(changed)} 的边界改变"))
    figures = []
    for name in _MOVED:
        count = effects["moves"].get(name, 0)
        if count:
            word = term(_MOVED_TERMS.get(name, name))
            figures.append(
                html.Div(
                    [html.Span(f"{count:,}", className="value"), html.Span(word.zh, className="label")],
                    className="count-tile",
                )
            )
    moved: list[Component] = [html.Div(figures, className="counts")] if figures else []
    text = "以下对象将改属新的网格：" if figures else "没有对象改属别的网格。"
    return [
        html.Ul(lines),
        html.Div(text, className="field-label"),
        *moved,
        html.Div("已办结的案件与历史轨迹保留当时的网格；现行版本保留，可按日期查询。", className="faint"),
    ]


def register(app: Dash) -> None:
    """Callbacks of the page."""
    register_export(app, _TABLE)

    @app.callback(
        Output("grid-effects", "children"),
        Output("grid-publish-confirm", "disabled"),
        Input("grid-publish", "opened"),
        State("grid-draft", "data"),
        prevent_initial_call=True,
    )
    async def show_effects(opened: bool | None, draft: Draft | None) -> tuple[object, bool]:
        if not opened or not draft:
            return states.loading(4), True
        try:
            found = await call(app, grid_publishing.effects, draft["community"], draft["revision"])
        except Exception as error:
            return states.failed(as_onemap_error(error)), True
        return effects_view(found), False

    @app.callback(
        Output("grid-publish", "opened"),
        Output("grid-published", "data"),
        Output("grid-note", "value"),
        Input("grid-publish-confirm", "n_clicks"),
        Input("grid-publish-cancel", "n_clicks"),
        State("grid-draft", "data"),
        State("grid-day", "value"),
        State("grid-note", "value"),
        prevent_initial_call=True,
        running=[(Output("grid-publish-confirm", "disabled"), True, False)],
    )
    async def publish(
        confirmed: int | None,
        cancelled: int | None,
        draft: Draft | None,
        day: str | None,
        note: str | None,
    ) -> tuple[object, ...]:
        if ctx.triggered_id == "grid-publish-cancel" and cancelled:
            return False, no_update, no_update
        if not confirmed or not draft:
            return no_update, no_update, no_update
        done = await call(
            app,
            grid_publishing.publish,
            draft["community"],
            draft["revision"],
            valid_from=incoming.day(day[:10], "valid_from", "生效日期") if day else None,
            note=note or "",
        )
        if done["in_force"]:
            moved = sum(done["moved"].values())
            since = clock.local(datetime.fromisoformat(done["valid_from"]))
            text = f"{draft['name']}第 {done['version']} 版网格已生效（自 {since:%H:%M:%S} 起），更新 {moved:,} 个对象的网格编码。"
        else:
            text = f"{draft['name']}第 {done['version']} 版网格已发布，将于 {done['planned_for']} 生效。"
        toast(text, colour="teal")
        return False, {"community": done["community"], "version": done["version"]}, ""

    app.clientside_callback(
        ClientsideFunction("onemapGrids", "published"),
        Output("grid-published", "modified_timestamp"),
        Input("grid-published", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("onemapGrids", "row"),
        Output("grid-row", "data"),
        Input(_TABLE, "selectedRows"),
        prevent_initial_call=True,
    )


PAGE = Page("/grids", "网格划分", layout, register, roles=(Role.MANAGER,), nav=30, icon="grid")
