"""Compiled loops of ``raster_fence``. Coordinates are degrees (lon, lat); frame = west, south, cells per degree in x and y;
shape = coarse columns and rows. Never compiled with fast maths: the error bounds rest on IEEE arithmetic."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Labels = NDArray[np.int32]

NOWHERE = -1
#: values at or below this are numbers of blocks or cells, counted downwards
FIRST = -2
_BLOCK = 512
#: share of a cell by which edges are noted beyond it, so that a rounded position finds all that matter
_MARGIN = 1e-3
#: Shewchuk (1997), bound A of orient2d: (3 + 16 ε) ε
_BOUND = 3.3306690738754716e-16
#: crossings that differ by less along the way are not told apart
_APART = 1e-6


def _compiled(function: Any) -> Any:
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)


@_compiled
def _orient(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> float:
    """Twice the area of a, b, c, positive if c is to the left of a → b; 0.0 where rounding leaves the sign open."""
    one = (ax - cx) * (by - cy)
    two = (ay - cy) * (bx - cx)
    area = one - two
    if abs(area) > _BOUND * (abs(one) + abs(two)):
        return area
    return 0.0


@_compiled
def _decide(
    x: float,
    y: float,
    cell: int,
    starts: Ints,
    edges: Floats,
    sides: Labels,
    reference: Floats,
    label: Labels,
) -> int:
    """The polygon of a point in a cell with borders; FIRST where it is left open."""
    rx, ry = reference[cell, 0], reference[cell, 1]
    answer = int(label[cell])
    nearest = np.inf
    for k in range(starts[cell], starts[cell + 1]):
        ax, ay, bx, by = edges[k, 0], edges[k, 1], edges[k, 2], edges[k, 3]
        here = _orient(ax, ay, bx, by, x, y)
        if here == 0.0:
            return FIRST
        there = _orient(ax, ay, bx, by, rx, ry)
        if (here > 0.0) == (there > 0.0):
            continue
        one = _orient(x, y, rx, ry, ax, ay)
        two = _orient(x, y, rx, ry, bx, by)
        if one == 0.0 or two == 0.0:
            return FIRST
        if (one > 0.0) == (two > 0.0):
            continue
        way = here / (here - there)
        side = int(sides[k, 0] if here > 0.0 else sides[k, 1])
        if abs(way - nearest) < _APART and side != answer:
            return FIRST
        if way < nearest:
            nearest, answer = way, side
    return answer


@_compiled
def locate(
    lon: Floats,
    lat: Floats,
    frame: Floats,
    shape: Ints,
    coarse: Labels,
    fine: Labels,
    starts: Ints,
    edges: Floats,
    sides: Labels,
    reference: Floats,
    label: Labels,
    clean: NDArray[np.bool_],
    found: Labels,
    doubtful: Ints,
) -> int:
    """Fill ``found`` with the polygon of each point; returns how many indices stand in ``doubtful``.

    Points go in blocks: first the coarse cells of all, so that their memory is fetched side by side, then the few that
    need more.
    """
    west, south, per_x, per_y = frame[0], frame[1], frame[2], frame[3]
    columns, rows = shape[0], shape[1]
    wide, high = float(columns * 8), float(rows * 8)
    open_count = 0
    inner = np.empty(_BLOCK, dtype=np.int32)
    more = np.empty(_BLOCK, dtype=np.int32)
    for begin in range(0, len(lon), _BLOCK):
        size = min(_BLOCK, len(lon) - begin)
        count = 0
        for i in range(size):
            x = (lon[begin + i] - west) * per_x
            y = (lat[begin + i] - south) * per_y
            # Comparisons with NaN are false: no position is nowhere.
            there = (x >= 0.0) and (x < wide) and (y >= 0.0) and (y < high)
            column = np.int64(x) if there else 0
            row = np.int64(y) if there else 0
            value = coarse[(row >> 3) * columns + (column >> 3)]
            value = value if there else np.int32(NOWHERE)
            found[begin + i] = value
            inner[i] = ((row & 7) << 3) | (column & 7)
            more[count] = i
            count += int(value <= FIRST)
        for j in range(count):
            i = more[j]
            found[begin + i] = fine[((FIRST - np.int64(found[begin + i])) << 6) + inner[i]]
        for j in range(count):
            i = begin + more[j]
            value = found[i]
            if value <= FIRST:
                cell = FIRST - value
                answer = FIRST
                if clean[cell]:
                    answer = _decide(lon[i], lat[i], cell, starts, edges, sides, reference, label)
                if answer == FIRST:
                    doubtful[open_count] = i
                    open_count += 1
                found[i] = answer
    return open_count


# -- building ----------------------------------------------------------------------------------------------------------


@_compiled
def _walk(
    edge: Floats, frame: Floats, shape: Ints, number: int, write: bool, at: int, cells: Ints, of_edge: Ints
) -> int:
    """Cells that an edge passes, with a margin; written from ``at`` on, or only counted. Returns the next place."""
    x1, y1 = (edge[0] - frame[0]) * frame[2], (edge[1] - frame[1]) * frame[3]
    x2, y2 = (edge[2] - frame[0]) * frame[2], (edge[3] - frame[1]) * frame[3]
    columns, rows = shape[0] * 8, shape[1] * 8
    low, high = min(y1, y2), max(y1, y2)
    first, last = int(np.floor(low - _MARGIN)), int(np.floor(high + _MARGIN))
    for row in range(max(first, 0), min(last, rows - 1) + 1):
        bottom, top = max(low, row - _MARGIN), min(high, row + 1 + _MARGIN)
        if y1 == y2:
            left, right = min(x1, x2), max(x1, x2)
        else:
            one = x1 + (x2 - x1) * ((bottom - y1) / (y2 - y1))
            two = x1 + (x2 - x1) * ((top - y1) / (y2 - y1))
            left, right = max(min(one, two), min(x1, x2)), min(max(one, two), max(x1, x2))
        begin, end = int(np.floor(left - _MARGIN)), int(np.floor(right + _MARGIN))
        for column in range(max(begin, 0), min(end, columns - 1) + 1):
            if write:
                cells[at] = row * columns + column
                of_edge[at] = number
            at += 1
    return at


@_compiled
def cells_of_edges(edges: Floats, frame: Floats, shape: Ints) -> tuple[Ints, Ints]:
    """Pairs of a fine cell (row · columns + column) and an edge that passes it."""
    nothing = np.empty(0, dtype=np.int64)
    total = 0
    for number in range(len(edges)):
        total = _walk(edges[number], frame, shape, number, False, total, nothing, nothing)
    cells, of_edge = np.empty(total, dtype=np.int64), np.empty(total, dtype=np.int64)
    at = 0
    for number in range(len(edges)):
        at = _walk(edges[number], frame, shape, number, True, at, cells, of_edge)
    return cells, of_edge


@_compiled
def place_references(
    keys: Ints,
    starts: Ints,
    edges: Floats,
    frame: Floats,
    shape: Ints,
    share_x: float,
    share_y: float,
    reference: Floats,
    placed: NDArray[np.bool_],
) -> None:
    """Give each cell that has none yet a reference at these shares of it, if that is off all its lines."""
    columns = shape[0] * 8
    for cell in range(len(keys)):
        if placed[cell]:
            continue
        x = frame[0] + (keys[cell] % columns + share_x) / frame[2]
        y = frame[1] + (keys[cell] // columns + share_y) / frame[3]
        off = True
        for k in range(starts[cell], starts[cell + 1]):
            if _orient(edges[k, 0], edges[k, 1], edges[k, 2], edges[k, 3], x, y) == 0.0:
                off = False
                break
        reference[cell, 0], reference[cell, 1] = x, y
        placed[cell] = off


@_compiled
def clean_cells(
    starts: Ints,
    sides: Labels,
    sound: NDArray[np.bool_],
    label: Labels,
    count: Ints,
    placed: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Which cells can be answered from their edges.

    Either every edge has a polygon on both sides: crossing one leaves a polygon and enters another, so that the one
    polygon at the reference means one everywhere. Or all edges are of one polygon that shares none, and at the
    reference there is that polygon or nothing. Whatever else there is goes to the exact library.
    """
    clean = np.zeros(len(label), dtype=np.bool_)
    for cell in range(len(label)):
        both, alone, owner = True, True, np.int32(NOWHERE)
        good = placed[cell]
        for k in range(starts[cell], starts[cell + 1]):
            left, right = sides[k, 0], sides[k, 1]
            good = good and sound[k]
            if left == NOWHERE or right == NOWHERE:
                both = False
                mine = max(left, right)
                if owner != NOWHERE and owner != mine:
                    alone = False
                owner = mine
            else:
                alone = False
                good = good and left != right
        if both:
            clean[cell] = good and count[cell] == 1
        elif alone:
            clean[cell] = good and ((count[cell] == 0) or (count[cell] == 1 and label[cell] == owner))
    return clean


