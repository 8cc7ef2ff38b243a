"""A grid is split with the mouse and published, two are merged, a corner is carried, and a refusal says why."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import shapely
from playwright.sync_api import Page, expect
from sqlalchemy import create_engine, text

from gisapp.store.database import engine_url
from tests.browser.conftest import Served, on_map, point_of, settle, sign_in, wait_for_map
from tests.browser.phone import UPRIGHT

COMMUNITY = "330103003054"
MANAGER = "grid-manager-test"


def _manager(served: Served, community: str) -> str:
    """An account whose scope is one community of the demo street, and a street without drafts of earlier tests."""
    from gisapp.services import accounts
    from gisapp.services.accounts import DEMO_PASSWORD
    from gisapp.store.database import Database

    database = Database(served.database_url, connections=1)
    accounts.save_user(
        database,
        login=f"{MANAGER}-{community}",
        name="网格管理员",
        role="manager",
        scopes=[community],
        password=DEMO_PASSWORD,
    )
    database.close()
    engine = create_engine(engine_url(served.admin_url))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM onemap.grid_draft WHERE place = :c"), {"c": community})
    engine.dispose()
    return f"{MANAGER}-{community}"


def _open(page: Page, login: str) -> dict[str, shapely.Polygon]:
    sign_in(page, login)
    page.goto("/grids")
    page.wait_for_selector("#grid-desk[data-ready]", timeout=60_000)
    wait_for_map(page)
    settle(page)
    return _grids(page)


def _grids(page: Page) -> dict[str, shapely.Polygon]:
    """The grids that the page's map shows, by code."""
    shown = on_map(page, "(map) => map.overlays.known.get('grid-area').data")
    return {one["properties"]["code"]: shapely.geometry.shape(one["geometry"]) for one in shown["features"]}


def _rows(page: Page) -> list[dict[str, Any]]:
    shown = on_map(page, "(map) => map.overlays.known.get('grid-area').data")
    return [one["properties"] for one in shown["features"]]


def _cut(shape: shapely.Polygon) -> list[tuple[float, float]]:
    """Two points on the border of a polygon, across the middle of its long side."""
    box = shapely.minimum_rotated_rectangle(shape)
    a, b, c, d = [shapely.Point(p) for p in shapely.get_coordinates(box)[:4]]
    sides = ((a, b), (c, d)) if a.distance(b) > b.distance(c) else ((b, c), (d, a))
    ends = [shapely.LineString(side).interpolate(0.5, normalized=True) for side in sides]
    inside = shapely.get_parts(shapely.LineString(ends).intersection(shape))
    piece = max(inside.tolist(), key=lambda line: line.length)
    return [piece.coords[0], piece.coords[-1]]


def _click(page: Page, lon: float, lat: float) -> None:
    x, y = point_of(page, lon, lat)
    page.mouse.move(x - 12, y - 9)
    page.mouse.move(x, y, steps=3)
    page.wait_for_timeout(150)
    page.mouse.click(x, y)
    page.wait_for_timeout(150)


def _draw(page: Page, points: list[tuple[float, float]]) -> None:
    for lon, lat in points:
        _click(page, lon, lat)
    page.keyboard.press("Enter")


def _tool(page: Page, name: str) -> None:
    page.click(f"[data-tool={name}]")
    expect(page.locator(f"[data-tool={name}]")).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(200)


def _revision(page: Page, number: int) -> None:
    expect(page.locator("#grid-desk")).to_have_attribute("data-revision", str(number))


def test_split_with_the_mouse_and_publish(new_page: Callable[..., Page], served: Served) -> None:
    login = _manager(served, COMMUNITY)
    page = new_page(viewport={"width": 1600, "height": 1000})
    before = _open(page, login)
    code = max(before, key=lambda name: before[name].area)
    _tool(page, "split")
    _draw(page, _cut(before[code]))
    _revision(page, 2)
    after = _grids(page)
    assert len(after) == len(before) + 1
    made = (set(after) - set(before)).pop()
    assert made == f"{COMMUNITY}{len(before) + 1:03d}"
    assert shapely.coverage_is_valid(list(after.values()))
    expect(page.locator(f'#grid-loads [row-id="{made}"]').first).to_be_visible()
    assert sum(row["people"] for row in _rows(page)) > 0

    page.click("#grid-publish-open")
    expect(page.locator("#grid-effects")).to_contain_text(f"新设网格 {made[-3:]}")
    expect(page.locator("#grid-effects .count-tile").first).to_be_visible()
    page.fill("#grid-note", "一分为二")
    page.click("#grid-publish-confirm")
    expect(page.locator(".mantine-Notification-root")).to_contain_text("版网格已生效")
    expect(page.locator("#grid-desk .grid-state")).to_contain_text("现行第 2 版")
    _revision_gone(page)

    engine = create_engine(engine_url(served.admin_url))
    with engine.connect() as connection:
        wrong = connection.execute(
            text(
                "SELECT count(*) FROM onemap.building b JOIN onemap.grid g ON g.place = b.place AND g.valid_to IS NULL "
                "WHERE b.place ^@ :c AND NOT ST_Intersects(g.geom, ST_PointOnSurface(b.geom))"
            ),
            {"c": COMMUNITY},
        ).scalar_one()
        kept = connection.execute(
            text("SELECT count(*) FROM onemap.grid WHERE community = :c AND version = 1"), {"c": COMMUNITY}
        ).scalar_one()
    engine.dispose()
    assert wrong == 0
    assert kept == len(before)


