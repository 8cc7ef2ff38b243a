"""The edge where errors become one JSON shape (API) or one message (page). No database text passes it."""

from __future__ import annotations

import logging
import uuid
from typing import Any
from urllib.parse import quote, urlsplit

import dash_mantine_components as dmc
from dash import ctx, set_props
from dash.exceptions import DashException, DependencyException, PreventUpdate
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from dash_app import ids
from gisapp.api.answers import answer_of
from gisapp.api.fields import field_of, reason_of
from gisapp.errors import InputError, NotFound, NotSignedIn, OnemapError, of_full_disk
from gisapp.readable import writable

log = logging.getLogger(__name__)

MOST_FIELDS = 20
"""Wrong fields that one answer names."""

_HTTP: dict[int, tuple[str, str]] = {
    400: ("请求体无法解析。", "请按接口说明发送完整的 JSON 或表单。"),
    405: ("这个地址不支持此方法。", "请在 /docs 查看接口。"),
    413: ("请求体过大。", "请分成几次发送。"),
}


def as_onemap_error(error: Exception) -> OnemapError:
    """Any error as one that may be shown; an unforeseen one gets a number that the log carries too."""
    if isinstance(error, OnemapError):
        return error
    full = of_full_disk(error)
    if full is not None:
        return full
    number = uuid.uuid4().hex[:8]
    log.error("unforeseen error %s", number, exc_info=error)
    return OnemapError(
        f"处理时出现意外错误（编号 {number}）。", remedy="请把编号告诉管理员，日志中有同一编号的记录。"
    )


def as_input_error(error: RequestValidationError) -> InputError:
    """What a request is refused for, with every wrong field, its reason and the remedy of the first."""
    fields, remedies = [], []
    for one in error.errors()[:MOST_FIELDS]:
        reason, remedy = reason_of(one)
        fields.append({"field": field_of(one["loc"]), "reason": reason})
        remedies.append(remedy)
    names = "、".join(str(found["field"]) for found in fields)
    said = f"请求的字段 {names} 不符合要求"
    message = f"{said}：{fields[0]['reason'].rstrip('。')}。" if len(fields) == 1 else f"{said}。"
    first = fields[0]["field"] if fields else ""
    return InputError(
        message,
        remedy=remedies[0] if len(set(remedies)) == 1 else "请按接口说明核对后重发。",
        details={"field": first, "fields": fields},
    )


def install_error_handlers(app: FastAPI) -> None:
    """Map every error of the API to ``{error, message, remedy, details}`` with its status."""

    @app.exception_handler(OnemapError)
    async def known(_request: Request, error: OnemapError) -> JSONResponse:
        return answer_of(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return answer_of(as_input_error(error))

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        # A body that could not be kept or read: FastAPI says 400 for whatever went wrong with it.
        full = of_full_disk(error.__cause__) or of_full_disk(error.__context__)
        if full is not None:
            return answer_of(full)
        if error.status_code == 404:
            return answer_of(NotFound("没有找到。", remedy="请检查地址。"))
        unknown = (f"请求没有成功（HTTP {error.status_code}）。", "请按接口说明核对后重发。")
        message, remedy = _HTTP.get(error.status_code, unknown)
        body: dict[str, Any] = {"error": "http", "message": message, "remedy": remedy, "details": {}}
        if error.status_code == 400:
            body["details"] = {"field": "body"}
        return JSONResponse(body, status_code=error.status_code, headers=error.headers)

    @app.exception_handler(DashException)
    async def of_dash(_request: Request, error: DashException) -> Response:
        if isinstance(error, PreventUpdate):
            return Response(status_code=204)
        if isinstance(error, DependencyException):  # an address of a file that no component has
            return answer_of(NotFound("没有找到。", remedy="请检查地址。"))
        return answer_of(as_onemap_error(error))

    @app.exception_handler(OSError)
    async def of_disk(_request: Request, error: OSError) -> JSONResponse:
        return answer_of(as_onemap_error(error))

    @app.exception_handler(Exception)
    async def unforeseen(_request: Request, error: Exception) -> JSONResponse:
        return answer_of(as_onemap_error(error))


def note_of(message: str, *, remedy: str | None = None, colour: str = "red") -> dict[str, Any]:
    """A message as the place of messages takes it; arguments as for ``toast``."""
    return {
        "action": "show",
        "id": uuid.uuid4().hex,
        "title": message,
        "message": remedy or "",
        "color": colour,
        "autoClose": 9000 if colour == "red" else 5000,
    }


def toast(message: str, *, remedy: str | None = None, colour: str = "red") -> None:
    """Show a message from inside a callback: what happened and what to do next.

    Args:
        message: what happened, to what.
        remedy: what to do next.
        colour: ``red`` for a failure, ``teal`` for a success, ``yellow`` for a warning.
    """
    note = note_of(message, remedy=remedy, colour=colour)
    set_props(ids.TOASTS, {"sendNotifications": [note]})


def on_callback_error(error: Exception) -> None:
    """What Dash calls when a callback raises."""
    known = as_onemap_error(error)
    if isinstance(known, NotSignedIn):
        # Where the user was stands in the request; the hash, and so the view, is lost with the session.
        back = urlsplit(str((ctx.headers or {}).get("referer", "/")))
        path = f"{back.path or '/'}?{back.query}" if back.query else back.path or "/"
        set_props(ids.URL, {"href": f"/sign-in?next={quote(path, safe='')}"})
        return
    toast(str(writable(known.message)), remedy=writable(known.remedy))


def toasts() -> dmc.NotificationContainer:
    """The place where messages appear; stands once in the layout."""
    return dmc.NotificationContainer(id=ids.TOASTS, position="bottom-right", limit=4, zIndex=900)
