"""The API as one thing to include: every module of this package that has a ``router``."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from fastapi import APIRouter, FastAPI

import gisapp.api


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
        app.include_router(router)
