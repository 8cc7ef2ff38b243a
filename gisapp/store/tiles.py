"""Vector tiles and GeoJSON from sources: SQL built of named clauses, one statement a tile.

Points are found by the range of Morton numbers that their tile is in ``tile_key``: an ordinary index, which serves under
row security and whose order is the order on disk. Everything else is found by the tile's box in degrees, so that the
literal is transformed and never the column. Coordinates: longitude and latitude, EPSG:4490, degrees; tiles EPSG:3857.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Text

from gisapp.domain import clock, incoming
from gisapp.domain.tiles import Tile
from gisapp.errors import InputError
from gisapp.readable import shown_value
from gisapp.store.sources import Clause, Column, FileSource, Parameter, Source, TableSource
from gisapp.store.sqlfiles import load_sql
from gisapp.store.tables import SCHEMA, metadata
from gisapp.store.tile_counts import counted

EXTENT = 4096
_BUFFER = {"point": 0, "label": 0, "line": 64, "polygon": 64}
_FORMS = {
    "": "{0}",
    "epoch": "extract(epoch FROM {0})::bigint",
    "text": "{0}::text",
    "round": "round({0}::numeric)::bigint",
    "masked": "left({0}, 1) || repeat('*', greatest(length({0}) - 1, 1))",
}
_MOST = incoming.MOST_INT
_CODE = re.compile(r"[A-Za-z0-9_\-]{1,64}")
_WORLD = 40075016.685578488


@dataclass(frozen=True, slots=True)
class TilePart:
    """One named set of features of a tile, as the SQL builder needs it.

    Attributes:
        time: column by which ``from`` and ``to`` choose; empty for none.
    """

    name: str
    source: Source
    columns: tuple[Column, ...]
    zooms: tuple[int, int]
    limit: int
    time: str = ""


def tile_statement(
    parts: tuple[TilePart, ...], families: tuple[str, ...], tile: Tile, given: Mapping[str, str] | None = None
) -> str:
    """One SELECT that gives the revision of the families and the tile's bytes, in one snapshot.

    Args:
        parts: what the tile shall hold.
        families: tables whose revision is read.
        tile: zoom at most 22.
        given: values from the address, unchecked.

    Returns:
        SQL with all values in it as checked literals, to be run as it stands.

    Raises:
        InputError: a value from the address does not look as it must.
    """
    literals = checked(parts, given or {})
    template = _template(parts, families, tile.z, tuple(sorted(literals)))
    west, south, east, north = tile.box()
    # Labels, lines and outlines that reach in from the neighbours by less than the tile's buffer.
    margin_x = (east - west) * _BUFFER["line"] / EXTENT
    margin_y = (north - south) * _BUFFER["line"] / EXTENT
    first, last = tile.keys()
    return template % {
        "x": tile.x,
        "y": tile.y,
        "west": west,
        "south": south,
        "east": east,
        "north": north,
        "w": west - margin_x,
        "s": south - margin_y,
        "e": east + margin_x,
        "n": north + margin_y,
        "first_key": first,
        "last_key": last,
        **literals,
    }


def revision_statement(families: tuple[str, ...]) -> str:
    """One SELECT that gives the revision of families of data."""
    return f"SELECT {SCHEMA}.revision({_texts(families)})"


@lru_cache(maxsize=4096)
def _template(
    parts: tuple[TilePart, ...], families: tuple[str, ...], zoom: int, given: tuple[str, ...]
) -> str:
    selects = [
        _mvt(part, zoom, frozenset(given))
        for part in parts
        if part.zooms[0] <= zoom <= part.zooms[1] and _satisfied(part, given)
    ]
    tile = " || ".join(f"coalesce(({select}), '')" for select in selects) or "''::bytea"
    return f"SELECT {SCHEMA}.revision({_texts(families)}), {tile}"


def _satisfied(part: TilePart, given: tuple[str, ...]) -> bool:
    return all(p.name in given for p in parameters_of(part) if p.required)


def _mvt(part: TilePart, zoom: int, given: frozenset[str]) -> str:
    source = part.source
    key = ", 'id'"
    if isinstance(source, FileSource):
        rows = _from_file(part, source, zoom, given)
    elif source.aggregate and zoom < source.aggregate.below:
        rows, key = _counted(part, source, zoom, given), ""
    else:
        rows = _from_table(part, source, zoom, given)
    return f"SELECT st_asmvt(t, '{part.name}', {EXTENT}, 'mvt'{key}) FROM ({rows} LIMIT {part.limit}) t"


def _from_table(part: TilePart, source: TableSource, zoom: int, given: frozenset[str]) -> str:
    _known(source)
    conditions = _conditions(part, source, zoom, given)
    columns = _properties(part.columns, zoom)
    head = f"SELECT {_key(source)} AS id{columns}"
    name = f'{SCHEMA}."{source.table}" t'
    geometry = f"t.{source.geometry}"
    if source.shape == "point" and _has_tile_key(source):
        where = ["t.tile_key >= %(first_key)s", "t.tile_key < %(last_key)s", *conditions]
        if _may_be_area(source):
            geometry = f"CASE WHEN geometrytype({geometry}) = 'POINT' THEN {geometry} ELSE st_pointonsurface({geometry}) END"
        return (
            f"{head}, {_shape(geometry, 'point', zoom, False)} AS mvt FROM {name} WHERE {' AND '.join(where)}"
        )
    where = [f"{geometry} && {_ENVELOPE}", *conditions]
    if source.shape == "label":
        return (
            f"{head}, {_shape('l.p', 'point', zoom, False)} AS mvt FROM {name} "
            f"CROSS JOIN LATERAL (SELECT st_pointonsurface({geometry}) AS p OFFSET 0) l "
            f"WHERE {' AND '.join(where)} AND {_INSIDE.format('l.p')}"
        )
    if source.shape == "point":
        where.append(_INSIDE.format(geometry))
    return f"{head}, {_shape(geometry, source.shape, zoom, source.simplify)} AS mvt FROM {name} WHERE {' AND '.join(where)}"


def _from_file(part: TilePart, source: FileSource, zoom: int, given: frozenset[str]) -> str:
    columns = _properties(part.columns, zoom)
    rows = f"({file_select(source, zoom, given)}) t"
    if source.shape == "label":
        return (
            f"SELECT t.id{columns}, {_shape('l.p', 'point', zoom, False)} AS mvt FROM {rows} "
            f"CROSS JOIN LATERAL (SELECT st_pointonsurface(t.geom) AS p OFFSET 0) l WHERE {_INSIDE.format('l.p')}"
        )
    return f"SELECT t.id{columns}, {_shape('t.geom', source.shape, zoom, source.simplify)} AS mvt FROM {rows}"


def file_select(source: FileSource, zoom: int, given: frozenset[str]) -> str:
    """A source's file with its placeholders turned into those of the statement."""
    text = load_sql(f"layers/{source.name}")
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    text = text.strip().rstrip(";").replace("%", "%%").replace("{zoom}", str(zoom))
    for box, margin in (("west", "w"), ("south", "s"), ("east", "e"), ("north", "n")):
        text = text.replace("{" + box + "}", f"%({margin})r")
    for name in ("first_key", "last_key"):
        text = text.replace("{" + name + "}", f"%({name})s")
    for parameter in source.parameters:
        value = f"%({parameter.name})s" if parameter.name in given else "NULL"
        text = text.replace("{parameter:" + parameter.name + "}", value)
    return text


