"""Rows with geometry into PostGIS: binary COPY of whole columns against geopandas.to_postgis, in one run.

Run as ``python -m tests.bench.load [--json] [--rows N] [--import]``. Both start from the same GeoDataFrame of points with
seven attributes and fill the same columns of an empty table without indexes. ``--import`` also sends the rows through the
whole importer as a CSV file: checks, place keys, comparison and all indexes of the register included.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from sqlalchemy import Engine, create_engine, text

from gisapp.store.copying import copy_frame
from gisapp.store.database import engine_url

_TABLE = "bench_load"
_COLUMNS = (
    "id bigint, code text, type_code text, state text, name text, height double precision, "
    "checked_at timestamptz, geometry geometry(Point, 4490)"
)


def make_frame(rows: int) -> gpd.GeoDataFrame:
    """Components of a district: the same for the same number of rows."""
    rng = np.random.default_rng(7)
    number = np.arange(rows)
    kinds = np.array(["01037", "04002", "04007", "01023", "02014"], dtype=object)[rng.integers(0, 5, rows)]
    days = np.datetime64("2024-01-01T00:00:00") + rng.integers(0, 31_536_000, rows).astype("timedelta64[s]")
    return gpd.GeoDataFrame(
        {
            "id": number,
            "code": [f"330103{kind}{i:07d}" for kind, i in zip(kinds, number, strict=True)],
            "type_code": kinds,
            "state": np.array(["good", "damaged"], dtype=object)[(rng.random(rows) < 0.03).astype(int)],
            "name": [f"部件{i}号" for i in number],
            "height": np.round(rng.normal(6, 2, rows), 2),
            "checked_at": pd.Series(days).dt.tz_localize("UTC"),
        },
        geometry=gpd.points_from_xy(rng.uniform(120.14, 120.22, rows), rng.uniform(30.25, 30.35, rows)),
        crs=4490,
    )


def _peer(engine: Engine, frame: gpd.GeoDataFrame) -> None:
    frame.to_postgis(_TABLE, engine, if_exists="append", index=False)


def _ours(engine: Engine, frame: gpd.GeoDataFrame) -> None:
    with engine.begin() as connection:
        columns = {name: frame[name] for name in frame.columns if name != "geometry"}
        copy_frame(connection, _TABLE, {**columns, "geometry": frame.geometry.to_numpy()})


def _seconds(
    engine: Engine, frame: gpd.GeoDataFrame, load: Callable[[Engine, gpd.GeoDataFrame], None]
) -> float:
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE IF EXISTS {_TABLE}"))
        connection.execute(text(f"CREATE TABLE {_TABLE} ({_COLUMNS})"))
    start = time.perf_counter()
    load(engine, frame)
    took = time.perf_counter() - start
    with engine.begin() as connection:
        stored = connection.execute(
            text(f"SELECT count(*), count(geometry), sum(id), min(ST_SRID(geometry)) FROM {_TABLE}")
        ).one()
        connection.execute(text(f"DROP TABLE {_TABLE}"))
    if tuple(map(int, stored)) != (len(frame), len(frame), int(frame["id"].sum()), 4490):
        raise RuntimeError(f"not what was sent: {stored}")
    return took


def _import_rate(url: str, frame: gpd.GeoDataFrame) -> dict[str, Any]:
    """The whole importer, a first time and a second one, which must change nothing."""
    from gisapp.domain.access import SYSTEM
    from gisapp.domain.keys import PlaceKey
    from gisapp.services.importing.locating import Fallback
    from gisapp.services.importing.order import Order
    from gisapp.services.importing.run import import_layer
    from gisapp.store.database import Database

    found: dict[str, Any] = {}
    database = Database(url)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench_load.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(["编号", "部件小类", "名称", "经度", "纬度"])
            points = frame.geometry
            out.writerows(
                zip(frame["code"], frame["type_code"], frame["name"], points.x, points.y, strict=True)
            )
        order = Order("components", path, "CGCS2000", fallback=Fallback(PlaceKey("990001"), "性能测试"))
        for word in ("first", "second"):
            start = time.perf_counter()
            outcome = import_layer(database, SYSTEM, order)
            found[f"import_{word}_rows_per_s"] = round(len(frame) / (time.perf_counter() - start))
            found[f"import_{word}_added"] = outcome.added
    database.close()
    return found


def measure(rows: int = 1_000_000, *, whole: bool = False, repeat: int = 3) -> dict[str, Any]:
    """Rows per second of each and their ratio (the best of interleaved runs, which other work on the machine disturbs least)."""
    url = os.environ["ONEMAP_TEST_DATABASE_URL"]
    engine = create_engine(engine_url(url))
    frame = make_frame(rows)
    peer, ours = [], []
    for _ in range(repeat):
        ours.append(_seconds(engine, frame, _ours))
        peer.append(_seconds(engine, frame, _peer))
    found = {
        "bench": "load",
        "rows": rows,
        "peer": f"geopandas {gpd.__version__} to_postgis",
        "peer_rows_per_s": round(rows / min(peer)),
        "ours_rows_per_s": round(rows / min(ours)),
        "ratio": round(min(peer) / min(ours), 1),
        "repeat": repeat,
    }
    engine.dispose()
    return found | (_import_rate(url, frame) if whole else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON only")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--import", dest="whole", action="store_true", help="also the whole importer")
    given = parser.parse_args()
    found = measure(given.rows, whole=given.whole, repeat=given.repeat)
    print(json.dumps(found, ensure_ascii=False, indent=None if given.json else 2))


if __name__ == "__main__":
    main()