@_compiled
def blocks(keys: Ints, shape: Ints) -> tuple[Labels, Labels]:
    """Coarse cells: a block's number where there are borders, else NOWHERE; fine cells of blocks likewise."""
    columns = shape[0]
    coarse = np.full(shape[0] * shape[1], NOWHERE, dtype=np.int32)
    count = 0
    for cell in range(len(keys)):
        row, column = keys[cell] // (columns * 8), keys[cell] % (columns * 8)
        at = (row >> 3) * columns + (column >> 3)
        if coarse[at] == NOWHERE:
            coarse[at] = FIRST - count
            count += 1
    fine = np.full(count << 6, NOWHERE, dtype=np.int32)
    for cell in range(len(keys)):
        row, column = keys[cell] // (columns * 8), keys[cell] % (columns * 8)
        block = FIRST - np.int64(coarse[(row >> 3) * columns + (column >> 3)])
        fine[(block << 6) + ((row & 7) << 3) + (column & 7)] = FIRST - cell
    return coarse, fine


@_compiled
def _spread(
    values: Labels, offset: int, columns: int, rows: int, part: Ints, number: int, at: int, stack: Ints
) -> None:
    """Number all cells without borders that hang together with one."""
    stack[0] = at
    size = 1
    part[offset + at] = number
    while size:
        size -= 1
        here = stack[size]
        row, column = here // columns, here % columns
        for way in range(4):
            r = row + (way == 0) - (way == 1)
            c = column + (way == 2) - (way == 3)
            if r < 0 or c < 0 or r >= rows or c >= columns:
                continue
            near = r * columns + c
            if values[offset + near] == NOWHERE and part[offset + near] < 0:
                part[offset + near] = number
                stack[size] = near
                size += 1


