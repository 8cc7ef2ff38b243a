"""Definitions: classification gives colours and legend alike; SQL is built of checked clauses only."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.domain.keys import Scope
from gisapp.domain.tiles import Tile, interleave
from gisapp.errors import InputError, NotFound
from gisapp.store.sources import Aggregate, Clause, Column, Parameter, TableSource
from gisapp.store.tiles import TilePart, checked, instant, tile_statement
from layers.classes import Classes, LegendItem, Steps
from layers.colours import Themed, resolve, viridis
from layers.endpoint import parse
from layers.registry import layers_by_id
from layers.revisions import Revisions
from layers.tiling import served, tile_parts


def _statement(layer: str, zoom: int, **values: str) -> str:
    definition = layers_by_id()[layer]
    return tile_statement(tile_parts(definition), definition.watched, Tile.at(zoom, 120.17, 30.29), values)


# -- classification --


def test_classes_give_expression_and_legend() -> None:
    classes = Classes("state", (LegendItem("完好", "#0f0", "circle", "good"),), LegendItem("其他", "#888"))
    assert classes.colour() == ["match", ["get", "state"], "good", "#0f0", "#888"]
    assert [item.label for item in classes.legend()] == ["完好", "其他"]
    assert classes.choose({"good": 1}, 0) == ["match", ["get", "state"], "good", 1, 0]


def test_steps_say_their_ranges() -> None:
    steps = Steps("n", (1, 2, 5, 10), viridis(4), "人")
    assert [item.label for item in steps.legend()] == ["1 人", "2–4 人", "5–9 人", "10 人以上"]
    assert [item.label for item in steps.brief("汇总")] == ["汇总 1 人", "汇总 5–9 人", "汇总 10 人以上"]
    assert steps.colour()[0] == "step" and len(steps.colour()) == 3 + 2 * 3
    assert steps.height((1, 2, 3, 4))[2:] == [1, 2, 2, 5, 3, 10, 4]
    with pytest.raises(ValueError, match="ascending"):
        Steps("n", (2, 1), viridis(2))


def test_many_stands_out_from_either_ground() -> None:
    def light(colour: str) -> float:
        return sum(int(colour[i : i + 2], 16) * w for i, w in ((1, 0.3), (3, 0.59), (5, 0.11)))

    ramp: Any = viridis(5)
    assert [light(c.dark) for c in ramp] == sorted(light(c.dark) for c in ramp)
    assert [light(c.light) for c in ramp] == sorted((light(c.light) for c in ramp), reverse=True)


def test_resolve_reaches_into_expressions() -> None:
    value = {"a": ["match", Themed("#000", Themed("x", "#fff"))], "b": (1, Themed(2, 3))}
    assert resolve(value, "light") == {"a": ["match", "#fff"], "b": [1, 3]}


# -- tiles --


@settings(deadline=None)
@given(st.integers(0, 22), st.floats(-180, 179.999), st.floats(-85, 85))
def test_a_point_lies_in_its_tile_and_in_its_range(zoom: int, lon: float, lat: float) -> None:
    tile = Tile.at(zoom, lon, lat)
    west, south, east, north = tile.box()
    assert west - 1e-9 <= lon <= east + 1e-9
    assert south - 1e-9 <= lat <= north + 1e-9
    deep = Tile.at(22, lon, lat)
    key = interleave(deep.x) | interleave(deep.y) << 1
    first, last = tile.keys()
    assert first <= key < last


@settings(deadline=None)
@given(st.integers(0, (1 << 22) - 1))
def test_interleave_against_the_plain_way(value: int) -> None:
    assert interleave(value) == sum(((value >> i) & 1) << (2 * i) for i in range(22))


def test_children_share_their_parents_range() -> None:
    parent = Tile(10, 853, 420)
    first, last = parent.keys()
    ranges = sorted(Tile(11, 2 * 853 + dx, 2 * 420 + dy).keys() for dx in (0, 1) for dy in (0, 1))
    assert ranges[0][0] == first and ranges[-1][1] == last
    assert all(a[1] == b[0] for a, b in pairwise(ranges))


# -- SQL --


def test_points_go_by_key_and_areas_by_box() -> None:
    points, areas = _statement("places", 15), _statement("buildings", 15)
    assert "tile_key >=" in points and "&&" not in points
    assert "&& st_makeenvelope(" in areas and "tile_key" not in areas


def test_low_zooms_read_counts() -> None:
    for name in ("components", "people"):
        assert 'onemap."density"' in _statement(name, 12)
        assert 'onemap."density"' not in _statement(name, 16) and "GROUP BY" not in _statement(name, 16)


def _closed(zoom: int, **span: str) -> str:
    """The closed cases' part of a tile."""
    return _statement("cases", zoom, **span).split("'case_closed'")[1]


def test_closed_cases_come_from_months_and_the_days_around_them() -> None:
    whole = _closed(10)
    assert whole.count("FROM onemap.") == 1 and 'onemap."case_density"' in whole and "month IS NULL" in whole
    some = _closed(10, **{"from": "2026-03-10", "to": "2026-07-20"})
    assert some.count('FROM onemap."case_density"') == 1 and some.count('FROM onemap."event"') == 2
    for direct in (_closed(14), _closed(15), _closed(10, **{"from": "2026-03-10"})):
        assert direct.count('FROM onemap."event"') == 1 and "case_density" not in direct


