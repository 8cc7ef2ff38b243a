"""Households and people: sizes, ages, kinship, kinds of residence, names and numbers. Invented, every one of them.

Identity numbers have the right check digit and an area code that was never assigned (3399xx); telephone numbers lie in
the unassigned range 154. Both fail nobody's checks and belong to nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from gisapp.services.demo.frame import Floats
from gisapp.services.demo.geography import Ints
from gisapp.services.demo.names import given_names, surnames

Words = NDArray[np.object_]
Days = NDArray[np.datetime64]

# Kinds of household, with their share by kind of building (per cent).
_TYPES = ("elder", "elders", "single", "couple", "family", "family2", "three", "shared", "parent")
_SHARES = {
    "slab": (10, 15, 15, 14, 20, 4, 8, 9, 5),
    "old": (15, 16, 16, 12, 14, 3, 7, 13, 4),
    "mid": (5, 12, 13, 17, 28, 8, 10, 3, 4),
    "tower": (3, 8, 14, 19, 31, 10, 9, 3, 3),
    "village": (4, 8, 22, 16, 14, 4, 8, 22, 2),
}
_ROLES = {
    "elder": ("head",),
    "elders": ("head", "spouse"),
    "single": ("head",),
    "couple": ("head", "spouse"),
    "family": ("head", "spouse", "child"),
    "family2": ("head", "spouse", "child", "child2"),
    "three": ("head", "spouse", "child", "mother", "father"),
    "shared": ("head", "mate", "mate", "mate"),
    "parent": ("head", "child"),
}
_AREA_CODE = 339_900
_PHONE_BASE = 154_0000_0000


@dataclass(slots=True)
class People:
    """People as columns; ``room`` is the row of the room they live in."""

    room: Ints
    kinship: Words
    name: Words
    id_number: Words
    phone: Words
    birth: Days
    female: NDArray[np.bool_]
    residence: Words
    education: Words
    occupation: Words


def check_digits(first17: NDArray[np.int64]) -> NDArray[np.str_]:
    """Check characters (ISO 7064 MOD 11-2) of numbers given as (n, 17) digits."""
    weights = np.array([pow(2, 17 - i, 11) for i in range(17)])
    return np.asarray(np.array(list("10X98765432"))[(first17 * weights).sum(axis=1) % 11])


def settle(
    quarters: Sequence[Words], wanted: Sequence[int], rng: np.random.Generator, today: date, district: int
) -> tuple[People, Words]:
    """Fill flats with households.

    Args:
        quarters: kind of building of every flat, part by part of the town; rows count through all parts.
        wanted: number of people to settle in each part, if its flats suffice.
        district: serial number of the district, keeps identity and telephone numbers of districts apart.

    Returns:
        People, in the order of flats; use of each flat (owner_occupied, rented, vacant).
    """
    room_kind = np.concatenate(list(quarters))
    count = len(room_kind)
    kind = np.empty(count, dtype=np.int64)
    for building, shares in _SHARES.items():
        mine = np.flatnonzero(room_kind == building)
        weight = np.array(shares, dtype=float)
        kind[mine] = rng.choice(len(_TYPES), size=len(mine), p=weight / weight.sum())
    size = np.array([len(_ROLES[t]) for t in _TYPES])[kind]
    three, shared = kind == _TYPES.index("three"), kind == _TYPES.index("shared")
    size = np.where(three & (rng.random(count) < 0.45), 4, size)
    size = np.where(shared, rng.integers(2, 5, count), size)
    # Vacancy is what is left when everybody wanted has moved in.
    part = np.repeat(np.arange(len(quarters)), [len(q) for q in quarters])
    capacity = np.bincount(part, weights=size, minlength=len(quarters))
    share = np.minimum(0.97, np.asarray(wanted) / np.maximum(capacity, 1.0))
    lived_in = rng.random(count) < share[part]
    use = np.full(count, "vacant", dtype=object)
    rooms = np.flatnonzero(lived_in)
    member_room = np.repeat(rooms, size[rooms])
    member = np.arange(len(member_room)) - np.repeat(np.cumsum(size[rooms]) - size[rooms], size[rooms])
    role = np.empty(len(member_room), dtype=object)
    for index, household in enumerate(_TYPES):
        mine = np.flatnonzero(kind[member_room] == index)
        roles = np.array(_ROLES[household], dtype=object)
        role[mine] = roles[np.minimum(member[mine], len(roles) - 1)]

    age, female = _ages(kind, count, role, member_room, member, rng)
    status, household_use = _status(kind, room_kind, rng)
    use[rooms] = household_use[rooms]
    residence = status[member_room]
    # Newcomers in a registered household: grandparents from elsewhere, a spouse whose papers are still at home.
    mixed = (
        (residence == "registered")
        & np.isin(role, ["mother", "father", "spouse"])
        & (rng.random(len(role)) < 0.06)
    )
    residence = np.where(mixed, "resident", residence)
    days = np.minimum((age * 365.2425 + rng.random(len(age)) * 365.0).astype(np.int64), 105 * 365)
    birth = np.datetime64(today) - days.astype("timedelta64[D]")
    year = birth.astype("datetime64[Y]").astype(np.int64) + 1970
    names = _names(count, member_room, role, female, year, rng)
    kinship = _kinship(role, female)
    people = People(
        member_room,
        kinship,
        names,
        _id_numbers(birth, female, district),
        _phones(age, district, rng),
        birth,
        female,
        residence,
        _education(age, residence, rng),
        _occupation(age, female, rng),
    )
    return people, use


def _ages(
    kind: Ints, count: int, role: Words, room: Ints, member: Ints, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.bool_]]:
    """Ages in years and sex. Parents are 20 to 45 years older than their children, couples close in age."""
    types = {name: index for index, name in enumerate(_TYPES)}
    child = np.minimum(rng.gamma(2.2, 5.2, count), 27.0)
    head = np.select(
        [kind == types[t] for t in ("elder", "elders", "single", "couple", "shared")],
        [
            np.clip(rng.normal(76, 8, count), 62, 99),
            np.clip(rng.normal(66, 7.5, count), 50, 96),
            np.clip(25 + rng.gamma(1.9, 7.5, count), 21, 64),
            np.clip(27 + rng.gamma(2.0, 7.0, count), 22, 62),
            np.clip(21 + rng.gamma(1.8, 4.5, count), 18, 52),
        ],
        default=child + np.clip(rng.normal(29.5, 4.2, count), 20, 44),
    )
    head_female = rng.random(count) < np.where(
        kind == types["elder"],
        0.68,
        np.where(kind == types["parent"], 0.82, np.where(kind == types["single"], 0.44, 0.22)),
    )
    gap = np.where(head_female, rng.normal(2.0, 2.6, count), rng.normal(-2.0, 2.6, count)).clip(-9, 9)
    older = np.clip(rng.normal(27, 4, count), 20, 42)
    spouse = np.maximum(head + gap, 20)
    second = child - rng.uniform(2, 7, count)
    # The second child is the younger one; where that would be before its birth, it is the elder instead.
    second = np.where(second < 0, child + rng.uniform(1.5, 4, count), second)
    young = np.isin(kind, [types["family"], types["family2"], types["three"], types["parent"]])
    head = np.where(young, np.maximum(head, np.maximum(child, second) + 20), head)
    spouse = np.where(young, np.maximum(spouse, np.maximum(child, second) + 20), spouse)
    own = np.clip(21 + rng.gamma(1.8, 4.5, len(room)), 18, 55)
    age = np.select(
        [role == r for r in ("head", "spouse", "child", "child2", "mother", "father")],
        [
            head[room],
            spouse[room],
            child[room],
            second[room],
            np.minimum(np.maximum(head, spouse)[room] + older[room] - 1.5, 99),
            np.minimum(np.maximum(head, spouse)[room] + older[room] + 1.0, 101),
        ],
        default=own,
    )
    random_sex = rng.random(len(room)) < np.where(age < 30, 0.478, 0.49)
    female = np.select(
        [role == "head", role == "spouse", role == "mother", role == "father"],
        [head_female[room], ~head_female[room], np.ones(len(room), bool), np.zeros(len(room), bool)],
        default=random_sex,
    )
    return age, female


def _status(kind: Ints, room_kind: Words, rng: np.random.Generator) -> tuple[Words, Words]:
    """Residence of households (registered, resident, floating) and whether they own or rent."""
    types = {name: index for index, name in enumerate(_TYPES)}
    registered = np.full(len(kind), 0.66)
    registered[np.isin(kind, [types["elder"], types["elders"]])] = 0.88
    registered[kind == types["single"]] = 0.40
    registered[kind == types["shared"]] = 0.04
    registered[room_kind == "village"] *= 0.55
    registered[room_kind == "tower"] *= 0.94
    draw = rng.random(len(kind))
    floating_from = registered + (1 - registered) * np.where(kind == types["shared"], 0.38, 0.60)
    status = np.where(draw < registered, "registered", np.where(draw < floating_from, "resident", "floating"))
    owns = rng.random(len(kind)) < np.select(
        [status == "registered", status == "resident"], [0.94, 0.42], default=0.02
    )
    return status.astype(object), np.where(owns, "owner_occupied", "rented").astype(object)


def _names(
    count: int, room: Ints, role: Words, female: NDArray[np.bool_], year: Ints, rng: np.random.Generator
) -> Words:
    """Children bear the father's surname, so do his parents' sons; everybody else has one of their own."""
    head, spouse = surnames(count, rng), surnames(count, rng)
    own = surnames(len(room), rng)
    head_female = np.zeros(count, dtype=bool)
    heads = role == "head"
    head_female[room[heads]] = female[heads]
    alone = np.bincount(room[role == "spouse"], minlength=count) == 0
    father = np.where(head_female & ~alone, spouse, head)
    family = np.select(
        [role == "head", role == "spouse", np.isin(role, ["child", "child2"]), role == "father"],
        [head[room], spouse[room], father[room], head[room]],
        default=own,
    )
    return np.asarray(family + given_names(female, year, rng), dtype=object)


def _kinship(role: Words, female: NDArray[np.bool_]) -> Words:
    word = {"head": "户主", "spouse": "配偶", "mother": "母亲", "father": "父亲", "mate": "合住"}
    result = np.array([word.get(r, "") for r in role], dtype=object)
    child = np.isin(role, ["child", "child2"])
    return np.where(child, np.where(female, "女儿", "儿子"), result).astype(object)


def _id_numbers(birth: Days, female: NDArray[np.bool_], district: int) -> Words:
    """18 characters, each once: serial numbers count people of one birthday, odd for men and even for women."""
    day = birth.astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    stamp = (
        (day.astype("datetime64[Y]").astype(np.int64) + 1970) * 10000
        + (month.astype(np.int64) % 12 + 1) * 100
        + (day - month).astype(np.int64)
        + 1
    )
    key = stamp * 2 + female
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    start = np.searchsorted(ordered, ordered)
    serial = np.empty(len(key), dtype=np.int64)
    serial[order] = np.arange(len(key)) - start
    if len(serial) and serial.max() > 499:
        raise ValueError("more than 500 people of one sex share a birthday in a district")
    body = ((_AREA_CODE + district) * 10**8 + stamp) * 1000 + serial * 2 + np.where(female, 0, 1)
    digits = body[:, None] // 10 ** np.arange(16, -1, -1, dtype=np.int64) % 10
    return np.char.add(body.astype(str), check_digits(digits)).astype(object)


def _phones(age: Floats, district: int, rng: np.random.Generator) -> Words:
    """Eleven digits in the unassigned range 154, each once; small children have none."""
    count = len(age)
    # Multiplying by a number prime to 10⁸ scatters the serial numbers without ever meeting twice.
    serial = (np.arange(count, dtype=np.int64) + district * 1_000_000) * 41_803_763 % 10**8
    has = (age > 11) & (rng.random(count) < np.where(age > 75, 0.82, 0.97))
    return np.where(has, (_PHONE_BASE + serial).astype(str).astype(object), "").astype(object)


def _education(age: Floats, residence: Words, rng: np.random.Generator) -> Words:
    """Level of education reached: later cohorts stayed longer at school."""
    draw = rng.random(len(age)) - np.clip((62 - age) / 220, -0.15, 0.18)
    adult = np.select(
        [draw < 0.10, draw < 0.36, draw < 0.58, draw < 0.72, draw < 0.97],
        ["研究生", "大学本科", "大学专科", "高中", "初中"],
        default="小学",
    )
    adult = np.where((age > 68) & (draw > 0.30), np.where(draw < 0.62, "初中", "小学"), adult)
    adult = np.where((age < 24) & (adult == "研究生"), "大学本科", adult)
    return np.select(
        [age < 3, age < 6.2, age < 12.2, age < 15.2, age < 18.2],
        ["", "学龄前", "小学", "初中", "高中"],
        default=adult,
    ).astype(object)


_JOBS = (
    "企业职员", "专业技术人员", "个体经营", "服务业人员", "生产运输人员", "机关事业单位人员", "自由职业", "待业",
)  # fmt: skip
_JOB_SHARE = (0.34, 0.19, 0.11, 0.15, 0.08, 0.07, 0.03, 0.03)


def _occupation(age: Floats, female: NDArray[np.bool_], rng: np.random.Generator) -> Words:
    jobs = np.array(_JOBS, dtype=object)[rng.choice(len(_JOBS), size=len(age), p=_JOB_SHARE)]
    pension = np.where(female, 54.0, 60.0) + rng.normal(0, 1.2, len(age))
    student = (age >= 6.2) & (age < 22) & (rng.random(len(age)) < np.where(age < 18, 1.0, 0.75))
    return np.select(
        [age < 6.2, student, age > pension], ["学龄前儿童", "学生", "离退休人员"], default=jobs
    ).astype(object)
