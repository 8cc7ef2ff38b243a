"""The tile address, ``/tiles/{layer}/{z}/{x}/{y}.mvt``, as plain ASGI: it is asked hundreds of times a second.

Nothing is parsed, validated or injected by a framework on the way. A tile that is in memory and known to be current is
answered without a thread, without a connection and without a copy.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from gisapp.api.answers import answer_of
from gisapp.domain.access import NOBODY, Reader
from gisapp.domain.tiles import Tile
from gisapp.errors import NotFound, NotSignedIn, OnemapError
from layers.tiling import Ready, Served, Tiles, served

PREFIX = "/tiles/"
SUFFIX = ".mvt"
_NUMBER = re.compile("0|[1-9][0-9]{0,9}")
_COMMON = (
    (b"content-type", b"application/vnd.mapbox-vector-tile"),
    # Kept by the browser, asked about every time: an unchanged tile costs a few bytes.
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"Cookie, Accept-Encoding"),
)


def tiles_of(app: Any) -> Tiles:
    """The tiles of an application; made when they are first asked for."""
    found: Tiles | None = getattr(app.state, "tiles", None)
    if found is None:
        settings = getattr(app.state, "settings", None)
        cache_mb = settings.tile_cache_mb if settings is not None else 256
        found = app.state.tiles = Tiles(app.state.database, cache_mb=cache_mb)
    return found


class TileMiddleware:
    """Answers tile addresses before the routes are searched; all else goes on.

    It stands directly inside the middleware that sets ``scope["state"]["reader"]``.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_tile(scope["path"]):
            await answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def is_tile(path: str) -> bool:
    """Whether an address is that of a tile."""
    return path.startswith(PREFIX) and path.endswith(SUFFIX)


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request for a tile."""
    try:
        tiles = tiles_of(scope["app"])
        reader: Reader = scope.get("state", {}).get("reader", NOBODY)
        if not reader.scope:
            raise NotSignedIn("尚未登录或登录已过期。", remedy="请重新登录。")
        source, tile = parse(scope["path"], reader)
        asked, plain = _conditions(scope)
        etag = tiles.current_etag(source)
        if etag is not None and asked == etag:
            await _send(send, 304, etag, b"", ())
            return
        query: bytes = scope.get("query_string", b"")
        address = (
            f"/{tile.z}/{tile.x}/{tile.y}?{query.decode('latin-1')}"
            if query
            else f"/{tile.z}/{tile.x}/{tile.y}"
        )
        ready = tiles.remembered(source, address)
        if ready is None:
            given = dict(parse_qsl(query.decode("latin-1"))) if query else {}
            ready = await tiles.tile(source, tile, address, given)
        await _give(send, ready, asked, plain)
    except OnemapError as error:
        await answer_of(error)(scope, receive, send)
    except asyncio.CancelledError:
        raise


def parse(path: str, reader: Reader) -> tuple[Served, Tile]:
    """Layer and tile of an address.

    Raises:
        NotFound: no such layer for this reader, or no such tile.
    """
    words = path[len(PREFIX) : -len(SUFFIX)].split("/")
    if len(words) == 4:
        source = served(words[0], reader)
        # int() would also take "1_0", blanks and digits of other scripts.
        z, x, y = (int(word) if _NUMBER.fullmatch(word) else -1 for word in words[1:])
        if source.zooms[0] <= z <= source.zooms[1] and 0 <= x < 1 << z and 0 <= y < 1 << z:
            return source, Tile(z, x, y)
    raise NotFound(
        f"没有瓦片 {path}。", remedy="地址应为 /tiles/图层/级别/列/行.mvt，级别见图层的 TileJSON。"
    )


def _conditions(scope: Scope) -> tuple[bytes, bool]:
    """The ETag that the browser has, and whether it cannot take gzip."""
    asked, plain = b"", True
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            asked = value
        elif name == b"accept-encoding":
            plain = b"gzip" not in value
    return asked, plain


async def _give(send: Send, ready: Ready, asked: bytes, plain: bool) -> None:
    if asked == ready.etag:
        await _send(send, 304, ready.etag, b"", ())
    elif not ready.body:
        await _send(send, 204, ready.etag, b"", ())
    elif plain:
        await _send(send, 200, ready.etag, zlib.decompress(ready.body, 47), ())
    else:
        await _send(send, 200, ready.etag, ready.body, ((b"content-encoding", b"gzip"),))


async def _send(
    send: Send, status: int, etag: bytes, body: bytes, more: tuple[tuple[bytes, bytes], ...]
) -> None:
    headers = [*_COMMON, (b"etag", etag), *more]
    if status == 200:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def watch_tables(app: Any, fanout: Any) -> None:
    """Let the tiles of an application hear from the live fan-out which tables change.

    Args:
        fanout: ``gisapp.services.live.Fanout``; its ``watch`` is given what to call.
    """
    revisions = tiles_of(app).revisions

    def heard(message: dict[str, Any]) -> None:
        if message.get("kind") == "revision":
            revisions.changed(str(message.get("family", "")))

    fanout.watch(heard, revisions.listening)
