"""The indicator on the map: colours are those of the table's values, both point at each other, print is one clean sheet."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import on_map, point_of, settle, wait_for_map

_WIDE = {"width": 1920, "height": 1080}


def _open(new_page: Callable[..., Page], address: str = "/assessment", **options: Any) -> Page:
    page = new_page("leader", **{"viewport": _WIDE, **options})
    page.goto(address)
    wait_for_map(page)
    page.wait_for_selector("#map[data-scores]")
    settle(page)
    return page


def _scores(page: Page, level: int) -> dict[str, Any]:
    answer = page.context.request.get(f"/api/v1/indicators/closed_on_time?level={level}")
    assert answer.ok
    found: dict[str, Any] = answer.json()
    return found


def _paint(page: Page) -> dict[str, str]:
    """Place key → colour that the map gives it, evaluated by MapLibre on what it has drawn."""
    script = """(map) => {
      const found = {};
      for (const feature of map.map.queryRenderedFeatures({ layers: ['overlay:scores:0'] })) {
        const { r, g, b } = feature.layer.paint['fill-color'];
        found[feature.id] = [r, g, b].map((part) => Math.round(part * 255)).join();
      }
      return found;
    }"""
    found: dict[str, str] = on_map(page, script)
    return found


def _row(page: Page, place: str) -> Any:
    return page.locator(f'#score-table .ag-row[row-id="{place}"]').first


def test_places_are_coloured_by_their_value_and_the_legend_says_how(new_page: Callable[..., Page]) -> None:
    page = _open(new_page, "/assessment?span=365")
    painted = _paint(page)
    shown = page.evaluate("window.onemapScores")
    assert len(painted) >= 30 and set(shown["places"]) <= set(painted)
    colours = [item["colour"] for item in shown["classes"]["dark"]]
    words = [item["label"] for item in shown["classes"]["dark"]]
    for place, score in shown["places"].items():
        wanted = shown["unknown"]["dark"]["colour"] if score["class"] is None else colours[score["class"]]
        rgb = ",".join(str(int(wanted[i : i + 2], 16)) for i in (1, 3, 5))
        assert painted[place] == rgb, place
    assert any("95 % 以上" in word for word in words)
    legend = page.locator(".map-legend")
    for word in words:
        expect(legend).to_contain_text(word)
    expect(legend).to_contain_text("未知")
    expect(legend).to_contain_text("来源")
    expect(page.locator(".map .maplibregl-ctrl-scale")).to_be_visible()


def test_other_levels_are_coloured_too_and_what_has_no_value_is_grey(new_page: Callable[..., Page]) -> None:
    page = _open(new_page, "/assessment?level=12")
    page.wait_for_selector("#map[data-scores='12']")
    painted = _paint(page)
    rows = {row["place"] for row in _scores(page, 12)["rows"]}
    assert rows <= set(painted) and all(len(place) == 12 for place in painted)
    # Without values every place is what it is: unknown.
    page.evaluate("""() => window.dispatchEvent(new CustomEvent('onemap:scores', {
        detail: { ...window.onemapScores, places: {}, bounds: null } }))""")
    settle(page)
    grey = page.evaluate("window.onemapScores.unknown.dark.colour")
    assert set(_paint(page).values()) == {",".join(str(int(grey[i : i + 2], 16)) for i in (1, 3, 5))}


def test_table_and_map_point_at_each_other(new_page: Callable[..., Page]) -> None:
    page = _open(new_page)
    place = page.locator("#score-table .ag-center-cols-container .ag-row").nth(2).get_attribute("row-id")
    assert place
    filters = "(map) => [0, 1].map((i) => map.map.getFilter(`overlay:score-mark:${i}`)[2])"
    _row(page, place).hover()
    page.wait_for_function("(p) => document.querySelector(`[row-id='${p}'].is-linked`)", arg=place)
    assert on_map(page, filters)[0] == place

    # The map: a point within the place, hovered over and then clicked.
    middle = """(map, place) => {
      const [feature] = map.map.queryRenderedFeatures({ layers: ['overlay:score-label:0', 'overlay:score-label:1'] })
        .filter((one) => String(one.id) === place);
      return feature?.geometry.coordinates;
    }"""
    other = next(
        p
        for p in page.evaluate("Object.keys(window.onemapScores.places)")
        if p != place and on_map(page, middle, p)
    )
    x, y = point_of(page, *on_map(page, middle, other))
    page.mouse.move(x, y)
    tip = page.locator(".map-tip:visible")
    expect(tip).to_contain_text(page.evaluate(f"window.onemapScores.places['{other}'].shown"))
    page.mouse.click(x, y)
    card = page.locator("#score-card")
    expect(card).to_be_visible()
    expect(card.locator("h3")).to_have_text(page.evaluate(f"window.onemapScores.places['{other}'].name"))
    assert on_map(page, filters)[1] == other
    expect(_row(page, other)).to_have_class(re.compile("ag-row-selected"))
    expect(page).to_have_url(re.compile(f"at={other}"))

    # A row: the map's mark follows, and a reload finds the place again.
    _row(page, place).locator("[col-id=name]").click()
    expect(page).to_have_url(re.compile(f"at={place}"))
    page.reload()
    page.wait_for_selector("#map[data-scores]")
    expect(card).to_be_visible()
    expect(_row(page, place)).to_have_class(re.compile("ag-row-selected"))
    count = card.locator("dd a").first
    number = count.inner_text().split()[0]
    count.click()
    page.wait_for_url("**/cases?**")
    expect(page.locator("#case-total")).to_contain_text(f"{number} 件")


def test_escape_lets_go_and_a_theme_keeps_the_colours(new_page: Callable[..., Page]) -> None:
    page = _open(new_page)
    before = _paint(page)
    page.click("#theme-toggle")
    page.wait_for_function("() => document.documentElement.dataset.theme === 'light'")
    settle(page)
    assert set(_paint(page)) == set(before)
    order = "(map) => map.map.getStyle().layers.map((l) => [l.id, l.type])"
    layers = on_map(page, order)
    at = [layer_id for layer_id, _ in layers].index("overlay:scores:0")
    assert at < min(i for i, (_, kind) in enumerate(layers) if kind == "symbol")
    page.locator("#score-table .ag-center-cols-container .ag-row").first.locator("[col-id=name]").click()
    expect(page.locator("#score-card")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#score-card")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("at="))


def test_print_has_map_scale_legend_and_every_row(new_page: Callable[..., Page]) -> None:
    page = _open(new_page, theme="light")
    rows = page.evaluate("window.dash_ag_grid.getApi('score-table').getDisplayedRowCount()")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    sheet = page.locator(".print-sheet")
    assert sheet.locator("h1").text_content() == "考核 · 下城区 天水街道"
    assert "95 % 以上" in (sheet.locator(".print-keys").text_content() or "")
    assert sheet.locator(".print-table tbody tr").count() == rows > 20
    assert "](" not in (sheet.locator(".print-table").text_content() or "")
    shades = """() => {
      const canvas = document.querySelector('.print-map');
      const { width, height } = canvas;
      const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
      return new Set(Array.from({ length: 4000 }, (_, i) => pixels[4 * 97 * i])).size;
    }"""
    assert page.evaluate(shades) > 5  # a picture, not an empty sheet
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    expect(sheet).to_have_count(0)