@_compiled
def fine_parts(
    coarse: Labels, fine: Labels, frame: Floats, shape: Ints
) -> tuple[Ints, tuple[Floats, Floats]]:
    """Connected cells without borders within each block: number of the part of each cell, and a point of each part."""
    part = np.full(len(fine), -1, dtype=np.int64)
    stack = np.empty(256, dtype=np.int64)
    x = np.empty(len(fine), dtype=np.float64)
    y = np.empty(len(fine), dtype=np.float64)
    count = 0
    for at in range(len(coarse)):
        if coarse[at] > FIRST:
            continue
        offset = (FIRST - np.int64(coarse[at])) << 6
        row, column = (at // shape[0]) * 8, (at % shape[0]) * 8
        for inner in range(64):
            if fine[offset + inner] != NOWHERE or part[offset + inner] >= 0:
                continue
            _spread(fine, offset, 8, 8, part, count, inner, stack)
            x[count] = frame[0] + (column + (inner & 7) + 0.5) / frame[2]
            y[count] = frame[1] + (row + (inner >> 3) + 0.5) / frame[3]
            count += 1
    return part, (x[:count].copy(), y[:count].copy())


@_compiled
def coarse_parts(coarse: Labels, frame: Floats, shape: Ints) -> tuple[Ints, tuple[Floats, Floats]]:
    """Connected coarse cells without borders: number of the part of each, and a point of each part."""
    part = np.full(len(coarse), -1, dtype=np.int64)
    # A cell is put on the stack once at most, when it is numbered.
    stack = np.empty(len(coarse) + 1, dtype=np.int64)
    x = np.empty(len(coarse), dtype=np.float64)
    y = np.empty(len(coarse), dtype=np.float64)
    count = 0
    for at in range(len(coarse)):
        if coarse[at] != NOWHERE or part[at] >= 0:
            continue
        _spread(coarse, 0, shape[0], shape[1], part, count, at, stack)
        x[count] = frame[0] + ((at % shape[0]) * 8 + 4.0) / frame[2]
        y[count] = frame[1] + ((at // shape[0]) * 8 + 4.0) / frame[3]
        count += 1
    return part, (x[:count].copy(), y[:count].copy())


@_compiled
def fill_fine(fine: Labels, part: Ints, label: Labels) -> None:
    """Write the label of each part into its cells."""
    for at in range(len(fine)):
        if part[at] >= 0:
            fine[at] = label[part[at]]


@_compiled
def fill_coarse(coarse: Labels, part: Ints, label: Labels) -> None:
    """Write the label of each part into its cells."""
    for at in range(len(coarse)):
        if part[at] >= 0:
            coarse[at] = label[part[at]]
