"""What other sources write → what this application stores: uses of buildings, classes of roads, kinds of places."""

from __future__ import annotations

BUILDING_USES: dict[str, str] = {
    "住宅": "residential",
    "居住": "residential",
    "商业": "commercial",
    "商铺": "commercial",
    "宾馆": "commercial",
    "办公": "office",
    "写字楼": "office",
    "学校": "education",
    "教育": "education",
    "医疗": "medical",
    "医院": "medical",
    "工业": "industrial",
    "厂房": "industrial",
    "仓储": "industrial",
    "公共": "public",
    "公建": "public",
    "其他": "other",
    # OpenStreetMap's building=*
    **dict.fromkeys(("apartments", "house", "detached", "terrace", "dormitory", "bungalow"), "residential"),
    **{
        u: u
        for u in (
            "residential",
            "commercial",
            "office",
            "public",
            "education",
            "medical",
            "industrial",
            "other",
        )
    },
    **dict.fromkeys(
        ("commercial", "retail", "shop", "supermarket", "mall", "kiosk", "hotel", "restaurant"), "commercial"
    ),
    **dict.fromkeys(("office", "offices"), "office"),
    **dict.fromkeys(("school", "kindergarten", "university", "college", "education"), "education"),
    **dict.fromkeys(("hospital", "clinic", "medical", "healthcare"), "medical"),
    **dict.fromkeys(("industrial", "warehouse", "factory", "manufacture", "construction"), "industrial"),
    **dict.fromkeys(
        (
            *(
                "public",
                "civic",
                "government",
                "train_station",
                "transportation",
                "church",
                "cathedral",
                "chapel",
                "mosque",
            ),
            *(
                "temple",
                "museum",
                "theatre",
                "library",
                "stadium",
                "sports_hall",
                "fire_station",
                "parking",
                "ruins",
                "tower",
            ),
        ),
        "public",
    ),
}

ROAD_CLASSES: dict[str, str] = {
    "快速路": "arterial",
    "主干路": "arterial",
    "主干道": "arterial",
    "高速公路": "arterial",
    "次干路": "secondary",
    "次干道": "secondary",
    "支路": "local",
    "街坊路": "local",
    "巷": "lane",
    "弄": "lane",
    "里弄": "lane",
    "内部道路": "lane",
    "步行道": "path",
    "人行道": "path",
    "绿道": "path",
    **{c: c for c in ("arterial", "secondary", "local", "lane", "path")},
    # OpenStreetMap's highway=* and the words of map tiles made from it
    **dict.fromkeys(
        ("motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link", "highway"), "arterial"
    ),
    **dict.fromkeys(("secondary_link", "tertiary", "tertiary_link", "major_road"), "secondary"),
    **dict.fromkeys(
        ("residential", "unclassified", "living_street", "road", "minor_road", "busway"), "local"
    ),
    **dict.fromkeys(("service", "alley", "driveway", "parking_aisle", "track"), "lane"),
    **dict.fromkeys(
        (
            "footway",
            "pedestrian",
            "steps",
            "cycleway",
            "bridleway",
            "sidewalk",
            "crossing",
            "corridor",
            "trail",
            "path",
        ),
        "path",
    ),
}
#: words of road classes on which nobody walks
NOT_WALKABLE = frozenset(
    {"motorway", "motorway_link", "trunk", "trunk_link", "高速公路", "快速路", "highway", "busway"}
)

