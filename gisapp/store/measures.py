"""Counts by place that indicators are made from; each name is one set of counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, RowMapping

from gisapp.store import events
from gisapp.store.events import Filter

Measure = Callable[[Connection, Filter, int], Sequence[RowMapping]]

MEASURES: Mapping[str, Measure] = {
    "closing": events.closing_by_place,
}
