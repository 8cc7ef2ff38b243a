"""The addresses of layers, search and profiles over HTTP, with the reader that the session would set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dash_app.errors import install_error_handlers
from gisapp.api import profiles, search
from gisapp.domain.access import Reader, Role
from gisapp.domain.keys import Scope
from gisapp.domain.tiles import Tile
from gisapp.store.database import Database
from layers.endpoint import TileMiddleware
from layers.routes import router
from tests import mvt
from tests.db import register_world as world


class _Session:
    """Stands for the session middleware: the role and scope come from headers."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            role, prefix = headers.get("x-role", "leader"), headers.get("x-scope", world.STREET)
            reader = Reader(5, "test", "测试", Role(role), Scope([] if prefix == "none" else [prefix]))
            scope.setdefault("state", {})["reader"] = reader
        await self.app(scope, receive, send)


def _app(database: Database, *, middleware: bool) -> FastAPI:
    app = FastAPI()
    app.state.database = database
    for one in (router, search.router, profiles.router):
        app.include_router(one)
    install_error_handlers(app)
    if middleware:
        app.add_middleware(TileMiddleware)
    app.add_middleware(_Session)
    return app


@pytest.fixture(scope="module")
def ids(database: Database) -> dict[str, int]:
    return world.make(database)


@pytest.fixture(scope="module", params=[True, False], ids=["middleware", "route"])
def client(request: pytest.FixtureRequest, database: Database, ids: dict[str, int]) -> Iterator[TestClient]:
    with TestClient(_app(database, middleware=request.param)) as found:
        yield found


def test_tile_and_tilejson_agree(client: TestClient) -> None:
    described = client.get("/tiles/borders.json").json()
    assert described["tilejson"] == "3.0.0" and {one["id"] for one in described["vector_layers"]} >= {
        "grid",
        "region",
    }
    tile = Tile.at(described["maxzoom"], 120.165, 30.275)
    address = described["tiles"][0].format(z=tile.z, x=tile.x, y=tile.y)
    answer = client.get(address)
    assert (
        answer.status_code == 200 and answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    )
    found = mvt.read(answer.content)
    assert set(found) <= {one["id"] for one in described["vector_layers"]}
    fields = {one["id"]: set(one["fields"]) for one in described["vector_layers"]}
    for name, features in found.items():
        assert all(set(feature.properties) <= fields[name] for feature in features)
    again = client.get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304 and not again.content


def test_every_source_of_the_style_answers(client: TestClient) -> None:
    style = client.get("/api/v1/style?theme=light").json()
    for name, source in style["sources"].items():
        if source["type"] == "vector":
            tile = Tile.at(source["maxzoom"], 120.165, 30.275)
            address = source["tiles"][0].format(z=tile.z, x=tile.x, y=tile.y)
            assert client.get(address).status_code in (200, 204), name
    assert client.get("/api/v1/style?theme=pink").status_code == 422


def test_list_of_layers(client: TestClient) -> None:
    layers = client.get("/api/v1/layers").json()["layers"]
    assert all(one["title"] and one["legend"]["items"] and one["unit"] for one in layers)
    groups = [one["group"] for one in layers]
    assert groups == sorted(groups, key=groups.index), "each group in one piece"
    mine = {one["id"] for one in client.get("/api/v1/layers", headers={"x-role": "planner"}).json()["layers"]}
    assert {one["id"] for one in layers} - mine == {"workers", "tracks"}


def test_features(client: TestClient) -> None:
    found = client.get("/api/v1/features/components?bbox=120.1,30.2,120.2,30.3").json()
    assert [f["geometry"]["type"] for f in found["features"]] == ["Point"]
    assert client.get("/api/v1/features/components?bbox=1,2,3").status_code == 422
    assert client.get("/api/v1/features/nothing").status_code == 404
    assert client.get("/api/v1/features/tracks").status_code == 422


def test_search_and_profile(client: TestClient, ids: dict[str, int]) -> None:
    hit = client.get("/api/v1/search", params={"q": "cqjd", "at": "120.16,30.27"}).json()["results"][0]
    profile = client.get(f"/api/v1/profile/{hit['kind']}/{hit['id']}").json()
    assert profile["title"] == "长庆街道"
    name = profile["counts"][0]["list"]
    rows = client.get(f"/api/v1/profile/{hit['kind']}/{hit['id']}/{name}?limit=1").json()
    assert rows["total"] == 1 and rows["rows"][0]["kind"] == "building"
    assert client.get("/api/v1/search", params={"q": "a", "at": "x"}).status_code == 422
    assert client.get("/api/v1/profile/building/0").status_code == 404
    sheet = client.get(f"/api/v1/buildings/{ids['building']}/rooms").json()
    assert sheet["counts"]["registered"] == 1 and sheet["counts"]["floating"] == 1
    refused = client.post(f"/api/v1/people/{ids['person']}/reveal", json={"purpose": ""})
    assert refused.status_code == 422
    given = client.post(f"/api/v1/people/{ids['person']}/reveal", json={"purpose": "走访核实"})
    assert given.json()["name"] == "欧阳测试"


def test_without_a_session(client: TestClient) -> None:
    headers = {"x-scope": "none"}
    for address in (
        "/tiles/base/14/1/1.mvt",
        "/tiles/base.json",
        "/api/v1/layers",
        "/api/v1/style",
        "/api/v1/features/places",
        "/api/v1/search?q=a",
        "/api/v1/profile/poi/1",
    ):
        assert client.get(address, headers=headers).status_code == 401, address
