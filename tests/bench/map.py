"""The one-map of more than a million people and half a million components: first useful paint, tiles, panning.

Run as ``python -m tests.bench.map [--json] [--districts N] [--keep]`` (``./onemap bench map``). A database of its own is filled
by the demo generator (``--keep`` leaves it for the next run), the application's server is started on it, and the page is
opened in chromium at 1920 × 1080 by a leader of the whole place and by one of a single street. Measured are

- ``opening``: milliseconds from the navigation to the first frame that shows regions or grids, as it is handed to the graphics
  (``useful``) and as it has been drawn (``drawn``: by the processor here, which a graphics card does in no time), and to the map
  with everything there (``idle``); ``first``: the server has just started and has no tile ready, ``new_browser``: the browser
  has kept nothing, ``again``: the page loaded a second time;
- ``tiles``: response times as a client sees them, zooms 8 to 17 over all layers that are on at first and people, components
  and cases; ``query``: no ready tile kept, each request a query; ``ready``: the same tiles from memory;
- ``panning``: after a jump of half a screen, how long the part of the view that came into sight lacked tiles.

There is no peer: the figures stand beside the numbers that the design wants (2 s, 100 ms).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from gisapp.services import accounts
from gisapp.store.database import Database
from tests.bench.one_map import answers, place, view
from tests.bench.tiles import process
from tests.browser.conftest import ARGUMENTS, CHROMIUM, free_port

USEFUL_MS, TILE_MS = 2000.0, 100.0


@contextmanager
def server(app_url: str, *, cache_mb: int = 256) -> Iterator[int]:
    """The application's server; its port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", "dash_app.server:create_app"]
    options = ["--port", str(port), "--log-level", "error", "--no-access-log"]
    with process(
        [*command, *options],
        {"ONEMAP_DATABASE_URL": app_url, "ONEMAP_TILE_CACHE_MB": str(cache_mb)},
        port,
    ):
        yield port


def told(message: str) -> None:
    """Say on the error channel what is going on."""
    print(message, file=sys.stderr)


def cookie_of(app_url: str, login: str) -> str:
    """The header line of a signed-in reader."""
    database = Database(app_url, connections=1)
    try:
        return f"Cookie: onemap_session={accounts.sign_in(database, login, place.PASSWORD).token}\r\n"
    finally:
        database.close()


def measure_tiles(where: place.Place, most: int, clients: int) -> dict[str, Any]:
    """Each tile once as a query, and once more from memory."""
    asks = answers.tiles_over(where.box, most)
    cookie = cookie_of(where.app_url, place.WHOLE)
    found: dict[str, Any] = {"clients": clients}
    with server(where.app_url, cache_mb=0) as port:
        answers.ask_all(
            port, cookie, asks[: len(asks) // 5], clients
        )  # connections, plans, pages of the database
        found["query"] = answers.summary(answers.ask_all(port, cookie, asks, clients))
    with server(where.app_url) as port:
        answers.ask_all(port, cookie, asks, clients)
        found["ready"] = answers.summary(answers.ask_all(port, cookie, asks, clients))
    return found


def measure_openings(browser: Browser, where: place.Place, login: str, rounds: int) -> dict[str, Any]:
    """The page opened by one reader: on a server that has just started, in new browsers, and again."""
    found: dict[str, list[view.Opening]] = {"first": [], "new_browser": [], "again": []}
    for number in range(rounds):
        with server(where.app_url) as port:
            url = f"http://127.0.0.1:{port}"
            with view.opened(browser, url, login, place.PASSWORD) as (_, opening):
                found["first"].append(opening)
            with view.opened(browser, url, login, place.PASSWORD) as (page, opening):
                found["new_browser"].append(opening)
                found["again"].append(view.reloaded(page))
        told(f"{login}, round {number + 1}: {found['first'][-1]}")
    return {name: view.middle(values) for name, values in found.items()}


def measure_panning(browser: Browser, where: place.Place, login: str) -> dict[str, Any]:
    """With the layers that are on at first, and with people, components and cases as well."""
    west, south, east, north = where.box
    found: dict[str, Any] = {}
    for name, more in (("layers_on_at_first", ()), ("and_registers", answers.ALSO)):
        # A new server has no tile ready: every one of these steps is over ground that nobody has looked at.
        with (
            server(where.app_url) as port,
            view.opened(browser, f"http://127.0.0.1:{port}", login, place.PASSWORD) as (page, _),
        ):
            view.switch_on(page, more)
            found[name] = view.pan_summary(view.panned(page, ((west + east) / 2, (south + north) / 2)))
        told(f"panning, {name}: {found[name]}")
    return found


def measure(districts: int, *, keep: bool, rounds: int, most: int, clients: int) -> dict[str, Any]:
    """Everything, in one run."""
    with place.loaded_place(districts, keep=keep) as where, sync_playwright() as playwright:
        tiles = measure_tiles(where, most, clients)
        told(f"tiles: {tiles}")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(ARGUMENTS))
        try:
            opening = {
                "whole": measure_openings(browser, where, place.WHOLE, rounds),
                "street": measure_openings(browser, where, place.PART, rounds),
            }
            panning = measure_panning(browser, where, place.WHOLE)
        finally:
            browser.close()
    useful = max(kind["drawn_ms"] for who in opening.values() for kind in who.values())
    return {
        "bench": "map",
        "rows": where.rows,
        "loading_s": None if where.seconds is None else round(where.seconds),
        "load_average": round(os.getloadavg()[1], 1),
        "webgl": "software (SwiftShader), 1920 × 1080",
        "opening": opening,
        "tiles": tiles,
        "panning": panning,
        "reached": {
            "useful": useful <= USEFUL_MS,
            "tile_p95": max(tiles[kind]["p95_ms"] for kind in ("query", "ready")) <= TILE_MS,
        },
    }


def main() -> int:
    """Command line; the exit status says whether the numbers were reached."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON only")
    parser.add_argument("--districts", type=int, default=place.DISTRICTS)
    parser.add_argument(
        "--keep",
        action="store_true",
        help="use the database of an earlier run on the server of ONEMAP_TEST_DATABASE_URL, and leave it",
    )
    parser.add_argument("--rounds", type=int, default=3, help="openings of the page by each reader")
    parser.add_argument("--tiles", type=int, default=60, help="tiles of each tileset and zoom")
    parser.add_argument("--clients", type=int, default=4)
    given = parser.parse_args()
    found = measure(
        given.districts, keep=given.keep, rounds=given.rounds, most=given.tiles, clients=given.clients
    )
    print(json.dumps(found, ensure_ascii=False, indent=None if given.json else 2))
    return 0 if all(found["reached"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
