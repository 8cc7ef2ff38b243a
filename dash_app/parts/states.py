"""Empty, loading and error states: every page draws them with these, so that they look and speak alike."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from dash_app.parts.icons import icon
from gisapp.errors import OnemapError


def empty(title: str, text: str = "", *, action: Component | None = None, symbol: str = "empty") -> html.Div:
    """Nothing to show: what is missing, and how to fill it.

    Args:
        title: what is missing.
        text: how to fill it.
        action: a button or link that does it.
        symbol: name of the symbol above.
    """
    parts: list[Component | None] = [icon(symbol), html.Div(title, className="state-title")]
    if text:
        parts.append(html.Div(text, className="state-text"))
    return html.Div([*parts, action], className="state empty", role="status")


def loading(lines: int = 6) -> html.Div:
    """Grey lines in place of what is on its way."""
    widths = (92, 64, 78, 55, 86, 70)
    return html.Div(
        [
            html.Div(className="skeleton", style={"width": f"{widths[i % len(widths)]}%"})
            for i in range(lines)
        ],
        className="loading",
        role="status",
        **{"aria-label": "正在载入"},
    )


def failed(error: OnemapError, *, action: Component | None = None) -> html.Div:
    """What was wrong and what to do next."""
    return html.Div(
        [
            icon("lock" if error.status in (401, 403) else "alert"),
            html.Div(error.message, className="state-title"),
            html.Div(error.remedy or "", className="state-text"),
            action,
        ],
        className="state error",
        role="alert",
    )


def status(text: str, meaning: str) -> html.Span:
    """A state in its colour, always with its shape and word.

    Args:
        text: the word.
        meaning: ``good``, ``soon``, ``bad`` or ``unknown``.
    """
    return html.Span(text, className=f"status {meaning}")


def figure(value: str, label: str, unit: str = "", *, note: str = "", href: str | None = None) -> html.Div:
    """A number with its unit and label; opens the records behind it where an address is given."""
    number = [html.Span(value, className="figure-value"), html.Span(unit, className="figure-unit")]
    inner: Sequence[Component] = [
        html.Div(label, className="figure-label"),
        html.A(number, href=href, className="figure-link") if href else html.Div(number),
        html.Div(note, className="figure-note"),
    ]
    return html.Div(inner, className="figure")
