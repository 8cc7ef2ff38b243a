"""Cases over HTTP: what is new and what was known, who was first, and which field was wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dash_app.server import create_app
from gisapp.config import Settings
from gisapp.domain.access import Role
from gisapp.services import accounts
from gisapp.store.database import Database
from tests.db import case_world as world
from tests.db.case_world import COMMUNITY, LAT, LONGITUDES, NEIGHBOUR, WEST

PATH = "/api/v1/events"
PASSWORD = "a-password-of-tests"


@pytest.fixture(scope="module")
def workers(database: Database) -> dict[str, int]:
    return world.build(database)


@pytest.fixture(scope="module")
def server(database: Database, workers: dict[str, int]) -> Iterator[TestClient]:
    for login, role, scope in (
        ("wang", Role.MANAGER, COMMUNITY),
        ("li", Role.MANAGER, COMMUNITY),
        ("sun", Role.MANAGER, NEIGHBOUR),
        ("worker", Role.WORKER, WEST),
    ):
        accounts.save_user(database, login=login, name=login, role=role, scopes=[scope], password=PASSWORD)
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with TestClient(create_app(Settings(url, database_connections=8)), follow_redirects=False) as client:
        yield client


def sign_in(client: TestClient, login: str) -> TestClient:
    client.cookies.clear()
    assert client.post("/api/v1/session", json={"login": login, "password": PASSWORD}).status_code == 200
    return client


def case(place: str = WEST, **more: Any) -> dict[str, Any]:
    return {"lon": LONGITUDES[place], "lat": LAT, "matter_code": "01001", **more}


def test_a_known_message_is_200_and_a_new_one_201(server: TestClient) -> None:
    first = sign_in(server, "wang").post(PATH, json=case(source_key="k"))
    again = server.post(PATH, json=case(source_key="k"))
    assert (first.status_code, first.json()["known"]) == (201, False)
    assert (again.status_code, again.json()["known"]) == (200, True)
    assert again.json()["id"] == first.json()["id"]
    others = [
        sign_in(server, "li").post(PATH, json=case(source_key="k")),
        sign_in(server, "sun").post(PATH, json=case(world.BEYOND, source_key="k")),
        server.post(PATH, json=case(world.BEYOND, source_key="")),
        server.post(PATH, json=case(world.BEYOND, source_key="")),
    ]
    assert [answer.status_code for answer in others] == [201] * 4
    assert len({answer.json()["id"] for answer in [first, *others]}) == 5


def test_whoever_is_late_is_told_who_was_first(server: TestClient) -> None:
    made = sign_in(server, "wang").post(PATH, json=case()).json()
    path = f"{PATH}/{made['id']}/steps"
    assert (
        server.post(path, json={"action": "assign", "assignee": "环卫所", "after_step": 1}).status_code == 200
    )
    late = sign_in(server, "li").post(path, json={"action": "handle", "after_step": 1})
    assert late.status_code == 409
    assert "wang已交办" in late.json()["message"] and "待办理" in late.json()["message"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "assign", "assignee": "\u200b"}, "assignee"),
        ({"action": "assign", "assignee": "环卫所", "worker_id": 10**9}, "worker_id"),
        ({"action": "assign", "assignee": "环卫所", "worker_id": 2**63}, "worker_id"),
        ({"action": "assign", "assignee": "环卫所", "at": "2999-01-01T00:00:00+08:00"}, "at"),
    ],
)
def test_a_wrong_field_is_named(server: TestClient, body: dict[str, Any], field: str) -> None:
    made = sign_in(server, "wang").post(PATH, json=case()).json()
    answer = server.post(f"{PATH}/{made['id']}/steps", json=body)
    assert answer.status_code == 422 and answer.json()["details"]["field"] == field


def test_a_worker_reports_no_hotline_case(server: TestClient) -> None:
    answer = sign_in(server, "worker").post(PATH, json=case(channel="hotline"))
    assert answer.status_code == 422 and answer.json()["details"]["field"] == "channel"
    assert server.post(PATH, json=case()).json()["channel"] == "grid_worker"


def test_both_instants_are_given(server: TestClient) -> None:
    made = sign_in(server, "wang").post(PATH, json=case(at="2026-01-01T08:00:00+08:00")).json()
    assert made["reported_stated_at"].startswith("2026-01-01T08:00:00")
    assert made["reported_at"] == made["reported_recorded_at"] != made["reported_stated_at"]
    (step,) = server.get(f"{PATH}/{made['id']}").json()["steps"]
    assert (step["at"], step["stated_at"]) == (made["reported_at"], made["reported_stated_at"])
    (listed,) = [c for c in server.get(PATH).json()["items"] if c["id"] == made["id"]]
    assert listed["reported_recorded_at"] == step["recorded_at"] and listed["imported"] is False
