"""The platform's own tables: users, sessions, the record of looks, revisions of data, search entries."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gisapp.store.tables.base import SCHEMA, geometry_column, metadata, standing, tile_key_column

app_user = Table(
    "app_user",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("login", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False, comment="prefixes; an empty string stands for everything"),
    Column("password_hash", Text, nullable=False, comment="Argon2id"),
    Column("worker_id", BigInteger),
    Column("active", Boolean, nullable=False, server_default="true"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

app_session = Table(
    "app_session",
    metadata,
    Column(
        "token_hash",
        LargeBinary,
        primary_key=True,
        comment="SHA-256 of the token; the token itself is not kept",
    ),
    Column("user_id", BigInteger, ForeignKey(f"{SCHEMA}.app_user.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("ix_app_session_expires_at", "expires_at"),
)

look = standing(
    "look",
    Column("user_id", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("kind", Text, nullable=False, comment="what was looked at, for example person"),
    Column("subject_id", BigInteger, nullable=False),
    Column("fields", ARRAY(Text), nullable=False),
    Column("purpose", Text, nullable=False),
    info={"append_only": True},
)

data_change = Table(
    "data_change",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("family", Text, nullable=False, comment="table whose rows changed"),
    Column("n", BigInteger, nullable=False, server_default="1"),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_data_change_family", "family"),
)
"""One row a changing statement; the revision of a family is the sum of ``n`` that a snapshot sees.

A counter row would make all writers of a table wait for each other; a sequence would show a change before its commit.
"""

search_entry = standing(
    "search_entry",
    Column("kind", Text, nullable=False),
    Column("subject_id", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("subtitle", Text, nullable=False, server_default=""),
    Column(
        "key", Text(collation="C"), nullable=False, comment="title and other names, normalised as a query is"
    ),
    Column("code", Text(collation="C"), nullable=False, server_default="", comment="code or number, in full"),
    Column(
        "pinyin", Text(collation="C"), nullable=False, server_default="", comment="without tones or spaces"
    ),
    Column("initials", Text(collation="C"), nullable=False, server_default=""),
    Column(
        "grams",
        ARRAY(Integer),
        nullable=False,
        comment="pairs of neighbouring characters of key and initials",
    ),
    Column(
        "weight", SmallInteger, nullable=False, comment="smaller is more important: regions before buildings"
    ),
    geometry_column("POINT", nullable=True),
    tile_key_column(),
    UniqueConstraint("kind", "subject_id", "place"),
    Index("ix_search_entry_key", "key"),
    Index("ix_search_entry_code", "code"),
    Index("ix_search_entry_initials", "initials"),
    Index("ix_search_entry_pinyin", "pinyin"),
    Index("ix_search_entry_place", "place"),
    Index("ix_search_entry_top", "weight", "key", postgresql_where="weight <= 26"),
    # Pairs, since a trigram index cannot look for two Chinese characters, which is what people type.
    Index("ix_search_entry_grams", "grams", postgresql_using="gin"),
    # What lies above the reader (the district of one's street) is found too, as it is seen.
    info={"scope": "both_ways"},
)

import_run = standing(
    "import_run",
    Column("kind", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("crs", Text, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("summary", JSONB, nullable=False, server_default="{}"),
)
