"""Ready tiles: made by one statement, kept in memory, labelled with the revision of the snapshot they were made in."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from isal import isal_zlib

from gisapp.domain.access import Reader
from gisapp.domain.tiles import Tile
from gisapp.errors import NotFound
from gisapp.store.database import Database
from gisapp.store.tables import SCHEMA, metadata
from gisapp.store.tile_connections import TileConnections, scope_statement
from gisapp.store.tiles import TilePart, revision_statement, tile_statement
from layers.definition import Layer
from layers.registry import tilesets
from layers.revisions import Revisions

_ENTRY_BYTES = 400
"""What an entry of the cache costs besides its tile."""
_GZIP = 16 + isal_zlib.MAX_WBITS
_LEVEL = 1
"""Of ISA-L, which packs an ordinary tile in 25 µs where zlib's fastest level takes 100 µs, and a little smaller."""

_LARGE = 32_768


@dataclass(frozen=True, slots=True)
class Ready:
    """A tile as it goes out.

    Attributes:
        etag: changes when, and only when, the data of its layers or their definition change.
        body: gzip; empty for a tile without features.
        revision: revision of its families in the snapshot that it was made in.
    """

    etag: bytes
    body: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class Served:
    """A tileset as one reader sees it.

    Attributes:
        parts: parts of the layers that the reader's role may see.
        families: tables whose revision counts.
        key: what tells its tiles from those of other readers; the same for all where the data are open to all.
        mark: start of its tiles' ETag.
        scope: statement that stands before its tiles' statement.
        zooms: smallest and largest zoom that has tiles.
    """

    name: str
    parts: tuple[TilePart, ...]
    families: tuple[str, ...]
    key: str
    mark: str
    scope: str
    zooms: tuple[int, int]


def tile_parts(layer: Layer) -> tuple[TilePart, ...]:
    """A layer's parts as the SQL builder needs them."""
    return tuple(
        TilePart(part.name, part.source, layer.columns(part), part.zooms, part.limit, layer.time)
        for part in layer.parts
    )


@lru_cache(maxsize=4096)
def served(name: str, reader: Reader) -> Served:
    """A tileset for a reader; a layer's own id names a tileset too.

    Raises:
        NotFound: there is none, or none for this reader.
    """
    members = tuple(layer for layer in tilesets().get(name, ()) if layer.visible_to(reader))
    if not members:
        raise NotFound(f"没有图层“{name}”。", remedy="请在图层列表中选择。", details={"layer": name})
    parts = tuple(part for layer in members for part in tile_parts(layer))
    families = tuple(sorted({family for layer in members for family in layer.watched}))
    scope = "*" if _open_to_all(parts) else ",".join(reader.scope.prefixes)
    key = f"{name}|{scope}|{','.join(layer.id for layer in members)}"
    digest = blake2b(f"{key}|{parts!r}".encode(), digest_size=6).hexdigest()
    zooms = (min(part.zooms[0] for part in parts), max(part.zooms[1] for part in parts))
    return Served(name, parts, families, key, digest, scope_statement(reader), zooms)


def _open_to_all(parts: tuple[TilePart, ...]) -> bool:
    names = {table for part in parts for table in part.source.tables}
    return all(metadata.tables[f"{SCHEMA}.{name}"].info.get("scope") == "everyone" for name in names)


class Tiles:
    """Tiles of one process.

    Args:
        database: where they are made.
        cache_mb: memory for ready tiles in MiB; 0 keeps none.
        connections: upper bound of connections for tiles.
    """

    def __init__(self, database: Database, *, cache_mb: int = 256, connections: int = 8) -> None:
        families = {
            name: tuple({family for layer in members for family in layer.watched})
            for name, members in tilesets().items()
        }
        self.revisions = Revisions(families)
        self._connections = TileConnections(database, connections)
        self._room = cache_mb << 20
        self._held = 0
        self._ready: OrderedDict[str, Ready] = OrderedDict()
        self._making: dict[str, asyncio.Task[Ready]] = {}

    def remembered(self, source: Served, address: str) -> Ready | None:
        """A ready tile that is known to be current."""
        known = self.revisions.known(source.name)
        if known is None:
            return None
        key = source.key + address
        ready = self._ready.get(key)
        if ready is None or ready.revision != known:
            return None
        self._ready.move_to_end(key)
        return ready

    def current_etag(self, source: Served) -> bytes | None:
        """The ETag that all current tiles of a tileset carry, if the revision is known."""
        known = self.revisions.known(source.name)
        return None if known is None else _etag(source, known)

    async def tile(self, source: Served, tile: Tile, address: str, given: Mapping[str, str]) -> Ready:
        """A current tile; two who ask for the same one at the same time wait for one statement.

        Args:
            address: what tells the tile from others of the tileset: z/x/y and the values given.
            given: values from the address.

        Raises:
            InputError: a value is not valid.
            Unavailable: the database does not answer.
        """
        key = source.key + address
        held = self._ready.get(key)
        if held is not None and held.revision == await self.revision(source):
            return held
        making = f"{key}|{self.revisions.generation(source.name)}"
        task = self._making.get(making)
        if task is None:
            statement = tile_statement(source.parts, source.families, tile, given)
            task = asyncio.ensure_future(self._make(source, key, statement))
            self._making[making] = task
            task.add_done_callback(lambda _: self._making.pop(making, None))
        # The task belongs to all who wait for it: one who goes away must not take it along.
        return await asyncio.shield(task)

    async def revision(self, source: Served) -> int:
        """The current revision of a tileset's data."""
        known = self.revisions.known(source.name)
        if known is not None:
            return known
        generation = self.revisions.generation(source.name)
        (revision,) = await self._connections.fetch(source.scope + revision_statement(source.families))
        self.revisions.learn(source.name, revision, generation)
        return int(revision)

    async def _make(self, source: Served, key: str, statement: str) -> Ready:
        generation = self.revisions.generation(source.name)
        revision, content = await self._connections.fetch(source.scope + statement)
        if len(content) > _LARGE:
            # Compressing releases the interpreter: other tiles go out meanwhile.
            body = await asyncio.to_thread(pack, content)
        else:
            body = pack(content) if len(content) else b""
        ready = Ready(_etag(source, revision), body, revision)
        self.revisions.learn(source.name, revision, generation)
        self._keep(key, ready)
        return ready

    def _keep(self, key: str, ready: Ready) -> None:
        size = len(ready.body) + _ENTRY_BYTES
        if size > self._room:
            return
        before = self._ready.pop(key, None)
        if before is not None:
            self._held -= len(before.body) + _ENTRY_BYTES
        self._ready[key] = ready
        self._held += size
        while self._held > self._room:
            _, dropped = self._ready.popitem(last=False)
            self._held -= len(dropped.body) + _ENTRY_BYTES

    def close(self) -> None:
        """Close the connections and forget all tiles."""
        self._connections.close()
        self._ready.clear()
        self._held = 0


def _etag(source: Served, revision: int) -> bytes:
    # Weak: the same features, in whatever order the database came upon them, packed or not.
    return f'W/"{source.mark}-{revision:x}"'.encode()


def pack(content: bytes | memoryview) -> bytes:
    """Compress for the way to the browser."""
    packed: bytes = isal_zlib.compress(content, _LEVEL, _GZIP)
    return packed
