"""Line symbols drawn in the text's colour, as masks of inline SVG: no icon font, no outside request."""

from __future__ import annotations

from urllib.parse import quote

from dash import html

_PATHS: dict[str, str] = {
    "dot": '<circle cx="12" cy="12" r="4"/>',
    "map": '<path d="m3 6 6-2.5 6 2.5 6-2.5v14.5L15 20.5 9 18l-6 2.5z"/><path d="M9 3.5V18M15 6v14.5"/>',
    "screen": '<rect x="2.5" y="4" width="19" height="13" rx="1.5"/><path d="M8 21h8M12 17v4"/>',
    "grid": '<path d="M3 5.5 10 3l11 3.5V19l-7 2-11-3.5z"/><path d="m10 3 1 17.2M3 11l18 2"/>',
    "heat": '<path d="m12 2.5 4.3 2.5v5L12 12.5 7.7 10V5z"/><path d="m7.7 11.5 4.3 2.5v5l-4.3 2.5L3.4 19v-5z"/>'
    '<path d="m16.3 11.5 4.3 2.5v5l-4.3 2.5-4.3-2.5v-5z"/>',
    "case": '<path d="M6 3h9l4 4v14H6z"/><path d="M14.5 3v4.5H19M9 12h7M9 16h5"/>',
    "import": '<path d="M12 3v12m0 0-4.5-4.5M12 15l4.5-4.5M4 16v4.5h16V16"/>',
    "search": '<circle cx="10.5" cy="10.5" r="6.5"/><path d="m15.5 15.5 5 5"/>',
    "sun": '<circle cx="12" cy="12" r="4"/><path d="M12 2.5v2.5M12 19v2.5M2.5 12H5M19 12h2.5M5.3 5.3 7 7M17 17l1.7 1.7'
    'M5.3 18.7 7 17M17 7l1.7-1.7"/>',
    "moon": '<path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z"/>',
    "user": '<circle cx="12" cy="8" r="4"/><path d="M4.5 20.5c.6-4 3.6-6 7.5-6s6.9 2 7.5 6"/>',
    "exit": '<path d="M14 4H5v16h9M10 12h11m0 0-4-4m4 4-4 4"/>',
    "empty": '<path d="M3.5 13.5 6 5h12l2.5 8.5V19h-17z"/><path d="M3.5 13.5H9l1.5 2.5h3l1.5-2.5h5.5"/>',
    "alert": '<path d="M12 3.5 22 20.5H2z"/><path d="M12 10v5M12 17.5v.5"/>',
    "lock": '<rect x="5" y="10.5" width="14" height="10" rx="1.5"/><path d="M8 10.5V7.5a4 4 0 0 1 8 0v3"/>',
    "layers": '<path d="m12 3 9 5-9 5-9-5z"/><path d="m3 12.5 9 5 9-5M3 17l9 5 9-5"/>',
    "close": '<path d="m5 5 14 14M19 5 5 19"/>',
    "back": '<path d="M15 4.5 7.5 12l7.5 7.5"/>',
    "download": '<path d="M12 3v12m0 0-4.5-4.5M12 15l4.5-4.5M4 20.5h16"/>',
    "refresh": '<path d="M20 12a8 8 0 1 1-2.5-5.8M20 3.5v4.5h-4.5"/>',
    "chart": '<path d="M4 20.5V4M4 20.5h16.5M8.5 17v-5M13 17V8M17.5 17v-7"/>',
    "worker": '<circle cx="12" cy="6.5" r="3"/><path d="M6 21v-5.5a6 6 0 0 1 12 0V21M9 21v-4M15 21v-4"/>',
    "more": '<circle cx="5" cy="12" r="1.2"/><circle cx="12" cy="12" r="1.2"/><circle cx="19" cy="12" r="1.2"/>',
    "check": '<path d="m4.5 12.5 5 5 10-11"/>',
}


def names() -> list[str]:
    """Every symbol there is."""
    return sorted(_PATHS)


def icon(name: str, class_name: str = "") -> html.Span:
    """A symbol as a mask, so that it takes the colour of its text.

    Args:
        name: one of ``names()``.
        class_name: further CSS classes.
    """
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#000" stroke-width="1.7" '
        f'stroke-linecap="round" stroke-linejoin="round">{_PATHS[name]}</svg>'
    )
    return html.Span(
        className=f"icon {class_name}".strip(),
        style={"--icon": f'url("data:image/svg+xml,{quote(svg)}")'},
        **{"aria-hidden": "true"},
    )
