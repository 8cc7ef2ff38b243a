"""Keeping the stored alerts in line with what positions prove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from gisapp.checks.engine import Episode
from gisapp.checks.registry import rule, rules
from gisapp.domain import clock
from gisapp.store import alerts as store
from gisapp.store.alerts import Stored
from gisapp.store.notices import notify
from gisapp.store.workers import Worker


def settle(
    connection: Connection,
    worker: Worker,
    episodes: Mapping[str, Sequence[Episode]],
    stored: Sequence[Stored] | None = None,
) -> list[int]:
    """Store what a run proved.

    Args:
        episodes: alerts of each rule in order.
        stored: for a run over positions that were judged before: the alerts that stood open at its beginning or were
            opened later. They are corrected, and withdrawn where nothing proves them any more. None for a run that
            only went on.

    Returns:
        ids of the alerts that were raised.
    """
    raised: list[int] = []
    for key, found in episodes.items():
        if stored is None:
            pairs = _onwards(connection, worker, key, found)
            gone: list[Stored] = []
        else:
            pairs, gone = match(found, [alert for alert in stored if alert.rule == key])
        for alert in gone:
            store.withdraw(connection, alert.id)
            tell(connection, alert.id, "withdrawn")
        # Returned ones first: a rule has at most one open alert of a worker at any moment.
        for episode, known in sorted(pairs, key=lambda pair: pair[0].returned_at is None):
            identifier = _keep(connection, worker, key, episode, known)
            if known is None and identifier is not None:
                raised.append(identifier)
    return raised


def _onwards(
    connection: Connection, worker: Worker, key: str, found: Sequence[Episode]
) -> list[tuple[Episode, Stored | None]]:
    pairs: list[tuple[Episode, Stored | None]] = []
    for episode in found:
        if episode.raised is not None:
            pairs.append((episode, None))
        elif episode.returned_at is not None:
            identifier = store.open_ones(connection, [worker.id]).get((key, worker.id))
            if identifier is not None:
                at = episode.returned_at
                pairs.append((episode, Stored(identifier, key, worker.id, at, at, None)))
    return pairs


def match(
    found: Sequence[Episode], stored: Sequence[Stored]
) -> tuple[list[tuple[Episode, Stored | None]], list[Stored]]:
    """Which stored alert each episode is, and the stored ones that are none.

    An alert stays itself when late positions shift its opening or its return: it is the one that overlaps in time.
    """
    rest = list(stored)
    pairs: list[tuple[Episode, Stored | None]] = []
    for episode in found:
        same = next((alert for alert in rest if _overlap(episode, alert)), None)
        if same is not None:
            rest.remove(same)
        if same is not None or episode.raised is not None:
            pairs.append((episode, same))
    return pairs, rest


def _overlap(episode: Episode, alert: Stored) -> bool:
    if episode.raised is None:
        return True  # open before the run began, and so is the first stored one
    begins_before_end = alert.returned_at is None or episode.raised.opened_at < alert.returned_at
    return begins_before_end and (episode.returned_at is None or alert.opened_at < episode.returned_at)


def _keep(
    connection: Connection, worker: Worker, key: str, episode: Episode, known: Stored | None
) -> int | None:
    raised, returned = episode.raised, episode.returned_at
    if known is None:
        assert raised is not None
        title = rule(key).sentence(worker.name)
        identifier = store.raise_one(
            connection,
            rule=key,
            worker=worker.id,
            place=worker.place,
            title=title,
            raised=raised,
            returned_at=returned,
        )
        tell(connection, identifier, "raised")
        return identifier
    same_proof = raised is None or (raised.opened_at, raised.raised_at) == (known.opened_at, known.raised_at)
    if same_proof and known.returned_at == returned:
        return None
    if same_proof and raised is None and returned is not None:
        store.close(connection, known.id, returned)
    else:
        store.correct(connection, known.id, None if same_proof else raised, returned)
    tell(connection, known.id, "returned" if returned is not None else "raised")
    return None


def tell(connection: Connection, identifier: int, what: str) -> None:
    """Send word of an alert: ``raised``, ``returned``, ``withdrawn`` or ``acknowledged``."""
    row = store.find(connection, identifier)
    if row is not None:
        shown = brief(row)
        notify(connection, "alert", shown.pop("place"), what=what, **shown)


def brief(row: Mapping[Any, Any]) -> dict[str, Any]:
    """An alert as a notice and a list carry it: without the evidence."""
    state = "open"
    if row["withdrawn_at"] is not None:
        state = "withdrawn"
    elif row["returned_at"] is not None:
        state = "returned"
    elif row["acknowledged_at"] is not None:
        state = "acknowledged"
    return {
        "id": row["id"],
        "place": row["place"],
        "rule": row["rule"],
        "rule_label": rules()[row["rule"]].label if row["rule"] in rules() else row["rule"],
        "title": row["title"],
        "state": state,
        "worker": row["worker_id"],
        "name": row["worker"],
        "lon": row["lon"],
        "lat": row["lat"],
        **{key: _text(row[key]) for key in ("opened_at", "raised_at", "returned_at", "acknowledged_at")},
        "acknowledged_by": row["acknowledged_by"],
    }


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else clock.local(instant).isoformat()
