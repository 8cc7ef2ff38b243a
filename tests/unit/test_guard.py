"""The outermost layer, around applications that do as little as possible."""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import Iterable
from typing import Any

import pytest

from gisapp.api import limits
from gisapp.api.guard import Guard
from gisapp.api.headers import COMMON, DATA_POLICY, PAGE_POLICY, policy_text

JSON = (b"content-type", b"application/json")
STRANGER = (b"origin", b"http://evil.example")


class Answer:
    """What was sent back."""

    def __init__(self, sent: list[Any]) -> None:
        starts = [message for message in sent if message["type"] == "http.response.start"]
        assert len(starts) == 1, sent
        self.status = starts[0]["status"]
        self.headers = [(name.decode(), value.decode()) for name, value in starts[0]["headers"]]
        self.body = b"".join(message.get("body", b"") for message in sent[1:])
        assert sent[-1].get("more_body", False) is False

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str:
        (value,) = [value for known, value in self.headers if known == name.lower()]
        return value


async def read_all(receive: Any) -> bytes | None:
    """A body; None where the sender has left."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


class Reading:
    """An application that reads the body and says how long it was."""

    def __init__(self, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.headers = list(headers)
        self.bodies: list[bytes | None] = []

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        body = await read_all(receive)
        self.bodies.append(body)
        if body is None:
            return
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        await send({"type": "http.response.body", "body": str(len(body)).encode()})


def scope(path: str, method: str, headers: Iterable[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "scheme": "http",
        "client": ("10.0.0.1", 1),
        "headers": [(b"host", b"map.example"), *headers],
    }


def ask(
    guard: Any,
    path: str = "/api/v1/events",
    method: str = "POST",
    headers: Iterable[tuple[bytes, bytes]] = (),
    pieces: Iterable[bytes] = (b"",),
) -> Answer:
    """One request, its body in pieces."""

    async def run() -> list[Any]:
        given = list(pieces)
        waiting = [
            {"type": "http.request", "body": piece, "more_body": number < len(given) - 1}
            for number, piece in enumerate(given)
        ]
        sent: list[Any] = []

        async def receive() -> Any:
            if not waiting:
                await asyncio.Event().wait()
            return waiting.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        await guard(scope(path, method, headers), receive, send)
        return sent

    return Answer(asyncio.run(run()))


# --- headers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/cases", "/api/v1/events", "/tiles/base/1/1/1.mvt", "/assets/a.css", "/x"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_every_answer_carries_every_header_once(path: str, method: str) -> None:
    answer = ask(Guard(Reading()), path, method)
    for name, value in COMMON.items():
        assert answer.header(name) == value
    assert answer.header("content-security-policy") == policy_text(DATA_POLICY)
    assert answer.header("cache-control")


def test_a_refusal_carries_them_too() -> None:
    for answer in (
        ask(Guard(Reading()), headers=[STRANGER]),
        ask(Guard(Reading()), headers=[(b"content-length", b"999999999")]),
    ):
        assert answer.status in (403, 413)
        for name, value in COMMON.items():
            assert answer.header(name) == value
        assert answer.header("cache-control") == "no-store"


def test_modules_have_the_policy_of_pages_because_workers_take_it_from_their_file() -> None:
    for path in ("/vendor/abc/maplibre-gl/dist/maplibre-gl-worker.mjs", "/modules/abc/map.mjs"):
        assert ask(Guard(Reading()), path, "GET").header("content-security-policy") == policy_text(
            PAGE_POLICY
        )


def test_a_policy_that_an_answer_brings_itself_stays() -> None:
    own = (b"content-security-policy", b"script-src 'nonce-x'")
    assert ask(Guard(Reading([own])), "/", "GET").header("content-security-policy") == "script-src 'nonce-x'"


def test_the_nonce_stands_among_the_sources_of_scripts_only() -> None:
    text = policy_text(PAGE_POLICY, "abc")
    assert "script-src 'self' 'nonce-abc';" in text and text.count("abc") == 1
    assert "unsafe" not in policy_text({**PAGE_POLICY, "style-src": ""}, "abc")


@pytest.mark.parametrize(
    ("path", "own", "expected"),
    [
        ("/api/v1/events", None, "no-store"),
        ("/api/v1/style", b"private, no-cache", "no-store"),
        ("/tiles/base/1/1/1.mvt", b"private, no-cache", "private, no-cache"),
        ("/tiles/base.json", None, "no-store"),
        ("/_dash-update-component", None, "no-store"),
        ("/_dash-component-suites/dash/x.js", None, "no-cache"),
        ("/_dash-component-suites/dash/x.js", b"public, max-age=31536000", "public, max-age=31536000"),
        ("/", b"no-cache", "no-cache"),
        ("/vendor/x/y.mjs", b"public, max-age=31536000, immutable", "public, max-age=31536000, immutable"),
        ("/assets/shell.js", None, "no-cache"),
        ("/openapi.json", None, "no-store"),
    ],
)
def test_what_may_be_kept(path: str, own: bytes | None, expected: str) -> None:
    headers = [] if own is None else [(b"cache-control", own)]
    assert ask(Guard(Reading(headers)), path, "GET").header("cache-control") == expected


@pytest.mark.parametrize(("status", "expected"), [(200, "immutable"), (304, "immutable"), (404, "no-store")])
def test_a_named_asset_is_kept_for_ever_unless_it_is_not_found(status: int, expected: str) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": ()})
        await send({"type": "http.response.body", "body": b""})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asked = {**scope("/assets/shell.js", "GET", ()), "query_string": b"m=1700000000.0"}
    asyncio.run(Guard(app)(asked, None, send))  # type: ignore[arg-type]
    assert expected in Answer(sent).header("cache-control")


# --- origin --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
def test_a_page_of_another_origin_changes_nothing(method: str) -> None:
    app = Reading()
    answer = ask(Guard(app), "/api/v1/session", method, [STRANGER])
    assert answer.status == 403 and app.bodies == []
    assert answer.json()["error"] == "forbidden" and answer.json()["remedy"]
    assert ask(Guard(app), "/api/v1/session", method).status == 200
    assert ask(Guard(app), "/api/v1/session", method, [(b"origin", b"http://map.example")]).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_link_from_another_page_opens(method: str) -> None:
    assert ask(Guard(Reading()), "/", method, [(b"sec-fetch-site", b"cross-site")]).status == 200


def open_socket(
    guard: Any, headers: Iterable[tuple[bytes, bytes]], messages: Iterable[Any] = ()
) -> list[Any]:
    waiting = [*messages]
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asked = {**scope("/api/v1/live", "GET", headers), "type": "websocket", "scheme": "ws"}
    asyncio.run(guard(asked, receive, send))
    return sent


async def echo(_scope: Any, receive: Any, send: Any) -> None:
    """A socket that says back what it hears."""
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": str(len(message.get("text") or message["bytes"]))})


def test_a_page_of_another_origin_opens_no_socket() -> None:
    assert open_socket(Guard(echo), [STRANGER]) == [{"type": "websocket.close", "code": 4403}]
    leaves = [{"type": "websocket.disconnect"}]
    for headers in ([], [(b"origin", b"http://map.example")]):
        assert open_socket(Guard(echo), headers, leaves) == [{"type": "websocket.accept"}]


@pytest.mark.parametrize("key", ["text", "bytes"])
def test_a_message_of_a_socket_is_bounded(key: str) -> None:
    letter = "x" if key == "text" else b"x"

    def message(size: int) -> dict[str, Any]:
        return {"type": "websocket.receive", key: letter * size}

    sent = open_socket(Guard(echo), [], [message(65536), message(65537), message(1)])
    assert sent[1] == {"type": "websocket.send", "text": "65536"}
    assert sent[2:] == [{"type": "websocket.close", "code": 1009}]


# --- size ----------------------------------------------------------------------------------------------------------

KB, MB = 1024, 1024 * 1024
SIZES = [
    ("/api/v1/session", 8 * KB),
    ("/api/v1/events", 64 * KB),
    ("/api/v1/events/7/steps", 64 * KB),
    ("/api/v1/sessions", 64 * KB),
    ("/api/v1/grids/330103003001/draft/operations", 128 * KB),
    ("/api/v1/imports/0123456789abcdef", 256 * KB),
    ("/nowhere", 64 * KB),
    ("/_dash-update-component", 2 * MB),
    ("/api/v1/tracks", 4 * MB),
]


@pytest.mark.parametrize(("path", "most"), SIZES)
def test_a_body_of_the_limit_is_read_and_one_byte_more_is_not(path: str, most: int) -> None:
    app = Reading()
    guard = Guard(app)
    for pieces in ([b"x" * most], [b"x" * (most - 1), b"x"]):
        assert ask(guard, path, pieces=pieces).body == str(most).encode()
    # said beforehand: nobody reads it
    said = ask(guard, path, headers=[(b"content-length", str(most + 1).encode())], pieces=[b"x"])
    assert said.status == 413 and len(app.bodies) == 2
    # not said, in pieces: read up to the limit
    found = ask(guard, path, headers=[(b"transfer-encoding", b"chunked")], pieces=[b"x" * most, b"x"])
    assert found.status == 413 and app.bodies[2:] == [None]
    for answer in (said, found):
        assert answer.json()["error"] == "too_large" and answer.json()["details"] == {"limit": most}
        assert limits.size_text(most) in answer.json()["message"]
        assert answer.header("connection") == "close"
    assert (guard.memory.held, guard.disk.held) == (0, 0)


def test_the_limit_of_an_import_is_the_largest_file_and_its_form() -> None:
    limit = limits.limit_for("/api/v1/imports")
    assert limit.most == 512 * MB + 64 * KB and limit.on_disk
    length = [(b"content-length", str(limit.most + 1).encode())]
    assert ask(Guard(Reading()), "/api/v1/imports", headers=length).status == 413
    assert limits.size_text(512 * MB) == "512 MB" and limits.size_text(8 * KB) == "8 KB"


def test_an_application_that_answers_something_else_to_a_body_that_was_cut_is_not_heard() -> None:
    async def confused(_scope: Any, receive: Any, send: Any) -> None:
        await read_all(receive)
        await read_all(receive)
        await send({"type": "http.response.start", "status": 400, "headers": []})
        await send({"type": "http.response.body", "body": b"there was an error parsing the body"})

    async def failing(_scope: Any, receive: Any, _send: Any) -> None:
        if await read_all(receive) is None:
            raise ValueError("no body")

    for app in (confused, failing):
        assert ask(Guard(app), pieces=[b"x" * (64 * KB), b"x"]).status == 413


def test_an_error_of_the_application_is_its_own() -> None:
    async def failing(_scope: Any, receive: Any, _send: Any) -> None:
        await read_all(receive)
        raise ValueError("something else")

    guard = Guard(failing)
    with pytest.raises(ValueError, match="something else"):
        ask(guard, pieces=[b"x"])
    assert guard.memory.held == 0


def test_the_limit_of_one_request_can_be_narrowed() -> None:
    def narrowing(most: int) -> Any:
        async def app(asked: Any, receive: Any, send: Any) -> None:
            asked["state"]["exchange"].narrow(most)
            await Reading()(asked, receive, send)

        return app

    path = "/_dash-update-component"
    assert ask(Guard(narrowing(10)), path, pieces=[b"x" * 10]).body == b"10"
    assert ask(Guard(narrowing(10)), path, pieces=[b"x" * 11]).json()["details"] == {"limit": 10}
    said = ask(Guard(narrowing(10)), path, headers=[(b"content-length", b"11")], pieces=[b"x" * 11])
    assert said.status == 413
    wide = ask(Guard(narrowing(10**9)), path, pieces=[b"x" * (2 * MB), b"x"])
    assert wide.json()["details"] == {"limit": 2 * MB}


def test_what_is_held_at_one_moment_is_bounded() -> None:
    inner: list[Answer] = []

    async def app(asked: Any, receive: Any, send: Any) -> None:
        body = await read_all(receive)
        if body is None:
            return
        if asked["path"] == "/outer":  # a second request while this one is held
            held.append(guard.memory.held)
            second = {**scope("/inner", "POST", ())}
            sent: list[Any] = []
            pieces = [{"type": "http.request", "body": b"y" * 60, "more_body": False}]

            async def more() -> Any:
                return pieces.pop(0)

            async def keep(message: Any) -> None:
                sent.append(message)

            await guard(second, more, keep)
            inner.append(Answer(sent))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    held: list[int] = []
    guard = Guard(app, memory=100)
    assert ask(guard, "/outer", pieces=[b"x" * 50]).status == 200
    assert held == [50]
    assert inner[0].status == 503 and inner[0].header("retry-after")
    assert ask(guard, "/inner", pieces=[b"y" * 60]).status == 200
    assert ask(guard, "/inner", pieces=[b"y" * 100]).status == 200
    assert ask(guard, "/inner", pieces=[b"y" * 101]).status == 503
    assert guard.memory.held == 0


def test_files_do_not_take_the_room_of_other_bodies() -> None:
    guard = Guard(Reading(), memory=10, disk=1000)
    assert ask(guard, "/api/v1/imports", pieces=[b"x" * 1000]).status == 200
    assert ask(guard, "/api/v1/imports", pieces=[b"x" * 1001]).status == 503
    assert ask(guard, "/api/v1/events", pieces=[b"x" * 11]).status == 503


# --- time ----------------------------------------------------------------------------------------------------------


class QuickLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next thing that is waited for."""

    def __init__(self) -> None:
        selector = selectors.DefaultSelector()
        super().__init__(selector)
        self._at = 0.0
        select = selector.select

        def jump(timeout: float | None = None) -> Any:
            self._at += timeout or 0.0
            return select(0)

        selector.select = jump  # type: ignore[method-assign]

    def time(self) -> float:
        return self._at


