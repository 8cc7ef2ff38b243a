"""The one ASGI application: pages, API, tiles and live push in one process under one address."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from dash import Dash
from dash.backends._fastapi import reset_current_request, set_current_request
from fastapi import FastAPI, Request
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from dash_app import api_docs, index, shell
from dash_app.callback_requests import CallbackMiddleware
from dash_app.callback_values import CheckedDash
from dash_app.errors import install_error_handlers, on_callback_error
from dash_app.page import Page, discover
from dash_app.static import ImmutableFiles
from gisapp.api.app import PROBLEMS, include_routers
from gisapp.api.guard import Guard
from gisapp.api.headers import draw_nonce, page_headers
from gisapp.api.limits import KB
from gisapp.api.proxy import Proxied
from gisapp.api.quiet import keep_log_short
from gisapp.api.rates import TurnsMiddleware
from gisapp.api.session import SessionMiddleware, Sessions
from gisapp.api.tracks import ReportMiddleware
from gisapp.config import Settings, load_settings
from gisapp.domain.access import Reader
from gisapp.errors import NotFound
from gisapp.logs import note_loop_error
from gisapp.services.chores import unending
from gisapp.services.gathering import Gathering
from gisapp.services.grid_calendar import keep_current
from gisapp.services.live import Fanout
from gisapp.services.signing_in import SignIns
from gisapp.services.situation import Board, Openings
from gisapp.services.upkeep import keep_small
from gisapp.store.database import Database
from gisapp.store.readiness import Readiness
from layers.endpoint import TileMiddleware, watch_tables
from layers.routes import router as layers_router
from layers.tiling import Tiles

log = logging.getLogger("onemap.server")

ASSETS = Path(__file__).resolve().parent / "assets"
# Addresses that belong to machines: an unknown one below them is a 404 in JSON, not the page.
_MACHINE = ("/api/", "/tiles/", "/vendor/", "/modules/", "/assets/", "/_dash")


class Application(FastAPI):
    """FastAPI with the guard around all of it, also around what answers when something fails."""

    def build_middleware_stack(self) -> ASGIApp:
        """The layers of this application, the guard outermost but for what a known proxy says."""
        settings: Settings = self.state.settings
        return Proxied(Guard(super().build_middleware_stack()), settings.proxy)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Compose the application; nothing is opened before its lifespan starts.

    Args:
        settings: read from the environment when None.
    """
    settings = settings or load_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_exception_handler(note_loop_error)
        app.state.database = Database(settings.database_url, connections=settings.database_connections)
        app.state.readiness = Readiness(app.state.database)
        app.state.sessions = Sessions(app.state.database)
        app.state.sign_ins = SignIns(app.state.database)
        app.state.board = Board(app.state.database)
        app.state.openings = Openings(app.state.database)
        app.state.gathering = Gathering(app.state.database)
        app.state.fanout = Fanout(app.state.database)
        app.state.fanout.watch(app.state.board.hear, app.state.board.linked)
        watch_tables(app, app.state.fanout)
        chores: list[asyncio.Task[None]] = []
        try:
            await app.state.fanout.start()
            chores = [
                asyncio.create_task(unending(work, app.state.database)) for work in (keep_current, keep_small)
            ]
            await _prepare_dash(app, dash)
            _settle_memory()
            yield
        finally:
            for chore in chores:
                chore.cancel()
            await app.state.gathering.close()
            app.state.sign_ins.close()
            await app.state.fanout.stop()
            if tiles := getattr(app.state, "tiles", None):  # opened by the first tile
                tiles.close()
            app.state.readiness.close()
            app.state.database.close()

    keep_log_short()
    app = Application(
        title="社区一张图",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # A form is a file and few words; the file goes to disk, the words are held in memory.
        form_limits={"max_files": 1, "max_fields": 8, "max_part_size": 64 * KB},
    )
    app.state.settings = settings
    app.state.scope_cache = {}
    install_error_handlers(app)
    include_routers(app)
    app.include_router(layers_router, responses=PROBLEMS)
    app.mount(index.vendor_prefix(), ImmutableFiles(index.NODE_MODULES, index.VENDORED), name="vendor")
    app.mount(index.modules_prefix(), ImmutableFiles(index.MODULES), name="modules")

    pages = discover()
    _add_page_routes(app, pages)
    api_docs.install(app)
    dash = _create_dash(app, pages)
    app.state.dash = dash
    _add_not_found(app)
    # Level 5: tiles and JSON are made on demand, and levels above cost time for a few per cent.
    app.add_middleware(GZipMiddleware, minimum_size=500, compresslevel=5)
    app.add_middleware(CallbackMiddleware)
    app.add_middleware(TileMiddleware)
    app.add_middleware(TurnsMiddleware)
    app.add_middleware(ReportMiddleware)
    app.add_middleware(SessionMiddleware)
    return app


