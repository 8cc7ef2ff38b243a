"""Identifiers of components that more than one file names; ids used in one page only stand in that page."""

URL = "url"
THEME = "theme"  # dcc.Store: "dark" or "light"
MANTINE = "mantine"
TOASTS = "toasts"
TOP_BAR = "top-bar"
CONTENT = "page-content"
SELECTION = "selection"  # dcc.Store: {"kind": "building", "id": "…", "from": "map|search|link"} or None
MAP = "map"
MAP_EVENT = "map-event"  # dcc.Store: last event a map reported, {"map", "event", …}
