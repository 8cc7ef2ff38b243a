"""Functions of the schema find what they name whatever the caller's search path is; a restore runs with an empty one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, create_engine, text

from gisapp.errors import Conflict
from gisapp.store import roles
from gisapp.store.database import engine_url
from gisapp.store.migrate import upgrade

NAMES_IN_FULL = {"tile_key(geometry)"}
"""Names everything in full instead, because it runs once a row; the tests below call it with hostile search paths."""

POINT = "public.st_setsrid(public.st_makepoint(120.16, 30.27), 4490)"
SQUARE = "public.st_makeenvelope(120.15, 30.26, 120.17, 30.28, 4490)"


@pytest.fixture
def owner(admin_url: str) -> Iterator[Connection]:
    """A transaction of the owner's, rolled back at the end."""
    engine = create_engine(engine_url(admin_url))
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


def test_every_function_has_a_fixed_search_path(owner: Connection) -> None:
    owner.execute(text("SET LOCAL search_path = public"))
    found = owner.execute(
        text(
            "SELECT p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name, prosqlbody IS NOT NULL "
            "OR EXISTS (SELECT FROM unnest(proconfig) c WHERE c LIKE 'search_path=%') AS fixed "
            "FROM pg_proc p WHERE pronamespace = 'onemap'::regnamespace"
        )
    ).all()
    assert len(found) >= 12
    open_ones = {name.replace("(g ", "(") for name, fixed in found if not fixed}
    assert open_ones == NAMES_IN_FULL, "give a new function SET search_path, or a body in standard SQL"


def test_what_policies_and_generated_columns_rest_on_needs_no_search_path(owner: Connection) -> None:
    owner.execute(
        text("SELECT set_config('onemap.scopes', '{33}', true), set_config('onemap.reader', '7', true)")
    )
    question = text(
        f"SELECT onemap.tile_key({POINT}), onemap.tile_key({SQUARE}), onemap.scopes(), onemap.reader_id()"
    )
    before = owner.execute(question).one()
    assert before[0] == before[1], "the square's representative point lies in its middle"
    assert before[2:] == (["33"], 7)
    owner.execute(text("SET LOCAL search_path = ''"))
    assert owner.execute(question).one() == before


def test_a_function_of_another_schema_is_not_called_in_their_place(owner: Connection) -> None:
    owner.execute(text("CREATE SCHEMA trap"))
    for name, kind in (("geometrytype", "text"), ("st_x", "double precision"), ("st_y", "double precision")):
        owner.execute(
            text(
                f"CREATE FUNCTION trap.{name}(public.geometry) RETURNS {kind} LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'trapped'; END $$"
            )
        )
    owner.execute(text("SET LOCAL search_path = trap, public"))
    assert owner.scalar(text(f"SELECT onemap.tile_key({POINT})")) > 0


def test_lost_grants_and_leakproof_marks_are_made_again(admin_url: str, app_role: str) -> None:
    """What a dump does not hold: marks on the server's own functions, and grants to a role of another name."""
    marks = text(
        "SELECT count(*) FROM pg_proc WHERE proleakproof AND oid IN "
        "('public.geometry_overlaps(geometry, geometry)'::regprocedure, 'textlike(text, text)'::regprocedure, "
        "'arraycontains(anyarray, anyarray)'::regprocedure)"
    )
    privileges = text(
        "SELECT has_schema_privilege(:role, 'onemap', 'USAGE'), has_table_privilege(:role, 'onemap.event', 'INSERT'), "
        "has_function_privilege(:role, 'onemap.scopes()', 'EXECUTE'), has_column_privilege(:role, 'onemap.person', 'name', "
        "'SELECT'), has_table_privilege(:role, 'onemap.look', 'DELETE')"
    )
    engine = create_engine(engine_url(admin_url))
    with engine.begin() as connection:
        assert connection.scalar(marks) == 3
        assert connection.execute(privileges, {"role": app_role}).one() == (True, True, True, False, False)
        for name in ("public.geometry_overlaps(geometry, geometry)", "textlike(text, text)"):
            connection.execute(text(f"ALTER FUNCTION {name} NOT LEAKPROOF"))
        connection.execute(text(f"DROP OWNED BY {app_role}"))
        assert connection.execute(privileges, {"role": app_role}).one()[:2] == (False, False)
    upgrade(admin_url, app_role)
    with engine.begin() as connection:
        assert connection.scalar(marks) == 3
        assert connection.execute(privileges, {"role": app_role}).one() == (True, True, True, False, False)
    engine.dispose()


def test_postgis_in_another_schema_is_refused_with_words(
    fresh_database: Callable[[], str], app_role: str
) -> None:
    url = fresh_database()
    engine = create_engine(engine_url(url))
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA shapes"))
        connection.execute(text("CREATE EXTENSION postgis SCHEMA shapes"))
    with pytest.raises(Conflict, match="shapes") as refused:
        upgrade(url, app_role)
    assert "SCHEMA public" in str(refused.value.remedy)
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT to_regnamespace('onemap')")) is None
    engine.dispose()


@pytest.fixture
def fresh_database(server_url: str, app_role: str) -> Iterator[Callable[[], str]]:
    """A function that makes an empty database and gives its address."""
    made: list[str] = []

    def make() -> str:
        address = engine_url(server_url).set(drivername="postgresql", database="onemap_elsewhere_test")
        url = address.render_as_string(hide_password=False)
        roles.ensure_database(url)
        made.append(str(address.database))
        return url

    yield make
    engine = create_engine(engine_url(server_url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in made:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    engine.dispose()
