"""How an operation says no: one error with the reason, what to do, and what to show on the map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import shapely
from shapely.geometry import Polygon

from gisapp.analytics.fabric.model import Fabric, Problem, short
from gisapp.analytics.fabric.tiling import tiling_problems
from gisapp.errors import InputError, NotFound


def refuse(
    message: str,
    remedy: str,
    problems: Sequence[Problem] = (),
    *,
    geometry: shapely.Geometry | None = None,
    kind: str = "refused",
    codes: tuple[str, ...] = (),
) -> NoReturn:
    """Raise the refusal with its problems, or with one made of the geometry.

    Raises:
        InputError: always.
    """
    shown = list(problems) or [Problem(kind, message, codes, geometry)]
    raise InputError(message, remedy=remedy, details={"problems": [problem.as_json() for problem in shown]})


def require_grid(fabric: Fabric, code: str) -> Polygon:
    """The grid's polygon.

    Raises:
        NotFound: no such grid in the fabric.
    """
    shape = fabric.grids.get(code)
    if shape is None:
        raise NotFound(
            f"本社区没有网格 {short(code)}。",
            remedy="请刷新页面后重试。",
            details={"field": "code", "code": code},
        )
    return shape


def require_sound(fabric: Fabric, after: str, remedy: str) -> None:
    """Refuse a result that does not tile the community.

    ``after`` begins the message: what was tried ("这样移动后").
    """
    problems = tiling_problems(fabric.border, fabric.grids)
    if problems:
        more = f"（共 {len(problems)} 处）" if len(problems) > 1 else ""
        refuse(f"{after}，{problems[0].message}{more}", remedy, problems)
