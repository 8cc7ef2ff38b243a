"""Headers that every answer carries: what a browser may do with it, and whether it may keep it.

``docs/security.md`` gives the reason of each directive and of each header; a contract test compares the two.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

Header = tuple[bytes, bytes]

NONCE_BYTES = 16

PAGE_POLICY: Mapping[str, str] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "worker-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "object-src": "'none'",
    "frame-src": "'none'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}
"""Content security policy of pages, and of modules because a worker has the policy of its own file. On a page the nonce of
the answer is added to ``script-src``."""

DATA_POLICY: Mapping[str, str] = {
    "default-src": "'none'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
}
"""Content security policy of everything that is no page: opened by itself, it can do nothing."""

COMMON: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        (
            *("geolocation=(self)", "fullscreen=(self)", "clipboard-write=(self)"),
            *(
                f"{feature}=()"
                for feature in (
                    *(
                        "accelerometer",
                        "autoplay",
                        "camera",
                        "clipboard-read",
                        "display-capture",
                    ),
                    *("encrypted-media", "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment"),
                    *("picture-in-picture", "publickey-credentials-get", "screen-wake-lock", "serial", "usb"),
                    "xr-spatial-tracking",
                )
            ),
        )
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every answer, beside its content security policy and what it says of keeping it."""

KEEP_NOTHING = b"no-store"
ASK_AGAIN = b"no-cache"
KEEP_FOR_EVER = b"public, max-age=31536000, immutable"

_CSP = b"content-security-policy"
_CACHE = b"cache-control"
_KEEP_NOTHING: Header = (_CACHE, KEEP_NOTHING)


def policy_text(policy: Mapping[str, str], nonce: str = "") -> str:
    """A content security policy as the header spells it.

    Args:
        nonce: added to the sources of scripts; none when empty.
    """
    given = {**policy, "script-src": f"{policy['script-src']} 'nonce-{nonce}'"} if nonce else policy
    return "; ".join(f"{name} {sources}" for name, sources in given.items())


def draw_nonce() -> str:
    """A nonce for the scripts of one answer."""
    return secrets.token_urlsafe(NONCE_BYTES)


def page_headers(nonce: str) -> dict[str, str]:
    """Headers that an answer with inline scripts of this nonce brings itself."""
    return {"Content-Security-Policy": policy_text(PAGE_POLICY, nonce)}


_ALWAYS: tuple[Header, ...] = tuple((name.lower().encode(), value.encode()) for name, value in COMMON.items())
_DATA: tuple[Header, ...] = (*_ALWAYS, (_CSP, policy_text(DATA_POLICY).encode()))
_FILE: tuple[Header, ...] = (*_ALWAYS, (_CSP, policy_text(PAGE_POLICY).encode()))


class Kind:
    """What all answers below one address have in common.

    Args:
        headers: those of every answer.
        cache: what is said of keeping an answer that says nothing itself; errors are not kept.
        strict: nothing but ``cache`` is said, whatever an answer says itself.
    """

    __slots__ = ("cache", "headers", "plain", "strict")

    def __init__(self, headers: tuple[Header, ...], cache: bytes, *, strict: bool = False) -> None:
        self.headers = headers
        self.cache = (_CACHE, cache)
        self.strict = strict
        self.plain = tuple(header for header in headers if header[0] != _CSP)

    def complete(self, status: int, given: Iterable[Header]) -> list[Header]:
        """The headers of an answer with those that it must have.

        Args:
            given: its own headers, names in lower case, as the application sends them.
        """
        headers = list(given)
        extra, keeps = self.headers, False
        for name, _ in headers:
            if name == _CACHE:
                keeps = True
            elif name == _CSP:
                extra = self.plain
        if keeps and self.strict:
            headers = [header for header in headers if header[0] != _CACHE]
            keeps = False
        headers += extra
        if not keeps:
            headers.append(self.cache if status < 400 else _KEEP_NOTHING)
        return headers


_API = Kind(_DATA, KEEP_NOTHING, strict=True)
_OTHER = Kind(_DATA, KEEP_NOTHING)
_MODULES = Kind(_FILE, KEEP_NOTHING)  # the mounts say themselves that a file may be kept for ever
_SUITES = Kind(_DATA, ASK_AGAIN)
_ASSET = Kind(_DATA, ASK_AGAIN)
_NAMED_ASSET = Kind(_DATA, KEEP_FOR_EVER)


def kind_of(path: str, query: bytes) -> Kind:
    """Which headers answers at an address carry."""
    if path.startswith("/tiles/"):
        return _OTHER  # tiles say themselves: kept by the browser, asked about every time
    if path.startswith("/api/"):
        return _API
    if path.startswith(("/vendor/", "/modules/")):
        return _MODULES
    if path.startswith("/_dash-component-suites/"):
        return _SUITES
    if path.startswith("/assets/"):
        # Dash names a file's time of change in its address; a file that is not found is not kept.
        return _NAMED_ASSET if query.startswith(b"m=") else _ASSET
    return _OTHER
