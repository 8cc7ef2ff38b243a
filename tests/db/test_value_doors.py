"""One row for each door, field and value that cannot be: the answer, worked out by hand."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from sqlalchemy import text

from gisapp.domain.access import SYSTEM, Role
from gisapp.errors import InputError
from gisapp.services.importing import uploads
from gisapp.store.database import Database
from tests.db import value_world
from tests.db.test_value_callbacks import callbacks, request, spoil, usual
from tests.db.value_world import COMMUNITY, LAT, LON, World

CASE = {"lon": LON, "lat": LAT, "matter_code": "06010"}
FIX = {"worker": 1, "at": "2026-11-26T08:00:00+08:00", "lon": 120.1, "lat": 30.3}
BIG = "1" + "0" * 400


@pytest.fixture(scope="module")
def world(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with value_world.opened(database, tmp_path_factory.mktemp("data")) as world:
        yield world


# --- routes -----------------------------------------------------------------------------------------------------------

ROUTES: list[tuple[str, str, Any, int, str]] = [
    # method, path, body (a dict, or the bytes themselves), status, field
    ("POST", "/api/v1/events", {**CASE, "title": "a\x00b"}, 422, "title"),
    ("POST", "/api/v1/events", {**CASE, "title": "\ud800"}, 422, "title"),
    ("POST", "/api/v1/events", {**CASE, "title": "字" * 101}, 422, "title"),
    ("POST", "/api/v1/events", {**CASE, "title": "字" * 10_000}, 422, "title"),
    ("POST", "/api/v1/events", {**CASE, "description": "x" * 2001}, 422, "description"),
    ("POST", "/api/v1/events", {**CASE, "address": "x\ny"}, 422, "address"),
    ("POST", "/api/v1/events", {**CASE, "address": "x" * 201}, 422, "address"),
    ("POST", "/api/v1/events", {**CASE, "source_key": "k" * 129}, 422, "source_key"),
    ("POST", "/api/v1/events", {**CASE, "source_key": "\x00"}, 422, "source_key"),
    ("POST", "/api/v1/events", {**CASE, "matter_code": "\x00"}, 422, "matter_code"),
    ("POST", "/api/v1/events", {**CASE, "lon": float("nan")}, 422, "lon"),
    ("POST", "/api/v1/events", {**CASE, "lat": float("inf")}, 422, "lat"),
    ("POST", "/api/v1/events", {**CASE, "lon": 1e308}, 422, "lon"),
    ("POST", "/api/v1/events", {**CASE, "lon": True}, 422, "lon"),
    ("POST", "/api/v1/events", b'{"lon":' + BIG.encode() + b',"lat":30,"matter_code":"06010"}', 422, "lon"),
    ("POST", "/api/v1/events", b'{"lon":' + BIG.encode() + b'.0,"lat":30,"matter_code":"06010"}', 422, "lon"),
    ("POST", "/api/v1/events", b'{"lon":1,"lon":NaN,"lat":30,"matter_code":"06010"}', 422, "lon"),
    ("POST", "/api/v1/events", b'{"lon":' + b"9" * 5000 + b"}", 400, "body"),
    ("POST", "/api/v1/events", b"[" * 60_000, 400, "body"),
    ("POST", "/api/v1/events", b'{"title":"\xff\xfe"}', 400, "body"),
    ("POST", "/api/v1/events", {**CASE, "at": "0001-01-01T00:00:00+08:00"}, 422, "at"),
    ("POST", "/api/v1/events", {**CASE, "at": "9999-12-31T23:59:59-08:00"}, 422, "at"),
    ("POST", "/api/v1/events", {**CASE, "at": "2025-06-01T00:00:00+16:00"}, 422, "at"),
    ("POST", "/api/v1/events", {**CASE, "at": 1e300}, 422, "at"),
    ("POST", "/api/v1/events/{event}/steps", {"action": "assign", "assignee": "\u200b"}, 422, "assignee"),
    ("POST", "/api/v1/events/{event}/steps", {"action": "assign", "assignee": "x" * 101}, 422, "assignee"),
    ("POST", "/api/v1/events/{event}/steps", {"action": "assign", "note": "x" * 1001}, 422, "note"),
    ("POST", "/api/v1/events/{event}/steps", {"action": "assign", "worker_id": 2**63}, 422, "worker_id"),
    ("POST", "/api/v1/events/{event}/steps", {"action": "assign", "worker_id": True}, 422, "worker_id"),
    ("POST", "/api/v1/events/{event}/steps", {"action": "assign", "worker_id": 10**20}, 422, "worker_id"),
    ("GET", "/api/v1/events/1_0", None, 422, "event_id"),
    ("GET", "/api/v1/events/%D9%A3", None, 422, "event_id"),
    ("GET", "/api/v1/events/%EF%BC%91", None, 422, "event_id"),
    ("GET", f"/api/v1/events/{2**63}", None, 422, "event_id"),
    ("GET", "/api/v1/events/" + "9" * 400, None, 422, "event_id"),
    ("GET", "/api/v1/events/" + "9" * 5000, None, 422, "event_id"),
    ("GET", "/api/v1/events/-1", None, 422, "event_id"),
    ("GET", f"/api/v1/events/{2**63 - 1}", None, 404, ""),
    ("GET", "/api/v1/events?offset=-1", None, 422, "offset"),
    ("GET", "/api/v1/events?offset=" + "9" * 30, None, 422, "offset"),
    ("GET", "/api/v1/events?limit=0", None, 422, "limit"),
    ("GET", "/api/v1/events?limit=501", None, 422, "limit"),
    ("GET", "/api/v1/events?limit=1_0", None, 422, "limit"),
    ("GET", "/api/v1/events?text=%00", None, 422, "text"),
    ("GET", "/api/v1/events?text=" + "x" * 101, None, 422, "text"),
    ("GET", "/api/v1/events?since=0001-01-01T00:00:00", None, 422, "since"),
    ("GET", "/api/v1/events?until=9999-12-31", None, 422, "until"),
    ("GET", "/api/v1/events?since=2025-01-01T00:00:00%2B16:00", None, 422, "since"),
    ("GET", "/api/v1/events?place=%D9%A3%D9%A3", None, 422, "place"),
    ("GET", "/api/v1/events?place=33%00", None, 422, "place"),
    ("GET", "/api/v1/alerts?place=%D9%A3", None, 422, "place"),
    ("GET", "/api/v1/alerts?limit=" + "9" * 20, None, 422, "limit"),
    ("GET", "/api/v1/alerts?since=0001-01-01", None, 422, "since"),
    ("GET", f"/api/v1/alerts/{10**20}", None, 422, "identifier"),
    ("GET", "/api/v1/workers?place=1", None, 422, "place"),
    ("GET", "/api/v1/workers/1_0/track", None, 422, "worker"),
    ("GET", f"/api/v1/workers/{2**63}/track", None, 422, "worker"),
    ("GET", "/api/v1/workers/1/track?day=9999-12-31", None, 422, "day"),
    ("GET", "/api/v1/workers/1/track?day=0001-01-01", None, 422, "day"),
    ("GET", "/api/v1/search?q=%00", None, 422, "q"),
    ("GET", "/api/v1/search?q=" + "x" * 201, None, 422, "q"),
    ("GET", "/api/v1/search?q=x&at=nan,1", None, 422, "at"),
    ("GET", "/api/v1/search?q=x&at=1_0,1", None, 422, "at"),
    ("GET", "/api/v1/search?q=x&at=120", None, 422, "at"),
    ("GET", "/api/v1/search?q=x&kind=no", None, 422, "kind"),
    ("GET", "/api/v1/features/buildings?bbox=1,2,inf,4", None, 422, "bbox"),
    ("GET", "/api/v1/features/buildings?bbox=1_0,2,30,40", None, 422, "bbox"),
    ("GET", "/api/v1/features/buildings?bbox=30,2,10,40", None, 422, "bbox"),
    ("GET", "/api/v1/features/buildings?limit=%D9%A3", None, 422, "limit"),
    ("GET", "/api/v1/features/hotspots?run=1_0", None, 422, "run"),
    ("GET", "/api/v1/features/cases?from=9999-12-31", None, 422, "from"),
    ("GET", "/tiles/buildings/1_4/13661/6728.mvt", None, 404, ""),
    ("GET", "/tiles/buildings/14/1_3/6728.mvt", None, 404, ""),
    ("GET", "/tiles/buildings/%D9%A1%D9%A4/13661/6728.mvt", None, 404, ""),
    ("GET", "/tiles/buildings/14/+13661/6728.mvt", None, 404, ""),
    ("GET", "/tiles/buildings/14/" + "9" * 400 + "/1.mvt", None, 404, ""),
    ("GET", "/tiles/cases/14/13661/6728.mvt?from=0001-01-01", None, 422, "from"),
    ("GET", "/api/v1/indicators/closed_on_time?since=0001-01-01", None, 422, "since"),
    ("GET", "/api/v1/indicators/closed_on_time?level=1_5", None, 422, "level"),
    ("GET", "/api/v1/indicators/closed_on_time?level=3", None, 422, "level"),
    ("GET", "/api/v1/indicators/closed_on_time?place=x", None, 422, "place"),
    ("GET", "/api/v1/indicators/%00", None, 422, "indicator_id"),
    ("GET", "/api/v1/grids?place=99", None, 404, "place"),
    ("GET", f"/api/v1/grids?place={COMMUNITY}&on=9999-12-31", None, 422, "on"),
    ("GET", "/api/v1/grids/33%00", None, 422, "community"),
    ("GET", "/api/v1/grids/330103001", None, 422, "community"),
    ("GET", "/api/v1/grids/330103001099", None, 404, ""),
    ("GET", f"/api/v1/grids/{COMMUNITY}/versions/1_0", None, 422, "version"),
    ("GET", f"/api/v1/grids/{COMMUNITY}/versions/{2**31}", None, 422, "version"),
    ("GET", f"/api/v1/grids/{COMMUNITY}/versions/77", None, 404, ""),
    ("GET", "/api/v1/profile/building/1_0", None, 404, ""),
    ("GET", "/api/v1/profile/%00/1", None, 422, "kind"),
    ("GET", "/api/v1/profile/building/" + "9" * 400, None, 422, "identifier"),
    ("GET", "/api/v1/profile/building/1/people?offset=-1", None, 422, "offset"),
    ("GET", f"/api/v1/buildings/{10**20}/rooms", None, 422, "building_id"),
    ("POST", "/api/v1/people/1/reveal", {"purpose": "\u200b\u200b\u200b"}, 422, "purpose"),
    ("POST", "/api/v1/people/1/reveal", {"purpose": "x" * 201}, 422, "purpose"),
    ("POST", "/api/v1/people/1/reveal", {"purpose": "走访\x00"}, 422, "purpose"),
    ("POST", f"/api/v1/people/{2**63}/reveal", {"purpose": "走访"}, 422, "person_id"),
    ("POST", "/api/v1/analysis/hotspots", {"place": COMMUNITY, "title": "\x00"}, 422, "title"),
    ("POST", "/api/v1/analysis/hotspots", {"place": COMMUNITY, "title": "字" * 101}, 422, "title"),
    ("POST", "/api/v1/analysis/hotspots", {"place": COMMUNITY, "rings": 10**20}, 422, "rings"),
    ("POST", "/api/v1/analysis/hotspots", {"place": COMMUNITY, "rings": True}, 422, "rings"),
    ("POST", "/api/v1/analysis/hotspots", {"place": COMMUNITY, "resolution": 14}, 422, "resolution"),
    ("POST", "/api/v1/analysis/hotspots", {"place": COMMUNITY, "until": "9999-12-31"}, 422, "until"),
    ("POST", "/api/v1/analysis/hotspots", {"place": "330103001099"}, 404, "place"),
    ("POST", "/api/v1/analysis/hotspots", {"place": COMMUNITY, "kind": "x"}, 422, "kind"),
    ("POST", "/api/v1/analysis/allocations", {"place": COMMUNITY, "existing": "无此类"}, 422, "existing"),
    ("POST", "/api/v1/analysis/allocations", {"place": COMMUNITY, "candidates": "poi:无"}, 422, "candidates"),
    ("POST", "/api/v1/analysis/allocations", {"place": "330103001099"}, 404, "place"),
    ("POST", "/api/v1/analysis/allocations", b'{"place":"%s","p":%s}' % (COMMUNITY.encode(), BIG.encode()), 422, "p"),
    ("POST", "/api/v1/analysis/allocations", {"place": COMMUNITY, "p": 51}, 422, "p"),
    (
        "POST",
        "/api/v1/analysis/allocations",
        {"place": COMMUNITY, "service_distance": float("inf")},
        422,
        "service_distance",
    ),
    ("GET", f"/api/v1/analysis/runs/{2**63}", None, 422, "run_id"),
    ("GET", "/api/v1/analysis/runs/1/cells/1_0", None, 422, "cell_id"),
    ("POST", f"/api/v1/imports/{'0' * 32}", {"kind": "buildings"}, 404, ""),
    ("POST", "/api/v1/imports/{token}", {"kind": "nothing", "crs": "WGS84"}, 422, "kind"),
    ("POST", "/api/v1/imports/{token}", {"kind": "buildings", "crs": "W" * 65}, 422, "crs"),
    ("POST", "/api/v1/imports/{token}", {"kind": "places", "crs": "EPSG:٣٣٣٣"}, 422, "crs"),
    ("POST", "/api/v1/imports/{token}", {"kind": "buildings", "crs": "WGS84", "place": "x"}, 422, "place"),
    ("POST", "/api/v1/imports/{token}", {"kind": "buildings", "crs": "WGS84", "timezone": "Asia"}, 422, "timezone"),
    ("POST", "/api/v1/imports/{token}", {"kind": "buildings", "crs": "WGS84", "layer": "\x00"}, 422, "layer"),
    ("GET", "/api/v1/imports/{token}/report?kind=" + "a" * 300, None, 422, "kind"),
    ("GET", "/api/v1/imports/{token}/report?kind=aaaa", None, 404, ""),
    ("GET", "/api/v1/imports?limit=0", None, 422, "limit"),
    ("POST", "/api/v1/tracks", {"fixes": [None] * 5001}, 403, ""),
]  # fmt: skip


def fields_of(answer: dict[str, Any]) -> set[str]:
    named = {str(one["field"]) for one in answer["details"].get("fields", ())}
    return named | {str(answer["details"].get("field", ""))}


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row[1][:60]}-{row[4]}-{str(row[2])[:30]!r}")
def test_routes(world: World, row: tuple[str, str, Any, int, str]) -> None:
    method, path, body, status, field = row
    path = path.replace("{event}", str(world.ids["event"])).replace("{token}", world.ids["token"])
    answer = world.send(Role.MANAGER, method, path, body)
    assert answer.status_code == status, answer.text[:500]
    said = answer.json()
    assert said["message"] and said["remedy"] and "u4e00" not in said["message"]
    assert any("\u4e00" <= one <= "\u9fff" for one in said["message"])
    assert len(answer.content) < 5000
    if field:
        assert field in fields_of(said) or any(f.startswith(field + ".") for f in fields_of(said)), said


OPERATIONS: list[tuple[dict[str, Any], int, str]] = [
    ({"kind": "split", "line": [[float("nan"), 30], [120, 30]]}, 422, "line"),
    ({"kind": "split", "line": [[120, float("inf")], [120, 30]]}, 422, "line"),
    ({"kind": "split", "line": [[1e308, 30], [120, 30]]}, 422, "line"),
    ({"kind": "split", "line": [[10**400, 30], [120, 30]]}, 422, "line"),
    ({"kind": "split", "line": [[True, 30], [120, 30]]}, 422, "line"),
    ({"kind": "split", "line": []}, 422, "line"),
    ({"kind": "split", "line": [[120, 30], [120, 31]], "code": "\x00"}, 422, "code"),
    ({"kind": "split", "line": [[LON, LAT], [LON, LAT + 1]], "code": f"{COMMUNITY}999"}, 404, "code"),
    ({"kind": "merge", "codes": []}, 422, "codes"),
    ({"kind": "merge", "codes": [f"{COMMUNITY}001", f"{COMMUNITY}999"]}, 404, "code"),
    ({"kind": "move", "from": [120, 91], "to": [120, 30]}, 422, "from"),
    ({"kind": "move", "from": [120, 30], "to": [float("nan"), 30]}, 422, "to"),
    ({"kind": "remove", "at": [1e308, 0]}, 422, "at"),
]


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: f"{row[0]['kind']}-{row[2]}")
def test_drawn_lines(world: World, row: tuple[dict[str, Any], int, str]) -> None:
    operation, status, field = row
    path = f"/api/v1/grids/{COMMUNITY}/draft/operations"
    answer = world.send(Role.MANAGER, "POST", path, {"revision": 1, "operation": operation})
    assert answer.status_code == status, answer.text[:500]
    named = fields_of(answer.json())
    assert any(name == field or f".{field}" in name for name in named), named


def test_the_grids_service_checks_a_drawn_line_itself(world: World) -> None:
    """Whoever calls it, a notebook too, gets the same refusal as the route."""
    from gisapp.services import grid_drafts

    for line in ([[float("nan"), 30], [120, 30]], [[10**400, 1], [1, 1]], "line", [[1]], [1, 2]):
        with pytest.raises(InputError) as found:
            grid_drafts.apply(
                world.database, SYSTEM, COMMUNITY, 1, {"kind": "split", "line": line, "code": None}
            )
        assert found.value.details["field"] == "line"


def test_signing_in(world: World) -> None:
    for login, password, field in (
        ("a\x00", "x", "login"),
        ("\ud800", "x", "login"),
        ("x" * 65, "x", "login"),
        ("manager", "\x00", "password"),
        ("manager", "\ud800", "password"),
        ("manager", "x" * 257, "password"),
    ):
        answer = world.send(None, "POST", "/api/v1/session", {"login": login, "password": password})
        assert answer.status_code == 422 and field in fields_of(answer.json()), answer.text


def test_positions_are_refused_one_by_one(world: World) -> None:
    worker = world.ids["worker"]
    body = (
        b'{"fixes": [{"worker": %d, "at": "2026-11-26T08:00:00+08:00", "lon": %s, "lat": 30},'
        b'{"worker": 9223372036854775808, "at": "x", "lon": 120, "lat": 30}, NaN, "\\ud800"]}'
    ) % (worker, BIG.encode())
    answer = world.send(Role.DEVICE, "POST", "/api/v1/tracks", body)
    assert answer.status_code == 200
    assert [(one["index"], one["field"]) for one in answer.json()["refused"]] == [
        (0, "lon"),
        (1, "worker"),
        (2, "fixes"),
        (3, "fixes"),
    ]


PATHS = (
    "/api/v1/%00",
    "/%00",
    "/cases%00",
    "/" + "a" * 60_000,
    "/%FF%FE",
    "/api/v1/events/%FF",
    "/vendor/%00",
    "/modules/%00",
    "/modules/" + "a" * 5000,
    "/assets/%00.css",
    "/assets/" + "a" * 5000,
    "/assets/%FF",
    "/_dash-component-suites/nothing/x.js",
    "/_dash-component-suites/dash/%00",
    "/_dash-component-suites/dash/nothing.js",
    "/_dash-component-suites/dash/../../x.js",
    "/_dash-component-suites/%00/x.js",
    "/tiles/%00/1/1/1.mvt",
    "/tiles/buildings.json%00",
    "/tiles/%00.json",
    "/sign-in?next=%00",
    "/sign-in?next=%FF%FE",
    "/cases?id=%FF%00",
)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:40])
@pytest.mark.parametrize("role", [None, Role.MANAGER], ids=str)
def test_addresses_that_are_none(world: World, path: str, role: Role | None) -> None:
    path = path.replace("/modules/", world.client.app.url_path_for("modules", path="/"))  # type: ignore[attr-defined]
    answer = world.client.get(path, headers=world.headers(role))
    assert answer.status_code < 500, answer.text[:300]


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": b"onemap_session=\xff\xfe"},
        {"cookie": b'onemap_session="\\377\\000"'},
        {"cookie": b"a=\x80; onemap_session=\xc3\x28"},
        {"accept-language": b"\xff"},
        {"referer": b"http://[bad/\xff"},
        {"x-forwarded-proto": b"\xff"},
        {"if-none-match": b"\xff"},
        {"content-type": b"\xff"},
        {"host": b"[bad"},
        {"origin": b"http://[bad"},
    ],
    ids=str,
)
def test_headers_that_are_none(world: World, headers: dict[str, bytes]) -> None:
    given = [(name.encode(), value) for name, value in headers.items()]
    signed = [(b"cookie", world.cookies[Role.MANAGER]["cookie"].encode())]
    for path in ("/api/v1/session", "/cases", "/tiles/buildings/14/13661/6728.mvt", "/sign-in"):
        with_session = given if "cookie" in headers else [*given, *signed]
        answer = world.client.get(path, headers=with_session)
        assert answer.status_code < 500, (path, answer.text[:300])
    answer = world.client.post(
        "/_dash-update-component", content=b"{}", headers=[*given, (b"content-type", b"application/json")]
    )
    # An origin that is none is somebody else's.
    assert answer.status_code == (403 if "origin" in headers else 422)


# --- callbacks --------------------------------------------------------------------------------------------------------

CALLBACKS: list[tuple[str, str, Any, str]] = [
    # an output of the callback, the spoilt value's place, the value, what the notice says
    ("case-version.data", "case-note.value", "a\x00b", "不能保存的控制字符"),
    ("case-version.data", "case-note.value", "x" * 1001, "说明有 1001 个字符，超过上限 1000"),
    ("case-version.data", "case-note.value", "a\x0bb", "说明第 2 个字符（U+000B）"),
    ("case-version.data", "case-assignee.value", "\u200b", "交办时必须指定责任单位"),
    ("case-version.data", "case-assignee.value", "x" * 101, "责任单位有 101 个字符"),
    ("case-version.data", "case-worker.value", "9" * 20, "网格员编号"),
    ("case-version.data", "case-worker.value", "1_0", "不是整数"),
    ("case-version.data", "case-seen.data", {"case": 2**70, "step": 1}, "超出范围"),
    ("case-version.data", "case-seen.data", {"case": "²", "step": 1}, "不是预期的内容"),
    ("case-side.children", "url.search", "?id=" + "9" * 30, "案件编号"),
    ("case-side.children", "url.search", "?id=1_0", "案件编号“1_0”不是整数"),
    ("case-table.rowData", "url.search", "?place=٣٣", "地点编码“٣٣”无效"),
    ("case-table.rowData", "url.search", "?q=" + "x" * 101, "筛选文字有 101 个字符"),
    ("case-point.data", "map-event.data", {"event": "click", "detail": {"at": [1e308, 1]}}, "经度"),
    ("case-point.data", "map-event.data", {"event": "click", "detail": {}}, "坐标点"),
    ("case-point.data", "map-event.data", {"event": "click"}, "不是预期的内容"),
    ("case-matter.value", "case-point.data", [1.0], "坐标点"),
    ("case-matter.value", "case-point.data", [float("nan"), 1.0], "不是有限数"),
    ("case-matter.value", "case-description.value", "x" * 2001, "情况说明有 2001 个字符"),
    ("case-matter.value", "case-address.value", "a\nb", "地址第 2 个字符（U+000A）"),
    ("profile-panel.children", "selection.data", {"kind": "building"}, "不是预期的内容"),
    ("profile-panel.children", "selection.data", {"kind": "building", "id": 2**70}, "超出范围"),
    ("profile-panel.children", "selection.data", {"kind": "x", "id": "1"}, "没有“x”这类档案"),
    ("score-table.rowData", "score-level.value", "٣", "层级“٣”不是整数"),
    ("score-table.rowData", "score-level.value", "7", "没有层级“7”"),
    ("score-table.rowData", "score-span.value", "9" * 20, "没有时段"),
    ("score-table.rowData", "score-indicator.value", "x", "没有"),
    ("grid-published.data", "grid-day.value", "0001-01-01", "年份 1 超出范围"),
    ("grid-published.data", "grid-day.value", "nie", "无法识别"),
    ("grid-published.data", "grid-note.value", "x" * 1001, "说明有 1001 个字符"),
    ("grid-published.data", "grid-draft.data", {"community": COMMUNITY}, "不是预期的内容"),
    (
        "grid-published.data",
        "grid-draft.data",
        {"community": "٣", "name": "x", "revision": 1},
        "地点编码“٣”无效",
    ),
    ("analysis-link.data", "analysis-days.value", ["0001-01-01", None], "年份 1 超出范围"),
    ("analysis-link.data", "analysis-resolution.value", "1_0", "分辨率“1_0”不是整数"),
    ("analysis-link.data", "analysis-place.value", "330103001099", "没有编码为 330103001099 的地点"),
    ("import-checked.data", "import-kind.value", "x", "没有“x”这种数据"),
    ("import-checked.data", "import-crs.value", "x", "不认识坐标系“x”"),
    ("import-checked.data", "import-place.value", "٣", "地点编码“٣”无效"),
    ("import-checked.data", "import-mapping.value", "编号=" + "x" * 201, "列名有 201 个字符"),
    ("import-checked.data", "import-file.data", {"token": "../../x", "file": "x"}, "上传的文件已不在"),
    ("import-checked.data", "import-file.data", None, "没有选择文件"),
]


@pytest.mark.parametrize("row", CALLBACKS, ids=lambda row: f"{row[0]}-{row[1]}-{str(row[2])[:24]!r}")
def test_callbacks(world: World, row: tuple[str, str, Any, str]) -> None:
    output, place, value, said = row
    known = callbacks(world)
    name = next(n for n in known if f"{output}..." in n or f"..{output}.." in n or n == output or output in n)
    body = request(name, known[name], usual(world))
    for part in ("inputs", "state"):
        for position, one in enumerate(body[part]):
            if not isinstance(one, list) and f"{one['id']}.{one['property']}" == place:
                answer = world.send(
                    Role.MANAGER, "POST", "/_dash-update-component", spoil(body, part, position, value)
                )
                break
        else:
            continue
        break
    else:
        pytest.fail(f"{name} has no {place}")
    assert answer.status_code == 200, answer.text
    notes = answer.json().get("sideUpdate", {}).get("toasts", {}).get("sendNotifications", [])
    shown = "".join(note["title"] for note in notes) or json.dumps(answer.json(), ensure_ascii=False)
    assert said in shown, answer.text[:600]


def test_requests_that_no_page_sends(world: World) -> None:
    known = callbacks(world)
    name = next(iter(known))
    good = request(name, known[name], usual(world))
    bad: list[tuple[Any, str]] = [
        (b"", "output"),
        (b"{", "output"),
        (b"\xff", "output"),
        (b"[" * 100_000, "output"),
        (b"[]", "output"),
        ({}, "output"),
        ({**good, "output": "x.y"}, "output"),
        ({**good, "output": ["x"]}, "output"),
        ({**good, "output": "grid-row.data"}, "output"),  # a callback of the browser alone
        ({**good, "inputs": []}, "inputs"),
        ({**good, "inputs": "x"}, "inputs"),
        ({**good, "inputs": [7]}, "inputs"),
        ({**good, "inputs": [{"id": "\x00", "property": "search", "value": 1}]}, "inputs"),
        ({**good, "state": [None] * len(good["state"]) or [1]}, "state"),
        ({**good, "outputs": None}, "outputs"),
        ({**good, "outputs": [{"id": "x", "property": "y"}]}, "outputs"),
        ({**good, "outputs": {"id": ["x"], "property": {}}}, "outputs"),
        ({**good, "changedPropIds": [7]}, "changedPropIds"),
        ({**good, "changedPropIds": ["x.y"]}, "changedPropIds"),
        ({**good, "changedPropIds": "x"}, "changedPropIds"),
    ]
    for body, field in bad:
        answer = world.send(Role.MANAGER, "POST", "/_dash-update-component", body)
        assert answer.status_code == 422, (body, answer.text)
        assert answer.json()["details"]["field"] == field, (body, answer.text)
    plain = world.client.post("/_dash-update-component", content=b"x", headers=world.headers(Role.MANAGER))
    assert plain.status_code == 422


# --- a full disk ------------------------------------------------------------------------------------------------------


class _Full:
    """A file on a disk with room for one piece."""

    def __init__(self, file: BinaryIO, room: int) -> None:
        self.file, self.room = file, room

    def __enter__(self) -> _Full:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, piece: bytes) -> int:
        self.room -= len(piece)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(piece)


def test_a_full_disk_during_an_upload(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def open_full(path: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        found = real(path, mode, *more, **named)
        return _Full(found, 1 << 20) if path.name.startswith("content") and "w" in mode else found

    before = sorted(world.folder.rglob("*"))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_full)
        answer = world.client.post(
            "/api/v1/imports",
            files={"file": ("大.csv", b"x" * (3 << 20))},
            headers=world.headers(Role.MANAGER),
        )
    assert answer.status_code == 507, answer.text
    assert "磁盘已满" in answer.json()["message"] and answer.json()["remedy"]
    assert sorted(world.folder.rglob("*")) == before


def test_a_full_disk_where_the_body_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is ours, a large body lies in a temporary file of the server."""
    from starlette.datastructures import UploadFile

    async def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(UploadFile, "write", full)
    answer = world.client.post(
        "/api/v1/imports", files={"file": ("大.csv", b"x" * 100)}, headers=world.headers(Role.MANAGER)
    )
    assert answer.status_code == 507, answer.text


