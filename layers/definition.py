"""What a map layer is: one frozen object from which tiles, TileJSON, style, legend, profile and folium layer are made.

A new layer is one file ``layers/defs/NAME.py`` that exposes ``LAYER`` (and one file ``store/sql/layers/NAME.sql`` where
clauses over one table do not suffice). Titles, words and units come from the vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gisapp.domain.access import Reader, Role
from gisapp.domain.vocabulary import term
from gisapp.store.sources import Column, FileSource, Form, Parameter, Source, TableSource
from layers.classes import LegendItem
from layers.colours import Theme, resolve

Group = Literal["base", "places", "registers", "work", "analysis"]
FieldRole = Literal["tile", "profile", "legend", "filter"]
Delivery = Literal["tiles", "features", "live"]

GROUP_TITLES: Mapping[Group, str] = {
    "base": "底图",
    "places": "地点",
    "registers": "台账",
    "work": "工作",
    "analysis": "分析",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a layer's features.

    Attributes:
        name: name in tiles, GeoJSON and styles. ``name`` is what a pointer over the feature reads.
        label: Chinese word; the vocabulary's where ``term`` is given.
        term: identifier in the vocabulary.
        column: column it comes from; the same name when empty.
        form: how the column is given out.
        unit: unit of a number; the vocabulary's when empty.
        roles: ``tile``: carried by tiles; ``profile``: shown in the profile; ``legend``: decides the colour;
            ``filter``: can be filtered by.
        values: Chinese words of codes.
        from_zoom: smallest zoom at which tiles carry it.
    """

    name: str
    label: str = ""
    term: str = ""
    column: str = ""
    form: Form = ""
    unit: str = ""
    roles: tuple[FieldRole, ...] = ("tile", "profile")
    values: Mapping[str, str] = field(default_factory=dict)
    from_zoom: int = 0

    @property
    def title(self) -> str:
        """Chinese word for the field."""
        return self.label or term(self.term).zh

    @property
    def measure(self) -> str:
        """Unit, or an empty text."""
        return self.unit or (term(self.term).unit or "" if self.term else "")

    def as_json(self) -> dict[str, Any]:
        """For the page: switcher, filters, tables."""
        return {
            "name": self.name,
            "label": self.title,
            "unit": self.measure,
            "roles": list(self.roles),
            "form": self.form,
            "values": dict(self.values),
        }


@dataclass(frozen=True, slots=True)
class Part:
    """One named set of features within a layer's tiles (``source-layer`` of MapLibre).

    Attributes:
        name: name in the tile; unique over all layers.
        source: where the features come from.
        fields: names of the layer's tile fields that it carries; None for all of them.
        zooms: smallest and largest zoom at which it is in tiles, both included.
        limit: largest number of features in one tile, the first by id; a safety net, not a design.
    """

    name: str
    source: Source
    fields: tuple[str, ...] | None = None
    zooms: tuple[int, int] = (0, 16)
    limit: int = 60_000


