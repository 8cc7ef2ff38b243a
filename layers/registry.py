"""All layers: every module of ``layers/defs`` exposes one ``LAYER``."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

import layers.defs
from gisapp.domain.access import Reader
from gisapp.errors import NotFound
from layers.definition import Group, Layer


@cache
def layers_by_id() -> Mapping[str, Layer]:
    """All layers by id, in drawing order.

    Raises:
        ValueError: a file without ``LAYER``, or an id or the name of a part that occurs twice (a programming error,
            found at start-up).
    """
    found: list[Layer] = []
    for module in sorted(pkgutil.iter_modules(layers.defs.__path__), key=lambda m: m.name):
        if module.name.startswith("_"):
            continue
        layer = getattr(import_module(f"layers.defs.{module.name}"), "LAYER", None)
        if not isinstance(layer, Layer):
            raise ValueError(f"layers/defs/{module.name}.py exposes no LAYER")
        found.append(layer)
    for names in ([one.id for one in found], [part.name for one in found for part in one.parts]):
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"two layers share the names {sorted(twice)}")
    taken = {one.tileset for one in found} & {one.id for one in found}
    if taken:
        raise ValueError(f"tilesets have the names of layers: {sorted(taken)}")
    return MappingProxyType({one.id: one for one in sorted(found, key=lambda one: (one.order, one.id))})


@cache
def tilesets() -> Mapping[str, tuple[Layer, ...]]:
    """Layers by the tile address they travel under."""
    sets: dict[str, list[Layer]] = {}
    for layer in layers_by_id().values():
        if layer.delivery == "tiles":
            sets.setdefault(layer.source_id, []).append(layer)
    return MappingProxyType({name: tuple(members) for name, members in sets.items()})


def layers_for(reader: Reader) -> list[Layer]:
    """Layers that a reader's role may see, in drawing order."""
    return [layer for layer in layers_by_id().values() if layer.visible_to(reader)]


def listed_for(reader: Reader) -> list[Layer]:
    """The same layers in the order of a list: by group, what one looks for before what lies below everything."""
    groups: list[Group] = ["places", "registers", "work", "analysis", "base"]
    return sorted(layers_for(reader), key=lambda layer: (groups.index(layer.group), layer.order, layer.id))


def layer_for(reader: Reader, identifier: str) -> Layer:
    """One layer.

    Raises:
        NotFound: there is none, or none for this reader (the two are not told apart).
    """
    layer = layers_by_id().get(identifier)
    if layer is None or not layer.visible_to(reader):
        raise NotFound(
            f"没有图层“{identifier}”。", remedy="请在图层列表中选择。", details={"layer": identifier}
        )
    return layer
