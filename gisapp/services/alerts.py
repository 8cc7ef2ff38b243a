"""Alerts as a user meets them: listed, opened to the track that proves them, acknowledged."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from gisapp.checks.registry import rules
from gisapp.domain import clock, incoming
from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.errors import Conflict, NotFound
from gisapp.services import grounds, tracks
from gisapp.services.alerting import brief, tell
from gisapp.store import alerts as store
from gisapp.store import workers
from gisapp.store.database import Database

MAX_PAGE = 500
#: the track that is shown with an alert begins so much before its opening and ends so much after its return
BEFORE = timedelta(minutes=10)
AFTER = timedelta(minutes=3)


def find(
    database: Database,
    reader: Reader,
    *,
    prefix: str = "",
    open_only: bool = False,
    since: datetime | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """Alerts within the reader's scope, the newest first, with the moment of the answer.

    Raises:
        Forbidden: the reader's role has no part in it.
        InputError: the limit is out of range.
    """
    reader.require(*tracks.WATCHERS)
    limit = incoming.whole(limit, "limit", "limit", 1, MAX_PAGE)
    prefix = incoming.place(prefix)
    since = None if since is None else incoming.instant(since, "since")
    with database.begin(reader) as connection:
        rows = store.page(connection, prefix=prefix, open_only=open_only, since=since, limit=limit)
    return {"moment": clock.now().isoformat(), "alerts": [brief(row) for row in rows]}


def get(database: Database, reader: Reader, identifier: int) -> dict[str, Any]:
    """One alert with its evidence and its rule.

    Raises:
        Forbidden: the reader's role has no part in it.
        NotFound: no such alert within the reader's scope.
    """
    reader.require(*tracks.WATCHERS)
    with database.begin(reader) as connection:
        row = store.find(connection, identifier)
    if row is None:
        raise NotFound(f"没有编号为 {identifier} 的告警。", remedy="请核对编号，或确认其在您的管辖范围内。")
    said = rules().get(row["rule"])
    return {
        **brief(row),
        "evidence": row["evidence"],
        "rule_summary": said.summary if said else "",
        "rule_source": said.source if said else "",
    }


def acknowledge(database: Database, reader: Reader, identifier: int) -> dict[str, Any]:
    """Take note of an alert.

    Raises:
        Forbidden: the reader's role does not answer for alerts.
        NotFound: no such alert within the reader's scope.
        Conflict: somebody took note before, or late positions have proved it wrong.
    """
    reader.require(Role.LEADER, Role.MANAGER)
    with database.begin(reader) as connection:
        store.lock(connection, identifier)
        row = store.find(connection, identifier)
        if row is None:
            raise NotFound(
                f"没有编号为 {identifier} 的告警。", remedy="请核对编号，或确认其在您的管辖范围内。"
            )
        if row["withdrawn_at"] is not None:
            raise Conflict("告警已撤销：补报的定位证明它不成立。", remedy="无需确认，请刷新列表。")
        if row["acknowledged_at"] is not None:
            raise Conflict(
                f"告警已由{row['acknowledged_by'] or '他人'}确认。", remedy="无需再次确认，请刷新列表。"
            )
        store.acknowledge(connection, identifier, reader.user_id)
        tell(connection, identifier, "acknowledged")
    return get(database, reader, identifier)


def evidence_track(database: Database, reader: Reader, identifier: int) -> dict[str, Any]:
    """The track that proves an alert, as GeoJSON: the line around it, the positions that count, the worker's ground at the
    instant of its opening.

    Raises:
        NotFound: no such alert within the reader's scope.
    """
    alert = get(database, reader, identifier)
    opened = datetime.fromisoformat(alert["opened_at"])
    until = alert["returned_at"] or alert["raised_at"]
    last = datetime.fromisoformat(until) + AFTER
    if alert["returned_at"] is None:
        last = max(last, min(clock.now(), opened + timedelta(hours=2))) + timedelta(seconds=1)
    track = tracks.track_between(database, reader, alert["worker"], opened - BEFORE, last)
    with database.begin(SYSTEM) as connection:
        ground = grounds.grounds_of(database).timeline(connection).at(opened)
        own = workers.former_grid(connection, alert["worker"], opened) or alert["place"]
    features = list(track["features"])
    shape = ground.outline(own)
    if shape is not None:
        features.insert(0, {"type": "Feature", "geometry": shape, "properties": {"kind": "ground"}})
    for number, fix in enumerate(alert["evidence"].get("fixes", ())):
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [fix["lon"], fix["lat"]]},
                "properties": {"kind": "proof", "number": number + 1, **fix},
            }
        )
    return {**track, "features": features, "alert": alert}
