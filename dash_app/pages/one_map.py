"""The one-map (社区一张图): every register, case, worker and analysis on one map, and the profile of what is clicked."""

from __future__ import annotations

from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from dash_app import ids
from dash_app.page import Page
from dash_app.parts import states
from dash_app.parts.icons import icon
from dash_app.parts.map_view import map_view
from dash_app.parts.profile import close_button, profile_panel
from dash_app.parts.room_sheet import room_sheet
from dash_app.parts.sheet import grip, sheet
from dash_app.session import call
from dash_app.stores import Selection
from gisapp.domain import incoming
from gisapp.domain.access import Reader
from gisapp.domain.vocabulary import label
from gisapp.errors import Forbidden, NotFound, Unavailable
from gisapp.services import profiles, rooms

PLACE = "profile-place"
PANEL = "profile-panel"
SHEET = "sheet-drawer"
SHEET_OF = "sheet-of"  # dcc.Store: id of the building whose sheet is open
BUSY = "map-busy"
_WITHIN_A_BUILDING = {"room", "building_unit", "person", "household"}


def layout(reader: Reader) -> html.Div:
    """The map fills the page; all else floats over its edges."""
    chrome = [
        html.Div(
            className="switcher",
            **{"data-onemap": "switcher", **sheet(close=".switcher-head .icon-button")},
        ),
        html.Div(
            className="time-filter floating", hidden=True, role="group", **{"data-onemap": "time_filter"}
        ),
        html.Div(className="alert-tray", **{"data-onemap": "alert_tray"}),
        html.Div("正在打开……", id=BUSY, className="busy-pill floating", hidden=True, role="status"),
        html.Section(id=SHEET, className="sheet-drawer floating", hidden=True, **sheet(close=".close-sheet")),
        html.Aside(
            id=PANEL,
            className="profile-panel floating",
            **{"aria-label": "档案", "aria-live": "polite", **sheet(close=".profile-head .close")},
        ),
    ]
    stage = map_view(None, reader, link=True, live=True, print={"panel": f"#{PANEL}.open"}, children=chrome)
    return html.Div([stage, dcc.Store(id=PLACE), dcc.Store(id=SHEET_OF)], className="map-page")


def register(app: Dash) -> None:
    """Selection → profile; building → room sheet."""

    @app.callback(
        Output(PANEL, "children"),
        Output(PANEL, "className"),
        Output(PLACE, "data"),
        Input(ids.SELECTION, "data"),
        running=[(Output(BUSY, "hidden"), False, True)],
    )
    async def show_profile(selection: Selection | None) -> tuple[object, str, object]:
        """The panel follows the selection, wherever it was made."""
        if not selection:
            return no_update, "profile-panel floating", None
        try:
            profile = await call(app, profiles.profile_of, selection["kind"], str(selection["id"]))
        except (NotFound, Forbidden, Unavailable) as error:
            head = html.Header([html.H2("没有打开"), close_button()], className="profile-head")
            shown: list[Component] = [grip(), head, states.failed(error)]
            return shown, "profile-panel floating open", None
        place = {key: profile.get(key) for key in ("geometry", "bbox", "point")}
        return (
            [grip(), *profile_panel(profile)],
            "profile-panel floating open",
            {**place, "from": selection.get("from")},
        )

    app.clientside_callback(
        ClientsideFunction("onemapMap", "place"),
        Output(PLACE, "modified_timestamp"),
        Input(PLACE, "data"),
    )

    @app.callback(
        Output(SHEET, "children"),
        Output(SHEET, "hidden"),
        Output(SHEET_OF, "data"),
        Input({"type": "open-sheet", "building": ALL}, "n_clicks"),
        Input({"type": "close-sheet", "at": ALL}, "n_clicks"),
        Input(ids.SELECTION, "data"),
        State(SHEET_OF, "data"),
        prevent_initial_call=True,
        running=[(Output(BUSY, "hidden"), False, True)],
    )
    async def show_sheet(
        opened: list[int | None],
        closed: list[int | None],
        selection: Selection | None,
        shown: str | None,
    ) -> tuple[object, object, object]:
        """The room sheet beside the profile; it stays while its rooms and their people are looked at."""
        asked: Any = ctx.triggered_id
        if asked is None:  # buttons of a new profile were drawn; nobody has pressed one
            return no_update, no_update, no_update
        if asked == ids.SELECTION:
            kind = selection["kind"] if selection else None
            if shown is None or kind in _WITHIN_A_BUILDING:
                return no_update, no_update, no_update
            if kind != "building":
                return no_update, True, None
            wanted = str(selection["id"]) if selection else ""
        elif asked["type"] == "close-sheet":
            return (no_update, True, None) if any(closed) else (no_update, no_update, no_update)
        else:
            wanted = asked["building"]
            if not any(opened):
                return no_update, no_update, no_update
        if wanted == shown:
            return no_update, no_update, no_update
        found = await call(app, rooms.room_sheet, incoming.identifier(wanted, "building", "楼栋编号"))
        title = f"{found.title} · {label('room_sheet')}（{found.rooms} 间）"
        head = html.Header([html.H2(title), _close_sheet()])
        return [grip(), head, html.Div(room_sheet(found), className="sheet-scroll")], False, wanted


def _close_sheet() -> html.Button:
    return html.Button(
        icon("close"),
        id={"type": "close-sheet", "at": "drawer"},
        className="icon-button close-sheet",
        title="收起（Esc）",
        **{"aria-label": f"收起{label('room_sheet')}"},
    )


PAGE = Page("/", "一张图", layout, register, nav=10, icon="map", tab=1)
