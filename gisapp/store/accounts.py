"""Users and their sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from gisapp.store.tables.platform import app_session, app_user

_ACCOUNT = (
    app_user.c.id,
    app_user.c.login,
    app_user.c.name,
    app_user.c.role,
    app_user.c.scopes,
    app_user.c.worker_id,
    app_user.c.active,
)


def find_account(connection: Connection, login: str, *, lock: bool = False) -> RowMapping | None:
    """The account of a login name with its password hash, or None; locked until the end of the transaction if asked."""
    statement = select(*_ACCOUNT, app_user.c.password_hash).where(app_user.c.login == login)
    if lock:
        statement = statement.with_for_update()
    return connection.execute(statement).mappings().first()


def list_accounts(connection: Connection) -> Sequence[RowMapping]:
    """All accounts by login name, without hashes."""
    return connection.execute(select(*_ACCOUNT).order_by(app_user.c.login)).mappings().all()


def save_account(
    connection: Connection,
    *,
    login: str,
    name: str,
    role: str,
    scopes: Sequence[str],
    password_hash: str,
    worker_id: int | None = None,
) -> int:
    """Create the account of a login name, or replace all of it but its id; returns the id."""
    values = {
        "name": name,
        "role": role,
        "scopes": list(scopes),
        "password_hash": password_hash,
        "worker_id": worker_id,
        "active": True,
    }
    statement = upsert(app_user).values(login=login, **values)
    statement = statement.on_conflict_do_update(index_elements=[app_user.c.login], set_=values)
    return int(connection.execute(statement.returning(app_user.c.id)).scalar_one())


def set_scopes(connection: Connection, login: str, scopes: Sequence[str]) -> bool:
    """Replace the scopes of an account; False when there is no such account."""
    done = connection.execute(update(app_user).where(app_user.c.login == login).values(scopes=list(scopes)))
    return done.rowcount == 1


def open_session(connection: Connection, token_hash: bytes, user_id: int, expires_at: datetime) -> None:
    """Keep a session, and forget those that have ended."""
    connection.execute(delete(app_session).where(app_session.c.expires_at < func.now()))
    connection.execute(
        insert(app_session).values(token_hash=token_hash, user_id=user_id, expires_at=expires_at)
    )


def find_sessions(connection: Connection, token_hashes: Sequence[bytes]) -> dict[bytes, RowMapping]:
    """The active accounts behind sessions that have not ended, by the digest of the session's token."""
    statement = (
        select(*_ACCOUNT, app_session.c.expires_at, app_session.c.token_hash)
        .join(app_session, app_session.c.user_id == app_user.c.id)
        .where(
            app_session.c.token_hash.in_(token_hashes),
            app_session.c.expires_at > func.now(),
            app_user.c.active,
        )
    )
    return {bytes(row["token_hash"]): row for row in connection.execute(statement).mappings()}


def close_session(connection: Connection, token_hash: bytes) -> None:
    """End a session."""
    connection.execute(delete(app_session).where(app_session.c.token_hash == token_hash))
