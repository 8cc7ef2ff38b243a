"""Assessment (考核): an indicator by grid, community or street, as a table and on the map; each number opens its cases."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from dash_app import ids
from dash_app.page import Page
from dash_app.parts import score_view, states
from dash_app.parts.map_view import map_view
from dash_app.parts.sheet import grip, sheet
from dash_app.parts.table import register_export, table
from dash_app.session import call
from gisapp.domain import clock, incoming
from gisapp.domain.access import Reader
from gisapp.domain.keys import Level
from gisapp.domain.vocabulary import label
from gisapp.errors import InputError
from gisapp.services import assessment

_TABLE = "score-table"
_LEVELS = (Level.GRID, Level.COMMUNITY, Level.STREET)
_LAYERS = ("water", "green", "streets")
_SPANS = {"30": "近 30 天", "90": "近 90 天", "365": "近一年"}


def _query(search: str | None) -> dict[str, str]:
    return dict(parse_qsl((search or "").lstrip("?")))


def layout(reader: Reader) -> html.Div:
    """Choices, total and table beside the map; the chosen place floats over the map's edge."""
    choices = html.Div(
        [
            dmc.Select(
                id="score-indicator",
                data=[{"value": i["id"], "label": i["title"]} for i in assessment.catalogue()],
                value=assessment.catalogue()[0]["id"],
                allowDeselect=False,
                className="grow",
                **{"aria-label": "指标"},
            ),
            dmc.SegmentedControl(
                id="score-level",
                data=[{"value": str(int(lv)), "label": label(lv.term)} for lv in _LEVELS],
                value="15",
            ),
            dmc.SegmentedControl(
                id="score-span", data=[{"value": v, "label": text} for v, text in _SPANS.items()], value="30"
            ),
        ],
        className="score-choices",
    )
    listing = html.Section(
        [
            html.Div([html.H2("考核"), choices], className="score-head"),
            html.Div(states.loading(2), id="score-total", className="score-total"),
            table(
                _TABLE,
                score_view.columns(assessment.catalogue()[0]["counts"]),
                export="考核",
                row_key="place",
                single=True,
                fit=False,
                empty="没有可以统计的地点。",
            ),
        ],
        className="score-list",
        **{"aria-label": "考核结果"},
    )
    card = html.Aside(
        [grip(), html.Div(className="score-card-body", **{"data-onemap": "score_map"})],
        id="score-card",
        className="score-card floating",
        hidden=True,
        **{"aria-label": "所选地点", **sheet(close=".close")},
    )
    stage = map_view(
        None,
        reader,
        layers=_LAYERS,
        legend="whole",
        print={"title": "考核", "table": _TABLE},
        children=[card],
    )
    stores = [dcc.Store(id="score-shown"), dcc.Store(id="score-row")]
    return html.Div([listing, html.Div(stage, className="score-stage"), *stores], className="scores")


def register(app: Dash) -> None:
    """Callbacks of the page."""
    register_export(app, _TABLE)

    @app.callback(
        Output(_TABLE, "columnDefs"),
        Output(_TABLE, "rowData"),
        Output("score-total", "children"),
        Output("score-shown", "data"),
        Input("score-indicator", "value"),
        Input("score-level", "value"),
        Input("score-span", "value"),
        State(ids.URL, "search"),
    )
    async def show(indicator: str, level: str, span: str, search: str | None) -> tuple[object, ...]:
        if span not in _SPANS:
            raise InputError(
                f"没有时段“{span}”。",
                remedy=f"可选：{'、'.join(_SPANS.values())}。",
                details={"field": "score-span"},
            )
        digits = incoming.whole(level, "层级", "score-level", 0, int(Level.GRID))
        chosen = incoming.choice(digits, Level, "score-level", "层级")
        since = clock.day_bounds(clock.today() - timedelta(days=int(span)))[0]
        place = _query(search).get("place", "")
        result = await call(app, assessment.scores, indicator, place=place, level=chosen, since=since)
        columns = score_view.columns(result["counts"])
        shown = score_view.on_map(result, since, int(chosen))
        if not result["rows"]:
            empty = states.empty(
                "这段时间没有应办结的案件",
                "请选择更长的时段，或先在案件页上报。",
                action=dcc.Link("去上报", href="/cases"),
            )
            return columns, [], [empty], shown
        return columns, score_view.rows(result, since), score_view.total(result, _SPANS[span]), shown

    for name, event, data in (
        ("shown", "score-shown", Input("score-shown", "data")),
        ("row", "score-row", Input(_TABLE, "selectedRows")),
    ):
        app.clientside_callback(
            ClientsideFunction("onemapScores", name),
            Output(event, "modified_timestamp" if name == "shown" else "data"),
            data,
            prevent_initial_call=name == "row",
        )

    @app.callback(
        Output(ids.URL, "search", allow_duplicate=True),
        Input("score-indicator", "value"),
        Input("score-level", "value"),
        Input("score-span", "value"),
        State(ids.URL, "search"),
        State(ids.URL, "pathname"),
        prevent_initial_call=True,
    )
    async def keep(indicator: str, level: str, span: str, search: str | None, path: str | None) -> object:
        if path != PAGE.path:
            return no_update
        kept = {**_query(search), "indicator": indicator, "level": level, "span": span}
        return f"?{urlencode(kept)}"

    @app.callback(
        Output("score-indicator", "value"),
        Output("score-level", "value"),
        Output("score-span", "value"),
        Input("score-total", "id"),
        State(ids.URL, "search"),
    )
    async def restore(_drawn: str, search: str | None) -> tuple[object, ...]:
        kept = _query(search)
        first = assessment.catalogue()
        choices = (
            ("indicator", {i["id"] for i in first}, first[0]["id"]),
            ("level", {str(int(level)) for level in _LEVELS}, str(int(Level.GRID))),
            ("span", set(_SPANS), "30"),
        )
        # Always values, never "no update": Dash would not draw what depends on them.
        return tuple(kept[name] if kept.get(name) in allowed else usual for name, allowed, usual in choices)


PAGE = Page("/assessment", "考核", layout, register, nav=60, icon="chart", tab=3)
