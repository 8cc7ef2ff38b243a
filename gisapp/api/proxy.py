"""What a reverse proxy in front of the server says of a request, believed only where the proxy is known.

``onemap serve --proxy`` (``ONEMAP_PROXY``) names the addresses of proxies. Of a request that comes from one of them,
``X-Forwarded-For``, ``X-Forwarded-Proto`` and ``X-Forwarded-Host`` become address, scheme and ``Host``, so that whatever reads
those (rates per address, own origin, secure cookies, links) need not know that there is a proxy.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware


class Proxied:
    """ASGI middleware: takes over what a known proxy says. Stands outside everything else.

    Args:
        proxies: addresses or networks separated by commas; ``*`` for whoever connects.
    """

    def __init__(self, app: ASGIApp, proxies: str) -> None:
        self.app = app
        trusting = ProxyHeadersMiddleware(app, trusted_hosts=proxies)  # type: ignore[arg-type]
        self._known = trusting.trusted_hosts
        self._trusting: ASGIApp = trusting  # type: ignore[assignment]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            peer = scope.get("client")
            if (peer[0] if peer else None) not in self._known:
                await self.app(scope, receive, send)
                return
            _take_host(scope)
        await self._trusting(scope, receive, send)


def _take_host(scope: Scope) -> None:
    asked = b""
    for name, value in scope["headers"]:
        if name == b"x-forwarded-host":
            asked = value.split(b",")[0].strip()
    if asked:
        scope["headers"] = [(name, asked if name == b"host" else value) for name, value in scope["headers"]]
