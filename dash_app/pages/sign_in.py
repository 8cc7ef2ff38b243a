"""Sign-in: the first thing anybody sees."""

from __future__ import annotations

from dash import html

from dash_app.page import Page
from gisapp.domain.access import Reader


def layout(_reader: Reader | None) -> html.Div:
    """Picture and form; ``modules/sign_in.mjs`` draws the fields, sends them and goes where the user wanted to go."""
    side = html.Div(
        [
            html.Div(
                [html.Img(src="/assets/favicon.svg", alt=""), html.Span("社区一张图")],
                className="sign-in-brand",
            ),
            html.P(
                # Each part keeps together, so that a narrow screen breaks at the comma and not in a word.
                [
                    html.Span("一个地点编码，"),
                    html.Span("串起楼栋、房屋、人口、"),
                    html.Span("部件、案件与网格。"),
                ],
                className="sign-in-line",
            ),
        ],
        className="sign-in-side",
    )
    art = html.Div(className="sign-in-art", **{"data-onemap": "sign_in_art", "aria-hidden": "true"})
    return html.Div(
        [art, side, html.Div(className="sign-in-form", **{"data-onemap": "sign_in"})], className="sign-in"
    )


PAGE = Page("/sign-in", "登录", layout, bare=True, public=True)
