"""NOTIFY: what happened, told to every process at commit."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, func, select

CHANNEL = "onemap"
MAX_BYTES = 7900
"""PostgreSQL refuses payloads of 8000 bytes and more."""


def notify(connection: Connection, kind: str, place: str, **payload: Any) -> None:
    """Tell every listening process of something at a place, when the transaction commits.

    Args:
        kind: ``fix``, ``alert``, ``event`` or ``revision``.
        place: place key that decides which subscribers hear of it.
        payload: JSON-serialisable; one that is too long keeps its short values only.
    """
    message = {"kind": kind, "place": place, **payload}
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) > MAX_BYTES:
        short = {k: v for k, v in message.items() if len(json.dumps(v)) <= 200}
        text = json.dumps({**short, "cut": True}, ensure_ascii=False, separators=(",", ":"))
    connection.execute(select(func.pg_notify(CHANNEL, text)))