def _revision_gone(page: Page) -> None:
    expect(page.locator("#grid-desk")).to_have_attribute("data-revision", "")


def test_a_refused_split_shows_its_reason(new_page: Callable[..., Page], served: Served) -> None:
    page = new_page(viewport={"width": 1600, "height": 1000})
    shapes = _open(page, _manager(served, "330103003055"))
    shape = max(shapes.values(), key=lambda one: one.area)
    start, end = _cut(shape)
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    _tool(page, "split")
    _draw(page, [start, middle])
    refusal = page.locator("#grid-refusal")
    expect(refusal).to_be_visible()
    expect(refusal).to_contain_text("分割线没有穿过网格")
    expect(refusal).to_contain_text("画到网格边界上或边界外")
    shown = on_map(page, "(map) => map.overlays.known.get('grid-problem').data.features.length")
    assert shown >= 2
    _revision(page, 1)
    page.keyboard.press("Escape")
    expect(refusal).to_be_hidden()
    assert on_map(page, "(map) => map.overlays.known.get('grid-problem').data.features.length") == 0


def test_merge_undo_and_redo(new_page: Callable[..., Page], served: Served) -> None:
    page = new_page(viewport={"width": 1600, "height": 1000})
    shapes = _open(page, _manager(served, "330103003056"))
    names = sorted(shapes)
    first, second = next(
        (a, b) for a in names for b in names if a < b and shapes[a].intersection(shapes[b]).length > 1e-5
    )
    _tool(page, "merge")
    for name in (first, second):
        inside = shapes[name].representative_point()
        _click(page, inside.x, inside.y)
    page.get_by_role("button", name=re.compile("合并选中的 2 个网格")).click()
    _revision(page, 2)
    assert set(_grids(page)) == set(names) - {second}
    page.keyboard.press("Control+z")
    _revision(page, 3)
    assert {name: shape.wkt for name, shape in _grids(page).items()} == {n: s.wkt for n, s in shapes.items()}
    page.keyboard.press("Control+y")
    _revision(page, 4)
    # The draft is on the server: another visit finds it as it was.
    page.reload()
    page.wait_for_selector("#grid-desk[data-revision='4']", timeout=60_000)
    assert set(_grids(page)) == set(names) - {second}


def test_a_corner_is_carried(new_page: Callable[..., Page], served: Served) -> None:
    page = new_page(viewport={"width": 1600, "height": 1000})
    shapes = _open(page, _manager(served, "330103003057"))
    whole = shapely.coverage_union_all(list(shapes.values()))
    edges = [
        (a, b)
        for shape in shapes.values()
        for a, b in zip(shape.exterior.coords, shape.exterior.coords[1:], strict=False)
        if shapely.LineString([a, b]).distance(whole.boundary) > 1e-6
    ]
    edges = edges or [
        (a, b)
        for shape in shapes.values()
        for a, b in zip(shape.exterior.coords, shape.exterior.coords[1:], strict=False)
        if not whole.boundary.covers(
            shapely.LineString([a, b]).interpolate(0.5, normalized=True).buffer(1e-9)
        )
    ]
    a, b = max(edges, key=lambda edge: shapely.LineString(edge).length)
    _tool(page, "move")
    x, y = point_of(page, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 8, y + 6, steps=3)
    page.mouse.move(x + 16, y + 12, steps=3)
    page.mouse.up()
    _revision(page, 2)
    assert shapely.coverage_is_valid(list(_grids(page).values()))
    page.keyboard.press("Control+z")
    _revision(page, 3)


