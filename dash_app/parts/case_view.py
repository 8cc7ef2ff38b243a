"""A case drawn: its head, its time left, its steps, and the form for the next step."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dash_app.parts import states
from gisapp.domain import clock, codes
from gisapp.domain.access import Role
from gisapp.domain.events import channels
from gisapp.domain.vocabulary import label

_MEANING = {"reported": "soon", "assigned": "soon", "handling": "soon", "closed": "good"}
_NOTE_HINT = {"close": "办理结果，例如：已更换井盖并复查", "send_back": "退回理由"}


def when(instant: datetime | str | None) -> str:
    """An instant in local time, to the minute."""
    if instant is None:
        return "—"
    found = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return clock.local(found).strftime("%m-%d %H:%M")


def exactly(instant: datetime | None) -> str:
    """An instant in local time, to the second; empty where there is none."""
    return "" if instant is None else clock.local(instant).strftime("%Y-%m-%d %H:%M:%S")


def stated_text(step: Mapping[str, Any]) -> str:
    """What was stated of a step and when it was recorded, where the two differ; empty where they do not."""
    stated, recorded = exactly(step["stated_at"]), exactly(step["recorded_at"])
    if not stated or stated == recorded:
        return ""
    # A stated instant that lies too far back is shown, but the recorded one counts.
    counts = "" if step["at"] == step["stated_at"] else "，以登记时间为准"
    return f"填报时间 {stated}（登记时间 {recorded}{counts}）"


def span(length: timedelta) -> str:
    """A length of time in its two largest units."""
    minutes = max(0, int(length.total_seconds() // 60))
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    if days:
        return f"{days} 天 {hours} 小时"
    return f"{hours} 小时 {minutes} 分" if hours else f"{minutes} 分"


def meaning(case: Mapping[str, Any]) -> str:
    """Colour of a case: in order, due soon or overdue."""
    return "bad" if case["in_time"] is False else _MEANING[case["state"]]


def due_text(case: Mapping[str, Any], now: datetime) -> str:
    """How a case stands against its time limit."""
    if case["closed_at"] is not None:
        late = case["closed_at"] - case["due_at"]
        return f"超期 {span(late)}" if case["in_time"] is False else "时限内办结"
    left = case["due_at"] - now
    return f"已超期 {span(-left)}" if left < timedelta(0) else f"剩余 {span(left)}"


def row(case: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """A case as a row of the list."""
    return {
        "id": case["id"],
        "number": case["number"],
        "title": case["title"],
        "state": case["state_label"],
        "due": due_text(case, now),
        "reported": clock.local(case["reported_at"]).strftime("%Y-%m-%d %H:%M"),
        "channel": case["channel_label"],
        "matter": case["matter"],
        "assignee": case["assignee"],
        "place": case["place"],
        "address": case["address"],
        "reported_stated": exactly(case["reported_stated_at"]),
        "reported_recorded": exactly(case["reported_recorded_at"]),
        "closed": exactly(case["closed_at"]),
        "closed_stated": exactly(case["closed_stated_at"]),
        "closed_recorded": exactly(case["closed_recorded_at"]),
        "origin": "文件导入" if case["imported"] else "平台登记",
        "meaning": meaning(case),
    }


def detail(case: Mapping[str, Any], units: Sequence[str]) -> html.Div:
    """Everything of one case, and what may be done next."""
    now = clock.now()
    facts = [
        (label("matter"), case["matter"]),
        ("来源", case["channel_label"]),
        ("地点", case["address"] or case["place_name"]),
        ("责任单位", case["assignee"] or "尚未指定"),
        (label("due"), when(case["due_at"])),
    ]
    parts: list[Component] = [
        html.Div(
            [
                html.Div(["案件 ", html.Span(case["number"], className="num")], className="case-number"),
                html.H3(case["title"]),
                html.Div(
                    [
                        states.status(case["state_label"], meaning(case)),
                        html.Span(due_text(case, now), className="case-due"),
                    ],
                    className="case-status",
                ),
            ],
            className="case-head",
        ),
        html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in facts], className="case-facts"),
    ]
    if case["description"]:
        parts.append(html.P(case["description"], className="case-text"))
    parts += [html.Ol([_step(step) for step in case["steps"]], className="case-steps"), _form(case, units)]
    return html.Div(parts, className="case-detail")


def _step(step: Mapping[str, Any]) -> html.Li:
    lines: list[Component] = [
        html.Div(
            [html.B(step["action_label"]), html.Span(when(step["at"]), className="num")],
            className="case-step-head",
        ),
        html.Div(step["actor"], className="case-step-who"),
    ]
    if step["imported"]:
        lines.append(html.Div(f"文件导入（{exactly(step['recorded_at'])}）", className="case-step-when"))
    elif stated := stated_text(step):
        # An instant stands in one line, whatever the width.
        words = [
            html.Span(word, className="num") if word[:1].isdigit() else word
            for word in re.split(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", stated)
        ]
        lines.append(html.Div(words, className="case-step-when"))
    if step["note"]:
        lines.append(html.Div(step["note"], className="case-step-note"))
    return html.Li(lines)


def _form(case: Mapping[str, Any], units: Sequence[str]) -> html.Div:
    offered = [action["id"] for action in case["actions"]]
    if not offered:
        text = "案件已办结。" if case["state"] == "closed" else "当前步骤由其他岗位办理。"
        return html.Div(
            [_hidden("case-note"), _hidden("case-assignee"), _hidden("case-worker"), text],
            className="case-done",
        )
    assigning = "assign" in offered
    workers = [
        {"value": str(w["id"]), "label": f"{w['name']} · {w['place'][-3:]} 网格"} for w in case["workers"]
    ]
    fields: list[Component] = []
    if assigning:
        fields += [
            dmc.Autocomplete(
                id="case-assignee", label="责任单位", data=list(units), placeholder="选择或填写", limit=20
            ),
            dmc.Select(
                id="case-worker", label="指派网格员（可不选）", data=workers, clearable=True, searchable=True
            ),
        ]
    else:
        fields += [_hidden("case-assignee"), _hidden("case-worker")]
    hint = "；".join(_NOTE_HINT[a] for a in offered if a in _NOTE_HINT) or "补充说明（可不填）"
    fields.append(
        dmc.Textarea(id="case-note", label="说明", placeholder=hint, autosize=True, minRows=2, maxRows=5)
    )
    buttons = [
        html.Button(
            action["label"],
            id={"type": "case-act", "action": action["id"]},
            className="button" if action["id"] == "send_back" else "button primary",
        )
        for action in case["actions"]
    ]
    return html.Div([*fields, html.Div(buttons, className="case-buttons")], className="case-form")


def _hidden(component_id: str) -> Component:
    # The form's callback reads these fields whatever the step; a step without one has an empty one.
    return html.Div(dmc.TextInput(id=component_id, value=""), hidden=True)


def channel_options(role: Role) -> list[dict[str, str]]:
    """As what a role may report, what is usual first."""
    return [{"value": str(one), "label": label(one)} for one in channels(role)]


def matter_options() -> list[dict[str, Any]]:
    """Matters of GB/T 47678.5 as grouped options."""
    groups: dict[str, list[dict[str, str]]] = {}
    for entry in codes.matter_types().values():
        groups.setdefault(entry.class_name, []).append(
            {"value": entry.code, "label": f"{entry.name}　{entry.code}"}
        )
    return [{"group": name, "items": items} for name, items in groups.items()]
