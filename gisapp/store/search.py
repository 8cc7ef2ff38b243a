"""Looking for things by what people type; row security holds as everywhere.

Each way to find something is one branch with a small limit of its own, served by one index; the branches are ranked
together afterwards. Names are looked for in ``search_entry``, components by type and cases by title in their own tables,
which change too often and are too many to be copied.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from gisapp.domain.tiles import Tile

_LAST = "\U0010ffff"
"""Sorts after every character: with it a prefix is a range, which the planner can bind to an ordinary index."""
_NEAR_ZOOM = 15
TOP_WEIGHT = 26
_DIGITS = (9, 12, 15)
_ENTRY = (
    "SELECT {rank} AS rank, e.kind, e.subject_id, e.place, e.title, e.subtitle, e.weight, length(e.key) AS length, e.geom "
    "FROM onemap.search_entry e WHERE {where}"
)
_COMPONENT = (
    "SELECT {rank} AS rank, 'component' AS kind, e.id AS subject_id, e.place, "
    "coalesce(nullif(e.name, ''), e.type_code) AS title, e.code AS subtitle, 50 AS weight, 9 AS length, "
    "CASE WHEN geometrytype(e.geom) = 'POINT' THEN e.geom ELSE st_pointonsurface(e.geom) END AS geom "
    "FROM onemap.component e WHERE {where}"
)
_EVENT = (
    "SELECT {rank} AS rank, 'event' AS kind, e.id AS subject_id, e.place, e.title, e.number AS subtitle, "
    "CASE WHEN e.closed_at IS NULL THEN 44 ELSE 60 END AS weight, 9 AS length, e.geom "
    "FROM onemap.event e WHERE {where}"
)
_RECENT = "e.reported_at >= now() - interval '60 days'"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for.

    Attributes:
        words: normalised words; all have to be found.
        raw: the words as they were typed, for titles that are not normalised.
        letters: whether the query is Latin letters and digits only, so that it may be pinyin.
        pairs: numbers of the pairs of neighbouring characters in the words.
        letter_pairs: those of the query taken as first letters.
        types: codes of component types that the query names.
        centre: longitude and latitude of the map's centre, degrees.
        kinds: kinds to look among; empty for all.
    """

    words: Sequence[str]
    raw: Sequence[str]
    letters: bool
    pairs: Sequence[int]
    letter_pairs: Sequence[int]
    types: Sequence[str]
    centre: tuple[float, float] | None
    kinds: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Branch:
    rank: int
    where: str
    limit: int
    order: str = ""
    select: str = _ENTRY

    def sql(self, more: str) -> str:
        chosen = self.select.format(rank=self.rank, where=self.where)
        return f"({chosen}{more if self.select is _ENTRY else ''}{self.order} LIMIT {self.limit})"


def find_entries(connection: Connection, wanted: Wanted, limit: int) -> Sequence[Any]:
    """Best entries first: ``kind, subject_id, place, title, subtitle, lon, lat``."""
    given: dict[str, Any] = {"limit": limit, "kinds": list(wanted.kinds)}
    branches = [
        *_names(wanted, given),
        *(_components(wanted, given) if not wanted.kinds or "component" in wanted.kinds else ()),
        *(_events(wanted, given) if not wanted.kinds or "event" in wanted.kinds else ()),
    ]
    among = " AND e.kind = ANY(CAST(:kinds AS text[]))" if wanted.kinds else ""
    union = " UNION ALL ".join(branch.sql(among) for branch in branches)
    distance = "0.0::float"
    if wanted.centre:
        given["lon"], given["lat"] = wanted.centre
        # Degrees of latitude; good enough for an order within a city.
        distance = "coalesce(((st_x(f.geom) - :lon) * cosd(:lat)) ^ 2 + (st_y(f.geom) - :lat) ^ 2, 1e9)"
    statement = f"""
SELECT f.kind, f.subject_id, f.place, f.title, f.subtitle, st_x(f.geom) AS lon, st_y(f.geom) AS lat
  FROM (SELECT DISTINCT ON (u.kind, u.subject_id) u.* FROM ({union}) u ORDER BY u.kind, u.subject_id, u.rank) f
 ORDER BY f.rank, f.weight, {distance}, f.length, f.title, f.subject_id
 LIMIT :limit"""
    return connection.execute(text(statement), given).all()


def names_of_places(connection: Connection, places: Collection[str]) -> dict[str, str]:
    """Street, community and grid of places in words, by place key."""
    if not places:
        return {}
    rows = connection.execute(
        text(
            "SELECT place, name FROM onemap.region WHERE place = ANY(CAST(:keys AS text[])) UNION ALL "
            "SELECT place, name FROM onemap.grid WHERE place = ANY(CAST(:keys AS text[])) AND valid_to IS NULL"
        ),
        {"keys": sorted({place[:digits] for place in places for digits in _DIGITS})},
    )
    names = {row.place: row.name for row in rows}
    return {
        place: " ".join(names[place[:n]] for n in _DIGITS if len(place) >= n and place[:n] in names)
        for place in places
    }


