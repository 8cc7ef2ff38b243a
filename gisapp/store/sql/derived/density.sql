-- Purpose: count the things of table component by cell of zoom 20, 18 and 16 and by grid, within some prefixes.
-- Parameters: prefixes (text[]).
-- Index used: ix_component_place where a prefix is narrow, else none.
WITH gone AS (
  DELETE FROM onemap.density WHERE layer = 'component' AND place ^@ ANY(CAST(:prefixes AS text[]))
), fine AS MATERIALIZED (
  SELECT c.place, c.tile_key >> 4 AS cell, count(*) AS n, sum(st_x(c.p)) AS x, sum(st_y(c.p)) AS y
    FROM (
      SELECT place, tile_key, CASE WHEN geometrytype(geom) = 'POINT' THEN geom ELSE st_pointonsurface(geom) END AS p
        FROM onemap.component
       WHERE place ^@ ANY(CAST(:prefixes AS text[]))
    ) c
   GROUP BY 1, 2
), middle AS MATERIALIZED (
  SELECT place, cell >> 4 AS cell, sum(n) AS n, sum(x) AS x, sum(y) AS y FROM fine GROUP BY 1, 2
), coarse AS (
  SELECT place, cell >> 4 AS cell, sum(n) AS n, sum(x) AS x, sum(y) AS y FROM middle GROUP BY 1, 2
), every AS (
  SELECT 20 AS zoom, * FROM fine UNION ALL SELECT 18, * FROM middle UNION ALL SELECT 16, * FROM coarse
)
INSERT INTO onemap.density (layer, place, cell_zoom, n, geom)
SELECT 'component', place, zoom, n, st_setsrid(st_makepoint(x / n, y / n), 4490) FROM every
 ORDER BY zoom, cell