def _forget_changed(tiles: Tiles, message: dict[str, Any]) -> None:
    if message.get("kind") == "revision":
        tiles.revisions.changed(str(message.get("family", "")))


def _create_dash(app: FastAPI, pages: dict[str, Page]) -> Dash:
    dash = CheckedDash(
        "dash_app",
        server=app,
        backend="fastapi",
        assets_folder=str(ASSETS),
        index_string=index.index_string(),
        title="社区一张图",
        update_title=None,
        compress=False,
        use_pages=False,
        serve_locally=True,
        suppress_callback_exceptions=True,
        on_error=on_callback_error,
    )
    # Dash opens a socket for callbacks that ask for one. None of ours does, and it is no one's to knock at.
    app.router.routes[:] = [r for r in app.router.routes if getattr(r, "path", "") != "/_dash-ws-callback"]
    shell.install(dash, pages)
    for page in pages.values():
        page.register(dash)
    return dash


def _settle_memory() -> None:
    """Leave what start-up has made out of every later collection: half a million objects that live as long as the
    process, and a quarter of a second in which nothing else runs each time they are looked through."""
    gc.collect()
    gc.freeze()
    # Batches of positions make and drop thousands of objects at a time, hardly any of them in cycles.
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


async def _prepare_dash(app: FastAPI, dash: Dash) -> None:
    """Do at start-up what Dash leaves to its first request, and draw the index page once.

    Without it a first request to a deep link gives a page that lacks its inline client callbacks, because the deep
    link's own route does not pass through Dash's hooks. The attribute is private to Dash, hence the pinned version and
    ``tests/browser/test_shell.py``.
    """
    for function in dash.backend._before_request_funcs:
        result = function()
        if inspect.isawaitable(result):
            await result
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [],
        "query_string": b"",
        "scheme": "http",
    }
    token = set_current_request(Request({**scope, "server": ("localhost", 80), "root_path": ""}))
    try:
        app.state.index_page = index.Drawn(dash.index())
    finally:
        reset_current_request(token)


def _index(app: FastAPI, status: int = 200) -> Response:
    """The index page, its scripts marked with a nonce of this answer."""
    nonce = draw_nonce()
    page: index.Drawn = app.state.index_page
    headers = {"Cache-Control": "no-cache", **page_headers(nonce)}
    return HTMLResponse(page.with_nonce(nonce), status, headers=headers)


def _add_page_routes(app: FastAPI, pages: dict[str, Page]) -> None:
    """Every page address answers with the index; the session middleware has turned away who is not signed in."""

    async def show(request: Request) -> Response:
        reader: Reader = request.state.reader
        if request.url.path == shell.SIGN_IN and reader.scope:
            return RedirectResponse(shell.local_address(request.query_params.get("next")), status_code=303)
        return _index(app)

    for page in pages.values():
        app.add_api_route(page.path, show, methods=["GET"], include_in_schema=False)


def _add_not_found(app: FastAPI) -> None:
    """Registered last but before Dash's own catch-all, which would answer everything with status 200."""

    @app.get("/{path:path}", include_in_schema=False)
    async def unknown(path: str) -> Response:
        if f"/{path}".startswith(_MACHINE):
            raise NotFound(f"没有这个地址：/{path}", remedy="请检查链接，或在 /docs 查看接口。")
        return _index(app, 404)
