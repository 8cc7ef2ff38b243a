"""The big screen: workers move, an alert arrives within seconds and opens its track, a restart loses nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import shapely
from playwright.sync_api import Browser, Page, ViewportSize, expect
from sqlalchemy import text

from gisapp.domain import clock
from gisapp.domain.access import SYSTEM
from gisapp.services import tracks
from gisapp.services.accounts import DEMO_PASSWORD
from gisapp.store.database import Database
from tests.browser.conftest import Served, on_map, start_server, stop_server, wait_for_map

WALL: ViewportSize = {"width": 1920, "height": 1080}


@dataclass(frozen=True)
class Walker:
    """A worker of the leader's street: where the own grid's middle is, and a point well outside of it."""

    id: int
    name: str
    inside: tuple[float, float]
    outside: tuple[float, float]

    def fix(self, where: tuple[float, float], at: datetime) -> dict[str, Any]:
        return {
            "worker": self.id,
            "at": at.isoformat(),
            "lon": where[0],
            "lat": where[1],
            "accuracy": 6,
            "speed": 1.1,
        }

    def leaves(self) -> list[dict[str, Any]]:
        """Inside for a minute, then out for three, up to now."""
        now = clock.now()
        seconds = range(240, -1, -10)
        return [
            self.fix(self.inside if s > 180 else self.outside, now - timedelta(seconds=s)) for s in seconds
        ]


def walkers(database: Database, count: int) -> list[Walker]:
    """The first workers of the demo street."""
    with database.begin(SYSTEM) as connection:
        rows = connection.execute(
            text(
                "SELECT w.id, w.name, ST_AsBinary(g.geom) AS ground FROM onemap.grid_worker w "
                "JOIN onemap.grid g ON g.place = w.place AND g.valid_to IS NULL "
                "JOIN onemap.app_user u ON u.login = 'leader' AND w.place ^@ ANY (u.scopes) "
                "WHERE w.active ORDER BY w.id LIMIT :count"
            ),
            {"count": count},
        ).all()
    found = []
    for row in rows:
        ground = shapely.from_wkb(bytes(row.ground))
        middle = ground.representative_point()
        found.append(Walker(row.id, row.name, (middle.x, middle.y), (ground.bounds[2] + 0.002, middle.y)))
    return found


@pytest.fixture(scope="module")
def street(served: Served) -> list[Walker]:
    database = Database(served.database_url, connections=2)
    found = walkers(database, 6)
    database.close()
    assert len(found) == 6
    return found


def open_screen(page: Page, base: str = "") -> None:
    page.goto(f"{base}/screen")
    wait_for_map(page, "screen-map")
    expect(page.locator(".wall")).to_have_attribute("data-line", "live")


def positions(page: Page) -> dict[str, list[float]]:
    script = (
        "(map) => Object.fromEntries([...map.gliders.get('workers').things]"
        ".map(([id, thing]) => [id, thing.to]))"
    )
    found: dict[str, list[float]] = on_map(page, script, None, "screen-map")
    return found


def test_a_worker_moves_without_a_reload(
    new_page: Callable[..., Page], street: list[Walker], device: httpx.Client
) -> None:
    page = new_page("leader", viewport=WALL)
    open_screen(page)
    walker = street[0]
    for step in range(2):
        where = (walker.inside[0] + 0.00002 * step, walker.inside[1])
        sent = time.monotonic()
        assert (
            device.post("/api/v1/tracks", json={"fixes": [walker.fix(where, clock.now())]}).json()["stored"]
            == 1
        )
        while positions(page).get(str(walker.id)) != [round(where[0], 7), round(where[1], 7)]:
            assert time.monotonic() - sent < 5
            page.wait_for_timeout(50)


def test_an_alert_arrives_within_seconds_and_opens_the_track_that_proves_it(
    new_page: Callable[..., Page], street: list[Walker], device: httpx.Client
) -> None:
    page = new_page("leader", viewport=WALL)
    open_screen(page)
    walker = street[1]
    answer = device.post("/api/v1/tracks", json={"fixes": walker.leaves()}).json()
    assert len(answer["alerts"]) == 1
    card = page.locator(f'.alert-card[data-alert="{answer["alerts"][0]}"]')
    expect(card).to_contain_text(f"{walker.name}离开本网格", timeout=3000)
    expect(page.locator(f'.alert-mark[data-alert="{answer["alerts"][0]}"]')).to_be_visible()
    expect(page.locator('[data-slot="alerts"] b')).not_to_have_text("0", timeout=10_000)
    card.click()
    expect(page.locator(".wall-card h2")).to_contain_text(walker.name)
    kinds = on_map(
        page,
        "(map) => map.overlays.known.get('alert-track').data.features.map((f) => f.properties.kind)",
        None,
        "screen-map",
    )
    assert {"ground", "piece", "proof"} <= set(kinds)
    page.click("text=确认告警")
    expect(page.locator(".wall-card .done")).to_contain_text("确认")
    expect(card).to_have_class("alert-card is-seen")
    page.keyboard.press("Escape")
    expect(page.locator(".wall-card")).to_be_hidden()
    # Some time later: several hundred metres within a few seconds would be set aside as a jump.
    back = [walker.fix(walker.inside, clock.now() + timedelta(seconds=s)) for s in (40, 50)]
    device.post("/api/v1/tracks", json={"fixes": back})
    expect(card).to_have_count(0, timeout=3000)
    expect(page.locator(".wall-stream")).to_contain_text(f"{walker.name}已回到本网格")
    page.click('[data-slot="alerts"]')
    row = page.locator(".card-row", has_text=walker.name)
    expect(row).to_contain_text("已返回")
    row.click()
    expect(page.locator(".wall-card h2")).to_contain_text(f"{walker.name}离开本网格")


def test_drill_down_and_back(new_page: Callable[..., Page], street: list[Walker]) -> None:
    page = new_page("leader", viewport=WALL)
    open_screen(page)
    whole = page.locator('[data-slot="people"] b').inner_text()
    middle = list(street[2].inside)
    enter = "(map, at) => document.querySelector('.wall').onemapScreen.enter(document.querySelector('.wall').onemapScreen.groundAt(at))"
    on_map(page, enter, middle, "screen-map")
    expect(page.locator(".wall-crumbs button")).to_have_count(2)
    expect(page.locator('[data-slot="people"] b')).not_to_have_text(whole)
    expect(page.locator("h1.wall-scope")).to_contain_text("社区")
    page.keyboard.press("Escape")
    expect(page.locator(".wall-crumbs")).to_be_hidden()
    expect(page.locator('[data-slot="people"] b')).to_have_text(whole)


def test_numbers_are_large_few_and_open_their_records(new_page: Callable[..., Page]) -> None:
    page = new_page("leader", viewport=WALL)
    open_screen(page)
    sizes = page.eval_on_selector_all(
        ".wall-number b", "all => all.map((e) => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert len(sizes) <= 7 and min(sizes) >= 48
    labels = page.eval_on_selector_all(
        ".wall-number .label, .wall-stream button, .wall-line, .wall-brand, .wall-number small",
        "all => all.map((e) => parseFloat(getComputedStyle(e).fontSize))",
    )
    assert min(labels) >= 20
    assert all(page.eval_on_selector_all(".wall-number", "all => all.map((e) => e.getAttribute('href'))"))
    expect(page.locator(".wall-line")).to_contain_text("截至")


def test_the_place_fills_the_free_part_of_the_wall(new_page: Callable[..., Page]) -> None:
    page = new_page("leader", viewport=WALL)
    open_screen(page)
    # The outline comes with the first counts, and the view goes there; then it stands still.
    page.wait_for_function("""async () => {
      const owner = (await window.onemapReady).map('screen-map');
      const { place, whole } = document.querySelector('.wall').onemapScreen;
      if (!whole || owner.map.isMoving()) return false;
      const rings = place.outline.type === 'MultiPolygon' ? place.outline.coordinates.flat(2) : place.outline.coordinates.flat();
      const seen = rings.map((at) => owner.map.project(at));
      const [xs, ys] = [seen.map((p) => p.x), seen.map((p) => p.y)];
      const free = owner.padding();
      const { clientWidth: w, clientHeight: h } = owner.element;
      const slack = 4;
      const inside = Math.min(...xs) >= free.left - slack && Math.max(...xs) <= w - free.right + slack
        && Math.min(...ys) >= free.top - slack && Math.max(...ys) <= h - free.bottom + slack;
      const tall = (Math.max(...ys) - Math.min(...ys)) / (h - free.top - free.bottom);
      const wide = (Math.max(...xs) - Math.min(...xs)) / (w - free.left - free.right);
      return inside && Math.max(tall, wide) > 0.95;
    }""")


def test_it_is_dark_for_a_user_whose_desk_is_light(new_page: Callable[..., Page]) -> None:
    page = new_page("leader", theme="light", viewport=WALL)
    styles: list[str] = []
    page.on("request", lambda request: styles.append(request.url) if "/api/v1/style" in request.url else None)
    open_screen(page)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert styles and all(address.endswith("theme=dark") for address in styles)
    paint = "(map) => map.map.getStyle().layers.find((layer) => layer.type === 'background').paint"
    ground = on_map(page, paint, None, "screen-map")
    assert page.evaluate("localStorage.theme") == '"light"'
    page.goto("/")
    wait_for_map(page)
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert on_map(page, paint) != ground


def test_a_rate_of_nothing_has_no_unit_and_says_why(new_page: Callable[..., Page]) -> None:
    page = new_page("leader", viewport=WALL)
    open_screen(page)
    tile = page.locator('[data-slot="in_time"]')

    def show(**numbers: int) -> None:
        page.evaluate(
            "(numbers) => { const screen = document.querySelector('.wall').onemapScreen;"
            " screen.show({ ...screen.place, numbers: { ...screen.place.numbers, ...numbers } }); }",
            numbers,
        )

    show(closed=0, in_time=0, overdue=0)
    expect(tile.locator("b")).to_have_text("—")
    expect(tile.locator("i")).to_be_hidden()
    expect(tile.locator("small")).to_have_text("无应办结")
    show(closed=0, in_time=0, overdue=2)
    expect(tile.locator("i")).to_be_hidden()
    expect(tile.locator("small")).to_have_text("今日尚无办结")
    show(closed=4, in_time=3, overdue=0)
    expect(tile.locator(".value")).to_have_text("75%")
    expect(tile.locator("i")).to_be_visible()


def test_the_feed_shows_whole_rows_only(new_page: Callable[..., Page]) -> None:
    page = new_page("leader", viewport=WALL)
    open_screen(page)
    # Below 648 pixels type no longer shrinks with the window, and long titles take two lines: there the room runs out.
    fill = """(count) => {
      const { stream } = document.querySelector('.wall').onemapScreen;
      const at = new Date().toISOString();
      stream.whole({
        alerts: Array.from({ length: count }, (_, id) => (
          { id, state: 'open', title: '欧阳某某离开本网格超过 2 分钟，请联系', opened_at: at, raised_at: at }
        )),
        events: Array.from({ length: 12 }, (_, id) => ({ id, action: 'report', at, title: '路灯异常' })),
      });
    }"""
    for height in (1080, 600):
        page.set_viewport_size({"width": 1920, "height": height})
        for count in (0, 1, 3, 5):
            page.evaluate(fill, count)
            edge, rows = page.evaluate(
                "() => [document.querySelector('.wall-side').getBoundingClientRect().bottom,"
                " [...document.querySelectorAll('.wall-stream li')].map((e) => e.getBoundingClientRect().bottom)]"
            )
            assert rows and max(rows) <= edge


def test_a_worker_may_not_open_it(new_page: Callable[..., Page]) -> None:
    page = new_page("worker")
    page.goto("/screen")
    expect(page.locator(".state.error")).to_contain_text("大屏")


def test_after_a_restart_of_the_server_nothing_is_missing(
    browser: Browser, served: Served, street: list[Walker]
) -> None:
    # A context of its own: while the server is down the console has to complain.
    context = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai", viewport=WALL)
    process, url = start_server(served.database_url)
    port = int(url.rsplit(":", 1)[1])
    database = Database(served.database_url, connections=2)
    try:
        context.request.post(f"{url}/api/v1/session", data={"login": "leader", "password": DEMO_PASSWORD})
        page = context.new_page()
        open_screen(page, url)
        stop_server(process)
        expect(page.locator(".wall")).to_have_attribute("data-line", "lost")
        expect(page.locator(".wall-line")).to_contain_text("连接中断")
        # Raised by another process while this one is down.
        raised = tracks.take_in(database, SYSTEM, street[3].leaves()).alerts
        process, _ = start_server(served.database_url, port=port)
        expect(page.locator(f'.alert-card[data-alert="{raised[0]}"]')).to_be_visible(timeout=15_000)
        expect(page.locator(".wall")).to_have_attribute("data-line", "live")
        again = tracks.take_in(database, SYSTEM, street[4].leaves()).alerts
        expect(page.locator(f'.alert-card[data-alert="{again[0]}"]')).to_be_visible(timeout=3000)
    finally:
        database.close()
        context.close()
        stop_server(process)


def test_a_page_that_is_signed_out_hears_no_more(new_page: Callable[..., Page]) -> None:
    page = new_page("leader", viewport=WALL)
    open_screen(page)
    page.context.request.delete("/api/v1/session", headers={"X-Requested-With": "onemap"})
    page.wait_for_url("**/sign-in?next=*", timeout=60_000)
