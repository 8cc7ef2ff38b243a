"""The big screen (大屏): the street live, read from five metres, for weeks without a hand on it.

This file draws the frame once; ``modules/screen.mjs`` fills it from the live feed. Seven numbers, each with its unit and
moment, each opening the records behind it.
"""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from dash_app.page import Page
from dash_app.parts.map_view import map_view
from gisapp.domain.access import Reader, Role
from gisapp.domain.vocabulary import label

_BASE = "/#l=water,green,streets,regions,grids,buildings"

_NUMBERS = (
    ("people", "person", "人", f"{_BASE},people"),
    ("households", "household", "户", f"{_BASE},people"),
    ("on_duty", "on_duty", "人", f"{_BASE},workers"),
    ("open", "open_case", "件", "/cases?state=open"),
    ("overdue", "overdue", "件", "/cases?state=open&overdue=1"),
    ("alerts", "open_alert", "起", f"{_BASE},workers"),
    ("in_time", "closed_on_time_today", "%", "/assessment"),
)
"""Slot, term, unit and the address that opens the records; more than seven nobody reads from five metres.

Alerts open on the screen itself (``modules/screen.mjs``); their address is for who opens it in another tab.
"""


def _number(slot: str, term: str, unit: str, href: str) -> Component:
    return html.A(
        [
            html.Span(label(term), className="label"),
            html.Span([html.B("—"), html.I(unit, hidden=True)], className="value"),
            html.Small(""),
        ],
        href=href,
        className="wall-number",
        **{"data-slot": slot},
    )


def _slot(name: str, tag: type[Component] = html.Div, class_name: str = "", **more: object) -> Component:
    return tag(className=class_name or f"wall-{name}", **{"data-slot": name, **more})


def layout(reader: Reader) -> Component:
    """The map is the page; numbers, stream and clock float over its edges."""
    head = html.Header(
        [
            html.Div(
                [
                    html.H1(_slot("scope", html.Span), className="wall-scope"),
                    html.P("社区一张图", className="wall-brand"),
                    _slot("crumbs", html.Nav, "wall-crumbs", hidden=True, **{"aria-label": "层级"}),
                ]
            ),
            html.Div(
                [
                    _slot("clock", html.Time),
                    _slot("date"),
                    html.A("退出大屏", href="/", className="wall-leave"),
                ],
                className="wall-time",
            ),
        ],
        className="wall-head",
    )
    stream = html.Aside(
        [
            _slot("open-alerts", html.Div, "wall-alerts", role="alert"),
            html.H2("动态"),
            _slot("stream", html.Ul),
        ],
        className="wall-side",
        **{"aria-label": "告警与动态"},
    )
    foot = html.Footer(
        [
            html.Div(
                [
                    html.H2(
                        [
                            html.Span("今日案件"),
                            html.I(className="key bar"),
                            "上报",
                            html.I(className="key line"),
                            "办结",
                        ]
                    ),
                    _slot("hours"),
                ],
                className="wall-chart",
            ),
            html.Div([_number(*number) for number in _NUMBERS], className="wall-numbers"),
            _slot("line", html.P, role="status"),
        ],
        className="wall-foot",
    )
    card = _slot("card", html.Section, hidden=True, **{"aria-live": "polite"})
    return html.Div(
        [
            map_view(None, reader, map_id="screen-map", controls=False),
            head,
            stream,
            card,
            foot,
        ],
        className="wall",
        **{"data-onemap": "screen", "data-line": "lost"},
    )


PAGE = Page(
    "/screen",
    "大屏",
    layout,
    roles=(Role.LEADER, Role.MANAGER),
    nav=20,
    bare=True,
    icon="screen",
    tab=90,
)
