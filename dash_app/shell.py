"""The frame around every page: top bar, page area, the phone's tab bar, messages, and the router that fills them."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import quote, unquote

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from dash_app import ids
from dash_app.errors import as_onemap_error, toasts
from dash_app.page import Page
from dash_app.parts import states
from dash_app.parts.icons import icon
from dash_app.parts.tabs import tab_bar
from dash_app.session import set_scope_here
from gisapp.api.session import reader_here
from gisapp.domain.access import Reader
from gisapp.domain.vocabulary import label
from gisapp.errors import Forbidden, NotFound

SIGN_IN = "/sign-in"
_LONGEST_ADDRESS = 2000
_PLAIN = re.compile(r"[^\x00-\x20\x7f-\xa0\\]+")
"""No space, no control character, no backslash."""
_LOCAL_PATH = re.compile(r"/|(/(?!\.{1,2}(/|$))[^/\x00-\x1f\x7f\\]+)+/?")
"""Parts between single slashes, none of them ``.`` or ``..``."""

_ACCENT = (
    "#e3f4ff",
    "#c5e8ff",
    "#94d6ff",
    "#64c5ff",
    "#3fb6ff",
    "#23a5f5",
    "#0f8bd8",
    "#0a6ebd",
    "#085a9a",
    "#06406e",
)
# Mantine paints its dark widgets with this ramp, from text to ground; the same ink blue as the style sheets.
_INK = (
    "#e9f0f7",
    "#c4d2e0",
    "#a9bacb",
    "#8497ab",
    "#34506e",
    "#24374e",
    "#17283c",
    "#101d2d",
    "#0d1826",
    "#0b1420",
)


def sign_in_address(path: str, query: str = "") -> str:
    """Address of the sign-in that comes back to where the user was."""
    back = f"{path}?{query}" if query else path
    return SIGN_IN if back == "/" else f"{SIGN_IN}?next={quote(back, safe='')}"


def local_address(address: str | None) -> str:
    """An address to go on to after the sign-in if it is one of this server, else the one-map.

    Browsers read an address more freely than it is written: they drop tabs and line breaks, take ``\\`` for ``/`` and resolve
    ``/..//host`` to ``//host``, which is another server. So only what cannot be read in two ways is gone to.
    """
    if not address or len(address) > _LONGEST_ADDRESS or not _PLAIN.fullmatch(address):
        return "/"
    path: str = re.split(r"[?#]", address, maxsplit=1)[0]
    decoded = None
    while decoded != path:  # encoded once, twice, as often as anybody likes
        decoded, path = path, unquote(path)
        if not _LOCAL_PATH.fullmatch(path):
            return "/"
    return address


def layout() -> dmc.MantineProvider:
    """What every page stands in; drawn once per load."""
    frame = html.Div(
        [
            html.Header(id=ids.TOP_BAR),
            html.Main(states.loading(), id=ids.CONTENT, className="page"),
            html.Nav(id="tab-bar", className="tab-bar", **{"aria-label": "页面"}),
        ],
        className="shell",
    )
    stores = [
        dcc.Location(id=ids.URL, refresh="callback-nav"),
        dcc.Store(id=ids.THEME, storage_type="local", data="dark"),
        dcc.Store(id=ids.SELECTION),
        dcc.Store(id=ids.MAP_EVENT),
        dcc.Store(id="shell-reader"),
    ]
    return dmc.MantineProvider(
        dmc.DatesProvider([*stores, frame, toasts()], settings={"locale": "zh-cn", "firstDayOfWeek": 1}),
        id=ids.MANTINE,
        forceColorScheme="dark",
        theme={
            "primaryColor": "accent",
            "primaryShade": {"dark": 4, "light": 7},
            "colors": {"accent": list(_ACCENT), "dark": list(_INK)},
            "autoContrast": True,
            "fontFamily": "var(--font)",
            "defaultRadius": "sm",
        },
    )


def top_bar(reader: Reader, scope: str, pages: list[Page], here: str) -> list[Component]:
    """Brand, scope, pages, search, theme and the user's menu."""
    links = [_link(page, here) for page in pages]
    user = dmc.Menu(
        [
            dmc.MenuTarget(
                html.Button(
                    [
                        html.Span(reader.name[:1], className="avatar"),
                        html.Span(
                            [reader.name, html.Span(label(reader.role), className="role")], className="who"
                        ),
                    ],
                    className="user-button",
                    id="user-menu",
                    **{"aria-label": f"用户：{reader.name}"},
                )
            ),
            dmc.MenuDropdown(
                [
                    dmc.MenuLabel(f"{reader.name} · {label(reader.role)}"),
                    dmc.MenuLabel(f"辖区：{scope}"),
                    dmc.MenuDivider(),
                    dmc.MenuItem("退出登录", id="sign-out", leftSection=icon("exit")),
                ]
            ),
        ],
        position="bottom-end",
        width=220,
        zIndex=500,
    )
    theme = html.Button(
        [icon("sun", "sun"), icon("moon", "moon")],
        id="theme-toggle",
        className="icon-button theme-toggle",
        title="切换深色与浅色",
        **{"aria-label": "切换深色与浅色"},
    )
    return [
        dcc.Link(
            [html.Img(src="/assets/favicon.svg", alt=""), html.Span("社区一张图")],
            href="/",
            className="brand",
        ),
        html.Span(scope, className="scope-chip", title=f"辖区：{scope}"),
        html.Nav(links, className="nav", **{"aria-label": "页面"}),
        html.Div(className="bar-space"),
        html.Div(id="search", className="search", **{"data-onemap": "search"}),
        theme,
        user,
    ]


