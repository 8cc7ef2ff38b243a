"""Lines to clients: a head that does not come, or is too large, ends the line. Against a real server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from gisapp.api import guard, limits
from gisapp.api.connections import Connection
from gisapp.api.guard import Guard

KB = 1024


async def hello(_scope: Any, receive: Any, send: Any) -> None:
    """Reads the body and says how long it was."""
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        size += len(message["body"])
        if not message["more_body"]:
            break
    body = str(size).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    )
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads must be there within a third of a second; asked for before the line is opened."""
    monkeypatch.setattr(limits, "HEAD_S", 0.3)


@pytest.fixture
def port() -> Iterator[int]:
    config = uvicorn.Config(
        Guard(hello), http=Connection, lifespan="off", log_level="critical", proxy_headers=False
    )
    server = uvicorn.Server(config)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen(16)
        thread = threading.Thread(target=server.run, args=([door],), daemon=True)
        thread.start()
        yield door.getsockname()[1]
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def line(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as found:
        yield found


def rest(line: socket.socket) -> bytes:
    """What still comes until the server ends the line."""
    found = b""
    try:
        while piece := line.recv(65536):
            found += piece
    except ConnectionResetError:
        pass
    return found


def answer(line: socket.socket) -> bytes:
    found = b""
    while b"\r\n\r\n" not in found:
        found += line.recv(65536)
    return found


def test_a_line_on_which_nothing_comes_is_ended(hasty: None, line: socket.socket) -> None:
    begun = time.monotonic()
    assert rest(line) == b""
    assert 0.2 < time.monotonic() - begun < 15


@pytest.mark.parametrize("head", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: "])
def test_a_head_that_stops_is_ended(hasty: None, line: socket.socket, head: bytes) -> None:
    line.sendall(head)
    assert rest(line) == b""


def test_a_head_that_drips_is_ended_all_the_same(hasty: None, line: socket.socket) -> None:
    """Each drop is no reason to wait longer."""
    drops = 0
    begun = time.monotonic()
    with pytest.raises(OSError):
        while time.monotonic() - begun < 10:
            line.sendall(b"X: y\r\n" if drops else b"GET / HTTP/1.1\r\n")
            drops += 1
            time.sleep(0.02)
    assert drops > 2


def test_a_second_head_on_the_same_line_is_looked_after_too(
    line: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b" 200 " in answer(line)
    monkeypatch.setattr(limits, "HEAD_S", 0.3)
    line.sendall(b"GET / HT")
    assert rest(line) == b""


def test_an_endless_head_is_refused(line: socket.socket) -> None:
    try:
        line.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * (64 * KB * 40))
    except OSError:
        return  # ended while we were still sending
    assert rest(line)[:12] in (b"", b"HTTP/1.1 400")


def test_a_large_head_below_the_limit_is_read(line: socket.socket) -> None:
    line.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * (48 * KB) + b"\r\n\r\n")
    assert b" 200 " in answer(line)


def test_a_body_may_take_longer_than_a_head(hasty: None, line: socket.socket) -> None:
    line.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n")
    until = time.monotonic() + 3 * limits.HEAD_S
    for number in range(4):
        line.sendall(b"x" * 1000)
        time.sleep(max(0.0, until - time.monotonic()) / (4 - number))
    assert answer(line).endswith(b"4000")


def test_a_body_that_stops_is_answered_and_ended(
    line: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_S", 0.3)
    monkeypatch.setattr(guard, "LINGER_S", 0.1)
    line.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\nx")
    assert b" 408 " in rest(line)


def test_a_body_that_is_too_large_is_answered_before_it_is_all_there(line: socket.socket) -> None:
    line.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = b"x" * (16 * KB)
    for _ in range(5):
        line.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
    assert b" 413 " in answer(line)
