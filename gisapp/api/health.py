"""How the server is, for whoever watches it: the same answer to everybody, signed in or not."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from gisapp.errors import OnemapError
from gisapp.store.readiness import Readiness

PATHS = ("/healthz", "/readyz")
"""Addresses for which no session is looked up."""

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz() -> JSONResponse:
    """Answers as soon as the process serves; says nothing about the database."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """200 where the database answers within two seconds and has this program's schema, else 503 with what is missing."""
    readiness: Readiness = request.app.state.readiness
    try:
        await readiness.check()
    except OnemapError as error:
        return JSONResponse(error.as_json(), error.status, headers={"Cache-Control": "no-store"})
    return JSONResponse({"status": "ready"}, headers={"Cache-Control": "no-store"})
