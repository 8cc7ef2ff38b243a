"""GeoJSON features of a layer's source."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from gisapp.store.tiles import TilePart, features_statement


def fetch_features(
    connection: Connection,
    part: TilePart,
    box: tuple[float, float, float, float],
    given: Mapping[str, str],
    limit: int,
) -> list[str]:
    """Features of a part within a box (west, south, east, north, degrees), each as one JSON text.

    Raises:
        InputError: a value does not look as it must.
    """
    statement = features_statement(part, box, given, limit)
    # Built with checked literals; nothing in it stands for a bound value.
    rows = connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    return [str(row[0]) for row in rows]
