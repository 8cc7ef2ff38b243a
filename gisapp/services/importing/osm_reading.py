"""An OpenStreetMap file as tables, one a kind of data, in one pass.

Ways and areas at the edge of an extract lack nodes: lines keep the pieces that are there, building outlines are closed
over what is there, and both are reported as repaired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import shapely

from gisapp.errors import InputError
from gisapp.services.importing import osm_tags
from gisapp.services.importing.findings import Findings
from gisapp.services.importing.reading import RawTable, is_file

SUFFIXES = (".pbf", ".osm", ".gz", ".bz2")
#: kinds in the order of storing: addresses look for the building that they stand in
KINDS = ("buildings", "streets", "water", "green", "places", "components", "addresses")
Progress = Callable[[str, int, int], None]


class _Rows:
    """Rows of one kind as they are found."""

    def __init__(self) -> None:
        self.values: list[Mapping[str, Any]] = []
        self.shapes: list[Any] = []
        self.findings = Findings()

    def add(self, key: str, shape: Any, *, mended: str = "", **values: Any) -> None:
        self.values.append({"source_key": key, **values})
        self.shapes.append(shape)
        if mended:
            self.findings.repair(len(self.values), "几何", f"{key}：{mended}")

    def refuse(self, key: str, reason: str, remedy: str, **values: Any) -> None:
        self.values.append({"source_key": key, **values})
        self.shapes.append(None)
        self.findings.refuse(len(self.values), "几何", key, reason, remedy)

    def table(self) -> RawTable:
        headings = list(dict.fromkeys(name for row in self.values for name in row))
        columns = [[row.get(name) for row in self.values] for name in headings]
        shapes = np.empty(len(self.shapes), dtype=object)
        shapes[:] = self.shapes
        self.findings.labels = {i: str(row["source_key"]) for i, row in enumerate(self.values, 1)}
        rows = np.arange(1, len(self.values) + 1)
        return RawTable(headings, columns, rows, shapes, None, "对象", [], self.findings)


class _Handler(osmium.SimpleHandler):
    """Sorts objects into kinds. Areas come after all ways, so building ways wait until their area is known to fail."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.rows = {kind: _Rows() for kind in KINDS}
        self._wkb = osmium.geom.WKBFactory()
        self._progress = progress
        self._seen = 0
        self._cut: dict[int, tuple[dict[str, str], list[tuple[float, float]]]] = {}
        self._relations: set[int] = set()

    def _count(self) -> None:
        self._seen += 1
        if self._seen % 20_000 == 0:
            self._progress("读取 OpenStreetMap", self._seen, 0)

    def node(self, node: Any) -> None:
        self._count()
        if not len(node.tags) or not node.location.valid():
            return
        tags = {tag.k: tag.v for tag in node.tags}
        point = shapely.Point(node.location.lon, node.location.lat)
        self._point_things(f"node/{node.id}", tags, point)

    def way(self, way: Any) -> None:
        self._count()
        if not len(way.tags):
            return
        tags = {tag.k: tag.v for tag in way.tags}
        building = osm_tags.is_building(tags)
        road = osm_tags.road_class(tags)
        if not building and road is None and osm_tags.component_code(tags) is None:
            return
        runs, cut = _runs(way)
        key = f"way/{way.id}"
        if building:
            if way.is_closed() and cut:
                self._cut[way.id] = (tags, [xy for run in runs for xy in run])
            elif not way.is_closed():
                self.rows["buildings"].refuse(key, "楼栋轮廓没有闭合", "请在 OpenStreetMap 中闭合该轮廓。")
        elif road is not None:
            self._road(key, tags, runs, cut, road)
        elif runs and not way.is_closed():
            self._component(key, tags, shapely.LineString(max(runs, key=len)))

    def relation(self, relation: Any) -> None:
        self._count()
        tags = {tag.k: tag.v for tag in relation.tags}
        if tags.get("type") == "multipolygon" and osm_tags.is_building(tags):
            self._relations.add(relation.id)

    def area(self, area: Any) -> None:
        tags = {tag.k: tag.v for tag in area.tags}
        key = f"{'way' if area.from_way() else 'relation'}/{area.orig_id()}"
        building, water, green = osm_tags.is_building(tags), osm_tags.is_water(tags), osm_tags.is_green(tags)
        component = osm_tags.component_code(tags) is not None and not building
        if not (
            building or water or green or component or osm_tags.poi_word(tags) or "addr:housenumber" in tags
        ):
            return
        try:
            shape = shapely.from_wkb(bytes.fromhex(self._wkb.create_multipolygon(area)))
        except RuntimeError:
            return
        if building:
            self._relations.discard(area.orig_id())
            self._building(key, tags, shape)
        if water or green:
            self.rows["water" if water else "green"].add(key, shape, name=osm_tags.name_of(tags))
        self._point_things(key, tags, shapely.point_on_surface(shape), components=False)
        if component:
            self._component(key, tags, shape)

    def finish(self) -> None:
        """What could not become an area: outlines that the extract cuts off, relations whose members are missing."""
        for identifier, (tags, corners) in self._cut.items():
            key = f"way/{identifier}"
            if len(set(corners)) < 3:
                self.rows["buildings"].refuse(key, "轮廓的顶点大多在数据范围之外", "请换用范围更大的数据。")
            else:
                self._building(
                    key, tags, shapely.Polygon(corners), mended="轮廓在数据边缘被截断，已按范围内的部分闭合"
                )
        for identifier in sorted(self._relations):
            self.rows["buildings"].refuse(
                f"relation/{identifier}", "多边形关系的成员不全或不能闭合", "请换用范围更大的数据。"
            )

    def _point_things(self, key: str, tags: dict[str, str], point: Any, *, components: bool = True) -> None:
        word = osm_tags.poi_word(tags)
        street, plate = tags.get("addr:street", ""), tags.get("addr:housenumber", "")
        if word is not None:
            self.rows["places"].add(
                key,
                point,
                name=osm_tags.name_of(tags),
                kind=word,
                address=f"{street}{' ' if street.isascii() else ''}{plate}".strip(),
                opening_hours=tags.get("opening_hours", "")[:200],
                phone=(tags.get("phone") or tags.get("contact:phone") or "")[:80],
            )
        if street and plate:
            self.rows["addresses"].add(key, point, road=street, plate=plate, full_text=f"{street} {plate}")
        if components:
            self._component(key, tags, point)
            for mark, code in osm_tags.components_beside(tags).items():
                self.rows["components"].add(f"{key}/{mark}", point, type_code=code, department="")

    def _component(self, key: str, tags: dict[str, str], shape: Any) -> None:
        code = osm_tags.component_code(tags)
        if code is not None:
            self.rows["components"].add(key, shape, type_code=code, department=tags.get("operator", "")[:120])

    def _building(self, key: str, tags: dict[str, str], shape: Any, *, mended: str = "") -> None:
        levels = osm_tags.number(tags.get("building:levels"))
        year = tags.get("start_date", "")[:4]
        self.rows["buildings"].add(
            key,
            shape,
            mended=mended,
            name=osm_tags.name_of(tags),
            use=tags["building"],
            floors=None if levels is None else max(1, round(levels)),
            height=osm_tags.number(tags.get("height")),
            built_year=int(year) if len(year) == 4 and year.isdigit() else None,
        )

    def _road(
        self, key: str, tags: dict[str, str], runs: list[list[tuple[float, float]]], cut: bool, word: str
    ) -> None:
        rows = self.rows["streets"]
        if not runs:
            rows.refuse(key, "道路的顶点在数据范围之外", "请换用范围更大的数据。", **{"class": word})
            return
        values: dict[str, Any] = {"name": osm_tags.name_of(tags), "class": word}
        values["bridge"] = tags.get("bridge", "no") != "no"
        values["walkable"] = osm_tags.walkable(tags)
        shape = shapely.LineString(runs[0]) if len(runs) == 1 else shapely.MultiLineString(runs)
        rows.add(key, shape, mended="道路在数据边缘被截断，已保留范围内的部分" if cut else "", **values)


