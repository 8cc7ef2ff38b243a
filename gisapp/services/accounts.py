"""Accounts: signing in and out, and who is behind a session."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Connection

from gisapp.domain import clock, incoming
from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.keys import PlaceKey, Scope
from gisapp.domain.vocabulary import label
from gisapp.errors import Forbidden, InputError, NotFound, NotSignedIn
from gisapp.services.tries import Tries
from gisapp.store import accounts, grids
from gisapp.store.database import Database
from gisapp.store.grid_locks import hold_grids

log = logging.getLogger("onemap.accounts")

COOKIE = "onemap_session"
"""Name of the cookie that carries a session's token."""
DEMO_PASSWORD = "onemap-demo"
MINIMUM_PASSWORD = 8

_hasher = PasswordHasher()
"""Argon2id with the library's parameters (RFC 9106, low-memory profile)."""
_NO_ONE = _hasher.hash(secrets.token_hex(16))
"""Checked where a login does not exist, so that the answer takes as long as for one that does."""


@dataclass(frozen=True, slots=True)
class Session:
    """An opened session; the token is known to the browser only."""

    token: str
    reader: Reader
    expires_at: datetime


def _digest(token: str) -> bytes:
    # A cookie may hold anything, also what UTF-8 cannot carry.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _reader(row: Mapping[Any, Any]) -> Reader:
    return Reader(
        user_id=row["id"],
        login=row["login"],
        name=row["name"],
        role=Role(row["role"]),
        scope=Scope(row["scopes"]),
        worker_id=row["worker_id"],
    )


def sign_in(
    database: Database,
    login: str,
    password: str,
    *,
    hours: int = 12,
    at_page: bool = False,
    address: str = "",
    tries: Tries | None = None,
) -> Session:
    """Open a session.

    Args:
        at_page: by the form of the sign-in page, where a gateway's account has nothing to look for.
        address: of the client; failures are counted by it.
        tries: what has failed before; nothing is counted without.

    Raises:
        NotSignedIn: wrong name or password (which of the two is not said).
        TooMany: too many failures, the remedy says how long to wait.
        Forbidden: an account without a scope; or a gateway's account at the page.
    """
    login = incoming.text(login, incoming.LOGIN, "login")
    password = incoming.secret(password, incoming.PASSWORD, "password")
    if tries is not None:
        tries.check(login, address)
    with database.begin(SYSTEM) as connection:
        row = accounts.find_account(connection, login)
    try:
        _hasher.verify(row["password_hash"] if row else _NO_ONE, password)
        known = row is not None and row["active"]
    except (VerifyMismatchError, InvalidHashError):
        known = False
    if tries is not None:
        (tries.succeeded if known else tries.failed)(login, address)
    if row is None or not known:
        raise NotSignedIn("用户名或密码不正确。", remedy="请核对后重新输入；忘记密码请联系系统管理员。")
    if not row["scopes"]:
        # Signed in, such an account would be sent back to the sign-in by every page, without a word.
        raise Forbidden(
            f"账号“{row['login']}”还没有管辖范围，登录后没有可看的内容。",
            remedy="请联系系统管理员为账号指定辖区。",
        )
    if at_page and _reader(row).is_device:
        raise Forbidden(
            f"“{row['login']}”是{label(Role.DEVICE)}的账号，只供终端上报定位，不能登录网页。",
            remedy="请用您本人的账号登录。",
        )
    return _open(database, row, hours)


def _open(database: Database, row: Mapping[Any, Any], hours: int) -> Session:
    """Open the session of an account whose password has been checked.

    Raises:
        NotSignedIn: the account was withdrawn, or got another password, since it was read.
    """
    token = secrets.token_urlsafe(32)
    with database.begin(SYSTEM) as connection:
        now = accounts.find_account(connection, row["login"], lock=True)
        if now is None or not now["active"] or now["password_hash"] != row["password_hash"]:
            raise NotSignedIn("账号刚刚被更改。", remedy="请重新登录；若登录不了，请联系系统管理员。")
        expires_at = clock.now() + timedelta(hours=hours)
        accounts.open_session(connection, _digest(token), now["id"], expires_at)
    return Session(token, _reader(now), expires_at)


def lend(
    database: Database, *, login: str, name: str, role: str, scopes: Sequence[str], hours: int = 12
) -> Session:
    """A session of an account that nobody can sign in to: for a program that has the database's address itself.

    The account is made when there is none, with a password that is drawn and kept nowhere.
    """
    wanted = (role, list(Scope(scopes).prefixes), True)
    with database.begin(SYSTEM) as connection:
        row = accounts.find_account(connection, login)
    if row is None or (row["role"], list(row["scopes"]), row["active"]) != wanted:
        password = secrets.token_urlsafe(32)
        save_user(database, login=login, name=name, role=role, scopes=scopes, password=password)
        with database.begin(SYSTEM) as connection:
            row = accounts.find_account(connection, login)
    assert row is not None
    return _open(database, row, hours)


