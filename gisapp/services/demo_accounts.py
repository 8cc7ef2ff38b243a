"""Which demo users can still sign in with the published password: told at start-up, so that nobody forgets them."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from gisapp.domain.access import SYSTEM
from gisapp.services.accounts import DEMO_PASSWORD, demo_users
from gisapp.store import accounts
from gisapp.store.database import Database


def open_demo_accounts(database: Database) -> list[dict[str, str]]:
    """Login, name and password of the demo accounts whose password is still the published one."""
    hasher = PasswordHasher()
    found = []
    with database.begin(SYSTEM) as connection:
        for user in demo_users("", "", "", None):
            row = accounts.find_account(connection, user["login"])
            if row is None or not row["active"]:
                continue
            try:
                hasher.verify(row["password_hash"], DEMO_PASSWORD)
            except (VerifyMismatchError, InvalidHashError):
                continue
            found.append({"login": str(row["login"]), "name": str(row["name"]), "password": DEMO_PASSWORD})
    return found
