"""Grid topology: what each operation does, and what each refusal says and shows."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, Polygon

from gisapp.analytics.fabric import (
    Change,
    Fabric,
    adopt_border,
    area_m2,
    check_tiling,
    fabric_as_json,
    fabric_from_json,
    locate,
    locate_one,
    merge,
    move_vertex,
    next_code,
    remove_vertex,
    rounded,
    split,
)
from gisapp.errors import InputError, NotFound
from tests.unit.fabric_world import COMMUNITY, LAT, LON, SIZE, assert_tiles, code, exact_owners, square

MIDDLE = LON + SIZE / 2


def p(x: float, y: float) -> tuple[float, float]:
    """A point in shares of the square."""
    return round(LON + x * SIZE, 9), round(LAT + y * SIZE, 9)


def halves() -> Fabric:
    return split(square(), code(1), [p(0.5, -0.1), p(0.5, 1.1)], code(2))


def quarters() -> Fabric:
    fabric = split(halves(), code(1), [p(-0.1, 0.4), p(0.5, 0.4)], code(3))
    return split(fabric, code(2), [p(0.5, 0.4), p(1.1, 0.4)], code(4))


def refusal(call, *args, **kwargs) -> InputError:
    with pytest.raises(InputError) as caught:
        call(*args, **kwargs)
    error = caught.value
    assert error.remedy
    return error


def test_split_cuts_in_two_and_keeps_the_tiling():
    fabric = halves()
    assert_tiles(fabric)
    assert set(fabric.grids) == {code(1), code(2)}
    areas = [area_m2(shape) for shape in fabric.grids.values()]
    assert areas[0] == pytest.approx(areas[1], rel=1e-6)


def test_split_puts_its_corner_into_the_neighbour_and_the_border():
    fabric = quarters()
    assert_tiles(fabric)
    corner = p(0.5, 0.4)
    for number in (1, 2, 3, 4):
        assert corner in {tuple(c) for c in shapely.get_coordinates(fabric.grids[code(number)]).tolist()}
    assert p(0, 0.4) in {tuple(c) for c in shapely.get_coordinates(fabric.border).tolist()}


def test_the_heavier_part_keeps_the_code():
    east = p(0.9, 0.5)
    fabric = split(
        square(),
        code(1),
        [p(0.5, -0.1), p(0.5, 1.1)],
        code(2),
        lambda part: float(part.contains(shapely.Point(east))),
    )
    assert locate_one(fabric.grids, *east) == code(1)
    assert locate_one(fabric.grids, *p(0.1, 0.5)) == code(2)


def test_an_end_just_inside_is_taken_to_the_border():
    almost = 0.3 / 111_000 / SIZE
    fabric = split(square(), code(1), [p(0.5, almost), p(0.5, 1 - almost)], code(2))
    assert_tiles(fabric)


def test_a_line_near_a_corner_uses_the_corner():
    fabric = split(halves(), code(1), [p(1e-5, 1 - 1e-5), p(0.5 + 1e-5, 1e-5)], code(3))
    assert_tiles(fabric)
    assert len(fabric.border.exterior.coords) == len(halves().border.exterior.coords)


def test_a_closed_line_cuts_out_an_island():
    ring = [p(0.3, 0.3), p(0.7, 0.3), p(0.7, 0.7), p(0.3, 0.7), p(0.3, 0.3)]
    fabric = split(square(), code(1), ring, code(2))
    assert_tiles(fabric)
    assert len(fabric.grids[code(1)].interiors) == 1
    whole = merge(fabric, [code(2), code(1)])
    assert_tiles(whole)
    assert whole.grids[code(1)].equals(square().border)


def test_a_split_through_the_island_of_another_grid():
    ring = [p(0.3, 0.3), p(0.7, 0.3), p(0.7, 0.7), p(0.3, 0.7), p(0.3, 0.3)]
    fabric = split(square(), code(1), ring, code(2))
    cut = split(fabric, code(1), [p(-0.1, 0.5), p(1.1, 0.5)], code(3))
    assert_tiles(cut)
    assert all(not shape.interiors for shape in cut.grids.values())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ([p(0.5, 0.2), p(0.5, 0.8)], "起点在网格内，离边界还有"),
        ([p(0.5, -0.1), p(0.5, 0.8)], "终点在网格内，离边界还有"),
        ([p(2, 2), p(3, 3)], "没有经过"),
        ([p(0.2, 0), p(0.8, 0)], "只沿着"),
        ([p(0.5, 0.5), p(0.5, 0.5)], "两个不同的点"),
        ([p(-0.1, 0.5), p(1.1, 0.5), p(0.5, 1.1), p(0.5, -0.1)], "与自身相交"),
        ([p(-0.1, 0.2), p(1.1, 0.2), p(1.1, 0.8), p(-0.1, 0.8)], "切成了 3 块"),
        ([p(-0.1, 0.0005), p(1.1, 0.0005)], "太小"),
    ],
)
def test_split_refuses_and_shows_why(line, says):
    error = refusal(split, square(), code(1), line, code(2))
    assert says in error.message
    if says != "两个不同的点":
        assert error.details["problems"][0]["geometry"]["coordinates"]


def test_split_of_an_unknown_grid():
    with pytest.raises(NotFound):
        split(square(), code(9), [p(0, 0), p(1, 1)], code(2))


def test_merge_gives_back_the_square_under_the_lowest_code():
    fabric = merge(quarters(), [code(3), code(4), code(2), code(1)])
    assert_tiles(fabric)
    assert list(fabric.grids) == [code(1)]
    assert fabric.grids[code(1)].equals(square().border)


def test_merge_refuses_grids_that_touch_in_a_corner_only():
    names = {locate_one(quarters().grids, *p(0.1, 0.1)), locate_one(quarters().grids, *p(0.9, 0.9))}
    error = refusal(merge, quarters(), sorted(names))
    assert "只在角点处相接" in error.message
    assert error.details["problems"][0]["geometry"]["type"] == "Point"


def test_merge_refuses_strangers_and_one():
    fabric = split(halves(), code(2), [p(0.75, -0.1), p(0.75, 1.1)], code(3))
    left, right = locate_one(fabric.grids, *p(0.1, 0.5)), locate_one(fabric.grids, *p(0.9, 0.5))
    assert "不相邻" in refusal(merge, fabric, [left, right]).message
    assert "两个" in refusal(merge, fabric, [left, left]).message


def test_a_shared_corner_moves_in_every_grid():
    fabric = move_vertex(quarters(), p(0.5, 0.4), p(0.55, 0.45))
    assert_tiles(fabric)
    have = [name for name, shape in fabric.grids.items() if p(0.55, 0.45) in shape.exterior.coords]
    assert len(have) == 4
    assert move_vertex(fabric, p(0.55, 0.45), p(0.5, 0.4)).same_as(quarters())


def test_taking_hold_of_an_edge_makes_a_corner():
    fabric = move_vertex(halves(), p(0.5, 0.5), p(0.6, 0.5))
    assert_tiles(fabric)
    back = remove_vertex(fabric, p(0.6, 0.5))
    assert_tiles(back)
    assert back.grids[code(1)].equals(halves().grids[code(1)])


def test_a_corner_moved_onto_the_next_one_joins_them():
    bent = move_vertex(halves(), p(0.5, 0.5), p(0.6, 0.5))
    twice = move_vertex(bent, p(0.55, 0.25), p(0.6, 0.25))
    joined = move_vertex(twice, p(0.6, 0.25), p(0.6, 0.5))
    assert_tiles(joined)
    assert len(joined.grids[code(1)].exterior.coords) == len(bent.grids[code(1)].exterior.coords)


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        (p(0, 0), p(0.1, 0.1), "外边界上"),
        (p(0.5, 0), p(0.6, 0), "外边界上"),
        (p(0, 0.7), p(0.1, 0.7), "外边界"),
        (p(0.2, 0.2), p(0.3, 0.3), "没有网格的角点或边界"),
        (p(0.5, 0.4), p(0.5, 0.4), "没有移动"),
        (p(0.5, 0.4), p(1.2, 0.4), "重叠|超出|自相交|没有面积"),
    ],
)
def test_move_refuses(start, end, says):
    error = refusal(move_vertex, quarters(), start, end)
    assert any(word in error.message for word in says.split("|")), error.message
    if says != "没有移动":
        assert error.details["problems"][0]["geometry"]


def test_move_that_crosses_another_border_shows_the_overlap():
    fabric = split(halves(), code(2), [p(0.75, -0.1), p(0.75, 1.1)], code(3))
    bent = move_vertex(fabric, p(0.5, 0.5), p(0.6, 0.5))
    error = refusal(move_vertex, bent, p(0.6, 0.5), p(0.9, 0.5))
    assert {problem["kind"] for problem in error.details["problems"]} & {"overlap", "crossing"}
    assert error.details["problems"][0]["geometry"]["coordinates"]


def test_remove_refuses_where_three_borders_meet():
    assert "交点" in refusal(remove_vertex, quarters(), p(0.5, 0.4)).message
    assert "外边界" in refusal(remove_vertex, quarters(), p(0.5, 0)).message


def test_check_names_gap_overlap_outside_and_loose_corners():
    left = rounded(shapely.box(LON, LAT, MIDDLE - 0.0001, LAT + SIZE))
    right = rounded(shapely.box(MIDDLE, LAT, LON + SIZE, LAT + SIZE))
    wide = rounded(shapely.box(MIDDLE - 0.0002, LAT, LON + SIZE + 0.0001, LAT + SIZE))
    border = square().border
    gap = check_tiling(border, {code(1): left, code(2): right})
    assert [problem.kind for problem in gap] == ["gap"]
    assert area_m2(gap[0].geometry) == pytest.approx(9.6 * 443, rel=0.05)
    assert {problem.kind for problem in check_tiling(border, {code(1): left, code(2): wide})} == {
        "overlap",
        "outside",
    }
    exact = rounded(shapely.box(LON, LAT, MIDDLE, LAT + SIZE))
    noded = Polygon([*right.exterior.coords[:-1]]).segmentize(SIZE / 2)
    loose = check_tiling(border, {code(1): exact, code(2): rounded(noded)})
    assert {problem.kind for problem in loose} == {"border"}
    assert all(isinstance(problem.geometry, LineString) for problem in loose)


def test_check_sees_a_gap_of_a_tenth_of_a_millimetre():
    left = Polygon([p(0, 0), (round(MIDDLE - 1e-9, 9), LAT), p(0.5, 1), p(0, 1)])
    right = Polygon([p(0.5, 0), p(1, 0), p(1, 1), p(0.5, 1)])
    kinds = [problem.kind for problem in check_tiling(square().border, {code(1): left, code(2): right})]
    assert kinds == ["gap"]


def test_check_names_bad_rings():
    bow = Polygon([p(0, 0), p(1, 1), p(1, 0), p(0, 1)])
    two = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)])
    flat = Polygon([p(0, 0), p(0.5, 0), p(1, 0)])
    fine = Polygon([p(0, 0), p(1, 0), (LON + SIZE, LAT + SIZE / 3 + 1e-12), p(0, 1)])

    def kinds(shape: object) -> set[str]:
        return {problem.kind for problem in check_tiling(square().border, {code(1): shape})}  # type: ignore[dict-item]

    assert "crossing" in kinds(bow)
    assert "parts" in kinds(two)
    assert "ring" in kinds(flat)
    assert "precision" in kinds(fine)
    assert check_tiling(square().border, {})[0].kind == "gap"
    assert "code" in {problem.kind for problem in check_tiling(square().border, {"33": square().border})}


def test_points_on_borders_have_one_grid():
    fabric = quarters()
    lowest = min(fabric.grids)
    assert locate_one(fabric.grids, *p(0.5, 0.4)) == lowest
    assert locate_one(fabric.grids, *p(0.5, 0.0)) == exact_owners(fabric, *p(0.5, 0.0))[0] == code(3)
    assert locate_one(fabric.grids, *p(2, 2)) is None
    got = locate(fabric.grids, np.array([LON, 0.0]), np.array([LAT, 0.0]))
    assert got.tolist() == [locate_one(fabric.grids, LON, LAT), None]


def test_changes_undo_exactly_and_survive_json():
    old, new = halves(), quarters()
    change = Change.from_json(Change.between({"kind": "split"}, old, new).as_json())
    assert change.redo(old).same_as(new)
    assert change.undo(new).same_as(old)
    assert fabric_from_json(fabric_as_json(new)).same_as(new)


def test_a_neighbours_corner_is_adopted():
    draft = split(square(), code(1), [p(0.5, -0.1), p(0.5, 1.1)], code(2))
    other = split(square(), code(1), [p(-0.1, 0.123), p(1.1, 0.456)], code(2))
    both = adopt_border(draft, other.border)
    assert_tiles(both)
    have = {tuple(c) for c in shapely.get_coordinates(both.border).tolist()}
    assert {tuple(c) for c in shapely.get_coordinates(other.border).tolist()} <= have
    assert {tuple(c) for c in shapely.get_coordinates(draft.border).tolist()} <= have
    moved = rounded(shapely.box(LON, LAT, LON + SIZE * 1.1, LAT + SIZE))
    assert "社区边界" in refusal(adopt_border, draft, moved).message


def test_codes_are_given_once():
    assert next_code(COMMUNITY, [code(1), code(7)]) == code(8)
    assert next_code(COMMUNITY, []) == code(1)
    assert next_code(COMMUNITY, [code(999), code(1)]) == code(2)
    assert "全部用过" in refusal(next_code, COMMUNITY, [code(n) for n in range(1, 1000)]).message
