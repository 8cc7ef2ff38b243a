"""Grids: as they are and were, drawing, publishing. Geometry is GeoJSON in EPSG:4490 with exact edges for snapping."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gisapp.api.fields import Day, Note, Place, Point, Revision, Version
from gisapp.api.session import DatabaseHere, ReaderHere
from gisapp.services import grid_drafts, grid_publishing, grids

router = APIRouter(prefix="/api/v1/grids", tags=["grids"])


class Split(BaseModel):
    """Cut a grid along a line; without a code, the grid that holds most of the line."""

    kind: Literal["split"]
    line: list[Point] = Field(min_length=2, max_length=500)
    code: Place | None = None


class Merge(BaseModel):
    """Make one grid of several that hang together; the lowest code stays."""

    kind: Literal["merge"]
    codes: list[Place] = Field(min_length=2, max_length=50)


class Move(BaseModel):
    """Move a corner, or a point of an inner border that becomes one, in every grid that has it."""

    kind: Literal["move"]
    start: Point = Field(alias="from")
    end: Point = Field(alias="to")


class Remove(BaseModel):
    """Take a corner out of the border between two grids."""

    kind: Literal["remove"]
    at: Point


class OperationIn(BaseModel):
    """One operation on the draft as the user saw it."""

    revision: Revision
    operation: Annotated[Split | Merge | Move | Remove, Field(discriminator="kind")]


class RevisionIn(BaseModel):
    """The draft as the user saw it."""

    revision: Revision


class PublishIn(BaseModel):
    """Publish the draft from a day; today when none is given."""

    revision: Revision
    valid_from: Day | None = None
    note: Note = ""


@router.get("")
def grids_on(
    reader: ReaderHere, database: DatabaseHere, place: Place, on: Day | None = None
) -> dict[str, Any]:
    """The grids within a place that hold on a day (today when none is given), as GeoJSON."""
    return grids.grids_on(database, reader, place, on)


@router.get("/communities")
def communities(reader: ReaderHere, database: DatabaseHere) -> list[dict[str, Any]]:
    """Communities in the reader's scope, with the number of their grids and whether a draft is open."""
    return grids.list_communities(database, reader)


@router.get("/{community}")
def show(community: Place, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """The grids in force of a community with their load."""
    return grids.show(database, reader, community)


@router.get("/{community}/versions")
def versions(community: Place, reader: ReaderHere, database: DatabaseHere) -> list[dict[str, Any]]:
    """All versions of a community, newest first."""
    return grids.versions(database, reader, community)


@router.get("/{community}/versions/{version}")
def version(community: Place, version: Version, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """The grids of one version, past, in force or scheduled."""
    return grids.grids_of_version(database, reader, community, version)


@router.get("/{community}/check")
def check(community: Place, reader: ReaderHere, database: DatabaseHere) -> list[dict[str, Any]]:
    """Why the grids in force do not tile the community; an empty list when they do."""
    found = grids.check(database, reader, community)
    return [problem.as_json() for result in found for problem in result.problems]


@router.post("/{community}/draft")
def open_draft(community: Place, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """The draft of a community; begun from the version in force when there is none."""
    return grid_drafts.open_draft(database, reader, community)


@router.get("/{community}/draft")
def show_draft(community: Place, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """The open draft with the load of each grid."""
    return grid_drafts.show_draft(database, reader, community)


@router.delete("/{community}/draft", status_code=204)
def discard_draft(community: Place, reader: ReaderHere, database: DatabaseHere) -> None:
    """Throw the draft away."""
    grid_drafts.discard_draft(database, reader, community)


@router.post("/{community}/draft/operations")
def apply(community: Place, what: OperationIn, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """Split, merge, move or remove; a refusal names the reason and the geometry to show."""
    operation = what.operation.model_dump(by_alias=True)
    return grid_drafts.apply(database, reader, community, what.revision, operation)


@router.post("/{community}/draft/undo")
def undo(community: Place, what: RevisionIn, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """Take the last step back."""
    return grid_drafts.undo(database, reader, community, what.revision)


@router.post("/{community}/draft/redo")
def redo(community: Place, what: RevisionIn, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """Do the last undone step again."""
    return grid_drafts.redo(database, reader, community, what.revision)


@router.post("/{community}/draft/effects")
def effects(community: Place, what: RevisionIn, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """What publishing the draft would change."""
    return grid_publishing.effects(database, reader, community, what.revision)


@router.post("/{community}/draft/publish")
def publish(community: Place, what: PublishIn, reader: ReaderHere, database: DatabaseHere) -> dict[str, Any]:
    """Publish the draft as a new version."""
    return grid_publishing.publish(
        database, reader, community, what.revision, valid_from=what.valid_from, note=what.note
    )


@router.delete("/{community}/scheduled", status_code=204)
def withdraw(community: Place, reader: ReaderHere, database: DatabaseHere) -> None:
    """Take back the version that is not yet in force."""
    grid_publishing.withdraw(database, reader, community)
