"""Gateways: they report positions of the workers in their scope, and read nothing, whichever way they ask."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import ProgrammingError
from starlette.websockets import WebSocketDisconnect

from dash_app.server import create_app
from gisapp.config import Settings
from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.keys import Scope
from gisapp.errors import Forbidden, NotSignedIn
from gisapp.services import accounts, tracks
from gisapp.services.simulation.gateway import DESK, Desk, Gateway
from gisapp.store.database import Database
from gisapp.store.tables import metadata
from gisapp.store.tile_connections import scope_statement
from tests.db import register_world as world

DEVICE = Reader(77, "gate", "网关", Role.DEVICE, Scope.everything())
PASSWORD = "a-password-of-tests"
READABLE = [table for table in metadata.sorted_tables if table.info.get("scope") != "open"]


@pytest.fixture(scope="module")
def ids(database: Database) -> dict[str, int]:
    """The small world, an account of every role in its street, and a look at somebody."""
    found = world.make(database)
    for role in Role:
        accounts.save_user(
            database,
            login=role.value,
            name=f"测试{role.value}",
            role=role,
            scopes=[world.STREET],
            password=PASSWORD,
            worker_id=found["grid_worker"] if role is Role.WORKER else None,
        )
    with database.begin(SYSTEM) as connection:
        connection.execute(text("SELECT * FROM reveal_person(:id, '核对')"), {"id": found["person"]})
    return found


# --- in the database -----------------------------------------------------------------------------------------------


def _count(connection: Connection, table: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


@pytest.mark.parametrize("table", READABLE, ids=lambda table: table.name)
def test_no_table_shows_a_gateway_a_row(database: Database, ids: dict[str, int], table: Any) -> None:
    with database.begin(DEVICE) as connection:
        assert _count(connection, table) == 0


def test_the_same_tables_are_not_empty(database: Database, ids: dict[str, int]) -> None:
    with database.begin(SYSTEM) as connection:
        filled = {table.name for table in READABLE if _count(connection, table)}
    assert filled >= {
        *("region", "grid", "building", "room", "person", "address", "component", "organisation", "event"),
        *("grid_worker", "search_entry", "building_population", "app_user", "data_change", "look"),
    }


def test_a_gateway_writes_no_row_and_learns_nothing_from_functions(
    database: Database, ids: dict[str, int]
) -> None:
    changes = (
        "UPDATE building SET name = 'x'",
        "DELETE FROM event",
        "UPDATE app_user SET role = 'admin'",
        "DELETE FROM app_session",
    )
    for statement in changes:
        with database.begin(DEVICE) as connection:
            assert connection.execute(text(statement)).rowcount == 0, statement
    with pytest.raises(ProgrammingError), database.begin(DEVICE) as connection:
        connection.execute(text("INSERT INTO region(place, level, name) VALUES ('34', 2, 'x')"))
    with database.begin(SYSTEM) as connection:
        looks = connection.execute(text("SELECT count(*) FROM look")).scalar_one()
        number = connection.execute(
            text("SELECT id_number FROM reveal_person(:id, '核对')"), {"id": ids["person"]}
        ).scalar_one()
    with database.begin(DEVICE) as connection:
        revealed = connection.execute(text("SELECT * FROM reveal_person(:id, '核对')"), {"id": ids["person"]})
        assert revealed.first() is None
        known = connection.execute(text("SELECT * FROM known_people(ARRAY[:n])"), {"n": number})
        assert known.first() is None
    with database.begin(SYSTEM) as connection:
        assert connection.execute(text("SELECT count(*) FROM look")).scalar_one() == looks + 1


def test_the_way_of_tiles_shows_a_gateway_nothing_either(database: Database, ids: dict[str, int]) -> None:
    plain = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg2.connect(plain, options="-c search_path=onemap,public")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            seen = {}
            for reader in (DEVICE, SYSTEM):
                cursor.execute(scope_statement(reader) + "SELECT count(*) FROM building")
                seen[reader.role] = cursor.fetchone()[0]
    finally:
        connection.close()
    assert seen[Role.DEVICE] == 0 < seen[Role.ADMIN]


# --- over HTTP -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def app(database: Database, ids: dict[str, int]) -> FastAPI:
    return create_app(Settings(database.url.render_as_string(hide_password=False), database_connections=8))


@pytest.fixture(scope="module")
def server(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, follow_redirects=False) as client:
        yield client


@pytest.fixture
def as_role(server: TestClient) -> Callable[[Role], TestClient]:
    """The client, signed in with a role's account."""

    def sign_in(role: Role) -> TestClient:
        server.cookies.clear()
        given = {"login": role.value, "password": PASSWORD}
        assert server.post("/api/v1/session", json=given).status_code == 200
        return server

    return sign_in


def _fix(worker: int) -> dict[str, Any]:
    return {"worker": worker, "at": clock.now().isoformat(), "lon": 120.162, "lat": 30.272, "accuracy": 8}


_ALL = frozenset(Role)
_PEOPLE = _ALL - {Role.DEVICE}
_WATCHERS = frozenset({Role.LEADER, Role.MANAGER, Role.WORKER, Role.ADMIN})
RESOURCES: dict[str, tuple[frozenset[Role], int]] = {
    "/api/v1/session": (_ALL, 403),
    "/api/v1/layers": (_PEOPLE, 403),
    "/api/v1/style": (_PEOPLE, 403),
    "/api/v1/features/buildings": (_PEOPLE, 403),
    "/tiles/base.json": (_PEOPLE, 403),
    "/api/v1/search?q=3": (_PEOPLE, 403),
    "/api/v1/profile/region/330103001": (_PEOPLE, 403),
    "/api/v1/events": (_PEOPLE, 403),
    "/api/v1/indicators": (_PEOPLE, 403),
    "/api/v1/indicators/closed_on_time": (_PEOPLE, 403),
    "/api/v1/analysis/demand": (_PEOPLE, 403),
    "/api/v1/rules": (_PEOPLE, 403),
    "/api/v1/workers": (_WATCHERS, 403),
    "/api/v1/alerts": (_WATCHERS, 403),
    "/api/v1/imports": (frozenset({Role.MANAGER, Role.ADMIN}), 403),
    "/": (_PEOPLE, 303),
    "/cases": (_PEOPLE, 303),
    "/screen": (_PEOPLE, 303),
}
"""Address → who is answered, and with what the others are turned away (a page asks to sign in as somebody else)."""


