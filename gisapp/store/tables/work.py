"""Work: cases with their steps, grid workers, fixes, fence states and alerts."""

from __future__ import annotations

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from gisapp.store.tables.base import (
    SRID,
    geometry_column,
    metadata,
    parent,
    place_column,
    source_columns,
    source_index,
    standing,
    tile_key_column,
)

event = standing(
    "event",
    Column("number", Text, nullable=False, comment="案件编号: day and serial number"),
    Column("matter_code", Text, nullable=False, comment="GB/T 47678.5 matter subclass, 5 digits"),
    Column("class", Text, nullable=False, comment="first two digits of the matter code"),
    Column("channel", Text, nullable=False, comment="domain.events.Channel"),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("address", Text, nullable=False, server_default=""),
    Column("state", Text, nullable=False, comment="domain.events.State"),
    Column("assignee", Text, nullable=False, server_default="", comment="责任单位"),
    Column("worker_id", BigInteger),
    Column("reported_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    geometry_column("POINT"),
    tile_key_column(),
    *source_columns(),
    Index("ix_event_tile_key", "tile_key"),
    Index("ix_event_place", "place"),
    Index("ix_event_number", "number", postgresql_ops={"number": "text_pattern_ops"}),
    Index("ix_event_reported_at", "reported_at"),
    Index("ix_event_closed_at", "closed_at"),
    Index("ix_event_open", "due_at", postgresql_where="closed_at IS NULL"),
    source_index("event"),
    # Numbers that the platform gives are given once; those that files bring are numbers of their sources.
    Index("ux_event_number", "number", unique=True, postgresql_where="source = ''"),
)

case_density = standing(
    "case_density",
    Column("month", Date, comment="first day of the local month of reporting; null: of all time"),
    Column(
        "cell_zoom", SmallInteger, nullable=False, comment="zoom of the tile that a cell is: 14, 16 or 18"
    ),
    Column("n", Integer, nullable=False),
    geometry_column("POINT"),
    tile_key_column(),
    Index("ix_case_density_cells", "cell_zoom", "month", "tile_key"),
    Index("ix_case_density_place", "place"),
)
"""Closed cases by cell, month and grid, for zooms at which they cannot be counted for every tile."""

event_step = standing(
    "event_step",
    Column("event_id", BigInteger, nullable=False),
    Column("number", Integer, nullable=False, comment="1, 2, 3 … within the case"),
    Column("action", Text, nullable=False),
    Column("from_state", Text, nullable=False),
    Column("to_state", Text, nullable=False),
    Column("actor_id", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("at", DateTime(timezone=True), nullable=False, comment="the instant that counts"),
    Column(
        "recorded_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        comment="when it was taken in",
    ),
    Column("stated_at", DateTime(timezone=True), comment="what the terminal stated; null: nothing"),
    Column("imported", Boolean, nullable=False, server_default="false", comment="from a file, not done here"),
    parent("event", "event_id"),
    UniqueConstraint("event_id", "place", "number"),
    Index("ix_event_step_recorded_at", "recorded_at"),
    info={"append_only": True},
)

grid_worker = standing(
    "grid_worker",
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("phone", Text, nullable=False, server_default=""),
    Column("team", Text, nullable=False, server_default="", comment="下沉人员 群众工作队 网格长"),
    Column("active", Boolean, nullable=False, server_default="true"),
    Column("last_at", DateTime(timezone=True)),
    Column("last_place", Text(collation="C")),
    Column("last_geom", Geometry("POINT", srid=SRID, spatial_index=False)),
    Column("last_speed", Float, comment="metres per second"),
    *source_columns(),
    UniqueConstraint("code", "place"),
    Index("ix_grid_worker_place", "place"),
)

worker_former_grid = Table(
    "worker_former_grid",
    metadata,
    Column("worker_id", BigInteger, nullable=False),
    Column("place", Text(collation="C"), nullable=False, comment="the grid that was the worker's own"),
    Column(
        "until", DateTime(timezone=True), nullable=False, comment="first instant at which it no longer was"
    ),
    PrimaryKeyConstraint("worker_id", "until"),
    info={"scope": "prefix"},
)
"""Grids that were workers' own until they vanished: late positions are judged by the grids of their instant."""

fix = Table(
    "fix",
    metadata,
    Column("worker_id", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    place_column(),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("accuracy", Float, comment="metres"),
    Column("speed", Float, comment="metres per second"),
    Column(
        "flag",
        Text,
        nullable=False,
        server_default="",
        comment="jump, late or coarse; empty for an ordinary fix",
    ),
    geometry_column("POINT"),
    # The place is a fact of the fix and cannot tell two messages of one fix apart: worker and instant do.
    PrimaryKeyConstraint("worker_id", "at"),
    postgresql_partition_by="RANGE (at)",
    info={"scope": "prefix"},
)

alert = standing(
    "alert",
    Column("rule", Text, nullable=False),
    Column("worker_id", BigInteger),
    Column("event_id", BigInteger),
    Column("title", Text, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False, comment="when the rule was first broken"),
    Column("raised_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("returned_at", DateTime(timezone=True), comment="when things were in order again"),
    Column("withdrawn_at", DateTime(timezone=True), comment="when positions that came late proved it wrong"),
    Column("acknowledged_at", DateTime(timezone=True)),
    Column("acknowledged_by", BigInteger),
    Column("evidence", JSONB, nullable=False, server_default="{}"),
    geometry_column("POINT", nullable=True),
    Index("ix_alert_place", "place"),
    Index("ix_alert_raised_at", "raised_at"),
    Index("ix_alert_worker", "worker_id", "opened_at"),
    # A rule has at most one open alert for a worker, whoever else evaluates the same fixes at the same time.
    Index(
        "ux_alert_open",
        "rule",
        "worker_id",
        unique=True,
        postgresql_where="returned_at IS NULL AND withdrawn_at IS NULL AND worker_id IS NOT NULL",
    ),
)

rule_state = Table(
    "rule_state",
    metadata,
    Column("rule", Text, nullable=False),
    Column("worker_id", BigInteger, nullable=False),
    place_column(),
    Column("at", DateTime(timezone=True), nullable=False, comment="instant of the newest fix taken in"),
    Column("state", JSONB, nullable=False),
    PrimaryKeyConstraint("rule", "worker_id"),
    info={"scope": "prefix"},
)
