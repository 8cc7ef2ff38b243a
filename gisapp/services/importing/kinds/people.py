"""人口: residents, each tied to a room by the text of the address; identity numbers are checked."""

from __future__ import annotations

from gisapp.domain import clock
from gisapp.domain.identity import mask_id, mask_name, mask_phone, parse_phone, parse_resident_id
from gisapp.services.importing.addresses import match_addresses, normal_address, split_room
from gisapp.services.importing.fields import Field, Kind
from gisapp.services.importing.importer import Batch, Context, Importer
from gisapp.services.importing.shapes import Shape
from gisapp.store import importing as store
from gisapp.store.tables.registers import person

_RESIDENCE = {
    **dict.fromkeys(("户籍", "户籍人口", "本地户籍", "人户一致", "registered"), "registered"),
    **dict.fromkeys(("常住", "常住人口", "外来常住", "resident"), "resident"),
    **dict.fromkeys(("流动", "流动人口", "暂住", "floating"), "floating"),
}


def _id_number(text: str) -> str:
    return parse_resident_id(text, today=clock.today()).number


def _prepare(batch: Batch, context: Context) -> None:
    """Birthday and sex from the identity number, the room from the address."""
    numbers = [None if n is None else parse_resident_id(n) for n in batch.column("id_number")]
    batch.columns["birth_date"] = [None if n is None else n.birth_date for n in numbers]
    batch.columns["sex"] = ["男" if n is not None and n.sex == "male" else "女" for n in numbers]
    _find_rooms(batch, context)


def _find_rooms(batch: Batch, context: Context) -> None:
    texts = batch.column("address")
    plain = [normal_address(text or "") for text in texts]
    parts = [split_room(text) for text in plain]
    wanted = [text for text in plain if text] + [p[0] for p in parts if p is not None]
    known = match_addresses(context, wanted)
    ids = {a.building_id for a in known.values() if a.building_id is not None}
    rooms = store.rooms_of(context.connection, sorted(ids))
    found: list[int | None] = []
    for i, text in enumerate(plain):
        room, reason = _room(text, parts[i], known, rooms)
        found.append(None if room is None else room[0])
        if room is None:
            batch.refuse(
                i,
                "住址",
                _short(texts[i]),
                reason,
                "请对照房屋登记（楼盘表）改正住址，或先登记该楼栋和房屋。",
            )
        else:
            batch.place[i] = room[1]
    batch.columns["room_id"] = found


def _short(text: str | None) -> str:
    """An address without its room: enough to find the row, not enough to find the home."""
    part = split_room(normal_address(text or ""))
    return f"{part[0]}…" if part else text or ""


def _room(
    text: str,
    parts: tuple[str, int | None, str] | None,
    known: dict[str, store.KnownAddress],
    rooms: store.Rooms,
) -> tuple[tuple[int, str] | None, str]:
    whole = known.get(text)
    if whole is not None and whole.building_id is not None and whole.room:
        own = split_room(
            normal_address(whole.unit + whole.room) if whole.unit else "0" + normal_address(whole.room)
        )
        if own is not None:
            hits = rooms.get((whole.building_id, own[2]), [])
            exact = [h for h in hits if own[1] is None or h[2] == own[1]]
            if len(exact) == 1:
                return exact[0][:2], ""
    if parts is None:
        return None, "住址没有写到室"
    house = known.get(parts[0])
    if house is None or house.building_id is None:
        return None, "没有这个楼栋的标准地址"
    hits = rooms.get((house.building_id, parts[2]), [])
    exact = [h for h in hits if parts[1] is None or h[2] == parts[1]]
    if len(exact) == 1:
        return exact[0][:2], ""
    return None, "该楼栋没有这间房屋" if not exact else "该楼栋有几间同号房屋，缺少单元"


IMPORTER = Importer(
    kind="people",
    term="person",
    table=person,
    shape=Shape.NONE,
    fields=(
        Field(
            "name",
            "姓名",
            ("人员姓名", "name", "xm"),
            required=True,
            longest=60,
            mask=mask_name,
            help="姓名。",
        ),
        Field(
            "id_number",
            "身份证号",
            ("公民身份号码", "身份证号码", "身份证", "证件号码", "id_number", "idcard", "sfzh"),
            required=True,
            parse=_id_number,
            mask=mask_id,
            help="18 位公民身份号码，检查出生日期和校验位；出生日期和性别由它得出。",
        ),
        Field(
            "address",
            "住址",
            ("居住地址", "现住址", "现居住地址", "地址", "房屋地址", "address"),
            required=True,
            longest=200,
            stored=False,
            help="写到室，例如 长庆街道天水巷12号3幢2单元502室；须与已登记的标准地址和房屋一致。",
        ),
        Field(
            "residence",
            "居住类型",
            ("人口类型", "人口类别", "人员类型", "residence"),
            Kind.CHOICE,
            required=True,
            choices=_RESIDENCE,
            help="户籍、常住、流动。",
        ),
        Field(
            "phone",
            "电话",
            ("联系电话", "手机", "手机号", "手机号码", "phone", "tel"),
            default="",
            parse=parse_phone,
            mask=mask_phone,
            help="手机或带区号的固定电话。",
        ),
        Field(
            "household",
            "户号",
            ("户序号", "household"),
            Kind.INTEGER,
            default=1,
            low=1,
            high=99,
            help="同一房屋内第几户，不填为第 1 户。",
        ),
        Field(
            "kinship",
            "与户主关系",
            ("户主关系", "家庭关系", "kinship"),
            default="",
            longest=20,
            help="例如 户主、配偶、子。",
        ),
        Field("education", "文化程度", ("学历", "education"), default="", longest=20, help="例如 本科。"),
        Field("occupation", "职业", ("从业状况", "occupation"), default="", longest=40, help="例如 教师。"),
    ),
    key=("id_number",),
    at_position=False,
    place_from_location=False,
    prepare=_prepare,
    match="known_people",
    extra=("birth_date", "sex", "room_id"),
    note="不需要坐标：凭住址与已登记的房屋逐字（规范写法后）匹配，对不上的拒绝，不作猜测。报告中个人信息已遮盖。",
)
