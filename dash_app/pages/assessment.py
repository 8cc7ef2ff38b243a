"""Assessment (考核): an indicator by grid, community or street; each number opens the cases behind it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html, no_update

from dash_app import ids
from dash_app.page import Page
from dash_app.parts import states
from dash_app.parts.table import register_export, table
from dash_app.session import call
from gisapp.domain import clock
from gisapp.domain.access import Reader
from gisapp.domain.keys import Level
from gisapp.domain.vocabulary import label, source_in_words
from gisapp.services import assessment

_TABLE = "score-table"
_LEVELS = (Level.GRID, Level.COMMUNITY, Level.STREET)
_SPANS = {"30": "近 30 天", "90": "近 90 天", "365": "近一年"}


def _query(search: str | None) -> dict[str, str]:
    return dict(parse_qsl((search or "").lstrip("?")))


def layout(_reader: Reader) -> html.Div:
    """Choices above, the total, and the table."""
    choices = html.Div(
        [
            dmc.Select(
                id="score-indicator",
                data=[{"value": i["id"], "label": i["title"]} for i in assessment.catalogue()],
                value=assessment.catalogue()[0]["id"],
                allowDeselect=False,
                w=220,
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
    return html.Div(
        [
            html.Div([html.H2("考核"), choices], className="score-head"),
            html.Div(states.loading(2), id="score-total", className="score-total"),
            table(
                _TABLE,
                _columns(assessment.catalogue()[0]["counts"]),
                export="考核",
                row_key="place",
                height="auto",
            ),
        ],
        className="scores",
    )


def _columns(counts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Columns of an indicator: its value, and each count as a link to the records behind it."""
    numbers = [
        {
            "field": name,
            "headerName": word,
            "type": "numericColumn",
            "cellRenderer": "markdown",
            "width": 120,
            "minWidth": 110,
        }
        for name, word in counts.items()
    ]
    return [
        {"field": "name", "headerName": "地点", "flex": 2, "minWidth": 140, "pinned": "left"},
        {
            "field": "value",
            "headerName": "指标值",
            "type": "numericColumn",
            "width": 120,
            "minWidth": 100,
            "valueFormatter": {
                "function": "params.value == null ? '—' : params.value.toFixed(1) + ' ' + params.data.unit"
            },
            "cellClass": {"function": "'ag-right-aligned-cell cell-status ' + params.data.meaning"},
        },
        {
            "field": "verdict",
            "headerName": "评价",
            "width": 110,
            "minWidth": 90,
            "cellClass": {"function": "'cell-status ' + params.data.meaning"},
        },
        *numbers,
        {"field": "place", "headerName": "编码", "width": 170, "minWidth": 160},
    ]


def _link(place: str, count: int, records: dict[str, Any], since: datetime) -> str:
    if count == 0:
        return "0"
    query = {"place": place, "judged": "1", "since": since.date().isoformat()}
    if "overdue" in records:
        query["overdue"] = "1" if records["overdue"] else "0"
    return f"[{count:,}](/cases?{urlencode(query)})"


def _row(score: dict[str, Any], unit: str, since: datetime) -> dict[str, Any]:
    verdicts = {None: ("unknown", "无应办结"), True: ("good", "达标"), False: ("bad", "未达标")}
    meaning, verdict = verdicts[score["reached"]]
    counts = {
        name: _link(score["place"], n, score["records"][name], since) for name, n in score["counts"].items()
    }
    return {
        "name": score["name"],
        "place": score["place"],
        "value": score["value"],
        "unit": unit,
        **counts,
        "meaning": meaning,
        "verdict": verdict,
    }


def _total(result: dict[str, Any], span: str) -> list[Any]:
    counts, value = result["total"]["counts"], result["total"]["value"]
    unit = result["indicator"]["unit"]
    moment = datetime.fromisoformat(result["moment"])
    shown = "—" if value is None else f"{value:.1f}"
    figures = [
        states.figure(
            shown,
            result["indicator"]["title"],
            "" if value is None else unit,
            note=f"目标 {result['target']:g} {unit}",
        )
    ]
    figures += [states.figure(f"{counts[name]:,}", word, "件") for name, word in result["counts"].items()]
    source = f"{_SPANS[span]}上报的案件 · 截至 {moment:%m-%d %H:%M} · 依据{source_in_words(result['indicator']['source'])}"
    return [html.Div(figures, className="score-figures"), html.Div(source, className="score-source")]


def register(app: Dash) -> None:
    """Callbacks of the page."""
    register_export(app, _TABLE)

    @app.callback(
        Output(_TABLE, "columnDefs"),
        Output(_TABLE, "rowData"),
        Output("score-total", "children"),
        Input("score-indicator", "value"),
        Input("score-level", "value"),
        Input("score-span", "value"),
        State(ids.URL, "search"),
    )
    async def show(indicator: str, level: str, span: str, search: str | None) -> tuple[object, ...]:
        since = clock.day_bounds(clock.today() - timedelta(days=int(span)))[0]
        place = _query(search).get("place", "")
        result = await call(
            app, assessment.scores, indicator, place=place, level=Level(int(level)), since=since
        )
        rows = [_row(score, result["indicator"]["unit"], since) for score in result["rows"]]
        columns = _columns(result["counts"])
        if not rows:
            empty = states.empty(
                "这段时间没有应办结的案件",
                "请选择更长的时段，或先在案件页上报。",
                action=dcc.Link("去上报", href="/cases"),
            )
            return columns, [], [empty]
        return columns, rows, _total(result, span)

    @app.callback(
        Output(ids.URL, "search", allow_duplicate=True),
        Input("score-indicator", "value"),
        Input("score-level", "value"),
        Input("score-span", "value"),
        State(ids.URL, "search"),
        State(ids.URL, "pathname"),
        prevent_initial_call=True,
    )
    async def keep(indicator: str, level: str, span: str, search: str | None, path: str) -> object:
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


PAGE = Page("/assessment", "考核", layout, register, nav=60, icon="chart")
