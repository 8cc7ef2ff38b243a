"""What a proxy says is believed where the proxy is known, and nowhere else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gisapp.api.proxy import Proxied

FORWARDED = [
    (b"host", b"inside:8050"),
    (b"x-forwarded-for", b"10.9.8.7"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"map.example"),
    (b"origin", b"https://map.example"),
]


def seen(proxies: str, peer: str | None, headers: list[tuple[bytes, bytes]], kind: str = "http") -> Any:
    """Client, scheme and host that the application sees, and its headers."""
    found: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        client = scope["client"][0] if scope["client"] else None
        found.extend((client, scope["scheme"], dict(scope["headers"]).get(b"host"), scope["headers"]))

    scope = {
        "type": kind,
        "client": (peer, 1234) if peer else None,
        "scheme": "http" if kind == "http" else "ws",
        "headers": headers,
    }
    asyncio.run(Proxied(app, proxies)(scope, None, None))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize("proxies", ["127.0.0.1", "10.0.0.1, 127.0.0.1", "127.0.0.0/8", "*"])
def test_a_known_proxy_is_believed(proxies: str) -> None:
    assert seen(proxies, "127.0.0.1", FORWARDED)[:3] == ["10.9.8.7", "https", b"map.example"]
    assert seen(proxies, "127.0.0.1", FORWARDED, "websocket")[:3] == ["10.9.8.7", "wss", b"map.example"]


@pytest.mark.parametrize(
    ("proxies", "peer"), [("127.0.0.1", "10.0.0.5"), ("10.0.0.0/24", "10.0.1.5"), ("", "10.0.0.5")]
)
def test_a_stranger_who_says_the_same_is_not(proxies: str, peer: str) -> None:
    assert seen(proxies, peer, FORWARDED)[:3] == [peer, "http", b"inside:8050"]
    assert seen(proxies, peer, FORWARDED)[3] is FORWARDED


def test_an_address_that_a_client_made_up_does_not_count_where_proxies_are_named() -> None:
    made_up = [(b"host", b"a"), (b"x-forwarded-for", b"1.1.1.1, 10.9.8.7")]
    assert seen("127.0.0.1", "127.0.0.1", made_up)[0] == "10.9.8.7"


def test_without_a_stated_host_the_host_stays() -> None:
    plain = [(b"host", b"map.example"), (b"x-forwarded-for", b"10.9.8.7")]
    assert seen("127.0.0.1", "127.0.0.1", plain)[:3] == ["10.9.8.7", "http", b"map.example"]
    several = [*FORWARDED[:3], (b"x-forwarded-host", b"map.example, inside")]
    assert seen("127.0.0.1", "127.0.0.1", several)[2] == b"map.example"


def test_a_client_on_a_socket_of_the_machine_has_no_address() -> None:
    assert seen("127.0.0.1", None, FORWARDED)[:3] == [None, "http", b"inside:8050"]
    assert seen("*", None, FORWARDED)[:3] == ["10.9.8.7", "https", b"map.example"]