def test_clauses_hold_at_their_zooms_only() -> None:
    assert "\"class\" IN ('arterial')" in _statement("streets", 9)
    assert " IN (" not in _statement("streets", 16)


def test_values_from_the_address_are_checked() -> None:
    part = TilePart(
        "p",
        TableSource("event", "point", where=(Clause("class", "=", Parameter("c", "code")),)),
        (),
        (0, 16),
        10,
        "reported_at",
    )
    assert checked([part], {"c": "a-1", "unknown": "x"}) == {"c": "'a-1'"}
    for bad in ("a'b", "a b", "", "x" * 65, "a;--"):
        if bad:
            with pytest.raises(InputError, match="c"):
                checked([part], {"c": bad})
    assert checked([part], {"from": "2026-03-01"})["from"].startswith("to_timestamp(1772294400")
    for bad in ("nan", "99999999999999", "2026-13-01", "now"):
        with pytest.raises(InputError):
            checked([part], {"from": bad})


def test_required_parameters_leave_a_tile_empty() -> None:
    source = TableSource(
        "event", "point", where=(Clause("id", "=", Parameter("run", "integer", required=True)),)
    )
    part = TilePart("p", source, (), (0, 16), 10)
    assert "''::bytea" in tile_statement((part,), ("event",), Tile(3, 1, 1))
    assert 't."id" = 7' in tile_statement((part,), ("event",), Tile(3, 1, 1), {"run": "7"})


def test_constants_are_escaped() -> None:
    source = TableSource("poi", "point", where=(Clause("kind", "=", "100%'s"),))
    part = TilePart("p", source, (Column("name"),), (0, 16), 10)
    assert "= '100%''s'" in tile_statement((part,), ("poi",), Tile(3, 1, 1))


def test_unknown_columns_are_programming_errors() -> None:
    source = TableSource("poi", "point", where=(Clause("nothing", "=", 1),), aggregate=Aggregate(below=3))
    with pytest.raises(ValueError, match="nothing"):
        tile_statement((TilePart("p", source, (), (0, 16), 10),), ("poi",), Tile(9, 1, 1))


def test_days_are_local() -> None:
    assert instant("2026-03-01").isoformat() == "2026-03-01T00:00:00+08:00"
    assert instant("1772294400") == instant("2026-03-01")


# -- who sees what --


def test_open_geography_is_shared_and_the_rest_is_not() -> None:
    one = Reader(1, "a", "a", Role.LEADER, Scope(["330103001"]))
    two = Reader(2, "b", "b", Role.LEADER, Scope(["330103002"]))
    assert served("components", one).key != served("components", two).key
    assert served("components", one).key == served("components", replace(one, user_id=9)).key
    assert "330103001" in served("components", one).scope


def test_addresses_of_tiles() -> None:
    source, tile = parse("/tiles/components/16/54650/26933.mvt", SYSTEM)
    assert (source.name, tile) == ("components", Tile(16, 54650, 26933))
    for path in (
        "/tiles/components/17/1/1.mvt",
        "/tiles/components/9/512/1.mvt",
        "/tiles/components/9/1.mvt",
        "/tiles/x/9/1/1.mvt",
    ):
        with pytest.raises(NotFound):
            parse(path, SYSTEM)


def test_a_revision_read_before_a_change_is_not_believed() -> None:
    revisions = Revisions({"cases": ("event",), "base": ("road", "building")})
    revisions.listening(True)
    generation = revisions.generation("cases")
    revisions.changed("event")
    revisions.learn("cases", 5, generation)
    assert revisions.known("cases") is None
    revisions.learn("cases", 6, revisions.generation("cases"))
    revisions.changed("road")
    assert revisions.known("cases") == 6
    revisions.listening(False)
    assert revisions.known("cases") is None
    revisions.learn("cases", 7, revisions.generation("cases"))
    assert revisions.known("cases") is None, "nobody would tell of a change"


# -- each layer --


@pytest.mark.parametrize(
    ("layer", "table"),
    [
        ("water", "water"), ("green", "green"), ("streets", "road"), ("buildings", "building"), ("regions", "region"),
        ("grids", "grid"), ("addresses", "address"), ("places", "poi"), ("people", "building_population"),
        ("components", "component"), ("cases", "event"), ("workers", "grid_worker"), ("tracks", "fix"),
    ],
)  # fmt: skip
def test_layers_read_their_register(layer: str, table: str) -> None:
    definition = layers_by_id()[layer]
    assert table in {name for part in definition.parts for name in part.source.tables}


def test_labels_are_points_of_their_own() -> None:
    for layer, part in (
        ("regions", "region_label"),
        ("grids", "grid_label"),
        ("buildings", "building_label"),
    ):
        source: Any = layers_by_id()[layer].part(part).source
        assert source.shape == "label"


def test_buildings_have_bodies() -> None:
    assert any(style.type == "fill-extrusion" for style in layers_by_id()["buildings"].style)


def test_what_is_late_follows_the_clock_without_new_tiles() -> None:
    paint = next(style.paint for style in layers_by_id()["cases"].style if style.name == "open")
    assert ["global-state", "now"] in str_lists(paint["circle-stroke-color"])


def str_lists(value: Any) -> list[Any]:
    """All lists within a nested expression."""
    found = [value] if isinstance(value, list) else []
    for item in value if isinstance(value, list | tuple) else ():
        found += str_lists(item)
    return found
