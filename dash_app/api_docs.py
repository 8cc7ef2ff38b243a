"""The API's own documentation at ``/docs``, drawn here: the usual viewers fetch themselves from another host."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from gisapp.api.headers import PAGE_POLICY, policy_text

_STYLE = """
body{font:15px/1.6 "Noto Sans CJK SC","Microsoft YaHei",sans-serif;margin:0 auto;max-width:64rem;padding:2rem 1.5rem 4rem;
color:#13202e;background:#fff}h1{font-size:1.6rem}h2{margin-top:2.5rem;border-bottom:1px solid #d9e1ea}
section{padding:.6rem 0}code{font-family:ui-monospace,monospace;font-size:.92em}b.m{display:inline-block;min-width:4.2rem;
color:#0a6ebd;text-transform:uppercase}table{border-collapse:collapse;margin:.3rem 0 .6rem 4.4rem;font-size:.9rem}
td{padding:.12rem 1rem .12rem 0;vertical-align:top}p{margin:.1rem 0 .1rem 4.4rem;color:#44566a}
@media(prefers-color-scheme:dark){body{background:#0b1420;color:#e9f0f7}h2{border-color:#24374e}b.m{color:#3fb6ff}p{color:#a9bacb}}
"""


def install(app: FastAPI) -> None:
    """Serve ``/docs`` for whoever is signed in; the machine-readable form is ``/openapi.json``."""

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        # A page, but one without scripts: no nonce.
        return HTMLResponse(
            render(app.openapi()), headers={"Content-Security-Policy": policy_text(PAGE_POLICY)}
        )


def render(schema: dict[str, Any]) -> str:
    """One HTML page from an OpenAPI description, grouped by tag."""
    groups: dict[str, list[str]] = {}
    for path, methods in schema["paths"].items():
        for method, described in methods.items():
            tag = (described.get("tags") or ["其他"])[0]
            groups.setdefault(tag, []).append(_operation(method, path, described))
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(found)}" for tag, found in sorted(groups.items()))
    # Named, because a browser that is not told asks for /favicon.ico.
    icon = '<link rel="icon" href="/assets/favicon.svg" type="image/svg+xml">'
    head = f"<title>接口 · 社区一张图</title>{icon}<style>{_STYLE}</style>"
    intro = (
        "<h1>接口说明</h1><p style='margin-left:0'>所有接口需先登录；错误统一为 <code>{error, message, remedy, details}</code>。"
        "机器可读的描述在 <a href='/openapi.json'>/openapi.json</a>。</p>"
    )
    viewport = '<meta name="viewport" content="width=device-width,initial-scale=1">'
    return f'<!DOCTYPE html><html lang="zh-CN"><meta charset="utf-8">{viewport}{head}<body>{intro}{body}</body></html>'


def _operation(method: str, path: str, described: dict[str, Any]) -> str:
    rows = [
        (
            one["name"],
            _type(one.get("schema", {})),
            "必填" if one.get("required") else "",
            one.get("description", ""),
        )
        for one in described.get("parameters", ())
    ]
    content = described.get("requestBody", {}).get("content", {})
    rows += [("（请求体）", kind, "", _type(given.get("schema", {}))) for kind, given in content.items()]
    cells = "".join(
        "<tr>" + "".join(f"<td>{f'<code>{escape(c)}</code>' if i < 2 else escape(c)}</td>" for i, c in enumerate(row))
        + "</tr>"
        for row in rows
    )  # fmt: skip
    said = escape(described.get("description") or described.get("summary") or "")
    table = f"<table>{cells}</table>" if cells else ""
    return f"<section><b class=m>{method}</b> <code>{escape(path)}</code><p>{said}</p>{table}</section>"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    kind = str(schema.get("type", ""))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    return f"{kind}[{_type(schema['items'])}]" if "items" in schema else kind
