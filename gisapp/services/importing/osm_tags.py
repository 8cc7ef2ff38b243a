"""What an OpenStreetMap object is here: tags → kind of data and its fields.

Sources of the meanings: the OpenStreetMap wiki's map features; codes of components from GB/T 47678.5—2026.
"""

from __future__ import annotations

from collections.abc import Mapping

from gisapp.services.importing.kinds._words import POI_KINDS, ROAD_CLASSES

Tags = Mapping[str, str]

#: (key, value) → component subclass of GB/T 47678.5—2026
_COMPONENTS: dict[tuple[str, str], str] = {
    ("highway", "street_lamp"): "01037",
    ("natural", "tree"): "04003",
    ("amenity", "bench"): "04007",
    ("amenity", "waste_basket"): "03005",
    ("amenity", "recycling"): "03005",
    ("amenity", "toilets"): "03001",
    ("amenity", "telephone"): "01041",
    ("amenity", "post_box"): "01042",
    ("amenity", "vending_machine"): "01045",
    ("amenity", "fountain"): "04010",
    ("amenity", "bicycle_parking"): "02025",
    ("amenity", "bicycle_rental"): "02026",
    ("amenity", "charging_station"): "01054",
    ("emergency", "fire_hydrant"): "01013",
    ("highway", "traffic_signals"): "02014",
    ("highway", "bus_stop"): "02004",
    ("barrier", "bollard"): "02021",
    ("man_made", "surveillance"): "01050",
    ("power", "tower"): "01047",
    ("power", "transformer"): "01048",
    ("power", "pole"): "01030",
    ("man_made", "flagpole"): "01035",
    ("tourism", "artwork"): "04006",
}
#: manhole=* → component subclass; what it is not known of is an unknown cover
_MANHOLES = {
    "drain": "01003",
    "sewer": "01002",
    "water": "01001",
    "gas": "01011",
    "heating": "01010",
    "telecom": "01007",
    "power": "01005",
    "cable": "01017",
    "telecommunications": "01007",
}
#: what stands at a stop or shelter besides it: tag → (mark of its own, component subclass)
_BESIDE = {"bench": ("bench", "04007"), "bench:permanent": ("bench", "04007"), "bin": ("bin", "03005")}
_UNKNOWN_MANHOLE = "01023"
_STREET_TREES = "04002"
_POI_KEYS = (
    "amenity",
    "shop",
    "tourism",
    "leisure",
    "office",
    "public_transport",
    "railway",
    "historic",
    "healthcare",
)
#: street furniture and areas that are no place one goes to
_NO_POI = {
    "bench",
    "waste_basket",
    "parking_space",
    "parking_entrance",
    "street_lamp",
    "recycling",
    "post_box",
    "telephone",
}
_NO_POI |= {
    "vending_machine",
    "bicycle_parking",
    "fountain",
    "tree",
    "hunting_stand",
    "loading_dock",
    "artwork",
    "picnic_table",
}
#: highway=* that is no way: planned, under construction, or furniture beside it
_NO_ROAD = {
    "construction",
    "proposed",
    "elevator",
    "rest_area",
    "services",
    "raceway",
    "abandoned",
    "razed",
    "no",
}
_WATER = {
    ("natural", "water"),
    ("waterway", "riverbank"),
    ("waterway", "dock"),
    ("landuse", "basin"),
    ("landuse", "reservoir"),
}
_GREEN = {
    *(("leisure", v) for v in ("park", "garden", "nature_reserve", "dog_park")),
    *(
        ("landuse", v)
        for v in ("grass", "forest", "meadow", "village_green", "recreation_ground", "flowerbed", "cemetery")
    ),
    *(("natural", v) for v in ("wood", "scrub", "grassland", "heath")),
}


def name_of(tags: Tags) -> str:
    """The Chinese name where there is one, else the local one."""
    return tags.get("name:zh") or tags.get("name:zh-Hans") or tags.get("name") or ""


def component_code(tags: Tags) -> str | None:
    """Component subclass of a node; None if it is no component."""
    if "manhole" in tags or tags.get("man_made") == "manhole":
        return _MANHOLES.get(tags.get("manhole", ""), _UNKNOWN_MANHOLE)
    if tags.get("natural") == "tree" and tags.get("denotation") in {"avenue", "urban"}:
        return _STREET_TREES
    for key in ("highway", "natural", "amenity", "emergency", "barrier", "man_made", "power", "tourism"):
        code = _COMPONENTS.get((key, tags.get(key, "")))
        if code is not None:
            return code
    return None


def components_beside(tags: Tags) -> dict[str, str]:
    """Components that an object says to stand there too, such as the bench of a bus stop: mark → subclass."""
    return {mark: code for key, (mark, code) in _BESIDE.items() if tags.get(key) == "yes"}


def poi_word(tags: Tags) -> str | None:
    """The word that says what kind of place it is; None if it is none that people look for by name."""
    if not name_of(tags):
        return None
    for key in _POI_KEYS:
        value = tags.get(key)
        if value and value not in _NO_POI:
            if value.casefold() in POI_KINDS:
                return value
            if key == "shop" and value != "vacant":
                return "shop"
            if key == "office":
                return "office"
            if key == "healthcare":
                return "clinic"
    return None


def road_class(tags: Tags) -> str | None:
    """The highway's word if it is a way of the network; areas and what is only planned are none."""
    word = tags.get("highway")
    if word is None or word in _NO_ROAD or tags.get("area") == "yes":
        return None
    return word if word in ROAD_CLASSES else None


def walkable(tags: Tags) -> bool | None:
    """What the tags say of walking; None where the class decides."""
    foot = tags.get("foot")
    if foot in {"no", "private", "use_sidepath"} or (
        tags.get("access") in {"no", "private"} and foot not in {"yes", "designated"}
    ):
        return False
    return True if foot in {"yes", "designated", "permissive"} else None


def is_building(tags: Tags) -> bool:
    """Whether an area is a building; parts of a building are not, their whole is."""
    return tags.get("building", "no") not in {"no", "entrance", "demolished", "razed"}


def is_water(tags: Tags) -> bool:
    """Whether an area is water."""
    return any((key, tags.get(key, "")) in _WATER for key in ("natural", "waterway", "landuse"))


def is_green(tags: Tags) -> bool:
    """Whether an area is a park, a lawn or a wood."""
    return any((key, tags.get(key, "")) in _GREEN for key in ("leisure", "landuse", "natural"))


def number(text: str | None) -> float | None:
    """A measure of metres or storeys; feet and what is no single number are left out."""
    if not text:
        return None
    plain = text.replace(",", ".").removesuffix("m").strip()
    try:
        value = float(plain)
    except ValueError:
        return None
    return value if 0 < value < 1000 else None
