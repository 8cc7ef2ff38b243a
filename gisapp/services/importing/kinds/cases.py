"""案件: cases of another system or of earlier years, open and closed."""

from __future__ import annotations

from gisapp.domain.codes import component_type_named, matter_types
from gisapp.domain.events import Channel, State, due_time
from gisapp.domain.vocabulary import label
from gisapp.errors import InputError
from gisapp.services.importing import wording
from gisapp.services.importing.fields import Field, Kind
from gisapp.services.importing.importer import Batch, Context, Importer, Stored
from gisapp.services.importing.kinds.organisations import locate_by_address
from gisapp.services.importing.shapes import Shape
from gisapp.store import importing as store
from gisapp.store.tables.work import event

_NAMES = {entry.name: code for code, entry in matter_types().items()}
_STATES = {
    **{s.value: s.value for s in State},
    **{label(s): s.value for s in State},
    **dict.fromkeys(("已结案", "结案", "办结", "完成", "关闭"), State.CLOSED.value),
    **dict.fromkeys(("处理中", "处置中"), State.HANDLING.value),
    **dict.fromkeys(("未处理", "待受理", "受理", "open"), State.REPORTED.value),
}
_CHANNELS = {
    **{c.value: c.value for c in Channel},
    **{label(c): c.value for c in Channel},
    **dict.fromkeys(("12345", "热线", "12345热线", "constituent call", "voice in"), Channel.HOTLINE.value),
    **dict.fromkeys(("网格员上报", "监督员上报", "city worker app"), Channel.GRID_WORKER.value),
    **dict.fromkeys(("巡查",), Channel.PATROL.value),
    **dict.fromkeys(
        (
            "市民上报",
            "公众举报",
            "citizens connect app",
            "self service",
            "open311",
            "web self service",
            "微信",
        ),
        Channel.CITIZEN.value,
    ),
}


def _matter(text: str) -> str:
    """Code or name of a matter; a component's name stands for its defect."""
    if text in matter_types():
        return text
    component = component_type_named(text)
    code = _NAMES.get(text) or (component.code if component and component.code in matter_types() else None)
    if code is None:
        raise InputError(
            "不是 GB/T 47678.5 的事项小类",
            remedy=f"请填 5 位代码或名称，或用{wording.VALUES}指定 事项小类=代码。",
        )
    return code


def _prepare(batch: Batch, context: Context) -> None:
    locate_by_address(batch, context)
    matters, reported = batch.column("matter_code"), batch.column("reported_at")
    due, closed, states = batch.column("due_at"), batch.column("closed_at"), batch.column("state")
    numbers, keys, titles = batch.column("number"), batch.column("source_key"), batch.column("title")
    for i, at in enumerate(reported):
        if at is None or matters[i] is None:
            continue
        if due[i] is None:
            due[i] = due_time(matters[i], at)
        if states[i] is None:
            states[i] = (State.CLOSED if closed[i] else State.REPORTED).value
        if (states[i] == State.CLOSED) != (closed[i] is not None):
            batch.refuse(
                i, "办结时间", closed[i], "状态与办结时间矛盾", "已办结的案件须有办结时间，未办结的不能有。"
            )
        elif closed[i] is not None and closed[i] < at:
            batch.refuse(i, "办结时间", closed[i], "早于上报时间", "请核对两个时间。")
        titles[i] = titles[i] or matter_types()[matters[i]].name
        numbers[i] = numbers[i] or keys[i]
        keys[i] = keys[i] or numbers[i]
        if numbers[i] is None:
            batch.refuse(i, "案件编号", "", "必填项为空", "请填写案件编号。")
    batch.columns |= {"due_at": due, "state": states, "number": numbers, "source_key": keys, "title": titles}
    batch.columns["class"] = [None if code is None else code[:2] for code in matters]


def _after(_batch: Batch, context: Context, stored: Stored) -> None:
    """The log of an imported case holds what the file proves: when it was reported and when it was closed."""
    if stored.added or stored.changed:
        reader = context.reader
        store.run_statement(
            context.connection, "case_steps", {"actor_id": reader.user_id, "actor": reader.name}
        )


IMPORTER = Importer(
    kind="cases",
    term="event",
    table=event,
    shape=Shape.POINT,
    fields=(
        Field(
            "number",
            "案件编号",
            ("编号", "工单编号", "任务号", "number", "caseid", "case_id", "case_enquiry_id"),
            longest=60,
            help="案件在来源系统中的编号。",
        ),
        Field(
            "matter_code",
            "事项小类",
            ("小类", "事件小类", "问题小类", "案件小类", "matter_code", "小类代码", "事项", "问题类型"),
            required=True,
            parse=_matter,
            help="GB/T 47678.5 的 5 位代码或名称。",
        ),
        Field(
            "reported_at",
            "上报时间",
            ("受理时间", "发生时间", "登记时间", "reported_at", "opened", "open_dt", "created"),
            Kind.INSTANT,
            required=True,
            help="没有写时区时按北京时间。",
        ),
        Field(
            "due_at",
            "办理时限",
            ("截止时间", "应办结时间", "due_at", "target_dt", "due"),
            Kind.INSTANT,
            help="没有时按事项的规定时限。",
        ),
        Field(
            "closed_at",
            "办结时间",
            ("结案时间", "完成时间", "closed_at", "closed", "closed_dt"),
            Kind.INSTANT,
            help="未办结的留空。",
        ),
        Field(
            "state",
            "状态",
            ("案件状态", "state", "status", "case_status"),
            Kind.CHOICE,
            choices=_STATES,
            help="待交办、待办理、办理中、已办结；没有时由办结时间得出。",
        ),
        Field(
            "channel",
            "来源",
            ("上报渠道", "案件来源", "问题来源", "channel", "source"),
            Kind.CHOICE,
            default=Channel.HOTLINE.value,
            choices=_CHANNELS,
            help="网格员、巡查、市民、热线、物联网、领导交办。",
        ),
        Field("title", "标题", ("案件标题", "title", "case_title"), longest=200, help="没有时用小类名称。"),
        Field(
            "description",
            "描述",
            ("问题描述", "内容", "案件描述", "诉求内容", "description"),
            default="",
            longest=4000,
            help="情况说明。",
        ),
        Field(
            "address",
            "地址",
            ("发生地址", "位置", "地点", "address"),
            default="",
            longest=200,
            help="地址文字；没有坐标时凭它匹配标准地址。",
        ),
        Field(
            "assignee",
            "责任单位",
            ("处置部门", "承办单位", "主办单位", "assignee", "department", "responsible.agency"),
            default="",
            longest=120,
            help="承办的单位。",
        ),
    ),
    identity=("number",),
    at_position=False,
    optional_location=True,
    instant="closed_at",
    prepare=_prepare,
    after=_after,
    extra=("class",),
    note="未办结的案件归入现行网格，已办结的归入办结时刻施行的网格。",
)
