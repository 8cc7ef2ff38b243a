"""The one-map (社区一张图): every register, case, worker and analysis on one map, and the profile of whatever is clicked."""

from __future__ import annotations

from dash import Dash, dcc, html

from dash_app.page import Page
from dash_app.parts.map_view import map_view
from gisapp.domain.access import Reader

_app: list[Dash] = []


def layout(reader: Reader) -> html.Div:
    """The map fills the page; all else floats over its edges."""
    chrome = [
        html.Div(className="switcher", **{"data-onemap": "switcher"}),
        html.Div(id="crumbs", className="crumbs floating"),
        html.Div(
            className="time-filter floating", hidden=True, role="group", **{"data-onemap": "time_filter"}
        ),
    ]
    return html.Div(
        [map_view(None, reader, link=True, children=chrome), dcc.Store(id="profile-place")],
        className="map-page",
    )


PAGE = Page("/", "一张图", layout, nav=10, icon="map")
