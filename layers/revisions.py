"""Which revision of each tileset is current, as far as this process knows for sure.

A revision is learnt from the snapshot that a tile was made in and forgotten when the database says that a table changed.
A tile whose snapshot is older than such a message must not be taken for current: hence the generations.
"""

from __future__ import annotations

from collections.abc import Mapping


class Revisions:
    """Known revisions of tilesets.

    Args:
        families: tables that each tileset is made of.
    """

    def __init__(self, families: Mapping[str, tuple[str, ...]]) -> None:
        self._by_family: dict[str, list[str]] = {}
        for tileset, names in families.items():
            for name in names:
                self._by_family.setdefault(name, []).append(tileset)
        self._known: dict[str, int] = {}
        self._generation: dict[str, int] = dict.fromkeys(families, 0)
        self._listening = False

    def known(self, tileset: str) -> int | None:
        """The current revision; None when it has to be asked for."""
        return self._known.get(tileset)

    def generation(self, tileset: str) -> int:
        """A number to read before a query and to hand to ``learn`` after it."""
        return self._generation[tileset]

    def learn(self, tileset: str, revision: int, generation: int) -> None:
        """Take over what a query read, unless a change was announced since it began."""
        if self._listening and generation == self._generation[tileset]:
            self._known[tileset] = revision

    def changed(self, family: str) -> None:
        """A table has changed."""
        for tileset in self._by_family.get(family, ()):
            self._generation[tileset] += 1
            self._known.pop(tileset, None)

    def listening(self, alive: bool) -> None:
        """Whether announcements arrive; without them, and after a gap, nothing is known."""
        self._listening = alive
        for tileset in self._generation:
            self._generation[tileset] += 1
        self._known.clear()