_ENVELOPE = "st_makeenvelope(%(w)r, %(s)r, %(e)r, %(n)r, 4490)"
_INSIDE = (
    "st_x({0}) >= %(west)r AND st_x({0}) < %(east)r AND st_y({0}) > %(south)r AND st_y({0}) <= %(north)r"
)


def _shape(geometry: str, shape: str, zoom: int, simplify: bool) -> str:
    """Geometry in tile coordinates; below zoom 16 lines and outlines lose what is smaller than half a pixel."""
    moved = f"st_transform({geometry}, 3857)"
    if shape in ("line", "polygon") and simplify and zoom < 16:
        moved = f"st_simplify({moved}, {_WORLD / (1 << zoom) / EXTENT * 4:.6g}, {'true' if shape == 'polygon' else 'false'})"
    clip = "false" if shape == "point" else "true"
    return f"st_asmvtgeom({moved}, st_tileenvelope({zoom}, %(x)s, %(y)s), {EXTENT}, {_BUFFER[shape]}, {clip})"


def _counted(part: TilePart, source: TableSource, zoom: int, given: frozenset[str]) -> str:
    """One point a cell, where its things lie on average, with their number ``n``."""
    _known(source)
    by = source.aggregate.by if source.aggregate else ""
    rows = counted(source, zoom, _clauses(source, zoom, given), part.time, given)
    return f"SELECT n, {_named(by)}{_shape('middle', 'point', zoom, False)} AS mvt FROM ({rows}) c"


