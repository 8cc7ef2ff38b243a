"""Sheets of the phone: pulled with a finger to peek, half and full and away, with keys, by Esc and Back; sideways too."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import on_map, settle, wait_for_map
from tests.browser.phone import SIDEWAYS, SMALL, UPRIGHT, pull

REGION = "(map) => map.select({ kind: 'region', id: '330103003', from: 'search' })"


def _open(new_page: Callable[..., Page], **options: Any) -> Page:
    page = new_page("leader", **(options or UPRIGHT))
    page.goto("/")
    wait_for_map(page)
    return page


def _box(locator: Locator) -> dict[str, float]:
    found = locator.bounding_box()
    assert found is not None
    return dict(found)


def _rest(page: Page, sheet: Locator, stop: str) -> dict[str, float]:
    """The sheet's box once it has come to rest at a stop."""
    expect(sheet).to_have_attribute("data-stop", stop)
    return _still(page, sheet)


def _still(page: Page, sheet: Locator) -> dict[str, float]:
    """The sheet's box once nothing of it moves any more."""
    page.wait_for_function(
        "(e) => e.getAnimations().every((one) => one.playState !== 'running')", arg=sheet.element_handle()
    )
    return _box(sheet)


def _by(page: Page, sheet: Locator, dy: float) -> None:
    """Pull the sheet at its handle by so many pixels."""
    box = _still(page, sheet)
    pull(page, (box["x"] + box["width"] / 2, box["y"] + 14), (0, dy))


def test_a_finger_pulls_a_sheet_to_three_stops_and_away(new_page: Callable[..., Page]) -> None:
    page = _open(new_page)
    page.get_by_role("button", name="展开图层").tap()
    sheet = page.locator(".switcher")
    bottom = _box(page.locator("#tab-bar"))["y"]
    half = _rest(page, sheet, "half")
    assert abs(half["y"] + half["height"] - bottom) < 2
    _by(page, sheet, -300)
    full = _rest(page, sheet, "full")
    assert full["height"] > half["height"] + 250
    assert full["y"] >= _box(page.locator("#top-bar"))["height"]
    _by(page, sheet, 330)
    assert abs(_rest(page, sheet, "half")["height"] - half["height"]) < 2
    _by(page, sheet, 260)
    peek = _rest(page, sheet, "peek")
    assert 44 <= peek["height"] < 140
    expect(sheet.locator("h2")).to_be_visible()
    _by(page, sheet, peek["height"])
    expect(sheet).to_have_class(re.compile("folded"))
    expect(page.get_by_role("button", name="展开图层")).to_be_visible()


def test_a_flick_goes_on_and_a_resting_finger_does_not(new_page: Callable[..., Page]) -> None:
    page = _open(new_page)
    on_map(page, REGION)
    sheet = page.locator("#profile-panel")
    box = _rest(page, sheet, "half")
    pull(page, (195, box["y"] + 14), (0, -90))
    _rest(page, sheet, "half")
    pull(page, (195, box["y"] + 14), (0, -150), flick=True, steps=5)
    _rest(page, sheet, "full")
    box = _box(sheet)
    pull(page, (195, box["y"] + 14), (0, 500), flick=True, steps=6)
    expect(page.locator("#profile-panel.open")).to_have_count(0)


def test_keys_move_a_sheet_and_it_says_where_it_stands(new_page: Callable[..., Page]) -> None:
    page = _open(new_page)
    on_map(page, REGION)
    sheet, grip = page.locator("#profile-panel"), page.locator("#profile-panel .sheet-grip")
    expect(grip).to_have_attribute("aria-label", "面板高度：半屏")
    grip.focus()
    page.keyboard.press("ArrowUp")
    expect(grip).to_have_attribute("aria-label", "面板高度：全屏")
    page.keyboard.press("End")
    expect(grip).to_have_attribute("aria-label", "面板高度：收到底部")
    expect(grip).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    expect(sheet).to_have_attribute("data-stop", "half")
    # A tap on the head does what the handle does; the buttons in the head keep their own meaning.
    sheet.locator("h2").tap()
    expect(sheet).to_have_attribute("data-stop", "full")
    sheet.locator(".profile-crumbs button").first.tap()
    expect(sheet.locator("h2")).to_have_text("下城区")
    page.keyboard.press("Escape")
    expect(page.locator("#profile-panel.open")).to_have_count(0)


