"""Whose rows an import finds again: those of the same account or scope, however others name files and number rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shapely
from sqlalchemy import text

from gisapp.domain import clock
from gisapp.domain.access import SYSTEM, Reader
from gisapp.errors import Conflict
from gisapp.services import events
from gisapp.services.importing.registry import importers
from gisapp.store.database import Database
from gisapp.store.tables import metadata
from tests.db import case_world as world
from tests.db.case_world import BEYOND, LONGITUDES, NEIGHBOUR, STREET, WEST, one, person, report
from tests.db.import_world import geojson, load, numbers, sheet

WANG = person(1, "王芳")
COLLEAGUE = person(2, "李强")
NEXT_DOOR = person(3, "孙莉", scope=NEIGHBOUR)
ABOVE = person(4, "街道", scope=STREET)

ADDED, UNCHANGED = (1, 0, 0, 0), (0, 0, 1, 0)


@pytest.fixture(scope="module", autouse=True)
def workers(database: Database) -> dict[str, int]:
    return world.build(database)


def _components(folder: Path, place: str, what: str) -> Path:
    rows = [["编号", "部件小类", "名称", "经度", "纬度"], ["1", "01037", what, LONGITUDES[place], 30.2705]]
    return sheet(folder / "components.csv", rows)


def _places(folder: Path, place: str, what: str) -> Path:
    rows = [["编号", "名称", "类别", "经度", "纬度"], ["1", what, "学校", LONGITUDES[place], 30.2705]]
    return sheet(folder / "places.csv", rows)


def _addresses(folder: Path, place: str, what: str) -> Path:
    rows = [
        ["编号", "地址编码", "地址", "经度", "纬度"],
        ["1", "A1", f"{what}路1号", LONGITUDES[place], 30.2705],
    ]
    return sheet(folder / "addresses.csv", rows)


def _cases(folder: Path, place: str, what: str) -> Path:
    head = ["案件编号", "事项小类", "上报时间", "办结时间", "描述", "经度", "纬度"]
    row = ["1", "01001", "2026-05-01 08:00", "2026-05-03 09:30", what, LONGITUDES[place], 30.2705]
    return sheet(folder / "cases.csv", [head, row])


def _shape(kind: str, make: Callable[[float], shapely.Geometry], **values: str) -> Callable[..., Path]:
    def write(folder: Path, place: str, what: str) -> Path:
        properties = {"来源编号": "1", "名称": what, **values}
        return geojson(folder / f"{kind}.geojson", [(make(LONGITUDES[place]), properties)])

    return write


def _square(lon: float) -> shapely.Polygon:
    return shapely.box(lon - 0.0001, 30.2704, lon + 0.0001, 30.2706)


FILES: dict[str, tuple[Callable[[Path, str, str], Path], str]] = {
    "components": (_components, "component"),
    "places": (_places, "poi"),
    "addresses": (_addresses, "address"),
    "cases": (_cases, "event"),
    "buildings": (_shape("buildings", _square), "building"),
    "green": (_shape("green", _square), "green"),
    "water": (_shape("water", _square), "water"),
    "streets": (
        _shape("streets", lambda lon: shapely.LineString([(lon, 30.2704), (lon, 30.2706)]), 道路等级="支路"),
        "road",
    ),
}
"""Every kind whose rows are found by source and number."""


def test_every_such_kind_is_tried() -> None:
    by_source = {
        kind for kind, i in importers().items() if i.key == ("source", "source_key") and i.store is None
    }
    assert by_source == set(FILES)
    unique = {
        table.name
        for table in metadata.sorted_tables
        for index in table.indexes
        if index.name == f"ux_{table.name}_source"
    }
    assert unique == {table for _, table in FILES.values()}


def _bring(
    database: Database, kind: str, folder: Path, who: Reader, place: str, what: str, name: str = ""
) -> Any:
    """Import a file of one row; ``name`` of the file, which is the kind's otherwise."""
    path = FILES[kind][0](folder, place, what)
    if name:
        path = path.rename(path.with_stem(name))
    return numbers(load(database, kind, path, reader=who))


def _rows(database: Database, kind: str) -> list[tuple[Any, ...]]:
    """Account, place and version of the rows of this kind's files."""
    with database.begin(SYSTEM) as connection:
        found = connection.execute(
            text(f"SELECT source_account, place, digest FROM {FILES[kind][1]} WHERE source = :s ORDER BY 1"),
            {"s": kind},
        )
        return [tuple(row) for row in found]


@pytest.mark.parametrize("kind", list(FILES))
def test_files_of_one_name_and_number_of_different_scopes_are_apart(
    database: Database, tmp_path: Path, kind: str
) -> None:
    assert _bring(database, kind, tmp_path, WANG, WEST, "甲") == ADDED
    assert _bring(database, kind, tmp_path, NEXT_DOOR, BEYOND, "乙") == ADDED
    # the street looks down on both communities, and changes the rows of neither
    assert _bring(database, kind, tmp_path, ABOVE, WEST, "丙") == ADDED
    before = _rows(database, kind)
    assert [(account, place) for account, place, _ in before] == [(1, WEST), (3, BEYOND), (4, WEST)]
    # everybody's own file again changes nothing, and a colleague of the same scope finds it too
    for who, place, what in (
        (WANG, WEST, "甲"),
        (COLLEAGUE, WEST, "甲"),
        (NEXT_DOOR, BEYOND, "乙"),
        (ABOVE, WEST, "丙"),
    ):
        assert _bring(database, kind, tmp_path, who, place, what) == UNCHANGED
    assert _rows(database, kind) == before
    # what the colleague changes stays the first one's, who may have a wider scope by now
    assert _bring(database, kind, tmp_path, COLLEAGUE, WEST, "丁") == (0, 1, 0, 0)
    assert [(account, place) for account, place, _ in _rows(database, kind)] == [
        (1, WEST),
        (3, BEYOND),
        (4, WEST),
    ]
    assert _rows(database, kind)[1:] == before[1:]
    wider = Reader(1, "user1", "王芳", WANG.role, type(WANG.scope)([WANG.scope.prefixes[0], NEIGHBOUR]))
    assert _bring(database, kind, tmp_path, wider, WEST, "丁") == UNCHANGED


