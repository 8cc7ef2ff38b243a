"""A place of more than a million people and half a million components: districts of the demo city."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, create_engine, text

from gisapp.domain import clock
from gisapp.domain.access import SYSTEM
from gisapp.services import accounts
from gisapp.services.demo import loading, sizes
from gisapp.services.scopes import describe_scope
from gisapp.store.database import Database, engine_url
from gisapp.store.migrate import upgrade

DATABASE = "onemap_bench_map"
ROLE = "onemap_bench"
DISTRICTS = 4
STREET = sizes.DEMO_STREET
WHOLE, PART = "bench_whole", "bench_street"
PASSWORD = secrets.token_urlsafe(12)
_SEED, _MARK = 1, "city:1"
_COUNTED = ("person", "component", "event", "building", "address", "road")


@dataclass(frozen=True, slots=True)
class Place:
    """A loaded place.

    Attributes:
        app_url: the database for the application's role.
        box: west, south, east, north in degrees.
        rows: how many of each register there are.
        seconds: how long loading took; None when it was there already.
    """

    app_url: str
    box: tuple[float, float, float, float]
    rows: dict[str, int]
    seconds: float | None


@contextmanager
def loaded_place(districts: int = DISTRICTS, *, keep: bool = False) -> Iterator[Place]:
    """A database of its own with the place, a leader of all of it and one of a single street.

    Args:
        districts: how many of the city's districts; each has about 400,000 people and 137,000 components.
        keep: use what an earlier run left, complete what is missing, and leave it at the end.
    """
    url = os.environ["ONEMAP_TEST_DATABASE_URL"]
    engine = create_engine(engine_url(url), isolation_level="AUTOCOMMIT")
    password = secrets.token_hex(8)
    with engine.connect() as connection:
        _execute(
            connection,
            f"DO $$ BEGIN CREATE ROLE {ROLE} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        )
        _execute(connection, f"ALTER ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{password}'")
        if not keep:
            _execute(connection, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        there = connection.execute(
            text("SELECT 1 FROM pg_database WHERE datname = :n"), {"n": DATABASE}
        ).first()
        if not there:
            _execute(connection, f"CREATE DATABASE {DATABASE}")
    admin = engine_url(url).set(drivername="postgresql", database=DATABASE)
    app = admin.set(username=ROLE, password=password)
    try:
        admin_url = admin.render_as_string(hide_password=False)
        upgrade(admin_url, ROLE)
        seconds = _fill(admin_url, districts)
        yield _describe(admin_url, app.render_as_string(hide_password=False), seconds)
    finally:
        if not keep:
            with engine.connect() as connection:
                _execute(connection, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        engine.dispose()


def _execute(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


def _fill(admin_url: str, districts: int) -> float | None:
    """Load the districts that are missing, one after the other; seconds, None when none was."""
    database = Database(admin_url, connections=2)
    begun = time.monotonic()
    try:
        with database.begin(SYSTEM) as connection:
            there = set(connection.scalars(text("SELECT place FROM onemap.region WHERE level = 6")))
        plans = islice(sizes.plans("city", _SEED, loading.moment(clock.now())), districts)
        missing = [plan for plan in plans if plan.district not in there]
        for number, plan in enumerate(missing, start=1):
            print(f"district {number} of {len(missing)}, {time.monotonic() - begun:.0f} s", file=sys.stderr)
            loading.load_district(database, plan, _MARK)
        if missing:
            # What autovacuum does within the hour: visibility for index-only scans, statistics for the planner.
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                _execute(connection, "VACUUM ANALYZE")
    finally:
        database.close()
    return time.monotonic() - begun if missing else None


def _describe(admin_url: str, app_url: str, seconds: float | None) -> Place:
    database = Database(admin_url, connections=2)
    try:
        with database.begin(SYSTEM) as connection:
            keys = sorted(connection.scalars(text("SELECT place FROM onemap.region WHERE level = 6")))
            rows = {
                name: int(connection.scalar(text(f"SELECT count(*) FROM onemap.{name}")) or 0)
                for name in _COUNTED
            }
        for login, scopes in ((WHOLE, keys), (PART, [STREET])):
            accounts.save_user(
                database, login=login, name="性能测试", role="leader", scopes=scopes, password=PASSWORD
            )
        box = describe_scope(database, accounts.sign_in(database, WHOLE, PASSWORD).reader).bounds
    finally:
        database.close()
    if box is None:
        raise RuntimeError("the place has no extent")
    return Place(app_url, box, rows, seconds)
