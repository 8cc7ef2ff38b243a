"""The form that reports a case, in a drawer beside the map on which its place is chosen."""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import html

from dash_app import ids
from dash_app.parts import case_view
from gisapp.domain.access import Role

POINT_HINT = "请在地图上点选位置。"


def report_drawer(role: Role) -> dmc.Drawer:
    """The drawer with the form; its sources are those that the role may report as."""
    sources = case_view.channel_options(role)
    form = [
        dmc.Select(
            id="case-matter",
            label="事项小类",
            data=case_view.matter_options(),
            searchable=True,
            placeholder="输入名称或代码",
            limit=60,
        ),
        dmc.Select(
            id="case-channel",
            label="来源",
            data=sources,
            value=sources[0]["value"] if sources else None,
            allowDeselect=False,
        ),
        dmc.Textarea(
            id="case-description",
            label="情况说明",
            autosize=True,
            minRows=3,
            maxRows=8,
        ),
        dmc.TextInput(
            id="case-address",
            label="地址说明",
            placeholder="例如：体育场路 229 号门前",
        ),
        html.Div(
            [
                html.Div(POINT_HINT, id="case-point-text", className="case-point"),
                html.Button("用我的位置", id="case-here", className="button", **{"data-here": ids.MAP}),
            ],
            className="case-point-row",
        ),
        html.P(id="case-unsent", className="case-unsent", hidden=True, role="alert"),
        html.Button("提交上报", id="case-submit", className="button primary wide"),
    ]
    return dmc.Drawer(
        html.Div(form, className="case-form"),
        id="case-drawer",
        title="上报案件",
        position="left",
        classNames={"inner": "case-drawer-inner", "content": "case-drawer"},
        withOverlay=False,
        lockScroll=False,
        trapFocus=False,
        closeOnClickOutside=False,
        zIndex=300,
    )
