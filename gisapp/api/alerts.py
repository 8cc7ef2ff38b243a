"""Alerts at the edge: list, open with evidence, acknowledge; and the rules behind them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter

from gisapp.api.fields import Id, Instant, Place, whole
from gisapp.api.session import DatabaseHere, ReaderHere
from gisapp.checks.registry import rules
from gisapp.services import alerts

router = APIRouter(prefix="/api/v1", tags=["alerts"])


@router.get("/alerts")
def list_alerts(
    reader: ReaderHere,
    database: DatabaseHere,
    place: Place = "",
    open_only: bool = False,
    since: Instant | None = None,
    limit: Annotated[int, whole("limit", 1, alerts.MAX_PAGE)] = 100,
) -> dict[str, Any]:
    """Alerts within the reader's scope, the newest first."""
    return alerts.find(database, reader, prefix=place, open_only=open_only, since=since, limit=limit)


@router.get("/alerts/{identifier}")
def show_alert(identifier: Id, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """One alert with its evidence."""
    return alerts.get(database, reader, identifier)


@router.get("/alerts/{identifier}/track")
def show_evidence(identifier: Id, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """The track that proves an alert, the positions that count and the worker's ground, as GeoJSON."""
    return alerts.evidence_track(database, reader, identifier)


@router.post("/alerts/{identifier}/acknowledge")
def acknowledge_alert(identifier: Id, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """Take note of an alert."""
    return alerts.acknowledge(database, reader, identifier)


@router.get("/rules")
def list_rules(reader: ReaderHere) -> dict[str, Any]:
    """The rules that raise alerts, with their thresholds in words."""
    return {
        "rules": [
            {
                "id": rule.id,
                "title": rule.label,
                "unit": rule.unit,
                "source": rule.source,
                "summary": rule.summary,
            }
            for rule in rules().values()
        ]
    }
