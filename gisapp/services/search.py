"""Search over everything that has a name, an address or a number, within the reader's scope."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from gisapp.analytics.searching import grams, normalise, spelled, words_of
from gisapp.domain import incoming
from gisapp.domain.access import Reader
from gisapp.domain.codes import CJT214, GBT47678, component_types
from gisapp.domain.vocabulary import label
from gisapp.errors import InputError
from gisapp.services import tracks
from gisapp.store.database import Database
from gisapp.store.search import Wanted, find_entries, names_of_places

KINDS = ("region", "grid", "grid_worker", "poi", "building", "address", "organisation", "event", "component")
"""Kinds of things that can be found; each is a term of the vocabulary and a kind of profile."""
_BARE = {"event", "component"}
"""Kinds that are found in their own tables, where no words for their place stand."""
_BY_PLACE = {"region", "grid"}
"""Kinds whose profile is opened by place key."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found.

    Attributes:
        id: what its profile is opened by.
        point: longitude and latitude, degrees; None where it has no place on the map.
    """

    kind: str
    kind_title: str
    id: str
    title: str
    subtitle: str
    place: str
    point: tuple[float, float] | None

    def as_json(self) -> dict[str, Any]:
        """For the page."""
        return asdict(self)


def search(
    database: Database,
    reader: Reader,
    query: str,
    *,
    limit: int = 12,
    centre: tuple[float, float] | None = None,
    kinds: tuple[str, ...] = (),
) -> list[Hit]:
    """What a reader means by a query, best first.

    Found are names and addresses by any part of them, in full or half width and with any way to write a house number;
    codes and numbers by their beginning; everything with a name by full pinyin or first letters.

    Args:
        query: words that all have to be found.
        limit: largest number of hits.
        centre: longitude and latitude of the map's centre; of two equals the nearer comes first.
        kinds: kinds to look among; all when empty.

    Raises:
        InputError: a kind that there is not.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise InputError(
            f"没有可搜索的类别“{unknown[0]}”。",
            remedy=f"可用：{'、'.join(KINDS)}。",
            details={"field": "kind"},
        )
    query = incoming.text(query, incoming.WORDS, "q")[:80]
    words = words_of(query)
    if not words:
        return []
    letters = "".join(words)
    wanted = Wanted(
        words=words,
        raw=query.split()[:4],
        letters=letters.isascii(),
        pairs=sorted({pair for word in words for pair in grams(word)}),
        letter_pairs=grams("", normalise(letters)) if letters.isascii() else (),
        types=_types(letters),
        centre=centre,
        kinds=kinds,
    )
    watches = tracks.may_watch(reader)
    with database.begin(reader) as connection:
        rows = find_entries(connection, wanted, limit)
        names = names_of_places(connection, {row.place for row in rows if row.kind in _BARE})
    return [
        Hit(
            kind=row.kind,
            kind_title=_kind_title(row.kind, row.place),
            id=row.place if row.kind in _BY_PLACE else str(row.subject_id),
            title=_type_name(row.title) if row.kind == "component" else row.title,
            subtitle=f"{row.subtitle} · {names.get(row.place, '')}" if row.kind in _BARE else row.subtitle,
            place=row.place,
            point=None
            if row.lon is None or (row.kind == "grid_worker" and not watches)
            else (row.lon, row.lat),
        )
        for row in rows
    ]


def _types(query: str) -> tuple[str, ...]:
    """Codes of the component types that a query names: by a part of the name, or by its first letters in full."""
    if len(query) < 2:
        return ()
    return tuple(
        code
        for standard in (GBT47678, CJT214)
        for code, entry in component_types(standard).items()
        if query in entry.name or query == spelled(entry.name)[1]
    )


def _type_name(title: str) -> str:
    for standard in (GBT47678, CJT214):
        entry = component_types(standard).get(title)
        if entry:
            return entry.name
    return title


_LEVELS = {2: "province", 4: "city", 6: "district", 9: "street", 12: "community"}


def _kind_title(kind: str, place: str) -> str:
    return label(_LEVELS.get(len(place), kind)) if kind == "region" else label(kind)
