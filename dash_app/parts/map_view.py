"""The map as a Dash component: a host that ``modules/map_view.mjs`` fills. Every page with a map uses it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from dash import Dash, dcc, html
from dash.development.base_component import Component

from dash_app import ids
from dash_app.parts import states
from dash_app.session import scope_here, scope_of
from gisapp.domain.access import Reader, Role


def map_view(
    app: Dash | None,
    reader: Reader,
    *,
    map_id: str = ids.MAP,
    layers: Sequence[str] | None = None,
    link: bool = False,
    live: bool = False,
    legend: Literal["", "whole", "brief", "folded"] = "",
    children: Sequence[Component] = (),
    **options: Any,
) -> html.Div:
    """A map that fills its place, framed on the reader's scope.

    Events come back through stores: a selection into ``ids.SELECTION`` (for the map with ``map_id`` ``ids.MAP``), all
    else as ``{"map", "event", …}`` into ``ids.MAP_EVENT`` for the events named in ``report``.

    Args:
        app: the Dash application, for the scope's box; None within a page's ``layout``, where it is known already.
        reader: whose scope frames the map.
        map_id: id of the host; JavaScript addresses the map by it.
        layers: registry layers that are on; None for those that the registry turns on.
        link: keep view, layers, selection and time in the page's address.
        live: follow the server's push: workers move, changed tiles are drawn anew.
        legend: explain the layers that are on at the map's lower left edge; where panels leave little room, ``brief`` begins
            with what the page draws itself, ``folded`` with the word alone. A page with a layer switcher needs none.
        children: what floats over the map's edges.
        options: ``center``, ``zoom``, ``bounds``, ``controls``, ``padding``, ``report`` (names of events), ``print``
            (``title`` of the printed sheet, ``table`` whose rows come after the map, ``panel`` that comes beside it).
    """
    given: dict[str, Any] = {"link": link, "live": live, **options}
    if reader.worker_id is not None:
        given["me"] = reader.worker_id
    if layers is not None:
        given["layers"] = list(layers)
    if "bounds" not in given:
        given["bounds"] = (scope_here() if app is None else scope_of(app, reader)).bounds
    nothing = [_nothing_drawn(reader)] if given["bounds"] is None else []
    host = html.Div(
        id=map_id,
        className="map",
        role="application",
        **{"data-onemap": "map_view", "data-options": json.dumps(given), "aria-label": "地图"},
    )
    key = {
        "data-onemap": "map_legend",
        "data-options": json.dumps({"map": map_id, "start": legend}),
        "aria-label": "图例",
    }
    explained = [html.Section(className="map-legend floating", **key)] if legend else []
    return html.Div([host, *explained, *nothing, *children], className="map-frame")


def _nothing_drawn(reader: Reader) -> html.Div:
    """Said over a map that has nothing to be framed on: an empty database, or a scope without a border."""
    if reader.role in (Role.MANAGER, Role.ADMIN):
        how = "请先导入区域和网格的边界，再导入其他台账；只想试用，可由管理员运行 ./onemap demo。"
        act = dcc.Link("去导入", href="/imports", className="button primary")
    else:
        how = "请联系网格管理员导入区域和网格的边界；账号的辖区不对时，请联系管理员更改。"
        act = None
    return html.Div(
        states.empty("您的辖区还没有地图数据", how, action=act, symbol="map"), className="map-empty floating"
    )
