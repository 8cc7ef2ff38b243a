"""Requests of callbacks, checked before Dash sees them: what it cannot read it would answer with a failure of the server.

A request that no page of ours sends is refused in the API's one shape of errors. A value that nothing can hold (a control
character, a number that is not finite, a hundred levels) is answered as a message on the page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dash import Dash
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dash_app import ids
from dash_app.errors import note_of
from gisapp.api.answers import answer_of
from gisapp.api.bodies import read_body, replay
from gisapp.domain import incoming
from gisapp.errors import InputError

PATH = "/_dash-update-component"


class CallbackMiddleware:
    """ASGI middleware: lets through only what is a request of one of the application's callbacks."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            return
        try:
            asked = _read(body, Headers(scope=scope).get("content-type", ""))
            values = check_request(scope["app"].state.dash, asked)
        except InputError as error:
            await answer_of(error)(scope, receive, send)
            return
        try:
            for field, value in values:
                incoming.check_plain(value, field)
        except InputError as error:
            note = note_of(f"{error.message}（{error.details['field']}）", remedy=error.remedy)
            answer = {
                "multi": True,
                "response": {},
                "sideUpdate": {ids.TOASTS: {"sendNotifications": [note]}},
            }
            await JSONResponse(answer)(scope, receive, send)
            return
        await self.app(scope, replay(body, receive), send)


def _read(body: bytes, kind: str) -> Any:
    try:
        return json.loads(body) if kind.startswith("application/json") else None
    except (ValueError, RecursionError):
        return None


def _wrong(field: str) -> InputError:
    return InputError(
        f"页面的请求与页面不符（{field}）。", remedy="请刷新页面后再试。", details={"field": field}
    )


def check_request(dash: Dash, asked: Any) -> list[tuple[str, Any]]:
    """The values that a request of a callback carries, each with its ``id.property``.

    Args:
        dash: the application whose callbacks there are.
        asked: the body of the request.

    Raises:
        InputError: it names no callback of the server, or other inputs, states, outputs or changes than the callback has.
    """
    output = asked.get("output") if isinstance(asked, dict) else None
    known = dash.callback_map.get(output) if isinstance(output, str) else None
    if known is None or "callback" not in known:
        raise _wrong("output")
    values: list[tuple[str, Any]] = []
    for part, wanted in (("inputs", known["inputs"]), ("state", known["state"])):
        given = asked.get(part) or []
        if not isinstance(given, list) or len(given) != len(wanted):
            raise _wrong(part)
        for one, registered in zip(given, wanted, strict=True):
            values += _values_of(one, registered, part)
    _check_outputs(asked.get("outputs"), known["output"])
    changed = asked.get("changedPropIds") or []
    names = {name for name, _ in values}
    if not isinstance(changed, list) or not all(isinstance(name, str) and name in names for name in changed):
        raise _wrong("changedPropIds")
    return values


def _values_of(given: Any, registered: Mapping[str, Any], part: str) -> list[tuple[str, Any]]:
    """Name and value of one input, or of all that a pattern stands for."""
    pattern = _pattern_of(registered["id"])
    if pattern is None:
        if not isinstance(given, dict) or given.get("id") != registered["id"]:
            raise _wrong(part)
        entries: Sequence[Any] = [given]
    else:
        if not isinstance(given, list):
            raise _wrong(part)
        entries = given
    found = []
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("property") != registered["property"]:
            raise _wrong(part)
        if pattern is not None and not _fits(entry.get("id"), pattern):
            raise _wrong(part)
        found.append((f"{_name(entry['id'])}.{entry['property']}", entry.get("value")))
    return found


def _pattern_of(identifier: str) -> dict[str, Any] | None:
    """The pattern that an id stands for; None for a plain id."""
    return json.loads(identifier) if identifier.startswith("{") else None


def _fits(identifier: Any, pattern: Mapping[str, Any]) -> bool:
    """Whether an id is one of those that a pattern stands for: equal where the pattern is fixed, short text elsewhere."""
    if not isinstance(identifier, dict) or set(identifier) != set(pattern):
        return False
    for key, fixed in pattern.items():
        value = identifier[key]
        if isinstance(fixed, list):  # a wildcard, such as ["ALL"]
            try:
                incoming.text(str(value) if isinstance(value, int) else value, incoming.CODE, key)
            except (InputError, ValueError):
                return False
        elif value != fixed:
            return False
    return True


def _name(identifier: str | Mapping[str, Any]) -> str:
    """An id as Dash writes it into the names of properties."""
    if isinstance(identifier, str):
        return identifier
    return json.dumps(identifier, sort_keys=True, separators=(",", ":"))


def _check_outputs(given: Any, registered: Any) -> None:
    several = isinstance(registered, (list, tuple))
    wanted = registered if several else [registered]
    named = given if several else [given]
    if not isinstance(named, list) or len(named) != len(wanted):
        raise _wrong("outputs")
    for one, output in zip(named, wanted, strict=True):
        found = isinstance(one, dict) and (one.get("id"), str(one.get("property")).partition("@")[0])
        if found != (output.component_id, output.component_property):
            raise _wrong("outputs")
