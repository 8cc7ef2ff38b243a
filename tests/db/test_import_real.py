"""Real files, each twice: the second time changes nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from gisapp.domain.access import SYSTEM
from gisapp.domain.keys import PlaceKey
from gisapp.services.importing.locating import Fallback
from gisapp.services.importing.order import Order
from gisapp.services.importing.osm import import_osm
from gisapp.services.importing.report import write_report
from gisapp.store.database import Database
from tests.db.import_world import load, numbers, scalar, snapshot
from tests.shared_data import shared

HELSINKI = Fallback(PlaceKey("990358"), "赫尔辛基")
TABLES = ("building", "road", "water", "green", "poi", "component", "address", "region")


@pytest.fixture(scope="module")
def helsinki(database: Database):
    order = Order("", shared("osm/Helsinki.osm.pbf"), "", fallback=HELSINKI)
    return {outcome.kind: outcome for outcome in import_osm(database, SYSTEM, order)}


def test_the_centre_of_helsinki(database, helsinki):
    buildings, streets, components = helsinki["buildings"], helsinki["streets"], helsinki["components"]
    # 494 outlines of buildings are in the file, 48 of them cut off by its edge
    assert buildings.total >= 494 and buildings.added >= 475 and buildings.repaired >= 30
    assert streets.added >= 2400 and components.added >= 1790
    counts = "SELECT type_code, count(*) FROM component WHERE source = 'osm' GROUP BY type_code"
    with database.begin(SYSTEM) as connection:
        found = dict(connection.execute(text(counts)).all())
    assert found["01037"] == 586  # lamps
    assert found["04003"] + found.get("04002", 0) == 649  # trees
    assert found["04007"] == 165  # benches
    manholes = ("01001", "01002", "01003", "01005", "01007", "01010", "01011", "01017", "01023")
    # 397 say of what they are the cover; a few more are only said to be covers
    assert 397 <= sum(found.get(code, 0) for code in manholes) <= 402


def test_what_helsinki_says_of_its_buildings(database, helsinki):
    assert (
        scalar(database, "SELECT count(*) FROM building WHERE source = 'osm' AND NOT ST_IsValid(geom)") == 0
    )
    assert scalar(database, "SELECT count(*) FROM building WHERE floors IS NOT NULL") > 100
    assert scalar(database, "SELECT count(*) FROM building WHERE source_key LIKE 'relation/%'") >= 60
    assert scalar(database, "SELECT max(ST_NumInteriorRings(ST_GeometryN(geom, 1))) FROM building") > 0
    assert scalar(database, "SELECT count(*) FROM address WHERE building_id IS NOT NULL") > 100
    assert scalar(database, "SELECT count(DISTINCT place) FROM building") == 1


def test_helsinki_again_changes_nothing(database, helsinki):
    before = [snapshot(database, table) for table in TABLES]
    order = Order("", shared("osm/Helsinki.osm.pbf"), "", fallback=HELSINKI)
    for outcome in import_osm(database, SYSTEM, order):
        assert (outcome.added, outcome.changed) == (0, 0)
        assert outcome.unchanged == helsinki[outcome.kind].added
    assert [snapshot(database, table) for table in TABLES] == before


@pytest.mark.parametrize(
    ("kind", "file", "added", "refused"),
    [
        ("buildings", "osm/shanghai_bund_buildings.geojson", 1450, 67),
        ("streets", "osm/shanghai_bund_roads.geojson", 1784, 137),
        ("places", "osm/shanghai_bund_pois.geojson", 318, 176),
        ("places", "poi/shanghai_school.csv", 6149, 2),
        ("places", "poi/shanghai_hospital.csv", 7513, 0),
    ],
)
def test_shanghai_twice(database, tmp_path, kind, file, added, refused):
    path = shared(file)
    first = load(database, kind, path, "WGS84", place="310101", place_name="黄浦区")
    assert numbers(first) == (added, 0, 0, refused)
    assert first.total == len({r.row for r in first.findings.refusals}) + (
        added if kind != "streets" else 1641
    )
    assert write_report(first, tmp_path / "report.xlsx").stat().st_size > 0
    before = [snapshot(database, table) for table in TABLES]
    second = load(database, kind, path, "WGS84", place="310101")
    assert numbers(second) == (0, 0, added, refused)
    assert [snapshot(database, table) for table in TABLES] == before


def test_heights_of_the_bund(database):
    shared("osm/shanghai_bund_buildings.geojson")
    with_height = (
        "SELECT count(*) FROM building WHERE source = 'shanghai_bund_buildings' AND height IS NOT NULL"
    )
    assert scalar(database, with_height) == 692


def test_boston_cases_of_a_year(database):
    stated = {
        "mapping": {
            "案件编号": "CASE_ENQUIRY_ID",
            "经度": "LONGITUDE",
            "纬度": "LATITUDE",
            "责任单位": "Department",
            "标题": "TYPE",
        },
        "values": {"事项小类": "06036", "来源": "热线"},
    }
    packed = shared("events/boston_311_2015.csv.gz")
    import gzip

    lines = gzip.decompress(packed.read_bytes()).splitlines(keepends=True)[:3001]
    path = packed.parent
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "boston.csv"
        path.write_bytes(b"".join(lines))
        first = load(database, "cases", path, "WGS84", place="990617", place_name="波士顿", **stated)
        assert first.added + first.refused == 3000 and first.added > 2500
        second = load(database, "cases", path, "WGS84", place="990617", **stated)
        assert (second.added, second.changed) == (0, 0)
