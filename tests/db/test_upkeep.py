"""The record of changes is folded without any revision changing."""

from __future__ import annotations

from sqlalchemy import text

from gisapp.domain.access import SYSTEM
from gisapp.services.upkeep import fold_changes
from gisapp.store.database import Database


def _state(database: Database) -> tuple[int, int, int]:
    with database.begin(SYSTEM) as connection:
        return tuple(
            connection.execute(
                text(
                    "SELECT revision('{region}'), revision('{region,poi}'), (SELECT count(*) FROM data_change)"
                )
            ).one()
        )


def test_folding_keeps_every_revision(database: Database) -> None:
    with database.begin(SYSTEM) as connection:
        for number in range(5):
            connection.execute(
                text("INSERT INTO region(place, level, name) VALUES (:p, 2, 'x')"), {"p": f"{50 + number}"}
            )
        connection.execute(
            text(
                "INSERT INTO poi(place, name, kind, geom) VALUES ('50', 'x', '学校', ST_SetSRID(ST_MakePoint(120, 30), 4490))"
            )
        )
    region, both, rows = _state(database)
    assert (region, both, rows) == (5, 6, 6)
    fold_changes(database)
    fold_changes(database)
    assert _state(database) == (5, 6, 2)
    with database.begin(SYSTEM) as connection:
        connection.execute(text("UPDATE region SET name = 'y'"))
    assert _state(database) == (6, 7, 3)
