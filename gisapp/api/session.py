"""Sign-in at the edge: every request and every socket learns who it is before anything else sees it."""

from __future__ import annotations

import asyncio
import math
import time
from contextvars import ContextVar
from datetime import datetime
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gisapp.api import health, limits
from gisapp.api.answers import answer_of
from gisapp.api.fields import Login, Password
from gisapp.api.rates import Anonymous
from gisapp.domain import clock
from gisapp.domain.access import NOBODY, Reader, Role
from gisapp.domain.vocabulary import label
from gisapp.errors import Forbidden, NotSignedIn, OnemapError, Unavailable
from gisapp.services import accounts
from gisapp.services.signing_in import SignIns
from gisapp.store.database import Database

COOKIE = accounts.COOKIE
RECHECK_SECONDS = 15.0
"""How long a session may go unchecked against the database: a withdrawn account is out after that."""

MOST_REMEMBERED = 100_000
LOOK_PAUSE_S = 0.03
"""How long the look-up after one waits at least: with thousands of terminals, dozens then share it."""

_OPEN = (
    *health.PATHS,
    "/sign-in",
    "/vendor/",
    "/modules/",
    "/assets/",
    "/_dash",
    "/_favicon",
    "/api/v1/session",
)
_MACHINE = ("/api/", "/tiles/")
_FILES = ("/vendor/", "/modules/", "/assets/", "/_dash-component-suites/", "/_favicon")
_SAME_FOR_ALL = (*_FILES, *health.PATHS)
"""What anybody may ask for as often as a page or a monitor needs it; no session is looked up for it."""
_LONGEST_REMEMBERED = 4096
_DEVICES = ("/api/v1/tracks", "/api/v1/session")
"""All that there is for a gateway: it reports positions, and signs in and out."""

_reader: ContextVar[Reader] = ContextVar("reader", default=NOBODY)


def reader_here() -> Reader:
    """The reader of the request or socket that this code runs for; ``NOBODY`` outside of one."""
    return _reader.get()


class Sessions:
    """Who is behind a token, remembered for a few seconds so that tiles cost no look-up each.

    Tokens that are asked for at the same moment are looked up together: thousands of telephones report every few seconds.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, Reader]] = {}
        self._ended: dict[str, float] = {}
        self._asked: dict[str, asyncio.Future[tuple[Reader, datetime] | None]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def reader(self, token: str) -> Reader | None:
        known = self._known.get(token)
        if known is not None and time.monotonic() - known[0] < RECHECK_SECONDS:
            return known[1]
        asked = time.monotonic()
        found = await self._ask(token)
        self._known.pop(token, None)
        if found is None or found[1] <= clock.now():
            return None
        if self._ended.get(token, -math.inf) >= asked:
            return None  # signed out while it was looked up
        self.remember(token, found[0])
        return found[0]

    async def _ask(self, token: str) -> tuple[Reader, datetime] | None:
        if token not in self._asked:
            self._asked[token] = asyncio.get_running_loop().create_future()
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        # Shielded: a request that is given up must not take the answer away from the others that wait for it.
        return await asyncio.shield(self._asked[token])

    async def _look(self) -> None:
        try:
            while self._asked:
                asked, self._asked = self._asked, {}
                found = await asyncio.to_thread(self._find, list(asked))
                for token, future in asked.items():
                    outcome = found[token]
                    if isinstance(outcome, Exception):
                        future.set_exception(outcome)
                        future.exception()  # seen, even where everybody who asked has left
                    else:
                        future.set_result(outcome)
                # A moment in which others may come, so that many look-ups become few.
                await asyncio.sleep(LOOK_PAUSE_S)
        finally:
            self._looking = None

    def _find(self, tokens: list[str]) -> dict[str, tuple[Reader, datetime] | Exception | None]:
        """Who is behind each token; where they cannot be looked up together, each is by itself. Raises nothing."""
        try:
            found = accounts.readers_of(self._database, tokens)
        except Exception as error:
            # A database that does not answer is asked once, not once for each who waits.
            if len(tokens) == 1 or isinstance(error, Unavailable):
                return dict.fromkeys(tokens, error)
            return {token: self._find([token])[token] for token in tokens}
        return {token: found.get(token) for token in tokens}

    def remember(self, token: str, reader: Reader) -> None:
        """Note who is behind a token, as it was just read or written."""
        if len(self._known) > MOST_REMEMBERED:
            self._known.clear()
        self._known[token] = (time.monotonic(), reader)

    def knows(self, token: str) -> bool:
        """Whether somebody was behind a token when it was last looked up."""
        return token in self._known

    def forget(self, token: str) -> None:
        """A session has ended: whoever asks from now on, or is asking, is nobody."""
        if len(self._ended) > MOST_REMEMBERED:
            self._ended.clear()
        self._ended[token] = time.monotonic()
        self._known.pop(token, None)


def _token(headers: Headers) -> str | None:
    cookies = headers.get("cookie", "")
    # Not even an endless header stays in memory.
    return _token_in(cookies) if len(cookies) <= _LONGEST_REMEMBERED else _token_in.__wrapped__(cookies)


@lru_cache(maxsize=1024)  # a map asks for hundreds of tiles with the same header
def _token_in(cookies: str) -> str | None:
    try:
        cookie = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return None
    return cookie.value if cookie else None


class SessionMiddleware:
    """ASGI middleware: sets ``request.state.reader``; turns away whoever has no session.

    Pages are sent to the sign-in page and back, the API and tiles answer 401. A gateway finds the addresses that are for
    gateways, everything else is closed to it by not being among them. Requests without a session are counted by address.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.anonymous = Anonymous()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        try:
            reader = await self._reader(scope, path)
        except OnemapError as error:
            await _refuse(scope, error)(scope, receive, send)
            return
        if reader is not None and reader.is_device and path not in _DEVICES:
            if path.startswith(_MACHINE):
                await _refuse_device(scope)(scope, receive, send)
                return
            reader = None  # to a page it is nobody: who sees one is asked to sign in as a person
        if reader is None and scope["type"] == "http":
            if not path.startswith(_OPEN):
                await _turn_away(scope)(scope, receive, send)
                return
            if exchange := scope.get("state", {}).get("exchange"):
                exchange.narrow(limits.ANONYMOUS_BODY)
        scope.setdefault("state", {})["reader"] = reader or NOBODY
        marked = _reader.set(reader or NOBODY)
        try:
            await self.app(scope, receive, send)
        finally:
            _reader.reset(marked)

    async def _reader(self, scope: Scope, path: str) -> Reader | None:
        """Who asks; None for nobody.

        Raises:
            TooMany: an address asks too often without a session.
            Unavailable: the database does not answer.
        """
        if path.startswith(_SAME_FOR_ALL):
            return None
        token = _token(Headers(scope=scope))
        if token is not None:
            sessions: Sessions = scope["app"].state.sessions
            # A token of somebody is looked up in any case; one that may be made up only while its address may ask.
            if not sessions.knows(token) and (refusal := self.anonymous.refusal(scope, counted=False)):
                raise refusal
            if reader := await sessions.reader(token):
                return reader
        if refusal := self.anonymous.refusal(scope):
            raise refusal
        return None


