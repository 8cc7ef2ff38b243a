"""The real page in a real browser: when the map first shows something useful, when it is done, how it keeps up with panning.

WebGL is drawn by the processor here (SwiftShader), so that frames cost what a graphics card would not notice; times are
those a user of such a machine would wait.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page

from tests.bench.one_map.answers import percentile

WINDOW = {"width": 1920, "height": 1080}
PAN_ZOOMS = (11, 12, 13, 14, 15, 16, 17)
_STEPS = ((1, 0), (0, 1), (1, 0), (0, -1), (-1, 0), (0, 1), (-1, 0), (0, -1))

_WATCH = """
window.mapWatch = { useful: null, drawn: null };
(async () => {
  while (!window.onemapReady) await new Promise((next) => setTimeout(next));
  const map = (await (await window.onemapReady).ready('map')).map;
  const wanted = () => map.getStyle().layers
    .filter((layer) => ['regions', 'grids'].includes(layer.metadata?.['onemap:layer'])).map((layer) => layer.id);
  const look = () => {
    if (!map.queryRenderedFeatures(undefined, { layers: wanted() }).length) return;
    map.off('render', look);
    window.mapWatch.useful = performance.now();
    const gl = map.getCanvas().getContext('webgl2') ?? map.getCanvas().getContext('webgl');
    // Reading a pixel waits until the frame, and all that was ordered before it, has really been drawn.
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    window.mapWatch.drawn = performance.now();
  };
  map.on('render', look);
  look();
})();
"""
_FOUND = """() => {
  const mark = (name) => performance.getEntriesByName(name)[0]?.startTime ?? null;
  return { first_content: mark('first-contentful-paint'), style: mark('onemap:map:style'),
           useful: window.mapWatch.useful, drawn: window.mapWatch.drawn, idle: mark('onemap:map:idle') };
}"""
_JUMP = """async ([center, zoom]) => {
  const one = (await window.onemapReady).map('map');
  one.map.jumpTo({ center, zoom });
  await new Promise((done) => { one.map.once('idle', done); one.map.triggerRepaint(); });
}"""
_PAN = """async ([dx, dy]) => {
  const { map } = (await window.onemapReady).map('map');
  const shown = new Set(map.getStyle().layers.filter((layer) => layer.layout?.visibility !== 'none').map((layer) => layer.source));
  const names = Object.entries(map.getStyle().sources).filter(([name, s]) => s.type === 'vector' && shown.has(name)).map(([name]) => name);
  const begun = performance.now();
  let frame = null;
  const whole = new Promise((done) => {
    const look = () => {
      // The first frame after a move is the one that asks for tiles.
      frame ??= performance.now();
      if (!names.every((name) => map.isSourceLoaded(name))) return;
      map.off('render', look);
      done(performance.now());
    };
    map.on('render', look);
  });
  const { clientWidth: width, clientHeight: height } = map.getContainer();
  map.panBy([dx * width / 2, dy * height / 2], { duration: 0 });
  const end = await whole;
  await new Promise((done) => { map.once('idle', done); map.triggerRepaint(); });
  return { blank: end - frame, frame: frame - begun };
}"""


@dataclass(frozen=True, slots=True)
class Opening:
    """Milliseconds since the navigation began.

    Attributes:
        first_content: the browser's own first contentful paint.
        style: the map has its style.
        useful: the first frame with regions or grids in it was handed to the graphics.
        drawn: the graphics, here the processor, has drawn it.
        idle: the map stands still with everything there.
    """

    first_content: float
    style: float
    useful: float
    drawn: float
    idle: float


@contextmanager
def opened(browser: Browser, url: str, login: str, password: str) -> Iterator[tuple[Page, Opening]]:
    """The one-map in a browser that has kept nothing from earlier, signed in, until its map is idle."""
    context = browser.new_context(viewport=WINDOW, locale="zh-CN", timezone_id="Asia/Shanghai", base_url=url)
    try:
        answer = context.request.post("/api/v1/session", data={"login": login, "password": password})
        if not answer.ok:
            raise RuntimeError(f"sign-in of {login}: {answer.status}")
        page = context.new_page()
        page.add_init_script(_WATCH)
        page.goto("/", wait_until="commit")
        yield page, wait_for_map(page)
    finally:
        context.close()


def wait_for_map(page: Page) -> Opening:
    """Wait until the map stands idle; when it came to what."""
    page.wait_for_selector("#map[data-idle=true]", timeout=120_000)
    page.wait_for_function("() => window.mapWatch.drawn !== null", timeout=120_000)
    return Opening(**page.evaluate(_FOUND))


def reloaded(page: Page) -> Opening:
    """The same page again: files are kept by the browser, tiles compared by their ETag."""
    page.reload(wait_until="commit")
    return wait_for_map(page)


def switch_on(page: Page, layers: Sequence[str]) -> None:
    """Show more layers."""
    page.evaluate(
        "async (ids) => { const one = (await window.onemapReady).map('map'); one.setLayers([...one.state.layers, ...ids]);"
        " await new Promise((done) => { one.map.once('idle', done); one.map.triggerRepaint(); }); }",
        list(layers),
    )


def panned(
    page: Page, centre: tuple[float, float], zooms: Sequence[int] = PAN_ZOOMS
) -> dict[int, list[float]]:
    """Round trips of half a screen a step at each zoom: how long the ground that came into view lacked a tile, in ms.

    A step is a jump, without the frames in between of a drag, and the part that comes into view was never seen before.
    Counted is from the first frame at the new place to the first in which every tile of every layer is there.
    """
    found: dict[int, list[float]] = {}
    for zoom in zooms:
        page.evaluate(_JUMP, [list(centre), zoom])
        found[zoom] = [float(page.evaluate(_PAN, list(step))["blank"]) for step in _STEPS]
    return found


def middle(values: Sequence[Opening]) -> dict[str, Any]:
    """Medians, and the worst first useful paint as drawn."""
    names = ("first_content", "style", "useful", "drawn", "idle")
    made: dict[str, Any] = {f"{n}_ms": round(statistics.median(getattr(v, n) for v in values)) for n in names}
    return made | {"worst_drawn_ms": round(max(v.drawn for v in values)), "openings": len(values)}


def pan_summary(found: dict[int, list[float]]) -> dict[str, Any]:
    """Percentiles of all steps, and the median by zoom."""
    every = [value for values in found.values() for value in values]
    return {
        "steps": len(every),
        "p50_ms": percentile(every, 50),
        "p95_ms": percentile(every, 95),
        "max_ms": percentile(every, 100),
        "without_any": sum(value < 1 for value in every),
        "p50_ms_by_zoom": {zoom: percentile(values, 50) for zoom, values in found.items()},
    }
