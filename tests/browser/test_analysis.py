"""A hotspot is computed and looked into, a service point is placed; the address carries both."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import on_map, point_of, settle, wait_for_map

_DRAWN = "#map[data-analysis]:not([data-analysis=''])"


def _open(new_page: Callable[..., Page], login: str = "leader", **options: object) -> Page:
    page = new_page(login, **options)
    page.goto("/analysis")
    wait_for_map(page)
    expect(page.locator("#analysis-place")).not_to_have_value("")
    return page


def _choose(page: Page, field: str, text: str) -> None:
    page.locator(f"#{field}").click()
    page.locator("[data-combobox-option]:visible").filter(has_text=text).first.click()


def _overlay(page: Page, name: str) -> list[dict[str, object]]:
    """Properties of what an overlay of the map holds."""
    script = "(map, name) => map.overlays.known.get(name).data.features.map((f) => f.properties)"
    found = on_map(page, script, name)
    assert isinstance(found, list)
    return found


def _shown_box(page: Page) -> list[float]:
    box = on_map(page, "(map) => map.map.getBounds().toArray().flat()")
    assert isinstance(box, list)
    return box


def test_the_chosen_area_comes_into_sight(new_page: Callable[..., Page]) -> None:
    """At first the street that has cases, not the whole district; then whatever is chosen."""
    page = _open(new_page, "planner")
    boxes = {p["name"]: p["bounds"] for p in page.context.request.get("/api/v1/analysis/places").json()}
    for name in ("天水街道", "仓桥社区"):
        if name != "天水街道":
            _choose(page, "analysis-place", name)
        west, south, east, north = boxes[name]
        page.wait_for_function(
            """async ([west, south, east, north]) => {
              const seen = (await window.onemapReady).map('map').map.getBounds();
              const share = (north - south) / (seen.getNorth() - seen.getSouth());
              return seen.contains([west, south]) && seen.contains([east, north]) && share > 0.3;
            }""",
            arg=[west, south, east, north],
        )
    district = boxes["下城区"]
    assert _shown_box(page)[3] < district[3]


def test_a_hotspot_is_computed_and_opens_its_cases(new_page: Callable[..., Page]) -> None:
    page = _open(new_page)
    expect(page.locator("#analysis-result")).to_be_hidden()
    page.locator("#analysis-go").click()
    page.wait_for_selector(_DRAWN)
    expect(page).to_have_url(re.compile(r"\?run=\d+"))
    expect(page.locator(".map-legend")).to_contain_text("热点 99%")
    cells = _overlay(page, "analysis-cells")
    assert len(cells) > 100 and any(str(cell["class"]).startswith("hot") for cell in cells)
    total = page.locator("#analysis-summary .figure-value").first.inner_text()
    assert int(total.replace(",", "")) == sum(int(str(cell["count"])) for cell in cells)

    page.locator("#analysis-cells .ag-row").first.click()
    expect(page.locator("#analysis-cell")).to_be_visible()
    expect(page).to_have_url(re.compile(r"cell=\d+"))
    assert len(_overlay(page, "analysis-cell")) == 1
    page.locator("#analysis-cell-close").click()
    expect(page.locator("#analysis-cell")).to_be_hidden()

    # A cell with cases, chosen on the map itself.
    settle(page)
    script = """(map) => {
      const hot = (c) => c.properties.class === 'hot_99' && c.properties.count > 0;
      const ring = map.overlays.known.get('analysis-cells').data.features.find(hot).geometry.coordinates[0].slice(0, 6);
      return [0, 1].map((k) => ring.reduce((sum, point) => sum + point[k], 0) / 6);
    }"""
    lon, lat = on_map(page, script)
    page.mouse.click(*point_of(page, lon, lat))
    records = page.locator("#analysis-cell .analysis-records a")
    expect(records.first).to_be_visible()
    assert re.search(r"/cases\?id=\d+", records.first.get_attribute("href") or "")

    address = page.url
    page.reload()
    page.wait_for_selector(_DRAWN)
    expect(records.first).to_be_visible()
    assert page.url.split("#")[0] == address.split("#")[0]
    page.go_back()
    expect(page.locator("#analysis-cell")).to_be_hidden()


def test_service_points_are_placed(new_page: Callable[..., Page]) -> None:
    page = _open(new_page)
    page.get_by_text("设点优化", exact=True).first.click()
    expect(page.locator("#analysis-go")).to_contain_text("计算设点")
    _choose(page, "analysis-kind", "60 岁")
    expect(page.locator("#analysis-days")).to_be_hidden()
    _choose(page, "analysis-existing", "学校")
    page.locator("#analysis-p").fill("2")
    page.locator("#analysis-go").click()
    page.wait_for_selector("#analysis-stations .ag-row")
    page.wait_for_selector(_DRAWN)
    expect(page.locator("#analysis-summary")).to_contain_text("已证明为最优解")
    before, after = (
        page.locator("#analysis-summary .analysis-change").nth(1).locator("span:not([class]), b").all()
    )
    assert int(after.inner_text().replace(",", "")) < int(before.inner_text().replace(",", ""))
    placed = _overlay(page, "analysis-stations")
    assert sum(not station["existing"] for station in placed) == 2
    page.locator("#analysis-stations .ag-row").first.click()
    settle(page)
    assert [s["rank"] for s in _overlay(page, "analysis-stations") if s["picked"]] == [1]


def test_a_refusal_is_shown_and_the_run_can_be_deleted(new_page: Callable[..., Page]) -> None:
    page = _open(new_page, theme="light")
    page.get_by_text("设点优化", exact=True).first.click()
    _choose(page, "analysis-candidates", "学校")
    page.locator("#analysis-p").fill("40")
    page.locator("#analysis-go").click()
    expect(page.locator("#analysis-summary [role=alert]")).to_contain_text("没有选择余地")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#analysis-delete").click()
    expect(page.locator("#analysis-result")).to_be_hidden()
    assert "run=" not in page.url


def test_a_result_outside_the_scope_is_not_found(new_page: Callable[..., Page]) -> None:
    page = _open(new_page, "planner")
    page.locator("#analysis-go").click()
    page.wait_for_selector(_DRAWN)
    address = re.sub(r"#.*", "", page.url)
    other = new_page("manager")
    other.goto(address)
    expect(other.locator("#analysis-summary")).to_contain_text("没有编号为")


def test_on_a_phone(new_page: Callable[..., Page]) -> None:
    page = _open(new_page, viewport={"width": 390, "height": 844})
    page.locator("#analysis-go").click()
    page.wait_for_selector(_DRAWN)
    expect(page.locator("#analysis-summary")).to_be_visible()
    page.locator("#analysis-close").click()
    expect(page.locator("#analysis-form")).to_be_visible()
