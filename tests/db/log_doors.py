"""Every door of the server tried with texts that can be found again: for the test that no log holds any of them."""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from gisapp.domain import clock
from gisapp.domain.identity import resident_id_check
from gisapp.services.importing.registry import importers
from tests.db.import_world import COMMUNITY, LAT, LON

MARK = secrets.token_hex(8)
"""Stands in every text that is sent; letters and digits only, so that no way of escaping hides it."""
HOME = "浙江省杭州市下城区长庆街道天水巷 12 号锦绣苑3栋"
_OUT = ("/api/v1/session",)  # whoever signs out has left the doors behind


def mark(what: str) -> str:
    """A text that nobody but this test writes; it names the field it was put into."""
    return f"张{MARK}{what}"


class Doors:
    """All addresses of an application, each with a text in every field.

    Args:
        clients: signed in: ``manager``, ``planner``, ``leader``, ``device``.
        worker: id of a worker whose position may be reported.
        person: id of a person who may be revealed.
    """

    def __init__(self, app: FastAPI, clients: dict[str, httpx.Client], worker: int, person: int) -> None:
        self.schema = app.openapi()
        self.clients = clients
        self.worker = worker
        self.person = person
        self.statuses: dict[int, int] = {}
        self.case = 1

    def try_all(self) -> None:
        """Every door once."""
        for step in (
            self._sign_in,
            self._described,
            self._cases,
            self._positions,
            self._imports,
            self._pages,
        ):
            step()

    def send(self, who: str, method: str, path: str, **more: Any) -> httpx.Response | None:
        """One request; its status is counted, 0 where the line broke."""
        try:
            answer = self.clients[who].request(method, path, **more)
        except httpx.TransportError:
            answer = None
        status = answer.status_code if answer is not None else 0
        self.statuses[status] = self.statuses.get(status, 0) + 1
        return answer

    def _sign_in(self) -> None:
        with httpx.Client(base_url=self.clients["manager"].base_url, timeout=60, trust_env=False) as nobody:
            for login in (mark("login"), "manager"):
                try:
                    nobody.post("/api/v1/session", json={"login": login, "password": mark("password")})
                    nobody.get(
                        "/",
                        params={"text": mark("anonymous")},
                        headers={"Cookie": f"onemap_session={mark('c')}".encode()},
                    )
                except httpx.TransportError:
                    pass

    def _described(self) -> None:
        """What the application's own description of its interface names, once as described and once with texts only."""
        for path, methods in self.schema["paths"].items():
            if path in _OUT:
                continue
            for method, about in methods.items():
                for typed in (True, False):
                    self._call(path, method, about, typed)

    def _call(self, path: str, method: str, about: dict[str, Any], typed: bool) -> None:
        query: dict[str, Any] = {}
        for parameter in about.get("parameters", []):
            name, wanted = parameter["name"], parameter["schema"]
            value = self._value(wanted, name) if typed else mark(name)
            if parameter["in"] == "path":
                path = path.replace("{" + name + "}", str(value))
            else:
                query[name] = value
        body = about.get("requestBody", {}).get("content", {}).get("application/json")
        more: dict[str, Any] = {"params": query}
        if body is not None:
            more["json"] = self._value(body["schema"], "body") if typed else {"x": mark("body")}
        for who in ("manager", "planner"):
            self.send(who, method.upper(), path, **more)

    def _value(self, schema: dict[str, Any], name: str) -> Any:
        """A value that fits a schema, with a text wherever one fits."""
        if "$ref" in schema:
            return self._value(self.schema["components"]["schemas"][schema["$ref"].split("/")[-1]], name)
        for one_of in ("anyOf", "oneOf", "allOf"):
            if one_of in schema:
                return self._value(schema[one_of][0], name)
        if "const" in schema or schema.get("enum"):
            return schema.get("const", (schema.get("enum") or [None])[0])
        match schema.get("type"):
            case "object":
                inner = {n: self._value(s, n) for n, s in schema.get("properties", {}).items()}
                return inner or {mark("key"): mark("value")}
            case "array":
                items = schema.get("prefixItems")
                few = [self._value(i, name) for i in items] if items else None
                return few or [self._value(schema.get("items", {}), name)] * max(1, schema.get("minItems", 1))
            case "integer":
                return 1
            case "number":
                return {"lon": LON + 0.001, "lat": LAT + 0.001}.get(name, 1.5)
            case "boolean":
                return False
        return self._text(schema, name)

    def _text(self, schema: dict[str, Any], name: str) -> str:
        if schema.get("format") in ("date", "date-time"):
            return "2026-05-01" if schema["format"] == "date" else clock.now().isoformat()
        known = {"place": COMMUNITY, "community": COMMUNITY, "matter_code": "06010", "action": "assign"}
        return known.get(name) or mark(name)

    def _cases(self) -> None:
        report = {
            "lon": LON + 0.001,
            "lat": LAT + 0.001,
            "matter_code": "06010",
            "title": mark("title"),
            "description": mark("description"),
            "address": mark("address"),
            "source_key": mark(secrets.token_hex(4)),
        }
        answer = self.send("manager", "POST", "/api/v1/events", json=report)
        if answer is not None and answer.status_code == 201:
            self.case = int(answer.json()["id"])
        for action in ("assign", "handle", "close"):
            step = {"action": action, "note": mark("note"), "assignee": mark("assignee")}
            self.send("manager", "POST", f"/api/v1/events/{self.case}/steps", json=step)
        self.send("manager", "GET", "/api/v1/events", params={"text": mark("filter")})
        self.send("leader", "GET", "/api/v1/search", params={"q": mark("search")})
        purpose = {"purpose": mark("purpose")}
        self.send("manager", "POST", f"/api/v1/people/{self.person}/reveal", json=purpose)
        for layer in ("cases", "people", "addresses"):
            self.send(
                "leader",
                "GET",
                f"/tiles/{layer}/16/54640/26917.mvt",
                params={"state": mark("tile"), "from": mark("t")},
            )
        draft = f"/api/v1/grids/{COMMUNITY}/draft"
        opened = self.send("manager", "POST", draft)
        revision = opened.json().get("revision", 0) if opened is not None else 0
        self.send("manager", "POST", f"{draft}/publish", json={"revision": revision, "note": mark("publish")})

    def _positions(self) -> None:
        at = clock.now() - timedelta(seconds=30)
        fixes = [{"worker": self.worker, "at": at.isoformat(), "lon": LON, "lat": LAT, "id": mark("fix")}]
        fixes += [{**fixes[0], "worker": mark("worker"), "lon": mark("lon")}]
        self.send("device", "POST", "/api/v1/tracks", json={"fixes": fixes})

    def _imports(self) -> None:
        for kind, name, content in files():
            sent = self.send("manager", "POST", "/api/v1/imports", files={"file": (name, content)})
            if sent is None or sent.status_code != 201:
                continue
            for dry_run in (True, False):
                order = {"kind": kind, "crs": "CGCS2000", "place_name": mark("place"), "dry_run": dry_run}
                self.send("manager", "POST", f"/api/v1/imports/{sent.json()['token']}", json=order)
        self.send("manager", "POST", f"/api/v1/imports/{mark('token')}", json={"kind": mark("kind")})

    def _pages(self) -> None:
        for path in ("/", "/cases", "/assessment", f"/{mark('path')}", f"/api/v1/{mark('api')}"):
            self.send(
                "manager",
                "GET",
                path,
                params={"text": mark("page")},
                headers={"Referer": f"/?x={mark('referer')}".encode()},
            )
        callback = {
            "output": "..x.y...",
            "outputs": [{"id": "case-text", "property": "value"}],
            "inputs": [{"id": "case-text", "property": "value", "value": mark("callback")}],
            "changedPropIds": [f"{mark('changed')}.value"],
        }
        self.send("manager", "POST", "/_dash-update-component", json=callback)


