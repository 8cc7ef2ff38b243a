"""Cases (案件): report, assign, handle, close. The address carries filter and selection, so a number can open its records."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update

from dash_app import ids
from dash_app.errors import toast
from dash_app.page import Page
from dash_app.parts import case_view
from dash_app.parts.case_form import POINT_HINT, report_drawer
from dash_app.parts.icons import icon
from dash_app.parts.map_view import map_view
from dash_app.parts.sheet import grip, sheet
from dash_app.parts.table import register_export, table
from dash_app.session import call
from dash_app.stores import ListRow, MapEvent, SeenCase
from gisapp.domain import clock, incoming
from gisapp.domain.access import Reader, Role
from gisapp.domain.events import MAY, Action
from gisapp.domain.events import State as CaseState
from gisapp.domain.keys import Level
from gisapp.domain.vocabulary import label
from gisapp.errors import InputError, NotFound
from gisapp.services import events, profiles
from gisapp.store.events import Filter

_PAGE = 500
_TABLE = "case-table"
_ALL = "all"
_OPEN_STATES = (CaseState.REPORTED, CaseState.ASSIGNED, CaseState.HANDLING)
_LAYERS = ("green", "water", "buildings", "streets", "regions", "grids", "cases")
_EMPTY = "没有符合条件的案件。请放宽条件，或点“上报”登记一件。"
_EXPORTED = {
    "reported_stated": "上报填报时间",
    "reported_recorded": "上报登记时间",
    "closed": "办结时间",
    "closed_stated": "办结填报时间",
    "closed_recorded": "办结登记时间",
    "origin": "登记方式",
}
"""Columns that stand in the exported file only."""
_UNITS = (
    "城管中队",
    "市政养护所",
    "环卫所",
    "园林绿化所",
    "供电公司",
    "供水公司",
    "派出所",
    "物业服务企业",
    "社区居委会",
)


def _query(search: str | None) -> dict[str, str]:
    return dict(parse_qsl((search or "").lstrip("?")))


def _day(text: str) -> datetime | None:
    try:
        return clock.day_bounds(incoming.day(text, "since"))[0]
    except InputError:
        return None


def wanted(search: str | None) -> Filter:
    """The filter that an address carries; what is not understood narrows nothing."""
    query = _query(search)
    state = query.get("state", "")
    chosen = _OPEN_STATES if state == "open" else tuple(s for s in CaseState if s == state)
    overdue = {"1": True, "0": False}.get(query.get("overdue", ""))
    return Filter(
        place=query.get("place") or None,
        since=_day(query.get("since", "")),
        states=chosen,
        judged=query.get("judged") == "1",
        overdue=overdue,
        text=query.get("q") or None,
    )


def layout(reader: Reader) -> html.Div:
    """The list beside the map; the chosen case slides over its edge."""
    may_report = reader.role is Role.ADMIN or reader.role in MAY[Action.REPORT]
    choices = [{"value": _ALL, "label": "全部"}, {"value": "open", "label": "未办结"}]
    choices += [{"value": str(state), "label": label(state)} for state in CaseState]
    head = html.Div(
        [
            html.Div(
                [
                    html.H2("案件"),
                    html.Span(id="case-total", className="case-total"),
                    html.Button(
                        [icon("case"), "上报"],
                        id="case-report-open",
                        className="button primary",
                        hidden=not may_report,
                    ),
                ],
                className="cases-title",
            ),
            dmc.SegmentedControl(id="case-state", data=choices, value=_ALL, fullWidth=True, size="xs"),
            html.Div(id="case-narrowed", className="case-narrowed"),
        ],
        className="cases-head",
    )
    narrowing = [
        dmc.TextInput(id="case-text", placeholder="编号、标题或地址", debounce=400, className="grow"),
        dmc.Checkbox(id="case-overdue", label="只看超期"),
    ]
    columns = [
        {"field": "title", "headerName": "案件", "flex": 3, "minWidth": 120, "tooltipField": "title"},
        {
            "field": "state",
            "headerName": "状态",
            "width": 96,
            "cellClass": {"function": "'cell-status ' + params.data.meaning"},
        },
        {"field": "due", "headerName": "时限", "flex": 2, "minWidth": 140, "tooltipField": "due"},
        {"field": "reported", "headerName": "上报时间", "width": 140, "hide": True},
        {"field": "number", "headerName": "编号", "width": 130, "hide": True},
        *({"field": field, "headerName": name, "hide": True} for field, name in _EXPORTED.items()),
    ]
    listing = html.Section(
        [head, table(_TABLE, columns, export="案件", single=True, tools=narrowing, empty=_EMPTY)],
        className="cases-list",
        **{"aria-label": "案件列表"},
    )
    stage = map_view(
        None,
        reader,
        layers=_LAYERS,
        live=True,
        report=["click"],
        legend="whole",
        print={"title": "案件", "table": _TABLE, "panel": "#case-side"},
        padding={"top": 36, "bottom": 36, "left": 36, "right": 36},
    )
    side = html.Aside(
        id="case-side",
        className="case-side",
        hidden=True,
        **{"aria-label": "案件详情", **sheet(close="#case-close")},
    )
    stores = [
        dcc.Store(id="case-version", data=0),
        dcc.Store(id="case-point"),
        dcc.Store(id="case-where"),
        dcc.Store(id="case-key"),
        dcc.Store(id="case-seen"),
    ]
    return html.Div(
        [listing, html.Div([stage, side], className="cases-stage"), report_drawer(reader.role), *stores],
        className="cases",
    )


async def _place_name(app: Dash, place: str) -> str:
    """What the place of a filter is called; its code where it has no name that the reader may know."""
    kind = "grid" if len(place) == Level.GRID else "region"
    try:
        found = await call(app, profiles.profile_of, kind, place)
    except (InputError, NotFound):
        return place
    return str(found["title"])


def register(app: Dash) -> None:
    """Callbacks of the page."""
    register_export(app, _TABLE)

    @app.callback(
        Output(_TABLE, "rowData"),
        Output("case-total", "children"),
        Output("case-narrowed", "children"),
        Input(ids.URL, "search"),
        Input("case-version", "data"),
    )
    async def show_list(search: str | None, _version: int) -> tuple[object, ...]:
        found = await call(app, events.find, wanted(search), limit=_PAGE)
        now = clock.now()
        rows = [case_view.row(case, now) for case in found["items"]]
        more = f"，显示最近 {_PAGE} 件" if found["total"] > _PAGE else ""
        query = _query(search)
        narrowed: list[Any] = []
        if query.get("place") or query.get("judged"):
            words = [
                await _place_name(app, query["place"]) if query.get("place") else "",
                f"{query['since']} 起上报" if query.get("since") else "",
                "应办结" if query.get("judged") == "1" else "",
            ]
            back = dcc.Link("显示全部", href="/cases", refresh=False)
            narrowed = [html.Span("，".join(filter(None, words))), back]
        return rows, f"{found['total']:,} 件{more} · 截至 {now:%H:%M}", narrowed

    @app.callback(
        Output(ids.URL, "search"),
        Input("case-state", "value"),
        Input("case-text", "value"),
        Input("case-overdue", "checked"),
        Input(_TABLE, "selectedRows"),
        State(ids.URL, "search"),
        State(ids.URL, "pathname"),
        prevent_initial_call=True,
    )
    async def narrow(
        state: str,
        text: str | None,
        overdue: bool | None,
        chosen: list[ListRow] | None,
        search: str | None,
        path: str | None,
    ) -> object:
        if path != PAGE.path:
            return no_update
        query = _query(search)
        changed = {
            "case-state": {"state": "" if state == _ALL else state},
            "case-text": {"q": text or ""},
            "case-overdue": {"overdue": "1" if overdue else ""},
            _TABLE: {"id": str(chosen[0]["id"])} if chosen else {},
        }
        for part in {name for name in ctx.triggered_prop_ids.values() if isinstance(name, str)}:
            query |= changed[part]
        target = {name: value for name, value in query.items() if value}
        after = f"?{urlencode(target)}" if target else ""
        return no_update if after == (search or "") else after

    @app.callback(
        Output("case-state", "value"),
        Output("case-text", "value"),
        Output("case-overdue", "checked"),
        Input(_TABLE, "id"),
        State(ids.URL, "search"),
    )
    async def restore(_drawn: str, search: str | None) -> tuple[object, ...]:
        query = _query(search)
        known = {_ALL, "open", *map(str, CaseState)}
        state = query.get("state", _ALL)
        return (state if state in known else _ALL), query.get("q", ""), query.get("overdue") == "1"

    @app.callback(
        Output("case-side", "children"),
        Output("case-side", "hidden"),
        Output("case-where", "data"),
        Output("case-seen", "data"),
        Input(ids.URL, "search"),
        Input("case-version", "data"),
    )
    async def show_case(search: str | None, _version: int) -> tuple[object, ...]:
        chosen = _query(search).get("id", "")
        if not chosen:
            return [], True, None, None
        case = await call(app, events.get, incoming.identifier(chosen, "id", "案件编号"))
        close = html.Button(
            icon("close"), id="case-close", className="icon-button", title="关闭", **{"aria-label": "关闭"}
        )
        seen = {"case": case["id"], "step": case["steps"][-1]["number"] if case["steps"] else 0}
        panel = [grip(), close, case_view.detail(case, _UNITS)]
        return panel, False, [case["lon"], case["lat"]], seen

    @app.callback(
        Output(ids.URL, "search", allow_duplicate=True),
        Output(_TABLE, "selectedRows"),
        Input("case-close", "n_clicks"),
        State(ids.URL, "search"),
        prevent_initial_call=True,
    )
    async def close_case(clicks: int | None, search: str | None) -> tuple[object, object]:
        if not clicks:
            return no_update, no_update
        rest = {name: value for name, value in _query(search).items() if name != "id"}
        return (f"?{urlencode(rest)}" if rest else ""), []

    @app.callback(
        Output("case-version", "data"),
        Input({"type": "case-act", "action": ALL}, "n_clicks"),
        State("case-note", "value"),
        State("case-assignee", "value"),
        State("case-worker", "value"),
        State("case-seen", "data"),
        State("case-version", "data"),
        prevent_initial_call=True,
    )
    async def act(
        clicks: list[int | None],
        note: str | None,
        assignee: str | None,
        worker: str | None,
        seen: SeenCase | None,
        version: int,
    ) -> object:
        if not any(clicks) or ctx.triggered_id is None or not seen:
            return no_update
        action = incoming.choice(ctx.triggered_id["action"], Action, "action", "操作")
        case = await call(
            app,
            events.act,
            seen["case"],
            action,
            note=note or "",
            assignee=assignee or "",
            worker_id=incoming.identifier(worker, "worker_id", "网格员编号") if worker else None,
            after_step=seen["step"],
        )
        toast(f"案件 {case['number']} 已{label(action)}，当前{case['state_label']}。", colour="teal")
        return version + 1

    @app.callback(
        Output("case-drawer", "opened"), Input("case-report-open", "n_clicks"), prevent_initial_call=True
    )
    async def open_report(clicks: int | None) -> bool:
        return bool(clicks)

    @app.callback(
        Output("case-point", "data"),
        Output("case-point-text", "children"),
        Input(ids.MAP_EVENT, "data"),
        State("case-drawer", "opened"),
        prevent_initial_call=True,
    )
    async def choose_point(event: MapEvent | None, opened: bool | None) -> tuple[object, object]:
        if not opened or not event or event.get("event") != "click":
            return no_update, no_update
        lon, lat = incoming.point(event["detail"].get("at"), "point")
        return [lon, lat], f"位置：{lon:.6f}，{lat:.6f}（可再次点选更改）"

    @app.callback(
        Output("case-version", "data", allow_duplicate=True),
        Output("case-drawer", "opened", allow_duplicate=True),
        Output("case-point", "data", allow_duplicate=True),
        Output(ids.URL, "search", allow_duplicate=True),
        Output("case-matter", "value", allow_duplicate=True),
        Output("case-description", "value", allow_duplicate=True),
        Output("case-address", "value", allow_duplicate=True),
        Output("case-point-text", "children", allow_duplicate=True),
        Input("case-submit", "n_clicks"),
        State("case-matter", "value"),
        State("case-channel", "value"),
        State("case-description", "value"),
        State("case-address", "value"),
        State("case-point", "data"),
        State("case-version", "data"),
        State("case-key", "data"),
        prevent_initial_call=True,
    )
    async def submit(
        clicks: int | None,
        matter: str | None,
        channel: str | None,
        description: str | None,
        address: str | None,
        point: list[float] | None,
        version: int,
        key: str | None,
    ) -> tuple[object, ...]:
        if not clicks:
            return (no_update,) * 8
        if not matter:
            raise InputError("没有选择事项小类。", remedy="请输入名称或代码后选择一项。")
        if not point:
            raise InputError("没有选择位置。", remedy="请在地图上点选案件所在位置。")
        lon, lat = incoming.point(point, "point")
        report = events.Report(
            lon=lon,
            lat=lat,
            matter_code=matter,
            description=description or "",
            address=address or "",
            channel=channel,
            source_key=key,
        )
        case = await call(app, events.report, report)
        if case["known"]:
            said = f"这份上报先前已收到，案件编号 {case['number']}，没有重复登记。"
            toast(said, remedy="其后改动的内容没有登记；如需补充，请写入该案件的办理说明。", colour="teal")
        else:
            toast(
                f"已上报，案件编号 {case['number']}。",
                remedy="办理进展可在案件列表中查看。",
                colour="teal",
            )
        return version + 1, False, None, f"?id={case['id']}", None, "", "", POINT_HINT

    app.clientside_callback(
        ClientsideFunction("onemapCases", "narrow"),
        Output("case-where", "id"),
        Input(ids.URL, "search"),
    )
    kept = ("matter", "description", "address", "channel")
    written = [Input(f"case-{name}", "value") for name in kept]
    app.clientside_callback(
        ClientsideFunction("onemapDraft", "keep"),
        Output("case-key", "data"),
        *written,
        Input("case-point", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("onemapDraft", "restore"),
        *(Output(f"case-{name}", "value", allow_duplicate=True) for name in kept),
        Output("case-point", "data", allow_duplicate=True),
        Output("case-point-text", "children", allow_duplicate=True),
        Input("case-drawer", "opened"),
        *(State(known.component_id, known.component_property) for known in written),
        State("case-point", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("onemapDraft", "mark"),
        Output("case-key", "id"),
        Input("case-report-open", "id"),
    )
    app.clientside_callback(
        ClientsideFunction("onemapCases", "showPoints"),
        Output("case-where", "modified_timestamp"),
        Input("case-where", "data"),
        Input("case-point", "data"),
    )


PAGE = Page("/cases", "案件", layout, register, nav=50, icon="case", tab=2)
