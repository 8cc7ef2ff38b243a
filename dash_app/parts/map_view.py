"""The map as a Dash component: a host that ``modules/map_view.mjs`` fills. Every page with a map uses it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dash import Dash, html
from dash.development.base_component import Component

from dash_app import ids
from dash_app.session import scope_here, scope_of
from gisapp.domain.access import Reader


def map_view(
    app: Dash | None,
    reader: Reader,
    *,
    map_id: str = ids.MAP,
    layers: Sequence[str] | None = None,
    link: bool = False,
    live: bool = False,
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
        children: what floats over the map's edges.
        options: ``center``, ``zoom``, ``bounds``, ``controls``, ``padding``, ``report`` (names of events).
    """
    given: dict[str, Any] = {"link": link, "live": live, **options}
    if layers is not None:
        given["layers"] = list(layers)
    if "bounds" not in given:
        given["bounds"] = (scope_here() if app is None else scope_of(app, reader)).bounds
    host = html.Div(
        id=map_id,
        className="map",
        role="application",
        **{"data-onemap": "map_view", "data-options": json.dumps(given), "aria-label": "地图"},
    )
    return html.Div([host, *children], className="map-frame")
