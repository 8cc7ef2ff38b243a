"""The phone's tab bar: what a thumb reaches. Four pages, and 更多 with everything else that the top bar holds on a desk."""

from __future__ import annotations

from collections.abc import Sequence

from dash import dcc, html
from dash.development.base_component import Component

from dash_app.page import Page
from dash_app.parts.icons import icon
from dash_app.parts.sheet import grip, sheet
from gisapp.domain.access import Reader
from gisapp.domain.vocabulary import label

SHEET = "more-sheet"
_TABS = 4


def tab_bar(reader: Reader, scope: str, pages: Sequence[Page], here: str) -> list[Component]:
    """Tabs of the pages that are used outdoors first, and the sheet with the others."""
    ordered = sorted(pages, key=lambda page: page.tab)
    first, rest = ordered[:_TABS], ordered[_TABS:]
    inside = any(page.path == here for page in rest)
    more = html.Button(
        [icon("more"), html.Span("更多")],
        id="tab-more",
        className="here" if inside else "",
        **{"data-sheet-open": SHEET, "aria-haspopup": "dialog", "aria-expanded": "false"},
    )
    return [*(_link(page, here) for page in first), more, _sheet(reader, scope, rest, here)]


def _link(page: Page, here: str) -> dcc.Link:
    text: list[Component | str] = [icon(page.icon), html.Span(page.title)]
    # The big screen is a page without this frame: it is loaded afresh.
    return dcc.Link(text, href=page.path, className="here" if page.path == here else "", refresh=page.bare)


def _sheet(reader: Reader, scope: str, pages: Sequence[Page], here: str) -> html.Section:
    who = html.Header(
        [
            html.Span(reader.name[:1], className="avatar"),
            html.Div([html.B(reader.name), html.Span(f"{label(reader.role)} · {scope}")]),
            html.Button(
                icon("close"), className="icon-button more-close", **{"aria-label": "关闭", "title": "关闭"}
            ),
        ]
    )
    theme = html.Button([icon("sun", "sun"), icon("moon", "moon"), "切换深色与浅色"], id="more-theme")
    leave = html.Button([icon("exit"), "退出登录"], id="more-sign-out")
    links = [_link(page, here) for page in pages]
    return html.Section(
        [grip(), who, html.Nav([*links, theme, leave], className="more-list theme-toggle")],
        id=SHEET,
        className="more-sheet",
        role="dialog",
        **{"aria-label": "更多", **sheet("fit", close=".more-close")},
    )
