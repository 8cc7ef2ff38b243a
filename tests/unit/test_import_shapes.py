"""Geometry on its way in: systems that contradict, shapes that do not fit, rings that are broken."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS

from gisapp.analytics import crs as systems
from gisapp.analytics.fabric import locate as reference
from gisapp.analytics.placing import place_points
from gisapp.errors import InputError
from gisapp.services.importing.findings import Findings
from gisapp.services.importing.shapes import Shape, check_own_crs, from_wkt, locate_points, locate_shapes

ESRI = (
    'PROJCS["CGCS2000_3_Degree_GK_CM_120E",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",'
    'DATUM["D_China_2000",SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],'
    'UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],PARAMETER["False_Easting",500000.0],'
    'PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",120.0],PARAMETER["Scale_Factor",1.0],'
    'PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)


@pytest.mark.parametrize(
    ("own", "stated", "fine"),
    [
        ("EPSG:4326", "WGS84", True),
        ("EPSG:4326", "CGCS2000", True),
        ("EPSG:4490", "WGS84", True),
        ("OGC:CRS84", "WGS84", True),
        ("EPSG:4326", "GCJ02", True),
        ("EPSG:4549", "EPSG:4549", True),
        (ESRI, "EPSG:4549", True),
        (ESRI, "EPSG:4528", False),
        (ESRI, "WGS84", False),
        ("EPSG:4549", "EPSG:4547", False),
        ("EPSG:4549", "EPSG:4528", False),
        ("EPSG:4549", "GCJ02", False),
        ("EPSG:4326", "EPSG:4549", False),
        ("EPSG:2384", "EPSG:4549", False),
        ("EPSG:4610", "CGCS2000", False),
        ("EPSG:4214", "WGS84", False),
        ("EPSG:32650", "EPSG:32650", True),
        ("EPSG:32650", "EPSG:32651", False),
    ],
)
def test_a_files_own_system_against_the_stated_one(own, stated, fine):
    system = systems.parse_crs(stated)
    if fine:
        note = check_own_crs(CRS.from_user_input(own), system)
        assert (note is not None) is (stated == "GCJ02")
    else:
        with pytest.raises(InputError, match="不符") as caught:
            check_own_crs(CRS.from_user_input(own), system)
        assert caught.value.remedy


def place(shapes, wanted=Shape.POLYGON, stated="CGCS2000"):
    findings = Findings()
    rows = np.arange(1, len(shapes) + 1)
    array = np.empty(len(shapes), dtype=object)
    array[:] = shapes
    return locate_shapes(array, wanted, systems.parse_crs(stated), rows, findings), findings


BOX = shapely.box(120.16, 30.27, 120.17, 30.28)
BOW_TIE = shapely.Polygon([(120.16, 30.27), (120.17, 30.28), (120.17, 30.27), (120.16, 30.28)])
SPIKE = shapely.Polygon(
    [(120.16, 30.27), (120.17, 30.27), (120.17, 30.28), (120.175, 30.285), (120.17, 30.28), (120.16, 30.28)]
)


def test_a_crossing_ring_is_repaired_and_reported():
    located, findings = place([BOX, BOW_TIE, SPIKE])
    assert located.index.tolist() == [0, 1, 2]
    assert shapely.is_valid(located.shapes).all()
    assert [(r.row, r.what) for r in findings.repairs] == [(2, "边界自相交，已修复"), (3, "环自相交，已修复")]
    assert systems.metric_area(located.shapes[1]) == pytest.approx(systems.metric_area(BOX) / 2, rel=1e-6)
    assert shapely.intersects_xy(located.shapes[1], located.lon[1], located.lat[1])


def test_what_cannot_be_ground_is_refused():
    line = shapely.LineString([(120.16, 30.27), (120.17, 30.28)])
    flat = shapely.Polygon([(120.16, 30.27), (120.17, 30.28), (120.18, 30.29)])
    located, findings = place([None, shapely.Polygon(), line, shapely.Point(120, 30), flat])
    assert len(located.index) == 0
    reasons = [r.reason for r in findings.refusals]
    assert reasons[:4] == ["没有几何", "没有几何", "应为面，这里是线", "应为面，这里是点"]
    assert "面积" in reasons[4]


def test_mixed_geometry_keeps_what_is_wanted():
    both = shapely.GeometryCollection([BOX, shapely.Point(120, 30)])
    located, findings = place([both])
    assert located.shapes[0].equals(BOX) and not findings.refusals
    located, _ = place([shapely.GeometryCollection([shapely.Point(120, 30)])])
    assert len(located.index) == 0


def test_lines_of_several_parts_become_several_entries():
    far = shapely.MultiLineString([[(120.1, 30.1), (120.2, 30.1)], [(120.1, 30.3), (120.2, 30.3)]])
    joined = shapely.MultiLineString([[(120.1, 30.1), (120.2, 30.1)], [(120.2, 30.1), (120.2, 30.3)]])
    located, _ = place([joined, far], Shape.LINE)
    assert located.index.tolist() == [0, 1, 1] and located.part.tolist() == [0, 0, 1]
    assert set(shapely.get_type_id(located.shapes)) == {1}


def test_metres_and_shifted_degrees_arrive_at_the_same_place():
    for stated in ("EPSG:4549", "EPSG:4528", "GCJ02", "BD09"):
        system = systems.parse_crs(stated)
        there = systems.transform_geometry(BOX, systems.CGCS2000, system)
        located, findings = place([there], stated=stated)
        assert not findings.refusals
        assert shapely.hausdorff_distance(located.shapes[0], BOX) < 1e-7


@pytest.mark.parametrize(
    ("stated", "x", "y", "hint"),
    [
        ("EPSG:4549", 3_350_000.0, 515_000.0, "颠倒"),
        ("EPSG:4549", 120.16, 30.27, "看来是经纬度"),
        ("EPSG:4549", 40_515_000.0, 3_350_000.0, "带号"),
        ("WGS84", 515_000.0, 3_350_000.0, "投影坐标"),
        ("WGS84", 30.27, 120.16, "颠倒"),
    ],
)
def test_impossible_coordinates_get_the_fitting_hint(stated, x, y, hint):
    findings = Findings()
    located = locate_points(np.array([x]), np.array([y]), systems.parse_crs(stated), np.array([2]), findings)
    assert len(located.index) == 0 and hint in findings.refusals[0].remedy
    box = shapely.box(x, y, x + 0.01, y + 0.01)
    _, found = place([box], stated=stated)
    assert hint in found.refusals[0].remedy


def test_missing_and_infinite_coordinates():
    findings = Findings()
    x, y = np.array([120.0, np.nan, np.inf]), np.array([30.0, 30.0, 30.0])
    located = locate_points(x, y, systems.WGS84, np.arange(3), findings)
    assert located.index.tolist() == [0]
    assert len(findings.refused_rows) == 2


def test_wkt_is_read_or_refused():
    findings = Findings()
    shapes = from_wkt(["POINT Z (120 30 5)", "POINT(120", None], np.array([2, 3, 4]), findings)
    assert not shapely.has_z(shapes[0])
    assert [r.row for r in findings.refusals] == [3]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=12, unique=True))
def test_whatever_comes_out_is_sound(corners):
    ring = shapely.Polygon([(120 + x / 100, 30 + y / 100) for x, y in corners])
    located, findings = place([ring])
    if len(located.index):
        assert shapely.is_valid(located.shapes[0])
        assert shapely.intersects_xy(shapely.buffer(located.shapes[0], 1e-12), located.lon[0], located.lat[0])
    else:
        assert findings.refused_rows == {1}


# -- place keys of points ---------------------------------------------------------------------------------------------


def quilt(n=6):
    """n × n squares of 0.01°, some removed, and a big region below."""
    cells = {
        f"33010300100{i:01d}{j:03d}": shapely.box(i, j, i + 1, j + 1)
        for i in range(n)
        for j in range(n)
        if (i * j) % 5 != 4
    }
    return dict(sorted(cells.items()))


def test_points_get_the_key_of_the_reference_on_borders_and_corners_too():
    cells = quilt()
    rng = np.random.default_rng(3)
    lon = np.concatenate([rng.uniform(-1, 7, 4000), rng.integers(0, 7, 400), [np.nan]])
    lat = np.concatenate([rng.uniform(-1, 7, 4000), rng.integers(0, 7, 400), [1.0]])
    keys, shapes = list(cells), np.array(list(cells.values()), dtype=object)
    order = rng.permutation(len(keys))
    found = place_points([([keys[i] for i in order], shapes[order])], lon, lat)
    expected = reference(cells, lon[:-1], lat[:-1])
    assert found[:-1].tolist() == expected.tolist() and found[-1] is None


def test_grids_come_before_regions_and_deep_before_high():
    layers = [
        (["330103001001001"], np.array([shapely.box(0, 0, 1, 1)], dtype=object)),
        (["330103001001"], np.array([shapely.box(0, 0, 2, 2)], dtype=object)),
        (["33"], np.array([shapely.box(0, 0, 3, 3)], dtype=object)),
    ]
    found = place_points(layers, np.array([0.5, 1.5, 2.5, 3.5]), np.array([0.5, 1.5, 2.5, 3.5]))
    assert found.tolist() == ["330103001001001", "330103001001", "33", None]
