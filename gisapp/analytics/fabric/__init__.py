"""The fabric of grids: one community's ground, cut exactly, with no gap and no overlap.

Pure functions on polygons in EPSG:4490 degrees (lon, lat) with nine decimals. ``check_tiling`` says what is wrong and
where; ``split``, ``merge``, ``move_vertex`` and ``remove_vertex`` give a new fabric or refuse with the reason;
``locate`` names the grid of a point by the one tie rule.
"""

from gisapp.analytics.fabric.codes import next_code
from gisapp.analytics.fabric.comparing import (
    border_inserts,
    bounds_of,
    changed_codes,
    ground_moved,
    heirs,
    put_corners,
)
from gisapp.analytics.fabric.editing import adopt_border, merge, move_vertex, remove_vertex
from gisapp.analytics.fabric.history import Change, fabric_as_json, fabric_from_json
from gisapp.analytics.fabric.lattice import rounded
from gisapp.analytics.fabric.locating import locate, locate_one
from gisapp.analytics.fabric.model import Fabric, Problem, area_m2
from gisapp.analytics.fabric.splitting import grid_under, split
from gisapp.analytics.fabric.tiling import check_tiling

__all__ = [
    "Change",
    "Fabric",
    "Problem",
    "adopt_border",
    "area_m2",
    "border_inserts",
    "bounds_of",
    "changed_codes",
    "check_tiling",
    "fabric_as_json",
    "fabric_from_json",
    "grid_under",
    "ground_moved",
    "heirs",
    "locate",
    "locate_one",
    "merge",
    "move_vertex",
    "next_code",
    "put_corners",
    "remove_vertex",
    "rounded",
    "split",
]
