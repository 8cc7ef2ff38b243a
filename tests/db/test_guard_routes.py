"""The guard around the real application: each address, each kind of answer, each door for a write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from http.cookies import SimpleCookie
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from dash_app import index
from dash_app.server import create_app
from gisapp.api.headers import COMMON
from gisapp.api.rates import Anonymous
from gisapp.api.session import SessionMiddleware
from gisapp.config import Settings
from gisapp.domain.access import Role
from gisapp.services import accounts
from gisapp.store.database import Database
from tests.db import register_world as world

PASSWORD = "a-password-of-tests"
EVIL = {"origin": "http://evil.example"}
OWN = {"origin": "http://testserver"}
KB = 1024


@pytest.fixture(scope="module")
def ids(database: Database) -> dict[str, int]:
    """The small world and an account of every role in its street."""
    found = world.make(database)
    for role in Role:
        accounts.save_user(
            database, login=role.value, name=role.value, role=role, scopes=[world.STREET], password=PASSWORD
        )
    return found


@pytest.fixture(scope="module")
def app(database: Database, ids: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    url = database.url.render_as_string(hide_password=False)
    # The test's client counts as a known proxy, so that a test can say which address it asks from.
    return create_app(
        Settings(url, database_connections=8, data_dir=tmp_path_factory.mktemp("data"), proxy="testclient")
    )


@pytest.fixture(scope="module")
def server(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, follow_redirects=False, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(server: TestClient) -> TestClient:
    """Nobody is signed in."""
    server.cookies.clear()
    return server


@pytest.fixture
def as_role(client: TestClient) -> Callable[[Role], TestClient]:
    """The client, signed in with a role's account."""

    def sign_in(role: Role) -> TestClient:
        answer = client.post("/api/v1/session", json={"login": role.value, "password": PASSWORD})
        assert answer.status_code == 200
        return client

    return sign_in


def complete(answer: Any) -> None:
    """Whether an answer carries everything that it must, once."""
    for name, value in COMMON.items():
        assert answer.headers.get_list(name) == [value], name
    assert len(answer.headers.get_list("content-security-policy")) == 1
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert len(answer.headers.get_list("cache-control")) == 1


# --- headers -------------------------------------------------------------------------------------------------------

