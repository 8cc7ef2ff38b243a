"""Search: parts of names, pinyin, first letters, house numbers in any form, codes; ranked, and within the scope."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import text

from gisapp.domain.access import SYSTEM, Reader, Role
from gisapp.errors import InputError
from gisapp.services import derived
from gisapp.services.search import Hit, search
from gisapp.store.database import Database
from tests.db import register_world as world

Find = Callable[..., list[Hit]]


@pytest.fixture(scope="module", autouse=True)
def _world(database: Database) -> None:
    world.make(database)


@pytest.fixture
def find(database: Database, reader: Callable[..., Reader]) -> Find:
    """Search as a reader of the one street (or of ``scope``)."""

    def run(query: str, scope: str = world.STREET, **more: object) -> list[Hit]:
        return search(database, reader(Role.MANAGER, scope), query, **more)  # type: ignore[arg-type]

    return run


@pytest.mark.parametrize(
    ("query", "kind", "title"),
    [
        ("长庆", "region", "长庆街道"),
        ("庆街", "region", "长庆街道"),
        ("cqjd", "region", "长庆街道"),
        ("changqing", "region", "长庆街道"),
        ("CQ", "region", "长庆街道"),
        ("柳营社区", "region", "柳营社区"),
        ("第1网格", "grid", "第1网格"),
        ("d1wg", "grid", "第1网格"),
        (world.GRID, "grid", "第1网格"),
        ("朝晖一区3号楼", "building", "朝晖一区3幢"),
        ("朝晖１区３幢", "building", "朝晖一区3幢"),
        ("zhyq3", "building", "朝晖一区3幢"),
        ("凤起路８８號", "address", "凤起路88号朝晖一区3幢"),
        ("凤起路 3栋", "address", "凤起路88号朝晖一区3幢"),
        ("老粮站", "address", "凤起路88号朝晖一区3幢"),
        ("王伟", "grid_worker", "王伟"),
        ("ww", "grid_worker", "王伟"),
        ("小学", "poi", "长寿桥小学"),
        ("食品", "organisation", "杭州柳营食品有限公司"),
        ("91330103ma", "organisation", "杭州柳营食品有限公司"),
        ("路灯", "component", "路灯"),
        ("ld", "component", "路灯"),
        ("33010301037", "component", "路灯"),
        ("垃圾", "event", "暴露垃圾"),
        ("20261121", "event", "暴露垃圾"),
    ],
)
def test_found_first(find: Find, query: str, kind: str, title: str) -> None:
    hits = find(query)
    assert hits, query
    assert (hits[0].kind, hits[0].title) == (kind, title)
    assert hits[0].kind_title and hits[0].point is not None


def test_nothing_outside_the_scope(find: Find, database: Database) -> None:
    for query in ("王伟", "路灯", "垃圾", "凤起路", "小学", "食品", "第1网格", "3301"):
        assert all(
            hit.place.startswith(world.STREET) or world.STREET.startswith(hit.place) for hit in find(query)
        ), query
        assert len(find(query, "330103")) > len(find(query)), query
    assert find("武林街道") == []


def test_regions_above_the_scope_are_found(find: Find) -> None:
    assert find("下城区")[0].id == "330103"


def test_ids_open_profiles(find: Find, database: Database, reader: Callable[..., Reader]) -> None:
    from gisapp.services.profiles import profile_of

    for query in ("长庆", "第1网格", "朝晖一区", "凤起路", "王伟", "小学", "食品", "路灯", "垃圾"):
        hit = find(query)[0]
        assert profile_of(database, reader(Role.MANAGER, world.STREET), hit.kind, hit.id)["title"]


def test_nearer_comes_first(find: Find) -> None:
    west = find("小学", "330103", centre=(120.162, 30.272))
    east = find("小学", "330103", centre=(120.172, 30.272))
    assert [hit.place for hit in west] == [hit.place for hit in reversed(east)]
    assert west[0].place == world.GRID


def test_kinds_narrow(find: Find) -> None:
    assert {hit.kind for hit in find("凤起路", kinds=("address",))} == {"address"}
    with pytest.raises(InputError, match="person"):
        find("王", kinds=("person",))


@pytest.mark.parametrize("query", ["", "  ", "%", "_", "'", "\\", "a" * 200, "\u200b", "，。", "() & | !"])
def test_odd_queries_are_harmless(find: Find, query: str) -> None:
    assert find(query) == []


@pytest.mark.parametrize(
    ("query", "said"),
    [("a" * 201, "搜索词有 201 个字符，超过上限 200"), ("a\x00", "U+0000"), ("\ud800", "U+D800")],
)
def test_queries_that_no_text_is_are_refused(find: Find, query: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        find(query)


def test_people_are_not_found(find: Find) -> None:
    assert find("欧阳测试") == [] and find("9900001950") == []


def test_a_second_refresh_changes_nothing(database: Database) -> None:
    def entries() -> list[tuple[object, ...]]:
        with database.begin(SYSTEM) as connection:
            return [
                tuple(row)
                for row in connection.execute(
                    text("SELECT id, kind, place, title FROM search_entry ORDER BY id")
                )
            ]

    before = entries()
    with database.begin(SYSTEM) as connection:
        derived.refresh(connection, ["330103"])
    assert entries() == before


def test_a_refresh_follows_the_registers(database: Database, find: Find) -> None:
    with database.begin(SYSTEM) as connection:
        connection.execute(text("UPDATE poi SET name = '青春中学' WHERE place = :p"), {"p": world.GRID})
        ids = list(connection.scalars(text("SELECT id FROM poi WHERE place = :p"), {"p": world.GRID}))
        derived.refresh_entries(connection, "poi", ids)
    assert find("qczx")[0].title == "青春中学" and not [hit for hit in find("小学") if hit.kind == "poi"]
    with database.begin(SYSTEM) as connection:
        connection.execute(text("DELETE FROM poi WHERE place = :p"), {"p": world.GRID})
        derived.refresh(connection, [world.STREET])
    assert find("青春中学") == []


def test_a_reader_refreshes_within_the_scope_only(database: Database, reader: Callable[..., Reader]) -> None:
    def kinds(prefix: str) -> int:
        with database.begin(SYSTEM) as connection:
            return int(
                connection.execute(
                    text("SELECT count(*) FROM search_entry WHERE place ^@ :p"), {"p": prefix}
                ).scalar_one()
            )

    before = kinds(world.OTHER)
    with database.begin(reader(Role.MANAGER, world.STREET)) as connection:
        derived.refresh_search(connection, [""])
    assert kinds(world.OTHER) == before > 0
