"""Address texts: what counts as equal, and where a room begins."""

import re

import pytest

from gisapp.services.importing.addresses import compose, normal_address, region_prefix, split_room
from gisapp.services.importing.kinds._words import building_use, poi_kind
from gisapp.services.importing.osm_tags import (
    component_code,
    components_beside,
    is_building,
    number,
    poi_word,
    road_class,
    walkable,
)
from gisapp.services.importing.rows import source_name


@pytest.mark.parametrize(
    "text",
    ["天水巷12号锦绣苑3幢", "天水巷 12 号，锦绣苑 3 栋", "天水巷１２号锦绣苑3号楼", "天水巷12号、锦绣苑3座"],
)
def test_the_same_house_in_many_hands(text):
    assert normal_address(text) == "天水巷12号锦绣苑3幢"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("天水巷12号3幢2单元502室", ("天水巷12号3幢", 2, "502")),
        ("天水巷12号3幢二单元502", ("天水巷12号3幢", 2, "502")),
        ("天水巷12号3幢502室", ("天水巷12号3幢", None, "502")),
        ("天水巷12号3幢A单元1201-1室", ("天水巷12号3幢", 1, "1201-1")),
        ("天水巷12号3幢", None),
        ("502室", None),
        ("", None),
    ],
)
def test_where_the_room_begins(text, parts):
    assert split_room(normal_address(text)) == parts


def test_names_of_regions_before_an_address_do_not_matter():
    pattern = region_prefix(["浙江省", "杭州市", "下城区", "天水街道", "灯芯巷社区", "下城"])
    for text in ("浙江省杭州市下城区天水街道灯芯巷社区天水巷12号", "杭州市天水巷12号", "天水巷12号"):
        assert re.sub(pattern, "", normal_address(text)) == "天水巷12号"
    assert re.sub(region_prefix([]), "", "天水巷12号") == "天水巷12号"


def test_an_address_from_its_parts():
    assert compose("天水巷", "12", "锦绣苑", "3", "2", "502") == "天水巷12号锦绣苑3幢2单元502室"
    assert compose("天水巷", "12号", "", "", "", "") == "天水巷12号"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("路灯.xlsx", "路灯"),
        ("路灯 (1).xlsx", "路灯"),
        ("Lamps-copy.csv", "lamps"),
        ("路灯（2）.csv", "路灯"),
        ("路灯 - 副本.csv", "路灯"),
    ],
)
def test_a_copy_of_a_file_is_the_same_source(file, name):
    assert source_name(file) == name


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"highway": "street_lamp"}, "01037"),
        ({"natural": "tree"}, "04003"),
        ({"natural": "tree", "denotation": "avenue"}, "04002"),
        ({"amenity": "bench"}, "04007"),
        ({"manhole": "drain"}, "01003"),
        ({"manhole": "telecom"}, "01007"),
        ({"manhole": "unknown"}, "01023"),
        ({"man_made": "manhole"}, "01023"),
        ({"amenity": "cafe"}, None),
    ],
)
def test_components_of_openstreetmap_get_national_codes(tags, code):
    from gisapp.domain.codes import component_type

    assert component_code(tags) == code
    assert code is None or component_type(code).code == code


def test_other_words_of_openstreetmap():
    assert components_beside({"highway": "bus_stop", "bench": "yes", "bin": "no"}) == {"bench": "04007"}
    assert poi_word({"amenity": "cafe", "name": "Fazer"}) == "cafe"
    assert poi_word({"amenity": "cafe"}) is None
    assert poi_word({"shop": "vacant", "name": "x"}) is None
    assert poi_word({"shop": "ship_chandler", "name": "x"}) == "shop"
    assert road_class({"highway": "residential"}) == "residential"
    assert road_class({"highway": "construction"}) is None
    assert road_class({"highway": "pedestrian", "area": "yes"}) is None
    assert walkable({"access": "private"}) is False
    assert walkable({"access": "private", "foot": "yes"}) is True
    assert walkable({}) is None
    assert is_building({"building": "yes"}) and not is_building({"building": "no"})
    assert [number(t) for t in ("12", "12.5 m", "3;4", "-1", None)] == [12.0, 12.5, None, None, None]


def test_kinds_of_places_and_uses_of_buildings():
    assert poi_kind("医疗保健服务;综合医院;三级甲等医院") == "卫生"
    assert poi_kind("科教文化服务;学校;中学") == "学校"
    assert poi_kind("科教文化服务;传媒机构") == "文化"
    assert poi_kind("Restaurant") == "餐饮"
    assert poi_kind("商务住宅;住宅区") is None
    assert [building_use(w) for w in ("住宅", "apartments", "yes", "school")] == [
        "residential",
        "residential",
        "other",
        "education",
    ]