def test_a_full_disk_where_the_report_is_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(_outcome: Any, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(uploads, "write_report", half)
    body = {"kind": "places", "crs": "WGS84", "place": COMMUNITY}
    answer = world.send(Role.MANAGER, "POST", f"/api/v1/imports/{world.ids['token']}", body)
    assert answer.status_code == 507, answer.text
    assert not list(world.folder.rglob("report-places.xlsx"))


# --- the last line: the database itself -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("SELECT :v ::text", "a\x00"),
        ("SELECT :v ::text", "\ud800"),
        ("SELECT :v ::bigint", 2**63),
        ("SELECT :v ::integer", 2**31),
        ("SELECT :v ::timestamptz", "2025-06-01T00:00:00+16:00"),
        ("SELECT :v ::timestamptz", "300000-01-01"),
        ("SELECT :v ::double precision", "1e400"),
        ("SELECT :v ::date", "x"),
    ],
)
def test_a_value_that_only_the_database_refuses_is_no_failure_either(
    database: Database, statement: str, value: Any
) -> None:
    with (
        pytest.raises(InputError, match="超出了数据库能保存的范围") as found,
        database.begin(SYSTEM) as connection,
    ):
        connection.execute(text(statement), {"v": value})
    assert found.value.__cause__ is None and str(value) not in found.value.message
