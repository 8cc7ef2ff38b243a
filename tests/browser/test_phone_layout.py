"""Every page on every phone: nothing beyond the edge, nothing too small to press or to read, and its lists fit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import wait_for_map
from tests.browser.phone import AUDIT, SIDEWAYS, SMALL, UPRIGHT

SIZES = {"upright": UPRIGHT, "small": SMALL, "sideways": SIDEWAYS}
PAGES = [
    ("leader", "/", "map"),
    ("leader", "/screen", "screen-map"),
    ("leader", "/assessment", "map"),
    ("manager", "/cases", "map"),
    ("manager", "/grids", "map"),
    ("manager", "/imports", ""),
    ("planner", "/analysis", "map"),
    (None, "/sign-in", ""),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("login", "path", "map_id"), PAGES)
def test_a_page_fits_a_phone(
    new_page: Callable[..., Page], login: str | None, path: str, map_id: str, size: str
) -> None:
    page = new_page(login, **SIZES[size])
    page.goto(path)
    if map_id:
        wait_for_map(page, map_id)
    expect(page.locator("main, .sign-in, .wall").first).to_be_visible()
    if path in ("/cases", "/assessment"):
        expect(page.locator(".ag-row").first).to_be_visible()
    if path == "/sign-in":
        expect(page.locator("#login")).to_be_visible()
    page.wait_for_function(
        "document.getAnimations().filter((a) => a.constructor.name === 'CSSTransition').length === 0"
    )
    found = page.evaluate(AUDIT)
    assert found["wide"] == []
    assert found["small"] == []
    assert found["tiny"] == []
    wide, inner, scale = found["page"]
    assert wide <= inner
    assert scale == 1


def test_what_opens_fits_too(new_page: Callable[..., Page]) -> None:
    """Lists of choices, the calendar and the dialog of publishing stand within the screen of the smallest phone."""
    page = new_page("planner", **SMALL)
    page.goto("/analysis")
    wait_for_map(page)
    page.locator("#analysis-kind").tap()
    expect(page.get_by_role("option").first).to_be_visible()
    assert page.evaluate(AUDIT)["wide"] == []
    page.keyboard.press("Escape")
    page.locator("#analysis-days").tap()
    day = page.locator(".mantine-DatePickerInput-day").first
    expect(day).to_be_visible()
    found = page.evaluate(AUDIT)
    assert found["wide"] == []


def test_rows_are_as_high_as_a_finger(new_page: Callable[..., Page]) -> None:
    page = new_page("leader", **UPRIGHT)
    page.goto("/cases")
    row = page.locator(".ag-row").first
    expect(row).to_be_visible()
    box = row.bounding_box()
    assert box is not None
    assert box["height"] >= 44


def test_a_page_that_may_not_be_opened_says_so(new_page: Callable[..., Page]) -> None:
    page = new_page("worker", **UPRIGHT)
    page.goto("/grids")
    expect(page.locator(".state.error")).to_contain_text("网格管理员")
    back = page.locator(".state.error").get_by_role("link", name="返回一张图")
    box = back.bounding_box()
    assert box is not None
    assert box["height"] >= 43.5
    back.tap()
    wait_for_map(page)
