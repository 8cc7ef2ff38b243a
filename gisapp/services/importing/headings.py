"""Which column of a file is which field: by what the user says, else by the words that a field goes by."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gisapp.errors import InputError
from gisapp.services.importing.fields import Field, Kind

#: headings of coordinates in sheets; degrees for geographic systems, metres (easting, northing) for projected ones
LON = Field(
    "lon",
    "经度",
    (
        "lon",
        "lng",
        "longitude",
        "long",
        "经度坐标",
        "东坐标",
        "横坐标",
        "easting",
        "point_x",
        "x",
        "x坐标",
        "gcj_lng",
        "wgs_lng",
    ),
    Kind.NUMBER,
    units=("°", "度", "米", "m"),
    stored=False,
    help="经度（度）；投影坐标系时为东坐标（米）。",
)
LAT = Field(
    "lat",
    "纬度",
    (
        "lat",
        "latitude",
        "纬度坐标",
        "北坐标",
        "纵坐标",
        "northing",
        "point_y",
        "y",
        "y坐标",
        "gcj_lat",
        "wgs_lat",
    ),
    Kind.NUMBER,
    units=("°", "度", "米", "m"),
    stored=False,
    help="纬度（度）；投影坐标系时为北坐标（米）。",
)
WKT = Field(
    "wkt",
    "几何",
    ("wkt", "geometry", "geom", "the_geom", "坐标串", "边界", "图形", "shape"),
    longest=10_000_000,
    stored=False,
    help="WKT 文本，例如 POLYGON((120.1 30.2, …))；面状和线状数据在表格中用它。",
)
PLACE = Field(
    "place",
    "地点编码",
    (
        "place",
        "所属网格",
        "网格编码",
        "网格代码",
        "网格号",
        "社区编码",
        "社区代码",
        "区划代码",
        "行政区划代码",
        "grid_code",
    ),
    stored=False,
    help="所在网格或区划的编码；给出时与位置核对。",
)
SOURCE_KEY = Field(
    "source_key",
    "来源编号",
    (
        "source_key",
        "id",
        "编号",
        "编码",
        "唯一编号",
        "标识码",
        "osm_id",
        "@id",
        "gid",
        "uuid",
        "guid",
        "objectid_1",
        "case_enquiry_id",
    ),
    stored=False,
    help="该行在来源中的编号，重复导入时凭它认出同一条；没有时由内容得出。",
)
LOCATION_FIELDS = (LON, LAT, WKT)

_BRACKETS = re.compile(r"[(\[{<【〔「].*?[)\]}>】〕」]")
_DROPPED = re.compile(r"[\s_\-—*：:.·'\"“”#]+")


def normal(heading: str) -> str:
    """A heading without what does not matter: case, blanks, width, signs, remarks in brackets."""
    text = unicodedata.normalize("NFKC", str(heading)).casefold()
    return _DROPPED.sub("", _BRACKETS.sub("", text)) or _DROPPED.sub("", text)


@dataclass(frozen=True, slots=True)
class Recognised:
    """Which columns serve which field.

    Attributes:
        columns: field name → positions of columns, the preferred first.
        unused: headings that serve no field.
    """

    columns: Mapping[str, tuple[int, ...]]
    unused: tuple[str, ...]


def known_words(fields: Sequence[Field]) -> frozenset[str]:
    """All normalised headings that any of the fields goes by."""
    return frozenset(normal(word) for field in fields for word in (field.zh, field.name, *field.words))


def recognise(fields: Sequence[Field], headings: Sequence[str], stated: Mapping[str, str]) -> Recognised:
    """Assign columns to fields.

    Args:
        fields: of the kind of data, coordinates included.
        headings: of the file.
        stated: field (its identifier or Chinese name) → heading, as the user says; wins over all words.

    Raises:
        InputError: a stated field or column does not exist.
    """
    by_name = {normal(word): field for field in fields for word in (field.name, field.zh)}
    positions: dict[str, list[int]] = {}
    for i, heading in enumerate(headings):
        positions.setdefault(normal(heading), []).append(i)
    found: dict[str, tuple[int, ...]] = {}
    taken: set[int] = set()
    for word, heading in stated.items():
        field = by_name.get(normal(word))
        if field is None:
            raise InputError(f"没有字段“{word}”。", remedy=f"可用的字段：{'、'.join(f.zh for f in fields)}。")
        at = [i for i, h in enumerate(headings) if h == heading] or positions.get(normal(heading), [])
        if not at:
            raise InputError(
                f"文件中没有列“{heading}”。", remedy=f"现有的列：{'、'.join(h for h in headings if h)}。"
            )
        found[field.name] = (at[0],)
        taken.add(at[0])
    for field in fields:
        if field.name in found:
            continue
        at = []
        for word in (field.zh, *field.words, field.name):
            at += [i for i in positions.get(normal(word), []) if i not in taken and i not in at]
        if at:
            found[field.name] = tuple(at)
            taken.update(at)
    unused = tuple(h for i, h in enumerate(headings) if h and i not in taken)
    return Recognised(found, unused)
