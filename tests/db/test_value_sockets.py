"""Odd frames on the sockets: told what was wrong, or closed with a code, and the line of the others goes on."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from starlette.websockets import WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dash_app.server import create_app
from gisapp.api.limits import SOCKET_MESSAGE
from gisapp.domain.access import Role
from gisapp.store.database import Database
from tests import values
from tests.db import value_world
from tests.db.value_world import COMMUNITY, World


@pytest.fixture(scope="module")
def world(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with value_world.opened(database, tmp_path_factory.mktemp("data")) as world:
        yield world


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    """Where a real server of its own answers, on the same database."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app = create_app(world.client.app.state.settings)  # type: ignore[attr-defined]
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started and thread.is_alive() and time.monotonic() < until:
        thread.join(0.05)
    assert server.started
    yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(30)


TEXTS = [
    "",
    "{",
    "[]",
    "null",
    "[" * 400,
    "[" * 60_000,
    '{"look": 7}',
    '{"look": true}',
    '{"look": "\\u0000"}',
    '{"look": "\\ud800"}',
    '{"look": "٣٣"}',
    '{"look": "1_0"}',
    '{"look": "' + "3" * 20_000 + '"}',
    '{"look": ' + "9" * 5000 + "}",
    '{"look": NaN}',
    '{"Look": "33"}',
    "\x00",
    # Longer ones end the line, see ``gisapp.api.limits.SOCKET_MESSAGE``.
    *(
        sent
        for value in values.TEXTS
        if value != "" and len(sent := json.dumps({"look": value}, default=str)) <= SOCKET_MESSAGE
    ),
]


def problem_or(frames: Any, wanted: str, most: int = 40) -> dict[str, Any]:
    """The first frame of a type; others in between are passed over."""
    for _ in range(most):
        frame: dict[str, Any] = json.loads(frames.receive_text())
        if frame["type"] == wanted:
            return frame
    raise AssertionError(f"no {wanted}")


def test_every_odd_text_is_answered_and_the_line_goes_on(world: World) -> None:
    headers = world.headers(Role.LEADER)
    with world.client.websocket_connect("/api/v1/live?situation=1", headers=headers) as line:
        for sent in TEXTS:
            line.send_text(sent)
            told = problem_or(line, "problem")
            assert told["message"] and told["remedy"], sent[:60]
            assert told["details"]["field"] == "look", sent[:60]
        line.send_text(json.dumps({"look": COMMUNITY}))
        assert problem_or(line, "situation")["place"] in ("", COMMUNITY)


def test_a_binary_frame_ends_the_line_with_a_code(world: World) -> None:
    with world.client.websocket_connect("/api/v1/live", headers=world.headers(Role.LEADER)) as line:
        line.send_bytes(b'{"look": ""}')
        with pytest.raises(WebSocketDisconnect) as end:
            while True:
                line.receive_text()
    assert end.value.code == 1003


def test_nobody_is_told_to_sign_in_by_the_code(world: World) -> None:
    with world.client.websocket_connect("/api/v1/live") as line, pytest.raises(WebSocketDisconnect) as end:
        line.receive_text()
    assert end.value.code == 4401


def test_there_is_no_socket_of_callbacks(world: World) -> None:
    """Ours have none; one that stands open would take frames from anybody."""
    for role in (None, Role.ADMIN):
        with (
            pytest.raises(WebSocketDisconnect),
            world.client.websocket_connect("/_dash-ws-callback", headers=world.headers(role)),
        ):
            pass


async def _close_code(line: ClientConnection) -> int | None:
    try:
        async with asyncio.timeout(20):
            while True:
                await line.recv()
    except ConnectionClosed as end:
        return end.rcvd.code if end.rcvd else None


def test_a_real_server_closes_with_a_code(world: World, address: str) -> None:
    """Through the server's own reading of frames: binary, half a character, and a frame beyond every limit."""
    cookie = world.cookies[Role.LEADER]["cookie"]

    async def run() -> None:
        for sent, code in ((b"\x00\xff", 1003), (b'{"look": ""}', 1003)):
            async with connect(f"{address}/api/v1/live", additional_headers={"Cookie": cookie}) as line:
                await line.send(sent)
                assert await _close_code(line) == code
        async with connect(f"{address}/api/v1/live", additional_headers={"Cookie": cookie}) as line:
            await line.send(b"\xff\xfe", text=True)
            assert await _close_code(line) == 1007
        async with connect(f"{address}/api/v1/live", additional_headers={"Cookie": cookie}) as line:
            await line.send("[" * 60_000)
            async with asyncio.timeout(20):
                while True:
                    frame = json.loads(await line.recv())
                    if frame["type"] == "problem":
                        break
        for path in ("/_dash-ws-callback", "/api/v1/nothing", "/api/v1/live%00"):
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"{address}{path}", additional_headers={"Cookie": cookie})
            assert refused.value.response.status_code == 403

    asyncio.run(run())
