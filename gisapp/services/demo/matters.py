"""What happens in the demo place: kinds of cases with where, when and by whom they are seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Matter:
    """One kind of case.

    Attributes:
        code: GB/T 47678.5 matter subclass.
        weight: share among all cases.
        where: road, shop, home, park, water, works (a building site) or thing (at a component of that name).
        day: pattern of hours: office, evening, morning, night or any.
        season: summer, winter, rain, leaves or any.
        unit: who handles it.
        thing: name of the component, for ``where`` = thing.
        words: what the report says.
    """

    code: str
    weight: float
    where: str
    day: str
    season: str
    unit: str
    thing: str = ""
    words: tuple[str, ...] = ("巡查发现，请及时处置。",)


MATTERS: tuple[Matter, ...] = (
    Matter("06010", 9.0, "home", "morning", "any", "环卫所", words=("垃圾袋堆在路边，有异味。", "垃圾暴露，未及时清运。")),
    Matter("06011", 3.5, "home", "office", "any", "环卫所", words=("堆放建筑垃圾多日无人清理。",)),
    Matter("06012", 4.5, "road", "morning", "leaves", "环卫所", words=("路面有泥沙、落叶。", "路面污渍明显。")),
    Matter("06041", 5.0, "home", "evening", "any", "环卫所", words=("垃圾桶内未分类投放。",)),
    Matter("06042", 4.0, "home", "morning", "summer", "环卫所", words=("垃圾箱满溢，周边散落。",)),
    Matter("06036", 5.0, "home", "office", "any", "社区居民委员会", words=("楼道口堆放杂物。", "公共区域堆放旧家具。")),
    Matter("06001", 1.8, "home", "office", "any", "综合行政执法队", words=("住户在天井搭建棚屋。",)),
    Matter("09012", 4.5, "home", "evening", "any", "消防救援大队", words=("车辆停在消防登高面上。", "消防通道被占用。")),
    Matter("09009", 9.5, "road", "evening", "any", "综合行政执法队", words=("人行道上违停机动车。", "路口违停影响通行。")),
    Matter("09010", 6.0, "shop", "any", "any", "综合行政执法队", words=("电动自行车停满人行道。",)),
    Matter("09011", 5.5, "road", "morning", "any", "综合行政执法队", words=("共享单车堆积。", "共享单车倒伏占道。")),
    Matter("09005", 6.5, "shop", "evening", "summer", "综合行政执法队", words=("店铺出店摆放桌椅。", "货物摆到人行道上。")),
    Matter("09006", 4.0, "shop", "evening", "any", "综合行政执法队", words=("流动摊位占道经营。",)),
    Matter("09001", 3.0, "shop", "morning", "any", "综合行政执法队", words=("无照摊贩聚集。",)),
    Matter("06027", 3.0, "shop", "evening", "any", "生态环境分局", words=("餐饮油烟扰民。",)),
    Matter("06028", 5.0, "shop", "night", "summer", "公安派出所", words=("夜间音响声音过大。", "夜间聚众喧哗。")),
    Matter("06029", 1.6, "shop", "night", "summer", "综合行政执法队", words=("露天烧烤，烟气明显。",)),
    Matter("07001", 4.0, "home", "office", "any", "综合行政执法队", words=("楼道内张贴小广告。",)),
    Matter("07003", 1.2, "shop", "office", "any", "综合行政执法队", words=("店招违规外挑。",)),
    Matter("06013", 2.6, "road", "office", "winter", "市政养护中心", words=("路面坑洞，有安全隐患。", "人行道板松动。")),
    Matter("06051", 1.4, "road", "office", "any", "市政养护中心", words=("盲道缺损、被占用。",)),
    Matter("06017", 1.8, "park", "office", "any", "园林绿化中心", words=("绿地内有垃圾。",)),
    Matter("06021", 1.0, "park", "office", "summer", "园林绿化中心", words=("行道树生虫。",)),
    Matter("06025", 1.6, "water", "office", "summer", "河道管理中心", words=("河面有漂浮物。",)),
    Matter("06026", 0.7, "water", "office", "any", "生态环境分局", words=("河水发黑、有异味。",)),
    Matter("08001", 2.6, "works", "night", "any", "住房和建设局", words=("夜间施工噪声扰民。",)),
    Matter("08004", 1.8, "works", "office", "any", "住房和建设局", words=("工地扬尘未覆盖。",)),
    Matter("08006", 1.2, "works", "office", "any", "住房和建设局", words=("施工物料堆放在围挡外。",)),
    Matter("01037", 3.2, "thing", "night", "winter", "市政照明中心", "路灯", ("路灯不亮。", "路灯灯杆倾斜。")),
    Matter("01002", 2.0, "thing", "any", "rain", "市政养护中心", "污水井盖", ("污水井冒溢。", "井盖破损。")),
    Matter("01003", 1.5, "thing", "any", "rain", "市政养护中心", "雨水井盖", ("井盖松动有响声。",)),
    Matter("01004", 2.4, "thing", "any", "rain", "市政养护中心", "雨水箅子", ("雨水箅子堵塞积水。", "雨水箅子缺失。")),
    Matter("01007", 0.9, "thing", "any", "any", "通信运营企业", "通信井盖", ("通信井盖下沉。",)),
    Matter("01013", 0.9, "thing", "office", "any", "消防救援大队", "消防设施", ("消火栓漏水。", "消火栓被遮挡。")),
    Matter("02010", 1.0, "thing", "office", "any", "交警大队", "交通标志牌及标线", ("标志牌被树枝遮挡。",)),
    Matter("02014", 0.8, "thing", "morning", "any", "交警大队", "交通信号灯", ("信号灯不亮。",)),
    Matter("03005", 1.6, "thing", "morning", "any", "环卫所", "垃圾箱", ("垃圾箱破损。",)),
    Matter("04002", 1.6, "thing", "office", "summer", "园林绿化中心", "行道树", ("行道树枝叶遮挡路灯。", "行道树断枝。")),
    Matter("04007", 0.6, "thing", "office", "any", "园林绿化中心", "街头座椅", ("座椅木条断裂。",)),
    Matter("01050", 0.5, "thing", "any", "any", "公安分局", "监控电子眼设施", ("探头离线。",)),
    Matter("10002", 0.8, "home", "office", "rain", "通信运营企业", words=("架空线缆垂落。",)),
)  # fmt: skip

# Shares of the hours 0 to 23.
HOURS: dict[str, tuple[float, ...]] = {
    "office": (0, 0, 0, 0, 0, 0, 0.4, 2, 8, 13, 13, 9, 4, 6, 11, 12, 10, 6, 2.5, 1, 0.6, 0.4, 0.2, 0),
    "morning": (0.1, 0, 0, 0, 0.4, 2, 7, 14, 15, 12, 8, 5, 3, 4, 5, 6, 6, 5, 3, 2, 1.4, 0.8, 0.3, 0.1),
    "evening": (0.4, 0.1, 0, 0, 0, 0.2, 1.5, 4, 5, 5, 4.5, 4, 4, 3.5, 4, 5, 6.5, 10, 12.5, 12, 9, 5, 2.4, 1),
    "night": (6, 3.5, 1.5, 0.6, 0.4, 0.5, 1, 1.5, 2, 2, 2, 2, 2, 2, 2, 2, 2.5, 4, 7, 11, 14, 15, 12, 9),
    "any": (
        0.3,
        0.2,
        0.1,
        0.1,
        0.2,
        0.7,
        2.5,
        6,
        9,
        10,
        9.5,
        7,
        4.5,
        5.5,
        8,
        8.5,
        8,
        6.5,
        4.5,
        3,
        2.5,
        1.6,
        0.9,
        0.5,
    ),
}
# Factors of the months January to December (a town on the lower Yangtze: plum rains in June, hot nights in July).
SEASONS: dict[str, tuple[float, ...]] = {
    "any": (0.9, 0.75, 1, 1, 1.05, 1.05, 1.05, 1.05, 1.05, 1, 1, 0.95),
    "summer": (0.4, 0.4, 0.6, 0.8, 1.2, 1.5, 1.9, 1.9, 1.5, 1, 0.6, 0.4),
    "winter": (1.5, 1.4, 1.1, 0.9, 0.8, 0.8, 0.8, 0.8, 0.9, 1, 1.2, 1.4),
    "rain": (0.7, 0.8, 1, 1, 1.1, 2.1, 1.5, 1.3, 1.1, 0.6, 0.6, 0.6),
    "leaves": (1, 0.7, 1, 1, 0.8, 0.7, 0.7, 0.7, 0.9, 1.2, 1.8, 1.6),
}
WEEKDAYS = (1.18, 1.12, 1.08, 1.06, 1.04, 0.76, 0.70)
"""Factors of Monday to Sunday."""

CHANNELS = ("grid_worker", "patrol", "citizen", "hotline", "iot", "leader_order")
CHANNEL_SHARES = (0.52, 0.12, 0.17, 0.16, 0.02, 0.01)
