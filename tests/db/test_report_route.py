"""Reports over HTTP: ordinary ones take the short way, everything else the route, and both say the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from dash_app.server import create_app
from gisapp.api import tracks as api
from gisapp.config import Settings
from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Role
from gisapp.services import accounts, tracks
from gisapp.store.database import Database

PATH = "/api/v1/tracks"
PASSWORD = "a-password-of-tests"
PLACE = "330103001001001"


@pytest.fixture(scope="module")
def worker(database: Database) -> int:
    with database.begin(SYSTEM) as connection:
        return int(
            connection.execute(
                text(
                    "INSERT INTO onemap.grid_worker (place, code, name) VALUES (:p, 'W1', '王芳') RETURNING id"
                ),
                {"p": PLACE},
            ).scalar_one()
        )


@pytest.fixture(scope="module")
def client(database: Database) -> Iterator[TestClient]:
    for role in (Role.DEVICE, Role.LEADER):
        accounts.save_user(
            database, login=role.value, name=role.value, role=role, scopes=[PLACE[:9]], password=PASSWORD
        )
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with TestClient(create_app(Settings(url, database_connections=8)), follow_redirects=False) as client:
        yield client


def sign_in(client: TestClient, role: Role) -> None:
    client.cookies.clear()
    assert client.post("/api/v1/session", json={"login": role.value, "password": PASSWORD}).status_code == 200


def fixes(worker: int, seconds: float) -> dict[str, Any]:
    at = clock.now() - timedelta(seconds=3600 - seconds)
    return {"fixes": [{"worker": worker, "at": at.isoformat(), "lon": 120.1, "lat": 30.3}]}


def test_the_short_way_and_the_route_say_the_same(
    client: TestClient, worker: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(client, Role.DEVICE)
    (one,) = fixes(worker, 0)["fixes"]
    cases = [
        {"fixes": [one, one, {"worker": "x"}]},
        {"fixes": []},
        {"fixes": [None] * 5001},
    ]
    short = [client.post(PATH, json=case) for case in cases]
    # A report that the short way does not know goes to the route.
    monkeypatch.setattr(api, "_fixes", lambda *_: None)
    long = [client.post(PATH, json=case) for case in cases]
    assert [a.status_code for a in short] == [a.status_code for a in long] == [200, 200, 422]
    # What the one has stored is doubled for the other.
    assert (short[0].json().pop("stored"), long[0].json().pop("stored")) == (1, 0)
    assert short[0].json()["refused"] == long[0].json()["refused"] != []
    assert [a.json() for a in short[1:]] == [a.json() for a in long[1:]]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"),
        (b"[1]", "application/json"),
        (b'{"fixes": 7}', "application/json"),
        (b"{}", "application/json"),
        (b'{"fixes": []}', "text/plain"),
        (b"", "application/json"),
    ],
)
def test_what_is_no_report_is_refused_with_what_is_wrong(client: TestClient, body: bytes, kind: str) -> None:
    sign_in(client, Role.DEVICE)
    answer = client.post(PATH, content=body, headers={"content-type": kind})
    assert answer.status_code == 422
    assert answer.json()["remedy"]


def test_who_may_not_report_is_told_so(client: TestClient, worker: int) -> None:
    client.cookies.clear()
    assert client.post(PATH, json=fixes(worker, 10)).status_code == 401
    sign_in(client, Role.LEADER)
    answer = client.post(PATH, json=fixes(worker, 10))
    assert answer.status_code == 403 and "终端" in answer.json()["message"]


def test_a_report_in_pieces_and_with_a_charset_is_one_report(client: TestClient, worker: int) -> None:
    sign_in(client, Role.DEVICE)
    body = json.dumps(fixes(worker, 20)).encode()
    pieces = iter([body[:10], body[10:40], body[40:]])
    answer = client.post(PATH, content=pieces, headers={"content-type": "application/json; charset=utf-8"})
    assert answer.json()["stored"] == 1


def test_an_unforeseen_error_is_answered_with_a_number(
    client: TestClient, worker: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(client, Role.DEVICE)

    def break_down(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(tracks, "_commit", break_down)
    quiet = TestClient(client.app, raise_server_exceptions=False, cookies=client.cookies)
    answer = quiet.post(PATH, json=fixes(worker, 40))
    assert answer.status_code == 500
    assert "编号" in answer.json()["message"] and answer.json()["remedy"]
