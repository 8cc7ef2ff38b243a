"""What a scope is called and where it lies; the room sheet of a building."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import create_engine, text

from gisapp.domain.access import Reader, Role
from gisapp.errors import Forbidden, NotFound, NotSignedIn
from gisapp.services import accounts
from gisapp.services.rooms import room_sheet
from gisapp.services.scopes import describe_scope
from gisapp.store.database import Database, engine_url

MakeReader = Callable[..., Reader]
_SQUARE = "ST_Multi(ST_MakeEnvelope(120.1, 30.2, 120.2, 30.3, 4490))"


@pytest.fixture(scope="module")
def place(database: Database, admin_url: str) -> Iterator[int]:
    """A district, a street, a community and one building with three rooms; the id of the building."""
    engine = create_engine(engine_url(admin_url))
    with engine.begin() as connection:
        connection.execute(
            text(
                f"""
                INSERT INTO onemap.region(place, level, name, geom) VALUES
                  ('330199', 6, '试验区', {_SQUARE}), ('330199001', 9, '东街道', {_SQUARE}),
                  ('330199001001', 12, '一社区', ST_Multi(ST_MakeEnvelope(120.11, 30.21, 120.12, 30.22, 4490)))
                """
            )
        )
        building: int = connection.execute(
            text(
                f"""
                INSERT INTO onemap.building(place, code, name, estate, geom)
                VALUES ('330199001001001', 'B1', '1幢', '和园', {_SQUARE}) RETURNING id
                """
            )
        ).scalar_one()
        unit = connection.execute(
            text(
                "INSERT INTO onemap.building_unit(place, building_id, name, number)"
                " VALUES ('330199001001001', :b, '1单元', 1) RETURNING id"
            ),
            {"b": building},
        ).scalar_one()
        for floor, number, use in ((2, "201", "vacant"), (1, "101", "rented"), (1, "102", "owner_occupied")):
            room = connection.execute(
                text(
                    "INSERT INTO onemap.room(place, building_id, unit_id, floor, number, use)"
                    " VALUES ('330199001001001', :b, :u, :f, :n, :use) RETURNING id"
                ),
                {"b": building, "u": unit, "f": floor, "n": number, "use": use},
            ).scalar_one()
            if number == "101":
                connection.execute(
                    text(
                        "INSERT INTO onemap.person(place, room_id, name, id_number, birth_date, sex, residence) VALUES"
                        " ('330199001001001', :r, '张三丰', 'X1', '1980-01-01', '男', 'floating'),"
                        " ('330199001001001', :r, '李四', 'X2', '1985-01-01', '女', 'floating')"
                    ),
                    {"r": room},
                )
    engine.dispose()
    yield building


def test_a_scope_is_named_from_the_district_down(place: int, database: Database, reader: MakeReader) -> None:
    found = describe_scope(database, reader(Role.MANAGER, "330199001001"))
    assert found.name == "试验区 东街道 一社区"
    assert found.short == "一社区"
    assert found.bounds == pytest.approx((120.11, 30.21, 120.12, 30.22))


def test_the_whole_country_is_named_by_the_highest_regions_drawn(
    place: int, database: Database, reader: MakeReader
) -> None:
    found = describe_scope(database, reader(Role.PLANNER, ""))
    assert "试验区" in found.name
    assert found.bounds is not None


def test_a_scope_where_nothing_is_drawn_has_no_box(
    place: int, database: Database, reader: MakeReader
) -> None:
    found = describe_scope(database, reader(Role.MANAGER, "440101"))
    assert found.bounds is None
    assert found.name == "440101"


def test_the_room_sheet_shows_floors_from_the_top_and_masked_names(
    place: int, database: Database, reader: MakeReader
) -> None:
    sheet = room_sheet(database, reader(Role.MANAGER, "330199001"), place)
    assert sheet.title == "和园 1幢"
    assert [floor for floor, _ in sheet.units[0].floors] == [2, 1]
    rented = sheet.units[0].floors[1][1][0]
    assert (rented.number, rented.occupancy, rented.rented, rented.people) == ("101", "floating", True, 2)
    assert set(rented.names) == {"张**", "李*"}
    assert sheet.counts["vacant"] == 1
    assert sheet.counts["unknown"] == 1
    assert sheet.rooms == 3


def test_the_room_sheet_of_another_scope_does_not_exist(
    place: int, database: Database, reader: MakeReader
) -> None:
    with pytest.raises(NotFound):
        room_sheet(database, reader(Role.MANAGER, "330199002"), place)


def test_an_account_without_a_scope_is_told_so_at_the_sign_in(database: Database) -> None:
    accounts.save_user(
        database, login="unplaced", name="新人", role="leader", scopes=[], password="long-enough"
    )
    with pytest.raises(Forbidden, match="还没有管辖范围") as refused:
        accounts.sign_in(database, "unplaced", "long-enough")
    assert "指定辖区" in (refused.value.remedy or "")
    with pytest.raises(NotSignedIn):
        accounts.sign_in(database, "unplaced", "wrong-password")
    accounts.add_scope(database, "unplaced", "330199001")
    assert accounts.sign_in(database, "unplaced", "long-enough").reader.scope.prefixes == ("330199001",)
