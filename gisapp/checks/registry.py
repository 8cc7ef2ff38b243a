"""Every rule of this package: a module that exposes ``RULE``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import gisapp.checks
from gisapp.checks.definition import Rule
from gisapp.errors import NotFound


@cache
def rules() -> dict[str, Rule]:
    """All rules by id, in order of ids.

    Raises:
        ValueError: two rules with one id, or one not named like its file (a programming error).
    """
    found: dict[str, Rule] = {}
    for info in pkgutil.iter_modules(gisapp.checks.__path__):
        rule = getattr(importlib.import_module(f"gisapp.checks.{info.name}"), "RULE", None)
        if not isinstance(rule, Rule):
            continue
        if rule.id != info.name or rule.id in found:
            raise ValueError(f"rule {rule.id} in file {info.name}")
        found[rule.id] = rule
    return dict(sorted(found.items()))


def rule(identifier: str) -> Rule:
    """One rule.

    Raises:
        NotFound: no such rule.
    """
    found = rules().get(identifier)
    if found is None:
        raise NotFound(f"没有规则“{identifier}”。", remedy="请从规则列表中选择。")
    return found
