"""Place keys and scopes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gisapp.domain.keys import Level, PlaceKey, Scope
from gisapp.errors import InputError

lengths = st.sampled_from([2, 4, 6, 9, 12, 15])
keys = lengths.flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n)).map(PlaceKey)


@pytest.mark.parametrize("wrong", ["", "3", "330", "33010", "3301030010010031", "33a1", "３３", "33 01"])
def test_what_is_no_key_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(InputError) as refused:
        PlaceKey(wrong)
    assert wrong in refused.value.message and refused.value.remedy


@given(keys)
def test_a_key_lies_within_all_its_ancestors(key: PlaceKey) -> None:
    above = list(key.ancestors())
    assert [a.level for a in above] == sorted((lv for lv in Level if 0 < lv < key.level), reverse=True)
    assert all(a.covers(key) and not key.covers(a) for a in above)
    assert key.at(key.level) == key


def test_levels() -> None:
    key = PlaceKey("330103001001003")
    assert key.level is Level.GRID
    assert key.parent == "330103001001"
    assert key.at(Level.STREET) == "330103001"
    assert PlaceKey("33").parent is None
    with pytest.raises(InputError):
        PlaceKey("33").at(Level.GRID)


@given(st.lists(keys, max_size=6), keys)
def test_a_scope_covers_what_one_of_its_prefixes_covers(prefixes: list[PlaceKey], place: PlaceKey) -> None:
    scope = Scope(prefixes)
    assert scope.covers(place) == any(place.startswith(p) for p in prefixes)
    assert scope.touches(place) == any(place.startswith(p) or p.startswith(place) for p in prefixes)
    assert scope == Scope(reversed(prefixes)) == Scope(scope.prefixes)
    assert bool(scope) == bool(prefixes)


def test_everything_and_nothing() -> None:
    assert Scope.everything().covers("990101") and not Scope().covers("330103")
    assert Scope(["330103", "", "33"]).prefixes == ("",)