def sign_out(database: Database, token: str) -> None:
    """End the session of a token; one that does not exist is no error."""
    with database.begin(SYSTEM) as connection:
        accounts.close_session(connection, _digest(token))


def readers_of(database: Database, tokens: Sequence[str]) -> dict[str, tuple[Reader, datetime]]:
    """Who is behind each of some tokens, and until when; those behind which nobody is are left out.

    An account whose record makes no reader is nobody too, and does not trouble the others.
    """
    digests = {_digest(token): token for token in tokens}
    with database.begin(SYSTEM) as connection:
        rows = accounts.find_sessions(connection, list(digests))
    found = {}
    for digest, row in rows.items():
        try:
            found[digests[digest]] = (_reader(row), row["expires_at"])
        except Exception as error:
            log.error("the record of account %s makes no reader: %s", row["id"], type(error).__name__)
    return found


def save_user(
    database: Database,
    *,
    login: str,
    name: str,
    role: str,
    scopes: Sequence[str],
    password: str,
    worker_id: int | None = None,
) -> int:
    """Create or replace an account; returns its id.

    Raises:
        InputError: role unknown, scope not a place key or a grid that is no longer in force, or password too short.
    """
    if role not in set(Role):
        raise InputError(f"岗位“{role}”不存在。", remedy=f"请从 {'、'.join(Role)} 中选择。")
    password = incoming.secret(password, incoming.PASSWORD, "password")
    if len(password) < MINIMUM_PASSWORD:
        raise InputError(
            "密码太短。", remedy=f"密码至少 {MINIMUM_PASSWORD} 个字符。", details={"field": "password"}
        )
    login = incoming.text(login, incoming.LOGIN, "login", required=True)
    name = incoming.text(name, incoming.NAME, "name", label="姓名", required=True)
    prefixes = Scope(scopes).prefixes
    hashed = _hasher.hash(password)
    with database.begin(SYSTEM) as connection:
        hold_grids(connection)
        _require_grids(connection, prefixes)
        return accounts.save_account(
            connection,
            login=login,
            name=name,
            role=role,
            scopes=prefixes,
            password_hash=hashed,
            worker_id=worker_id,
        )


def _require_grids(connection: Connection, prefixes: Sequence[str]) -> None:
    gone = grids.vanished(connection, prefixes)
    if gone:
        raise InputError(
            f"网格 {gone[0]} 已不再施行，不能作为辖区。",
            remedy="请改用现行网格的编码，可在“网格划分”页查看。",
            details={"field": "scopes"},
        )


def add_scope(database: Database, login: str, place: str) -> tuple[str, ...]:
    """Let an account see one more place; returns its scopes.

    Raises:
        NotFound: no such account.
        InputError: not a place key, or a grid that is no longer in force.
    """
    login = incoming.text(login, incoming.LOGIN, "login")
    with database.begin(SYSTEM) as connection:
        hold_grids(connection)
        row = accounts.find_account(connection, login, lock=True)
        if row is None:
            raise NotFound(f"没有用户“{login}”。", remedy="用 ./onemap users list 查看已有用户。")
        prefixes = Scope([*row["scopes"], PlaceKey(place)]).prefixes
        _require_grids(connection, prefixes)
        accounts.set_scopes(connection, login, prefixes)
    return prefixes


def list_users(database: Database) -> list[Reader]:
    """All accounts by login name."""
    with database.begin(SYSTEM) as connection:
        return [_reader(row) for row in accounts.list_accounts(connection)]


def demo_users(street: str, community: str, grid: str, worker_id: int | None) -> list[dict[str, Any]]:
    """The four demo users, and the device account that the simulator reports through.

    Args:
        street: 9-digit key that the street leader sees.
        community: 12-digit key that the grid manager sees.
        grid: 15-digit key of the grid worker.
        worker_id: the grid worker's id in ``grid_worker``.
    """
    return [
        {"login": "leader", "name": "街道领导（演示）", "role": Role.LEADER, "scopes": [street]},
        {"login": "manager", "name": "网格管理员（演示）", "role": Role.MANAGER, "scopes": [community]},
        {"login": "planner", "name": "规划人员（演示）", "role": Role.PLANNER, "scopes": [""]},
        {
            "login": "worker",
            "name": "网格员（演示）",
            "role": Role.WORKER,
            "scopes": [grid],
            "worker_id": worker_id,
        },
        {"login": "device", "name": "终端网关（演示）", "role": Role.DEVICE, "scopes": [""]},
    ]


def save_demo_users(
    database: Database,
    *,
    street: str,
    community: str,
    grid: str,
    worker_id: int | None,
    password: str = DEMO_PASSWORD,
) -> None:
    """Create or renew the demo users, all with one password."""
    for user in demo_users(street, community, grid, worker_id):
        save_user(database, password=password, **user)
