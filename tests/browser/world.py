"""The place that browser tests look at: the smallest demo place, always the same one."""

from __future__ import annotations

from datetime import datetime

from gisapp.domain.clock import ZONE
from gisapp.services.demo import loading
from gisapp.store.database import Database

SIZE = "street"
SEED = 7


def load_world(admin_url: str, _application_url: str, *, now: datetime | None = None) -> None:
    """Load the demo place with its users into a migrated, empty database.

    Args:
        now: end of the year of cases; the last full hour where not given, so that spans like 近 7 天 hold something.
    """
    database = Database(admin_url, connections=2)
    try:
        loading.load(database, SIZE, SEED, now=(now or datetime.now(ZONE)))
    finally:
        database.close()
