"""The frame: a deep link first, sign-in and out, theme, links that carry the view, nothing from another host."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from gisapp.services.accounts import DEMO_PASSWORD
from tests.browser.conftest import Served, on_map, settle, sign_in, start_server, stop_server, wait_for_map


def test_a_deep_link_is_the_first_request_of_a_server(served: Served, new_page: Callable[..., Page]) -> None:
    """Dash sets itself up at its first request; a deep link must not find it unprepared."""
    process, url = start_server(served.database_url)
    try:
        page = new_page(url=url)
        sign_in(page, "leader")
        page.goto("/cases")
        expect(page.locator(".nav a.here")).to_have_text("案件")
        # The theme toggle is an inline client callback: it is what such a page would lack.
        page.click("#theme-toggle")
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        page.close()
    finally:
        stop_server(process)


def test_sign_in_leads_back_to_where_one_was_going(page: Page) -> None:
    page.goto("/cases?state=open")
    page.wait_for_url("**/sign-in?next=*")
    page.fill("#login", "leader")
    page.fill("#password", "wrong-password")
    page.click("#sign-in-button")
    expect(page.locator(".sign-in-message")).to_contain_text("用户名或密码不正确")
    page.fill("#password", "onemap-demo")
    page.click("#sign-in-button")
    page.wait_for_url("**/cases?state=open")
    expect(page.locator(".top-bar .brand")).to_contain_text("社区一张图")


def test_a_gateway_is_told_at_the_form_what_its_account_is_for(page: Page) -> None:
    page.goto("/sign-in")
    page.fill("#login", "device")
    page.fill("#password", DEMO_PASSWORD)
    page.click("#sign-in-button")
    expect(page.locator(".sign-in-message")).to_contain_text("不能登录网页")
    assert page.context.cookies() == []
    page.goto("/cases")
    page.wait_for_url("**/sign-in?next=*")


def test_sign_in_never_leads_to_another_host(page: Page, served: Served) -> None:
    page.goto("/sign-in?next=https%3A%2F%2Fexample.org%2F")
    page.fill("#login", "leader")
    page.fill("#password", "onemap-demo")
    page.click("#sign-in-button")
    wait_for_map(page)
    assert page.url.startswith(served.url + "/")


def test_who_is_signed_in_needs_no_sign_in(new_page: Callable[..., Page]) -> None:
    page = new_page("leader")
    page.goto("/sign-in?next=%2Fcases")
    page.wait_for_url("**/cases")


def test_sign_out_ends_the_session(new_page: Callable[..., Page]) -> None:
    page = new_page("leader")
    page.goto("/cases")
    page.click("#user-menu")
    page.get_by_role("menuitem", name="退出登录").click()
    page.wait_for_url("**/sign-in")
    assert page.context.request.get("/api/v1/session").status == 401


def test_the_theme_is_there_before_the_first_paint_and_stays(new_page: Callable[..., Page]) -> None:
    page = new_page("leader", theme="light")
    page.goto("/", wait_until="commit")
    page.wait_for_selector("html[data-theme]", state="attached")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    wait_for_map(page)
    page.click("#theme-toggle")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_unknown_addresses_say_so(new_page: Callable[..., Page]) -> None:
    page = new_page("leader")
    assert page.context.request.get("/api/v1/no-such-thing").json()["error"] == "not_found"
    assert page.context.request.get("/tiles/no-such-layer/1/1/1.mvt").status == 404


def test_reload_and_back_keep_the_view(new_page: Callable[..., Page]) -> None:
    page = new_page("leader")
    page.goto("/")
    wait_for_map(page)
    on_map(page, "(map) => map.map.jumpTo({ zoom: 16.2, bearing: 20 })")
    settle(page)
    page.locator("[data-layer=components]").check()
    before = on_map(page, "(map) => map.view()")
    page.reload()
    wait_for_map(page)
    after = on_map(page, "(map) => map.view()")
    assert abs(after["zoom"] - before["zoom"]) < 0.02
    assert abs(after["bearing"] - before["bearing"]) < 0.2
    assert max(abs(a - b) for a, b in zip(after["center"], before["center"], strict=True)) < 2e-5
    expect(page.locator("[data-layer=components]")).to_be_checked()
    page.locator(".nav a", has_text="案件").click()
    expect(page.locator(".nav a.here")).to_have_text("案件")
    page.go_back()
    expect(page.locator(".nav a.here")).to_have_text("一张图")
    wait_for_map(page)
    again = on_map(page, "(map) => map.view()")
    assert abs(again["zoom"] - before["zoom"]) < 0.02
