"""Every kind of data from a file into its register, twice, and what is refused."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
import shapely
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError

from gisapp.domain.access import SYSTEM, Role
from gisapp.domain.identity import credit_code_check, resident_id_check
from gisapp.errors import Forbidden, InputError
from gisapp.services.importing.keys import digest_key
from gisapp.services.importing.report import write_report
from gisapp.store.database import Database, engine_url
from tests.db import import_world as world
from tests.db.import_world import COMMUNITY, EAST, WEST, load, numbers, reasons, scalar, sheet, snapshot


@pytest.fixture(scope="module")
def place(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """The database with the small place in it."""
    world.build(database, tmp_path_factory.mktemp("world"))
    return database


def citizen(serial: int) -> str:
    """An identity number of an unassigned district."""
    first = f"339901199001{serial % 28 + 1:02d}{serial:03d}"
    return first + resident_id_check(first)


def company(serial: int) -> str:
    first = f"91330199MA{serial:07d}"
    return first + credit_code_check(first)


# -- places -----------------------------------------------------------------------------------------------------------


def test_grids_make_their_community_and_a_first_version(place):
    assert scalar(place, "SELECT name FROM region WHERE place = :c", c=COMMUNITY) == "浙大御跸社区"
    assert scalar(place, "SELECT count(*) FROM grid WHERE valid_to IS NULL") == 2
    assert scalar(place, "SELECT status FROM grid_version WHERE place = :c", c=COMMUNITY) == "in_force"


def test_the_same_grids_again_change_nothing(place, tmp_path):
    before = snapshot(place, "grid")
    path = world.geojson(tmp_path / "grids.geojson", [(s, {"网格编码": c}) for c, s in world.GRIDS.items()])
    assert numbers(load(place, "grids", path)) == (0, 0, 2, 0)
    assert snapshot(place, "grid") == before


def test_grids_that_do_not_tile_are_refused_together(place, tmp_path):
    before = snapshot(place, "grid")
    short = world.square(world.LON, world.LAT, 0.003)
    path = world.geojson(
        tmp_path / "g.geojson", [(short, {"网格编码": WEST}), (world.GRIDS[EAST], {"网格编码": EAST})]
    )
    outcome = load(place, "grids", path)
    assert numbers(outcome) == (0, 0, 0, 2)
    bow = shapely.Polygon([(120.1, 30.2), (120.1001, 30.2001), (120.1001, 30.2), (120.1, 30.2001)])
    half = [
        (bow, {"网格编码": WEST}),
        (world.GRIDS[EAST], {"网格编码": EAST}),
        (None, {"网格编码": f"{COMMUNITY}003"}),
    ]
    assert load(place, "grids", world.geojson(tmp_path / "h.geojson", half)).refused == 3
    assert snapshot(place, "grid") == before


def test_hairline_gaps_between_grids_are_closed(database, tmp_path):
    other = "330103002051"
    left = world.square(120.2, 30.2, 0.004)
    right = shapely.Polygon([(120.204002, 30.2), (120.208, 30.2), (120.208, 30.204), (120.204001, 30.204)])
    rows = [(left, {"网格编码": f"{other}001"}), (right, {"网格编码": f"{other}002"})]
    outcome = load(database, "grids", world.geojson(tmp_path / "g.geojson", rows))
    assert numbers(outcome) == (2, 0, 0, 0) and outcome.repaired >= 1
    with database.begin(SYSTEM) as connection:
        shapes = connection.execute(
            text("SELECT ST_AsBinary(geom) FROM grid WHERE community = :c ORDER BY place"), {"c": other}
        ).scalars()
        assert shapely.coverage_is_valid(shapely.from_wkb([bytes(s) for s in shapes]))


def test_regions_take_their_level_from_the_code(place, tmp_path):
    rows = [
        (world.square(120.1, 30.2, 0.2), {"行政区划代码": "330103", "名称": "下城区"}),
        (world.square(120.1, 30.2, 0.1), {"行政区划代码": "33010", "名称": "错"}),
        (world.square(120.1, 30.2, 0.1), {"行政区划代码": WEST, "名称": "网格"}),
    ]
    path = world.geojson(tmp_path / "regions.geojson", rows)
    outcome = load(place, "regions", path)
    assert numbers(outcome)[3] == 2
    assert scalar(place, "SELECT level FROM region WHERE place = '330103'") == 6
    assert numbers(load(place, "regions", path)) == (0, 0, 1, 2)


def test_buildings_know_their_grid_and_keep_their_attributes(place):
    row = scalar(place, "SELECT to_jsonb(b) - 'geom' FROM building b WHERE source_key = 'b1'")
    assert row["place"] == WEST and row["floors"] == 6 and row["estate"] == "锦绣苑" and row["code"] == "b1"


def test_an_address_in_a_building_is_tied_to_it(place):
    assert scalar(place, "SELECT building_id FROM address WHERE code = 'A1'") == scalar(
        place, "SELECT id FROM building"
    )


def test_a_change_updates_one_row_and_a_move_gives_a_new_place(place, tmp_path):
    head = ["编号", "部件小类", "经度", "纬度", "状态"]
    path = sheet(
        tmp_path / "部件.csv",
        [head, ["L1", "路灯", 120.161, 30.281, "完好"], ["L2", "0407", 120.165, 30.281, ""]],
    )
    assert numbers(load(place, "components", path)) == (2, 0, 0, 0)
    assert scalar(place, "SELECT array_agg(type_code || place ORDER BY code) FROM component") == [
        f"01037{WEST}",
        f"04007{EAST}",
    ]
    sheet(path, [head, ["L1", "路灯", 120.165, 30.281, "破损"], ["L2", "0407", 120.165, 30.281, ""]])
    assert numbers(load(place, "components", path)) == (0, 1, 1, 0)
    assert scalar(place, "SELECT state || place FROM component WHERE source_key = 'L1'") == f"damaged{EAST}"
    before = snapshot(place, "component")
    assert numbers(load(place, "components", path)) == (0, 0, 2, 0)
    assert snapshot(place, "component") == before


def test_unknown_components_say_what_to_write(place, tmp_path):
    rows = [
        ["部件小类", "经度", "纬度"],
        ["宇宙飞船", 120.161, 30.281],
        ["0601", 120.161, 30.281],
        ["", 120.161, 30.281],
    ]
    outcome = load(place, "components", sheet(tmp_path / "a.csv", rows))
    assert numbers(outcome) == (0, 0, 0, 3)
    assert [r.row for r in outcome.findings.refusals] == [2, 3, 4]
    assert all(r.remedy for r in outcome.findings.refusals)


def test_places_from_a_gcj02_workbook_with_a_title(place, tmp_path):
    from gisapp.analytics.crs import wgs84_to_gcj02

    lon, lat = wgs84_to_gcj02(120.1612, 30.2812)
    book = openpyxl.Workbook()
    for row in (
        ["场所登记表"],
        ["场所名称", "类型", "经度", "纬度"],
        ["第二小学", "学校", float(lon), float(lat)],
    ):
        book.active.append(row)
    book.save(tmp_path / "场所.xlsx")
    outcome = load(place, "places", tmp_path / "场所.xlsx", "GCJ-02")
    assert numbers(outcome) == (1, 0, 0, 0)
    stored = scalar(place, "SELECT ARRAY[ST_X(geom), ST_Y(geom)] FROM poi WHERE name = '第二小学'")
    assert stored == pytest.approx([120.1612, 30.2812], abs=1e-7)


def test_streets_of_several_parts_and_their_classes(place, tmp_path):
    far = shapely.MultiLineString(
        [[(120.161, 30.281), (120.162, 30.281)], [(120.161, 30.282), (120.162, 30.282)]]
    )
    rows = [
        (far, {"id": 1, "highway": "residential", "name": "天水巷"}),
        (
            shapely.LineString([(120.161, 30.283), (120.162, 30.283)]),
            {"id": 2, "highway": "motorway", "name": ""},
        ),
        (
            shapely.LineString([(120.161, 30.283), (120.162, 30.283)]),
            {"id": 3, "highway": "rail", "name": ""},
        ),
    ]
    path = world.geojson(tmp_path / "roads.geojson", rows)
    assert numbers(load(place, "streets", path, "WGS84")) == (3, 0, 0, 1)
    assert numbers(load(place, "streets", path, "WGS84")) == (0, 0, 3, 1)
    assert scalar(
        place, "SELECT array_agg(source_key ORDER BY source_key) FROM road WHERE source = 'roads'"
    ) == ["1", "1/2", "2"]
    assert scalar(place, "SELECT walkable FROM road WHERE source_key = '2'") is False


# -- registers --------------------------------------------------------------------------------------------------------

PEOPLE = ["姓名", "身份证号", "住址", "人口类型", "手机号"]
HOME = "浙江省杭州市下城区长庆街道天水巷 12 号锦绣苑3栋"


def test_people_find_their_room_by_the_text_of_the_address(place, tmp_path):
    rows = [
        PEOPLE,
        ["王小明", citizen(1), f"{HOME}2单元502室", "户籍", "13800000001"],
        ["欧阳娜娜", citizen(2), f"{HOME}1单元501", "流动", ""],
        ["无单元", citizen(3), f"{HOME}501室", "常住", ""],
        ["无此房", citizen(4), f"{HOME}1单元999室", "常住", ""],
        ["无此楼", citizen(5), "长庆街道天水巷99号1单元501室", "常住", ""],
        ["没到室", citizen(6), HOME, "常住", ""],
    ]
    path = sheet(tmp_path / "人口.csv", rows)
    outcome = load(place, "people", path, "")
    assert numbers(outcome) == (2, 0, 0, 4)
    assert reasons(outcome) == [
        (4, "该楼栋有几间同号房屋，缺少单元"),
        (5, "该楼栋没有这间房屋"),
        (6, "没有这个楼栋的标准地址"),
        (7, "住址没有写到室"),
    ]
    found = scalar(
        place,
        "SELECT u.number || '-' || r.number || '-' || p.place || '-' || p.residence || '-' || p.name_masked || '-' || p.sex "
        "FROM person p JOIN room r ON r.id = p.room_id JOIN building_unit u ON u.id = r.unit_id ORDER BY p.id LIMIT 1",
    )
    assert found == f"2-502-{WEST}-registered-王**-男"
    assert scalar(place, "SELECT sum(people) FROM building_population") == 2
    before = snapshot(place, "person")
    assert numbers(load(place, "people", path, "")) == (0, 0, 2, 4)
    assert snapshot(place, "person") == before


def test_a_known_person_of_another_file_is_updated_not_doubled(place, tmp_path):
    rows = [PEOPLE, ["王小明", citizen(1), f"{HOME}2单元501室", "常住", "13800000009"]]
    assert numbers(load(place, "people", sheet(tmp_path / "新表.csv", rows), "")) == (0, 1, 0, 0)
    assert scalar(place, "SELECT count(*) FROM person") == 2
    assert scalar(place, "SELECT residence FROM person WHERE name_masked = '王**'") == "resident"


def digest_of(admin_url: str, number: str) -> str:
    """What the table keeps of a person, which only its owner may read."""
    engine = create_engine(engine_url(admin_url))
    with engine.connect() as connection:
        asked = text("SELECT digest FROM onemap.person WHERE id_number = :n")
        found = str(connection.execute(asked, {"n": number}).scalar_one())
    engine.dispose()
    return found


def test_the_digest_of_a_person_cannot_be_tried_out(place, tmp_path, admin_url):
    rows = [PEOPLE, ["钱一", citizen(31), f"{HOME}1单元502室", "户籍", "13800000031"]]
    path = sheet(tmp_path / "钱.csv", rows)
    first, second = digest_key(tmp_path / "a"), digest_key(tmp_path / "b")
    assert first != second and len(first) == 32
    assert numbers(load(place, "people", path, "", key=first)) == (1, 0, 0, 0)
    kept = digest_of(admin_url, citizen(31))
    with pytest.raises(ProgrammingError):
        scalar(place, "SELECT digest FROM person LIMIT 1")
    # the same key, read again as after a restart: nothing changes
    assert numbers(load(place, "people", path, "", key=digest_key(tmp_path / "a"))) == (0, 0, 1, 0)
    assert digest_of(admin_url, citizen(31)) == kept
    # another key (the old one was lost): updated, not doubled, and then at rest again
    before = scalar(place, "SELECT count(*) FROM person")
    assert numbers(load(place, "people", path, "", key=second)) == (0, 1, 0, 0)
    assert numbers(load(place, "people", path, "", key=second)) == (0, 0, 1, 0)
    assert scalar(place, "SELECT count(*) FROM person") == before
    assert digest_of(admin_url, citizen(31)) != kept
    with pytest.raises(ValueError, match="need a key"):
        load(place, "people", path, "", key=b"")


def test_wrong_people_are_refused_and_never_shown(place, tmp_path):
    bad = citizen(7)[:-1] + ("0" if citizen(7)[-1] != "0" else "1")
    rows = [
        PEOPLE,
        ["赵铁柱", bad, f"{HOME}2单元502室", "户籍", "123"],
        ["赵铁柱", citizen(8), f"{HOME}2单元502室", "外星", ""],
    ]
    outcome = load(place, "people", sheet(tmp_path / "人口.csv", rows), "")
    assert {(r.row, r.field) for r in outcome.findings.refusals} == {
        (2, "身份证号"),
        (2, "电话"),
        (3, "居住类型"),
    }
    report = write_report(outcome, tmp_path / "r.xlsx")
    cells = [
        str(c)
        for s in openpyxl.load_workbook(report)
        for row in s.iter_rows(values_only=True)
        for c in row
        if c
    ]
    assert not any(bad in c or "赵铁柱" in c or "502室" in c for c in cells)
    assert any(c.startswith("3399") and "*" in c for c in cells)


def test_organisations_with_coordinates_with_an_address_and_without_either(place, tmp_path):
    head = ["企业名称", "统一社会信用代码", "住所", "经度", "纬度"]
    rows = [
        head,
        ["甲公司", company(1), "", 120.165, 30.281],
        ["乙公司", company(2), "天水巷12号锦绣苑3幢", "", ""],
        ["丙公司", company(3), "不知何处1号", "", ""],
        ["丁公司", company(4)[:-1] + "?", "", 120.165, 30.281],
        ["甲分店", company(1), "", 120.166, 30.281],
    ]
    path = sheet(tmp_path / "单位.csv", rows)
    outcome = load(place, "organisations", path)
    assert numbers(outcome) == (2, 0, 0, 3)
    assert [row for row, _ in reasons(outcome)] == [4, 5, 6]
    assert scalar(
        place, "SELECT building_id IS NOT NULL AND place = :w FROM organisation WHERE name = '乙公司'", w=WEST
    )
    other = sheet(tmp_path / "另一份.csv", [head, ["甲公司", company(1), "", 120.165, 30.281]])
    assert numbers(load(place, "organisations", other)) == (0, 0, 1, 0)


def test_cases_keep_the_log_that_the_file_proves(place, tmp_path):
    head = ["案件编号", "事项小类", "上报时间", "办结时间", "经度", "纬度", "来源"]
    rows = [
        head,
        ["C1", "暴露垃圾", "2026-05-01 08:30", "2026-05-01 20:00", 120.161, 30.281, "12345"],
        ["C2", "路灯", "2026-05-02 08:30", "", 120.165, 30.281, "网格员上报"],
        ["C3", "06010", "2026-05-03 08:30", "2026-05-02 08:30", 120.165, 30.281, ""],
        ["", "06010", "2026-05-03 08:30", "", 120.165, 30.281, ""],
    ]
    path = sheet(tmp_path / "案件.csv", rows)
    outcome = load(place, "cases", path)
    assert numbers(outcome) == (2, 0, 0, 2)
    steps = "SELECT array_agg(action ORDER BY s.number) FROM event_step s JOIN event e ON e.id = event_id WHERE e.number = :n"
    assert scalar(place, steps, n="C1") == ["report", "close"] and scalar(place, steps, n="C2") == ["report"]
    assert numbers(load(place, "cases", path)) == (0, 0, 2, 2)
    assert scalar(place, "SELECT count(*) FROM event_step") == 3
    rows[2][3] = "2026-05-02 12:00"
    assert numbers(load(place, "cases", sheet(path, rows))) == (0, 1, 1, 2)
    assert scalar(place, steps, n="C2") == ["report", "close"]


def test_fixes_are_facts_of_known_workers(place, tmp_path):
    with place.begin(SYSTEM) as connection:
        connection.execute(
            text("INSERT INTO grid_worker(place, code, name) VALUES (:p, 'G01', '小周')"), {"p": WEST}
        )
    head = ["工号", "定位时间", "经度", "纬度", "精度"]
    rows = [
        head,
        ["G01", "2026-05-01 08:30:00", 120.161, 30.281, 5],
        ["G01", "2026-05-01T00:30:10Z", 120.165, 30.281, ""],
        ["G99", "2026-05-01 08:30:00", 120.161, 30.281, 5],
        ["G01", "2099-05-01 08:30:00", 120.161, 30.281, 5],
    ]
    path = sheet(tmp_path / "定位.csv", rows)
    assert numbers(load(place, "fixes", path, "WGS84")) == (2, 0, 0, 2)
    assert numbers(load(place, "fixes", path, "WGS84")) == (0, 0, 2, 2)
    assert scalar(place, "SELECT array_agg(accuracy ORDER BY at) FROM fix") == [5, None]


# -- places of rows, scope, dry runs ----------------------------------------------------------------------------------


def test_rows_outside_every_place_need_a_stated_one(place, tmp_path):
    path = sheet(
        tmp_path / "远方.csv", [["名称", "类别", "经度", "纬度"], ["远方小学", "学校", 24.94, 60.17]]
    )
    outcome = load(place, "places", path)
    assert reasons(outcome) == [(2, "不在任何网格或区划内")]
    with pytest.raises(InputError, match="还没有编码"):
        load(place, "places", path, place="990001")
    assert numbers(load(place, "places", path, place="990001", place_name="赫尔辛基")) == (1, 0, 0, 0)
    assert scalar(place, "SELECT name FROM region WHERE place = '99'") == "境外"
    assert scalar(
        place,
        "SELECT ST_Covers(geom, ST_SetSRID(ST_MakePoint(24.94, 60.17), 4490)) FROM region WHERE place = '990001'",
    )
    before = snapshot(place, "region")
    assert numbers(load(place, "places", path, place="990001")) == (0, 0, 1, 0)
    assert snapshot(place, "region") == before


def test_a_stated_place_must_agree_with_the_position(place, tmp_path):
    head = ["名称", "类别", "经度", "纬度", "所属网格"]
    rows = [
        head,
        ["一", "学校", 120.161, 30.281, WEST],
        ["二", "学校", 120.161, 30.281, EAST],
        ["三", "学校", 120.161, 30.281, COMMUNITY],
    ]
    rows += [["四", "学校", 120.161, 30.281, "330103001051999"], ["五", "学校", 120.161, 30.281, "x"]]
    outcome = load(place, "places", sheet(tmp_path / "网格.csv", rows))
    assert numbers(outcome) == (2, 0, 0, 3) and [row for row, _ in reasons(outcome)] == [3, 5, 6]


def test_a_manager_imports_within_the_scope_only(place, reader, tmp_path):
    head = ["名称", "类别", "经度", "纬度"]
    path = sheet(
        tmp_path / "两处.csv", [head, ["东", "学校", 120.165, 30.281], ["西", "学校", 120.161, 30.281]]
    )
    outcome = load(place, "places", path, reader=reader(Role.MANAGER, WEST))
    assert numbers(outcome)[0] == 1 and outcome.findings.refusals[0].row == 2
    with pytest.raises(Forbidden):
        load(place, "places", path, reader=reader(Role.PLANNER, WEST))


def test_a_dry_run_counts_and_stores_nothing(place, tmp_path):
    path = sheet(
        tmp_path / "试.csv",
        [["名称", "类别", "经度", "纬度"], ["试验小学", "学校", 120.161, 30.281], ["", "学校", 1, 1]],
    )
    before = snapshot(place, "poi"), scalar(place, "SELECT count(*) FROM import_run")
    outcome = load(place, "places", path, dry_run=True)
    assert numbers(outcome) == (1, 0, 0, 1) and outcome.run is None
    assert (snapshot(place, "poi"), scalar(place, "SELECT count(*) FROM import_run")) == before


def test_every_import_leaves_a_record_and_is_found_by_the_search(place, tmp_path):
    path = sheet(
        tmp_path / "记录.csv", [["名称", "类别", "经度", "纬度"], ["万寿亭菜场", "购物", 120.161, 30.281]]
    )
    outcome = load(place, "places", path)
    summary = scalar(place, "SELECT summary FROM import_run WHERE id = :i", i=outcome.run)
    assert summary["新增"] == 1 and summary["来源"] == "记录"
    assert scalar(place, "SELECT count(*) FROM search_entry WHERE title = '万寿亭菜场'") == 1


def test_columns_and_values_that_the_user_states(place, tmp_path):
    path = sheet(tmp_path / "对应.csv", [["mc", "jd", "wd"], ["甲", 120.161, 30.281]])
    with pytest.raises(InputError, match="名称、类别、经度") as caught:
        load(place, "places", path)
    assert "mc" in (caught.value.remedy or "")
    stated = {"mapping": {"名称": "mc", "lon": "jd", "纬度": "wd"}, "values": {"类别": "学校"}}
    assert numbers(load(place, "places", path, **stated)) == (1, 0, 0, 0)


def test_what_stands_twice_in_a_file_is_refused_once(place, tmp_path):
    head = ["编号", "部件小类", "经度", "纬度"]
    rows = [
        head,
        ["D1", "路灯", 120.161, 30.281],
        ["D1", "路灯", 120.161, 30.281],
        ["D1", "路灯", 120.1611, 30.281],
    ]
    outcome = load(place, "components", sheet(tmp_path / "重复.csv", rows))
    assert numbers(outcome) == (1, 0, 0, 2)
    assert reasons(outcome) == [(3, "与第 2 行完全相同"), (4, "与第 2 行编号相同而内容不同")]


def test_pieces_of_one_line_are_kept_apart_by_their_position(place, tmp_path):
    rows = [
        (
            shapely.LineString([(120.161 + i / 1000, 30.281), (120.1615 + i / 1000, 30.281)]),
            {"id": 7, "highway": "footway"},
        )
        for i in range(3)
    ]
    path = world.geojson(tmp_path / "tiles.geojson", rows)
    outcome = load(place, "streets", path, "WGS84")
    assert numbers(outcome) == (3, 0, 0, 0) and any("同一对象的几段" in note for note in outcome.notes)
    world.geojson(path, list(reversed(rows)))
    assert numbers(load(place, "streets", path, "WGS84")) == (0, 0, 3, 0)


def test_a_file_that_states_another_system_is_refused(place, tmp_path):
    import geopandas as gpd

    frame = gpd.GeoDataFrame(
        {"名称": ["甲"], "类别": ["学校"]}, geometry=[shapely.Point(120.161, 30.281)], crs=4490
    )
    frame.to_crs(4549).to_file(tmp_path / "a.gpkg")
    with pytest.raises(InputError, match="不符"):
        load(place, "places", tmp_path / "a.gpkg", "CGCS2000")
    with pytest.raises(InputError, match="没有声明坐标系"):
        load(place, "places", tmp_path / "a.gpkg", "")
    assert numbers(load(place, "places", tmp_path / "a.gpkg", "EPSG:4549")) == (1, 0, 0, 0)


def test_unknown_kinds_name_the_known_ones(place, tmp_path):
    with pytest.raises(InputError) as caught:
        load(place, "dragons", tmp_path / "a.csv")
    assert "buildings（楼栋）" in (caught.value.remedy or "")
    assert Path(tmp_path / "a.csv").exists() is False
