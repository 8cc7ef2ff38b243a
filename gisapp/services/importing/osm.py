"""Import of an OpenStreetMap file: all kinds of data in it, in one transaction."""

from __future__ import annotations

import time

from gisapp.analytics.crs import WGS84
from gisapp.domain.access import Reader, Role
from gisapp.errors import InputError
from gisapp.services.importing.order import Order, Progress, checked
from gisapp.services.importing.osm_reading import read_osm
from gisapp.services.importing.registry import importer_for
from gisapp.services.importing.report import Outcome
from gisapp.services.importing.rows import prepare_rows
from gisapp.services.importing.run import store_batches
from gisapp.store.database import Database

#: OpenStreetMap's numbers are its own all over the world, whatever file they come in
SOURCE = "osm"


def import_osm(
    database: Database, reader: Reader, order: Order, progress: Progress = lambda _what, _done, _all: None
) -> list[Outcome]:
    """Import buildings, streets, water, green, places, components and addresses of an OpenStreetMap file.

    Args:
        database: of the application.
        reader: who imports; a grid manager.
        order: ``kind`` and ``crs`` are not looked at: OpenStreetMap is WGS 84.
        progress: told what is being done.

    Returns:
        one outcome a kind.

    Raises:
        InputError: no OpenStreetMap file, or nothing in it that is imported.
    """
    reader.require(Role.MANAGER)
    started = time.monotonic()
    order = checked(order)
    batches = []
    for kind, raw in read_osm(order.path, progress):
        importer = importer_for(kind)
        one = Order(
            kind, order.path, WGS84.id, order.file_name, SOURCE, order.fallback, dry_run=order.dry_run
        )
        batch, outcome = prepare_rows(importer, raw, WGS84, one, progress)
        batches.append((importer, batch, outcome))
    if not batches:
        raise InputError(f"文件“{order.path.name}”中没有可导入的对象。", remedy="请检查数据的范围和内容。")
    store_batches(database, reader, order, batches, progress)
    for _, _, outcome in batches:
        outcome.seconds = time.monotonic() - started
    return [outcome for _, _, outcome in batches]
