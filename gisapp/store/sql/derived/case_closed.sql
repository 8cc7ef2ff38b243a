-- Purpose: add one case that was closed to the cells that it lies in: three sizes, each for its month and for all time.
-- Parameters: place (text), lon and lat (degrees), reported_at (timestamptz).
-- Index used: ix_case_density_place.
WITH one AS (
  SELECT CAST(:place AS text) AS place, st_setsrid(st_makepoint(:lon, :lat), 4490) AS geom,
         date_trunc('month', CAST(:reported_at AS timestamptz) AT TIME ZONE 'Asia/Shanghai')::date AS month
), wanted AS (
  SELECT one.place, one.geom, m.month, z.zoom, onemap.tile_key(one.geom) >> (2 * (22 - z.zoom)) AS cell
    FROM one CROSS JOIN (VALUES (14), (16), (18)) AS z(zoom) CROSS JOIN LATERAL (VALUES (one.month), (NULL)) AS m(month)
), grown AS (
  UPDATE onemap.case_density d
     SET n = d.n + 1,
         geom = st_setsrid(st_makepoint((d.n * st_x(d.geom) + st_x(w.geom)) / (d.n + 1),
                                        (d.n * st_y(d.geom) + st_y(w.geom)) / (d.n + 1)), 4490)
    FROM wanted w
   WHERE d.place = w.place AND d.cell_zoom = w.zoom AND d.month IS NOT DISTINCT FROM w.month
     AND d.tile_key >> (2 * (22 - w.zoom)) = w.cell
  RETURNING w.zoom, w.month
)
INSERT INTO onemap.case_density (place, month, cell_zoom, n, geom)
SELECT w.place, w.month, w.zoom, 1, w.geom FROM wanted w
 WHERE NOT EXISTS (SELECT FROM grown g WHERE g.zoom = w.zoom AND g.month IS NOT DISTINCT FROM w.month)
