"""Whether a browser sends a request from a page of this server, or because a page of somebody else made it.

A browser says so itself, in headers that scripts cannot set: ``Sec-Fetch-Site`` over HTTPS (and on the same machine),
``Origin`` everywhere. A terminal, a gateway or a script on the command line sends neither, and carries no cookie that it has not
been given on purpose: it is let through.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing; every other one is asked where it comes from."""

_OWN_SITES = (b"same-origin", b"none")
_PORTS = {"http": ":80", "https": ":443"}


def is_foreign(scheme: str, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a page of another origin made a browser send this.

    Args:
        scheme: of the request, as the proxy that is trusted states it: http, https, ws or wss.
        headers: of the request, names in lower case; ``host`` is what the browser asked for.
    """
    host = origin = site = b""
    for name, value in headers:
        if name == b"host":
            host = value
        elif name == b"origin":
            origin = value
        elif name == b"sec-fetch-site":
            site = value
    if site:
        return site not in _OWN_SITES
    return bool(origin) and not _is_own(scheme, host.decode("latin-1"), origin.decode("latin-1"))


def _is_own(scheme: str, host: str, origin: str) -> bool:
    try:
        page = urlsplit(origin)
    except ValueError:
        return False
    if page.scheme not in _PORTS or not page.netloc:
        return False  # "null", and what is no page of a server
    if scheme in ("https", "wss") and page.scheme != "https":
        return False  # a page that somebody on the line may have written
    port = _PORTS[page.scheme]
    return page.netloc.lower().removesuffix(port) == host.lower().removesuffix(port)