@dataclass(frozen=True, slots=True)
class StyleLayer:
    """One MapLibre style layer; colours may be ``Themed``.

    Attributes:
        name: last part of its id; the id becomes ``<layer>:<name>``.
        type: MapLibre type (fill, line, circle, symbol, fill-extrusion, heatmap).
        part: part of the layer that it draws; empty for the layer's only or first part.
        paint, layout, filter: as in the MapLibre style specification.
        zooms: from (included) to (excluded).
        order: place in the drawing order within all layers; the layer's own when None.
        pick: whether a click selects its features.
        counts: value of the legend's field that all its features count records of; it goes when that class is hidden.
    """

    name: str
    type: Literal["fill", "line", "circle", "symbol", "fill-extrusion", "heatmap"]
    part: str = ""
    paint: Mapping[str, Any] = field(default_factory=dict)
    layout: Mapping[str, Any] = field(default_factory=dict)
    filter: Any = None
    zooms: tuple[float, float] | None = None
    order: int | None = None
    pick: bool = True
    counts: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """One map layer.

    Attributes:
        id: identifier, letters, digits and ``_``.
        term: vocabulary identifier of its title.
        group: where the switcher lists it.
        parts: its sets of features; empty for layers whose features are pushed.
        fields: properties of the features.
        style: how it is drawn.
        origin: where its data come from, in Chinese, shown under the legend.
        unit: unit of what is counted, in Chinese (个, 人, 件 …).
        legend: lines of the legend; made from the same classification as the style.
        legend_title: heading of the legend; the layer's title when empty.
        zooms: from which and up to which zoom it is worth showing.
        order: drawing order, smallest lowest (0–99 ground, 100–199 areas, 200–299 lines, 300–399 points, 400+ labels).
        visible: whether it is on at first.
        audience: roles that may see it; empty for everyone signed in (administrators see all).
        profile: kind of profile that a click opens; empty for none.
        kind_field: property that names the profile kind, where one layer holds several.
        delivery: ``tiles``; ``features``: GeoJSON on demand; ``live``: pushed.
        time: column of the moment by which the time filter chooses (``?from=&to=``); empty for none.
        families: tables whose change alters its tiles; those that its sources read when empty.
        tileset: layers with the same tileset travel in one tile; the layer's id when empty.
        parameters: values taken from the address, gathered from the sources.
        live: name of the pushed feed, for ``live`` layers.
    """

    id: str
    term: str
    group: Group
    parts: tuple[Part, ...]
    fields: tuple[Field, ...]
    style: tuple[StyleLayer, ...]
    origin: str
    unit: str
    legend: tuple[LegendItem, ...] = ()
    legend_title: str = ""
    zooms: tuple[int, int] = (0, 22)
    order: int = 300
    visible: bool = False
    audience: tuple[Role, ...] = ()
    profile: str = ""
    kind_field: str = ""
    delivery: Delivery = "tiles"
    time: str = ""
    families: tuple[str, ...] = ()
    tileset: str = ""
    live: str = ""

    @property
    def title(self) -> str:
        """Chinese title."""
        return term(self.term).zh

    @property
    def source_id(self) -> str:
        """Name of the MapLibre source, and of the tile address."""
        return self.tileset or self.id

    @property
    def watched(self) -> tuple[str, ...]:
        """Tables whose change alters the layer, sorted."""
        if self.families:
            return tuple(sorted(self.families))
        return tuple(sorted({name for part in self.parts for name in part.source.tables}))

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Values that the address may carry."""
        found: dict[str, Parameter] = {}
        for part in self.parts:
            if isinstance(part.source, FileSource):
                found |= {p.name: p for p in part.source.parameters}
            else:
                values = (clause.value for clause in part.source.where)
                found |= {value.name: value for value in values if isinstance(value, Parameter)}
        return tuple(found.values())

    def part(self, name: str) -> Part:
        """The part of a name; the first for an empty name.

        Raises:
            KeyError: no such part (a programming error).
        """
        if not name:
            return self.parts[0]
        return next(p for p in self.parts if p.name == name)

    def columns(self, part: Part, role: FieldRole = "tile") -> tuple[Column, ...]:
        """Columns that a part's features carry."""
        if isinstance(part.source, FileSource | TableSource) and part.source.columns:
            return part.source.columns
        return tuple(
            Column(f.name, f.column, f.form, f.from_zoom)
            for f in self.fields
            if role in f.roles and (part.fields is None or f.name in part.fields)
        )

    def visible_to(self, reader: Reader) -> bool:
        """Whether a reader's role may see the layer."""
        if reader.is_device:
            return False
        return not self.audience or reader.role is Role.ADMIN or reader.role in self.audience

    def style_layers(self, theme: Theme) -> list[tuple[int, dict[str, Any]]]:
        """The MapLibre style layers in a theme, each with its place in the drawing order."""
        made = []
        for style in self.style:
            entry: dict[str, Any] = {
                "id": f"{self.id}:{style.name}",
                "type": style.type,
                "source": self.source_id,
            }
            if self.parts and self.delivery == "tiles":
                entry["source-layer"] = self.part(style.part).name
            if style.zooms:
                entry["minzoom"], entry["maxzoom"] = style.zooms
            if style.filter is not None:
                entry["filter"] = resolve(style.filter, theme)
            layout = dict(resolve(style.layout, theme))
            if style.type == "symbol" and "text-field" in layout:
                layout.setdefault("text-font", ["Noto Sans CJK SC", "sans-serif"])
            layout["visibility"] = "visible" if self.visible else "none"
            entry["layout"] = layout
            entry["paint"] = resolve(style.paint, theme)
            entry["metadata"] = {"onemap:layer": self.id, "onemap:role": _role(style)}
            if style.counts:
                entry["metadata"]["onemap:counts"] = style.counts
            if style.pick and self.profile:
                entry["metadata"]["onemap:kind"] = self.profile
            made.append((self.order if style.order is None else style.order, entry))
        return made

    def as_json(self, theme: Theme) -> dict[str, Any]:
        """For the page: switcher, legend, filters."""
        return {
            "id": self.id,
            "title": self.title,
            "definition": term(self.term).definition,
            "group": self.group,
            "group_title": GROUP_TITLES[self.group],
            "unit": self.unit,
            "origin": self.origin,
            "visible": self.visible,
            "zooms": list(self.zooms),
            "delivery": self.delivery,
            "live": self.live,
            "profile": self.profile,
            "source": self.source_id,
            "time": bool(self.time),
            "parameters": [p.name for p in self.parameters],
            "families": list(self.watched),
            "legend": {
                "title": self.legend_title or self.title,
                "items": [item.as_json(theme) for item in self.legend],
            },
            "fields": [f.as_json() for f in self.fields],
        }


def _role(style: StyleLayer) -> str:
    if style.type == "fill-extrusion":
        return "extrusion"
    return "label" if style.type == "symbol" and "text-field" in style.layout else style.type