def test_only_grid_managers_draw(new_page: Callable[..., Page]) -> None:
    page = new_page("planner")
    page.goto("/grids")
    expect(page.locator(".state.error")).to_contain_text("网格管理员")


def test_the_phone_has_room_for_map_and_tools(new_page: Callable[..., Page], served: Served) -> None:
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    _open(page, _manager(served, "330103003053"))
    map_box = page.locator("#grid-tools").bounding_box()
    panel = page.locator("#grid-panel").bounding_box()
    assert map_box and panel
    assert panel["y"] - (map_box["y"] + map_box["height"]) > 200
    page.click("#grid-fold")
    expect(page.locator("#grid-panel .grid-panel-body")).to_be_hidden()


def _stick(served: Served, community: str) -> None:
    """A planned version whose day has come, of a community whose border has moved by some 30 metres; looked for once."""
    from gisapp.domain import clock
    from gisapp.domain.access import SYSTEM
    from gisapp.services import grid_activation, grid_drafts, grid_publishing
    from gisapp.store.database import Database

    database = Database(served.database_url, connections=2)
    draft = grid_drafts.open_draft(database, SYSTEM, community)
    shapes = {
        f["properties"]["code"]: shapely.geometry.shape(f["geometry"]) for f in draft["grids"]["features"]
    }
    code = max(shapes, key=lambda name: shapes[name].area)
    operation = {"kind": "split", "code": code, "line": _cut(shapes[code])}
    draft = grid_drafts.apply(database, SYSTEM, community, draft["revision"], operation)
    tomorrow = clock.today() + timedelta(days=1)
    grid_publishing.publish(database, SYSTEM, community, draft["revision"], valid_from=tomorrow)
    with database.begin(SYSTEM) as connection:
        connection.execute(
            text("UPDATE onemap.grid_version SET planned_for = :d WHERE status = 'scheduled'"),
            {"d": clock.today()},
        )
        connection.execute(
            text("UPDATE onemap.region SET geom = ST_Multi(ST_Buffer(geom, -0.0003)) WHERE place = :c"),
            {"c": community},
        )
    assert len(grid_activation.activate_due(database).failed) == 1
    database.close()


def _unstick(served: Served, community: str, border: str) -> None:
    engine = create_engine(engine_url(served.admin_url))
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE onemap.region SET geom = ST_GeomFromEWKB(decode(:g, 'hex')) WHERE place = :c"),
            {"g": border, "c": community},
        )
        connection.execute(text("DELETE FROM onemap.grid_version WHERE status = 'scheduled'"))
    engine.dispose()


def test_whoever_must_act_is_told_on_the_open_page(
    new_page: Callable[..., Page], served: Served, tmp_path: Path
) -> None:
    community = "330103003052"
    engine = create_engine(engine_url(served.admin_url))
    with engine.connect() as connection:
        border = connection.execute(
            text("SELECT encode(ST_AsEWKB(geom), 'hex') FROM onemap.region WHERE place = :c"),
            {"c": community},
        ).scalar_one()
    engine.dispose()
    login = _manager(served, community)
    page = new_page(viewport={"width": 1920, "height": 1080})
    _open(page, login)
    state = page.locator("#grid-desk .grid-state")
    expect(state).to_contain_text(re.compile(r"现行第 1 版，2024-01-01 00:00 起施行"))
    try:
        _stick(served, community)
        # The open page hears of it: a notice that stays, and the state of the community.
        expect(page.locator(".mantine-Notification-root")).to_contain_text("第 2 版网格未能按期生效")
        problem = page.locator(".grid-problem")
        expect(problem).to_contain_text("第 2 版未能按期生效")
        expect(problem).to_contain_text(
            re.compile(r"社区边界在发布之后改变了（经度 1\d\d\.\d{6}，纬度 \d\d\.\d{6} 附近）。")
        )
        expect(problem).to_contain_text("请本社区的网格管理员在“网格划分”页撤回此版本")
        page.screenshot(path=tmp_path / "desk.png")
        page.get_by_role("button", name="历次版本").click()
        expect(page.locator(".grid-versions li").first).to_contain_text("未能生效")
        hand = new_page(**UPRIGHT)
        _open(hand, login)
        expect(hand.locator(".grid-problem")).to_be_attached()
        hand.screenshot(path=tmp_path / "phone.png")
        page.once("dialog", lambda dialog: dialog.accept())
        problem.get_by_role("button", name="撤回").click()
        expect(page.locator(".grid-problem")).to_have_count(0)
    finally:
        _unstick(served, community, border)
