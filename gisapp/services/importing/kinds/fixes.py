"""定位点: positions of grid workers, from the files of other terminals."""

from __future__ import annotations

from datetime import timedelta

from gisapp.domain import clock
from gisapp.services.importing.fields import Field, Kind
from gisapp.services.importing.importer import Batch, Context, Importer, Stored
from gisapp.services.importing.shapes import Shape
from gisapp.store import importing as store
from gisapp.store.tables.work import fix

_AHEAD = timedelta(minutes=2)


def _prepare(batch: Batch, context: Context) -> None:
    """Workers are known by their code; nobody's position lies in the future."""
    codes = batch.column("worker")
    known = store.workers_of(context.connection, sorted({c for c in codes if c is not None}))
    latest = clock.now() + _AHEAD
    for i, code in enumerate(codes):
        if code is not None and code not in known:
            batch.refuse(i, "网格员", code, "没有这个工号的网格员", "请核对工号，或先登记该网格员。")
    for i, at in enumerate(batch.column("at")):
        if at is not None and at > latest:
            batch.refuse(
                i,
                "时间",
                at,
                "在将来",
                "请核对时间和时区；时间可以写明时区，例如 2026-11-21T08:00:00+08:00。",
            )
    batch.columns["worker_id"] = [known.get(code) for code in codes]


def _store(batch: Batch, context: Context) -> Stored:
    """Facts are only added: a fix that is known by worker and instant stays as it is."""
    if not len(batch):
        return Stored(0, 0, 0)
    columns = {name: batch.column(name) for name in ("worker_id", "at", "accuracy", "speed")}
    added = store.add_fixes(
        context.connection, columns | {"place": batch.place.tolist(), "geom": (batch.lon, batch.lat)}
    )
    return Stored(added, 0, len(batch) - added)


IMPORTER = Importer(
    kind="fixes",
    term="fix",
    table=fix,
    shape=Shape.POINT,
    fields=(
        Field(
            "worker",
            "网格员",
            ("工号", "网格员工号", "人员编号", "worker", "worker_code", "user", "device"),
            required=True,
            longest=60,
            stored=False,
            help="网格员的工号。",
        ),
        Field(
            "at",
            "时间",
            ("定位时间", "采集时间", "at", "time", "timestamp", "datetime"),
            Kind.INSTANT,
            required=True,
            help="定位的时刻；没有写时区时按北京时间。",
        ),
        Field(
            "accuracy",
            "精度",
            ("定位精度", "accuracy", "hdop"),
            Kind.NUMBER,
            low=0,
            high=10_000,
            units=("米", "m"),
            help="误差半径，米。",
        ),
        Field(
            "speed", "速度", ("speed",), Kind.NUMBER, low=0, high=150, units=("米/秒", "m/s"), help="米每秒。"
        ),
    ),
    key=("worker_id", "at"),
    at_position=False,
    instant="at",
    prepare=_prepare,
    store=_store,
    note="已有同一网格员同一时刻的定位点时不再重复写入；归入定位时刻施行的网格。导入历史定位点不触发围栏告警。",
)
