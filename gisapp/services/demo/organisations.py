"""Organisations in shops, offices and institutions, and the places of public interest among them.

Unified social credit codes have right check digits (GB 32100, with the organisation code's own check of GB 11714) and
name a registration office whose division code was never assigned (3399xx), so none can be a real one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gisapp.services.demo.frame import Floats
from gisapp.services.demo.geography import Ground, Ints
from gisapp.services.demo.lots import Lots
from gisapp.services.demo.names import stems
from gisapp.services.demo.stock import Stock

Words = NDArray[np.object_]

_ALPHABET = np.array(list("0123456789ABCDEFGHJKLMNPQRTUWXY"))
_AREA_CODE = 339_900

# Trade, how its places are classed for the public ("" for none), opening hours, weight among shops.
_SHOP_TRADES = (
    ("小吃店", "餐饮", "06:00-20:00", 10), ("餐饮店", "餐饮", "10:00-21:30", 12), ("面馆", "餐饮", "06:30-20:30", 7),
    ("咖啡店", "餐饮", "08:00-22:00", 5), ("茶饮店", "餐饮", "10:00-22:00", 6), ("便利店", "购物", "00:00-24:00", 9),
    ("超市", "购物", "07:30-22:00", 4), ("水果店", "购物", "07:30-22:00", 7), ("烘焙坊", "购物", "07:00-21:00", 3),
    ("服装店", "购物", "09:30-21:00", 8), ("药店", "卫生", "08:00-21:30", 3), ("诊所", "卫生", "08:00-20:00", 2),
    ("理发店", "便民服务", "09:30-21:00", 7), ("洗衣店", "便民服务", "08:30-20:30", 3), ("五金店", "便民服务", "08:00-19:00", 4),
    ("快递驿站", "便民服务", "08:00-21:30", 4), ("家政服务部", "便民服务", "08:30-18:00", 3), ("开锁修配部", "便民服务", "08:00-20:00", 2),
    ("棋牌室", "娱乐", "12:00-24:00", 2), ("健身房", "体育", "07:00-22:00", 2), ("书店", "文化", "09:00-21:00", 1),
    ("房产经纪店", "", "", 5), ("烟酒店", "购物", "08:30-22:00", 4), ("文印店", "便民服务", "08:30-18:30", 2),
)  # fmt: skip
_OFFICE_TRADES = (
    "科技", "信息技术", "网络科技", "电子商务", "文化传媒", "企业管理", "贸易", "建筑设计", "装饰工程", "物业服务", "人力资源",
    "会计服务", "教育咨询", "广告", "物流", "医疗科技", "环保科技", "投资管理",
)  # fmt: skip


@dataclass(slots=True)
class Organisations:
    """Organisations as columns; ``room`` is −1 for those that have a whole building."""

    name: Words
    credit_code: Words
    kind: Words
    building: Ints
    room: Ints
    point: Floats
    phone: Words


@dataclass(slots=True)
class Places:
    """Places of public interest as columns; ``building`` is −1 where there is none."""

    name: Words
    kind: Words
    hours: Words
    phone: Words
    building: Ints
    lot: Ints
    point: Floats


def credit_codes(prefix: NDArray[np.str_], serial: Ints, district: int) -> Words:
    """Codes of 18 characters.

    Args:
        prefix: two characters each: registering department and kind of organisation.
        serial: running number, becomes the organisation code.
    """
    body = serial + 10_000_000 * 3 + 17
    digits = body[:, None] // 10 ** np.arange(7, -1, -1, dtype=np.int64) % 10
    own = (11 - (digits * np.array([3, 7, 9, 10, 5, 8, 4, 2])).sum(axis=1) % 11) % 11
    own_check = np.array(list("0123456789X"))[own]
    first = np.char.add(
        np.char.add(prefix, str(_AREA_CODE + district)), np.char.add(body.astype(str), own_check)
    )
    value = {c: i for i, c in enumerate(_ALPHABET.tolist())}
    table = np.zeros(128, dtype=np.int64)
    for character, number in value.items():
        table[ord(character)] = number
    letters = first.astype("U17").view(np.uint32).reshape(len(first), 17)
    weights = np.array([pow(3, i, 31) for i in range(17)])
    check = _ALPHABET[-(table[letters] * weights).sum(axis=1) % 31]
    return np.char.add(first, check).astype(object)


def _fixed_phone(serial: Ints) -> Words:
    """0571 with a local number beginning with 0, which none does."""
    return np.char.add("05710", np.char.zfill((serial * 7_919 % 10_000_000).astype(str), 7)).astype(object)


def found(
    ground: Ground, lots: Lots, stock: Stock, rng: np.random.Generator, district: int, city: str
) -> tuple[Organisations, Places]:
    """Organisations and places of the full streets.

    Args:
        city: short name that companies bear, for example 杭州.
    """
    pool = np.array(stems(rng), dtype=object)
    rooms = np.flatnonzero(~stock.room_home)
    rooms = rooms[
        rng.random(len(rooms)) < np.where(stock.kind[stock.room_building[rooms]] == "office", 0.55, 0.82)
    ]
    building = stock.room_building[rooms]
    office = np.isin(stock.kind[building], ["office", "industry"])
    weight = np.array([t[3] for t in _SHOP_TRADES], dtype=float)
    trade = rng.choice(len(_SHOP_TRADES), size=len(rooms), p=weight / weight.sum())
    stem = pool[rng.integers(len(pool), size=len(rooms))]
    shop_name = stem + np.array([t[0] for t in _SHOP_TRADES], dtype=object)[trade]
    office_name = (
        city
        + stem
        + np.array(_OFFICE_TRADES, dtype=object)[rng.integers(len(_OFFICE_TRADES), size=len(rooms))]
        + "有限公司"
    )
    name = np.where(office, office_name, shop_name)
    kind = np.where(office, "企业", "个体工商户")
    code = np.where(office, "91", "92")
    point = _inside(stock, building, rng)

    whole = np.flatnonzero(
        np.isin(stock.kind, ["school", "kindergarten", "hospital", "public", "hotel", "mall", "market"])
    )
    _, first = np.unique(stock.lot[whole], return_index=True)
    whole = whole[first]
    use = stock.kind[whole]
    own_name = stock.lot_name[stock.lot[whole]]
    own_kind = np.select(
        [np.isin(use, ["school", "kindergarten", "hospital"]), use == "public"],
        ["事业单位", "机关"],
        default="企业",
    )
    own_code = np.select([own_kind == "事业单位", own_kind == "机关"], ["12", "11"], default="91")
    own_name = np.where(own_kind == "企业", city + own_name + "有限公司", own_name)

    homes = _service_houses(ground, stock)
    committee = np.array([ground.communities[c].name for c in homes], dtype=object)
    seats = np.array(list(homes.values()), dtype=np.int64)
    every_building = np.concatenate([building, whole, seats])
    serial = np.arange(len(every_building), dtype=np.int64)
    organisations = Organisations(
        np.concatenate([name, own_name, committee + "居民委员会"]).astype(object),
        credit_codes(
            np.concatenate([code, own_code, np.full(len(seats), "54")]).astype("U2"), serial, district
        ),
        np.concatenate([kind, own_kind, np.full(len(seats), "基层群众性自治组织")]).astype(object),
        every_building,
        np.concatenate([rooms, np.full(len(whole) + len(seats), -1)]),
        np.vstack([point, _inside(stock, whole, rng), _inside(stock, seats, rng)]),
        _fixed_phone(serial),
    )
    places = _public(
        ground, lots, stock, rng, (name, trade, building, point, ~office), (whole, use), (committee, seats)
    )
    return organisations, places


def _inside(stock: Stock, building: Ints, rng: np.random.Generator) -> Floats:
    """Points near the entrance within each building's footprint."""
    door = stock.door[building]
    centre = np.array([[s.centroid.x, s.centroid.y] for s in stock.shape[building]]).reshape(-1, 2)
    return door + (centre - door) * rng.uniform(0.15, 0.85, (len(door), 1))


