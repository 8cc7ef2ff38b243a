"""Components (部件) along streets, in parks and in compounds: points, and lines and areas where that is what they are.

All coordinates: EPSG:4549, metres. Codes: GB/T 47678.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gisapp.services.demo.frame import Floats
from gisapp.services.demo.geography import Geoms, Ground, Ints, end_nodes
from gisapp.services.demo.lots import HOMES, Lots
from gisapp.services.demo.roads import Roads
from gisapp.services.demo.stock import Stock

Words = NDArray[np.object_]
_Batch = tuple[str, str, str, Geoms]

# Code, name, department, spacing in metres by kind of street, side: b(oth), s(taggered), o(ne), m(iddle).
_ALONG: tuple[tuple[str, str, str, dict[str, float], str], ...] = (
    ("01037", "路灯", "市政照明中心", {"expressway": 30, "arterial": 30, "secondary": 30, "branch": 32, "lane": 34, "path": 30}, "s"),
    ("04002", "行道树", "园林绿化中心", {"arterial": 8, "secondary": 8, "branch": 9, "lane": 22, "path": 12}, "b"),
    ("01004", "雨水箅子", "市政养护中心", {"expressway": 35, "arterial": 30, "secondary": 32, "branch": 36, "lane": 45}, "b"),
    ("01003", "雨水井盖", "市政养护中心", {"arterial": 45, "secondary": 45, "branch": 50, "lane": 60}, "m"),
    ("01002", "污水井盖", "市政养护中心", {"arterial": 45, "secondary": 45, "branch": 45, "lane": 50, "alley": 50}, "m"),
    ("01001", "供水井盖", "水务集团", {"arterial": 80, "secondary": 80, "branch": 80, "lane": 90}, "m"),
    ("01005", "电力井盖", "供电公司", {"arterial": 90, "secondary": 100, "branch": 120}, "o"),
    ("01007", "通信井盖", "通信运营企业", {"arterial": 75, "secondary": 80, "branch": 95, "lane": 120}, "o"),
    ("01011", "燃气井盖", "燃气公司", {"arterial": 130, "secondary": 130, "branch": 140}, "m"),
    ("01013", "消防设施", "消防救援大队", {"arterial": 115, "secondary": 120, "branch": 120, "lane": 130}, "o"),
    ("01050", "监控电子眼设施", "公安分局", {"expressway": 260, "arterial": 180, "secondary": 190, "branch": 210, "lane": 230}, "o"),
    ("03005", "垃圾箱", "环卫所", {"arterial": 90, "secondary": 90, "branch": 100, "lane": 120, "path": 140}, "s"),
    ("04007", "街头座椅", "园林绿化中心", {"secondary": 170, "branch": 260, "path": 70}, "o"),
    ("02010", "交通标志牌及标线", "交警大队", {"expressway": 180, "arterial": 140, "secondary": 150, "branch": 190}, "s"),
    ("02025", "非机动车停放点", "综合行政执法队", {"arterial": 210, "secondary": 200, "branch": 220}, "s"),
    ("02004", "公交站设施", "公交集团", {"arterial": 460, "secondary": 430}, "b"),
    ("04011", "树池树穴", "园林绿化中心", {"arterial": 48, "secondary": 60}, "b"),
    ("01027", "通信交接箱", "通信运营企业", {"secondary": 320, "branch": 340, "lane": 360}, "o"),
    ("01048", "变压器（箱）", "供电公司", {"branch": 380, "lane": 420}, "o"),
)  # fmt: skip


@dataclass(slots=True)
class Components:
    """Components as columns; ``lot`` is the lot that each lies in."""

    type_code: Words
    name: Words
    department: Words
    state: Words
    shape: Geoms
    lot: Ints


def furnish(ground: Ground, roads: Roads, lots: Lots, stock: Stock, rng: np.random.Generator) -> Components:
    """Components of the full streets."""
    batches: list[_Batch] = []
    kinds = np.array([s.kind for s in roads.streets], dtype=object)[roads.edge_street]
    width = np.array([s.width for s in roads.streets])[roads.edge_street]
    near = _near_full(ground, roads)
    for type_code, title, unit, spacing, side in _ALONG:
        grounded = type_code not in {"01037", "01050"}
        points = [
            _along(roads.edges[mine], width[mine], spacing[kind], side, rng, grounded=grounded)
            for kind in spacing
            if (
                mine := np.flatnonzero(near & (kinds == kind) & ~(roads.bridge & (type_code != "01037")))
            ).size
        ]
        if points:
            batches.append((type_code, title, unit, shapely.points(np.vstack(points))))
    batches += _at_junctions(roads, kinds, near)
    batches += _on_lots(lots, stock, rng)
    batches += _lines_and_areas(ground, roads, lots, near)

    shape = np.concatenate([b[3] for b in batches])
    which = np.repeat(np.arange(len(batches)), [len(b[3]) for b in batches])
    point = np.where(shapely.get_type_id(shape) == 0, shape, shapely.point_on_surface(shape))
    index, lot = shapely.STRtree(ground.lots).query(point, predicate="within")
    lot_of = np.full(len(shape), -1, dtype=np.int64)
    lot_of[index] = lot
    keep = (lot_of >= 0) & lots.full[np.maximum(lot_of, 0)]
    shape, which, lot_of = shape[keep], which[keep], lot_of[keep]
    luck = rng.random(len(shape))
    state = np.select(
        [luck < 0.957, luck < 0.984, luck < 0.991], ["good", "damaged", "missing"], default="unknown"
    )
    code, name, department = (np.array([b[i] for b in batches], dtype=object)[which] for i in range(3))
    return Components(code, name, department, state.astype(object), shape, lot_of)


def _near_full(ground: Ground, roads: Roads) -> NDArray[np.bool_]:
    """Edges within or on the border of the full streets."""
    inside = shapely.union_all([ground.streets[s] for s in sorted(ground.full)]).buffer(3)
    shapely.prepare(inside)
    return np.asarray(
        shapely.contains(inside, shapely.line_interpolate_point(roads.edges, 0.5, normalized=True))
    )


def _along(
    edges: Geoms, width: Floats, spacing: float, side: str, rng: np.random.Generator, *, grounded: bool
) -> Floats:
    """Points at a spacing along edges, on their kerbs or in the carriageway, (n, 2)."""
    length = shapely.length(edges)
    free = np.minimum(9.0, length * 0.25)
    count = np.maximum(np.floor((length - 2 * free) / spacing + rng.random(len(edges))), 0).astype(np.int64)
    sides = 2 if side == "b" else 1
    count = np.where(length < 14, 0, count) * sides
    of = np.repeat(np.arange(len(edges)), count)
    serial = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    step = serial // sides
    share = (step + 0.5) / np.maximum(count[of] // sides, 1)
    at = free[of] + (length[of] - 2 * free[of]) * share + rng.normal(0, min(0.8, spacing * 0.03), len(of))
    if side == "m":
        at += rng.uniform(-0.2, 0.2, len(of)) * spacing
    at = np.clip(at, 0.5, length[of] - 0.5)
    here = shapely.get_coordinates(shapely.line_interpolate_point(edges[of], at))
    back = shapely.get_coordinates(shapely.line_interpolate_point(edges[of], np.maximum(at - 1.0, 0)))
    ahead = shapely.get_coordinates(
        shapely.line_interpolate_point(edges[of], np.minimum(at + 1.0, length[of]))
    )
    along = ahead - back
    along /= np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    across = np.column_stack([-along[:, 1], along[:, 0]])
    if side == "m":
        move = rng.uniform(-0.22, 0.22, len(of)) * width[of]
    else:
        sign = np.where(serial % 2 == 0, 1.0, -1.0) if side in "bs" else np.where(of % 2 == 0, 1.0, -1.0)
        move = sign * (width[of] / 2 - np.minimum(2.4 if grounded else 3.0, width[of] * 0.16))
    return np.asarray(here + across * move[:, None])


def _at_junctions(roads: Roads, kinds: Words, near: NDArray[np.bool_]) -> list[_Batch]:
    """Traffic lights where side streets or avenues meet, name plates at every corner."""
    weight = np.array(
        [{"expressway": 3, "arterial": 3, "secondary": 2, "branch": 1}.get(k, 0) for k in kinds]
    )
    node = end_nodes(roads.edges)
    count = len(roads.edges)
    ends = np.concatenate(
        [
            shapely.get_coordinates(shapely.get_point(roads.edges, 0)),
            shapely.get_coordinates(shapely.get_point(roads.edges, -1)),
        ]
    )
    both = np.concatenate([weight, weight])
    use = np.concatenate([near, near])
    heavy = np.bincount(node[use & (both >= 2)], minlength=int(node.max()) + 1)
    any_arms = np.bincount(node[use & (both >= 1)], minlength=int(node.max()) + 1)
    lights, plates, eyes = [], [], []
    width = np.array([s.width for s in roads.streets])[roads.edge_street]
    lines = roads.edges
    for half, inner in enumerate((1, -2)):
        origin = ends[half * count : (half + 1) * count]
        towards = shapely.get_coordinates(shapely.get_point(lines, inner)) - origin
        towards /= np.maximum(np.hypot(*towards.T), 1e-9)[:, None]
        across = np.column_stack([-towards[:, 1], towards[:, 0]])
        place = node[half * count : (half + 1) * count]
        good = near & (shapely.length(lines) > 30)
        stop = origin + towards * 22 + across * (width / 2 - 2.2)[:, None]
        lights.append(stop[good & (heavy[place] >= 3) & (weight >= 2)])
        plates.append(
            (origin + towards * 14 - across * (width / 2 - 1.6)[:, None])[
                good & (any_arms[place] >= 3) & (weight >= 1)
            ]
        )
        eyes.append(
            (origin + towards * 18 - across * (width / 2 - 2.6)[:, None])[
                good & (heavy[place] >= 3) & (weight >= 2)
            ]
        )
    return [
        ("02014", "交通信号灯", "交警大队", shapely.points(np.vstack(lights))),
        ("02012", "路名牌", "民政局地名办", shapely.points(np.vstack(plates))),
        ("01050", "监控电子眼设施", "公安分局", shapely.points(np.vstack(eyes))),
    ]


def _on_lots(lots: Lots, stock: Stock, rng: np.random.Generator) -> list[_Batch]:
    """What stands in compounds and parks: parcel lockers, chargers, exercise places, notice boards, toilets."""
    homes = np.isin(stock.kind, HOMES)
    doors = stock.door[homes & (stock.kind != "old")]
    outside = doors + rng.uniform(-2.5, 2.5, doors.shape)
    pick = rng.random(len(doors))
    parks = np.array(
        [y for y, u in zip(lots.yards, lots.use, strict=True) if u == "park" and y.area > 1500], dtype=object
    )
    markets = np.array(
        [y for y, u in zip(lots.yards, lots.use, strict=True) if u in {"market", "public"}], dtype=object
    )
    centres = shapely.point_on_surface(np.concatenate([parks, markets]))
    everywhere = stock.door[stock.kind == "old"]
    few = rng.random(len(everywhere)) < 0.05
    return [
        ("01075", "快递柜", "物业服务企业", shapely.points(outside[pick < 0.16])),
        ("01054", "充电桩", "物业服务企业", shapely.points(outside[(pick > 0.2) & (pick < 0.42)])),
        ("01046", "户外健身设施", "社区居民委员会", shapely.points(outside[(pick > 0.5) & (pick < 0.57)])),
        ("03008", "宣传栏", "社区居民委员会", shapely.points(outside[(pick > 0.6) & (pick < 0.7)])),
        ("03004", "垃圾间（楼）", "环卫所", shapely.points(outside[(pick > 0.75) & (pick < 0.84)])),
        ("01013", "消防设施", "消防救援大队", shapely.points(everywhere[few])),
        ("03001", "公共厕所", "环卫所", centres[rng.random(len(centres)) < 0.7]),
    ]  # fmt: skip


def _lines_and_areas(ground: Ground, roads: Roads, lots: Lots, near: NDArray[np.bool_]) -> list[_Batch]:
    """Railings along the water, bridges as lines; green areas as areas."""
    kinds = np.array([s.kind for s in roads.streets], dtype=object)[roads.edge_street]
    rails = roads.edges[near & (kinds == "path") & (shapely.length(roads.edges) > 15)]
    bridges = roads.edges[near & roads.bridge]
    parks = np.array(
        [y for y, u in zip(lots.yards, lots.use, strict=True) if u == "park" and y.area > 600], dtype=object
    )
    return [
        ("01070", "水域护栏", "河道管理中心", rails),
        ("02009", "跨河桥", "市政养护中心", bridges),
        ("04013", "绿地", "园林绿化中心", parks),
    ]
