"""The one-map (社区一张图): every register, case, worker and analysis on one map, and the profile of what is clicked."""

from __future__ import annotations

from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, ctx, dcc, html, no_update
from dash.development.base_component import Component

from dash_app import ids
from dash_app.errors import as_onemap_error
from dash_app.page import Page
from dash_app.parts import states
from dash_app.parts.icons import icon
from dash_app.parts.map_view import map_view
from dash_app.parts.profile import close_button, profile_panel
from dash_app.parts.room_sheet import room_sheet
from dash_app.session import call
from gisapp.domain.access import Reader
from gisapp.domain.vocabulary import label
from gisapp.services import profiles, rooms

PLACE = "profile-place"
PANEL = "profile-panel"
SHEET = "sheet-drawer"


def layout(reader: Reader) -> html.Div:
    """The map fills the page; all else floats over its edges."""
    chrome = [
        html.Div(className="switcher", **{"data-onemap": "switcher"}),
        html.Div(
            className="time-filter floating", hidden=True, role="group", **{"data-onemap": "time_filter"}
        ),
        html.Section(id=SHEET, className="sheet-drawer floating", hidden=True),
        html.Aside(
            id=PANEL, className="profile-panel floating", **{"aria-label": "档案", "aria-live": "polite"}
        ),
    ]
    return html.Div(
        [map_view(None, reader, link=True, live=True, children=chrome), dcc.Store(id=PLACE)],
        className="map-page",
    )


def register(app: Dash) -> None:
    """Selection → profile; building → room sheet."""

    @app.callback(
        Output(PANEL, "children"),
        Output(PANEL, "className"),
        Output(PLACE, "data"),
        Input(ids.SELECTION, "data"),
    )
    async def show_profile(selection: dict[str, Any] | None) -> tuple[object, str, object]:
        """The panel follows the selection, wherever it was made."""
        if not selection:
            return no_update, "profile-panel floating", None
        try:
            profile = await call(app, profiles.profile_of, selection["kind"], str(selection["id"]))
        except Exception as error:
            head = html.Header([html.H2("没有打开"), close_button()], className="profile-head")
            shown: list[Component] = [head, states.failed(as_onemap_error(error))]
            return shown, "profile-panel floating open", None
        place = {key: profile.get(key) for key in ("geometry", "bbox", "point")}
        return profile_panel(profile), "profile-panel floating open", {**place, "from": selection.get("from")}

    app.clientside_callback(
        ClientsideFunction("onemapMap", "place"),
        Output(PLACE, "modified_timestamp"),
        Input(PLACE, "data"),
    )

    @app.callback(
        Output(SHEET, "children"),
        Output(SHEET, "hidden"),
        Input({"type": "open-sheet", "building": ALL}, "n_clicks"),
        Input({"type": "close-sheet", "at": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    async def show_sheet(opened: list[int | None], _closed: list[int | None]) -> tuple[object, object]:
        """The room sheet over the map's lower part; it stays while rooms are selected one after the other."""
        asked: Any = ctx.triggered_id
        if asked and asked["type"] == "close-sheet":
            return no_update, (True if any(_closed) else no_update)
        if not any(opened):
            return no_update, no_update
        sheet = await call(app, rooms.room_sheet, int(asked["building"]))
        close = html.Button(
            icon("close"),
            id={"type": "close-sheet", "at": "drawer"},
            className="icon-button",
            title="收起",
            **{"aria-label": f"收起{label('room_sheet')}"},
        )
        title = f"{sheet.title} · {label('room_sheet')}（{sheet.rooms} 间）"
        return [
            html.Header([html.H2(title), close]),
            html.Div(room_sheet(sheet), className="sheet-scroll"),
        ], False


PAGE = Page("/", "一张图", layout, register, nav=10, icon="map")