def files() -> Iterator[tuple[str, str, bytes]]:
    """Kind, name and content of files to import: one that is right as far as it goes, and for every kind one whose every
    field is a text."""
    first = "33990119900101" + f"{secrets.randbelow(1000):03d}"
    citizen = first + resident_id_check(first)
    people = ["姓名", "身份证号", "住址", "人口类型", "手机号", "职业"]
    valid = {
        "people": [people, [mark("person"), citizen, f"{HOME}2单元502室", "户籍", "13800000001", mark("job")]],
        "places": [["名称", "类别", "经度", "纬度", "地址"], [mark("poi"), "学校", LON + 0.001, LAT + 0.001, mark("a")]],
        "cases": [
            ["案件编号", "事项小类", "上报时间", "办结时间", "经度", "纬度", "来源", "描述", "标题"],
            [mark("number"), "暴露垃圾", "2026-05-01 08:30", "", LON + 0.001, LAT + 0.001, "12345", mark("d"), mark("t")],
        ],
        "addresses": [["地址编码", "地址", "经度", "纬度"], [mark("code"), mark("street"), LON + 0.001, LAT + 0.001]],
        "components": [["编号", "部件小类", "经度", "纬度", "名称"], [mark("id"), "路灯", LON + 0.001, LAT + 0.001, mark("n")]],
        "organisations": [["企业名称", "住所", "经度", "纬度", "联系人"], [mark("firm"), mark("seat"), LON + 0.001, LAT + 0.001, mark("who")]],
    }  # fmt: skip
    for kind, rows in valid.items():
        yield kind, f"{mark(kind)}.csv", table(rows)
    for kind, importer in importers().items():
        headings = list(dict.fromkeys(["经度", "纬度", *(field.zh for field in importer.all_fields)]))
        texts = [LON + 0.001, LAT + 0.001, *(mark(heading) for heading in headings[2:])]
        yield kind, f"{mark('all')}.csv", table([headings, texts])
        shape = {"type": "Point", "coordinates": [LON + 0.001, LAT + 0.001]}
        feature = {
            "type": "Feature",
            "properties": dict(zip(headings, texts, strict=True)),
            "geometry": shape,
        }
        collection = {"type": "FeatureCollection", "features": [feature]}
        yield kind, f"{mark('g')}.geojson", json.dumps(collection, ensure_ascii=False).encode()
    for name in ("broken.xlsx", "broken.gpkg", "broken.zip", "broken.osm.pbf"):
        yield "people", f"{mark(name)}", mark("content").encode()


def table(rows: list[list[Any]]) -> bytes:
    """A CSV file."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def found_in(text: str) -> list[str]:
    """The marked texts that a log holds, each with what stands around it."""
    return [text[max(0, m.start() - 200) : m.end() + 40] for m in re.finditer(MARK, text)]
