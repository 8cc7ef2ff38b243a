"""Time in Asia/Shanghai: days, half-days and months begin at local midnight, instants are stored with zone."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """This instant, in local time."""
    return datetime.now(ZONE)


def today() -> date:
    """The local calendar day."""
    return now().date()


def local(instant: datetime) -> datetime:
    """An instant in local time; one without a zone is taken for local time already."""
    return instant.replace(tzinfo=ZONE) if instant.tzinfo is None else instant.astimezone(ZONE)


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """First instant of a local day and first instant of the next (half-open)."""
    start = datetime.combine(day, time.min, ZONE)
    return start, datetime.combine(day + timedelta(days=1), time.min, ZONE)
