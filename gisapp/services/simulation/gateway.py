"""The ways to the server: signed in as the terminals' gateway, or as the desk that works on cases; each posts, and says
what became of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from gisapp.domain.access import Role
from gisapp.errors import Unavailable
from gisapp.logs import kind_of
from gisapp.services import accounts
from gisapp.store.database import Database

DESK = "simulator"
"""Login of the account that takes the steps of simulated cases; nobody knows a password of it."""


class Unreachable(Exception):
    """The server does not answer, or not sensibly; what was to be sent may be sent again later."""


class Gateway:
    """A session with the server.

    Args:
        url: address of the server, for example ``http://127.0.0.1:8050``.
    """

    def __init__(self, url: str, login: str, password: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=httpx.Timeout(20.0, connect=4.0), trust_env=False)
        self._credentials = {"login": login, "password": password}
        self._signed_in = False

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Post JSON; signs in when needed. Returns status and answer.

        Raises:
            Unreachable: no connection, a timeout, an error of the server itself, or too much at once for it.
            Unavailable: the server refuses the account.
        """
        for _ in range(2):
            if not self._signed_in:
                self._sign_in()
            status, answer = self._send(path, body)
            if status != 401:
                return status, answer
            self._signed_in = False
        raise Unreachable("session refused twice")

    def _sign_in(self) -> None:
        status, _ = self._send("/api/v1/session", self._credentials)
        if status in (401, 403):
            raise Unavailable(
                f"服务器不接受终端网关的账号（状态 {status}）。",
                remedy="请用 --login 和 --password 给出终端网关的账号；演示账号由 ./onemap demo 建立。",
            )
        if status >= 300:
            raise Unreachable(f"sign-in answered {status}")
        self._signed_in = True

    def _send(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        try:
            response = self._client.post(path, json=body)
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unreachable(kind_of(error)) from error
        # 429: too much at once for the server; as when it is silent, the same is sent again later.
        if response.status_code >= 500 or response.status_code == 429:
            raise Unreachable(f"{path} answered {response.status_code}")
        return response.status_code, answer if isinstance(answer, dict) else {}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class Desk(Gateway):
    """The desk that reports, assigns, handles and closes: what a gateway may not, and for which no demo user's scope is
    wide enough. Its session comes from the database, not from a password.

    Args:
        places: where it may work: place keys.
    """

    def __init__(self, url: str, database: Database, places: Sequence[str]) -> None:
        super().__init__(url, DESK, "")
        self._database = database
        self._places = places

    def _sign_in(self) -> None:
        try:
            session = accounts.lend(
                self._database, login=DESK, name="模拟受理台", role=Role.MANAGER, scopes=self._places
            )
        except Unavailable as error:
            raise Unreachable(error.message) from error
        self._client.cookies.clear()
        self._client.cookies.set(accounts.COOKIE, session.token)
        self._signed_in = True
