"""Hotspots and service points (热点与配置): ask on the left, see on the map, read on the right; the address is the result."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update

from dash_app import ids
from dash_app.page import Page
from dash_app.parts import analysis_form as forms
from dash_app.parts import analysis_result as results
from dash_app.parts.icons import icon
from dash_app.parts.map_view import map_view
from dash_app.parts.sheet import grip, sheet
from dash_app.parts.table import register_export, table
from dash_app.session import call
from dash_app.stores import ListRow, Picked, ShownRun
from gisapp.domain import incoming
from gisapp.domain.access import Reader
from gisapp.errors import InputError, NotFound
from gisapp.services import allocation, analysis_runs, demand, hotspots

_CELLS, _STATIONS = "analysis-cells", "analysis-stations"
_LAYERS = ("water", "green", "streets", "buildings", "regions")
_DAYS = 90


def _query(search: str | None) -> dict[str, str]:
    return dict(parse_qsl((search or "").lstrip("?")))


def _run_id(search: str | None) -> int | None:
    return _number(search, "run")


def _number(search: str | None, name: str) -> int | None:
    """A number that the address carries; None where there is none."""
    try:
        return incoming.identifier(_query(search).get(name), name)
    except InputError:
        return None


def _address(query: dict[str, str]) -> str:
    kept = {name: value for name, value in query.items() if value}
    return f"?{urlencode(kept)}" if kept else ""


def layout(reader: Reader) -> html.Div:
    """The map fills the page; form and result float over its edges."""
    form = html.Section(
        [
            grip(),
            html.Header([html.H2("热点与配置")]),
            html.Div(
                [
                    forms.mode_switch(),
                    forms.form(),
                    html.H3("分析结果"),
                    html.Div(id="analysis-runs", className="analysis-runs"),
                ],
                className="analysis-body",
            ),
        ],
        id="analysis-form",
        className="analysis-form floating",
        **{"aria-label": "分析条件", **sheet()},
    )
    close = html.Button(
        icon("close"),
        id="analysis-close",
        className="icon-button",
        title="关闭",
        **{"aria-label": "关闭结果"},
    )
    delete = html.Button("删除", id="analysis-delete", className="button small", hidden=True)
    result = html.Section(
        [
            grip(),
            html.Header([html.H2(id="analysis-title"), delete, close]),
            html.Div(id="analysis-summary", className="analysis-summary"),
            html.Div(id="analysis-cell", className="analysis-cell", hidden=True),
            html.Div(id="analysis-table", className="analysis-table"),
        ],
        id="analysis-result",
        className="analysis-result floating",
        hidden=True,
        **{"aria-label": "分析结果", **sheet(close="#analysis-close")},
    )
    stage = map_view(
        None,
        reader,
        layers=_LAYERS,
        link=True,
        legend="brief",
        print={"title": "热点与配置"},
        children=[form, result],
    )
    stores = [
        dcc.ConfirmDialog(id="analysis-confirm"),
        dcc.Store(id="analysis-link"),
        dcc.Store(id="analysis-shown"),
        dcc.Store(id="analysis-places"),
        dcc.Store(id="analysis-picked"),
        dcc.Store(id="analysis-version", data=0),
        dcc.Interval(id="analysis-tick", interval=700, disabled=True),
    ]
    return html.Div([stage, *stores], className="map-page analysis-page")


def register(app: Dash) -> None:
    """Callbacks of the page."""
    register_export(app, _CELLS)
    register_export(app, _STATIONS)
    _register_form(app)
    _register_result(app)


def _register_form(app: Dash) -> None:
    @app.callback(
        Output("analysis-place", "data"),
        Output("analysis-place", "value"),
        Output("analysis-days", "value"),
        Output("analysis-places", "data"),
        Input("analysis-mode", "id"),
        State(ids.URL, "search"),
    )
    async def fill(_mode: str, search: str | None) -> tuple[object, ...]:
        """Places of the reader's scope; unless a run says otherwise, where most cases are, and the last ninety days."""
        places = await call(app, analysis_runs.places_to_choose)
        boxes = {one["place"]: one["bounds"] for one in places}
        if _run_id(search) is not None:
            return forms.place_options(places), no_update, no_update, boxes
        chosen = await call(app, analysis_runs.place_to_begin_with, places)
        first, last = demand.last_days(_DAYS)
        days = [first.isoformat(), last.isoformat()]
        return forms.place_options(places), chosen, days, boxes

    @app.callback(
        *(Output(field, name, allow_duplicate=True) for field, name in forms.FIELDS),
        Input("analysis-shown", "data"),
        prevent_initial_call=True,
    )
    async def restore(shown: ShownRun | None) -> tuple[object, ...]:
        """The form says what the result on the map was computed with."""
        kind, parameters = (shown.get("kind"), shown.get("parameters")) if shown else (None, None)
        if not shown or shown["state"] not in ("done", "failed") or not kind or not parameters:
            return tuple(no_update for _ in forms.FIELDS)
        return forms.restored(kind, parameters)

    @app.callback(
        Output("analysis-existing", "data"),
        Output("analysis-candidates", "data"),
        Output("analysis-existing", "value"),
        Output("analysis-candidates", "value"),
        Input("analysis-place", "value"),
        State("analysis-existing", "value"),
        State("analysis-candidates", "value"),
        prevent_initial_call=True,
    )
    async def fill_kinds(
        place: str | None, existing: str | None, candidates: str | None
    ) -> tuple[object, ...]:
        if not place:
            return no_update, no_update, no_update, no_update
        kinds = await call(app, allocation.site_kinds, place)
        there, could = forms.existing_options(kinds), forms.candidate_options(kinds)
        known = {option["value"] for option in there}, {option["value"] for option in could}
        return (
            there,
            could,
            existing if existing in known[0] else forms.NONE,
            candidates if candidates in known[1] else "junction",
        )

    @app.callback(
        Output("analysis-of-hotspot", "hidden"),
        Output("analysis-of-allocation", "hidden"),
        Output("analysis-of-cases", "hidden"),
        Output("analysis-go-text", "children"),
        Input("analysis-mode", "value"),
        Input("analysis-kind", "value"),
    )
    async def shape(mode: str, kind: str) -> tuple[object, ...]:
        hot = mode == "hotspot"
        return not hot, hot, kind != demand.CASES, "计算热点" if hot else "计算设点"

    @app.callback(
        Output("analysis-link", "data"),
        Input("analysis-go", "n_clicks"),
        State("analysis-mode", "value"),
        State("analysis-place", "value"),
        State("analysis-kind", "value"),
        State("analysis-class", "value"),
        State("analysis-days", "value"),
        State("analysis-resolution", "value"),
        State("analysis-correction", "checked"),
        State("analysis-p", "value"),
        State("analysis-distance", "value"),
        State("analysis-existing", "value"),
        State("analysis-candidates", "value"),
        State("analysis-objective", "value"),
        prevent_initial_call=True,
        running=[(Output("analysis-go", "disabled"), True, False)],
    )
    async def begin(
        clicks: int | None,
        mode: str,
        place: str | None,
        kind: str,
        matter_class: str | None,
        days: list[str | None] | None,
        resolution: str | None,
        correction: bool | None,
        *rest: Any,
    ) -> object:
        if not clicks:
            return no_update
        what = forms.wanted(place, kind, matter_class, days)
        if mode == "hotspot":
            run = await call(app, hotspots.start, forms.hotspot_request(what, resolution, correction))
        else:
            run = await call(app, allocation.start, forms.allocation_request(what, *rest))
        return f"?run={run}"


