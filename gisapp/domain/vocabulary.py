"""The field's terms: Chinese term, identifier, definition and source stand here once.

Every label in the interface comes from here. Sources: S0–S4 and U are the source documents of the project (see
``docs/architecture.md``); otherwise a standard.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the field.

    Attributes:
        id: identifier used in code.
        zh: Chinese term shown to users.
        definition: what it means here.
        source: document or standard it comes from.
        unit: unit of the quantity, if it is one.
    """

    id: str
    zh: str
    definition: str
    source: str
    unit: str | None = None


_ALL = (
    # -- places ---------------------------------------------------------------------------------------------------
    Term("place", "地点", "任何以地点编码为键的对象所在", "U"),
    Term("country", "全国", "不限地点", "GB/T 2260"),
    Term("province", "省", "省级行政区，编码 2 位", "GB/T 2260"),
    Term("city", "市", "地级行政区，编码 4 位", "GB/T 2260"),
    Term("district", "区", "县级行政区，编码 6 位", "GB/T 2260"),
    Term("street", "街道", "乡级行政区，编码 9 位", "GB/T 10114"),
    Term("community", "社区", "村级区划，编码 12 位", "统计用区划代码"),
    Term("region", "区域", "省、市、区、街道、社区之一", "GB/T 2260"),
    Term("grid", "网格", "社区内的基层管理单元，编码 15 位，全部网格恰好铺满社区", "CJ/T 213"),
    Term("grid_version", "网格版本", "自某日起施行的一套网格", "U"),
    Term("address", "标准地址", "按要素结构化、具唯一编码的地址", "S0 4.3.4.2"),
    Term("building", "楼栋", "具有门牌的建筑物", "S1 2.1"),
    Term("building_unit", "单元", "楼栋内共用一个出入口的部分", "S1 2.1"),
    Term("room", "房屋", "单元内的一户或一间", "S1 2.1"),
    Term("room_sheet", "楼盘表", "一栋楼按楼层与房号排列的房屋表", "S1 2.1"),
    Term("road", "街路巷", "有名称的道路", "S0 4.3.4.2"),
    Term("water", "水系", "河道与水面", "GB/T 13923"),
    Term("green", "绿地", "公园与绿化用地", "GB/T 13923"),
    Term("poi", "公共服务场所", "办事、学校、卫生、文化、商业等场所", "S3 2.2.4.3(九)"),
    # -- registers ------------------------------------------------------------------------------------------------
    Term("person", "人口", "居住或登记在房屋内的人", "S0 4.2"),
    Term("household", "住户", "同住一房屋的家庭或集体", "S0 4.2"),
    Term("organisation", "单位", "法人、个体与其他组织", "S0 4.2"),
    Term("component", "部件", "城市管理的固定设施", "CJ/T 214—2007"),
    Term("component_type", "部件小类", "部件分类编码的第二级", "CJ/T 214—2007"),
    Term("residence", "居住类型", "户籍、常住或流动", "S0 4.2"),
    Term("registered", "户籍人口", "户口登记在本地并居住", "S0 4.2"),
    Term("resident", "常住人口", "户口在外、居住半年以上", "S0 4.2"),
    Term("floating", "流动人口", "户口在外、居住不满半年", "S0 4.2"),
    Term("vacant", "空置", "无人居住", "S1 4.2.1"),
    Term("rented", "出租", "出租给他人居住", "S1 4.2.1"),
    Term("owner_occupied", "自住", "产权人自住", "S1 4.2.1"),
    Term("business_use", "经营", "用于商业或办公", "S1 4.2.1"),
    # -- work -----------------------------------------------------------------------------------------------------
    Term("event", "事件", "需要处置的情况，从采集到办结", "CJ/T 214—2007"),
    Term("report", "上报", "把事件报到平台", "S2 二(二)1"),
    Term("assign", "交办", "派给责任单位或网格员", "S2 二(二)1"),
    Term("handle", "办理", "责任方到场处置", "S2 二(二)1"),
    Term("close", "办结", "核实后结束", "S2 二(二)1"),
    Term("send_back", "退回", "说明理由退给上一步", "S2 二(二)1"),
    Term("supervise", "督办", "催促办理", "S2 二(二)1"),
    Term("patrol", "巡查", "巡查人员发现", "S0 6.3"),
    Term("citizen", "居民上报", "居民通过网页等自行上报", "S2 二(二)"),
    Term("hotline", "12345热线", "政务服务热线转办", "S2 二(二)4"),
    Term("iot", "物联告警", "传感器等设备触发", "S1 4.2.2"),
    Term("leader_order", "领导交办", "领导批示交办", "S2 二(二)"),
    Term("closed_on_time_today", "今日办结按时率", "今日办结的案件中在时限内办结的比例", "S0 9.2", "%"),
    Term("closed_on_time", "按时办结率", "时限内办结的件数除以应办结的件数", "S0 9.2", "%"),
    Term("reported", "待交办", "已上报，尚未交办", "S2 二(二)1"),
    Term("assigned", "待办理", "已交办，尚未到场", "S2 二(二)1"),
    Term("handling", "办理中", "责任方正在处置", "S2 二(二)1"),
    Term("closed", "已办结", "核实后结束", "S2 二(二)1"),
    Term("due", "办理时限", "应当办结的时刻", "S0 9.2"),
    Term("overdue", "超期", "过了时限仍未办结", "S0 9.2"),
    Term("open_case", "在办案件", "已上报、尚未办结的案件", "S2 二(二)1", "件"),
    Term("patrol_length", "巡查路长", "网格内及沿边界可步行街路巷的长度", "U", "米"),
    Term("grid_worker", "网格员", "负责一个网格的工作人员", "S2 二(一)3"),
    Term("fix", "定位点", "网格员终端上报的一次位置", "S2 二(四)1"),
    Term("track", "单兵轨迹", "网格员当班时的定位点连线", "S2 二(四)1"),
    Term("geofence", "电子围栏", "以网格边界为界的越界检测", "S0 9.2"),
    Term("on_duty", "在岗网格员", "十分钟内有定位的网格员", "S2 二(四)1", "人"),
    Term("open_alert", "未解除告警", "已触发、情况尚未恢复的告警", "S0 9.2", "起"),
    Term("alert", "告警", "规则触发、等待确认的提示", "S0 9.2"),
    Term("visit", "走访", "上门看望或服务", "S0 9.2"),
    Term("matter", "事项", "政务服务事项", "S0 8"),
    Term("application", "办件", "一次事项申请", "S0 8"),
    Term("assessment", "考核", "按指标评价工作", "S0 9"),
    Term("demand", "服务需求", "按地点和时间统计的诉求与服务量", "S0 6.3"),
    Term("hotspot", "需求热点", "Getis-Ord Gi* 显著高值聚集处", "S0 6.3"),
    Term("station", "服务点", "资源配置所得的设点位置", "U"),
    Term("allocation", "设点优化", "在候选点中选定服务点，使到最近服务点的步行距离最短或覆盖最多", "U"),
    Term("hexagon", "六边形", "H3 离散网格的一个单元", "H3"),
    Term("elders", "60 岁及以上人口", "年满 60 周岁的居民", "S0 4.2", "人"),
    Term("children", "14 岁以下人口", "未满 14 周岁的居民", "S0 4.2", "人"),
    Term("walking_distance", "步行距离", "沿街路巷到最近服务点的距离", "U", "米"),
    Term("coverage", "覆盖率", "服务半径内的需求占全部需求的比例", "U", "%"),
    Term("service_distance", "服务半径", "视为被服务点覆盖的步行距离上限", "U", "米"),
    Term("candidate", "候选点", "可以设服务点的位置", "U"),
    # -- users ----------------------------------------------------------------------------------------------------
    Term("leader", "街道领导", "在大屏上掌握全局并调度", "U"),
    Term("manager", "网格管理员", "划分网格、导入并维护数据", "U"),
    Term("planner", "规划分析人员", "分析需求与配置", "U"),
    Term("worker", "网格员", "在网格内巡查、走访与上报", "U"),
    Term("device", "终端网关", "替网格员终端转报定位的接口账号，只上报、不查看", "S2 二(四)1"),
    Term("admin", "系统管理员", "管理用户与系统", "U"),
    Term("scope", "管辖范围", "用户可见的地点编码前缀", "S1 3.3.2.3"),
)

TERMS: dict[str, Term] = {t.id: t for t in _ALL}


def term(identifier: str) -> Term:
    """The term of an identifier.

    Raises:
        KeyError: not in the vocabulary (a programming error: add it here).
    """
    return TERMS[identifier]


def label(identifier: str) -> str:
    """The Chinese word of an identifier."""
    return TERMS[identifier].zh


_DOCUMENTS = {
    "S0": "《街道政务信息管理规范》",
    "S1": " DB3301/T 0291—2019 ",
    "S2": "《郑州市社会公共管理信息平台建设导则》",
    "S3": "《智慧社区建设发展导则》",
    "S4": "《乌海市社区基础信息采集工作管理办法》",
}


def source_in_words(source: str) -> str:
    """A source as users read it: ``S0 9.2`` becomes 《街道政务信息管理规范》9.2."""
    document, _, clause = source.partition(" ")
    return f"{_DOCUMENTS[document]}{clause}" if document in _DOCUMENTS else f" {source}"
