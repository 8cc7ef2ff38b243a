"""The one-map driven as its users drive it: layers, search, click, profile, drill-down, room sheet, time, scopes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from gisapp.domain.access import SYSTEM
from gisapp.store.database import Database
from tests.browser.conftest import Served, on_map, point_of, settle, wait_for_map
from tests.browser.places import Building, busiest_building

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def building(served: Served) -> Building:
    """The building with the most people."""
    database = Database(served.admin_url, connections=1)
    try:
        with database.begin(SYSTEM) as connection:
            return busiest_building(connection)
    finally:
        database.close()


def _open(page: Page, address: str = "/") -> None:
    page.goto(address)
    wait_for_map(page)


def _drawn(page: Page, layer: str) -> int:
    """How many features of a registry layer are drawn."""
    script = "(map, id) => map.map.queryRenderedFeatures().filter((f) => f.layer.metadata?.['onemap:layer'] === id).length"
    return int(on_map(page, script, layer))


def _jump(page: Page, at: tuple[float, float], zoom: float) -> None:
    on_map(page, "(map, [center, zoom]) => map.map.jumpTo({ center, zoom })", [list(at), zoom])
    settle(page)


def test_a_layer_is_switched_on_and_explained(new_page: Callable[..., Page], building: Building) -> None:
    page = new_page("leader")
    _open(page)
    _jump(page, building.at, 17)
    assert _drawn(page, "components") == 0
    page.locator("[data-layer=components]").check()
    settle(page)
    assert _drawn(page, "components") > 0
    expect(page.locator("[data-legend=components]")).to_contain_text("来源")
    assert "components" in page.url
    page.locator("[data-layer=components]").uncheck()
    settle(page)
    assert _drawn(page, "components") == 0


def test_a_class_of_the_legend_can_be_hidden(new_page: Callable[..., Page], building: Building) -> None:
    page = new_page("leader")
    _open(page)
    _jump(page, building.at, 17)
    page.locator("[data-layer=components]").check()
    settle(page)
    everything = _drawn(page, "components")
    shown = page.locator("[data-legend=components] button[aria-pressed=true]")
    while shown.count():
        shown.first.click()
    settle(page)
    assert _drawn(page, "components") < everything
    assert "h=components.class." in page.url


def test_a_click_on_a_building_opens_its_profile(new_page: Callable[..., Page], building: Building) -> None:
    page = new_page("leader")
    _open(page)
    _jump(page, building.at, 18)
    page.mouse.click(*point_of(page, *building.at))
    panel = page.locator("#profile-panel.open")
    expect(panel.locator("h2")).to_contain_text(building.name)
    expect(panel.locator(".profile-crumbs button").first).to_have_text("下城区")
    expect(panel).to_contain_text("截至")
    page.keyboard.press("Escape")
    expect(page.locator("#profile-panel.open")).to_have_count(0)


def test_search_finds_flies_and_opens(new_page: Callable[..., Page]) -> None:
    page = new_page("leader")
    _open(page)
    page.keyboard.press("/")
    expect(page.locator("#search-input")).to_be_focused()
    page.keyboard.type("天水街道")
    row = page.locator("[data-index]").first
    expect(row).to_contain_text("天水街道")
    page.keyboard.press("Enter")
    expect(page.locator("#profile-panel.open h2")).to_have_text("天水街道")
    assert "s=region:330103003" in page.url
    # The same by the first letters of its pinyin.
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    page.locator("#search-input").fill("tsjd")
    expect(page.locator("[data-index]").first).to_contain_text("天水街道")


def test_ctrl_k_runs_commands(new_page: Callable[..., Page]) -> None:
    page = new_page("leader")
    _open(page)
    page.keyboard.press("Control+k")
    page.locator("#search-input").fill("三维")
    page.locator("[data-index]", has_text="打开三维沙盘").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_function("async () => (await window.onemapReady).map('map').map.getPitch() > 40")


def test_back_during_a_flight_keeps_the_step_that_it_came_to(new_page: Callable[..., Page]) -> None:
    """The flight that Back interrupts ends with a move; it must not write its own selection over the entry."""
    page = new_page("leader")
    _open(page, "/#s=region:330103003")
    expect(page.locator("#profile-panel.open h2")).to_have_text("天水街道")
    settle(page)
    address = on_map(
        page,
        """async (map) => {
            const back = new Promise((done) => window.addEventListener('popstate', done, { once: true }));
            map.select({ kind: 'region', id: '330103003051' });
            map.map.flyTo({ center: [120.2, 30.3], zoom: 12, duration: 60000 });
            window.history.back();
            await back;
            return window.location.hash;
        }""",
    )
    assert "s=region:330103003" in str(address).split("&")


def test_drill_down_to_a_room(new_page: Callable[..., Page], building: Building) -> None:
    """Street → community → grid → building → room sheet → room, each step with its way back."""
    page = new_page("leader")
    _open(page, "/#s=region:330103003")
    panel = page.locator("#profile-panel.open")
    heading = panel.locator("h2")
    expect(heading).to_have_text("天水街道")
    for tile, kind in (("社区", "region"), ("网格", "grid"), ("楼栋", "building")):
        panel.locator(".count-tile", has_text=re.compile(rf"{tile}$")).click()
        before = heading.inner_text()
        panel.locator(f".profile-list:visible [data-select^='{kind}:']").first.click()
        expect(heading).not_to_have_text(before)
    page.evaluate(
        "(id) => window.onemapReady.then((api) => api.selection.choose('building', id))", str(building.id)
    )
    expect(heading).to_contain_text(building.name)
    panel.get_by_role("button", name="楼盘表").click()
    sheet = page.locator("#sheet-drawer")
    expect(sheet.locator(".sheet-legend")).to_contain_text("户籍人口")
    settled = sheet.locator(".room.registered").first
    expect(settled.locator(".room-who")).to_have_text(re.compile(r"^.\*+$"))
    settled.click()
    expect(heading).to_contain_text("室")
    expect(settled).to_have_class(re.compile(r"\bhere\b"))
    assert "s=room:" in page.url
    page.go_back()
    expect(heading).to_contain_text(building.name)
    page.reload()
    expect(heading).to_contain_text(building.name)
    page.go_back()  # buttons of a profile are drawn anew; nobody has pressed one
    expect(heading).not_to_contain_text(building.name)
    expect(page.locator(".mantine-Notification-root")).to_have_count(0)


def test_the_time_filter_narrows_cases(new_page: Callable[..., Page], building: Building) -> None:
    page = new_page("leader")
    _open(page)
    expect(page.locator(".time-filter")).to_be_hidden()
    page.locator("[data-layer=cases]").check()
    expect(page.locator(".time-filter")).to_be_visible()
    _jump(page, building.at, 16)
    everything = _drawn(page, "cases")
    page.get_by_role("button", name="近 7 天").click()
    page.wait_for_url(re.compile(r"t=\d{4}-\d\d-\d\d/"))
    settle(page)
    assert 0 <= _drawn(page, "cases") < everything


def test_two_scopes_see_different_tiles(new_page: Callable[..., Page], building: Building) -> None:
    """What the grid worker's map does not draw is not in the tile either."""
    leader, worker = new_page("leader"), new_page("worker")
    _open(worker)
    address = f"/tiles/components/{building.tile}.mvt"
    seen = [page.context.request.get(address) for page in (leader, worker)]
    assert [answer.ok for answer in seen] == [True, True]
    assert len(seen[0].body()) > 0
    inside = building.place.startswith("330103003055001")
    assert (seen[0].body() == seen[1].body()) == inside
    hidden = worker.context.request.get(f"/api/v1/profile/building/{building.id}")
    assert hidden.status == (200 if inside else 404)