def test_esc_closes_the_layers_and_back_the_profile(new_page: Callable[..., Page]) -> None:
    page = _open(new_page)
    page.get_by_role("button", name="展开图层").tap()
    expect(page.locator("[data-layer=components]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".switcher")).to_have_class(re.compile("folded"))
    on_map(page, "(map) => map.select({ kind: 'region', id: '330103003', from: 'search' })")
    expect(page.locator("#profile-panel.open h2")).to_have_text("天水街道")
    page.go_back()
    expect(page.locator("#profile-panel.open")).to_have_count(0)
    assert page.evaluate("location.pathname") == "/"


def test_the_map_above_a_sheet_stays_in_use(new_page: Callable[..., Page]) -> None:
    page = _open(new_page)
    page.get_by_role("button", name="展开图层").tap()
    sheet = _rest(page, page.locator(".switcher"), "half")
    controls = page.locator(".map-controls")
    page.wait_for_function(
        "([e, top]) => e.getBoundingClientRect().bottom <= top", arg=[controls.element_handle(), sheet["y"]]
    )
    before = on_map(page, "(map) => map.view().center")
    pull(page, (200, 300), (-120, -60))
    settle(page)
    assert on_map(page, "(map) => map.view().center") != before
    # What is tapped on the map opens in the sheets' place, and the layers make room for it.
    on_map(page, "(map) => map.flyTo({ center: [120.16, 30.27], zoom: 13 }, { duration: 0 })")
    on_map(page, REGION)
    expect(page.locator("#profile-panel.open h2")).to_have_text("天水街道")
    expect(page.locator(".switcher")).to_have_class(re.compile("folded"))
    top = _still(page, page.locator("#profile-panel"))["y"]
    here = _box(page.get_by_role("button", name="我的位置"))
    assert here["x"] + here["width"] <= 390
    assert here["x"] > 390 / 2
    assert here["y"] + here["height"] <= top


def test_less_motion_where_the_phone_asks_for_less(new_page: Callable[..., Page]) -> None:
    page = _open(new_page, **UPRIGHT, reduced_motion="reduce")
    page.get_by_role("button", name="展开图层").tap()
    sheet = page.locator(".switcher")
    seconds = "(e) => Math.max(...getComputedStyle(e).transitionDuration.split(',').map(parseFloat))"
    assert sheet.evaluate(seconds) <= 0.001
    _by(page, sheet, -300)
    expect(sheet).to_have_attribute("data-stop", "full")


def test_sideways_the_bar_is_a_rail_and_sheets_stand_at_the_right(new_page: Callable[..., Page]) -> None:
    page = _open(new_page, **SIDEWAYS)
    rail = _box(page.locator("#tab-bar"))
    assert rail["x"] == 0
    assert rail["width"] < 80
    assert rail["height"] == 390
    on_map(page, REGION)
    sheet = page.locator("#profile-panel")
    expect(sheet.locator("h2")).to_have_text("天水街道")
    box = _still(page, sheet)
    assert box["x"] > 844 / 2 - 1
    assert box["height"] > 300
    pull(page, (box["x"] + 120, box["y"] + 30), (250, 0))
    expect(page.locator("#profile-panel.open")).to_have_count(0)


def test_every_page_and_the_way_out_are_under_the_thumb(new_page: Callable[..., Page]) -> None:
    page = new_page("manager", **SMALL)
    page.goto("/cases")
    expect(page.locator(".tab-bar > a.here")).to_have_text("案件")
    desk = {link.get_attribute("href") for link in page.locator(".top-bar .nav a").all()}
    tabs = {link.get_attribute("href") for link in page.locator("#tab-bar a").all()}
    assert desk == tabs
    assert len(desk) >= 7
    more = page.locator("#tab-more")
    more.tap()
    expect(more).to_have_attribute("aria-expanded", "true")
    sheet = page.locator("#more-sheet")
    expect(sheet).to_contain_text("网格管理员")
    for row in sheet.locator(".more-list > *").all():
        box = _box(row)
        assert box["height"] >= 44
        assert box["y"] > 640 / 3
    theme = page.evaluate("document.documentElement.dataset.theme")
    sheet.get_by_text("切换深色与浅色").tap()
    expect(page.locator("html")).not_to_have_attribute("data-theme", theme)
    sheet.get_by_role("link", name="数据导入").tap()
    expect(page.locator(".imports")).to_be_visible()
    expect(sheet).to_be_hidden()
    expect(more).to_have_class(re.compile("here"))
    more.tap()
    expect(sheet).to_be_visible()
    page.touchscreen.tap(180, 120)
    expect(sheet).to_be_hidden()
    more.tap()
    sheet.get_by_text("退出登录").tap()
    page.wait_for_url("**/sign-in")
