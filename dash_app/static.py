"""Files that never change under their address: vendored modules and our own, compressed once and kept."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_TYPES = {
    ".mjs": "text/javascript; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".map": "application/json",
}


class ImmutableFiles(StaticFiles):
    """Static files below an address that carries a digest of their content.

    Args:
        directory: where they lie.
        only: first path parts that may be served; None for all. Keeps the rest of ``node_modules`` private.
    """

    def __init__(self, directory: Path, only: tuple[str, ...] | None = None) -> None:
        super().__init__(directory=directory, check_dir=False)
        self._only = only
        self._packed: dict[str, bytes] = {}

    async def get_response(self, path: str, scope: Scope) -> Response:
        if self._only is not None and path.split("/", 1)[0] not in self._only:
            raise HTTPException(status_code=404)
        kind = _TYPES.get(Path(path).suffix)
        response: Any = await super().get_response(path, scope)
        if kind and response.status_code == 200:
            accepts = dict(scope["headers"]).get(b"accept-encoding", b"")
            if b"gzip" in accepts:
                body = self._packed.get(path)
                if body is None:
                    raw = await asyncio.to_thread(Path(response.path).read_bytes)
                    body = self._packed[path] = await asyncio.to_thread(gzip.compress, raw, 6)
                response = Response(
                    body, media_type=kind, headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
                )
            else:
                response.headers["Content-Type"] = kind
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
