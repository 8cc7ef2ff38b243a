"""绿地: parks, lawns and woods as areas, for the base map."""

from __future__ import annotations

from gisapp.services.importing.fields import Field
from gisapp.services.importing.importer import Importer
from gisapp.services.importing.shapes import Shape
from gisapp.store.tables.places import green

IMPORTER = Importer(
    kind="green",
    term="green",
    table=green,
    shape=Shape.POLYGON,
    fields=(
        Field(
            "name",
            "名称",
            ("绿地名称", "公园名称", "name:zh", "name"),
            default="",
            longest=120,
            help="公园、绿地的名称。",
        ),
    ),
    identity=("name",),
)