def _panel(
    title: str = "",
    summary: Any = (),
    grid: Any = (),
    *,
    mine: bool = False,
    running: bool = False,
    hidden: bool = False,
) -> tuple[Any, ...]:
    """What the panel of the result shows, in the order of the outputs of ``show``."""
    return hidden, title, summary, grid, not mine, not running


def _register_result(app: Dash) -> None:
    @app.callback(
        Output("analysis-result", "hidden"),
        Output("analysis-title", "children"),
        Output("analysis-summary", "children"),
        Output("analysis-table", "children"),
        Output("analysis-delete", "hidden"),
        Output("analysis-tick", "disabled"),
        Output("analysis-shown", "data"),
        Output("analysis-runs", "children"),
        Input(ids.URL, "search"),
        Input("analysis-tick", "n_intervals"),
        Input("analysis-version", "data"),
        State("analysis-shown", "data"),
    )
    async def show(
        search: str | None, _ticks: int | None, _version: int, shown: ShownRun | None
    ) -> tuple[object, ...]:
        """The run that the address names: its progress, its result or its error."""
        number = _run_id(search)
        listed = results.runs(await call(app, analysis_runs.recent), number)
        if number is None:
            return *_panel(hidden=True), None, listed
        if shown and (shown["run"], shown["state"]) == (number, "done") and ctx.triggered_id:
            return *[no_update] * 7, listed  # another part of the address has changed
        try:
            run = await call(app, analysis_runs.get, number)
        except NotFound as error:
            lost = results.failed({"summary": error.as_json()})
            return *_panel("没有找到", lost), {"run": number, "state": "lost"}, listed
        state = {name: run[name] for name in ("state", "kind", "parameters")} | {"run": number}
        if run["state"] == "running":
            return *_panel(run["title"], results.progress(run), mine=run["mine"], running=True), state, listed
        if run["state"] == "failed":
            return *_panel(run["title"], results.failed(run), mine=run["mine"]), state, listed
        stations: list[dict[str, Any]] = []
        if run["kind"] == hotspots.KIND:
            rows = results.cell_rows(await call(app, hotspots.cells, number))
            grid = table(_CELLS, results.CELL_COLUMNS, rows, export="热点", single=True)
        else:
            stations = results.station_rows(await call(app, allocation.stations, number))
            grid = table(_STATIONS, results.STATION_COLUMNS, stations, export="服务点", single=True)
        state |= {"bounds": run["summary"]["bounds"], "stations": stations}
        state["legend"] = results.legend(run["kind"])
        return *_panel(run["title"], results.figures(run), grid, mine=run["mine"]), state, listed

    @app.callback(
        Output("analysis-link", "data", allow_duplicate=True),
        Input("analysis-close", "n_clicks"),
        prevent_initial_call=True,
    )
    async def close(clicks: int | None) -> object:
        return "" if clicks else no_update

    @app.callback(
        Output("analysis-confirm", "displayed"),
        Output("analysis-confirm", "message"),
        Input("analysis-delete", "n_clicks"),
        State("analysis-title", "children"),
        prevent_initial_call=True,
    )
    async def ask(clicks: int | None, title: str | None) -> tuple[object, object]:
        gone = f"删除“{title}”？结果和它的图层一并删除，同一条件可以再次计算。"
        return (True, gone) if clicks else (no_update, no_update)

    @app.callback(
        Output("analysis-link", "data", allow_duplicate=True),
        Output("analysis-version", "data"),
        Input("analysis-confirm", "submit_n_clicks"),
        State(ids.URL, "search"),
        State("analysis-version", "data"),
        prevent_initial_call=True,
    )
    async def delete(clicks: int | None, search: str | None, version: int) -> tuple[object, object]:
        number = _run_id(search)
        if not clicks or number is None:
            return no_update, no_update
        await call(app, analysis_runs.remove, number)
        return "", version + 1

    @app.callback(
        Output("analysis-link", "data", allow_duplicate=True),
        Input(_CELLS, "selectedRows"),
        Input("analysis-picked", "data"),
        State(ids.URL, "search"),
        prevent_initial_call=True,
    )
    async def choose(rows: list[ListRow] | None, picked: Picked | None, search: str | None) -> object:
        """A row of the table or a cell on the map becomes part of the address."""
        from_table = ctx.triggered_id == _CELLS
        on_map = picked["cell"] if picked else None
        chosen = (rows[0]["id"] if rows else None) if from_table else on_map
        query = _query(search)
        if not query.get("run") or (chosen is None and from_table):
            return no_update
        after = _address({**query, "cell": "" if chosen is None else str(chosen)})
        return no_update if after == (search or "") else after

    @app.callback(
        Output("analysis-cell", "children"),
        Output("analysis-cell", "hidden"),
        Input(ids.URL, "search"),
        Input("analysis-shown", "data"),
    )
    async def show_cell(search: str | None, shown: ShownRun | None) -> tuple[object, object]:
        cell, number = _number(search, "cell"), _run_id(search)
        ready = shown and shown["state"] == "done" and shown["run"] == number
        if cell is None or number is None or not ready:
            return [], True
        return results.records(await call(app, hotspots.records, number, cell)), False

    @app.callback(
        Output("analysis-link", "data", allow_duplicate=True),
        Output(_CELLS, "selectedRows"),
        Input("analysis-cell-close", "n_clicks"),
        State(ids.URL, "search"),
        prevent_initial_call=True,
    )
    async def close_cell(clicks: int | None, search: str | None) -> tuple[object, object]:
        if not clicks:
            return no_update, no_update
        return _address({**_query(search), "cell": ""}), []

    # dcc.Location would write back the address it knows, without the view that the map keeps in the hash.
    app.clientside_callback(
        ClientsideFunction("onemapAnalysis", "navigate"),
        Output("analysis-link", "modified_timestamp"),
        Input("analysis-link", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("onemapAnalysis", "frame"),
        Output("analysis-places", "modified_timestamp"),
        Input("analysis-place", "value"),
        Input("analysis-places", "data"),
        State(ids.URL, "search"),
    )
    app.clientside_callback(
        ClientsideFunction("onemapAnalysis", "show"),
        Output("analysis-shown", "modified_timestamp"),
        Input("analysis-shown", "data"),
        Input(ids.URL, "search"),
    )
    app.clientside_callback(
        ClientsideFunction("onemapAnalysis", "pick"),
        Output("analysis-shown", "id"),
        Input(_STATIONS, "selectedRows"),
        prevent_initial_call=True,
    )


PAGE = Page("/analysis", "热点与配置", layout, register, roles=analysis_runs.ROLES, nav=40, icon="heat")