def _names(wanted: Wanted, given: dict[str, Any]) -> list[_Branch]:
    first, whole = wanted.words[0], "".join(wanted.words)
    given |= {"whole": whole, "whole_end": whole + _LAST, "first": first, "first_end": first + _LAST}
    contains = _contains(wanted.words, given, "e.key", "word")
    branches = [
        _Branch(0, "e.key = :whole", 60),
        # Regions and grids are few and meant more often than anything in them: none may be cut off by a limit.
        _Branch(
            1,
            f"e.weight <= {TOP_WEIGHT} AND {_begins(whole, wanted.letters)}",
            60,
            " ORDER BY e.weight, e.key",
        ),
        _Branch(1, f"e.key >= :first AND e.key < :first_end AND {contains}", 120, " ORDER BY e.key"),
    ]
    if whole.isascii() and whole.isalnum():
        given |= {"code": whole.upper(), "code_end": whole.upper() + _LAST}
        branches.append(_Branch(0, "e.code = :code", 20))
        if len(whole) >= 3:
            branches.append(_Branch(2, "e.code >= :code AND e.code < :code_end", 60, " ORDER BY e.code"))
    if wanted.pairs:
        given["pairs"] = list(wanted.pairs)
        within = f"e.grams @> CAST(:pairs AS integer[]) AND {contains}"
        branches.append(_Branch(3, within, 400))
        if wanted.centre:
            branches.append(_Branch(3, f"{within} AND ({_near(wanted.centre)})", 200))
    if wanted.letters and whole.isalnum():
        branches.append(_Branch(1, "e.initials = :whole", 60))
        branches.append(
            _Branch(2, "e.initials >= :whole AND e.initials < :whole_end", 120, " ORDER BY e.initials")
        )
        branches.append(_Branch(2, "e.pinyin >= :whole AND e.pinyin < :whole_end", 120, " ORDER BY e.pinyin"))
        if len(wanted.letter_pairs) >= 2:
            given |= {"letter_pairs": list(wanted.letter_pairs), "letters": f"%{whole}%"}
            within = "e.grams @> CAST(:letter_pairs AS integer[]) AND e.initials LIKE :letters"
            branches.append(_Branch(3, within, 300))
    return branches


def _begins(whole: str, letters: bool) -> str:
    columns = ("e.key", "e.initials", "e.pinyin") if letters and whole.isalnum() else ("e.key",)
    return "(" + " OR ".join(f"{column} >= :whole AND {column} < :whole_end" for column in columns) + ")"


def _components(wanted: Wanted, given: dict[str, Any]) -> list[_Branch]:
    branches = []
    whole = "".join(wanted.words)
    if whole.isascii() and whole.isalnum() and len(whole) >= 4:
        given["code_like"] = whole.upper() + "%"
        branches.append(_Branch(2, "e.code LIKE :code_like", 30, select=_COMPONENT))
    if wanted.types:
        given["types"] = list(wanted.types)
        near = f" AND ({_near(wanted.centre)})" if wanted.centre else ""
        branches.append(
            _Branch(3, f"e.type_code = ANY(CAST(:types AS text[])){near}", 400, select=_COMPONENT)
        )
    return branches


def _events(wanted: Wanted, given: dict[str, Any]) -> list[_Branch]:
    whole = "".join(wanted.words)
    if whole.isascii() and whole.isalnum():
        given["number_like"] = whole.upper() + "%"
        return [_Branch(2, "e.number LIKE :number_like", 30, select=_EVENT)] if len(whole) >= 6 else []
    contains = _contains(wanted.raw, given, "e.title", "title")
    newest = " ORDER BY e.reported_at DESC"
    return [_Branch(3, f"{_RECENT} AND {contains}", 40, newest, _EVENT)]


def _contains(words: Sequence[str], given: dict[str, Any], column: str, name: str) -> str:
    made = []
    for i, word in enumerate(words):
        given[f"{name}{i}"] = "%" + word.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"
        made.append(f"{column} LIKE :{name}{i}")
    return " AND ".join(made)


def _near(centre: tuple[float, float]) -> str:
    """Ranges of Morton numbers of the nine tiles of zoom 15 (about 1 km each) around a point."""
    middle = Tile.at(_NEAR_ZOOM, *centre)
    most = (1 << _NEAR_ZOOM) - 1
    around = {
        Tile(_NEAR_ZOOM, min(most, max(0, middle.x + dx)), min(most, max(0, middle.y + dy)))
        for dx in (-1, 0, 1)
        for dy in (-1, 0, 1)
    }
    merged: list[list[int]] = []
    for first, last in sorted(tile.keys() for tile in around):
        if merged and merged[-1][1] == first:
            merged[-1][1] = last
        else:
            merged.append([first, last])
    return " OR ".join(f"e.tile_key >= {first} AND e.tile_key < {last}" for first, last in merged)
