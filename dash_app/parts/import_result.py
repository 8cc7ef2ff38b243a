"""What came of a check or an import: numbers, reasons, columns, the report."""

from __future__ import annotations

from typing import Any

from dash import html
from dash.development.base_component import Component

from dash_app.parts import states
from dash_app.parts.icons import icon

_COUNTS = {
    "total": ("总数", ""),
    "added": ("新增", "good"),
    "changed": ("更新", ""),
    "unchanged": ("未变", ""),
    "refused": ("拒绝", "bad"),
    "repaired": ("修复", "soon"),
}


def result_view(outcomes: list[dict[str, Any]], token: str) -> list[Component]:
    """What came of a check or an import: numbers, columns, notes, the report."""
    parts: list[Component] = []
    for outcome in outcomes:
        state = "检查结果，还没有写入" if outcome["dry_run"] else "已写入"
        figures = [
            html.Div(
                [
                    html.Div(word, className="figure-label"),
                    html.Div(f"{outcome['counts'][name]:,}", className="figure-value"),
                ],
                className=f"figure {meaning if outcome['counts'][name] else ''}",
            )
            for name, (word, meaning) in _COUNTS.items()
        ]
        link = html.A(
            [icon("download"), "下载报告"],
            href=f"/api/v1/imports/{token}/report?kind={outcome['kind']}",
            className="button",
            download="",
        )
        title = html.Div(
            [html.B(outcome["title"]), html.Span(f"{state} · {outcome['crs']}", className="sub")]
        )
        parts += [
            html.Header([title, link], className="import-result-head"),
            html.Div(figures, className="import-figures"),
            _details(outcome),
        ]
    return parts


def _details(outcome: dict[str, Any]) -> html.Div:
    lines: list[Component] = [html.Div(note, className="import-note") for note in outcome["notes"]]
    lines += [
        html.Div([states.status(f"{r['field']}：{r['reason']}", "bad"), f" {r['rows']:,} {outcome['unit']}"])
        for r in outcome["reasons"][:6]
    ]
    if outcome["columns"]:
        chips = [
            html.Span([html.B(c["field"]), f" ← {c['column']}"], className="chip") for c in outcome["columns"]
        ]
        lines.append(html.Div(chips, className="import-chips"))
    if outcome["unused"]:
        lines.append(html.Div(f"没有用到的列：{'、'.join(outcome['unused'][:20])}", className="import-note"))
    return html.Div(lines, className="import-details")


def refused_rows(outcomes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the table of refusals."""
    rows = [{"title": o["title"], **r} for o in outcomes for r in o["refusals"]]
    return [{"id": i, **row} for i, row in enumerate(rows)]