def _named(column: str) -> str:
    return f'"{column}", ' if column else ""


def _properties(columns: Sequence[Column], zoom: int) -> str:
    """The properties' part of a select list, with a comma before it."""
    made = ""
    for column in columns:
        if zoom >= column.from_zoom:
            made += f", {_FORMS[column.form].format(f't.{_quoted(column.column or column.name)}')} AS {_quoted(column.name)}"
    return made


def _conditions(part: TilePart, source: TableSource, zoom: int | None, given: frozenset[str]) -> list[str]:
    made = _clauses(source, zoom, given)
    if part.time:
        if "from" in given:
            made.append(f't."{part.time}" >= %(from)s')
        if "to" in given:
            made.append(f't."{part.time}" < %(to)s')
    return made


def _clauses(source: TableSource, zoom: int | None, given: frozenset[str]) -> list[str]:
    made = []
    for clause in source.where:
        if zoom is not None and not clause.from_zoom <= zoom <= clause.to_zoom:
            continue
        if isinstance(clause.value, Parameter) and clause.value.name not in given:
            continue
        made.append(_condition(clause))
    return made


def _condition(clause: Clause) -> str:
    column = f"t.{_quoted(clause.column)}"
    if clause.operator in ("is null", "is not null"):
        return f"{column} {clause.operator.upper()}"
    if isinstance(clause.value, Parameter):
        value = f"%({clause.value.name})s"
    elif isinstance(clause.value, tuple):
        return f"{column} IN ({', '.join(_literal(v) for v in clause.value)})"
    else:
        value = _literal(clause.value)
    if clause.operator == "starts with":
        return f"{column} ^@ {value}"
    return f"{column} {clause.operator} {value}"


def parameters_of(part: TilePart) -> tuple[Parameter, ...]:
    """Values that the address may carry for a part."""
    time = (Parameter("from", "instant"), Parameter("to", "instant")) if part.time else ()
    if isinstance(part.source, FileSource):
        return (*part.source.parameters, *time)
    return (*(c.value for c in part.source.where if isinstance(c.value, Parameter)), *time)


def checked(parts: Sequence[TilePart], given: Mapping[str, str]) -> dict[str, str]:
    """SQL literals of the values in an address that the parts know; what they do not know is left out.

    Raises:
        InputError: a value does not look as it must.
    """
    if not given:
        return {}
    known = {p.name: p for part in parts for p in parameters_of(part)}
    return {name: _value(known[name], text) for name, text in given.items() if name in known and text}


def _value(parameter: Parameter, text: str) -> str:
    try:
        if parameter.kind == "integer":
            return str(incoming.whole(text, parameter.name, parameter.name, -_MOST, _MOST))
        if parameter.kind == "number":
            return repr(incoming.number(text, parameter.name, parameter.name, -1e300, 1e300))
        if parameter.kind == "code" and _CODE.fullmatch(text):
            return f"'{text}'"
        if parameter.kind == "instant":
            return f"to_timestamp({instant(text).timestamp()!r})"
    except InputError:
        pass
    raise InputError(
        f"参数 {parameter.name} 的值“{shown_value(text)}”无效。",
        remedy="请用整数、数字、代码或日期（例如 2026-11-21）。",
        details={"field": parameter.name, "parameter": parameter.name, "value": shown_value(text)},
    )


