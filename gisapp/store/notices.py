"""NOTIFY: what the database tells every process once a transaction is committed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

CHANNEL = "onemap"
#: PostgreSQL refuses payloads of 8000 bytes and more
MOST_BYTES = 7600

_NOTIFY = text("SELECT pg_notify(:channel, payload) FROM unnest(CAST(:payloads AS text[])) AS payload")


def notify(connection: Connection, kind: str, place: str, **payload: Any) -> None:
    """Tell every listener, when this transaction commits.

    Args:
        kind: ``fix``, ``alert``, ``event`` or ``revision``.
        place: place key that decides who may hear it; empty for everyone signed in.
        payload: JSON values; a list under ``items`` is split over as many messages as it takes, texts of a message
            that is still too long are cut (who hears a notice reads the record itself for the whole text).
    """
    _send(connection, pack(kind, place, **payload))


def notify_many(connection: Connection, kind: str, by_place: Sequence[tuple[str, Sequence[Any]]]) -> None:
    """Tell every listener of items by place, in one round trip."""
    _send(connection, [message for place, items in by_place for message in pack(kind, place, items=items)])


def _send(connection: Connection, messages: Sequence[str]) -> None:
    if messages:
        connection.execute(_NOTIFY, {"channel": CHANNEL, "payloads": list(messages)})


def pack(kind: str, place: str, **payload: Any) -> list[str]:
    """The messages of a payload, each short enough for PostgreSQL.

    Raises:
        ValueError: one item alone is too long (a programming error: items are numbers and names).
    """
    items = payload.pop("items", None)
    head = {"kind": kind, "place": place, **payload}
    if items is None:
        message = _dumps(head)
        if len(message.encode()) > MOST_BYTES:
            message = _dumps({key: _cut(value) for key, value in head.items()})
        return [message]
    start = _dumps({**head, "items": []})[:-2]
    room = MOST_BYTES - len(start.encode()) - 2
    messages: list[str] = []
    chunk: list[str] = []
    used = 0
    for item in items:
        text_of = _dumps(item)
        size = len(text_of.encode()) + 1
        if size > room:
            raise ValueError(f"item of a notice of kind {kind} is {size} bytes long")
        if chunk and used + size > room:
            messages.append(start + ",".join(chunk) + "]}")
            chunk, used = [], 0
        chunk.append(text_of)
        used += size
    if chunk:
        messages.append(start + ",".join(chunk) + "]}")
    return messages


def _cut(value: Any) -> Any:
    return f"{value[:100]}…" if isinstance(value, str) and len(value) > 100 else value


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
