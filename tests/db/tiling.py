"""Tiles as a reader gets them, read back into features."""

from __future__ import annotations

import asyncio
import gzip

from gisapp.domain.access import Reader
from gisapp.domain.tiles import Tile
from gisapp.store.database import Database
from layers.tiling import Tiles, served
from tests import mvt


def read_tile(
    database: Database, reader: Reader, name: str, tile: Tile, **values: str
) -> dict[str, list[mvt.Feature]]:
    """Features of one tile by the name of their part."""

    async def make() -> bytes:
        tiles = Tiles(database, cache_mb=0, connections=1)
        try:
            return (await tiles.tile(served(name, reader), tile, "", values)).body
        finally:
            tiles.close()

    body = asyncio.run(make())
    return mvt.read(gzip.decompress(body)) if body else {}
