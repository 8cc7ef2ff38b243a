"""Where a sign-in may lead: addresses of this server, and nothing that any browser could read as another one."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest

from dash_app.shell import local_address

OWN = (
    "/",
    "/cases",
    "/cases/",
    "/cases?state=open&text=%E7%8E%8B",
    "/cases?text=王",
    "/grids#15/30.28/120.16",
    "/analysis?run=7#15/30.28/120.16",
    "/docs",
    "/api/v1/imports/0123456789abcdef/report?kind=people",
    "/a.b/c..d/...",
    "/.well",
    "/cases?next=//example.org",
    "/cases?at=a/../b",
    "/cases?q=%2F%2Fexample.org",
    "/cases#//example.org",
    "/x@example.org:80",
)
FOREIGN = (
    *("", " ", "cases", "?state=open", "#top", "."),
    *(
        "https://example.org/",
        "http:example.org",
        "https:/example.org",
        "javascript:alert(1)",
        "data:text/html,x",
    ),
    *("//example.org", "///example.org", "////example.org/", "/ /example.org"),
    *("/\\example.org", "\\/example.org", "\\\\example.org", "/a\\b", "/a?b=\\c", "/\\/example.org"),
    *("/..//example.org", "/../example.org", "/./example.org", "/a/..//example.org", "/a/../../example.org"),
    *("/..", "/.", "/a/..", "/a/./b", "/a//example.org", "/a//", "//"),
    *("/%2f%2fexample.org", "/%2Fexample.org", "%2f%2fexample.org", "/%252f%252fexample.org", "/a%2f%2fb"),
    *("/%2e%2e//example.org", "/%2e%2e/example.org", "/.%2e/x", "/%2e/x", "/%252e%252e%252fexample.org"),
    *("/%5cexample.org", "/%5c%5cexample.org", "/%255cexample.org"),
    *(
        "/\t/example.org",
        "/\n/example.org",
        "/\r/example.org",
        "\t//example.org",
        "/cases\n",
        "/cases\r\nX: y",
    ),
    *("/%09/example.org", "/%0d%0aSet-Cookie:x", "/%00", "/\x00", "/\x7f", "/\x85x", "/\xa0x", "/a b"),
    *("/cases?x=\ty", "/cases#\nx", " /cases", "/cases "),
    "/" + "a" * 2000,
)


@pytest.mark.parametrize("address", OWN)
def test_an_address_of_this_server_is_gone_to(address: str) -> None:
    assert local_address(address) == address


@pytest.mark.parametrize("address", FOREIGN)
def test_whatever_else_leads_to_the_map(address: str) -> None:
    assert local_address(address) == "/"


def test_none_leads_to_the_map() -> None:
    assert local_address(None) == "/"


@pytest.mark.parametrize("address", [*OWN, *FOREIGN])
def test_what_is_gone_to_stays_on_this_server_when_it_is_read_as_a_browser_reads_it(address: str) -> None:
    read = local_address(address).replace("\\", "/").replace("\t", "").replace("\n", "").replace("\r", "")
    assert urlsplit(urljoin("https://one-map.example/sign-in", read)).netloc == "one-map.example"
    assert not urlsplit(urljoin("https://one-map.example/sign-in", read)).path.startswith("//")


def test_the_longest_address_is_two_thousand_characters() -> None:
    assert local_address("/" + "a" * 1999) == "/" + "a" * 1999
