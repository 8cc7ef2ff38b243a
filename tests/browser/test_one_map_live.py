"""The one-map follows the server's push: a worker moves, one who leaves the grid is marked, the mark opens the proof."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from gisapp.domain import clock
from gisapp.store.database import Database
from tests.browser.conftest import Served, on_map, wait_for_map
from tests.browser.test_screen import Walker, walkers


@pytest.fixture
def walker(served: Served) -> Walker:
    """A worker of the leader's street that the tests of the big screen leave alone."""
    database = Database(served.database_url, connections=2)
    found = walkers(database, 8)
    database.close()
    return found[7]


def test_a_worker_moves_and_an_alert_opens_its_track(
    new_page: Callable[..., Page], device: httpx.Client, walker: Walker
) -> None:
    page = new_page("leader")
    page.goto("/")
    wait_for_map(page)
    device.post("/api/v1/tracks", json={"fixes": walker.leaves()})
    page.wait_for_function(
        "async ([id, lon]) => { const map = (await window.onemapReady).map('map');"
        " return Math.abs((map.gliders.get('workers')?.things.get(String(id))?.to[0] ?? 0) - lon) < 1e-6; }",
        arg=[walker.id, walker.outside[0]],
    )
    mark = page.locator(f".alert-mark[title*='{walker.name}'], .alert-mark:has-text('{walker.name}')")
    expect(mark).to_have_count(1)
    mark.click(force=True)
    expect(page.locator("#profile-panel.open h2")).to_contain_text(walker.name)
    features = on_map(page, "(map) => map.overlays.known.get('alert-track')?.data.features.length ?? 0")
    assert features > 0
    back = [walker.fix(walker.inside, clock.now())]
    assert device.post("/api/v1/tracks", json={"fixes": back}).status_code == 200