def _refuse(scope: Scope, error: OnemapError) -> ASGIApp:
    return _close if scope["type"] == "websocket" else answer_of(error)


def _turn_away(scope: Scope) -> Response:
    path: str = scope["path"]
    if path.startswith(_MACHINE):
        error = NotSignedIn("尚未登录或登录已过期。", remedy="请重新登录。")
        return answer_of(error)
    query = scope["query_string"].decode("latin-1")
    target = quote(path + (f"?{query}" if query else ""), safe="")
    return RedirectResponse(f"/sign-in?next={target}", status_code=303)


def _refuse_device(scope: Scope) -> ASGIApp:
    error = Forbidden(
        f"“{label(Role.DEVICE)}”只能上报定位，不能查看数据。", remedy="查看数据请用个人账号登录。"
    )
    return _refuse(scope, error)


async def _close(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "websocket.close", "code": 4403})


def current_reader(request: Request) -> Reader:
    """Dependency: the reader of a request.

    Raises:
        NotSignedIn: nobody is signed in.
    """
    reader: Reader = getattr(request.state, "reader", NOBODY)
    if not reader.scope:
        raise NotSignedIn("尚未登录或登录已过期。", remedy="请重新登录。")
    return reader


def current_database(request: Request) -> Database:
    """Dependency: the application's database."""
    database: Database = request.app.state.database
    return database


ReaderHere = Annotated[Reader, Depends(current_reader)]
DatabaseHere = Annotated[Database, Depends(current_database)]

router = APIRouter(prefix="/api/v1/session", tags=["session"])


class Credentials(BaseModel):
    """What a user signs in with."""

    login: Login
    password: Password
    at_page: bool = Field(False, description="sent by the sign-in page, which is not for gateways")


class Identity(BaseModel):
    """Who is signed in."""

    login: str
    name: str
    role: str
    scopes: list[str]


def _identity(reader: Reader) -> Identity:
    return Identity(
        login=reader.login, name=reader.name, role=reader.role, scopes=list(reader.scope.prefixes)
    )


@router.post("")
async def open_session(credentials: Credentials, request: Request, response: Response) -> Identity:
    """Sign in; the session travels in a cookie that scripts cannot read."""
    hours: int = request.app.state.settings.session_hours
    sign_ins: SignIns = request.app.state.sign_ins
    session = await sign_ins.sign_in(
        credentials.login,
        credentials.password,
        request.client.host if request.client else "",
        hours=hours,
        at_page=credentials.at_page,
    )
    request.app.state.sessions.remember(session.token, session.reader)
    response.set_cookie(
        COOKIE,
        session.token,
        max_age=hours * 3600,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
        path="/",
    )
    return _identity(session.reader)


@router.get("")
def show_session(reader: ReaderHere) -> Identity:
    """Who is signed in."""
    return _identity(reader)


@router.delete("", status_code=204)
def close_session(request: Request, response: Response, database: DatabaseHere) -> None:
    """Sign out."""
    token = _token(request.headers)
    if token is not None:
        accounts.sign_out(database, token)
        request.app.state.sessions.forget(token)
    response.delete_cookie(
        COOKIE, path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )
