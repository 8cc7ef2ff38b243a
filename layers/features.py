"""Features of a layer as GeoJSON: for moving and short-lived layers, notebooks and export."""

from __future__ import annotations

from collections.abc import Mapping

from gisapp.domain.access import Reader
from gisapp.errors import InputError, NotFound
from gisapp.store.database import Database
from gisapp.store.features import fetch_features
from layers.registry import layer_for
from layers.tiling import tile_parts

WORLD = (-180.0, -90.0, 180.0, 90.0)


def features(
    database: Database,
    reader: Reader,
    layer: str,
    *,
    part: str = "",
    box: tuple[float, float, float, float] = WORLD,
    given: Mapping[str, str] | None = None,
    limit: int = 5_000,
) -> str:
    """A GeoJSON FeatureCollection as text.

    Args:
        layer: id of the layer.
        part: name of its part; the first when empty.
        box: west, south, east, north, EPSG:4490, degrees.
        given: values for the layer's parameters.
        limit: largest number of features; ``truncated`` in the answer says that there are more.

    Raises:
        NotFound: no such layer or part for this reader.
        InputError: a value is not valid, or one that the layer needs is missing.
    """
    definition = layer_for(reader, layer)
    names = [p.name for p in definition.parts]
    if (part and part not in names) or not names:
        raise NotFound(
            f"图层“{definition.title}”没有要素“{part}”。", remedy=f"可用：{'、'.join(names) or '无'}。"
        )
    given = given or {}
    missing = [p.name for p in definition.parameters if p.required and not given.get(p.name)]
    if missing:
        raise InputError(
            f"图层“{definition.title}”缺少参数 {'、'.join(missing)}。", remedy="请在地址中给出这些参数。"
        )
    chosen = next(p for p in tile_parts(definition) if not part or p.name == part)
    with database.begin(reader) as connection:
        found = fetch_features(connection, chosen, box, given, limit + 1)
    more = "true" if len(found) > limit else "false"
    return f'{{"type":"FeatureCollection","truncated":{more},"features":[{",".join(found[:limit])}]}}'
