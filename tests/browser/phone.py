"""A phone for browser tests: its sizes, and a finger that pulls at a stated speed."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page


def phone(width: int = 390, height: int = 844, **more: Any) -> dict[str, Any]:
    """Options of a browser context that is a phone."""
    return {"viewport": {"width": width, "height": height}, "is_mobile": True, "has_touch": True, **more}


UPRIGHT = phone()
SMALL = phone(360, 640)
SIDEWAYS = phone(844, 390)


def pull(
    page: Page, start: tuple[float, float], by: tuple[float, float], *, flick: bool = False, steps: int = 8
) -> None:
    """Pull with one finger.

    The events carry their own instants, 16 ms apart, so that the speed is the same on every machine. Without ``flick``
    the finger rests before it is lifted.
    """
    session = page.context.new_cdp_session(page)
    now = float(page.evaluate("(performance.timeOrigin + performance.now()) / 1000"))

    def send(kind: str, share: float | None, at: float) -> None:
        points = [] if share is None else [{"x": start[0] + by[0] * share, "y": start[1] + by[1] * share}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points, "timestamp": at})

    send("touchStart", 0.0, now)
    for number in range(1, steps + 1):
        send("touchMove", number / steps, now + 0.016 * number)
    send("touchEnd", None, now + 0.016 * steps + (0.01 if flick else 0.5))
    session.detach()


AUDIT = """() => {
  const found = { wide: [], small: [], tiny: [] };
  const pressed = `button, a[href], select, [role=option], .mantine-SegmentedControl-label,
    input:not([type=hidden], [type=radio], [type=checkbox], .search-input)`;
  const exempt = 'svg, canvas, .maplibregl-marker, .map-tip, .visually-hidden, .ag-root-wrapper, [aria-hidden=true]';
  const name = (e) => `${e.tagName}#${e.id}.${e.className} ${(e.textContent || '').trim().slice(0, 12)}`;
  const seen = (e) => {
    const { visibility, opacity } = getComputedStyle(e);
    return visibility !== 'hidden' && opacity !== '0';
  };
  // What can be scrolled into sight is not lost; what is merely cut off is.
  const scrolls = (e) => {
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) {
      if (/auto|scroll/.test(getComputedStyle(p).overflowX) && p.scrollWidth > p.clientWidth) return true;
    }
    return false;
  };
  for (const e of document.querySelectorAll('body *')) {
    const { width, height, top, bottom, left, right } = e.getBoundingClientRect();
    if (!width || !height || !seen(e) || top >= innerHeight || bottom <= 0) continue;
    const counts = !e.closest(exempt);
    if (counts && (right > innerWidth + 1 || left < -1) && !scrolls(e)) found.wide.push(name(e));
    // A handle is as wide as its sheet, and the whole head answers like it.
    const little = height < 43.5 || width < 38;
    if (counts && little && e.matches(pressed) && !e.matches('.sheet-grip')) found.small.push(name(e));
    const text = [...e.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (text && parseFloat(getComputedStyle(e).fontSize) < 12) found.tiny.push(name(e));
  }
  return { ...found, page: [document.documentElement.scrollWidth, innerWidth, visualViewport.scale] };
}"""
"""What stands beyond the edges of the screen, what is too small for a finger, what is too small to read."""
