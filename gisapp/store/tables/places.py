"""Places: regions, grids, addresses, buildings, units, rooms and the public geography around them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gisapp.store.tables.base import (
    geometry_column,
    parent,
    source_columns,
    source_index,
    standing,
    tile_key_column,
)

region = standing(
    "region",
    Column("level", Integer, nullable=False, comment="number of digits of the code"),
    Column("name", Text, nullable=False),
    Column(
        "responsible",
        JSONB,
        nullable=False,
        server_default="[]",
        comment="[{name, duty, phone}] of staff on duty",
    ),
    geometry_column("MULTIPOLYGON", nullable=True),
    *source_columns(),
    UniqueConstraint("place"),
    Index("ix_region_geom", "geom", postgresql_using="gist"),
    info={"scope": "both_ways"},
)

grid = standing(
    "grid",
    Column("version", Integer, nullable=False),
    Column("community", Text(collation="C"), nullable=False, comment="first 12 digits of the place key"),
    Column("name", Text, nullable=False),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column(
        "valid_to",
        DateTime(timezone=True),
        comment="first instant at which it no longer holds; null while it holds",
    ),
    Column(
        "responsible",
        JSONB,
        nullable=False,
        server_default="[]",
        comment="[{name, duty, phone}] of staff on duty",
    ),
    geometry_column("POLYGON"),
    *source_columns(),
    UniqueConstraint("place", "version"),
    Index("ix_grid_geom", "geom", postgresql_using="gist"),
    Index("ix_grid_community_valid_from", "community", "valid_from"),
)

grid_version = standing(
    "grid_version",
    Column("version", Integer, nullable=False),
    Column(
        "valid_from",
        DateTime(timezone=True),
        comment="instant at which it took effect; null while it is scheduled",
    ),
    Column("planned_for", Date, comment="day that it was published for; null where it took effect at once"),
    Column("status", Text, nullable=False, comment="scheduled, in_force or replaced"),
    Column("note", Text, nullable=False, server_default=""),
    # Grids of a version whose day has not come: "grid" holds only what is or was in force, so that
    # "valid_to IS NULL" always means in force.
    Column("planned", JSONB, comment="fabric of a scheduled version; null once it took effect"),
    Column(
        "problem",
        Text,
        nullable=False,
        server_default="",
        comment="why a scheduled version could not take effect; empty where nothing is known",
    ),
    Column("problem_since", DateTime(timezone=True), comment="when that was found first"),
    Column("published_by", BigInteger, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("place", "version"),
)

grid_draft = standing(
    "grid_draft",
    Column("base_version", Integer, nullable=False),
    Column("revision", Integer, nullable=False, comment="grows with every change; a stale one is refused"),
    Column("state", JSONB, nullable=False),
    Column("history", JSONB, nullable=False, server_default="[]"),
    Column("author", BigInteger, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("place"),
)

building = standing(
    "building",
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("estate", Text, nullable=False, server_default="", comment="小区"),
    Column("use", Text, nullable=False, server_default="residential"),
    Column("floors", Integer),
    Column("height", Float, comment="metres"),
    Column("built_year", Integer),
    geometry_column("MULTIPOLYGON"),
    *source_columns(),
    Index("ix_building_geom", "geom", postgresql_using="gist"),
    Index("ix_building_place", "place"),
    source_index("building"),
)

building_unit = standing(
    "building_unit",
    Column("building_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("number", Integer, nullable=False),
    parent("building", "building_id"),
    Index("ix_building_unit_building_id", "building_id"),
)

room = standing(
    "room",
    Column("building_id", BigInteger, nullable=False),
    Column("unit_id", BigInteger, nullable=False),
    Column("floor", Integer, nullable=False),
    Column("number", Text, nullable=False, comment="室号, for example 502"),
    Column(
        "use",
        Text,
        nullable=False,
        server_default="owner_occupied",
        comment="vocabulary: 自住 出租 空置 经营",
    ),
    Column("area", Float, comment="square metres"),
    parent("building_unit", "unit_id"),
    Index("ix_room_unit_id", "unit_id"),
    Index("ix_room_building_id", "building_id"),
)

address = standing(
    "address",
    Column("code", Text, nullable=False),
    Column("full_text", Text, nullable=False),
    Column("road", Text, nullable=False, server_default=""),
    Column("plate", Text, nullable=False, server_default="", comment="门牌"),
    Column("estate", Text, nullable=False, server_default="", comment="小区"),
    Column("building_no", Text, nullable=False, server_default="", comment="幢"),
    Column("unit", Text, nullable=False, server_default="", comment="单元"),
    Column("room", Text, nullable=False, server_default="", comment="室"),
    Column("status", Text, nullable=False, server_default="in_use"),
    Column("aliases", ARRAY(Text), nullable=False, server_default="{}"),
    Column("building_id", BigInteger),
    geometry_column("POINT"),
    tile_key_column(),
    *source_columns(),
    parent("building", "building_id"),
    Index("ix_address_geom", "geom", postgresql_using="gist"),
    Index("ix_address_tile_key", "tile_key"),
    Index("ix_address_place", "place"),
    Index("ix_address_building_id", "building_id"),
    Index("ix_address_full_text", "full_text"),
    source_index("address"),
)

poi = standing(
    "poi",
    Column("name", Text, nullable=False),
    Column(
        "kind",
        Text,
        nullable=False,
        comment="办事机构 学校 文化 体育 卫生 宾馆 娱乐 购物 餐饮 便民服务 交通 公园",
    ),
    Column("address", Text, nullable=False, server_default=""),
    Column("opening_hours", Text, nullable=False, server_default=""),
    Column("phone", Text, nullable=False, server_default=""),
    geometry_column("POINT"),
    tile_key_column(),
    *source_columns(),
    Index("ix_poi_geom", "geom", postgresql_using="gist"),
    Index("ix_poi_tile_key", "tile_key"),
    Index("ix_poi_place", "place"),
    source_index("poi"),
)

road = standing(
    "road",
    Column("name", Text, nullable=False, server_default=""),
    Column("class", Text, nullable=False, comment="arterial, secondary, local, lane, path"),
    Column("bridge", Boolean, nullable=False, server_default="false"),
    Column("walkable", Boolean, nullable=False, server_default="true"),
    geometry_column("LINESTRING"),
    *source_columns(),
    Index("ix_road_geom", "geom", postgresql_using="gist"),
    source_index("road"),
    info={"scope": "everyone"},
)

water = standing(
    "water",
    Column("name", Text, nullable=False, server_default=""),
    geometry_column("MULTIPOLYGON"),
    *source_columns(),
    Index("ix_water_geom", "geom", postgresql_using="gist"),
    source_index("water"),
    info={"scope": "everyone"},
)

green = standing(
    "green",
    Column("name", Text, nullable=False, server_default=""),
    geometry_column("MULTIPOLYGON"),
    *source_columns(),
    Index("ix_green_geom", "geom", postgresql_using="gist"),
    source_index("green"),
    info={"scope": "everyone"},
)