TILE = "/tiles/base/14/13657/6746.mvt"
ANSWERS = [
    ("GET", "/", 200),
    ("GET", "/sign-in", 303),
    ("GET", "/nowhere", 404),
    ("GET", "/docs", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/healthz", 200),
    ("GET", "/api/v1/session", 200),
    ("GET", "/api/v1/events", 200),
    ("GET", "/api/v1/events/999999", 404),
    ("GET", "/api/v1/events?limit=x", 422),
    ("GET", "/api/v1/nothing", 404),
    ("PUT", "/api/v1/events", 405),
    ("POST", "/api/v1/events", 422),
    ("GET", "/tiles/base.json", 200),
    ("GET", TILE, 200),
    ("GET", "/tiles/base/99/0/0.mvt", 404),
    ("HEAD", "/api/v1/session", 405),
    ("OPTIONS", "/api/v1/session", 405),
    ("GET", f"{index.vendor_prefix()}/maplibre-gl/dist/maplibre-gl.css", 200),
    ("GET", f"{index.vendor_prefix()}/nothing/x.css", 404),
    ("GET", f"{index.modules_prefix()}/main.mjs", 200),
    ("GET", "/assets/shell.js", 200),
    ("GET", "/assets/nothing.js", 404),
    ("GET", "/_dash-layout", 200),
    ("GET", "/_dash-dependencies", 200),
    ("GET", "/api/v1/imports/" + "0" * 32 + "/report?kind=people", 403),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer_carries_the_headers(
    as_role: Callable[[Role], TestClient], method: str, path: str, status: int
) -> None:
    answer = as_role(Role.LEADER).request(method, path)
    assert answer.status_code in (status, 204 if path == TILE else status)
    complete(answer)
    if path.startswith("/api/"):
        assert answer.headers["cache-control"] == "no-store"


def test_an_error_that_nobody_foresaw_carries_them_too(
    as_role: Callable[[Role], TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gisapp.services import events

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    client = as_role(Role.LEADER)
    monkeypatch.setattr(events, "find", fail)
    answer = client.get("/api/v1/events")
    assert answer.status_code == 500
    complete(answer)


def test_a_tile_that_has_not_changed_and_a_redirect_carry_them_too(
    as_role: Callable[[Role], TestClient],
) -> None:
    client = as_role(Role.LEADER)
    first = client.get(TILE)
    again = client.get(TILE, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    for answer in (first, again):
        complete(answer)
        assert answer.headers["cache-control"] == "private, no-cache"
    client.cookies.clear()
    away = client.get("/cases")
    assert away.status_code == 303
    complete(away)
    assert away.headers["cache-control"] == "no-store"
    refused = client.get("/api/v1/events")
    assert refused.status_code == 401
    complete(refused)


def test_revealed_personal_data_are_not_kept(
    as_role: Callable[[Role], TestClient], ids: dict[str, int]
) -> None:
    client = as_role(Role.MANAGER)
    answer = client.post(f"/api/v1/people/{ids['person']}/reveal", json={"purpose": "走访核实"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"


def test_a_page_has_a_new_nonce_each_time_and_only_on_its_own_scripts(
    as_role: Callable[[Role], TestClient],
) -> None:
    client = as_role(Role.LEADER)
    nonces = set()
    for path, status in (("/", 200), ("/", 200), ("/cases", 200), ("/nowhere", 404)):
        answer = client.get(path)
        assert answer.status_code == status
        (nonce,) = re.findall(r"'nonce-([\w-]+)'", answer.headers["content-security-policy"])
        scripts = re.findall(r"<script\b[^>]*>", answer.text)
        assert len(scripts) > 10
        assert all(f'nonce="{nonce}"' in script for script in scripts)
        assert len(nonce) >= 22
        nonces.add(nonce)
    assert len(nonces) == 4
    assert "script" not in client.get("/docs").text.split("<section", 1)[0]


# --- origin --------------------------------------------------------------------------------------------------------


def _writes(app: FastAPI) -> list[tuple[str, str]]:
    """Every address of the API that changes something, parameters filled in; and the page's callbacks."""
    paths = app.openapi()["paths"]
    found = [
        (method.upper(), re.sub(r"\{[^}]+\}", "1", path))
        for path, methods in paths.items()
        for method in methods
        if method not in ("get", "head", "options")
    ]
    return [*found, ("POST", "/_dash-update-component")]


def test_a_page_of_another_origin_reaches_no_write(
    as_role: Callable[[Role], TestClient], app: FastAPI
) -> None:
    client = as_role(Role.ADMIN)
    writes = _writes(app)
    assert len(writes) > 20 and ("DELETE", "/api/v1/session") in writes
    for method, path in writes:
        for headers in (
            EVIL,
            {"origin": "null"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
        ):
            answer = client.request(method, path, headers=headers, json={})
            assert answer.status_code == 403, (method, path, headers)
            assert answer.json()["error"] == "forbidden" and "别的网站" in answer.json()["message"]
            complete(answer)
    form = client.post("/api/v1/imports", headers=EVIL, files={"file": ("a.csv", b"x")})
    assert form.status_code == 403
    assert client.get("/api/v1/session").status_code == 200  # still signed in


def test_nobody_is_signed_in_by_another_page(client: TestClient) -> None:
    given = {"login": "leader", "password": PASSWORD}
    assert client.post("/api/v1/session", json=given, headers=EVIL).status_code == 403
    assert not client.cookies
    assert client.post("/api/v1/session", json=given, headers=OWN).status_code == 200


def test_own_pages_and_terminals_write(as_role: Callable[[Role], TestClient]) -> None:
    client = as_role(Role.MANAGER)
    for headers in ({}, OWN, {"sec-fetch-site": "same-origin", "origin": "http://inside:8050"}):
        answer = client.post("/api/v1/imports", headers=headers, files={"file": ("a.csv", b"a,b\n1,2\n")})
        assert answer.status_code == 201
    assert client.delete("/api/v1/session", headers=OWN).status_code == 204


def test_behind_a_proxy_the_host_that_the_browser_asked_counts(client: TestClient) -> None:
    given = {"login": "leader", "password": PASSWORD}
    origin = {"origin": "https://map.example"}
    forwarded = {
        "x-forwarded-host": "map.example",
        "x-forwarded-proto": "https",
        "x-forwarded-for": "10.3.0.1",
    }
    assert client.post("/api/v1/session", json=given, headers=origin).status_code == 403
    answer = client.post("/api/v1/session", json=given, headers={**origin, **forwarded})
    assert answer.status_code == 200
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert cookie["secure"] and cookie["httponly"] and cookie["samesite"] == "lax" and cookie["path"] == "/"
    plain = client.post("/api/v1/session", json=given)
    (cookie,) = SimpleCookie(plain.headers["set-cookie"]).values()
    assert not cookie["secure"] and cookie["httponly"] and cookie["samesite"] == "lax"


def test_a_stranger_who_says_that_he_is_a_proxy_is_not_believed(database: Database, app: FastAPI) -> None:
    settings = Settings(database.url.render_as_string(hide_password=False), database_connections=4)
    given = {"login": "leader", "password": PASSWORD}
    with TestClient(create_app(settings)) as outside:
        forwarded = {"x-forwarded-host": "map.example", "x-forwarded-proto": "https"}
        refused = outside.post(
            "/api/v1/session", json=given, headers={"origin": "https://map.example", **forwarded}
        )
        assert refused.status_code == 403
        answer = outside.post("/api/v1/session", json=given, headers=forwarded)
        assert "secure" not in answer.headers["set-cookie"].lower()


def test_a_page_of_another_origin_opens_no_socket(as_role: Callable[[Role], TestClient]) -> None:
    client = as_role(Role.LEADER)
    for headers in (EVIL, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        with (
            pytest.raises(WebSocketDisconnect) as closed,
            client.websocket_connect("/api/v1/live", headers=headers),
        ):
            pass
        assert closed.value.code == 4403
    # The test's client cancels a socket that it leaves.
    with suppress(CancelledError), client.websocket_connect("/api/v1/live", headers=OWN) as socket:
        frame = socket.receive_json()
    assert frame["type"] == "state"


def test_a_page_that_says_too_much_is_closed(as_role: Callable[[Role], TestClient]) -> None:
    with as_role(Role.LEADER).websocket_connect("/api/v1/live") as socket:
        socket.send_text("x" * 65537)
        with pytest.raises(WebSocketDisconnect) as closed:
            while True:
                socket.receive_text()
        assert closed.value.code == 1009


# --- after the sign-in ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("%2Fcases%3Fstate%3Dopen", "/cases?state=open"),
        ("%2F..%2F%2Fevil.example", "/"),
        ("/..//evil.example", "/"),
        ("%2F%5Cevil.example", "/"),
        ("//evil.example", "/"),
        ("%252f%252fevil.example", "/"),
        ("/%252f%252fevil.example", "/"),
        ("%2F%09%2Fevil.example", "/"),
        ("https://evil.example/", "/"),
        ("", "/"),
    ],
)
def test_a_sign_in_leads_nowhere_else(
    as_role: Callable[[Role], TestClient], asked: str, expected: str
) -> None:
    answer = as_role(Role.LEADER).get(f"/sign-in?next={asked}")
    assert (answer.status_code, answer.headers["location"]) == (303, expected)


# --- size ----------------------------------------------------------------------------------------------------------


def pieces(size: int) -> Iterator[bytes]:
    """A body in pieces, its length not said beforehand."""
    while size > 0:
        yield b"x" * min(size, 8 * KB)
        size -= 8 * KB


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/api/v1/session", 8 * KB),
        ("/api/v1/events", 64 * KB),
        ("/api/v1/tracks", 4096 * KB),
        ("/api/v1/grids/330103003001/draft/operations", 128 * KB),
        ("/api/v1/imports/" + "0" * 32, 256 * KB),
        ("/_dash-update-component", 2048 * KB),
    ],
)
def test_no_address_takes_more_than_its_limit(
    as_role: Callable[[Role], TestClient], path: str, most: int, said: bool
) -> None:
    client = as_role(Role.ADMIN)
    kind = {"content-type": "application/json"}
    answer = client.post(path, content=b"x" * (most + 1) if said else pieces(most + 1), headers=kind)
    assert answer.status_code == 413
    assert answer.json()["details"] == {"limit": most}
    complete(answer)
    below = client.post(path, content=b"x" * most if said else pieces(most), headers=kind)
    assert below.status_code not in (413, 408)


def test_who_is_not_signed_in_sends_a_callback_little(client: TestClient) -> None:
    kind = {"content-type": "application/json"}
    for body in (b"x" * (64 * KB + 1), pieces(64 * KB + 1)):
        answer = client.post("/_dash-update-component", content=body, headers=kind)
        assert (answer.status_code, answer.json()["details"]) == (413, {"limit": 64 * KB})
    # the API does not even look
    assert client.post("/api/v1/tracks", content=pieces(5000 * KB), headers=kind).status_code == 401


def test_five_thousand_positions_fit(as_role: Callable[[Role], TestClient]) -> None:
    one = {
        "worker": 9_007_199_254_740_991,
        "at": "2025-06-01T08:00:00.123456+08:00",
        "lon": 120.17000000000002,
        "lat": 30.280000000000001,
        "accuracy": 9.123456789012345,
        "speed": 1.2345678901234567,
        "id": "测" * 64,
    }
    answer = as_role(Role.DEVICE).post("/api/v1/tracks", json={"fixes": [one] * 5000})
    assert answer.status_code == 200


def test_a_form_has_one_file_and_few_words(as_role: Callable[[Role], TestClient]) -> None:
    client = as_role(Role.MANAGER)
    file = ("file", ("a.csv", b"a,b\n1,2\n"))
    for answer in (
        client.post("/api/v1/imports", files=[file, file]),
        client.post("/api/v1/imports", files=[file], data={"note": "x" * (64 * KB + 1)}),
        client.post("/api/v1/imports", files=[file], data={f"w{n}": "x" for n in range(9)}),
    ):
        assert answer.status_code == 400
    assert client.post("/api/v1/imports", files=[file], data={"note": "x"}).status_code == 201


# --- rates ---------------------------------------------------------------------------------------------------------


def layer(app: FastAPI, kind: type[Any]) -> Any:
    """The layer of a kind in an application that has been asked something."""
    found: Any = app.middleware_stack
    while not isinstance(found, kind):
        found = found.app
    return found


def test_a_stranger_who_asks_too_often_is_told_when_to_come_again(
    app: FastAPI,
    client: TestClient,
    as_role: Callable[[Role], TestClient],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As many at first, hardly any more: on a busy machine three hundred requests take longer than they should.
    monkeypatch.setattr(layer(app, SessionMiddleware), "anonymous", Anonymous(per_second=0.01))
    here = {"x-forwarded-for": "10.4.0.1"}
    statuses = [client.get("/api/v1/events", headers=here).status_code for _ in range(301)]
    assert statuses == [401] * 300 + [429]
    refused = client.get("/cases", headers=here)
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
    assert refused.json()["error"] == "too_many" and "秒后再试" in refused.json()["remedy"]
    complete(refused)
    # a made-up session does not help, files and the state of the server are open, other addresses go on
    client.cookies.set("onemap_session", "made-up")
    assert client.get("/api/v1/events", headers=here).status_code == 429
    client.cookies.clear()
    assert client.get("/healthz", headers=here).status_code == 200
    assert client.get("/assets/shell.js", headers=here).status_code == 200
    assert client.get("/api/v1/events", headers={"x-forwarded-for": "10.4.0.2"}).status_code == 401
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/api/v1/live", headers=here):
        pass
    # and who is signed in works on from the same address
    signed = as_role(Role.LEADER)
    assert {signed.get("/api/v1/events", headers=here).status_code for _ in range(30)} == {200}


def test_a_stranger_locks_himself_out_and_not_the_owner(client: TestClient) -> None:
    stranger, owner = {"x-forwarded-for": "10.5.0.1"}, {"x-forwarded-for": "10.5.0.2"}
    wrong = {"login": "planner", "password": "wrong"}
    tries = [client.post("/api/v1/session", json=wrong, headers=stranger) for _ in range(7)]
    assert [answer.status_code for answer in tries] == [401] * 5 + [429] * 2
    assert 1 <= int(tries[-1].headers["retry-after"]) <= 60
    assert "次数过多" in tries[-1].json()["message"]
    right = {"login": "planner", "password": PASSWORD}
    assert client.post("/api/v1/session", json=right, headers=stranger).status_code == 429
    assert client.post("/api/v1/session", json=right, headers=owner).status_code == 200


def test_who_may_not_import_is_refused_before_a_file_is_read(
    app: FastAPI, as_role: Callable[[Role], TestClient]
) -> None:
    token = as_role(Role.LEADER).cookies["onemap_session"]
    asked: list[int] = []
    sent: list[Any] = []

    async def receive() -> Any:
        asked.append(len(sent))
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/imports",
        "raw_path": b"/api/v1/imports",
        "query_string": b"",
        "scheme": "http",
        "root_path": "",
        "http_version": "1.1",
        "client": ("testclient", 1),
        "server": ("testserver", 80),
        "headers": [
            (b"host", b"testserver"),
            (b"cookie", f"onemap_session={token}".encode()),
            (b"content-type", b"multipart/form-data; boundary=x"),
        ],
    }
    portal = as_role(Role.LEADER).portal
    assert portal is not None
    portal.call(app, scope, receive, send)
    assert sent[0]["status"] == 403
    assert [number for number in asked if number == 0] == []  # nothing was asked for before the answer
