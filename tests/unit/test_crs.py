"""Coordinate systems against published pairs, the EPSG registry's own engine, and round trips everywhere."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from gisapp.analytics import crs
from gisapp.errors import InputError

#: degrees that make a centimetre anywhere (on the equator 9e-8)
CENTIMETRE = 8e-8

LON = st.floats(73.4, 135.1)
LAT = st.floats(3.8, 53.6)
ALL = ["WGS84", "CGCS2000", "GCJ02", "BD09", "EPSG:4547", "EPSG:4528", "EPSG:4526", "EPSG:32650", "EPSG:3857"]


# coordtransform (wandergis), README and test/app.js, in every port of it: lon, lat → lon, lat
@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("BD09", "GCJ02", (116.39762729119315, 39.90865673957631)),
        ("GCJ02", "BD09", (116.41036949371029, 39.92133699351021)),
        ("WGS84", "GCJ02", (116.41024449916938, 39.91640428150164)),
        ("WGS84", "BD09", (116.41662724378733, 39.922699552216216)),
    ],
)
def test_points_published_by_coordtransform(source, target, expected):
    got = crs.transform(116.404, 39.915, crs.parse_crs(source), crs.parse_crs(target))
    # its BD-09 → GCJ-02 is one step of an iteration, right to a metre; ours goes to the end
    tolerance = 2e-5 if source == "BD09" else 1e-11
    assert got == pytest.approx(expected, abs=tolerance)


# eviltransform (googollee), transform_test: WGS 84 lat, lon → GCJ-02 lat, lon; it takes 6378137 m for the ellipsoid's
# axis where the others take Krasovsky's, which moves a point by up to 1 cm
@pytest.mark.parametrize(
    ("wgs", "gcj"),
    [
        ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),  # Shanghai
        ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),  # Shenzhen
        ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),  # Beijing
    ],
)
def test_points_published_by_eviltransform(wgs, gcj):
    lon, lat = crs.wgs84_to_gcj02(wgs[1], wgs[0])
    assert (lat, lon) == pytest.approx(gcj, abs=1.5e-7)
    back = crs.gcj02_to_wgs84(gcj[1], gcj[0])
    assert back == pytest.approx((wgs[1], wgs[0]), abs=1.5e-7)


# geotool, tests/crypto: one point in three systems; ellipsoid as in eviltransform
def test_point_published_by_geotool():
    wgs, gcj = (121.0917077, 30.6107779), (121.09626935575027, 30.608604331756705)
    bd = (121.10271732371203, 30.61484572185035)
    assert crs.wgs84_to_gcj02(*wgs) == pytest.approx(gcj, abs=1.5e-7)
    assert crs.gcj02_to_bd09(*gcj) == pytest.approx(bd, abs=1e-9)
    assert crs.gcj02_to_wgs84(*crs.bd09_to_gcj02(*bd)) == pytest.approx(wgs, abs=1.5e-7)


@pytest.mark.parametrize(
    "point",
    [
        (-104.9903, 39.7392),
        (153.0251, -27.4698),
        (-43.1729, -22.9068),
        (139.767125, 35.681236),
        (24.94, 60.17),
    ],
)
def test_outside_the_border_gcj02_is_wgs84(point):
    assert crs.wgs84_to_gcj02(*point) == point
    assert crs.gcj02_to_wgs84(*point) == point


@given(LON, LAT)
def test_every_system_comes_back_within_a_centimetre(lon, lat):
    for name in ALL:
        system = crs.parse_crs(name)
        if system.projected and name not in {"EPSG:3857"} and abs(lon - _central(name)) > 3.0:
            continue  # a transverse Mercator zone is not meant for the other end of the country
        there = crs.from_stored(lon, lat, system)
        assert np.isfinite(there).all()
        back = crs.to_stored(*there, system)
        assert back == pytest.approx((lon, lat), abs=CENTIMETRE)
        assert bool(crs.plausible(*there, system))


def _central(name):
    return {"EPSG:4547": 114.0, "EPSG:4528": 120.0, "EPSG:4526": 114.0, "EPSG:32650": 117.0}.get(name, 0.0)


@given(LON, LAT)
def test_gcj02_and_bd09_come_back_from_the_other_side(lon, lat):
    assert crs.wgs84_to_gcj02(*crs.gcj02_to_wgs84(lon, lat)) == pytest.approx((lon, lat), abs=CENTIMETRE)
    assert crs.gcj02_to_bd09(*crs.bd09_to_gcj02(lon, lat)) == pytest.approx((lon, lat), abs=CENTIMETRE)


@given(st.floats(-180, 180), st.floats(-85, 85))
def test_the_whole_globe_comes_back_from_gcj02(lon, lat):
    west, south, east, north = crs.GCJ_BORDER
    edge = 0.02  # just outside the border a GCJ-02 point stands for two places; the one inside is taken
    near = west - edge < lon < east + edge and south - edge < lat < north + edge
    if near and not crs.inside_gcj_border(lon, lat):
        return
    assert crs.gcj02_to_wgs84(*crs.wgs84_to_gcj02(lon, lat)) == pytest.approx((lon, lat), abs=CENTIMETRE)
    assert crs.bd09_to_gcj02(*crs.gcj02_to_bd09(lon, lat)) == pytest.approx((lon, lat), abs=CENTIMETRE)


def test_gcj02_shift_is_hundreds_of_metres_not_kilometres():
    lon, lat = np.meshgrid(np.linspace(74, 135, 80), np.linspace(4, 53, 80))
    there = crs.wgs84_to_gcj02(lon, lat)
    _, _, distance = Geod(ellps="GRS80").inv(lon, lat, *there)
    assert distance.min() > 10 and distance.max() < 1500


def test_nan_stays_nan_and_shapes_stay():
    lon = np.array([[120.0, np.nan], [116.4, 121.5]])
    for name in ALL:
        x, y = crs.from_stored(lon, np.full((2, 2), 30.0), crs.parse_crs(name))
        assert x.shape == (2, 2) and (
            np.isnan(x[0, 1]) or np.isinf(x[0, 1]) or not crs.parse_crs(name).projected
        )
        assert np.isfinite(x[1]).all() and np.isfinite(y[1]).all()


def test_input_arrays_are_not_changed():
    lon, lat = np.array([120.0]), np.array([30.0])
    for name in ALL:
        crs.to_stored(lon, lat, crs.GCJ02)
        crs.from_stored(lon, lat, crs.parse_crs(name))
    assert lon[0] == 120.0 and lat[0] == 30.0


# -- Gauss–Krüger -----------------------------------------------------------------------------------------------------


def _meridian_arc(lat):
    """Meridian arc on the CGCS2000 ellipsoid from the equator by numerical integration: the textbook definition."""
    a, f = 6378137.0, 1 / 298.257222101
    e2 = f * (2 - f)
    phi = np.linspace(0, math.radians(lat), 200_001)
    return float(np.trapezoid(a * (1 - e2) / (1 - e2 * np.sin(phi) ** 2) ** 1.5, phi))


@pytest.mark.parametrize("lat", [18.25, 30.25, 39.9, 53.0])
def test_on_the_central_meridian_northing_is_the_meridian_arc(lat):
    x, y = crs.from_stored(120.0, lat, crs.gauss_kruger(40))
    assert x == pytest.approx(500_000.0, abs=1e-6)
    assert y == pytest.approx(_meridian_arc(lat), abs=1e-3)


def test_zone_number_before_the_easting_adds_that_many_millions():
    plain = crs.from_stored(120.16, 30.28, crs.parse_crs("EPSG:4549"))
    prefixed = crs.from_stored(120.16, 30.28, crs.parse_crs("EPSG:4528"))
    assert prefixed[0] - plain[0] == pytest.approx(40_000_000.0, abs=1e-6)
    assert prefixed[1] == plain[1]


@pytest.mark.parametrize("zone", [25, 38, 40, 45])
def test_every_zone_agrees_with_the_registry(zone):
    lon, lat = 3 * zone + 1.2, 31.7
    for prefixed, first in ((True, 4513), (False, 4534)):
        expected = Transformer.from_crs(4490, first + zone - 25, always_xy=True).transform(lon, lat)
        system = crs.gauss_kruger(zone, prefixed=prefixed)
        assert system.epsg == first + zone - 25
        assert crs.from_stored(lon, lat, system) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("lon", "zone"),
    [
        (120.16, 40),
        (118.5, 40),
        (118.4999, 39),
        (121.4999, 40),
        (121.5, 41),
        (73.5, 25),
        (135.05, 45),
        (24.94, 8),
        *((0.0, 120), (-0.5, 120), (1.5, 1), (-178.6, 60), (180.0, 60), (-122.4, 79)),
    ],
)
def test_zone_of_a_longitude(lon, zone):
    assert crs.zone_for(lon) == zone


@given(st.floats(-180, 180))
def test_zone_is_the_one_with_the_nearest_central_meridian(lon):
    gap = abs((lon - 3 * crs.zone_for(lon) + 180) % 360 - 180)
    assert gap <= 1.5 + 1e-9


def test_wgs84_is_relabelled_never_shifted():
    assert crs.transform(120.1, 30.2, crs.WGS84, crs.CGCS2000) == (120.1, 30.2)
    assert crs.parse_crs("EPSG:4326") is crs.WGS84
    utm = crs.from_stored(120.1, 30.2, crs.parse_crs("EPSG:32650"))
    assert crs.to_stored(*utm, crs.parse_crs("EPSG:32650")) == pytest.approx((120.1, 30.2), abs=1e-10)


# -- stating a system -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("wgs84", "WGS84"),
        ("WGS 84", "WGS84"),
        ("epsg:4326", "WGS84"),
        ("CGCS2000", "CGCS2000"),
        ("EPSG:4490", "CGCS2000"),
        ("4490", "CGCS2000"),
        ("gcj-02", "GCJ02"),
        ("BD-09", "BD09"),
        ("bd09ll", "BD09"),
        ("EPSG：4547", "EPSG:4547"),
        ("EPSG:3879", "EPSG:3879"),
    ],
)
def test_names_that_are_understood(text, id_):
    assert crs.parse_crs(text).id == id_


@pytest.mark.parametrize(
    "text", ["", "auto", "EPSG:999999", "EPSG:12", "北京54", "GCJ03", "EPSG:5773", "EPSG:4480"]
)
def test_names_that_are_refused_say_what_to_write(text):
    with pytest.raises(InputError) as caught:
        crs.parse_crs(text)
    assert caught.value.remedy


@pytest.mark.parametrize("code", [4214, 4610, 2437, 2383])
def test_a_datum_without_public_parameters_is_refused(code):
    with pytest.raises(InputError, match="基准"):
        crs.parse_crs(f"EPSG:{code}")


@pytest.mark.parametrize(
    ("system", "x", "y", "ok"),
    [
        ("WGS84", 120.1, 30.2, True),
        ("WGS84", 40_510_000.0, 3_350_000.0, False),
        ("WGS84", 30.2, 120.1, False),
        ("EPSG:4549", 515_000.0, 3_350_000.0, True),
        ("EPSG:4549", 40_515_000.0, 3_350_000.0, False),
        ("EPSG:4528", 40_515_000.0, 3_350_000.0, True),
        ("EPSG:4528", 515_000.0, 3_350_000.0, False),
        ("EPSG:4528", 39_515_000.0, 3_350_000.0, False),
        ("EPSG:4549", 3_350_000.0, 515_000.0, False),
        ("EPSG:4549", 120.1, 30.2, False),
        ("EPSG:3857", 120.1, 30.2, False),
    ],
)
def test_implausible_coordinates_are_seen(system, x, y, ok):
    assert bool(crs.plausible(x, y, crs.parse_crs(system))) is ok


# -- measures ---------------------------------------------------------------------------------------------------------


@given(LON, LAT, st.floats(0.001, 0.02))
def test_metric_lengths_and_areas_agree_with_the_ellipsoid(lon, lat, size):
    box = shapely.box(lon, lat, lon + size, lat + size)
    area, perimeter = Geod(ellps="GRS80").geometry_area_perimeter(box)
    # scale at the zone's edge: (1.5° in radians)² / 2 · cos² φ
    assert float(crs.metric_area(box, lon)) == pytest.approx(abs(area), rel=1e-3)
    assert float(crs.metric_length(box, lon)) == pytest.approx(perimeter, rel=5e-4)


def test_metric_works_outside_china_and_comes_back():
    line = shapely.LineString([(24.93, 60.16), (24.95, 60.18)])
    expected = Geod(ellps="GRS80").geometry_length(line)
    assert float(crs.metric_length(line)) == pytest.approx(expected, rel=4e-4)
    back = crs.from_metric(crs.to_metric(line, 24.9), 24.9)
    assert shapely.equals_exact(back, line, tolerance=1e-9)
    x, y = crs.points_to_metric([24.93], [60.16], 8)
    assert np.allclose(crs.points_from_metric(x, y, 8), [[24.93], [60.16]], rtol=0, atol=1e-10)


def test_geometry_arrays_keep_their_holes_and_parts():
    donut = shapely.Polygon(
        [(120, 30), (120.1, 30), (120.1, 30.1), (120, 30.1)],
        [[(120.02, 30.02), (120.04, 30.02), (120.04, 30.04)]],
    )
    both = np.array([donut, None, shapely.MultiPoint([(120, 30), (121, 31)])])
    moved = crs.transform_geometry(both, crs.CGCS2000, crs.BD09)
    assert moved[1] is None and len(moved[0].interiors) == 1 and len(moved[2].geoms) == 2
    back = crs.transform_geometry(moved, crs.BD09, crs.CGCS2000)
    assert shapely.equals_exact(back[0], donut, tolerance=CENTIMETRE)