def _service_houses(ground: Ground, stock: Stock) -> dict[int, int]:
    """A building for each community's service station: a shop front or, failing that, any house."""
    seats: dict[int, int] = {}
    community = ground.lot_community[stock.lot]
    good = np.isin(stock.kind, ["shops", "public"])
    for index in np.unique(community):
        mine = np.flatnonzero((community == index) & good)
        if not len(mine):
            mine = np.flatnonzero(community == index)
        centre = ground.communities[int(index)].polygon.centroid
        away = np.hypot(stock.door[mine, 0] - centre.x, stock.door[mine, 1] - centre.y)
        seats[int(index)] = int(mine[int(np.argmin(away))])
    return seats


def _public(
    ground: Ground,
    lots: Lots,
    stock: Stock,
    rng: np.random.Generator,
    shops: tuple[Words, Ints, Ints, Floats, NDArray[np.bool_]],
    whole: tuple[Ints, Words],
    seats: tuple[Words, Ints],
) -> Places:
    name, trade, building, point, is_shop = shops
    kinds = np.array([t[1] for t in _SHOP_TRADES], dtype=object)[trade]
    hours = np.array([t[2] for t in _SHOP_TRADES], dtype=object)[trade]
    listed = np.flatnonzero(is_shop & (kinds != "") & (rng.random(len(trade)) < 0.6))
    institutions, use = whole
    lot_name = stock.lot_name[stock.lot[institutions]]
    word = {
        "school": "学校", "kindergarten": "学校", "hospital": "卫生", "public": "办事机构", "hotel": "宾馆",
        "mall": "购物", "market": "购物",
    }  # fmt: skip
    open_at = {
        "hospital": "00:00-24:00",
        "hotel": "00:00-24:00",
        "mall": "10:00-22:00",
        "market": "05:30-19:00",
    }
    of_use = np.array([word[u] for u in use], dtype=object)
    of_use = np.where([n.endswith("文化中心") for n in lot_name], "文化", of_use)
    committee, houses = seats
    parks = np.array(
        [i for i in np.flatnonzero(lots.use == "park") if stock.lot_name[i] and lots.yards[i].area > 1800],
        dtype=np.int64,
    )
    park_points = np.array([lots.yards[i].representative_point().coords[0] for i in parks]).reshape(-1, 2)
    count = (len(listed), len(institutions), len(houses), len(houses), len(parks))
    all_buildings = np.concatenate(
        [building[listed], institutions, houses, houses, np.full(len(parks), -1, dtype=np.int64)]
    )
    lot = np.concatenate([stock.lot[all_buildings[: sum(count[:4])]], parks])
    phones = _fixed_phone(np.arange(sum(count)) + 5_000_000)
    phones[sum(count[:4]) :] = ""
    return Places(
        np.concatenate(
            [
                name[listed],
                lot_name,
                committee + "党群服务中心",
                committee + "卫生服务站",
                stock.lot_name[parks],
            ]
        ).astype(object),
        np.concatenate(
            [
                kinds[listed],
                of_use,
                np.full(count[2], "办事机构"),
                np.full(count[3], "卫生"),
                np.full(count[4], "公园"),
            ]
        ).astype(object),
        np.concatenate(
            [
                hours[listed],
                np.array([open_at.get(u, "08:30-17:00") for u in use], dtype=object),
                np.full(count[2], "08:30-17:30"),
                np.full(count[3], "08:00-17:00"),
                np.full(count[4], "00:00-24:00"),
            ]
        ).astype(object),
        phones,
        all_buildings,
        lot,
        np.vstack(
            [
                point[listed],
                _inside(stock, institutions, rng),
                _inside(stock, houses, rng),
                _inside(stock, houses, rng),
                park_points,
            ]
        ),
    )
