"""Drafts of grids: at most one for each community, with every step it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from gisapp.store.tables.places import grid_draft
from gisapp.store.tables.platform import app_user


def find_draft(connection: Connection, community: str, *, lock: bool = False) -> RowMapping | None:
    """The open draft of a community with its author's name."""
    query = select(
        grid_draft.c.base_version,
        grid_draft.c.revision,
        grid_draft.c.state,
        grid_draft.c.history,
        grid_draft.c.author,
        grid_draft.c.updated_at,
        select(app_user.c.name)
        .where(app_user.c.id == grid_draft.c.author)
        .scalar_subquery()
        .label("author_name"),
    ).where(grid_draft.c.place == community)
    if lock:
        query = query.with_for_update(of=grid_draft)
    return connection.execute(query).mappings().first()


def open_draft(
    connection: Connection, community: str, base_version: int, state: Mapping[str, Any], author: int
) -> bool:
    """Begin a draft; False when the community has one already."""
    statement = (
        upsert(grid_draft)
        .values(
            place=community, base_version=base_version, revision=1, state=state, history=[], author=author
        )
        .on_conflict_do_nothing(index_elements=[grid_draft.c.place])
    )
    return connection.execute(statement).rowcount == 1


def save_draft(
    connection: Connection,
    community: str,
    revision: int,
    state: Mapping[str, Any],
    history: Sequence[Any],
    author: int,
) -> bool:
    """Store the next revision; False when ``revision`` is not the newest any more."""
    statement = (
        update(grid_draft)
        .where(grid_draft.c.place == community, grid_draft.c.revision == revision)
        .values(
            revision=revision + 1,
            state=state,
            history=list(history),
            author=author,
            updated_at=func.clock_timestamp(),
        )
    )
    return connection.execute(statement).rowcount == 1


def drop_draft(connection: Connection, community: str) -> bool:
    """Remove the draft; False when there was none."""
    return connection.execute(delete(grid_draft).where(grid_draft.c.place == community)).rowcount == 1
