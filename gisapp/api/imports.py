"""Imports: send a file, check it, import it, fetch its report."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response, UploadFile
from fastapi.responses import FileResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from gisapp.api.fields import Code, Crs, Heading, Name, Place, Value, ZoneName, whole
from gisapp.api.session import DatabaseHere, ReaderHere, current_reader
from gisapp.domain.access import Role
from gisapp.services.importing import uploads
from gisapp.services.importing.order import MOST_PAIRS
from gisapp.services.importing.registry import importers


class _ManagersOnly(APIRoute):
    """Refuses everybody else before a body is read: a file of half a gigabyte would be on disk first."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler behind the check of the role."""
        handle = super().get_route_handler()

        async def check(request: Request) -> Response:
            current_reader(request).require(Role.MANAGER)
            return await handle(request)

        return check


router = APIRouter(prefix="/api/v1/imports", tags=["imports"], route_class=_ManagersOnly)

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class ImportIn(BaseModel):
    """How a file that was sent is to be understood."""

    kind: Code = Field(description="kind of data, or osm")
    crs: Crs = Field("", description="WGS84, CGCS2000, GCJ02, BD09 or EPSG:n; always stated")
    place: Place = Field("", description="place key of rows that lie in no grid and no region")
    place_name: Name = ""
    mapping: dict[Code, Heading] = Field(
        max_length=MOST_PAIRS, default_factory=dict, description="field → heading"
    )
    values: dict[Code, Value] = Field(
        max_length=MOST_PAIRS, default_factory=dict, description="field → one value for all rows"
    )
    layer: Name = ""
    timezone: ZoneName = "Asia/Shanghai"
    dry_run: bool = Field(True, description="check and compare only")


def _data_dir(request: Request) -> Path:
    folder: Path = request.app.state.settings.data_dir
    return folder


@router.get("")
def history(
    reader: ReaderHere, database: DatabaseHere, limit: Annotated[int, whole("limit", 1, 500)] = 50
) -> list[dict[str, Any]]:
    """Imports within the reader's scope, the newest first."""
    return uploads.history(database, reader, limit)


@router.get("/kinds")
def kinds(reader: ReaderHere) -> list[dict[str, Any]]:
    """Kinds of data that can be imported, with their fields."""
    reader.require(Role.MANAGER)
    return [
        {
            "kind": word,
            "title": importer.title,
            "shape": importer.shape.value,
            "note": importer.note,
            "fields": [
                {"name": f.name, "title": f.zh, "type": f.kind.value, "required": f.required, "help": f.help}
                for f in importer.all_fields
            ],
        }
        for word, importer in importers().items()
    ]


@router.post("", status_code=201)
def send(file: UploadFile, request: Request, reader: ReaderHere) -> dict[str, Any]:
    """Send a file; it is kept for a day under the token that comes back."""
    return uploads.receive(_data_dir(request), reader, file.filename or "", file.file)


@router.post("/{token}")
def perform(
    token: Code, what: ImportIn, request: Request, reader: ReaderHere, database: DatabaseHere
) -> dict[str, Any]:
    """Check a file that was sent (``dry_run``), or import it."""
    asked = uploads.Request(**what.model_dump())
    return uploads.perform(database, reader, _data_dir(request), token, asked)


@router.get("/{token}/report", response_class=FileResponse, responses={200: {"content": {_XLSX: {}}}})
def report(token: Code, kind: Code, request: Request, reader: ReaderHere) -> FileResponse:
    """The report of the newest check or import as an Excel workbook."""
    path, name = uploads.report(reader, _data_dir(request), token, kind)
    return FileResponse(path, media_type=_XLSX, filename=name)
