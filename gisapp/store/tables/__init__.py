"""Tables of the application, one module per family; importing this package fills ``metadata``."""

from gisapp.store.tables import analysis, places, platform, registers, work
from gisapp.store.tables.base import SCHEMA, SRID, metadata

__all__ = ["SCHEMA", "SRID", "analysis", "metadata", "places", "platform", "registers", "work"]