def test_personal_fields_need_a_purpose(new_page: Callable[..., Page], building: Building) -> None:
    page = new_page("manager")
    rooms = page.context.request.get(f"/api/v1/profile/building/{building.id}")
    if rooms.status == 404:
        page = new_page("leader")
    _open(page, f"/#s=person:{building.person}")
    panel = page.locator("#profile-panel.open")
    expect(panel.locator("h2")).to_contain_text("*")
    panel.get_by_role("button", name="查看个人信息").click()
    expect(panel.get_by_role("alert")).to_contain_text("用途")
    panel.get_by_label("查看用途").fill("走访核实")
    panel.get_by_role("button", name="查看个人信息").click()
    expect(panel.locator(".revealed")).to_contain_text("身份证号")
    # On paper the profile stands beside the map, without what was revealed.
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    side = page.locator(".print-sheet .print-side")
    assert "*" in (side.locator("h2").text_content() or "") and "身份证号" not in (side.text_content() or "")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")


def test_a_map_prints_with_title_moment_and_legend(new_page: Callable[..., Page]) -> None:
    page = new_page("leader", theme="light")
    _open(page)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    sheet = page.locator(".print-sheet")
    expect(sheet.locator("h1")).to_contain_text("天水街道")
    expect(sheet.locator("header")).to_contain_text("截至")
    expect(sheet.locator(".print-keys")).to_contain_text("网格界")
    ink = "(c) => c.getContext('2d').getImageData(c.width / 2, c.height / 2, 80, 80).data.some((v, i) => i % 4 === 3 && v > 0)"
    assert sheet.locator("canvas").evaluate(ink)
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    expect(sheet).to_have_count(0)


def test_on_a_phone_the_sheet_comes_from_below(new_page: Callable[..., Page], building: Building) -> None:
    page = new_page("leader", **PHONE)
    _open(page)
    expect(page.locator(".tab-bar a.here")).to_have_text("一张图")
    page.get_by_role("button", name="展开图层").tap()
    expect(page.locator("[data-layer=components]")).to_be_visible()
    page.get_by_role("button", name="收起图层").tap()
    _jump(page, building.at, 18)
    page.touchscreen.tap(*point_of(page, *building.at))
    panel = page.locator("#profile-panel.open")
    expect(panel.locator("h2")).to_contain_text(building.name)
    page.wait_for_timeout(400)
    box = panel.bounding_box()
    assert box is not None
    assert box["width"] == 390
    assert box["y"] > 250
    for target in panel.locator("button:visible").all()[:6]:
        found = target.bounding_box()
        assert found is not None
        assert found["height"] >= 20