def _link(page: Page, here: str) -> dcc.Link:
    name = "here" if page.path == here else ""
    # The big screen is a page without this frame: it is loaded afresh.
    return dcc.Link(page.title, href=page.path, className=name, refresh=page.bare)


def _home() -> dcc.Link:
    return dcc.Link("返回一张图", href="/", className="button")


def install(app: Dash, pages: dict[str, Page]) -> None:
    """Set the layout and register the frame's callbacks."""
    app.layout = layout

    def draw(pathname: str, reader: Reader | None) -> tuple[object, str, str]:
        """Content of the page area, the tab's title, and the name of the reader's scope."""
        scope = set_scope_here(app, reader).name if reader is not None else ""
        page = pages.get(pathname.rstrip("/") or "/")
        if page is None:
            error = NotFound(f"没有这个页面：{pathname}", remedy="请从上方导航进入，或检查链接。")
            return states.failed(error, action=_home()), "没有找到", scope
        if reader is not None and not page.open_to(reader):
            allowed = "、".join(label(role) for role in page.roles)
            refused = Forbidden(f"“{page.title}”由{allowed}使用。", remedy="请联系管理员开通，或返回一张图。")
            return states.failed(refused, action=_home()), page.title, scope
        return page.layout(reader), page.title, scope

    @app.callback(
        Output(ids.CONTENT, "children"),
        Output(ids.TOP_BAR, "children"),
        Output(ids.TOP_BAR, "className"),
        Output("tab-bar", "children"),
        Output("tab-bar", "hidden"),
        Output("shell-reader", "data"),
        Output(ids.URL, "href"),
        Input(ids.URL, "pathname"),
        State(ids.URL, "search"),
    )
    async def route(pathname: str | None, search: str | None) -> tuple[object, ...]:
        """Fill the page area; the only callback that listens to the address."""
        here = (pathname or "/").rstrip("/") or "/"
        known = reader_here()
        reader = known if known.scope else None
        page = pages.get(here)
        if reader is None and not (page and page.public):
            return (*[no_update] * 6, sign_in_address(here, (search or "").lstrip("?")))
        try:
            content, title, scope = await asyncio.to_thread(draw, here, reader)
        except Exception as error:
            content, title, scope = states.failed(as_onemap_error(error)), page.title if page else "", ""
        if reader is None or (page and page.bare):
            return content, [], "top-bar-none", [], True, {"title": title}, no_update
        open_pages = [p for p in pages.values() if p.nav is not None and p.open_to(reader)]
        bar = top_bar(reader, scope, open_pages, here)
        tabs = tab_bar(reader, scope, open_pages, here)
        who = {"title": title, "login": reader.login, "role": reader.role.value, "scope": scope}
        return content, bar, "top-bar", tabs, False, who, no_update

    shell = "onemapShell"
    app.clientside_callback(
        ClientsideFunction(shell, "toggleTheme"),
        Output(ids.THEME, "data"),
        Input("theme-toggle", "n_clicks"),
        State(ids.THEME, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(shell, "toggleTheme"),
        Output(ids.THEME, "data", allow_duplicate=True),
        Input("more-theme", "n_clicks"),
        State(ids.THEME, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(shell, "applyTheme"),
        Output(ids.MANTINE, "forceColorScheme"),
        Input(ids.THEME, "data"),
    )
    app.clientside_callback(
        ClientsideFunction(shell, "title"), Output(ids.CONTENT, "title"), Input("shell-reader", "data")
    )
    app.clientside_callback(
        ClientsideFunction(shell, "signOut"),
        Output("sign-out", "disabled"),
        Input("sign-out", "n_clicks"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(shell, "signOut"),
        Output("more-sign-out", "disabled"),
        Input("more-sign-out", "n_clicks"),
        prevent_initial_call=True,
    )