POI_KINDS: dict[str, str] = {
    **{
        k: k
        for k in (
            "办事机构",
            "学校",
            "文化",
            "体育",
            "卫生",
            "宾馆",
            "娱乐",
            "购物",
            "餐饮",
            "便民服务",
            "交通",
            "公园",
        )
    },
    # first, or first and second level of the classification that Chinese map services share
    "科教文化服务": "文化",
    "科教文化服务;学校": "学校",
    "科教文化服务;培训机构": "学校",
    "医疗保健服务": "卫生",
    "政府机构及社会团体": "办事机构",
    "体育休闲服务": "体育",
    "体育休闲服务;娱乐场所": "娱乐",
    "体育休闲服务;影剧院": "文化",
    "体育休闲服务;休闲场所": "娱乐",
    "住宿服务": "宾馆",
    "购物服务": "购物",
    "餐饮服务": "餐饮",
    "生活服务": "便民服务",
    "公共设施": "便民服务",
    "金融保险服务": "便民服务",
    "汽车服务": "便民服务",
    "汽车维修": "便民服务",
    "交通设施服务": "交通",
    "风景名胜": "公园",
    # everyday words
    **dict.fromkeys(("医院", "诊所", "药店", "卫生院", "社区卫生服务中心", "医疗卫生"), "卫生"),
    **dict.fromkeys(("幼儿园", "小学", "中学", "大学", "教育"), "学校"),
    **dict.fromkeys(("图书馆", "博物馆", "文化馆", "影剧院"), "文化"),
    **dict.fromkeys(("酒店", "旅馆"), "宾馆"),
    **dict.fromkeys(("超市", "商场", "市场", "商店"), "购物"),
    **dict.fromkeys(("餐馆", "饭店", "小吃"), "餐饮"),
    **dict.fromkeys(("公交站", "地铁站", "停车场"), "交通"),
    **dict.fromkeys(("派出所", "街道办事处", "居委会", "政务服务中心"), "办事机构"),
    **dict.fromkeys(("银行", "邮局", "公厕", "快递"), "便民服务"),
    # OpenStreetMap: amenity, shop, leisure, tourism, office, public_transport
    **dict.fromkeys(
        (
            *(
                "townhall",
                "police",
                "fire_station",
                "courthouse",
                "government",
                "embassy",
                "community_centre",
            ),
            *("social_facility", "prison", "diplomatic", "customs", "register_office"),
        ),
        "办事机构",
    ),
    **dict.fromkeys(
        ("school", "kindergarten", "university", "college", "language_school", "driving_school"), "学校"
    ),
    **dict.fromkeys(
        (
            *(
                "library",
                "museum",
                "theatre",
                "cinema",
                "arts_centre",
                "gallery",
                "monument",
                "memorial",
                "attraction",
            ),
            *(
                "place_of_worship",
                "viewpoint",
                "artwork",
                "exhibition_centre",
                "theme_park",
                "historic",
                "castle",
            ),
        ),
        "文化",
    ),
    **dict.fromkeys(
        ("sports_centre", "pitch", "stadium", "swimming_pool", "fitness_centre", "fitness", "golf_course"),
        "体育",
    ),
    **dict.fromkeys(
        ("hospital", "clinic", "doctors", "dentist", "pharmacy", "veterinary", "chemist", "optician"), "卫生"
    ),
    **dict.fromkeys(("hotel", "hostel", "guest_house", "motel", "apartment"), "宾馆"),
    **dict.fromkeys(
        ("bar", "pub", "nightclub", "casino", "karaoke_box", "amusement_arcade", "biergarten"), "娱乐"
    ),
    **dict.fromkeys(
        ("restaurant", "cafe", "fast_food", "food_court", "ice_cream", "bakery", "deli", "butcher"), "餐饮"
    ),
    **dict.fromkeys(
        (
            *(
                "supermarket",
                "convenience",
                "mall",
                "department_store",
                "marketplace",
                "clothes",
                "shoes",
                "books",
                "gift",
            ),
            *(
                "electronics",
                "computer",
                "furniture",
                "jewelry",
                "alcohol",
                "cosmetics",
                "toys",
                "bicycle",
                "sports",
                "art",
            ),
            *(
                "mobile_phone",
                "florist",
                "kiosk",
                "stationery",
                "antiques",
                "fashion",
                "boutique",
                "tea",
                "beverages",
                "shop",
            ),
            *(
                "hardware",
                "music",
                "perfumery",
                "interior_decoration",
                "confectionery",
                "greengrocer",
                "wine",
                "second_hand",
            ),
        ),
        "购物",
    ),
    **dict.fromkeys(
        (
            *(
                "bank",
                "atm",
                "post_office",
                "post_box",
                "toilets",
                "hairdresser",
                "laundry",
                "dry_cleaning",
                "beauty",
            ),
            *(
                "information",
                "drinking_water",
                "recycling",
                "vending_machine",
                "telephone",
                "internet_cafe",
                "travel_agency",
            ),
            *(
                "photo",
                "copyshop",
                "tailor",
                "estate_agent",
                "insurance",
                "lawyer",
                "company",
                "office",
                "childcare",
            ),
            *(
                "car_repair",
                "bureau_de_change",
                "massage",
                "charging_station",
                "fuel",
                "car_wash",
                "library_dropoff",
            ),
        ),
        "便民服务",
    ),
    **dict.fromkeys(
        (
            *(
                "bus_stop",
                "bus_station",
                "subway_entrance",
                "station",
                "halt",
                "tram_stop",
                "ferry_terminal",
                "taxi",
            ),
            *(
                "parking",
                "bicycle_parking",
                "bicycle_rental",
                "car_rental",
                "car_sharing",
                "subway",
                "light_rail",
                "aerodrome",
            ),
        ),
        "交通",
    ),
    **dict.fromkeys(
        ("park", "garden", "playground", "nature_reserve", "zoo", "picnic_site", "dog_park"), "公园"
    ),
}


def building_use(text: str) -> str:
    """The use of a building of a word; words that say little or nothing of it (``yes``, ``roof``) are 其他."""
    return BUILDING_USES.get(text) or BUILDING_USES.get(text.casefold()) or "other"


def poi_kind(text: str) -> str | None:
    """The kind of place of a word, or of a path of words such as ``医疗保健服务;综合医院;三级甲等医院``: the longest
    beginning that is known counts."""
    parts = [p.strip() for p in text.replace("；", ";").replace("|", ";").split(";") if p.strip()]
    for n in range(len(parts), 0, -1):
        found = POI_KINDS.get(";".join(parts[:n])) or POI_KINDS.get(";".join(parts[:n]).casefold())
        if found:
            return found
    return None