def instant(text: str) -> datetime:
    """An instant from epoch seconds, ISO 8601, or a local day (its first instant; spans are half-open).

    Raises:
        InputError: none of them, or beyond the years that there can be data of.
    """
    if re.fullmatch(r"-?[0-9]{1,11}(\.[0-9]{1,6})?", text):
        return incoming.instant(datetime.fromtimestamp(float(text), clock.ZONE), "instant")
    if len(text) == 10:
        return clock.day_bounds(incoming.day(text, "instant"))[0]
    return incoming.instant(text, "instant")


def features_statement(
    part: TilePart, box: tuple[float, float, float, float], given: Mapping[str, str], limit: int
) -> str:
    """One SELECT that gives GeoJSON features of a part, each as one JSON text.

    Args:
        box: west, south, east, north, degrees.
        limit: largest number of features.

    Raises:
        InputError: a value from the address does not look as it must.
    """
    literals = checked([part], given)
    if not _satisfied(part, tuple(literals)):
        return "SELECT NULL::text WHERE false"
    names, source = frozenset(literals), part.source
    if isinstance(source, FileSource):
        shown = "st_pointonsurface(t.geom)" if source.shape == "label" else "t.geom"
        rows = f"SELECT t.id{_properties(part.columns, 22)}, {shown} AS geom FROM ({file_select(source, 22, names)}) t"
    else:
        _known(source)
        geometry = f"t.{source.geometry}"
        shown = f"st_pointonsurface({geometry})" if source.shape == "label" else geometry
        where = " AND ".join([f"{geometry} && {_ENVELOPE}", *_conditions(part, source, 22, names)])
        rows = (
            f"SELECT {_key(source)} AS id{_properties(part.columns, 22)}, {shown} AS geom "
            f'FROM {SCHEMA}."{source.table}" t WHERE {where}'
        )
    west, south, east, north = box
    template = (
        "SELECT json_build_object('type', 'Feature', 'id', f.id, 'geometry', st_asgeojson(f.geom, 7, 0)::json, "
        f"'properties', to_jsonb(f) - 'geom')::text FROM ({rows} LIMIT {limit}) f"
    )
    return template % {
        "w": west,
        "s": south,
        "e": east,
        "n": north,
        "first_key": 0,
        "last_key": 1 << 44,
        **literals,
    }


def _known(source: TableSource) -> None:
    table = metadata.tables.get(f"{SCHEMA}.{source.table}")
    names = {source.geometry, source.key, *(clause.column for clause in source.where)}
    if source.aggregate:
        names |= {source.aggregate.by, source.aggregate.total} - {""}
    missing = names - set(table.columns.keys()) if table is not None else names
    if missing:
        raise ValueError(f"table {source.table} has no columns {sorted(missing)}")


def _has_tile_key(source: TableSource) -> bool:
    return source.geometry == "geom" and "tile_key" in metadata.tables[f"{SCHEMA}.{source.table}"].columns


def _key(source: TableSource) -> str:
    """Ids in tiles are whole numbers; a place key, all digits without a zero in front, can be one."""
    column = metadata.tables[f"{SCHEMA}.{source.table}"].columns[source.key]
    return f't."{source.key}"::bigint' if isinstance(column.type, Text) else f't."{source.key}"'


def _may_be_area(source: TableSource) -> bool:
    column = metadata.tables[f"{SCHEMA}.{source.table}"].columns[source.geometry]
    return getattr(column.type, "geometry_type", "") == "GEOMETRY"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: str | int | float | bool | None) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''").replace("%", "%%") + "'"
    if value is None:
        return "NULL"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _texts(values: Sequence[str]) -> str:
    return f"ARRAY[{', '.join(_literal(v) for v in values)}]::text[]"