def _runs(way: Any) -> tuple[list[list[tuple[float, float]]], bool]:
    """The pieces of a way whose nodes are there (two at least), and whether any node is missing."""
    runs: list[list[tuple[float, float]]] = [[]]
    cut = False
    for node in way.nodes:
        if node.location.valid():
            runs[-1].append((node.location.lon, node.location.lat))
        else:
            cut = True
            runs.append([])
    return [run for run in runs if len(run) >= 2], cut


def read_osm(path: Path, progress: Progress) -> Iterator[tuple[str, RawTable]]:
    """The tables of an OpenStreetMap file: (kind, rows), kinds without rows left out.

    Raises:
        InputError: missing, or no OpenStreetMap file.
    """
    if not is_file(path) or path.stat().st_size == 0:
        raise InputError(f"没有文件“{path.name}”，或文件是空的。", remedy="请检查路径和文件名。")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"“{path.name}”不是 OpenStreetMap 文件。", remedy="可导入 .osm.pbf、.osm、.osm.gz、.osm.bz2。"
        )
    handler = _Handler(progress)
    try:
        handler.apply_file(str(path), locations=True)
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"文件“{path.name}”不能读取：格式损坏或不完整。", remedy="请重新下载或导出该文件。"
        ) from error
    handler.finish()
    for kind in KINDS:
        if handler.rows[kind].values:
            yield kind, handler.rows[kind].table()
