"""NOTIFY: what the database tells every process once a transaction is committed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import takewhile
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
        payload: JSON values; texts of a message that is too long are cut (who hears a notice reads the record itself
            for the whole text).
    """
    _send(connection, [pack(kind, place, **payload)])


def notify_each(connection: Connection, kind: str, notices: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """As ``notify``, for several places and payloads in one round trip."""
    _send(connection, [pack(kind, place, **payload) for place, payload in notices])


def notify_items(connection: Connection, kind: str, items: Sequence[tuple[str, Any]]) -> None:
    """Tell every listener of items, each with its place key, in one round trip and as few messages as it takes."""
    _send(connection, pack_items(kind, items))


def _send(connection: Connection, messages: Sequence[str]) -> None:
    if messages:
        connection.execute(_NOTIFY, {"channel": CHANNEL, "payloads": list(messages)})


def pack(kind: str, place: str, **payload: Any) -> str:
    """The message of a payload; its texts are cut where it is too long for PostgreSQL."""
    head = {"kind": kind, "place": place, **payload}
    message = _dumps(head)
    if len(message.encode()) > MOST_BYTES:
        message = _dumps({key: _cut(value) for key, value in head.items()})
    return message


def pack_items(kind: str, items: Sequence[tuple[str, Any]]) -> list[str]:
    """Messages with ``items``, each short enough for PostgreSQL; ``place`` is what the places in a message begin with.

    In order of places, so that a message holds neighbours and whoever is far away need not look into it.

    Raises:
        ValueError: one item alone is too long though its texts are cut (a programming error: items are numbers and names).
    """
    # The place of a message is no longer than that of any item in it.
    longest = max((place for place, _ in items), key=len, default="")
    room = MOST_BYTES - len(_dumps({"kind": kind, "place": longest, "items": []}).encode())
    messages: list[str] = []
    chunk: list[str] = []
    places: list[str] = []
    used = 0

    def close() -> None:
        # Sorted, so what the first and the last have in common, all have.
        both = takewhile(lambda pair: pair[0] == pair[1], zip(places[0], places[-1], strict=False))
        common = "".join(letter for letter, _ in both)
        start = _dumps({"kind": kind, "place": common, "items": []})[:-2]
        messages.append(start + ",".join(chunk) + "]}")

    for place, item in sorted(items, key=lambda entry: entry[0]):
        text_of = _dumps(item)
        size = len(text_of.encode()) + 1
        if size > room and isinstance(item, list):
            # One worker with an endless name must not keep everybody's positions from being told.
            text_of = _dumps([_cut(value) for value in item])
            size = len(text_of.encode()) + 1
        if size > room:
            raise ValueError(f"item of a notice of kind {kind} is {size} bytes long")
        if chunk and used + size > room:
            close()
            chunk, places, used = [], [], 0
        chunk.append(text_of)
        places.append(place)
        used += size
    if chunk:
        close()
    return messages


def _cut(value: Any) -> Any:
    return f"{value[:100]}…" if isinstance(value, str) and len(value) > 100 else value


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