@pytest.mark.parametrize("role", list(Role))
def test_every_role_gets_what_is_its_own_and_no_more(
    as_role: Callable[[Role], TestClient], role: Role
) -> None:
    client = as_role(role)
    found = {address: client.get(address).status_code for address in RESOURCES}
    assert found == {
        address: 200 if role in allowed else otherwise for address, (allowed, otherwise) in RESOURCES.items()
    }


@pytest.mark.parametrize("role", list(Role))
def test_who_may_report_positions(
    as_role: Callable[[Role], TestClient], ids: dict[str, int], role: Role
) -> None:
    answer = as_role(role).post("/api/v1/tracks", json={"fixes": [_fix(ids["grid_worker"])]})
    if role in (Role.DEVICE, Role.WORKER, Role.ADMIN):
        assert answer.status_code == 200
        assert answer.json()["stored"] + answer.json()["doubled"] == 1
    else:
        assert answer.status_code == 403


def _addresses(app: FastAPI) -> list[tuple[str, str]]:
    """Every address of the API with each of its methods, parameters filled in."""
    paths = app.openapi()["paths"]
    return [
        (method, re.sub(r"\{[^}]+\}", "1", path)) for path, methods in paths.items() for method in methods
    ]


def test_a_gateway_is_turned_away_at_every_address_but_its_two(
    as_role: Callable[[Role], TestClient], app: FastAPI
) -> None:
    client = as_role(Role.DEVICE)
    own = {"/api/v1/tracks", "/api/v1/session"}
    machine = [(m, p) for m, p in _addresses(app) if p.startswith(("/api/", "/tiles/")) and p not in own]
    assert len(machine) > 40
    for method, path in machine:
        answer = client.request(method, path, json={})
        assert answer.status_code == 403, (method, path)
        assert "终端网关" in answer.json()["message"]
    tile = client.get("/tiles/base/14/13657/6746.mvt")
    assert tile.status_code == 403
    for path in ("/docs", "/openapi.json", "/imports", "/nowhere"):
        assert client.get(path).headers["location"].startswith("/sign-in"), path
    assert client.get("/sign-in").status_code == 200


def test_no_socket_opens_for_a_gateway(as_role: Callable[[Role], TestClient]) -> None:
    client = as_role(Role.DEVICE)
    with pytest.raises(WebSocketDisconnect) as closed, client.websocket_connect("/api/v1/live"):
        pass
    assert closed.value.code == 4403


def test_the_sign_in_page_tells_a_gateway_what_its_account_is_for(server: TestClient) -> None:
    server.cookies.clear()
    given = {"login": "device", "password": PASSWORD, "at_page": True}
    refused = server.post("/api/v1/session", json=given)
    assert refused.status_code == 403
    assert "不能登录网页" in refused.json()["message"] and refused.json()["remedy"]
    assert not server.cookies
    assert server.post("/api/v1/session", json={**given, "password": "wrong"}).status_code == 401
    assert server.post("/api/v1/session", json={**given, "login": "leader"}).status_code == 200


def test_a_gateway_reports_for_its_own_scope_only(database: Database, ids: dict[str, int]) -> None:
    away = Reader(78, "gate2", "网关", Role.DEVICE, Scope([world.OTHER]))
    receipt = tracks.take_in(database, away, [_fix(ids["grid_worker"])])
    assert receipt.stored == 0
    assert [refusal.field for refusal in receipt.refused] == ["worker"]
    with pytest.raises(Forbidden):
        tracks.live(database, DEVICE)


# --- the simulator -------------------------------------------------------------------------------------------------


def test_the_simulators_desk_works_on_cases_and_the_gateway_does_not(
    database: Database, server: TestClient, ids: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = Gateway("http://testserver", "device", PASSWORD)
    desk = Desk("http://testserver", database, [world.STREET])
    case = {"lon": 120.162, "lat": 30.272, "matter_code": "01001"}
    for one in (gateway, desk):
        # the same requests, answered by the application in this process
        monkeypatch.setattr(one, "_client", TestClient(server.app, follow_redirects=False))
    assert gateway.post("/api/v1/events", case)[0] == 403
    status, event = desk.post("/api/v1/events", case)
    assert status == 201
    for body in (
        {"action": "assign", "assignee": "城管"},
        {"action": "handle"},
        {"action": "close", "note": "好"},
    ):
        assert desk.post(f"/api/v1/events/{event['id']}/steps", body)[0] == 200
    found = {user.login: user for user in accounts.list_users(database)}
    assert found[DESK].role is Role.MANAGER and found[DESK].scope == Scope([world.STREET])
    with pytest.raises(NotSignedIn):
        accounts.sign_in(database, DESK, accounts.DEMO_PASSWORD)
    with database.begin(SYSTEM) as connection:
        secret = text("SELECT password_hash FROM app_user WHERE login = :desk")
        before = connection.execute(secret, {"desk": DESK}).scalar_one()
        Desk("http://testserver", database, [world.STREET])._sign_in()
        assert connection.execute(secret, {"desk": DESK}).scalar_one() == before
