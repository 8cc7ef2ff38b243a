"""``/api/v1/profile``: what is known of one thing, and the records behind its numbers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gisapp.api.fields import Code, Id, Offset, Purpose, whole
from gisapp.api.session import DatabaseHere, ReaderHere
from gisapp.services import profiles, rooms

router = APIRouter(prefix="/api/v1", tags=["profiles"])


class Look(BaseModel):
    """Why somebody looks at personal fields."""

    purpose: Purpose = Field(description="用途，例如：走访核实")


@router.get("/profile/{kind}/{identifier}")
def show_profile(kind: Code, identifier: Code, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """What is known of one thing: regions and grids by place key, everything else by id."""
    return profiles.profile_of(database, reader, kind, identifier)


@router.get("/profile/{kind}/{identifier}/{name}")
def show_list(
    kind: Code,
    identifier: Code,
    name: Code,
    reader: ReaderHere,
    database: DatabaseHere,
    offset: Offset = 0,
    limit: Annotated[int, whole("limit", 1, 500)] = 100,
) -> dict[str, Any]:
    """The records behind a number of a profile, page by page."""
    return profiles.list_of(database, reader, kind, identifier, name, offset=offset, limit=limit)


@router.get("/buildings/{building_id}/rooms")
def show_rooms(building_id: Id, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """The room sheet (楼盘表) of a building: units, floors, rooms by who lives there, masked names."""
    return asdict(rooms.room_sheet(database, reader, building_id))


@router.post("/people/{person_id}/reveal")
def reveal_person(person_id: Id, look: Look, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """Personal fields of one person for a stated purpose; who looked at what and why is recorded."""
    return profiles.reveal_person(database, reader, person_id, look.purpose)
