"""A grid worker outdoors: own position, a case at it, its handling; alerts; and a line that breaks in the middle of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from sqlalchemy import text

from gisapp.domain import clock
from gisapp.domain.access import SYSTEM
from gisapp.store.database import Database
from tests.browser.conftest import Served, sign_in, wait_for_map
from tests.browser.phone import UPRIGHT
from tests.browser.test_screen import Walker, walkers

MATTER = "供水井盖异常"


@pytest.fixture(scope="module")
def me(served: Served) -> Walker:
    """The worker that the demo user of this name is."""
    database = Database(served.admin_url, connections=2)
    try:
        with database.begin(SYSTEM) as connection:
            own = connection.execute(
                text("SELECT worker_id FROM onemap.app_user WHERE login = 'worker'")
            ).scalar_one()
        return next(found for found in walkers(database, 100) if found.id == own)
    finally:
        database.close()


@pytest.fixture
def outdoors(browser: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """Pages whose console may complain of a lost network: that is what is tested."""
    contexts: list[BrowserContext] = []

    def make(login: str, **options: Any) -> Page:
        context = browser.new_context(
            base_url=served.url, locale="zh-CN", timezone_id="Asia/Shanghai", **{**UPRIGHT, **options}
        )
        contexts.append(context)
        context.set_default_timeout(30_000)
        page = context.new_page()
        sign_in(page, login)
        return page

    yield make
    for context in contexts:
        context.close()


def _at(where: tuple[float, float]) -> dict[str, Any]:
    position = {"longitude": where[0], "latitude": where[1], "accuracy": 20}
    return {"geolocation": position, "permissions": ["geolocation"]}


def _write(page: Page, description: str) -> None:
    page.locator("#case-report-open").tap()
    page.fill("#case-matter", MATTER)
    page.get_by_role("option", name=re.compile(MATTER)).first.tap()
    page.fill("#case-description", description)


def _cases(page: Page) -> int:
    return int(page.context.request.get("/api/v1/events?limit=1").json()["total"])


def test_where_am_i(new_page: Callable[..., Page], me: Walker) -> None:
    page = new_page("worker", **UPRIGHT, **_at(me.inside))
    page.goto("/")
    wait_for_map(page)
    page.get_by_role("button", name="我的位置").tap()
    page.wait_for_function(
        "async ([lon, lat]) => { const map = (await window.onemapReady).map('map');"
        " const c = map.map.getCenter(); const me = map.overlays.known.get('me');"
        " return me?.data.features.length === 2 && Math.abs(c.lng - lon) < 1e-4 && Math.abs(c.lat - lat) < 1e-4; }",
        arg=list(me.inside),
    )


def test_without_a_position_the_terminals_last_one_stands_in(
    new_page: Callable[..., Page], me: Walker, device: httpx.Client
) -> None:
    page = new_page("worker", **UPRIGHT)
    page.goto("/")
    wait_for_map(page)
    # Before all that a later test reports of this worker (four minutes): a position among those would mean being back.
    earlier = clock.now() - timedelta(minutes=5)
    answer = device.post("/api/v1/tracks", json={"fixes": [me.fix(me.inside, earlier)]})
    assert answer.status_code == 200
    page.wait_for_function(
        "async (id) => (await window.onemapReady).map('map').gliders.get('workers')?.things.has(id)",
        arg=str(me.id),
    )
    page.get_by_role("button", name="我的位置").tap()
    expect(page.get_by_text("手机没有给出位置")).to_be_visible()
    expect(page.get_by_text("您的终端")).to_be_visible()
    other = new_page("leader", **UPRIGHT)
    other.goto("/")
    wait_for_map(other)
    other.get_by_role("button", name="我的位置").tap()
    expect(other.get_by_text("没有取得位置")).to_be_visible()


def test_a_case_from_my_position_to_its_close(new_page: Callable[..., Page], me: Walker) -> None:
    page = new_page("worker", **UPRIGHT, **_at(me.inside))
    page.goto("/cases")
    wait_for_map(page)
    _write(page, "井盖缺失")
    page.get_by_role("button", name="用我的位置").tap()
    expect(page.locator("#case-point-text")).to_contain_text(f"{me.inside[0]:.6f}")
    page.locator("#case-submit").tap()
    side = page.locator("#case-side")
    expect(side.locator(".status").first).to_have_text("待交办")
    expect(side).to_have_attribute("data-stop", "half")
    number = page.url.rpartition("id=")[2]
    chief = new_page("manager")
    step = {"action": "assign", "assignee": "市政养护所", "worker_id": me.id}
    assert chief.context.request.post(f"/api/v1/events/{number}/steps", data=step).ok
    page.reload()
    side.get_by_role("button", name="办理", exact=True).tap()
    expect(side.locator(".status").first).to_have_text("办理中")
    page.fill("#case-note", "已补装井盖")
    side.get_by_role("button", name="办结", exact=True).tap()
    expect(side.locator(".status").first).to_have_text("已办结")
    page.locator("#case-close").tap()
    expect(side).to_be_hidden()


def test_my_alert_is_told_and_shows_its_track(
    new_page: Callable[..., Page], me: Walker, device: httpx.Client
) -> None:
    page = new_page("worker", **UPRIGHT)
    page.goto("/")
    wait_for_map(page)
    try:
        assert device.post("/api/v1/tracks", json={"fixes": me.leaves()}).status_code == 200
        pill = page.locator(".alert-pill")
        expect(pill).to_have_text("告警 1")
        pill.tap()
        row = page.locator("#alert-sheet [data-alert-row]")
        expect(row).to_contain_text("您已")
        row.tap()
        expect(page.locator("#profile-panel.open h2")).to_contain_text(me.name)
        expect(page.locator("#alert-sheet")).to_be_hidden()
        page.wait_for_function(
            "async () => (await window.onemapReady).map('map').overlays.known.get('alert-track')?.data.features.length > 0"
        )
    finally:
        # Some time later: several hundred metres within a few seconds would be set aside as a jump.
        back = [me.fix(me.inside, clock.now() + timedelta(seconds=s)) for s in (40, 50)]
        assert device.post("/api/v1/tracks", json={"fixes": back}).status_code == 200
    expect(page.locator(".alert-pill")).to_be_hidden()


def test_a_lost_line_says_so_and_comes_back(outdoors: Callable[..., Page]) -> None:
    page = outdoors("worker")
    page.goto("/cases")
    wait_for_map(page)
    banner = page.locator(".line-banner")
    expect(banner).to_be_hidden()
    page.context.set_offline(True)
    expect(banner).to_contain_text("连接已中断")
    # Another page is asked for in vain; when the line is back it comes by itself.
    page.locator(".tab-bar > a", has_text="考核").tap()
    expect(page).to_have_url(re.compile("/assessment"))
    page.context.set_offline(False)
    expect(page.locator(".scores")).to_be_visible(timeout=40_000)
    expect(banner).to_be_hidden()


def test_a_half_written_report_outlives_line_and_reload(outdoors: Callable[..., Page], me: Walker) -> None:
    page = outdoors("worker", **_at(me.inside))
    page.goto("/cases")
    wait_for_map(page)
    before = _cases(page)
    _write(page, "写到一半")
    page.get_by_role("button", name="用我的位置").tap()
    expect(page.locator("#case-point-text")).to_contain_text("位置：")
    page.context.set_offline(True)
    expect(page.locator("html")).to_have_attribute("data-line", "lost")
    page.locator("#case-submit").tap()
    expect(page.locator("#case-unsent")).to_contain_text("尚未提交")
    page.context.set_offline(False)
    expect(page.locator("#case-unsent")).to_contain_text("连接已恢复", timeout=40_000)
    assert _cases(page) == before
    page.reload()
    wait_for_map(page)
    button = page.locator("#case-report-open")
    expect(button).to_have_class(re.compile("has-draft"))
    button.tap()
    expect(page.locator("#case-description")).to_have_value("写到一半")
    expect(page.locator("#case-matter")).to_have_value(re.compile(MATTER))
    expect(page.locator("#case-point-text")).to_contain_text(f"{me.inside[0]:.6f}")
    page.locator("#case-submit").tap()
    expect(page.locator("#case-side .status").first).to_have_text("待交办")
    assert _cases(page) == before + 1
    expect(button).not_to_have_class(re.compile("has-draft"))
    assert page.evaluate("sessionStorage.getItem('onemap:case-draft')") is None


def test_a_report_whose_answer_was_lost_is_not_made_twice(outdoors: Callable[..., Page], me: Walker) -> None:
    page = outdoors("worker", **_at(me.inside))
    page.goto("/cases")
    wait_for_map(page)
    before = _cases(page)
    lost: list[int] = []

    def swallow(route: Route) -> None:
        body = route.request.post_data or ""
        if not lost and '"changedPropIds":["case-submit.n_clicks"]' in body:
            lost.append(route.fetch().status)  # the server did its part; its answer goes astray
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/_dash-update-component*", swallow)
    _write(page, "答复丢失")
    page.get_by_role("button", name="用我的位置").tap()
    expect(page.locator("#case-point-text")).to_contain_text("位置：")
    with page.expect_event("requestfailed", lambda request: "_dash-update" in request.url):
        page.locator("#case-submit").tap()
    assert lost == [200]
    page.locator("#case-submit").tap()
    expect(page.locator("#case-side .status").first).to_have_text("待交办")
    assert _cases(page) == before + 1
