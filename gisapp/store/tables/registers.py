"""Registers: people, organisations and components, each keyed to a place."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    Date,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
)

from gisapp.store.tables.base import (
    geometry_column,
    parent,
    source_columns,
    source_index,
    standing,
    tile_key_column,
)

PERSONAL = {"personal": True}
"""Marks a column that holds personal data: the application's role may not select it."""

person = standing(
    "person",
    Column("room_id", BigInteger, nullable=False),
    Column(
        "household",
        Integer,
        nullable=False,
        server_default="1",
        comment="number of the household in its room",
    ),
    Column("kinship", Text, nullable=False, server_default="", comment="与户主关系"),
    Column("name", Text, nullable=False, info=PERSONAL),
    Column("id_number", Text, nullable=False, info=PERSONAL),
    Column("phone", Text, nullable=False, server_default="", info=PERSONAL),
    Column("birth_date", Date, nullable=False, info=PERSONAL),
    Column(
        "name_masked",
        Text,
        Computed("left(name, 1) || repeat('*', greatest(length(name) - 1, 1))", persisted=True),
    ),
    Column("birth_year", Integer, Computed("extract(year from birth_date)::integer", persisted=True)),
    Column("sex", Text, nullable=False, comment="男 or 女"),
    Column("residence", Text, nullable=False, comment="registered, resident or floating"),
    Column("education", Text, nullable=False, server_default=""),
    Column("occupation", Text, nullable=False, server_default=""),
    *source_columns(personal=True),
    parent("room", "room_id"),
    UniqueConstraint("id_number", "place"),
    Index("ix_person_room_id", "room_id"),
    Index("ix_person_place", "place"),
)

organisation = standing(
    "organisation",
    Column("name", Text, nullable=False),
    Column("credit_code", Text, nullable=False, comment="统一社会信用代码"),
    Column("kind", Text, nullable=False),
    Column("address", Text, nullable=False, server_default=""),
    Column("phone", Text, nullable=False, server_default=""),
    Column("building_id", BigInteger),
    geometry_column("POINT"),
    tile_key_column(),
    *source_columns(),
    parent("building", "building_id"),
    UniqueConstraint("credit_code", "place"),
    Index("ix_organisation_building_id", "building_id"),
    Index("ix_organisation_place", "place"),
    Index("ix_organisation_tile_key", "tile_key"),
)

component = standing(
    "component",
    Column("code", Text, nullable=False, comment="division code + type code + serial number, CJ/T 214"),
    Column("type_code", Text, nullable=False, comment="GB/T 47678.5 subclass, 5 digits"),
    Column("class", Text, nullable=False, comment="first two digits of the type code"),
    Column("name", Text, nullable=False, server_default=""),
    Column("state", Text, nullable=False, server_default="good", comment="good, damaged, missing or unknown"),
    Column("department", Text, nullable=False, server_default=""),
    geometry_column("GEOMETRY"),
    tile_key_column(),
    *source_columns(),
    Index("ix_component_geom", "geom", postgresql_using="gist"),
    Index("ix_component_tile_key", "tile_key"),
    Index("ix_component_place", "place"),
    Index("ix_component_code", "code", postgresql_ops={"code": "text_pattern_ops"}),
    Index("ix_component_type_code", "type_code"),
    source_index("component"),
)

building_population = standing(
    "building_population",
    Column("building_id", BigInteger, nullable=False),
    Column("people", Integer, nullable=False),
    Column("households", Integer, nullable=False),
    Column("registered", Integer, nullable=False),
    Column("resident", Integer, nullable=False),
    Column("floating", Integer, nullable=False),
    Column("elders", Integer, nullable=False, comment="aged 60 and over"),
    Column("children", Integer, nullable=False, comment="aged under 14"),
    geometry_column("POINT"),
    tile_key_column(),
    parent("building", "building_id"),
    UniqueConstraint("building_id", "place"),
    Index("ix_building_population_tile_key", "tile_key"),
    Index("ix_building_population_place", "place"),
)

density = standing(
    "density",
    Column("layer", Text, nullable=False, comment="what is counted: component, people"),
    Column(
        "cell_zoom", SmallInteger, nullable=False, comment="zoom of the tile that a cell is: 16, 18 or 20"
    ),
    Column("n", Integer, nullable=False),
    geometry_column("POINT"),
    tile_key_column(),
    Index("ix_density_layer_tile_key", "layer", "cell_zoom", "tile_key"),
    Index("ix_density_place", "place"),
)
"""Counts by small cell and grid, for zooms at which a large table cannot be counted for every tile."""
