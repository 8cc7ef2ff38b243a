"""How the map is drawn follows from what draws it: smoothed by a graphics card, plain by the processor."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import on_map, sign_in, wait_for_map

_NAMED = """(name) => {
  const given = WebGL2RenderingContext.prototype.getParameter;
  WebGL2RenderingContext.prototype.getParameter = function (what) { return what === 0x9246 ? name : given.call(this, what); };
}"""


@pytest.mark.parametrize(
    ("name", "smoothed"),
    [
        ("ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero)))", False),
        ("ANGLE (Intel, UHD Graphics 630)", True),
    ],
)
def test_a_processor_does_not_smooth_edges(new_page: Callable[..., Page], name: str, smoothed: bool) -> None:
    page = new_page()
    page.add_init_script(f"({_NAMED})({name!r})")
    sign_in(page, "leader")
    page.goto("/")
    wait_for_map(page)
    script = "(map) => [map.map.getCanvas().getContext('webgl2').getContextAttributes().antialias, map.map._fadeDuration > 0]"
    assert on_map(page, script) == [smoothed, smoothed]
