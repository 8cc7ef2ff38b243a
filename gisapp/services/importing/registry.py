"""All importers: every module in ``kinds/`` that has an ``IMPORTER``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from gisapp.errors import InputError
from gisapp.services.importing import kinds
from gisapp.services.importing.importer import Importer


@cache
def importers() -> Mapping[str, Importer]:
    """Importers by kind, in alphabetical order.

    Raises:
        TypeError: a module in ``kinds`` has no importer, or two have the same kind (a programming error).
    """
    found: dict[str, Importer] = {}
    for module in sorted(pkgutil.iter_modules(kinds.__path__), key=lambda m: m.name):
        if module.name.startswith("_"):
            continue
        importer = getattr(importlib.import_module(f"{kinds.__name__}.{module.name}"), "IMPORTER", None)
        if not isinstance(importer, Importer) or importer.kind in found:
            raise TypeError(f"kinds/{module.name}.py needs an IMPORTER of a kind of its own")
        found[importer.kind] = importer
    return MappingProxyType(found)


def importer_for(kind: str) -> Importer:
    """The importer of a kind, by its word or its Chinese title.

    Raises:
        InputError: there is none.
    """
    found = importers()
    by_title = {i.title: i for i in found.values()}
    importer = found.get(kind) or by_title.get(kind)
    if importer is None:
        words = "、".join(f"{k}（{i.title}）" for k, i in found.items())
        raise InputError(f"没有“{kind}”这种数据。", remedy=f"可导入：{words}。", details={"field": "kind"})
    return importer
