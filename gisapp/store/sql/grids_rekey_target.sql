-- Purpose: for the things of one table that stand in changed ground, the grid that each belongs to now: the lowest code
--   among the new grids that contain its point or have it on their border; where none does, the heir of its own grid if
--   that one vanished. Beginning of two statements, continued by grids_rekey_update.sql or grids_rekey_count.sql.
--   {table}, {point} and {condition} are filled in by gisapp.store.grid_rekeying from its own constants.
-- Parameters: community, touched (text[], old codes whose ground changed), codes and shapes (text[], new grids, hex
--   WKB in EPSG:4490), vanished and heirs (text[], same order).
-- Index used: ix_<table>_place.
WITH ground AS MATERIALIZED (
  SELECT code, ST_SetSRID(shape::geometry, 4490) AS geom
    FROM unnest(CAST(:codes AS text[]), CAST(:shapes AS text[])) AS g(code, shape)
),
thing AS MATERIALIZED (
  SELECT id, place, {point} AS point
    FROM onemap.{table}
   WHERE place = ANY(CAST(:touched AS text[]) || CAST(:community AS text)) AND {condition}
),
hit AS (
  SELECT DISTINCT ON (near.id) near.id, ground.code
    FROM ground CROSS JOIN LATERAL (
      SELECT thing.id FROM thing
       WHERE thing.point && ground.geom AND ST_Intersects(ground.geom, thing.point) OFFSET 0) AS near
   ORDER BY near.id, ground.code
),
target AS (
  SELECT thing.id, thing.place, coalesce(hit.code, heir.code) AS code
    FROM thing
    LEFT JOIN hit ON hit.id = thing.id
    LEFT JOIN unnest(CAST(:vanished AS text[]), CAST(:heirs AS text[])) AS heir(place, code)
      ON heir.place = thing.place
)
