-- Purpose: count the closed cases by cell of zoom 18, 16 and 14, by grid, and by local month of reporting (null: of all
--   time), within some prefixes.
-- Parameters: prefixes (text[]).
-- Index used: ix_event_place where a prefix is narrow, else none.
WITH gone AS (
  DELETE FROM onemap.case_density WHERE place ^@ ANY(CAST(:prefixes AS text[]))
), fine AS MATERIALIZED (
  SELECT place, date_trunc('month', reported_at AT TIME ZONE 'Asia/Shanghai')::date AS month, tile_key >> 8 AS cell,
         count(*) AS n, sum(st_x(geom)) AS x, sum(st_y(geom)) AS y
    FROM onemap.event
   WHERE closed_at IS NOT NULL AND place ^@ ANY(CAST(:prefixes AS text[]))
   GROUP BY 1, 2, 3
), middle AS MATERIALIZED (
  SELECT place, month, cell >> 4 AS cell, sum(n) AS n, sum(x) AS x, sum(y) AS y FROM fine GROUP BY 1, 2, 3
), coarse AS (
  SELECT place, month, cell >> 4 AS cell, sum(n) AS n, sum(x) AS x, sum(y) AS y FROM middle GROUP BY 1, 2, 3
), monthly AS MATERIALIZED (
  SELECT 18 AS zoom, * FROM fine UNION ALL SELECT 16, * FROM middle UNION ALL SELECT 14, * FROM coarse
), every AS (
  SELECT zoom, place, month, cell, n, x, y FROM monthly
  UNION ALL SELECT zoom, place, NULL, cell, sum(n), sum(x), sum(y) FROM monthly GROUP BY zoom, place, cell
)
INSERT INTO onemap.case_density (place, month, cell_zoom, n, geom)
SELECT place, month, zoom, n, st_setsrid(st_makepoint(x / n, y / n), 4490) FROM every
 ORDER BY zoom, month, cell
