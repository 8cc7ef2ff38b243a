"""A case goes from report to close with the mouse; the list, the address and the number behind it agree."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from gisapp.domain import clock
from tests.browser.conftest import on_map, settle, wait_for_map


def _report(page: Page, matter: str) -> None:
    page.goto("/cases")
    wait_for_map(page)
    page.click("#case-report-open")
    page.fill("#case-matter", matter)
    page.get_by_role("option", name=re.compile(matter)).first.click()
    page.fill("#case-description", "路面破损，影响通行")
    settle(page)
    box = page.locator("#map").bounding_box()
    assert box is not None
    # The drawer lies over the list; the middle of the map's right half stays free.
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)
    expect(page.locator("#case-point-text")).to_contain_text("位置")
    page.click("#case-submit")
    expect(page.locator("#case-side h3")).to_be_visible()


def _act(page: Page, word: str, state: str) -> None:
    page.locator("#case-side .case-buttons button", has_text=word).click()
    expect(page.locator("#case-side .status").first).to_have_text(state)


def test_from_report_to_close(new_page: Callable[..., Page]) -> None:
    page = new_page("manager")
    _report(page, "供水井盖异常")
    expect(page).to_have_url(re.compile(r"/cases\?id=\d+"))
    expect(page.locator("#case-side .status").first).to_have_text("待交办")
    page.fill("#case-assignee", "市政养护所")
    _act(page, "交办", "待办理")
    _act(page, "办理", "办理中")
    page.locator("#case-side .case-buttons button", has_text="办结").click()
    expect(page.get_by_text("必须填写办理结果").first).to_be_visible()
    page.fill("#case-note", "已更换井盖并复查")
    _act(page, "办结", "已办结")
    expect(page.locator("#case-side .case-steps li")).to_have_count(4)
    expect(page.locator("#case-side")).to_contain_text("时限内办结")


def test_reload_and_back_keep_filter_and_case(new_page: Callable[..., Page]) -> None:
    page = new_page("leader")
    page.goto("/cases?state=closed")
    expect(page.locator("#case-total")).to_contain_text("件")
    page.locator(".ag-row").first.click()
    expect(page.locator("#case-side h3")).to_be_visible()
    title = page.locator("#case-side h3").inner_text()
    # The place of the case comes into sight beside its panel, not under it.
    page.wait_for_function("""async () => {
      const owner = (await window.onemapReady).map('map');
      const marked = owner.overlays.known.get('case')?.data.features[0];
      if (!marked || owner.map.isMoving()) return false;
      const { x, y } = owner.map.project(marked.geometry.coordinates);
      const [frame, side] = [owner.element, document.getElementById('case-side')].map((e) => e.getBoundingClientRect());
      return x > 20 && y > 20 && y < frame.height - 20 && frame.left + x < side.left - 10;
    }""")
    expect(page).to_have_url(re.compile(r"state=closed.*id=\d+"))
    page.reload()
    expect(page.locator("#case-side h3")).to_have_text(title)
    expect(page.locator("#case-state input:checked")).to_have_value("closed")
    page.keyboard.press("Escape")


def test_a_score_opens_the_cases_that_it_counts(new_page: Callable[..., Page]) -> None:
    page = new_page("leader")
    page.goto("/assessment")
    link = page.locator(".ag-row a").first
    expect(link).to_be_visible()
    count = int(link.inner_text().replace(",", ""))
    link.click()
    page.wait_for_url("**/cases?**")
    expect(page.locator("#case-total")).to_contain_text(f"{count:,} 件")


def test_the_map_explains_itself_and_follows_the_states_of_the_list(new_page: Callable[..., Page]) -> None:
    page = new_page("leader", viewport={"width": 1920, "height": 1080})
    page.goto("/cases")
    wait_for_map(page)
    legend = page.locator(".map-legend")
    for word in ("待交办", "已办结", "超期", "网格", "来源：本平台受理的事件"):
        expect(legend).to_contain_text(word)
    page.locator(".map-legend-fold").click()
    expect(legend.locator(".map-legend-body")).to_be_hidden()
    page.reload()
    wait_for_map(page)
    expect(legend.locator(".map-legend-body")).to_be_hidden()
    page.locator(".map-legend-fold").click()
    page.locator("#case-state").get_by_text("未办结", exact=True).click()
    expect(legend).not_to_contain_text("已办结", ignore_case=False)
    page.wait_for_function("""async () => {
      const { map } = (await window.onemapReady).map('map');
      const drawn = map.queryRenderedFeatures({ layers: ['cases:closed_count', 'cases:closed', 'cases:open'] });
      return drawn.length > 0 && drawn.every((feature) => feature.layer.id === 'cases:open');
    }""")


def test_an_open_case_is_printed_beside_its_map(new_page: Callable[..., Page]) -> None:
    page = new_page("leader", theme="light")
    page.goto("/cases?state=open")
    wait_for_map(page)
    page.locator(".ag-row").first.click()
    expect(page.locator("#case-side h3")).to_be_visible()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    side = page.locator(".print-sheet .print-side")
    assert side.locator("h3").text_content() == page.locator("#case-side h3").text_content()
    assert side.locator("button, textarea, input").count() == 0
    assert page.locator(".print-sheet .print-table").count() == 0


def test_a_planner_is_not_offered_what_planners_may_not_do(new_page: Callable[..., Page]) -> None:
    page = new_page("planner")
    page.goto("/cases?state=open")
    expect(page.locator("#case-report-open")).to_be_hidden()
    page.locator(".ag-row").first.click()
    expect(page.locator("#case-side")).to_contain_text("当前步骤由其他岗位办理")
    assert on_map(page, "(map) => Boolean(map.map)")


def test_a_case_is_reported_on_a_phone(new_page: Callable[..., Page]) -> None:
    """The form leaves the map free: the place is chosen there."""
    page = new_page("manager", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    _report(page, "供水井盖异常")
    expect(page.locator("#case-side .status").first).to_have_text("待交办")


def test_what_opens_beyond_a_phones_edge_does_not_zoom_the_page_out(new_page: Callable[..., Page]) -> None:
    """A list placed while its drawer still slides in stood over the edge; page and list then moved each other for ever."""
    page = new_page("manager", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.goto("/cases")
    wait_for_map(page)
    size = page.evaluate("""async () => {
        const wide = document.createElement("div");
        wide.style.cssText = "position:absolute;top:0;left:200px;width:900px;height:20px";
        document.body.append(wide);
        for (let frame = 0; frame < 5; frame++) await new Promise(requestAnimationFrame);
        return [innerWidth, innerHeight, visualViewport.scale];
    }""")
    assert size == [390, 844, 1]


@pytest.mark.parametrize(
    ("login", "offered"),
    [
        ("worker", ["网格员", "巡查"]),
        ("manager", ["巡查", "12345热线", "居民上报", "物联告警", "领导交办", "网格员"]),
        ("leader", ["巡查", "领导交办", "12345热线", "居民上报"]),
    ],
)
def test_the_form_offers_what_the_role_may_report_as(
    new_page: Callable[..., Page], login: str, offered: list[str]
) -> None:
    page = new_page(login)
    page.goto("/cases")
    page.click("#case-report-open")
    expect(page.locator("#case-channel")).to_have_value(offered[0])
    page.click("#case-channel")
    expect(page.get_by_role("option")).to_have_text(offered)


def test_the_chosen_source_is_reported_and_kept_with_what_is_half_written(
    new_page: Callable[..., Page],
) -> None:
    page = new_page("manager")
    page.goto("/cases")
    wait_for_map(page)
    page.click("#case-report-open")
    page.click("#case-channel")
    page.get_by_role("option", name="12345热线").click()
    page.fill("#case-description", "来电反映")
    page.wait_for_function(
        "() => JSON.parse(sessionStorage.getItem('onemap:case-draft'))?.channel === 'hotline'"
    )
    page.reload()
    wait_for_map(page)
    page.click("#case-report-open")
    expect(page.locator("#case-description")).to_have_value("来电反映")
    expect(page.locator("#case-channel")).to_have_value("12345热线")
    page.fill("#case-matter", "供水井盖异常")
    page.get_by_role("option", name=re.compile("供水井盖异常")).first.click()
    settle(page)
    box = page.locator("#map").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)
    expect(page.locator("#case-point-text")).to_contain_text("位置")
    page.click("#case-submit")
    expect(page.locator("#case-side .case-facts")).to_contain_text("12345热线")


def _stated_case(page: Page) -> dict[str, Any]:
    """A case with a stated report that counts, and a stated close that lies too far back."""

    def post(path: str, **body: Any) -> dict[str, Any]:
        answer = page.context.request.post(f"/api/v1/events{path}", data=body)
        assert answer.ok, answer.text()
        found: dict[str, Any] = answer.json()
        return found

    seen = page.context.request.get("/api/v1/events?limit=1").json()["items"][0]
    hours_ago = (clock.now() - timedelta(hours=3)).isoformat()
    point = {"lon": seen["lon"], "lat": seen["lat"]}
    made = post("", **point, matter_code="01001", description="补报", at=hours_ago)
    steps = f"/{made['id']}/steps"
    post(steps, action="assign", assignee="市政养护所")
    post(steps, action="handle")
    days_ago = (clock.now() - timedelta(days=5)).isoformat()
    return post(steps, action="close", note="已更换井盖", at=days_ago)


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (390, 844)])
def test_the_log_shows_what_was_stated_and_what_counts(
    new_page: Callable[..., Page], width: int, height: int
) -> None:
    page = new_page("manager", viewport={"width": width, "height": height})
    case = _stated_case(page)
    page.goto(f"/cases?id={case['id']}")
    wait_for_map(page)
    stated = page.locator("#case-side .case-step-when")
    expect(stated).to_have_count(2)
    expect(stated.nth(0)).to_have_text(re.compile(r"^填报时间 .+（登记时间 [^，]+）$"))
    expect(stated.nth(1)).to_have_text(re.compile(r"^填报时间 .+（登记时间 .+，以登记时间为准）$"))
    for line in range(2):
        assert stated.nth(line).evaluate("(line) => line.scrollWidth <= line.clientWidth")


def test_the_exported_file_holds_both_instants(new_page: Callable[..., Page]) -> None:
    page = new_page("manager")
    case = _stated_case(page)
    page.goto(f"/cases?q={case['number']}")
    expect(page.locator("#case-total")).to_have_text(re.compile("^1 件"), timeout=60_000)
    with page.expect_download() as caught:
        page.get_by_role("button", name="导出").click()
    with Path(caught.value.path()).open(encoding="utf-8-sig", newline="") as file:
        written = {row["编号"]: row for row in csv.DictReader(file)}[case["number"]]

    def exactly(name: str) -> str:
        return clock.local(datetime.fromisoformat(case[name])).strftime("%Y-%m-%d %H:%M:%S")

    assert written["上报填报时间"] == exactly("reported_stated_at")
    assert written["上报登记时间"] == exactly("reported_recorded_at")
    assert written["办结时间"] == written["办结登记时间"] == exactly("closed_recorded_at")
    assert written["办结填报时间"] == exactly("closed_stated_at") != written["办结时间"]
    assert written["登记方式"] == "平台登记"


def test_whoever_acts_on_an_old_page_is_told_who_was_first(new_page: Callable[..., Page]) -> None:
    page = new_page("manager")
    _report(page, "供水井盖异常")
    number = page.url.rpartition("id=")[2]
    other = new_page("leader")
    step = {"action": "assign", "assignee": "派出所"}
    assert other.context.request.post(f"/api/v1/events/{number}/steps", data=step).ok
    page.fill("#case-assignee", "环卫所")
    page.locator("#case-side .case-buttons button", has_text="交办").click()
    expect(page.get_by_text("街道领导（演示）已交办").first).to_be_visible()
    log = page.context.request.get(f"/api/v1/events/{number}").json()
    assert log["assignee"] == "派出所" and len(log["steps"]) == 2
