"""水系: rivers, canals and ponds as areas, for the base map."""

from __future__ import annotations

from gisapp.services.importing.fields import Field
from gisapp.services.importing.importer import Importer
from gisapp.services.importing.shapes import Shape
from gisapp.store.tables.places import water

IMPORTER = Importer(
    kind="water",
    term="water",
    table=water,
    shape=Shape.POLYGON,
    fields=(
        Field(
            "name",
            "名称",
            ("河名", "水体名称", "name:zh", "name"),
            default="",
            longest=120,
            help="河道、湖塘的名称。",
        ),
    ),
    identity=("name",),
)
