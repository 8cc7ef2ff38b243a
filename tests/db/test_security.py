"""Row security: what a transaction carries decides what it sees and may change, on every keyed table."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.store.database import Database, engine_url
from gisapp.store.security import keyed_tables
from gisapp.store.tables import metadata

HERE, THERE = "330103003051001", "330103005051001"
_SQUARE = "ST_Multi(ST_MakeEnvelope(120.16, 30.27, 120.161, 30.271, 4490))"


@pytest.fixture(scope="module", autouse=True)
def _two_places(database: Database) -> None:
    """The same few things in two communities of two streets."""
    with database.begin(SYSTEM) as connection:
        for place in (HERE, THERE):
            for length in (2, 4, 6, 9, 12):
                connection.execute(
                    text(
                        "INSERT INTO region(place, level, name, geom) "
                        f"VALUES (:place, :level, :place, {_SQUARE}) ON CONFLICT DO NOTHING"
                    ),
                    {"place": place[:length], "level": length},
                )
            building = connection.execute(
                text(f"INSERT INTO building(place, code, geom) VALUES (:p, 'b', {_SQUARE}) RETURNING id"),
                {"p": place},
            ).scalar_one()
            unit = connection.execute(
                text(
                    "INSERT INTO building_unit(place, building_id, name, number) VALUES (:p, :b, '1单元', 1) RETURNING id"
                ),
                {"p": place, "b": building},
            ).scalar_one()
            room = connection.execute(
                text(
                    "INSERT INTO room(place, building_id, unit_id, floor, number) VALUES (:p, :b, :u, 1, '101') RETURNING id"
                ),
                {"p": place, "b": building, "u": unit},
            ).scalar_one()
            connection.execute(
                text(
                    "INSERT INTO person(place, room_id, name, id_number, phone, birth_date, sex, residence) "
                    "VALUES (:p, :r, '测试甲', :n, '19900000000', '1950-01-01', '女', 'registered')"
                ),
                {"p": place, "r": room, "n": f"99{place}0"},
            )


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


@pytest.mark.parametrize("table", ["building", "building_unit", "room", "person"])
def test_a_reader_sees_the_own_street_only(
    database: Database, reader: Callable[..., Reader], table: str
) -> None:
    for scope, expected in ((HERE[:9], 1), (HERE, 1), (HERE[:6], 2), ("33", 2), ("3302", 0)):
        with database.begin(reader(Role.LEADER, scope)) as connection:
            assert _count(connection, table) == expected, scope


def test_without_a_scope_nothing_is_seen(database: Database, reader: Callable[..., Reader]) -> None:
    with database.begin(reader(Role.LEADER)) as connection:
        assert _count(connection, "building") == 0
        assert _count(connection, "region") == 0
    with database.engine.begin() as connection:
        assert _count(connection, "building") == 0


def test_regions_above_the_scope_are_seen_but_not_changed(
    database: Database, reader: Callable[..., Reader]
) -> None:
    with database.begin(reader(Role.MANAGER, HERE[:12])) as connection:
        seen = set(connection.scalars(text("SELECT place FROM region")))
        assert seen == {HERE[:n] for n in (2, 4, 6, 9, 12)}
        changed = connection.execute(text("UPDATE region SET name = 'x'")).rowcount
        assert changed == 1


def test_nothing_is_written_outside_the_scope(database: Database, reader: Callable[..., Reader]) -> None:
    with pytest.raises(ProgrammingError), database.begin(reader(Role.MANAGER, HERE[:12])) as connection:
        connection.execute(
            text(f"INSERT INTO building(place, code, geom) VALUES ('{THERE}', 'x', {_SQUARE})")
        )
    with pytest.raises(ProgrammingError), database.begin(reader(Role.MANAGER, HERE[:12])) as connection:
        connection.execute(text(f"UPDATE building SET place = '{THERE}'"))


def test_personal_columns_cannot_be_selected(database: Database, system: Reader) -> None:
    for column in ("name", "id_number", "phone", "birth_date", "*"):
        with pytest.raises(ProgrammingError), database.begin(system) as connection:
            connection.execute(text(f"SELECT {column} FROM person"))
    with database.begin(system) as connection:
        assert set(connection.scalars(text("SELECT name_masked FROM person"))) == {"测**"}


def test_a_look_at_a_person_needs_a_purpose_and_is_recorded(
    database: Database, reader: Callable[..., Reader]
) -> None:
    officer = reader(Role.WORKER, HERE, user_id=7)
    with database.begin(officer) as connection:
        person = connection.execute(text("SELECT id FROM person")).scalar_one()
        shown = connection.execute(
            text("SELECT * FROM reveal_person(:i, '上门走访核对')"), {"i": person}
        ).one()
        assert shown.name == "测试甲"
        look = connection.execute(text("SELECT user_id, subject_id, purpose FROM look")).one()
        assert tuple(look) == (7, person, "上门走访核对")
    with database.begin(reader(Role.WORKER, THERE)) as connection:
        assert (
            connection.execute(text("SELECT * FROM reveal_person(:i, '上门走访核对')"), {"i": person}).first()
            is None
        )
    with pytest.raises(DBAPIError), database.begin(officer) as connection:
        connection.execute(text("SELECT * FROM reveal_person(:i, ' ')"), {"i": person})


def test_the_record_of_looks_cannot_be_rewritten(
    database: Database, admin_url: str, reader: Callable[..., Reader]
) -> None:
    for statement in ("UPDATE look SET purpose = 'x'", "DELETE FROM look"):
        with pytest.raises(ProgrammingError), database.begin(reader(Role.ADMIN, "")) as connection:
            connection.execute(text(statement))
        owner = create_engine(engine_url(admin_url))
        with owner.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO onemap.look(place, user_id, kind, subject_id, fields, purpose) "
                    "VALUES ('33', 1, 'person', 1, '{}', '核对')"
                )
            )
        with pytest.raises(DBAPIError), owner.begin() as connection:
            connection.execute(text(statement.replace("look", "onemap.look")))
        owner.dispose()


def test_every_keyed_table_is_under_row_security(database: Database, system: Reader) -> None:
    with database.begin(system) as connection:
        secured = set(
            connection.scalars(
                text(
                    "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace "
                    "WHERE nspname = 'onemap' AND relrowsecurity"
                )
            )
        )
        assert secured >= {table.name for table in keyed_tables(metadata)}
        may_bypass = connection.execute(
            text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        ).scalar_one()
        assert may_bypass is False


def test_rekeying_a_building_carries_all_that_it_holds(connection: Connection) -> None:
    target = "330103003051009"
    connection.execute(text("UPDATE building SET place = :t WHERE place = :h"), {"t": target, "h": HERE})
    for table in ("building_unit", "room", "person"):
        places = set(connection.scalars(text(f"SELECT place FROM {table}")))
        assert places == {target, THERE}, table
