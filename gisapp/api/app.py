"""The API as one thing to include: every module of this package that has a ``router``."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

import gisapp.api


class Problem(BaseModel):
    """The one shape of every answer that is no success."""

    error: str
    message: str
    remedy: str | None
    details: dict[str, Any]


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "无法接受的请求：details.field 指出字段"},
    503: {"model": Problem, "description": "数据库或磁盘暂时不可用"},
    507: {"model": Problem, "description": "磁盘已满"},
}
"""What every route may answer besides its success."""


def routers() -> list[APIRouter]:
    """The ``router`` of every module of this package, in order of names."""
    found = []
    for module in pkgutil.iter_modules(gisapp.api.__path__):
        router = getattr(import_module(f"gisapp.api.{module.name}"), "router", None)
        if isinstance(router, APIRouter):
            found.append(router)
    return found


def include_routers(app: FastAPI) -> None:
    """Add all routers to an application."""
    for router in routers():
        app.include_router(router, responses=PROBLEMS)
