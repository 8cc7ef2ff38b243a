"""What all tables share: the schema, the place key in the primary key, columns that recur."""

from __future__ import annotations

from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
)
from sqlalchemy.schema import SchemaItem

SCHEMA = "onemap"
SRID = 4490

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    },
)


def place_column() -> Column[str]:
    """The place key: 15-digit grid code where a grid holds the thing, else the deepest region known."""
    return Column("place", Text(collation="C"), nullable=False)


def geometry_column(kind: str, *, nullable: bool = False) -> Column[Any]:
    """A geometry in EPSG:4490 (CGCS2000 longitude, latitude in degrees)."""
    return Column("geom", Geometry(kind, srid=SRID, spatial_index=False), nullable=nullable)


def tile_key_column() -> Column[int]:
    """Morton number of the thing's tile at zoom 22: one tile of any zoom is one range of an ordinary index.

    Integer comparison is leak-proof for PostgreSQL, so the index also serves under row security, and rows written in
    its order lie together on disk.
    """
    return Column("tile_key", BigInteger, Computed(f"{SCHEMA}.tile_key(geom)", persisted=True))


def source_columns(*, personal: bool = False) -> tuple[Column[Any], ...]:
    """Where a row came from, and who brought it: what a repeated import or message finds it by.

    A number (``source_key``) means something only within its source, and a source only to who uses it: two accounts may
    name their files and number their rows alike. ``source_account`` is the id in ``app_user`` of who brought the row (0 for
    the command line), ``source_scope`` that account's scope at the time; both are null in rows that were stored before they
    were kept, which belong to whoever sees them.

    Args:
        personal: the row's digest covers personal columns, so it is closed as they are.
    """
    return (
        Column("source", Text, nullable=False, server_default="platform"),
        Column("source_key", Text),
        Column("source_account", BigInteger, comment="app_user.id of who brought it; 0: the command line"),
        Column("source_scope", Text, comment="prefixes of that account's scope, joined by commas"),
        Column("digest", Text, info={"personal": True} if personal else {}),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )


def source_index(table: str) -> Index:
    """A number is given once within its source, by one account with one scope."""
    return Index(f"ux_{table}_source", "source", "source_key", "source_account", "source_scope", unique=True)


def standing(name: str, *items: SchemaItem, info: dict[str, Any] | None = None) -> Table:
    """A table of standing things: primary key (id, place), re-keyed when a grid version takes effect.

    ``info`` may name ``scope``: ``prefix`` (default), ``both_ways`` (also what lies above the reader's scope) or
    ``everyone`` (public geography, open to whoever is signed in).
    """
    return Table(
        name,
        metadata,
        Column("id", BigInteger, Identity(), nullable=False),
        place_column(),
        *items,
        PrimaryKeyConstraint("id", "place"),
        info={"scope": "prefix", **(info or {})},
    )


def parent(table: str, column: str) -> ForeignKeyConstraint:
    """Reference to a standing parent; the place key travels with the parent's."""
    return ForeignKeyConstraint(
        [column, "place"],
        [f"{SCHEMA}.{table}.id", f"{SCHEMA}.{table}.place"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    )
