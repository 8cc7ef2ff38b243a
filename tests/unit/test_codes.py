"""The code tables and the divisions: complete, unambiguous, consistent with themselves."""

import re
from collections import Counter

import pytest

from gisapp.domain import codes
from gisapp.domain.keys import Level
from gisapp.errors import InputError


def test_gbt47678_has_153_components_in_five_classes():
    table = codes.component_types()
    assert len(table) == 153
    assert Counter(e.class_code for e in table.values()) == {"01": 76, "02": 44, "03": 16, "04": 14, "05": 3}


def test_gbt47678_has_250_matters_and_every_component_has_its_defect():
    table = codes.matter_types()
    assert len(table) == 250
    for code, component in codes.component_types().items():
        assert table[code].name == component.name + "异常"


def test_cjt214_has_its_six_classes():
    table = codes.component_types(codes.CJT214)
    assert Counter(e.class_code for e in table.values()) == {
        "a": 38,
        "b": 17,
        "c": 11,
        "d": 10,
        "e": 3,
        "f": 6,
    }
    assert len(codes.matter_types(codes.CJT214)) == 55
    assert table["0118"].name == "路灯"


@pytest.mark.parametrize(
    ("table", "digits"),
    [
        (codes.component_types(), 5),
        (codes.matter_types(), 5),
        (codes.component_types(codes.CJT214), 4),
        (codes.matter_types(codes.CJT214), 4),
    ],
)
def test_codes_have_their_form_and_names_no_stray_characters(table, digits):
    for code, entry in table.items():
        assert re.fullmatch(rf"\d{{{digits}}}", code) and entry.code == code
        assert entry.name == entry.name.strip() and not re.search(r"[\s,?\ufffd]", entry.name)
        if digits == 5:
            assert code.startswith(entry.class_code)
    assert [*table] == sorted(table)


def test_a_code_of_either_standard_is_found_and_any_other_is_refused():
    assert codes.component_type("01037").name == "路灯"
    assert codes.component_type("0118").name == "路灯"
    assert codes.matter_type("06010").name == "暴露垃圾"
    for bad in ("", "99999", "1037", "路灯"):
        with pytest.raises(InputError) as caught:
            codes.component_type(bad)
        assert caught.value.remedy


def test_names_lead_to_codes_of_the_newer_standard_first():
    assert codes.component_type_named(" 路灯 ").code == "01037"
    assert codes.component_type_named("上水井盖").code == "0101"
    assert codes.component_type_named("宇宙飞船") is None


@pytest.mark.parametrize(
    ("text", "code"),
    [("01037", "01037"), ("0118", "01037"), ("路灯", "01037"), ("上水井盖", "01001"), ("0407", "04007")],
)
def test_older_codes_and_names_lead_to_the_newer_code(text, code):
    assert codes.modern_component_type(text).code == code


def test_most_older_subclasses_have_a_newer_one_and_the_rest_say_so():
    lost = []
    for code, entry in codes.component_types(codes.CJT214).items():
        try:
            assert codes.modern_component_type(code).standard == codes.GBT47678
        except InputError as error:
            assert entry.name in error.message
            lost.append(entry.name)
    assert lost == ["人防工事", "重大危险源", "工地"]


def test_xiacheng_has_eight_streets_and_75_communities():
    rows = codes.divisions("330103")
    assert Counter(row.level for row in rows) == {
        Level.PROVINCE: 1,
        Level.CITY: 1,
        Level.DISTRICT: 1,
        Level.STREET: 8,
        Level.COMMUNITY: 75,
    }
    keys = {row.key for row in rows}
    assert len(keys) == len(rows)
    for row in rows:
        assert row.key.level is row.level
        assert row.parent is None or (row.parent in keys and row.key.parent == row.parent)
    assert {row.name for row in rows if row.level is Level.STREET} == {
        *("长庆街道", "武林街道", "天水街道", "潮鸣街道", "朝晖街道", "文晖街道", "东新街道", "石桥街道")
    }
    assert all(row.name.endswith("社区") for row in rows if row.level is Level.COMMUNITY)


def test_provinces_have_two_digits_and_agree_with_the_district():
    assert len(codes.provinces()) == 34
    assert codes.provinces()["33"] == codes.divisions()[0].name
