"""An error as an answer: the one JSON shape, its status, and when to come again."""

from __future__ import annotations

from starlette.responses import JSONResponse

from gisapp.errors import OnemapError, TooMany, Unavailable

UNAVAILABLE_S = 5
"""Seconds after which a client may come again to a server that lacks something it depends on."""


def answer_of(error: OnemapError) -> JSONResponse:
    """What a client is answered for an error, from whichever layer it comes."""
    return JSONResponse(error.as_json(), error.status, headers=_when(error))


def _when(error: OnemapError) -> dict[str, str] | None:
    if isinstance(error, TooMany):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, Unavailable):
        return {"Retry-After": str(UNAVAILABLE_S)}
    return None
