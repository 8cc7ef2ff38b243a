"""The profile panel: anything that was clicked, drawn from the one shape that ``/api/v1/profile/{kind}/{id}`` gives.

The shape: ``kind``, ``id``, ``title``; optional ``kind_title``, ``subtitle``, ``as_of``, ``origin``;
``breadcrumbs`` [{kind, id, title}] from the district down;
``fields`` [{label, value, unit?, meaning?}] (``meaning``: good, soon, bad, unknown);
``counts`` [{label, value, unit?, list?, href?}] where ``list`` names one of the lists that the number opens;
``lists`` [{name, title, total, rows: [{kind, id, title, note?, side?}]}];
``actions`` [{label, href}]; ``point`` [lon, lat], ``bbox`` [west, south, east, north], ``geometry`` (GeoJSON).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from dash_app.parts import states
from dash_app.parts.icons import icon
from gisapp.domain.vocabulary import label

Shape = Mapping[str, Any]


def profile_panel(profile: Shape) -> list[Component]:
    """Head, body and foot of the panel; a number opens its list in the page itself (``modules/selection.mjs``)."""
    body: list[Component] = []
    actions = _actions(profile)
    if profile["kind"] == "building":
        sheet_id = {"type": "open-sheet", "building": str(profile["id"])}
        actions.insert(0, html.Button(label("room_sheet"), id=sheet_id, className="button primary"))
    if actions:
        body.append(html.Div(actions, className="profile-actions"))
    if profile.get("counts"):
        body.append(html.Div([_count(count) for count in profile["counts"]], className="counts"))
    behind = {count.get("list") for count in profile.get("counts", ())}
    here = f"{profile['kind']}/{profile['id']}"
    body.extend(_list(found, here, hidden=found["name"] in behind) for found in profile.get("lists", ()))
    if profile["kind"] == "person":
        options = json.dumps({"id": profile["id"]})
        body.append(html.Div(className="reveal", **{"data-onemap": "reveal", "data-options": options}))
    if profile.get("fields"):
        body.append(
            html.Dl([part for field in profile["fields"] for part in _field(field)], className="facts")
        )
    if not body:
        body.append(states.empty("没有更多信息"))
    return [*profile_head(profile), html.Div(body, className="profile-body"), _foot(profile)]


def profile_head(profile: Shape) -> list[Component]:
    """Where it lies, what it is, what it is called."""
    crumbs = [
        html.Button(crumb["title"], **{"data-select": f"{crumb['kind']}:{crumb['id']}"})
        for crumb in profile.get("breadcrumbs", ())
    ]
    return [
        html.Header(
            [
                html.Div(crumbs, className="profile-crumbs") if crumbs else None,
                html.Div(profile.get("kind_title", ""), className="kind"),
                html.H2(profile["title"]),
                html.Div(profile["subtitle"], className="sub") if profile.get("subtitle") else None,
                close_button(),
            ],
            className="profile-head",
        )
    ]


def close_button() -> html.Button:
    """Closes whatever is selected."""
    return html.Button(
        icon("close"),
        className="icon-button close",
        title="关闭（Esc）",
        **{"data-select": "", "aria-label": "关闭"},
    )


def _actions(profile: Shape) -> list[Component]:
    return [
        dcc.Link(one["label"], href=one["href"], className="button") for one in profile.get("actions", ())
    ]


def _number(value: Any) -> str:
    if value is None:
        return "未知"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _count(count: Shape) -> Component:
    inner: list[Component] = [
        html.Span(_number(count["value"]), className="value num"),
        html.Span(count.get("unit", ""), className="unit"),
        html.Span(count["label"], className="label"),
    ]
    if count.get("href"):
        return dcc.Link(inner, href=count["href"], className="count-tile")
    name = count.get("list")
    if not name:
        return html.Div(inner, className="count-tile")
    return html.Button(
        inner,
        className="count-tile",
        title=f"查看{count['label']}",
        **{"data-open-list": name, "aria-expanded": "false"},
    )


def _field(field: Shape) -> Sequence[Component]:
    value = field.get("value")
    shown: Component | str = _number(value) if value not in ("", None) else "未知"
    if field.get("meaning") and isinstance(shown, str):
        shown = states.status(shown, field["meaning"])
    unit = html.Span(field["unit"], className="unit") if field.get("unit") and value is not None else None
    return html.Dt(field["label"]), html.Dd([shown, unit])


def _list(found: Shape, here: str, *, hidden: bool) -> Component:
    rows = found.get("rows", ())
    total = found.get("total", len(rows))
    head = html.H3([found["title"], html.Span(f"{total:,}", className="num")])
    body: Component = (
        html.P("没有记录", className="list-more")
        if not rows
        else _rows(rows, total, f"{here}/{found['name']}")
    )
    return html.Div([head, body], className="profile-list", hidden=hidden, **{"data-list": found["name"]})


def _rows(rows: Sequence[Shape], total: int, address: str) -> html.Ul:
    items = [
        html.Li(
            html.Button(
                [
                    html.Span(row["title"]),
                    html.Span(row.get("side", ""), className="side"),
                    html.Span(row["note"], className="note") if row.get("note") else None,
                ],
                **{"data-select": f"{row['kind']}:{row['id']}"},
            )
        )
        for row in rows
    ]
    if total > len(rows):
        # The rest comes page by page, drawn by modules/selection.mjs like the rows above.
        items.append(
            html.Li(
                html.Button(f"再显示一些（还有 {total - len(rows):,} 条）", **{"data-more": address}),
                className="list-more",
            )
        )
    return html.Ul(items, className="list-rows")


def _foot(profile: Shape) -> html.Footer:
    parts = []
    if profile.get("origin"):
        parts.append(html.Span(f"来源：{profile['origin']}"))
    if profile.get("as_of"):
        parts.append(html.Span(f"截至 {profile['as_of']}"))
    return html.Footer(parts, className="profile-foot")
