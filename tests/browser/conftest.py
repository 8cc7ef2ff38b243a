"""A real server on a demo database, and a real browser that counts what it should not see.

``page`` fails its test when anything was asked of another host, or when the console showed an error. The demo database
is loaded once per session; tests that change it leave what they made (a case, a draft) and rely on nothing of others.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from gisapp.services.accounts import DEMO_PASSWORD
from tests.browser.world import load_world
from tests.db.conftest import app_role, make_database, server_url

__all__ = ["app_role", "make_database", "server_url"]

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("ONEMAP_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
)
# WebGL is drawn in software here: what takes a second on a desk may take several on a busy machine.
expect.set_options(timeout=20_000)
DESK = {"width": 1440, "height": 900}


@dataclass(frozen=True, slots=True)
class Served:
    """A running server.

    Attributes:
        url: address without a trailing slash.
        database_url: the database for the application's role.
        admin_url: the database for the role that owns the tables.
    """

    url: str
    database_url: str
    admin_url: str


@dataclass(slots=True)
class Watch:
    """What a page asked of other hosts, and what it complained of."""

    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def start_server(database_url: str, *, port: int | None = None) -> tuple[subprocess.Popen[bytes], str]:
    """Start uvicorn on the application and wait until it answers; returns the process and its address.

    The server is handed a socket that is bound already: a port that is only chosen can be taken before it is up.
    """
    environ = {**os.environ, "ONEMAP_DATABASE_URL": database_url, "PYTHONPATH": str(ROOT)}
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--factory",
        "dash_app.server:create_app",
        "--log-level",
        "warning",
    ]
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("127.0.0.1", port or 0))
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        process = subprocess.Popen(
            [*command, "--fd", str(door.fileno())], cwd=ROOT, env=environ, pass_fds=[door.fileno()]
        )
    for _ in range(240):
        if process.poll() is not None:
            pytest.fail(f"the server ended with {process.returncode} before it answered")
        try:
            if httpx.get(f"{url}/healthz", timeout=2).status_code == 200:
                return process, url
        except httpx.TransportError:
            time.sleep(0.25)
    process.kill()
    pytest.fail("the server did not answer within a minute")


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """End a server that ``start_server`` started."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


@pytest.fixture(scope="session")
def world(make_database: Callable[[], tuple[str, str]]) -> tuple[str, str]:
    """Addresses (admin, application) of a database with the smallest demo place and its users."""
    admin, application = make_database()
    load_world(admin, application)
    return admin, application


@pytest.fixture(scope="session")
def served(world: tuple[str, str]) -> Iterator[Served]:
    """The server that most browser tests share."""
    admin, application = world
    process, url = start_server(application)
    yield Served(url, application, admin)
    stop_server(process)


@pytest.fixture
def device(served: Served) -> Iterator[httpx.Client]:
    """A terminal gateway that is signed in."""
    with httpx.Client(base_url=served.url, timeout=30) as client:
        answer = client.post("/api/v1/session", json={"login": "device", "password": DEMO_PASSWORD})
        assert answer.status_code == 200
        yield client


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for the session."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(ARGUMENTS))
        yield found
        found.close()


@pytest.fixture
def new_page(browser: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """A function that opens a page of its own: ``new_page(login="leader", viewport=…, theme="light")``.

    At the end every page made with it must have asked nothing of another host and shown no error in its console.
    """
    contexts: list[BrowserContext] = []
    watches: list[Watch] = []

    def make(
        login: str | None = None, *, theme: str = "dark", url: str | None = None, **options: Any
    ) -> Page:
        base = url or served.url
        context = browser.new_context(
            base_url=base, locale="zh-CN", timezone_id="Asia/Shanghai", **{"viewport": DESK, **options}
        )
        contexts.append(context)
        context.set_default_timeout(30_000)
        context.add_init_script(f"localStorage.theme ??= '\"{theme}\"'")
        page = context.new_page()
        watches.append(_watch(page, base))
        if login is not None:
            sign_in(page, login)
        return page

    yield make
    for context in contexts:
        context.close()
    assert [address for watch in watches for address in watch.outside] == []
    assert [text for watch in watches for text in watch.errors] == []


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page that nobody is signed in on."""
    return new_page()


def _watch(page: Page, base: str) -> Watch:
    watch = Watch()
    own = (base, base.replace("http", "ws", 1), "data:", "blob:")

    def asked(request: Request) -> None:
        if not request.url.startswith(own):
            watch.outside.append(request.url)

    def said(message: ConsoleMessage) -> None:
        # A refusal (sign-in, scope, conflict, input) is an answer that the test asks for; the browser reports its
        # status as an error.
        if message.type == "error" and not re.search(r"status of (40[139]|422)", message.text):
            watch.errors.append(message.text)

    page.on("request", asked)
    page.on("console", said)
    page.on("pageerror", lambda error: watch.errors.append(str(error)))
    return watch


def sign_in(page: Page, login: str, password: str = DEMO_PASSWORD) -> None:
    """Sign in through the API; the cookie stays in the page's context."""
    answer = page.context.request.post("/api/v1/session", data={"login": login, "password": password})
    assert answer.ok, answer.text()


def wait_for_map(page: Page, map_id: str = "map") -> None:
    """Wait until a map has drawn everything it has asked for."""
    page.wait_for_selector(f"#{map_id}[data-idle=true]", timeout=60_000)


def on_map(page: Page, script: str, argument: Any = None, map_id: str = "map") -> Any:
    """Run ``(map, argument) => …`` on a page's OneMap and give back what it returns."""
    code = f"async ([id, given]) => {{ const api = await window.onemapReady; return ({script})(api.map(id), given); }}"
    return page.evaluate(code, [map_id, argument])


def settle(page: Page, map_id: str = "map") -> None:
    """Wait until a map stands still with all its tiles."""
    # A repaint first: a layer that was just switched on has not asked for its tiles yet.
    script = "(map) => new Promise((done) => { map.map.once('idle', () => done(true)); map.map.triggerRepaint(); })"
    on_map(page, script, None, map_id)


def point_of(page: Page, lon: float, lat: float, map_id: str = "map") -> tuple[float, float]:
    """Where a place is on the screen, in CSS pixels of the page."""
    script = (
        "(map, at) => { const p = map.map.project(at); const box = map.element.getBoundingClientRect(); "
        "return [p.x + box.left, p.y + box.top]; }"
    )
    x, y = on_map(page, script, [lon, lat], map_id)
    return float(x), float(y)
