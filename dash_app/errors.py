"""The edge where errors become one JSON shape (API) or one message (page). No database text passes it."""

from __future__ import annotations

import logging
import uuid
from typing import Any
from urllib.parse import quote, urlsplit

import dash_mantine_components as dmc
from dash import ctx, set_props
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from dash_app import ids
from gisapp.api.answers import answer_of
from gisapp.errors import InputError, NotFound, NotSignedIn, OnemapError

log = logging.getLogger(__name__)


def as_onemap_error(error: Exception) -> OnemapError:
    """Any error as one that may be shown; an unforeseen one gets a number that the log carries too."""
    if isinstance(error, OnemapError):
        return error
    number = uuid.uuid4().hex[:8]
    log.error("unforeseen error %s", number, exc_info=error)
    return OnemapError(
        f"处理时出现意外错误（编号 {number}）。", remedy="请把编号告诉管理员，日志中有同一编号的记录。"
    )


def install_error_handlers(app: FastAPI) -> None:
    """Map every error of the API to ``{error, message, remedy, details}`` with its status."""

    @app.exception_handler(OnemapError)
    async def known(_request: Request, error: OnemapError) -> JSONResponse:
        return answer_of(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        fields = [
            {"field": ".".join(str(p) for p in e["loc"][1:]) or str(e["loc"][0]), "reason": str(e["msg"])}
            for e in error.errors()
        ]
        names = "、".join(f["field"] for f in fields)
        shown = InputError(
            f"请求的字段 {names} 不符合要求。", remedy="请按接口说明核对后重发。", details={"fields": fields}
        )
        return answer_of(shown)

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 404:
            return answer_of(NotFound("没有找到。", remedy="请检查地址。"))
        body: dict[str, Any] = {"error": "http", "message": str(error.detail), "remedy": None, "details": {}}
        return JSONResponse(body, status_code=error.status_code, headers=error.headers)

    @app.exception_handler(Exception)
    async def unforeseen(_request: Request, error: Exception) -> JSONResponse:
        return answer_of(as_onemap_error(error))


def toast(message: str, *, remedy: str | None = None, colour: str = "red") -> None:
    """Show a message from inside a callback: what happened and what to do next.

    Args:
        message: what happened, to what.
        remedy: what to do next.
        colour: ``red`` for a failure, ``teal`` for a success, ``yellow`` for a warning.
    """
    note = {
        "action": "show",
        "id": uuid.uuid4().hex,
        "title": message,
        "message": remedy or "",
        "color": colour,
        "autoClose": 9000 if colour == "red" else 5000,
    }
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
    toast(known.message, remedy=known.remedy)


def toasts() -> dmc.NotificationContainer:
    """The place where messages appear; stands once in the layout."""
    return dmc.NotificationContainer(id=ids.TOASTS, position="bottom-right", limit=4, zIndex=900)
