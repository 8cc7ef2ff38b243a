"""The one HTML page that every address of the front end answers with.

Nothing in it leads to another host: the import map points into the mounted ``/vendor`` and ``/modules`` directories, and
both carry a digest of their content in the path, so that browsers may keep them for ever.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = Path(__file__).resolve().parent / "modules"
NODE_MODULES = ROOT / "node_modules"
VENDORED = ("maplibre-gl", "terra-draw", "terra-draw-maplibre-gl-adapter", "leaflet")

_OPENED = ("main", "map_view", "feed", "live_map", "search", "switcher")
"""What a page with a map starts with: these and all that they import are asked for at once, side by side."""
_SCRIPT = re.compile(r"<script(?=[\s>])")
_IMPORT = re.compile(r"^(?:import|export)\b[^;]*?'\./(\w+)\.mjs'", re.MULTILINE)

# Runs before the first paint: the remembered theme is on the document before a pixel is drawn, and modules find a
# promise to wait for even if Dash's callbacks come first. The big screen is dark whatever the user chose for the desk, and
# that choice stays as it is: ``onemapTheme`` is the one rule, ``assets/shell.js`` asks it too.
_FIRST_SCRIPT = """
(function () {
  window.onemapTheme = function (chosen) {
    return chosen === 'light' && !/^\\/screen\\/?$/.test(window.location.pathname) ? 'light' : 'dark';
  };
  var theme = 'dark';
  try { theme = JSON.parse(localStorage.getItem('theme') || '"dark"'); } catch (error) { theme = 'dark'; }
  theme = window.onemapTheme(theme);
  document.documentElement.dataset.theme = theme;
  document.documentElement.dataset.mantineColorScheme = theme;
  var ready;
  window.onemapReady = new Promise(function (resolve) { ready = resolve; });
  window.onemapResolve = ready;
})();
"""

_INDEX = """<!DOCTYPE html>
<html lang="zh-CN">
<head>
{%metas%}
<meta name="viewport" content="width=device-width, initial-scale=1, minimum-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="dark light">
<title>{%title%}</title>
<link rel="icon" href="/assets/favicon.svg" type="image/svg+xml">
<script>__FIRST__</script>
<script type="importmap">{"imports": {
  "maplibre-gl": "__VENDOR__/maplibre-gl/dist/maplibre-gl.mjs",
  "terra-draw": "__VENDOR__/terra-draw/dist/terra-draw.module.js",
  "terra-draw-maplibre-gl-adapter": "__VENDOR__/terra-draw-maplibre-gl-adapter/dist/terra-draw-maplibre-gl-adapter.module.js"
}}</script>
<link rel="modulepreload" href="__VENDOR__/maplibre-gl/dist/maplibre-gl.mjs">
<link rel="modulepreload" href="__VENDOR__/maplibre-gl/dist/maplibre-gl-shared.mjs">
__PRELOADS__
<link rel="stylesheet" href="__VENDOR__/maplibre-gl/dist/maplibre-gl.css">
{%css%}
<script type="module" async src="__MODULES__/main.mjs"></script>
</head>
<body>
{%app_entry%}
<noscript>本系统需要启用 JavaScript。</noscript>
<footer>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>"""


def digest(*paths: Path) -> str:
    """Short digest of the content of files, in the order given: changes when, and only when, they change."""
    seen = hashlib.sha256()
    for path in paths:
        seen.update(path.name.encode())
        seen.update(path.read_bytes())
    return seen.hexdigest()[:12]


def vendor_prefix() -> str:
    """Mount path of the vendored modules; the lock file names their versions."""
    return f"/vendor/{digest(ROOT / 'package-lock.json')}"


def modules_prefix() -> str:
    """Mount path of our own modules."""
    return f"/modules/{digest(*sorted(MODULES.glob('*.mjs')))}"


def preloaded() -> list[str]:
    """Names of the modules that a page with a map starts with, imported ones included.

    A browser meets an import only when it has read the importing module: a chain of three costs three round trips.
    """
    found: list[str] = []
    waiting = list(_OPENED)
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found.append(name)
            waiting += _IMPORT.findall((MODULES / f"{name}.mjs").read_text(encoding="utf-8"))
    return found


def index_string() -> str:
    """Dash's index template with the import map filled in."""
    preloads = [f'<link rel="modulepreload" href="__MODULES__/{name}.mjs">' for name in preloaded()]
    return (
        _INDEX.replace("__FIRST__", _FIRST_SCRIPT)
        .replace("__PRELOADS__", "\n".join(preloads))
        .replace("__VENDOR__", vendor_prefix())
        .replace("__MODULES__", modules_prefix())
    )


class Drawn:
    """The index as Dash has drawn it, ready to be answered with another nonce each time.

    Args:
        html: the whole page. Every script of it is ours or Dash's: it holds nothing that anybody has typed.
    """

    def __init__(self, html: str) -> None:
        self._parts = [part.encode() for part in _SCRIPT.split(html)]

    def with_nonce(self, nonce: str) -> bytes:
        """The page with the nonce on each script.

        Args:
            nonce: letters, digits, ``-`` and ``_``.
        """
        return f'<script nonce="{nonce}"'.encode().join(self._parts)
