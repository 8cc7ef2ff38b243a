"""Keeping the stored alerts in line with what positions prove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from gisapp.checks.definition import Raised
from gisapp.checks.engine import Episode
from gisapp.checks.registry import rule, rules
from gisapp.domain import clock
from gisapp.store import alerts as store
from gisapp.store.alerts import Fresh, Stored
from gisapp.store.notices import notify_each
from gisapp.store.workers import Worker


@dataclass(frozen=True, slots=True)
class Proof:
    """What a run over positions of one worker proved.

    Attributes:
        episodes: alerts of each rule in order.
        stored: for a run over positions that were judged before: the alerts that stood open at its beginning or were
            opened later. They are corrected, and withdrawn where nothing proves them any more. None for a run that
            only went on.
    """

    worker: Worker
    episodes: Mapping[str, Sequence[Episode]]
    stored: Sequence[Stored] | None = None


@dataclass(slots=True)
class _Changes:
    """What has to be written; in this order, because a rule has at most one open alert of a worker at any moment."""

    gone: list[int] = field(default_factory=list)
    closed: dict[int, datetime] = field(default_factory=dict)
    corrected: list[tuple[int, Raised | None, datetime | None]] = field(default_factory=list)
    fresh: list[Fresh] = field(default_factory=list)
    told: dict[int, str] = field(default_factory=dict)

    def write(self, connection: Connection) -> list[int]:
        """Write and tell; the ids of the fresh ones."""
        store.withdraw(connection, self.gone)
        store.close(connection, self.closed)
        for identifier, raised, returned in sorted(self.corrected, key=lambda change: change[2] is None):
            store.correct(connection, identifier, raised, returned)
        ids = store.raise_all(connection, self.fresh)
        tell_all(connection, self.told | dict.fromkeys(ids, "raised"))
        return ids


def settle(connection: Connection, proofs: Sequence[Proof]) -> list[tuple[int, tuple[int, datetime]]]:
    """Store what runs proved, each of another worker.

    Returns:
        the alerts that were raised: id, and worker and instant of the position that proves it.
    """
    ended = {
        proof.worker.id
        for proof in proofs
        for found in proof.episodes.values()
        if proof.stored is None and any(e.raised is None and e.returned_at is not None for e in found)
    }
    opened = store.open_ones(connection, ended) if ended else {}
    changes = _Changes()
    for proof in proofs:
        for key, found in proof.episodes.items():
            if proof.stored is None:
                pairs = _onwards(proof.worker, key, found, opened)
            else:
                pairs, gone = match(found, [alert for alert in proof.stored if alert.rule == key])
                for alert in gone:
                    changes.gone.append(alert.id)
                    changes.told[alert.id] = "withdrawn"
            for episode, known in pairs:
                _keep(changes, proof.worker, key, episode, known)
    ids = changes.write(connection)
    return [
        (identifier, (fresh.worker, fresh.raised.raised_at))
        for identifier, fresh in zip(ids, changes.fresh, strict=True)
    ]


def _onwards(
    worker: Worker, key: str, found: Sequence[Episode], opened: Mapping[tuple[str, int], int]
) -> list[tuple[Episode, Stored | None]]:
    pairs: list[tuple[Episode, Stored | None]] = []
    for episode in found:
        if episode.raised is not None:
            pairs.append((episode, None))
        elif episode.returned_at is not None:
            identifier = opened.get((key, worker.id))
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


def _keep(changes: _Changes, worker: Worker, key: str, episode: Episode, known: Stored | None) -> None:
    raised, returned = episode.raised, episode.returned_at
    if known is None:
        assert raised is not None
        title = rule(key).sentence(worker.name)
        # What is open belongs to the ground of now; what is over, to the ground that it was about.
        place = worker.place if returned is None else worker.place_at(raised.opened_at)
        changes.fresh.append(Fresh(key, worker.id, place, title, raised, returned))
        return
    same_proof = raised is None or (raised.opened_at, raised.raised_at) == (known.opened_at, known.raised_at)
    if same_proof and known.returned_at == returned:
        return
    if same_proof and raised is None and returned is not None:
        changes.closed[known.id] = returned
    else:
        changes.corrected.append((known.id, None if same_proof else raised, returned))
    if returned is not None:
        changes.told[known.id] = "returned"
    else:
        # Open again is news; a proof that late positions have shifted is not, and must not alarm a second time.
        changes.told[known.id] = "raised" if known.returned_at is not None else "corrected"


def tell(connection: Connection, identifier: int, what: str) -> None:
    """Send word of an alert: ``raised``, ``corrected``, ``returned``, ``withdrawn`` or ``acknowledged``."""
    tell_all(connection, {identifier: what})


def tell_all(connection: Connection, told: Mapping[int, str]) -> None:
    """Send word of alerts: what has become of each; see ``tell``."""
    if not told:
        return
    rows = store.find_all(connection, list(told))
    notices = []
    for identifier, what in told.items():
        if identifier in rows:
            shown = brief(rows[identifier])
            notices.append((shown.pop("place"), {"what": what, **shown}))
    notify_each(connection, "alert", notices)


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
