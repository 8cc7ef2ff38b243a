"""Results of analyses, kept so that they can be shown as layers and shared."""

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
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from gisapp.store.tables.base import geometry_column, metadata, standing, tile_key_column

analysis_run = standing(
    "analysis_run",
    Column("kind", Text, nullable=False, comment="hotspot or allocation"),
    Column("title", Text, nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("summary", JSONB, nullable=False, server_default="{}"),
    Column("state", Text, nullable=False, server_default="done", comment="running, done or failed"),
    Column("created_by", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_analysis_run_created_at", "created_at"),
)

hotspot_cell = standing(
    "hotspot_cell",
    Column("run_id", BigInteger, nullable=False),
    Column("run_place", Text(collation="C"), nullable=False),
    Column("cell", BigInteger, nullable=False, comment="H3 index"),
    Column("count", Float, nullable=False),
    Column("z", Float, comment="Gi*; null where it is not defined"),
    Column("p", Float, comment="two-sided"),
    Column(
        "significant", Boolean, nullable=False, server_default="false", comment="after Benjamini–Hochberg"
    ),
    Column("class", Text, nullable=False, comment="hot_99, hot_95, hot_90, none, cold_90, cold_95, cold_99"),
    geometry_column("POLYGON"),
    Index("ix_hotspot_cell_run_id", "run_id"),
    Index("ix_hotspot_cell_geom", "geom", postgresql_using="gist"),
)

station = standing(
    "station",
    Column("run_id", BigInteger, nullable=False),
    Column("run_place", Text(collation="C"), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("existing", Boolean, nullable=False, server_default="false"),
    Column("demand", Float, nullable=False, comment="demand assigned to it"),
    Column("mean_distance", Float, comment="metres on foot, weighted by demand"),
    Column(
        "covered",
        Float,
        nullable=False,
        server_default="0",
        comment="assigned demand within the service distance",
    ),
    Column(
        "subject_kind", Text, nullable=False, server_default="", comment="poi or building that stands there"
    ),
    Column("subject_id", BigInteger),
    geometry_column("POINT"),
    tile_key_column(),
    Index("ix_station_run_id", "run_id"),
)

hexagon = Table(
    "hexagon",
    metadata,
    Column("cell", BigInteger, primary_key=True, autoincrement=False, comment="H3 index"),
    Column("resolution", SmallInteger, nullable=False),
    geometry_column("POLYGON"),
    Index("ix_hexagon_geom", "geom", postgresql_using="gist"),
    info={"scope": "open"},
)
"""Outlines of H3 cells. PostgreSQL has no H3 here, so Python computes them once; they say nothing of what lies in them."""

demand_cell = standing(
    "demand_cell",
    Column("cell", BigInteger, nullable=False, comment="H3 index"),
    Column("resolution", SmallInteger, nullable=False),
    Column("day", Date, nullable=False, comment="local day of reporting"),
    Column("n", Integer, nullable=False, comment="cases"),
    UniqueConstraint("cell", "day", "place"),
    Index("ix_demand_cell_resolution_day", "resolution", "day"),
)
"""Cases by H3 cell, day and grid: what the demand layer adds up, within the reader's scope."""
