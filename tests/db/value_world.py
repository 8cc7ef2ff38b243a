"""The application on a real database with people of every role signed in, for tests that send it odd values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi.testclient import TestClient
from sqlalchemy import text

from dash_app.server import create_app
from gisapp.config import Settings
from gisapp.domain.access import SYSTEM, Role
from gisapp.services import accounts, events, grid_drafts
from gisapp.store.database import Database
from tests.db import grid_world

PASSWORD = "a-password-of-tests"
STREET, COMMUNITY, OTHER = "330103001", grid_world.WEST, grid_world.EAST
GRID = f"{COMMUNITY}001"
ROLES = (Role.ADMIN, Role.LEADER, Role.MANAGER, Role.PLANNER, Role.WORKER, Role.DEVICE)
LON, LAT = grid_world.LON + grid_world.SIZE / 6, grid_world.LAT + grid_world.SIZE / 3


@dataclass
class World:
    """The application and what is in it.

    Attributes:
        client: sends requests; a failure of the server comes back as an answer.
        cookies: session of each role; None stands for nobody.
        ids: things that there are, by kind.
    """

    client: TestClient
    database: Database
    folder: Path
    cookies: dict[Role | None, dict[str, str]]
    ids: dict[str, Any]

    def headers(self, role: Role | None, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a request of a role carries."""
        return {**self.cookies[role], **(more or {})}

    def send(self, role: Role | None, method: str, path: str, body: Any = None) -> httpx.Response:
        """One request; a body is written as JSON with whatever it holds, ``NaN`` and half characters included."""
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.request(
            method,
            path,
            content=content,
            headers=self.headers(role, {"content-type": "application/json"} if content is not None else None),
        )


@contextmanager
def opened(database: Database, folder: Path) -> Iterator[World]:
    """The application, filled, with everybody signed in."""
    with database.begin(SYSTEM) as connection:
        grid_world.build(connection)
        worker = int(
            connection.execute(
                text("SELECT id FROM onemap.grid_worker WHERE place = :place"), {"place": GRID}
            ).scalar_one()
        )
    scopes = {Role.ADMIN: "", Role.PLANNER: "", Role.DEVICE: "", Role.WORKER: GRID}
    for role in ROLES:
        accounts.save_user(
            database,
            login=role.value,
            name=role.value,
            role=role,
            scopes=[scopes.get(role, STREET)],
            password=PASSWORD,
            worker_id=worker if role is Role.WORKER else None,
        )
    settings = Settings(
        database.url.set(drivername="postgresql").render_as_string(hide_password=False),
        database_connections=8,
        data_dir=folder,
    )
    with TestClient(create_app(settings), follow_redirects=False, raise_server_exceptions=False) as client:
        cookies: dict[Role | None, dict[str, str]] = {None: {}}
        for role in ROLES:
            answer = client.post("/api/v1/session", json={"login": role.value, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            cookies[role] = {"cookie": f"{accounts.COOKIE}={answer.cookies[accounts.COOKIE]}"}
            client.cookies.clear()
        world = World(client, database, folder, cookies, {"worker": worker})
        world.ids |= _things(world)
        yield world


def _things(world: World) -> dict[str, Any]:
    """A case, a draft, a run of an analysis and a received file; ids of what there is."""
    manager = accounts.list_users(world.database)
    reader = next(user for user in manager if user.role is Role.MANAGER)
    case = events.report(world.database, reader, events.Report(LON, LAT, "06010", title="井盖缺失"))
    grid_drafts.open_draft(world.database, reader, COMMUNITY)
    run = world.send(Role.MANAGER, "POST", "/api/v1/analysis/hotspots", {"place": COMMUNITY}).json()["run"]
    file = world.client.post(
        "/api/v1/imports",
        files={"file": ("场所.csv", f"名称,类别,经度,纬度\n甲,学校,{LON},{LAT}\n".encode())},
        headers=world.headers(Role.MANAGER),
    ).json()
    with world.database.begin(SYSTEM) as connection:
        tables = ("building", "person", "address", "component", "poi", "organisation", "region")
        found = {
            table: connection.execute(text(f"SELECT min(id) FROM onemap.{table}")).scalar() or 1
            for table in tables
        }
    return {**found, "event": case["id"], "run": run, "token": file["token"], "file": file["file"]}
