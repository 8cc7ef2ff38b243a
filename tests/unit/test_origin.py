"""Where a request comes from: the browser's own words, and the host that it asked."""

from __future__ import annotations

import pytest

from gisapp.api.origin import SAFE_METHODS, is_foreign


def foreign(scheme: str = "http", **headers: str) -> bool:
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return is_foreign(scheme, given)


OWN = [
    ("http", "a.example", "http://a.example"),
    ("http", "a.example:80", "http://a.example"),
    ("http", "a.example", "http://a.example:80"),
    ("http", "a.example:8050", "http://a.example:8050"),
    ("http", "A.Example", "http://a.example"),
    ("https", "a.example", "https://a.example"),
    ("https", "a.example:443", "https://a.example"),
    ("wss", "a.example", "https://a.example"),
    ("ws", "10.1.2.3:8050", "http://10.1.2.3:8050"),
    ("http", "[::1]:8050", "http://[::1]:8050"),
    # a proxy that ends HTTPS and is not known: the host is what counts
    ("http", "a.example", "https://a.example"),
]
FOREIGN = [
    ("http", "a.example", "http://b.example"),
    ("http", "a.example", "http://a.example.evil.example"),
    ("http", "a.example", "http://evil-a.example"),
    ("http", "a.example", "http://a.example:8080"),
    ("http", "a.example:8050", "http://a.example"),
    ("http", "a.example:443", "http://a.example"),
    ("https", "a.example", "http://a.example"),
    ("wss", "a.example", "http://a.example"),
    ("http", "a.example", "null"),
    ("http", "a.example", "file://"),
    ("http", "a.example", "app://a.example"),
    ("http", "a.example", "http://"),
    ("http", "a.example", "http://a.example@b.example"),
    ("http", "a.example", "http://[::1"),
    ("http", "", "http://a.example"),
]


@pytest.mark.parametrize(("scheme", "host", "origin"), OWN)
def test_a_page_of_this_server_is_no_stranger(scheme: str, host: str, origin: str) -> None:
    assert not foreign(scheme, host=host, origin=origin)


@pytest.mark.parametrize(("scheme", "host", "origin"), FOREIGN)
def test_a_page_of_another_origin_is_one(scheme: str, host: str, origin: str) -> None:
    assert foreign(scheme, host=host, origin=origin)


@pytest.mark.parametrize(
    ("site", "expected"), [("same-origin", False), ("none", False), ("same-site", True), ("cross-site", True)]
)
def test_where_the_browser_says_the_site_that_counts(site: str, expected: bool) -> None:
    """A proxy may have changed the host that the origin would be compared with; a page cannot set this header."""
    for origin in ("http://a.example", "http://b.example", "null"):
        assert foreign(host="a.example", origin=origin, sec_fetch_site=site) is expected
    assert foreign(host="a.example", sec_fetch_site=site) is expected


def test_a_terminal_says_neither_and_is_let_through() -> None:
    assert not foreign(host="a.example")
    assert not foreign(host="a.example", cookie="onemap_session=x", user_agent="curl/8")
    assert not foreign(host="a.example", referer="http://b.example/")


def test_what_changes_something_is_asked() -> None:
    assert {"GET", "HEAD", "OPTIONS", "TRACE"} == SAFE_METHODS