def post_slowly(app: Any, pieces: Iterable[tuple[float, int]]) -> tuple[Answer, float]:
    """One request whose body comes as (seconds to wait, bytes); the last piece ends it. The answer, and when it was over."""

    async def run() -> tuple[Answer, float]:
        waiting = list(pieces)
        sent: list[Any] = []

        async def receive() -> Any:
            if not waiting:
                await asyncio.Event().wait()  # a sender that has gone silent
            pause, size = waiting.pop(0)
            await asyncio.sleep(pause)
            return {"type": "http.request", "body": b"x" * size, "more_body": bool(waiting)}

        async def send(message: Any) -> None:
            sent.append(message)

        await Guard(app)(scope("/api/v1/events", "POST", ()), receive, send)
        return Answer(sent), asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=QuickLoop) as runner:
        return runner.run(run())


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ([(19.9, 10)], 200),
        ([(20.1, 10)], 408),
        ([(0, 1024), (20.9, 10)], 200),  # a kilobyte earns a second
        ([(0, 1024), (21.1, 10)], 408),
        ([(1.0, 1024)] * 60, 200),  # a slow line, a minute long
        ([(1.0, 100)] * 60, 408),  # a trickle
        ([(0, 10), (10_000.0, 10)], 408),
    ],
)
def test_a_body_has_twenty_seconds_and_one_more_for_each_kilobyte(
    pieces: list[tuple[float, int]], status: int
) -> None:
    answer, _ = post_slowly(Reading(), pieces)
    assert answer.status == status
    if status == 408:
        assert answer.json()["error"] == "too_slow" and answer.json()["remedy"]
        assert answer.header("connection") == "close"


def test_the_rest_of_a_refused_body_is_let_run_out_for_three_seconds() -> None:
    answer, over = post_slowly(Reading(), [(0, 65 * KB), (2.9, 10)])
    assert answer.status == 413 and over == pytest.approx(2.9)
    answer, over = post_slowly(Reading(), [(0, 65 * KB), (60, 10)])
    assert answer.status == 413 and over == pytest.approx(3.0)


def test_who_waits_for_the_answer_is_waited_for() -> None:
    """After the body only the end of the line can come, and that has time."""

    async def patient(_scope: Any, receive: Any, send: Any) -> None:
        await read_all(receive)
        assert (await receive())["body"] == b"xx"  # whatever the line says an hour later
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def run() -> tuple[int, float]:
        sent: list[Any] = []
        pauses = [(0.0, b"x"), (3600.0, b"xx")]

        async def receive() -> Any:
            pause, body = pauses.pop(0)
            await asyncio.sleep(pause)
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await Guard(patient)(scope("/api/v1/events", "POST", ()), receive, send)
        return Answer(sent).status, asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=QuickLoop) as runner:
        assert runner.run(run()) == (200, 3600.0)
