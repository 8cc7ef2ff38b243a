-- Purpose: things of one table that do not have the key of the grid in force that they lie in: id, key, and the right key
--   (null where no grid holds them). What lies well inside its own grid is right, because grids tile; only the rest is looked
--   up: the lowest code among the grids that contain its point or have it on their border. A point on the border of two
--   communities can come to lie beside its grid by less than 0.1 mm when that border gets a corner; it stays where it is.
--   {table}, {point} and {condition} are filled in by gisapp.store.grid_checks from the families of grid_rekeying.
-- Parameters: prefix (place key that narrows, empty for all).
-- Index used: ix_grid_geom.
WITH doubtful AS MATERIALIZED (
  SELECT t.id, t.place, t.point, own.geom AS own
    FROM (SELECT id, place, {point} AS point FROM onemap.{table}
           WHERE place ^@ CAST(:prefix AS text) AND {condition}) AS t
    LEFT JOIN onemap.grid own ON own.place = t.place AND own.valid_to IS NULL
   WHERE NOT coalesce(ST_ContainsProperly(own.geom, t.point), false)
),
judged AS (
  SELECT d.*, (SELECT min(g.place) FROM onemap.grid g
                WHERE g.valid_to IS NULL AND g.geom && d.point AND ST_Intersects(g.geom, d.point)) AS code
    FROM doubtful d
)
SELECT CAST(id AS text) AS id, place AS stored, code AS wanted
  FROM judged
 WHERE place IS DISTINCT FROM code
   AND NOT (code IS NULL AND length(place) < 15)
   AND NOT coalesce(ST_DWithin(own, point, 2e-9)
                    AND (NOT ST_Intersects(own, point) OR left(code, 12) <> left(place, 12)), false)
 ORDER BY judged.id
