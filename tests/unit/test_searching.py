"""What is typed and what is stored meet in one form."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gisapp.analytics.searching import grams, normalise, spelled, words_of


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        ("凤起路８８號３幢２单元５０２室", "凤起路88-3-2-502"),
        ("凤起路88号3号楼2单元502", "凤起路88-3-2-502"),
        ("凤起路88-3-2-502", "凤起路88-3-2-502"),
        ("凤起路 88 号", "凤起路88"),
        ("朝晖一区3栋", "朝晖1区3"),
        ("十二幢", "12"),
        ("三十二号", "32"),
        ("A座", "a"),
        ("长庆街道", "长庆街道"),
        ("  ", ""),
    ],
)
def test_house_numbers_have_one_form(typed: str, form: str) -> None:
    assert normalise(typed) == form


@settings(deadline=None)
@given(st.text(alphabet="凤起路8８3號号楼幢栋座单元室 －—#-a", max_size=30))
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@pytest.mark.parametrize(
    ("text", "pinyin", "initials"),
    [
        ("长庆街道", "changqingjiedao", "cqjd"),
        ("朝晖街道", "zhaohuijiedao", "zhjd"),
        ("3幢", "3zhuang", "3z"),
        ("A座", "azuo", "az"),
    ],
)
def test_spelling(text: str, pinyin: str, initials: str) -> None:
    assert spelled(text) == (pinyin, initials)


@settings(deadline=None)
@given(st.text(alphabet="长庆街道朝晖路abc123", min_size=2, max_size=12), st.data())
def test_every_part_of_a_text_is_found_by_its_pairs(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 2))
    end = data.draw(st.integers(start + 2, len(text)))
    assert set(grams(text[start:end])) <= set(grams(text))


def test_letters_and_text_do_not_meet() -> None:
    assert not set(grams("cq")) & set(grams("", "cq"))


def test_pairs_fit_the_column() -> None:
    assert all(0 <= pair < 2**31 for pair in grams("凤起路88-3", "fql88"))


def test_words() -> None:
    assert words_of(" 凤起路  3幢 ") == ["凤起路", "3"]