def test_rows_from_before_belong_to_whoever_sees_them(database: Database, tmp_path: Path) -> None:
    assert _bring(database, "places", tmp_path, person(61, "甲"), WEST, "旧", "旧") == ADDED
    one(
        database,
        "UPDATE poi SET source_account = NULL, source_scope = NULL WHERE source_account = 61 RETURNING id",
    )
    assert (
        _bring(database, "places", tmp_path, person(62, "乙", scope=NEIGHBOUR), BEYOND, "旧", "旧") == ADDED
    )
    assert _bring(database, "places", tmp_path, person(63, "丙", scope=WEST), WEST, "旧", "旧") == UNCHANGED
    narrow = person(63, "丙", scope=WEST)
    assert _bring(database, "places", tmp_path, narrow, WEST, "新", "旧") == (0, 1, 0, 0)
    assert one(database, "SELECT count(*) FROM poi WHERE source_account = 63 AND name = '新'") == 1


def test_a_row_that_a_border_took_out_of_sight_is_named_without_telling_of_others(
    database: Database, tmp_path: Path
) -> None:
    who = person(71, "甲")
    assert _bring(database, "places", tmp_path, who, WEST, "界", "界") == ADDED
    one(database, "UPDATE poi SET place = :p WHERE source_account = 71 RETURNING id", p=BEYOND)
    with pytest.raises(Conflict, match="您先前导入"):
        _bring(database, "places", tmp_path, who, WEST, "界", "界")


def test_a_file_named_like_a_channel_leaves_reports_alone(database: Database, tmp_path: Path) -> None:
    case = report(database, WANG, source_key="1", description="井盖破损", channel="patrol")
    for name in ("patrol", "report", "platform", " "):
        path = _cases(tmp_path, WEST, "别的").rename(tmp_path / f"{name}.csv")
        assert numbers(load(database, "cases", path, reader=WANG)) == ADDED
    assert events.get(database, WANG, case["id"])["description"] == "井盖破损"
    assert report(database, WANG, source_key="1")["id"] == case["id"]


def test_one_number_of_two_files_is_two_cases_in_one_grid(database: Database, tmp_path: Path) -> None:
    for name in ("2024", "2025"):
        path = _cases(tmp_path, WEST, name).rename(tmp_path / f"{name}.csv")
        assert numbers(load(database, "cases", path, reader=WANG)) == ADDED
    beside = sheet(
        tmp_path / "2026.csv",
        [
            ["案件编号", "事项小类", "上报时间", "经度", "纬度"],
            ["1", "01001", "2026-05-01 08:00", LONGITUDES[world.EAST], 30.2705],
        ],
    )
    assert numbers(load(database, "cases", beside, reader=WANG)) == ADDED
    # and nothing bars the publication that brings all into one grid
    with database.begin(SYSTEM) as connection:
        connection.execute(text("UPDATE event SET place = :w WHERE place = :e"), {"w": WEST, "e": world.EAST})


def test_an_imported_case_keeps_its_instants_and_is_marked(database: Database, tmp_path: Path) -> None:
    who, before = person(81, "周涛"), clock.now()
    assert _bring(database, "cases", tmp_path, who, WEST, "旧案", "旧案") == ADDED
    case = one(database, "SELECT id FROM event WHERE source_account = 81")
    found = events.get(database, who, case)
    assert found["imported"] is True and found["closed_at"].isoformat() == "2026-05-03T09:30:00+08:00"
    assert [(s["action"], s["at"].isoformat(), s["stated_at"], s["imported"]) for s in found["steps"]] == [
        ("report", "2026-05-01T08:00:00+08:00", None, True),
        ("close", "2026-05-03T09:30:00+08:00", None, True),
    ]
    assert all(before <= step["recorded_at"] for step in found["steps"])
    assert found["in_time"] is False


def test_the_steps_of_an_imported_case_are_written_to_it_and_to_no_namesake(
    database: Database, tmp_path: Path
) -> None:
    mine, theirs = person(91, "甲"), person(92, "乙", scope=STREET)
    folder = tmp_path
    head = ["案件编号", "事项小类", "上报时间", "办结时间", "经度", "纬度"]
    still_open = ["7", "01001", "2026-05-01 08:00", "", LONGITUDES[WEST], 30.2705]
    path = sheet(folder / "七.csv", [head, still_open])
    assert numbers(load(database, "cases", path, reader=mine)) == ADDED
    assert numbers(load(database, "cases", path, reader=theirs)) == ADDED
    sheet(path, [head, [*still_open[:3], "2026-05-01 10:00", *still_open[4:]]])
    assert numbers(load(database, "cases", path, reader=theirs)) == (0, 1, 0, 0)
    steps = "SELECT count(*) FROM event_step s JOIN event e ON e.id = s.event_id WHERE e.source_account = :a"
    assert (one(database, steps, a=91), one(database, steps, a=92)) == (1, 2)
